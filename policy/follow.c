/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/follow.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum { BENDS_MAX = 9 };
/* Of the prices: within it they count as equal. No multiple of what the planner's preference for
 * the near makes of an interval: on the edge noise would decide. */
static const double equal_share = 1.1e-3;
static const double near_w = 1; /* powers closer than this are the same */

/* What one battery decides on. */
struct view {
	const struct battery_model *battery;
	double buy, sell;
	double net_w;    /* load - PV - what other batteries give */
	double traded_w; /* import from here on is bought, below it sold */
	double peak_w, peak_price;
	double planned_w;
	double soc;
	double charged, discharged; /* worth of a kWh taken and given at the terminals */
	double awake;               /* what moving at all costs, in price W */
	double strain;              /* what the rise of its losses costs: times the power squared */
};

/* The powers at which the cost may bend, in ascending order, and the cost at each. */
struct bends {
	int count;
	double w[BENDS_MAX], cost[BENDS_MAX];
};

void follow_prices(const struct plan_slot *slot, enum objective objective, double *buy,
		   double *sell)
{
	*buy = objective == OBJECTIVE_COST ? slot->step.buy : 1;
	*sell = objective == OBJECTIVE_COST ? slot->step.sell : 0;
}

static double cost_of(const struct view *v, double battery_w)
{
	double grid_w = v->net_w - battery_w;
	double settled_w = grid_w - v->traded_w;
	double cost = settled_w * (settled_w > 0 ? v->buy : v->sell);
	cost += battery_w * (battery_w > 0 ? v->discharged : v->charged);
	cost += fmax(0, grid_w - v->peak_w) * v->peak_price;
	cost += battery_w != 0 ? v->awake : 0;
	return cost + v->strain * battery_w * battery_w;
}

static void insert(const struct view *v, struct bends *b, double w)
{
	int k = b->count++;
	for (; k > 0 && b->w[k - 1] > w; k--) {
		b->w[k] = b->w[k - 1];
		b->cost[k] = b->cost[k - 1];
	}
	b->w[k] = w;
	b->cost[k] = cost_of(v, w);
}

/* Where losses rise with the power, the cost is least somewhere between two bends. */
static void insert_lowest(const struct view *v, struct bends *b)
{
	const struct bends straight = *b;
	for (int k = 0; k + 1 < straight.count; k++) {
		double from_w = straight.w[k], to_w = straight.w[k + 1];
		double rise = straight.cost[k + 1] - straight.cost[k];
		double slope = rise / (to_w - from_w) - v->strain * (from_w + to_w);
		double lowest_w = -slope / (2 * v->strain);
		if (lowest_w > from_w && lowest_w < to_w) { /* false where they are one */
			insert(v, b, lowest_w);
		}
	}
}

/* What the battery may do, and every power in it where the cost bends: between them it is straight.
 */
static void find_bends(const struct view *v, struct bends *b)
{
	double low, high;
	battery_power_range(v->battery, v->net_w, &low, &high);
	low = v->soc >= v->battery->soc_max ? 0 : low;
	high = v->soc <= v->battery->soc_min ? 0 : high;
	const double inner[] = { 0, v->net_w - v->traded_w, v->net_w - v->peak_w };
	*b = (struct bends){ .count = 0 };
	insert(v, b, low);
	insert(v, b, high);
	for (int k = 0; k < (v->peak_price > 0 ? 3 : 2); k++) {
		if (inner[k] > low && inner[k] < high) {
			insert(v, b, inner[k]);
		}
	}
	if (v->strain > 0) {
		insert_lowest(v, b);
	}
}

/* Whether the cost hardly changes from bend k to the next. */
static bool flat(const struct bends *b, int k, double tolerance)
{
	return fabs(b->cost[k + 1] - b->cost[k]) <= tolerance * (b->w[k + 1] - b->w[k]);
}

/* The powers that are as good as the best: *low to *high. */
static void find_best(const struct view *v, double *low, double *high)
{
	struct bends b;
	double tolerance = equal_share * fmax(fabs(v->buy), fabs(v->sell));
	find_bends(v, &b);
	int first = 0;
	for (int k = 1; k < b.count; k++) {
		first = b.cost[k] < b.cost[first] ? k : first;
	}
	int last = first;
	while (first > 0 && flat(&b, first - 1, tolerance)) {
		first--;
	}
	while (last < b.count - 1 && flat(&b, last, tolerance)) {
		last++;
	}
	*low = b.w[first];
	*high = b.w[last];
}

static enum follow_reason idle_reason(const struct view *v)
{
	double missing_w = v->net_w - v->traded_w;
	if (missing_w > near_w) {
		return v->soc <= v->battery->soc_min && v->buy > v->discharged ? FOLLOW_EMPTY
									       : FOLLOW_KEEP;
	}
	if (missing_w < -near_w) {
		return v->soc >= v->battery->soc_max && v->sell < v->charged ? FOLLOW_FULL
									     : FOLLOW_SELL_PV;
	}
	return FOLLOW_IDLE;
}

static enum follow_reason reason_of(const struct view *v, double low, double high, double battery_w)
{
	double missing_w = v->net_w - v->traded_w;
	if (high - low > near_w) {
		return FOLLOW_PLAN;
	}
	if (v->peak_price > 0 && fabs(v->net_w - battery_w - v->peak_w) < near_w &&
	    fabs(battery_w - missing_w) > near_w) {
		return FOLLOW_PEAK;
	}
	if (fabs(battery_w) < near_w) {
		return idle_reason(v);
	}
	if (battery_w > 0) {
		return battery_w > missing_w + near_w ? FOLLOW_SELL : FOLLOW_SERVE;
	}
	return battery_w < missing_w - near_w ? FOLLOW_BUY : FOLLOW_STORE;
}

/* How each reason reads. Compared are the value of stored energy and a price, in this order. */
static const struct {
	const char *name, *relation, *price, *does;
	bool discharged; /* the value when given, else when taken */
	bool sell;       /* the price compared with, else buy */
} reasons[] = {
	/*		       name	  relation price	   does */
	[FOLLOW_EMPTY] = { "empty", "<", "import price", "would discharge, but is empty", true,
			   false },
	[FOLLOW_FULL] = { "full", ">", "export price", "would charge, but is full", false, true },
	[FOLLOW_KEEP] = { "keep", ">", "import price", "keeping it for later", true, false },
	[FOLLOW_SELL_PV] = { "sell-pv", "<", "export price", "selling the surplus", false, true },
	[FOLLOW_IDLE] = { "idle", "", "", "neither load nor surplus: idle", true, false },
	[FOLLOW_SERVE] = { "serve", "<", "import price", "discharging to serve the load", true,
			   false },
	[FOLLOW_SELL] = { "sell", "<", "export price", "discharging to sell", true, true },
	[FOLLOW_STORE] = { "store", ">", "export price", "charging from surplus", false, true },
	[FOLLOW_BUY] = { "buy", ">", "import price", "charging from the grid", false, false },
	[FOLLOW_PLAN] = { "plan", "=", "price", "as planned", true, false },
	[FOLLOW_PEAK] = { "peak", "<", "price of a higher peak", "holding the import at its peak",
			  true, false },
};
static_assert(sizeof(reasons) / sizeof(*reasons) == FOLLOW_REASON_COUNT, "word each reason");

/* Where prices do not decide, the pair that is equal. */
static void settle_pair(const struct view *v, struct follow_decision *d)
{
	double best = INFINITY;
	for (int k = 0; k < 4; k++) {
		double value = k < 2 ? v->charged : v->discharged;
		double price = k % 2 ? v->sell : v->buy;
		if (fabs(value - price) < best) {
			best = fabs(value - price);
			d->value = value;
			d->price = price;
		}
	}
}

static void decide_one(const struct view *v, struct follow_decision *d)
{
	double low, high;
	find_best(v, &low, &high);
	d->battery_w = fmin(fmax(v->planned_w, low), high);
	d->reason = reason_of(v, low, high, d->battery_w);
	if (d->reason == FOLLOW_PLAN) {
		settle_pair(v, d);
		return;
	}
	d->value = reasons[d->reason].discharged ? v->discharged : v->charged;
	d->price = reasons[d->reason].sell ? v->sell : v->buy;
	d->price += d->reason == FOLLOW_PEAK ? v->peak_price : 0;
}

static struct view view_of(const struct plan_slot *slot, enum objective objective,
			   const struct battery_model *b, int i, double soc, double net_w)
{
	bool cost = objective == OBJECTIVE_COST;
	struct view v = { .battery = b,
			  .net_w = net_w,
			  .traded_w = cost ? slot->step.traded_w : 0,
			  .peak_w = slot->grid_w,
			  .peak_price = cost ? slot->peak_price : 0,
			  .planned_w = slot->battery_w[i],
			  .soc = soc,
			  .charged = slot->value[i] * b->charge_efficiency,
			  .discharged = slot->value[i] / b->discharge_efficiency };
	v.discharged += cost ? b->wear : 0;
	v.awake = fmax(slot->value[i], 0) * b->awake_w;
	v.strain = fmax(slot->value[i], 0) * b->loss_per_kw / 1e3;
	follow_prices(slot, objective, &v.buy, &v.sell);
	return v;
}

/* The battery to decide next: least worth first where energy is short, else most. */
static int next_battery(const struct plan_slot *slot, int batteries, const bool *done,
			bool is_short)
{
	int next = -1;
	for (int i = 0; i < batteries; i++) {
		if (!done[i] && (next < 0 || (is_short ? slot->value[i] < slot->value[next]
						       : slot->value[i] > slot->value[next]))) {
			next = i;
		}
	}
	return next;
}

void follow_decide(const struct plan_slot *slot, enum objective objective,
		   const struct battery_model *battery, int batteries, const double *soc,
		   double net_load_w, struct follow_decision *out)
{
	bool done[BATTERIES_MAX] = { false };
	bool is_short = net_load_w > slot->step.traded_w;
	assert(batteries <= BATTERIES_MAX);
	for (int k = 0; k < batteries; k++) {
		int i = next_battery(slot, batteries, done, is_short);
		struct view v = view_of(slot, objective, &battery[i], i, soc[i], net_load_w);
		decide_one(&v, &out[i]);
		net_load_w -= out[i].battery_w;
		done[i] = true;
	}
}

const char *follow_explain(const struct follow_decision *d, char *out, int size)
{
	if (d->reason == FOLLOW_IDLE) {
		(void)snprintf(out, (size_t)size, "%s", reasons[d->reason].does);
	} else {
		(void)snprintf(out, (size_t)size, "stored energy worth %.3f %s %s %.3f: %s",
			       d->value, reasons[d->reason].relation, reasons[d->reason].price,
			       d->price, reasons[d->reason].does);
	}
	return out;
}

const char *follow_reason_name(enum follow_reason reason)
{
	return (unsigned)reason < FOLLOW_REASON_COUNT ? reasons[reason].name : "?";
}
