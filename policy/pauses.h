/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a load that may pause is on, at the least cost, where power has a price in each step and
 * each start costs: by an exact dynamic programme over the steps that are left to serve.
 *
 * Within a run all steps are of equal length. A run then takes so many whole steps and at most one
 * in part: since the cost of a part is linear in it, the part is what the whole steps leave of the
 * duration, or nothing. */
#ifndef LECD_POLICY_PAUSES_H
#define LECD_POLICY_PAUSES_H

#include <stdbool.h>

#include "policy/assets.h"

struct pauses_run {
	int first, end; /* steps; rising from run to run, without overlap */
	int whole;      /* whole steps to serve, 0..end - first */
	double part;    /* and this share of one more; 0: none */
};

struct pauses {
	int runs;
	double start_cost;      /* >= 0 */
	double unmet_cost;      /* of a whole step that is not served, >= 0 */
	bool running;           /* on before the first step */
	double cost[STEPS_MAX]; /* of a whole step on, of any sign */
	struct pauses_run run[RUNS_MAX];
};

enum pauses_choice { PAUSES_OFF, PAUSES_PART, PAUSES_ON };

/* Left to serve: whole steps; whether the part is; whether it was on for the whole step before. */
struct pauses_costs {
	double left[STEPS_MAX + 1][2][2];
};

struct pauses_plan {
	double cost;                 /* the least */
	unsigned char at[STEPS_MAX]; /* enum pauses_choice */
	/* Working room: */
	struct pauses_costs before, after;
	unsigned char choice[STEPS_MAX][STEPS_MAX + 1][2][2];
};

/* Does not allocate. */
void pauses_solve(const struct pauses *p, struct pauses_plan *out);

#endif
