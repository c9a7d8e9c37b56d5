/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regret: what one decision for an interval costs more than another, and how much of it came
 * together lately.
 *
 * A decision costs what its interval costs, at the load and PV that were measured, less what is
 * then stored, at what the optimiser holds a stored kWh worth at the interval's end. So the regret
 * of a step is how much worse it is to take it and to follow the optimiser from there on than to
 * follow the optimiser at once; along the way that a policy really goes these steps add up to what
 * it costs more than the optimiser in all (performance difference lemma: Kakade, Langford,
 * "Approximately Optimal Approximate Reinforcement Learning", ICML 2002, lemma 6.1). What storage
 * is worth is a straight line here, in truth it falls with what is stored: what is told is rather
 * too little for a step that goes far off. */
#ifndef LECD_POLICY_REGRET_H
#define LECD_POLICY_REGRET_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/plan.h"

/* What it costs that the batteries of a slot's house have battery_w (AC, + discharge) for hours,
 * from soc[] on, where the rest of it takes net_w (load - PV, mean). A battery gives no more than
 * it has and takes no more than fits. Money, at slot's prices and values; traded energy is paid
 * for. */
double regret_cost(const struct plan_slot *slot, const struct battery_model *battery, int batteries,
		   const double *soc, double net_w, double hours, const double *battery_w);

/* What it cost more to have bought traded_kwh (sold: < 0) at a price per kWh than not to have
 * traded, for a house that took net_kwh in all (import - export) where the utility's prices are buy
 * and sell.
 */
double regret_trade(double buy, double sell, double net_kwh, double traded_kwh, double price);

enum { REGRET_INTERVALS_MAX = 30 * 288 };

/* The regret of the last intervals, by their number since 1970. */
struct regret {
	int intervals; /* that count */
	double limit;  /* > 0: more of it together is too much */
	int64_t newest;
	double of[REGRET_INTERVALS_MAX]; /* interval k at k % intervals */
	double sum;
	double all;      /* since regret_init, whenever it was */
	int64_t counted; /* intervals, since then */
	bool costly;     /* it was too much ... */
	int64_t since;   /* ... from this interval on */
};

void regret_init(struct regret *r, int intervals, double limit);

/* Count an interval. It is too much once the sum is beyond the limit, until a whole window later
 * the sum is at most half of it. Back in time (a clock that stepped) it counts with the newest. */
void regret_add(struct regret *r, int64_t interval, double regret);

#endif
