/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bid of a house for one interval: its demand as a stepwise curve over the price, cut into
 * orders. At a price p on the local market each battery charges as far as what it stores is worth
 * more than p after losses, and discharges as far as it is worth less; prices lie between what the
 * utility pays and what it asks, which is where everybody could go instead.
 *
 * Where the plan tells what stored energy is worth over what is stored (plan.h, plan_worth), the
 * curve is what planning anew at each price would do; else a stored kWh is worth the same
 * throughout the slot, as in follow.h.
 *
 * Where the step tells how far off its forecast may be (spread_w), the curve asks at each price for
 * what costs least on average, load and generation being what they may be and batteries doing the
 * best then. For a house without a battery that is the newsvendor's quantile: of what it may need
 * it buys the part (buy - p) / (buy - sell) (Arrow, Harris and Marschak 1951, Econometrica 19). */
#ifndef LECD_POLICY_BID_H
#define LECD_POLICY_BID_H

#include "policy/plan.h"
#include "policy/problem.h"

enum bid_side { BID_BUY, BID_SELL };

struct bid_order {
	enum bid_side side;
	double price;     /* per kWh: buy at most, sell at least */
	double energy_wh; /* > 0 */
};

enum { BID_ORDERS_MAX = 24 };
enum { BID_LEAST_WH = 1 }; /* below it an order is not worth its message */

/* The orders for the interval of a plan's slot, best price for the others first within each side.
 * worth: the plan's for that slot, or NULL. soc[]: charges expected at its start. The step's limits
 * bound what the orders may add up to, together with what was traded already. Under
 * OBJECTIVE_SELF_CONSUMPTION the plan's net power is taken as it is. A curve of more steps is told
 * with the fewest that may be, those drawn together where that costs least. Returns how many, 0
 * where nothing is to be traded or the utility pays more than it asks. */
int bid_make(const struct plan_slot *slot, const struct plan_worth *worth, enum objective objective,
	     const struct battery_model *battery, int batteries, const double *soc,
	     struct bid_order out[BID_ORDERS_MAX]);

/* The same for slot t of a plan, which allows for half of the step's spread_w; batteries: the
 * plan's, or 0 where they are to stay out of it. */
int bid_for_slot(const struct plan *plan, int t, const struct battery_model *battery, int batteries,
		 const double *soc, struct bid_order out[BID_ORDERS_MAX]);

const char *bid_side_name(enum bid_side side); /* "buy", "sell" */

#endif
