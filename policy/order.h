/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a learned actor's answer orders for a house: what the batteries do in the interval that
 * begins, and a bid for the one after it. Powers in W, + discharge; energies in Wh, + buys.
 *
 * The batteries either hold a power, or act on what a stored kWh is worth: then they follow load
 * and generation second by second as under a plan (follow.h), and the bid is the curve that the
 * same worth makes (bid.h). */
#ifndef LECD_POLICY_ORDER_H
#define LECD_POLICY_ORDER_H

#include <stdbool.h>

#include "policy/actor_conf.h"
#include "policy/bid.h"

struct house_order {
	bool moves;         /* the batteries: it says one of the next two */
	double battery_w;   /* all of them together; 0 where it is their energy's worth */
	bool values;        /* it says what a stored kWh is worth: */
	double value_share; /* as a share, below; < 0 and > 1 lie beyond the utility's prices */
	bool bids;  /* it says something of the bid: worth, side, quantity, reserve, error */
	bool sided; /* the side is this, not as the house is expected to need: */
	int side;   /* > 0 buys, < 0 sells, 0 refrains */
	bool has_quantity, has_price, has_share;
	double quantity_wh; /* >= 0 */
	double price;       /* per kWh */
	double share;       /* 0: what the utility pays, 1: what it asks */
	double reserve_wh;  /* that much more is bid than is expected to be needed */
	bool allows;        /* it says how much of the step's spread_w the bid allows for: */
	double error_share; /* >= 0; else all of it */
};

/* action: as by actor_conf_act. charge_w and discharge_w: what all batteries can do, >= 0. */
void order_make(const struct actor_conf *c, const double *action, double charge_w,
		double discharge_w, struct house_order *out);

/* What a stored kWh is worth by it, at the prices of a step. */
double order_value(const struct house_order *o, const struct step *s);

/* What each battery does on it, where the house's net load (load - PV) is net_load_w; soc[]: their
 * charges now. planned: the slot a plan has for now, whose prices and trades count; NULL, and
 * batteries that go by worth rest. */
void order_power(const struct house_order *o, const struct plan_slot *planned,
		 const struct battery_model *battery, int batteries, const double *soc,
		 double net_load_w, double *out_w);

/* Its bid for the interval of a slot, soc[] being the charges expected when it begins: a curve, see
 * bid_make: of batteries, load and generation where it says a worth, else of load and generation
 * alone. Where it says a power, a side, a quantity or a price: one order at most, at a price
 * between what the utility pays and what it asks (without a price: at the side's end of that), and
 * of no more energy than the house can take or give by the slot's forecast, the reserve counted in,
 * and limits, with what was traded already. Without a quantity: what the house is expected to need
 * or to have over, on the side that is ordered. Returns how many orders; 0: it refrains. */
int order_bid(const struct house_order *o, const struct plan_slot *slot,
	      const struct battery_model *battery, int batteries, const double *soc,
	      struct bid_order out[BID_ORDERS_MAX]);

#endif
