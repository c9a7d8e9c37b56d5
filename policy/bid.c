/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/bid.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const double flat_price = 1e-9;
/* What a plan's bid allows for of what its forecasts were off by. In homes that bid so against each
 * other half of it costs least, see docs/learning.md. */
static const double plan_error_share = 0.5;

/* A slope of the curve becomes this many steps. */
enum { SLOPE_STEPS = 4 };
/* One battery's worth may have points; of the others each side is one slope. */
enum { DROPS_MAX = SLOPE_STEPS * (WORTH_POINTS_MAX + 4 + 2 * BATTERIES_MAX) + 1 };
/* Besides the drops' own orders there are those at the utility's prices, and one drop may be in
 * part bought and in part sold. */
enum { DROPS_TOLD_MAX = BID_ORDERS_MAX - 3 };

/* The demand curve falls by w at price. */
struct drop {
	double price, w;
};

struct curve {
	double level_w; /* demand at the lowest price */
	int drops;
	struct drop drop[DROPS_MAX]; /* by ascending price */
};

static void add_drop(struct curve *c, double price, double w)
{
	assert(c->drops < DROPS_MAX);
	int k = c->drops++;
	for (; k > 0 && c->drop[k - 1].price > price; k--) {
		c->drop[k] = c->drop[k - 1];
	}
	c->drop[k] = (struct drop){ .price = price, .w = w };
}

/* What is charged below a price. */
static void add_charging(struct curve *c, const struct step *s, double below, double w)
{
	if (below >= s->sell) {
		c->level_w += w;
	}
	if (below >= s->sell && below < s->buy) {
		add_drop(c, below, w);
	}
}

/* What is discharged above a price. */
static void add_discharging(struct curve *c, const struct step *s, double above, double w)
{
	if (above <= s->sell) {
		c->level_w -= w;
	} else if (above <= s->buy) {
		add_drop(c, above, w);
	}
}

/* One side of a battery, from rest on: at most `most_w`, each W changing what is stored by
 * kwh_per_w; a stored kWh is worth `per_kwh` at the terminals, less (sign -1) or more (1) what
 * comes on top. */
struct side {
	int sign;
	double most_w, kwh_per_w, per_kwh, extra;
};

static double side_price(const struct side *side, const struct plan_worth *worth, double w,
			 double value)
{
	return value * side->per_kwh + side->sign * (side->extra + worth->rise * w);
}

/* On the straight line between points a and b, which may be one above the other. */
static double value_between(const struct plan_worth *worth, int a, int b, double kwh)
{
	double from_kwh = worth->point[a].kwh, to_kwh = worth->point[b].kwh;
	double share = to_kwh != from_kwh ? (kwh - from_kwh) / (to_kwh - from_kwh) : 0;
	double value = worth->point[a].value;
	return value + (worth->point[b].value - value) * fmin(fmax(share, 0), 1);
}

/* From from_w to to_w along a straight piece of the curve. */
static void add_slope(struct curve *c, const struct step *s, const struct side *side, double from_w,
		      double to_w, double from_price, double to_price)
{
	int steps = fabs(to_price - from_price) > flat_price ? SLOPE_STEPS : 1;
	for (int i = 0; i < steps; i++) {
		double price = from_price + (to_price - from_price) * (i + 0.5) / steps;
		(side->sign < 0 ? add_charging : add_discharging)(c, s, price,
								  (to_w - from_w) / steps);
	}
}

/* Along what stored energy is worth, away from start_kwh. */
static void add_side(struct curve *c, const struct step *s, const struct side *side,
		     const struct plan_worth *worth, double start_kwh)
{
	bool up = side->sign < 0;
	double from_w = 0, from_price = NAN;
	int k = up ? 0 : worth->points - 1;
	for (; k >= 0 && k < worth->points; k += up ? 1 : -1) {
		double kwh = worth->point[k].kwh;
		double w = (kwh - start_kwh) / side->kwh_per_w;
		const int before = up ? k - 1 : k + 1;
		bool first = before < 0 || before >= worth->points;
		if (w > 0 && from_w < side->most_w) {
			double from_kwh = start_kwh + from_w * side->kwh_per_w;
			double to_w = fmin(w, side->most_w);
			double to_kwh = start_kwh + to_w * side->kwh_per_w;
			double a = first ? worth->point[k].value
					 : value_between(worth, before, k, from_kwh);
			double b = first ? a : value_between(worth, before, k, to_kwh);
			from_price = side_price(side, worth, from_w, a);
			if (to_w > from_w) {
				add_slope(c, s, side, from_w, to_w, from_price,
					  side_price(side, worth, to_w, b));
			}
			from_w = fmax(to_w, from_w);
		}
	}
	if (worth->points > 0 && from_w < side->most_w) { /* beyond the last point */
		double value = worth->point[up ? worth->points - 1 : 0].value;
		add_slope(c, s, side, from_w, side->most_w, side_price(side, worth, from_w, value),
			  side_price(side, worth, side->most_w, value));
	}
}

/* What a battery adds: it charges below some prices and discharges above others. */
static void add_battery(struct curve *c, const struct step *s, const struct battery_model *b,
			double soc, const struct plan_worth *worth)
{
	double low_w, high_w;
	battery_power_range(b, s->load_w - s->pv_w, &low_w, &high_w);
	double room_wh = fmax(b->soc_max - soc, 0) * b->capacity_wh / b->charge_efficiency;
	double stock_wh = fmax(soc - b->soc_min, 0) * b->capacity_wh * b->discharge_efficiency;
	const struct side charge = { .sign = -1,
				     .most_w = fmin(-low_w, room_wh / s->hours),
				     .kwh_per_w = s->hours * b->charge_efficiency / 1e3,
				     .per_kwh = b->charge_efficiency };
	const struct side discharge = { .sign = 1,
					.most_w = fmin(high_w, stock_wh / s->hours),
					.kwh_per_w = -s->hours / b->discharge_efficiency / 1e3,
					.per_kwh = 1 / b->discharge_efficiency,
					.extra = b->wear + worth->awake };
	add_side(c, s, &charge, worth, soc * b->capacity_wh / 1e3);
	add_side(c, s, &discharge, worth, soc * b->capacity_wh / 1e3);
}

/* Where nothing else is known: the same for each kWh. */
static struct plan_worth flat_worth(const struct battery_model *b, double value)
{
	struct plan_worth flat = { .points = 1, .rise = 2 * fmax(value, 0) * b->loss_per_kw / 1e3 };
	flat.point[0].value = value;
	return flat;
}

/* Draw two neighbours together, those that cost the least: between their prices one of them is not
 * as it would be. */
static void merge_least(struct curve *c)
{
	int least = 0;
	double least_cost = INFINITY;
	for (int k = 0; k + 1 < c->drops; k++) {
		const struct drop *a = &c->drop[k], *b = a + 1;
		double apart = b->price - a->price;
		double cost = a->w * b->w / fmax(a->w + b->w, 1e-9) * apart * apart;
		least = cost < least_cost ? k : least;
		least_cost = fmin(cost, least_cost);
	}
	struct drop *a = &c->drop[least], *b = a + 1;
	double w = a->w + b->w;
	a->price = w > 0 ? (a->price * a->w + b->price * b->w) / w : a->price;
	a->w = w;
	c->drops--;
	memmove(b, b + 1, (size_t)(c->drops - least - 1) * sizeof(*b));
}

static void tell_shortly(struct curve *c)
{
	while (c->drops > DROPS_TOLD_MAX) {
		merge_least(c);
	}
}

static void demand_curve(const struct plan_slot *slot, const struct plan_worth *worth,
			 enum objective objective, const struct battery_model *battery,
			 int batteries, const double *soc, struct curve *c)
{
	const struct step *s = &slot->step;
	c->drops = 0;
	if (objective == OBJECTIVE_SELF_CONSUMPTION) {
		c->level_w = slot->grid_w;
		return;
	}
	c->level_w = s->load_w - slot->pv_w;
	if (s->sell < 0 && s->buy > 0 && s->pv_w > slot->pv_w) { /* curtailed, but not above 0 */
		add_drop(c, 0, s->pv_w - slot->pv_w);
	}
	for (int i = 0; i < batteries; i++) {
		struct plan_worth flat = flat_worth(&battery[i], slot->value[i]);
		bool known = worth && worth->points > 0 && batteries == 1;
		add_battery(c, s, &battery[i], soc[i], known ? worth : &flat);
	}
}

/* Errors of a forecast, each as likely as the others, in standard deviations: medians of as many
 * equal parts of the normal distribution, of which they have the mean and, scaled, the deviation.
 */
static const double error[] = { -1.607574, -0.868542, -0.401672, 0, 0.401672, 0.868542, 1.607574 };
enum { ERRORS = sizeof(error) / sizeof(*error) };
static_assert((DROPS_TOLD_MAX + 1) * ERRORS <= DROPS_MAX, "room for a curve of each error");

/* How far off load - PV may be, the i-th of as many that are alike: no load is less than none, and
 * no generation more than a few times what is forecast. */
static double off_w(const struct step *s, int i)
{
	static const double generation_more = 3;
	return fmax(s->spread_w * error[i], -(fmax(s->load_w, 0) + generation_more * s->pv_w));
}

/* As if it came so: less than no load is more generation. */
static struct plan_slot come(const struct plan_slot *slot, double off_w)
{
	struct plan_slot out = *slot;
	double load_w = slot->step.load_w + off_w, more_w = fmax(-load_w, 0);
	out.step.load_w = fmax(load_w, 0);
	out.step.pv_w += more_w;
	out.pv_w += more_w;
	return out;
}

/* Demand up to to_w is worth more by `fall` than what lies beyond it. */
struct edge {
	double to_w, fall;
};

static void insert_edge(struct edge *edge, int edges, struct edge e)
{
	int k = edges;
	for (; k > 0 && edge[k - 1].to_w > e.to_w; k--) {
		edge[k] = edge[k - 1];
	}
	edge[k] = e;
}

/* What a further kWh is worth to a house that bought q W is the price at which it would ask for q,
 * the utility's beyond the ends of its curve. Of a load that is not known it is the mean of that
 * over what the load may be; where it falls to the market's price, buying ends. */
static void unsure_curve(const struct plan_slot *slot, const struct plan_worth *worth,
			 const struct battery_model *battery, int batteries, const double *soc,
			 struct curve *c)
{
	struct edge edge[(DROPS_TOLD_MAX + 1) * ERRORS];
	const struct step *s = &slot->step;
	int edges = 0;
	for (int i = 0; i < ERRORS; i++) {
		struct plan_slot came = come(slot, off_w(s, i));
		demand_curve(&came, worth, OBJECTIVE_COST, battery, batteries, soc, c);
		tell_shortly(c);
		assert(c->drops >= 0 && c->drops <= DROPS_TOLD_MAX);
		double at_w = c->level_w, below = s->sell;
		for (int k = 0; k <= c->drops; k++) {
			double price = k < c->drops ? c->drop[k].price : s->buy;
			insert_edge(edge, edges++, (struct edge){ at_w, (price - below) / ERRORS });
			below = price;
			at_w -= k < c->drops ? c->drop[k].w : 0;
		}
	}
	double price = s->sell;
	c->level_w = edge[edges - 1].to_w;
	c->drops = 0;
	for (int k = edges - 1; k > 0; k--) {
		price += edge[k].fall;
		c->drop[c->drops++] =
			(struct drop){ .price = price, .w = edge[k].to_w - edge[k - 1].to_w };
	}
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
	double level_w[DROPS_TOLD_MAX + 1];
	double raw_w = c->level_w;
	assert(c->drops >= 0 && c->drops <= DROPS_TOLD_MAX);
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

int bid_make(const struct plan_slot *slot, const struct plan_worth *worth, enum objective objective,
	     const struct battery_model *battery, int batteries, const double *soc,
	     struct bid_order out[BID_ORDERS_MAX])
{
	const struct step *s = &slot->step;
	struct book b = { .hours = s->hours, .order = out };
	struct curve c;
	assert(batteries <= BATTERIES_MAX);
	if (s->sell > s->buy) {
		return 0;
	}
	if (s->spread_w > 0 && objective != OBJECTIVE_SELF_CONSUMPTION) {
		unsure_curve(slot, worth, battery, batteries, soc, &c);
	} else {
		demand_curve(slot, worth, objective, battery, batteries, soc, &c);
	}
	tell_shortly(&c);
	cut(&c, s, -s->export_limit_w, s->import_limit_w, &b);
	return b.orders;
}

int bid_for_slot(const struct plan *plan, int t, const struct battery_model *battery, int batteries,
		 const double *soc, struct bid_order out[BID_ORDERS_MAX])
{
	struct plan_slot slot = plan->slot[t];
	slot.step.spread_w *= plan_error_share;
	return bid_make(&slot, t < WORTH_SLOTS ? &plan->worth[t] : NULL, plan->objective, battery,
			batteries, soc, out);
}

const char *bid_side_name(enum bid_side side)
{
	return side == BID_BUY ? "buy" : "sell";
}
