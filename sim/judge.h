/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a community comes to under someone who decides for its homes, through some days; and those
 * who are judged beside a learned policy. Money is what homes pay, wear included, less the worth of
 * what their batteries hold more than at the beginning, at the days' mean price. */
#ifndef LECD_SIM_JUDGE_H
#define LECD_SIM_JUDGE_H

#include <stdint.h>

#include "sim/community_env.h"

/* Who decides: fill in act[] by home from what is to be known. */
struct decider {
	const char *name;
	void (*decide)(void *context, const struct community_env *e, struct community_act *act);
	void *context;
};

struct class_shares {
	double buy, sell, refrain; /* of the class's intervals; sum 1 */
};

enum { JUDGE_HOURS = 24 };

struct judgement {
	double cost;
	double import_kwh, export_kwh; /* of all meters */
	/* Of the community as one, behind one meter, and what that would pay without wear. */
	double netted_import_kwh, netted_export_kwh, netted_cost;
	double peak_kw, peak_export_kw;   /* of the community's daily highest nets: the means */
	double ramp_kw;                   /* mean change of its net from an interval to the next */
	double local_kwh;                 /* settled among neighbours */
	double local_share;               /* of all that homes drew */
	double jain;                      /* of savings by home, see judge_fairness; NaN: none */
	double least_saving, most_saving; /* of a home, as judge_fairness sees them; NaN: none */
	double price_mean,
		price_deviation;     /* of the local price where there was trade; NaN: none */
	double volume_deviation_kwh; /* of what a home on average trades in an interval */
	int64_t violations;          /* limits broken: what must be 0 */
	struct class_shares shares[CLASS_COUNT];
	/* By hour of the local day. */
	double hour_price[JUDGE_HOURS];     /* mean of the local price; NaN: no trade */
	double hour_local_kwh[JUDGE_HOURS]; /* mean of what is bought among neighbours */
};

/* Run from step `from` to before `to`. home_cost: by home, out. Returns 0, or as
 * community_env_step. */
int judge(struct community_env *e, int from, int to, const struct decider *who,
	  struct judgement *out, double *home_cost);

/* Fill in, of what each home saves against `than` as a share of its turnover: Jain's index by
 * daemon/base/fairness.h, where savings below 0 count as 0, and the least and the most. */
void judge_fairness(const double *home_cost, const double *than, const double *turnover, int homes,
		    struct judgement *out);

/* What each home would pay and be paid with a battery at rest and the utility alone, both counted
 * positive: unlike its cost, it is never near 0. home_turnover: by home, out. */
void judge_turnover(const struct community_env *e, int from, int to, double *home_turnover);

/* What a kWh that is still stored at the end is worth. */
double judge_stored_worth(const struct community_env *e, int from, int to);

/* Batteries rest, nobody trades. */
extern const struct decider judge_no_control;
/* Batteries serve their homes; with the utility alone, and on the market at the middle price. */
extern const struct decider judge_utility_only, judge_rules;
/* The same, at a price drawn anywhere between the utility's: Gode and Sunder 1993. */
struct decider judge_zero_intelligence(uint64_t *seed);

/* The least that the community can cost through these days where everything is known before and
 * homes are one: a linear programme, below what any policy reaches. Returns 0 or as lp_relax. */
int judge_optimum(const struct community_env *e, int from, int to, int64_t deadline_us,
		  double *cost);
/* The same of each home for itself, with the utility alone. home_cost: by home, out. */
int judge_optimum_alone(const struct community_env *e, int from, int to, int64_t deadline_us,
			double *home_cost);

#endif
