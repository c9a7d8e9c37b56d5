/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/order.h"

#include <math.h>

#include "policy/follow.h"
#include "policy/share.h"

static int sign_of(double x)
{
	return (x > 0) - (x < 0);
}

/* The side is the one named; where none is, the sign of the quantity. */
static void settle_side(const struct actor_conf *c, const double *action, struct house_order *o)
{
	bool named = false;
	for (int i = 0; i < c->actions; i++) {
		if (c->action[i].meaning == MEANING_SIDE) {
			named = true;
			o->side = sign_of(action[i]);
		} else if (c->action[i].meaning == MEANING_QUANTITY) {
			o->side = named ? o->side : sign_of(action[i]);
			o->has_quantity = true;
			o->quantity_wh = fabs(action[i]);
		}
	}
	o->sided = named || o->has_quantity;
	o->bids = o->bids || o->sided;
}

void order_make(const struct actor_conf *c, const double *action, double charge_w,
		double discharge_w, struct house_order *out)
{
	struct house_order o = { 0 };
	for (int i = 0; i < c->actions; i++) {
		switch ((enum meaning)c->action[i].meaning) {
		case MEANING_BATTERY_POWER:
			o.moves = true;
			o.battery_w = action[i];
			break;
		case MEANING_BATTERY_SHARE:
			o.moves = true;
			o.battery_w = action[i] * (action[i] > 0 ? discharge_w : charge_w);
			break;
		case MEANING_VALUE_SHARE:
			o.moves = o.values = o.bids = true;
			o.value_share = action[i];
			break;
		case MEANING_PRICE:
			o.has_price = true;
			o.price = action[i];
			break;
		case MEANING_PRICE_SHARE:
			o.has_share = true;
			o.share = action[i];
			break;
		case MEANING_RESERVE:
			o.bids = true;
			o.reserve_wh = action[i];
			break;
		case MEANING_ERROR_SHARE:
			o.allows = o.bids = true;
			o.error_share = action[i];
			break;
		case MEANING_SIDE:
		case MEANING_QUANTITY:
		case MEANING_COUNT:
			break;
		}
	}
	o.battery_w = fmax(-charge_w, fmin(discharge_w, o.battery_w));
	settle_side(c, action, &o);
	*out = o;
}

static double between(const struct step *s, double share)
{
	return s->sell + share * (s->buy - s->sell);
}

double order_value(const struct house_order *o, const struct step *s)
{
	return between(s, o->value_share);
}

/* --- power ---------------------------------------------------------------------------------------
 */

/* The slot as if its plan had found that worth. */
static struct plan_slot valued(const struct house_order *o, const struct plan_slot *slot,
			       int batteries)
{
	struct plan_slot out = *slot;
	for (int b = 0; b < batteries; b++) {
		out.value[b] = order_value(o, &slot->step);
	}
	return out;
}

void order_power(const struct house_order *o, const struct plan_slot *planned,
		 const struct battery_model *battery, int batteries, const double *soc,
		 double net_load_w, double *out_w)
{
	struct follow_decision made[BATTERIES_MAX] = { 0 };
	if (!o->values) {
		share_within(battery, batteries, soc, net_load_w, o->battery_w, out_w);
		return;
	}
	if (planned) {
		struct plan_slot slot = valued(o, planned, batteries);
		follow_decide(&slot, OBJECTIVE_COST, battery, batteries, soc, net_load_w, made);
	}
	for (int b = 0; b < batteries; b++) {
		out_w[b] = made[b].battery_w;
	}
}

/* --- bids ---------------------------------------------------------------------------------------
 */

static double price_of(const struct house_order *o, int side, const struct step *s)
{
	double price = o->has_price   ? o->price
		       : o->has_share ? between(s, o->share)
		       : side > 0     ? s->buy
				      : s->sell;
	return fmax(s->sell, fmin(s->buy, price));
}

static int bid_one(const struct house_order *o, const struct step *s,
		   const struct battery_model *battery, int batteries,
		   struct bid_order out[BID_ORDERS_MAX])
{
	double net_w = s->load_w - s->pv_w, charge_w = 0, discharge_w = 0;
	double needed_w = net_w - o->battery_w - s->traded_w;
	int side = o->sided ? o->side : sign_of(needed_w);
	if (side == 0 || s->sell > s->buy) {
		return 0;
	}
	for (int b = 0; b < batteries; b++) {
		charge_w += battery[b].charge_limit_w;
		discharge_w += battery[b].discharge_limit_w;
	}
	double most_w = side > 0 ? fmin(net_w + charge_w, s->import_limit_w) - s->traded_w
				 : fmin(discharge_w - net_w, s->export_limit_w) + s->traded_w;
	double want_wh = o->has_quantity ? o->quantity_wh : side * needed_w * s->hours;
	struct bid_order order = { .side = side > 0 ? BID_BUY : BID_SELL,
				   .price = price_of(o, side, s),
				   .energy_wh = fmin(want_wh, most_w * s->hours) };
	if (order.energy_wh < BID_LEAST_WH) {
		return 0;
	}
	out[0] = order;
	return 1;
}

int order_bid(const struct house_order *o, const struct plan_slot *slot,
	      const struct battery_model *battery, int batteries, const double *soc,
	      struct bid_order out[BID_ORDERS_MAX])
{
	struct plan_slot expected = valued(o, slot, batteries);
	expected.step.load_w += o->reserve_wh / slot->step.hours;
	expected.step.spread_w *= o->allows ? o->error_share : 1;
	if (!o->bids) {
		return 0;
	}
	bool one = o->sided || o->has_price || o->has_share || (o->moves && !o->values);
	return one ? bid_one(o, &expected.step, battery, batteries, out)
		   : bid_make(&expected, NULL, OBJECTIVE_COST, battery, o->values ? batteries : 0,
			      soc, out);
}
