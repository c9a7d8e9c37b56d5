/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a house whose steps are tied together by one battery alone, exactly and in
 * microseconds: its problem as one of storage.h, and the answer as a plan. */
#ifndef LECD_POLICY_EXACT_H
#define LECD_POLICY_EXACT_H

#include "policy/plan.h"
#include "policy/problem.h"
#include "policy/storage.h"

struct exact {
	struct storage storage;
	struct storage_plan plan;
	struct storage_curve after[WORTH_SLOTS][SCENARIOS_MAX];
	double weight[SCENARIOS_MAX];
	int ways; /* scenarios that are in after */
};

/* Solve p, which passed problem_check, into out's slots. Returns 0, or -EDOM where the dynamic
 * programme does not hold: more than one battery or any other asset, a demand charge, an import or
 * export limit that has to give (its price is on the worst step), or a step that is not convex (a
 * price below zero that pays for burning energy, selling above buying); or -ENOSPC. e is working
 * room. */
int exact_solve(struct exact *e, const struct problem *p, struct plan *out);

/* The house of p as s: its costs, limits and battery, without its scenarios. Returns 0, or -EDOM
 * where the dynamic programme does not hold, as above. */
int exact_pose(const struct problem *p, struct storage *s);

/* What net import costs in step t, with pv_w that PV could give, as s->piece. Returns 0, or -EDOM
 * where selling pays more than buying costs: that is not convex. */
struct weights;
int exact_costs(const struct problem *p, const struct weights *w, int t, double pv_w,
		struct storage_step *s);

/* From at_kw on, net import costs more_price more: one piece more. */
void exact_put_piece(struct storage_step *s, double at_kw, double more_price);

#endif
