/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a learned actor's answer orders for a house: a power of the batteries for the interval that
 * begins, and a bid for the one after it. Powers in W, + discharge; energies in Wh, + buys. */
#ifndef LECD_POLICY_ORDER_H
#define LECD_POLICY_ORDER_H

#include <stdbool.h>

#include "policy/actor_conf.h"
#include "policy/bid.h"

struct order {
	bool moves;       /* the batteries */
	double battery_w; /* all of them together */
	bool bids;        /* it says something of the bid: side or quantity */
	int side;         /* > 0 buys, < 0 sells, 0 refrains */
	bool has_quantity, has_price, has_share;
	double quantity_wh; /* >= 0 */
	double price;       /* per kWh */
	double share;       /* 0: the utility's selling price, 1: its buying price */
};

/* action: as by actor_conf_act. charge_w and discharge_w: what all batteries can do, >= 0. */
void order_make(const struct actor_conf *c, const double *action, double charge_w,
		double discharge_w, struct order *out);

/* Its bid for the interval of step s: one order at most, at a price between what the utility pays
 * and what it asks (without a price: at the side's end of that), and of no more energy than the
 * house can take or give by the step's forecast and limits, with what was traded already. Without a
 * quantity: what the house is expected to need or to have over, on the side that is ordered.
 * Returns how many orders; 0: it refrains. */
int order_bid(const struct order *o, const struct step *s, double charge_w, double discharge_w,
	      struct bid_order out[BID_ORDERS_MAX]);

#endif
