/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the model: one per kind of asset, and the grid. For the model's own files. */
#ifndef LECD_POLICY_MODEL_ASSET_H
#define LECD_POLICY_MODEL_ASSET_H

#include "policy/model.h"

/* A kind of asset; i counts those of the problem. */
struct model_asset {
	int (*count)(const struct problem *p);
	/* Find what i can do in each step, and add it to taken_min, taken_max and given_max. */
	void (*bound)(struct model *m, int i);
	/* Write its columns and rows. */
	void (*build)(struct model *m, int i);
	/* Write what it takes or gives (NULL: nothing) in step t into a row, times factor. */
	void (*take)(struct model *m, int i, int t, int row, double factor);
	void (*give)(struct model *m, int i, int t, int row, double factor);
	/* Whether it cannot have any power between none and some, all the time (NULL: it can). */
	bool (*is_on_off)(const struct problem *p, int i);
	/* Whether the answer does in step t what is impossible. */
	bool (*cheats)(const struct model *m, int i, int t);
	/* Forbid that there (or all about it) with binaries; return how much of it is new. */
	int (*forbid)(struct model *m, int i, int t);
	/* Add rows that no possible answer breaks but the last one does (NULL: there are none);
	 * return how many. */
	int (*cut)(struct model *m, int i);
	/* Pair its rows of step t near a slot of another plan; NULL: none is known. What can give
	 * way beyond that may be paired with the balance's row. */
	void (*pair)(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row);
	/* Guess its binaries in step t from a slot of another plan for that time; before: from that
	 * of the step before, NULL where there is none. (NULL: it has no guess.) */
	void (*guess)(struct model *m, int i, int t, int guess, const struct plan_slot *slot,
		      const struct plan_slot *before);
	/* Write its answer into the slots. */
	void (*plan)(const struct model *m, int i, struct plan *out);
};

extern const struct model_asset model_battery, model_ev, model_load, model_thermal, model_shift;

/* Groups of binaries; those of assets count on from there. */
enum {
	GROUP_GRID = 1,
	GROUP_BATTERY = 100,
	GROUP_EV = 200,
	GROUP_LOAD = 300,
	GROUP_THERMAL = 400,
	GROUP_SHIFT = 500
};

/* Of a load that may pause (model_load_cut.c): its cut, and whether it is guessed to be on in t. */
int model_load_cut(struct model *m, int i);
void model_load_guess(struct model *m, int i, int t, int guess, enum pauses_choice choice);

/* The grid of a step, before and after the assets' columns. */
void model_grid_bound(struct model *m, int t);
void model_grid_build(struct model *m, int t);
void model_grid_tie(struct model *m, int t);
void model_grid_pair(struct model *m, int t, const struct plan_slot *slot, int balance_row);
int model_grid_forbid_cheats(struct model *m, int t);
int model_grid_forbid(struct model *m, int t);
void model_grid_plan(const struct model *m, int t, struct plan_slot *slot);

/* All that the assets but batteries take, into a row. */
void model_add_taken(struct model *m, int t, int row, double factor);

/* Either a or b is above zero. */
void model_add_either(struct model *m, int group, int a, double a_max, int b, double b_max);

/* What taking one kW more throughout step t would cost, by the last answer. */
double model_price(const struct model *m, int t);

/* What a column costs in the last answer, with so much more for each of it; written into a row as
 * well, but for NO_ROW. */
double model_weigh(struct model *m, int row, int column, double more);

/* What differing from the last answer costs a kW and step where a guess is made: of ways that cost
 * nearly the same, the one that suits what the others do. */
double model_pull(const struct model *m, int guess);

/* How far the last answer must be beyond a cut that bounds a cost. */
double model_cut_depth(const struct model *m);

/* Whether x is between a column's bounds. Where it is not, the column rests there. */
bool model_gives(struct model *m, int column, double x);

/* Guess that a binary is on or off. Nothing for NO_COLUMN. */
void model_guess(struct model *m, int column, int guess, bool on);

/* The answer of a column, 0 for NO_COLUMN. */
double model_x(const struct model *m, int column);

/* Whether both are above zero by more than the solver's dust. */
bool model_both(double a, double a_max, double b, double b_max);

/* Set a split; returns whether that is new. */
bool model_split(bool *split);

/* Whether a share is neither 0 nor 1, but for the solver's dust. */
bool model_is_partial(double share);

/* The solver's dust: kW, and relative. */
static const double model_slack = 1e-6;

#endif
