/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batteries of a house as if they were one: what the dynamic programme says of that, where the
 * general program has to say how it is shared.
 *
 * Scenarios and the time after the horizon are too much for a linear program within its time; the
 * dynamic programme weighs both in microseconds. Batteries that are alike (in their
 * efficiencies, and in power and charge per capacity) are the pool; others come near to it, as far
 * as their own limits let them. */
#ifndef LECD_POLICY_POOL_H
#define LECD_POLICY_POOL_H

#include "policy/exact.h"

/* Working room; no state. */
struct pool {
	struct problem problem;
	struct plan plan;
};

struct pool_wish {
	double kwh;        /* what all that move should have stored when the first step ends */
	double value;      /* what one more stored kWh is worth then */
	double efficiency; /* of discharging, that value is told at */
};

/* Whether a battery can do anything. One that cannot does not count into the pool. */
bool pool_has(const struct battery_model *b);

/* Ask what is best against p's scenarios and tail. Returns 0; -ENODATA: p has neither; -EDOM: no
 * two batteries to pool (one is the general program's for what stands in the way of the dynamic
 * programme), they may not do the same with the grid, one has a target at the end, or the dynamic
 * programme does not hold (see exact_solve). e is working room. */
int pool_ask(struct pool *pool, struct exact *e, const struct problem *p, struct pool_wish *out);

#endif
