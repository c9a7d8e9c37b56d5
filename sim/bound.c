/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/bound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_S = 86400,
	STEP_S = 300,
	STEPS = DAY_S / STEP_S,    /* a day */
	CELLS = 400,               /* of stored energy */
	POWERS = 32,               /* each way: where the loss curve is looked at */
	BENDS_MAX = 2 * POWERS + 3 /* and the rest, and the one that serves the house */
};
static const double step_h = STEP_S / 3600.0;
static const double missing_price = 10; /* per kWh less than is to be left: more than any */

/* What one step costs, over what the store takes up: bends between straight lines. */
struct cost_curve {
	int bends;
	double up_wh[BENDS_MAX], cost[BENDS_MAX], battery_w[BENDS_MAX];
};

struct bound {
	const struct site *site;
	struct plant plant;
	double limit_w, rest_wh;         /* of the power; lost in a step at rest */
	double loss_w[POWERS + 1];       /* at shares of limit_w */
	double low_wh, high_wh, cell_wh; /* the band; the grid begins at 0 */
	double charge_w[CELLS + 1], discharge_w[CELLS + 1]; /* what the BMS allows */
	double net_w[STEPS], pv_w[STEPS];                   /* of the day at work */
	double value[STEPS + 1][CELLS + 1]; /* what the rest costs, by what is stored */
	double (*after)[CELLS + 1];         /* the same at each day's start */
};

/* --- the plant ----------------------------------------------------------------------------------
 */

/* Lower the loss curve to the highest one below that bends upward only. */
static void straighten(double *loss)
{
	for (int from = 0; from < POWERS;) {
		int to = from + 1;
		double least = loss[to] - loss[from];
		for (int k = from + 2; k <= POWERS; k++) {
			double slope = (loss[k] - loss[from]) / (k - from);
			to = slope < least ? k : to;
			least = fmin(slope, least);
		}
		for (int k = from + 1; k < to; k++) {
			loss[k] = loss[from] + least * (k - from);
		}
		from = to;
	}
}

/* low_wh becomes one of the grid's energies: below it nothing is given, so all bends there. */
static void look_at_battery(struct bound *b, const struct loop_conf *conf)
{
	const struct plant_battery_conf *c = &conf->plant->battery[0];
	const struct battery_model *m = &conf->site->battery[0].model;
	double cycle_wh = 0;
	b->limit_w = fmax(c->charge_limit_w, c->discharge_limit_w);
	for (int k = 0; k <= POWERS; k++) {
		b->loss_w[k] = plant_loss_w(&b->plant, 0, b->limit_w * k / POWERS);
	}
	straighten(b->loss_w);
	b->rest_wh = b->loss_w[0] * step_h;
	/* Who stops at the band's ends does so within a cycle. */
	cycle_wh = (b->limit_w + b->loss_w[POWERS]) * conf->site->cycle_s / 3600;
	b->low_wh = fmax(m->soc_min * c->capacity_wh - cycle_wh, 0);
	b->high_wh = fmin(m->soc_max * c->capacity_wh + cycle_wh, c->capacity_wh);
	b->cell_wh = b->high_wh / (CELLS - 1);
	if (b->low_wh > b->cell_wh) {
		b->cell_wh = b->low_wh / floor(b->low_wh / b->cell_wh);
	}
	for (int i = 0; i <= CELLS; i++) {
		b->plant.battery[0].stored_wh = i * b->cell_wh;
		b->charge_w[i] = plant_charge_max_w(&b->plant, 0);
		b->discharge_w[i] = plant_discharge_max_w(&b->plant, 0);
	}
}

/* The true means of a day's steps. */
static void look_at_day(struct bound *b, int64_t from_s)
{
	struct plant *p = &b->plant;
	for (int t = 0; t < STEPS; t++) {
		double load_w = 0, pv_w = 0;
		for (int s = 0; s < STEP_S; s++) {
			int64_t at_s = from_s + (int64_t)t * STEP_S + s;
			load_w += plant_load_at(p, at_s);
			for (int i = 0; i < p->conf.pvs; i++) {
				pv_w += plant_pv_at(p, i, at_s);
			}
		}
		b->pv_w[t] = pv_w / STEP_S;
		b->net_w[t] = load_w / STEP_S - b->pv_w[t];
	}
}

static double loss_at(const struct bound *b, double w)
{
	double x = fabs(w) / b->limit_w * POWERS;
	int k = x < POWERS ? (int)x : POWERS - 1;
	return b->loss_w[k] + (b->loss_w[k + 1] - b->loss_w[k]) * (x - k);
}

/* --- a step -------------------------------------------------------------------------------------
 */

static double grid_cost(double grid_w, double buy, double sell)
{
	return grid_w * step_h / 1e3 * (grid_w > 0 ? buy : sell);
}

/* PV is curtailed where that is cheaper: down to no export, or all of it. */
static double least_grid_cost(double grid_w, double pv_w, double buy, double sell)
{
	double cost = grid_cost(grid_w, buy, sell);
	cost = fmin(cost, grid_cost(fmin(fmax(grid_w, 0), grid_w + pv_w), buy, sell));
	return fmin(cost, grid_cost(grid_w + pv_w, buy, sell));
}

static void put_bend(const struct bound *b, int t, double battery_w, double buy, double sell,
		     struct cost_curve *c)
{
	double wear = b->site->battery[0].model.wear * fmax(battery_w, 0) * step_h / 1e3;
	int k = c->bends++;
	c->battery_w[k] = battery_w;
	c->up_wh[k] = -(battery_w + loss_at(b, battery_w)) * step_h;
	c->cost[k] = least_grid_cost(b->net_w[t] - battery_w, b->pv_w[t], buy, sell) + wear;
}

/* From full discharge to full charge. */
static void make_curve(const struct bound *b, int t, int64_t at_s, struct cost_curve *c)
{
	const struct plant_battery_conf *p = &b->plant.conf.battery[0];
	double buy = tariff_buy(&b->site->tariff, at_s);
	double sell = tariff_price(&b->site->tariff.sell, at_s);
	double serve_w = b->net_w[t], last_w = p->discharge_limit_w;
	c->bends = 0;
	put_bend(b, t, last_w, buy, sell, c);
	for (int k = POWERS; k >= -POWERS; k--) {
		double w = b->limit_w * k / POWERS;
		if (w >= p->discharge_limit_w || w < -p->charge_limit_w) {
			continue;
		}
		if (serve_w < last_w && serve_w > w) {
			put_bend(b, t, serve_w, buy, sell, c);
		}
		put_bend(b, t, w, buy, sell, c);
		last_w = w;
	}
	if (last_w > -p->charge_limit_w) {
		put_bend(b, t, -p->charge_limit_w, buy, sell, c);
	}
}

/* The curve between bend k and the next, where up_wh lies there. */
static double between(const struct cost_curve *c, const double *what, int k, double up_wh)
{
	double share = (up_wh - c->up_wh[k]) / (c->up_wh[k + 1] - c->up_wh[k]);
	return what[k] + (what[k + 1] - what[k]) * share;
}

static double straight_at(const double *value, double cells)
{
	int i = cells < CELLS ? (int)cells : CELLS - 1;
	return value[i] + (value[i + 1] - value[i]) * (cells - i);
}

/* The value bends upward where what is stored will just do. A straight line over that cell would be
 * too dear in each step, and these add up; the neighbours' slopes drawn on into the cell meet at
 * the bend, and lie below. */
static double value_at(const double *value, double cells)
{
	int i = cells < CELLS ? (int)cells : CELLS - 1;
	double x = cells - i, from = value[i], to = value[i + 1];
	double straight = from + (to - from) * x, bent = -INFINITY;
	if (i > 0) {
		bent = from + (from - value[i - 1]) * x;
	}
	if (i + 2 <= CELLS) {
		double left = to - (value[i + 2] - to) * (1 - x);
		bent = left > bent ? left : bent;
	}
	return bent > straight ? straight : bent;
}

struct choice {
	double up_wh, cost, battery_w; /* cost: this step's */
	double total;                  /* and all that follows */
};

static void consider(const struct bound *b, const struct cost_curve *c, int k, double up_wh,
		     double stored_wh, const double *later, struct choice *best)
{
	double cost = between(c, c->cost, k, up_wh);
	double total = cost + value_at(later, fmax(stored_wh + up_wh, 0) / b->cell_wh);
	if (total < best->total) {
		*best = (struct choice){ up_wh, cost, between(c, c->battery_w, k, up_wh), total };
	}
}

/* What the store may take up in a step that begins with stored_wh, after its own discharge. */
static void uptake_range(const struct bound *b, double stored_wh, double *low_wh, double *high_wh)
{
	double cells = fmin(stored_wh / b->cell_wh, CELLS);
	double charge_w = straight_at(b->charge_w, cells),
	       give_w = straight_at(b->discharge_w, cells);
	*low_wh = fmax(-(give_w + loss_at(b, give_w)) * step_h, b->low_wh - stored_wh);
	*low_wh = fmin(*low_wh, -b->rest_wh); /* what rest takes, it takes from the emptiest too */
	*high_wh = fmin((charge_w - loss_at(b, charge_w)) * step_h, b->high_wh - stored_wh);
	*high_wh = fmax(*high_wh, -b->rest_wh);
}

/* The best for a step that begins with stored_wh. */
static struct choice choose(const struct bound *b, const struct cost_curve *c, double stored_wh,
			    const double *later)
{
	struct choice best = { .total = INFINITY };
	double low_wh, high_wh;
	uptake_range(b, stored_wh, &low_wh, &high_wh);
	low_wh = fmax(low_wh, c->up_wh[0]);
	high_wh = fmin(high_wh, c->up_wh[c->bends - 1]);
	int k = 0;
	while (k + 2 < c->bends && c->up_wh[k + 1] <= low_wh) {
		k++;
	}
	consider(b, c, k, low_wh, stored_wh, later, &best);
	for (; k + 2 < c->bends && c->up_wh[k + 1] < high_wh; k++) {
		consider(b, c, k, c->up_wh[k + 1], stored_wh, later, &best);
	}
	consider(b, c, k, high_wh, stored_wh, later, &best);
	return best;
}

/* What is left of stored energy after a step's self-discharge. */
static double kept(const struct bound *b, double stored_wh)
{
	return stored_wh * (1 - b->plant.conf.battery[0].self_discharge * STEP_S / DAY_S);
}

/* --- there and back -----------------------------------------------------------------------------
 */

static void go_back(struct bound *b, int64_t from_s)
{
	for (int t = STEPS - 1; t >= 0; t--) {
		struct cost_curve c;
		make_curve(b, t, from_s + (int64_t)t * STEP_S, &c);
		for (int i = 0; i <= CELLS; i++) {
			double stored_wh = kept(b, i * b->cell_wh);
			b->value[t][i] = choose(b, &c, stored_wh, b->value[t + 1]).total;
		}
	}
}

static double go_forward(const struct bound *b, int64_t from_s, double stored_wh,
			 struct loop_day *day)
{
	*day = (struct loop_day){ 0 };
	for (int t = 0; t < STEPS; t++) {
		struct cost_curve c;
		make_curve(b, t, from_s + (int64_t)t * STEP_S, &c);
		stored_wh = kept(b, stored_wh);
		struct choice best = choose(b, &c, stored_wh, b->value[t + 1]);
		double discharged = fmax(best.battery_w, 0) * step_h;
		double wear = discharged / 1e3 * b->site->battery[0].model.wear;
		double grid_w = b->net_w[t] - best.battery_w;
		day->energy_cost += best.cost - wear;
		day->wear_cost += wear;
		day->discharge_wh += discharged;
		*(grid_w > 0 ? &day->import_wh : &day->export_wh) += fabs(grid_w) * step_h;
		stored_wh = fmax(stored_wh + best.up_wh, 0);
	}
	day->soc_end = stored_wh / b->plant.conf.battery[0].capacity_wh;
	return stored_wh;
}

/* What the rest costs from each step of day d on. */
static void value_day(struct bound *b, int64_t from_s, int d)
{
	look_at_day(b, from_s);
	memcpy(b->value[STEPS], b->after[d + 1], sizeof(b->value[0]));
	go_back(b, from_s);
	memcpy(b->after[d], b->value[0], sizeof(b->value[0]));
}

/* All days backward, and each once more forward, its values made again: those of a year would not
 * be kept. */
static void run(struct bound *b, const struct loop_conf *conf, int first, double start_wh,
		double end_wh, struct loop_day *day)
{
	for (int i = 0; i <= CELLS; i++) {
		double missing_wh = fmax(end_wh - i * b->cell_wh, 0);
		b->after[conf->days][i] = missing_wh / 1e3 * missing_price;
	}
	for (int d = conf->days - 1; d >= first; d--) {
		value_day(b, conf->start_s + (int64_t)d * DAY_S, d);
	}
	for (int d = first; d < conf->days; d++) {
		int64_t from_s = conf->start_s + (int64_t)d * DAY_S;
		value_day(b, from_s, d);
		start_wh = go_forward(b, from_s, start_wh, &day[d]);
	}
}

int bound_run(const struct loop_conf *conf, int first, double soc_start, double soc_end,
	      struct loop_day *day)
{
	double capacity_wh = conf->plant->battery[0].capacity_wh;
	struct bound *b = calloc(1, sizeof(*b));
	double(*after)[CELLS + 1] = calloc((size_t)conf->days + 1, sizeof(*after));
	int r = b && after ? 0 : -ENOMEM;
	if (r == 0) {
		b->site = conf->site;
		b->after = after;
		plant_init(&b->plant, conf->plant);
		look_at_battery(b, conf);
		run(b, conf, first, soc_start * capacity_wh, soc_end * capacity_wh, day);
	}
	free(after);
	free(b);
	return r;
}
