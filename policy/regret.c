/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/regret.h"

#include <assert.h>
#include <math.h>

/* The power a battery can keep up from there on. */
static double sustained_w(const struct battery_model *b, double soc, double w, double hours)
{
	double stock_wh = fmax(soc - b->soc_min, 0) * b->capacity_wh * b->discharge_efficiency;
	double room_wh = fmax(b->soc_max - soc, 0) * b->capacity_wh / b->charge_efficiency;
	return fmax(-room_wh / hours, fmin(stock_wh / hours, w));
}

double regret_cost(const struct plan_slot *slot, const struct battery_model *battery, int batteries,
		   const double *soc, double net_w, double hours, const double *battery_w)
{
	const struct step *s = &slot->step;
	double grid_w = net_w, cost_w = 0; /* price times W */
	for (int i = 0; i < batteries; i++) {
		const struct battery_model *b = &battery[i];
		double w = sustained_w(b, soc[i], battery_w[i], hours);
		double drawn_w = w > 0 ? w / b->discharge_efficiency : w * b->charge_efficiency;
		grid_w -= w;
		cost_w += drawn_w * slot->value[i] + fmax(w, 0) * b->wear;
	}
	double settled_w = grid_w - s->traded_w;
	cost_w += settled_w * (settled_w > 0 ? s->buy : s->sell);
	cost_w += fmax(0, grid_w - slot->grid_w) * slot->peak_price;
	return cost_w / 1e3 * hours;
}

/* What the utility is paid for energy; what it pays is < 0. */
static double settled(double buy, double sell, double kwh)
{
	return kwh * (kwh > 0 ? buy : sell);
}

double regret_trade(double buy, double sell, double net_kwh, double traded_kwh, double price)
{
	return traded_kwh * price + settled(buy, sell, net_kwh - traded_kwh) -
	       settled(buy, sell, net_kwh);
}

void regret_init(struct regret *r, int intervals, double limit)
{
	assert(intervals > 0 && intervals <= REGRET_INTERVALS_MAX);
	*r = (struct regret){ .intervals = intervals, .limit = limit };
}

/* Make room for the intervals up to the newest: what is older than the window is forgotten. */
static void move_to(struct regret *r, int64_t interval)
{
	int64_t from = r->newest + 1;
	if (r->counted == 0 || interval - r->newest > r->intervals) {
		from = interval - r->intervals + 1;
	}
	for (int64_t k = from; k <= interval; k++) {
		r->of[k % r->intervals] = 0;
	}
	r->newest = interval > r->newest ? interval : r->newest;
}

void regret_add(struct regret *r, int64_t interval, double regret)
{
	move_to(r, interval);
	r->of[r->newest % r->intervals] += regret;
	r->all += regret;
	r->counted++;
	r->sum = 0;
	for (int i = 0; i < r->intervals; i++) {
		r->sum += r->of[i];
	}
	if (!r->costly && r->sum > r->limit) {
		r->costly = true;
		r->since = r->newest;
	} else if (r->costly && r->newest - r->since >= r->intervals && r->sum <= r->limit / 2) {
		r->costly = false;
	}
}
