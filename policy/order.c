/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/order.h"

#include <math.h>

static int sign_of(double x)
{
	return (x > 0) - (x < 0);
}

/* The side is the one named; where none is, the sign of the quantity. */
static void settle_side(const struct actor_conf *c, const double *action, struct order *o)
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
		o->bids = named || o->has_quantity;
	}
}

void order_make(const struct actor_conf *c, const double *action, double charge_w,
		double discharge_w, struct order *out)
{
	struct order o = { 0 };
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
		case MEANING_PRICE:
			o.has_price = true;
			o.price = action[i];
			break;
		case MEANING_PRICE_SHARE:
			o.has_share = true;
			o.share = action[i];
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

static double price_of(const struct order *o, const struct step *s)
{
	double price = o->has_price   ? o->price
		       : o->has_share ? s->sell + o->share * (s->buy - s->sell)
		       : o->side > 0  ? s->buy
				      : s->sell;
	return fmax(s->sell, fmin(s->buy, price));
}

int order_bid(const struct order *o, const struct step *s, double charge_w, double discharge_w,
	      struct bid_order out[BID_ORDERS_MAX])
{
	double net_w = s->load_w - s->pv_w;
	if (!o->bids || o->side == 0 || s->sell > s->buy) {
		return 0;
	}
	double most_w = o->side > 0 ? fmin(net_w + charge_w, s->import_limit_w) - s->traded_w
				    : fmin(discharge_w - net_w, s->export_limit_w) + s->traded_w;
	double expected_w = o->side * (net_w - o->battery_w - s->traded_w);
	double want_wh = o->has_quantity ? o->quantity_wh : expected_w * s->hours;
	struct bid_order order = { .side = o->side > 0 ? BID_BUY : BID_SELL,
				   .price = price_of(o, s),
				   .energy_wh = fmin(want_wh, most_w * s->hours) };
	if (order.energy_wh < BID_LEAST_WH) {
		return 0;
	}
	out[0] = order;
	return 1;
}
