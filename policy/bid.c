/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/bid.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* The demand curve falls by w at price. */
struct drop {
	double price, w;
};

struct curve {
	double level_w; /* demand at the lowest price */
	int drops;
	struct drop drop[2 * BATTERIES_MAX]; /* by ascending price */
};

static void add_drop(struct curve *c, double price, double w)
{
	int k = c->drops++;
	for (; k > 0 && c->drop[k - 1].price > price; k--) {
		c->drop[k] = c->drop[k - 1];
	}
	c->drop[k] = (struct drop){ .price = price, .w = w };
}

/* What a battery adds: it charges below one price and discharges above another. */
static void add_battery(struct curve *c, const struct step *s, const struct battery_model *b,
			double soc, double value)
{
	double low_w, high_w;
	battery_power_range(b, s->load_w - s->pv_w, &low_w, &high_w);
	double room_wh = fmax(b->soc_max - soc, 0) * b->capacity_wh / b->charge_efficiency;
	double stock_wh = fmax(soc - b->soc_min, 0) * b->capacity_wh * b->discharge_efficiency;
	double charge_below = value * b->charge_efficiency;
	double discharge_above = fmax(value / b->discharge_efficiency + b->wear, charge_below);
	double charge_w = fmin(-low_w, room_wh / s->hours);
	double discharge_w = fmin(high_w, stock_wh / s->hours);
	if (charge_below >= s->sell) {
		c->level_w += charge_w;
	}
	if (charge_below >= s->sell && charge_below < s->buy) {
		add_drop(c, charge_below, charge_w);
	}
	if (discharge_above <= s->sell) {
		c->level_w -= discharge_w;
	} else if (discharge_above <= s->buy) {
		add_drop(c, discharge_above, discharge_w);
	}
}

static struct curve demand_curve(const struct plan_slot *slot, enum objective objective,
				 const struct battery_model *battery, int batteries,
				 const double *soc)
{
	const struct step *s = &slot->step;
	if (objective == OBJECTIVE_SELF_CONSUMPTION) {
		return (struct curve){ .level_w = slot->grid_w };
	}
	struct curve c = { .level_w = s->load_w - slot->pv_w };
	for (int i = 0; i < batteries; i++) {
		add_battery(&c, s, &battery[i], soc[i], slot->value[i]);
	}
	return c;
}

struct book {
	int orders;
	double hours;
	struct bid_order *order;
};

static void add_order(struct book *b, enum bid_side side, double price, double w)
{
	double wh = w * b->hours;
	struct bid_order *last = b->orders > 0 ? &b->order[b->orders - 1] : NULL;
	if (wh < BID_LEAST_WH) {
		return;
	}
	if (last && last->side == side && last->price == price) {
		last->energy_wh += wh;
		return;
	}
	assert(b->orders < BID_ORDERS_MAX);
	b->order[b->orders++] = (struct bid_order){ .side = side, .price = price, .energy_wh = wh };
}

/* Demand that ends at this price, from from_w down to to_w. */
static void add_fall(struct book *b, enum bid_side side, double price, double from_w, double to_w)
{
	double w =
		side == BID_BUY ? fmax(from_w, 0) - fmax(to_w, 0) : fmin(from_w, 0) - fmin(to_w, 0);
	add_order(b, side, price, w);
}

/* Walk the curve: bought is what is above zero, sold what is below. Each side is written on its
 * own, the dearest purchase and the cheapest sale first. */
static void cut(const struct curve *c, const struct step *s, double low_w, double high_w,
		struct book *b)
{
	double level_w[2 * BATTERIES_MAX + 1];
	double raw_w = c->level_w;
	assert(c->drops >= 0 && c->drops <= 2 * BATTERIES_MAX);
	for (int k = 0; k <= c->drops; k++) {
		level_w[k] = fmin(fmax(raw_w, low_w), high_w) - s->traded_w;
		raw_w -= k < c->drops ? c->drop[k].w : 0;
	}
	add_fall(b, BID_BUY, s->buy, level_w[c->drops], 0);
	for (int k = c->drops - 1; k >= 0; k--) {
		add_fall(b, BID_BUY, c->drop[k].price, level_w[k], level_w[k + 1]);
	}
	add_fall(b, BID_SELL, s->sell, 0, level_w[0]);
	for (int k = 0; k < c->drops; k++) {
		add_fall(b, BID_SELL, c->drop[k].price, level_w[k], level_w[k + 1]);
	}
}

int bid_make(const struct plan_slot *slot, enum objective objective,
	     const struct battery_model *battery, int batteries, const double *soc,
	     struct bid_order out[BID_ORDERS_MAX])
{
	const struct step *s = &slot->step;
	struct book b = { .hours = s->hours, .order = out };
	assert(batteries <= BATTERIES_MAX);
	if (s->sell > s->buy) {
		return 0;
	}
	struct curve c = demand_curve(slot, objective, battery, batteries, soc);
	cut(&c, s, -s->export_limit_w, s->import_limit_w, &b);
	return b.orders;
}

const char *bid_side_name(enum bid_side side)
{
	return side == BID_BUY ? "buy" : "sell";
}
