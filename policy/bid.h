/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bid of a house for one interval: its demand as a stepwise curve over the price, cut into
 * orders. At a price p on the local market each battery charges where p is below the worth of
 * charging and discharges where it is above the worth of discharging (see follow.h, but
 * for what rises with the power); prices lie
 * between what the utility pays and what it asks, which is where everybody could go instead. */
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

enum { BID_ORDERS_MAX = 2 * BATTERIES_MAX + 2 };
enum { BID_LEAST_WH = 1 }; /* below it an order is not worth its message */

/* The orders for the interval of a plan's slot, best price for the others first within each side.
 * soc[]: charges expected at its start. The step's limits bound what the orders may add up to,
 * together with what was traded already. Under OBJECTIVE_SELF_CONSUMPTION the plan's net power is
 * taken as it is. Returns how many, 0 where nothing is to be traded or the utility pays more than
 * it asks.
 */
int bid_make(const struct plan_slot *slot, enum objective objective,
	     const struct battery_model *battery, int batteries, const double *soc,
	     struct bid_order out[BID_ORDERS_MAX]);

const char *bid_side_name(enum bid_side side); /* "buy", "sell" */

#endif
