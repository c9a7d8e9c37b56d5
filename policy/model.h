/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The linear program of a house: which columns and rows a problem becomes. Powers in kW, energies
 * in kWh, so that the solver's numbers stay near one.
 *
 * Where the linear program's answer cheats, binaries that forbid it are added, and rows that the
 * possible answers keep; it is then solved on from where it was.
 *
 * The grid ties the assets of a step together (model_grid.c); each kind of asset is one file with
 * what it adds to the program, what it must not do, and what of the answer becomes the plan. */
#ifndef LECD_POLICY_MODEL_H
#define LECD_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/lp.h"
#include "policy/heater.h"
#include "policy/pauses.h"
#include "policy/plan.h"
#include "policy/problem.h"

enum { NO_COLUMN = -1, NO_ROW = -1, PEAK_ROWS = 3, TAKEN_ROWS = 5 };

/* Which of a column's guesses says what: what the last plan does; what would be best at the prices
 * of the relaxation; that pulled nearer to the relaxation; what a plan does that was made without a
 * solver. */
enum { GUESS_LAST, GUESS_PRICES, GUESS_PRICES_PULLED, GUESS_STAGED };

/* What the linear program may not do in one step although it would like to: a binary forbids it. */
struct split {
	bool battery[BATTERIES_MAX]; /* charge and discharge */
	bool ev[EVS_MAX];            /* that too, and charge with less than it can */
	bool trip[EVS_MAX];          /* come back with more than is left of it */
	bool load[LOADS_MAX];        /* be on in part; a block: all of a run's starts */
	bool thermal[THERMALS_MAX];  /* be on in part */
	bool shift[SHIFTS_MAX];      /* take more and less */
	bool grid;                   /* buy and sell */
	bool surplus;                /* curtail PV and charge from the grid what may not */
	bool leftover;               /* discharge what may not into the grid */
};

/* The columns and rows of one step; powers in kW, energies in kWh. NO_COLUMN where there is none.
 */
struct step_columns {
	int bought, sold; /* beyond what was traded */
	int import;       /* where anything depends on it */
	int curtailed;    /* where PV is curtailable */
	int charge[BATTERIES_MAX], discharge[BATTERIES_MAX], stored[BATTERIES_MAX];
	int storage_row[BATTERIES_MAX];
	int ev_row[EVS_MAX], run_row[LOADS_MAX], heat_row[THERMALS_MAX];
	int ev_charge[EVS_MAX], ev_discharge[EVS_MAX];
	int ev_charging[EVS_MAX]; /* whether it does: where anything depends on it */
	int ev_stored[EVS_MAX], ev_left[EVS_MAX]; /* at the end; after the trip that ends here */
	int run[LOADS_MAX];   /* share of its power; a block: whether it starts here */
	int start[LOADS_MAX]; /* of another load whose starts cost */
	int unmet[LOADS_MAX]; /* of the run that begins here: its row is run_row */
	int whole[LOADS_MAX], part[LOADS_MAX]; /* whether it is on so: where that is forbidden */
	int heat[THERMALS_MAX];                /* share of its power */
	int inside[THERMALS_MAX], under[THERMALS_MAX], over[THERMALS_MAX]; /* K from low_c */
	int more[SHIFTS_MAX], less[SHIFTS_MAX];
	int moved[SHIFTS_MAX]; /* taken more in all, at the step's end */
	int shift_row[SHIFTS_MAX];
	int peak_row[PEAK_ROWS], peak_rows;
	/* Rows that hold what the assets but batteries take, and how often. */
	int taken_row[TAKEN_ROWS], taken_rows;
	double taken_factor[TAKEN_ROWS];
	double bought_max, sold_max;
	double charge_max[BATTERIES_MAX], discharge_max[BATTERIES_MAX];
	double ev_charge_max[EVS_MAX], ev_discharge_max[EVS_MAX];
	double ev_low[EVS_MAX], ev_high[EVS_MAX]; /* what can be stored at the end */
	/* What all but batteries take at least and at most, and give at most. */
	double taken_min, taken_max, given_max;
};

/* The objective's weights: of money, of an imported kWh, of the soft prices, between equals. */
struct weights {
	struct soft_prices soft;
	double money, imported, dear, tie;
};
struct weights model_weights(const struct problem *p);

/* Zeroed before its first use. */
struct model {
	const struct problem *p;
	struct lp lp;
	struct weights weight;
	double begin_h[STEPS_MAX + 1]; /* of each step, since the first; the end */
	int peak, worst_import, worst_export;
	int64_t period; /* the last demand period that has a row */
	int period_row;
	struct step_columns at[STEPS_MAX];
	struct split split[STEPS_MAX];
	/* Working room of the cuts. */
	struct heater heater;
	struct heater_plan heater_plan;
	struct pauses pauses;
	struct pauses_plan pauses_plan;
};

/* Turn to p, which passed problem_check and stays in use; nothing is split. */
void model_start(struct model *m, const struct problem *p);
void model_free(struct model *m);

/* Write the program into m->lp, without binaries. */
void model_build(struct model *m);

/* Let the batteries that can move have kwh together when the first step ends, or what is nearest to
 * that by their own limits. */
void model_wish(struct model *m, double kwh);

/* Find what the last answer did that is impossible and forbid it there; return how much of it is
 * new. */
int model_forbid_cheats(struct model *m);
/* Forbid all that is impossible, everywhere. */
void model_forbid_all(struct model *m);
/* Add rows that bring the relaxation nearer to what is possible; return how many. */
int model_cut(struct model *m);
bool model_is_split(const struct model *m);
/* Let the first solve start near a plan; where that does not reach, from rest. */
void model_start_near(struct model *m, const struct plan *plan);
/* Guess the binaries as another plan has them, by time: what it does not reach stays open. The plan
 * need not be one for this house. */
void model_guess_as(struct model *m, const struct plan *plan, int guess);

/* The answer as slots, made possible to the last bit. */
void model_take(const struct model *m, struct plan *out);

/* What all assets but batteries take in a slot in which they are planned, W. */
double model_taken_w(const struct problem *p, const struct plan_slot *slot);

/* What the objective holds beyond the costs: the prices between equals, and what the preference for
 * the near took off. */
double model_extra(const struct model *m);

/* The prices of a step as they weigh now: what is near is surer than what is far. Buying gets a
 * little cheaper with time and selling a little better, never better than buying. */
void model_prices(const struct problem *p, int t, double *buy, double *sell);

#endif
