/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A home's side of a negotiation: its best net power over all steps at prices and near targets that
 * it is told, exactly, by the dynamic programme of storage.h in its quadratic form.
 *
 *   minimise  hours * sum of (price n + penalty / 2 (n - target)^2) + what wear costs
 *
 * over the net imports n that load, PV and one store allow. What the home is told and answers is
 * all that leaves it. Powers in kW, prices per kWh, the penalty per kWh and kW. */
#ifndef LECD_POLICY_PROSUMER_H
#define LECD_POLICY_PROSUMER_H

#include "policy/storage.h"

/* Answer into net_kw, by step. s is the home: steps' hours, net_kw, wear and limits, efficiencies,
 * start and end; what import costs in it is written here. price and target_kw: of each step.
 *
 * Exact where no step's import is paid for while the store rests. Where one is - a price below
 * zero, or a target far above, as a large penalty has it at first - charging and discharging at
 * once would pay, and the problem is not convex any more: that step does not discharge, and the
 * answer is the best of those. Returns 0 or storage_solve's error, net_kw untouched then. Does not
 * allocate. */
int prosumer_answer(struct storage *s, struct storage_plan *plan, const double *price,
		    const double *target_kw, double penalty, double *net_kw);

/* An offer for some of a home's steps. */
struct prosumer_offer {
	int first, steps;
	const double *price, *target_kw; /* of each of those */
	double penalty;
	double import_kw, export_kw; /* what its connection carries; INFINITY: more than all */
	double over_price;           /* beyond that each kWh costs so much more */
};

/* Answer an offer for some steps; in the others s stays as it is, with its prices. In those that
 * are offered what s weighs by rho stays beside the penalty. net_kw: of all steps of s; as
 * prosumer_answer otherwise. */
int prosumer_answer_within(struct storage *s, struct storage_plan *plan,
			   const struct prosumer_offer *o, double *net_kw);

/* The same home alone, at a tariff: buy and sell, per kWh and step, sell <= buy. */
int prosumer_alone(struct storage *s, struct storage_plan *plan, const double *buy,
		   const double *sell, double *net_kw);

/* What net imports wear off its store, in money, as planned last. */
double prosumer_wear(const struct storage *s, const struct storage_plan *plan);

#endif
