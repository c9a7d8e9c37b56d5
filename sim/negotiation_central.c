/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/negotiation_central.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/lp.h"

enum { PROGRAMS_MAX = 60 };
#define BROKEN 1e-7 /* a limit's row is put from this excess on */
#define KEPT   1e-6 /* an excess up to here is none */
#define OVER   1e-4 /* the part by which the source may be beyond its limit: a tangent's error */
#define MIXED  0.5  /* how far tangents are put towards the best that is known */

struct central {
	struct negotiation *w;
	struct lp lp;
	int *charge, *discharge, *loss; /* columns, by home and step; of each step */
	double constant;                /* what no column changes */
	double *power, *best, *middle;  /* net powers, kW */
	double *slope;                  /* by node */
	struct sensitivity a;
};

/* --- the program --------------------------------------------------------------------------------
 */

static void add_home(struct central *c, int i)
{
	const struct storage *s = &c->w->home[i].home;
	int before = 0;
	for (int t = 0; t < s->steps; t++) {
		const struct storage_step *step = &s->step[t];
		long at = (long)i * s->steps + t;
		double price = c->w->market.upstream[t] * step->hours;
		int row = lp_row(&c->lp, t ? 0 : s->start_kwh, t ? 0 : s->start_kwh);
		int stored = lp_column(&c->lp, step->low_kwh, step->high_kwh, 0);
		c->charge[at] = lp_column(&c->lp, 0, step->charge_max_kw, price);
		c->discharge[at] = lp_column(&c->lp, 0, step->discharge_max_kw,
					     step->wear * step->hours - price);
		lp_entry(&c->lp, row, stored, 1);
		lp_entry(&c->lp, row, c->charge[at], -s->charge_efficiency * step->hours);
		lp_entry(&c->lp, row, c->discharge[at], step->hours / s->discharge_efficiency);
		if (t > 0) {
			lp_entry(&c->lp, row, before, -1);
		}
		before = stored;
		c->constant += price * step->net_kw;
	}
}

/* What the source gives in step t is bounded. */
static void bound_source(struct central *c, int t)
{
	const struct negotiation *w = c->w;
	double bound = w->market.conf.high_kw - w->market.base_kw[t];
	for (int i = 0; i < w->homes; i++) {
		bound -= w->home[i].home.step[t].net_kw;
	}
	int row = lp_row(&c->lp, -INFINITY, bound);
	for (int i = 0; i < w->homes; i++) {
		lp_entry(&c->lp, row, c->charge[(long)i * w->steps + t], 1);
		lp_entry(&c->lp, row, c->discharge[(long)i * w->steps + t], -1);
	}
	lp_entry(&c->lp, row, c->loss[t], 1);
}

static void add_all(struct central *c)
{
	const struct negotiation *w = c->w;
	for (int i = 0; i < w->homes; i++) {
		add_home(c, i);
	}
	for (int t = 0; t < w->steps; t++) {
		double price = w->market.upstream[t] * w->hours;
		c->loss[t] = lp_column(&c->lp, 0, INFINITY, price);
		c->constant += price * w->market.base_kw[t];
		if (isfinite(w->market.conf.high_kw)) {
			bound_source(c, t);
		}
	}
}

/* A row in which net powers of step t stand with their slopes (per unit per unit of load), at most
 * 0 for what is `over` at at_kw. loss: its column, -1: none. */
static void add_row(struct central *c, int t, double over, const double *at_kw, int loss)
{
	const struct negotiation *w = c->w;
	double bound = -over;
	for (int i = 0; i < w->homes; i++) {
		double slope = c->slope[w->home[i].node];
		bound += slope * (at_kw[(long)i * w->steps + t] - w->home[i].home.step[t].net_kw);
	}
	int row = lp_row(&c->lp, -INFINITY, bound);
	for (int i = 0; i < w->homes; i++) {
		double slope = c->slope[w->home[i].node];
		long at = (long)i * w->steps + t;
		if (w->home[i].home.step[t].charge_max_kw > 0) {
			lp_entry(&c->lp, row, c->charge[at], slope);
		}
		if (w->home[i].home.step[t].discharge_max_kw > 0) {
			lp_entry(&c->lp, row, c->discharge[at], -slope);
		}
	}
	if (loss >= 0) {
		lp_entry(&c->lp, row, loss, -1);
	}
}

/* The tangent to the losses of step t, and rows for the limits that are broken, at net powers whose
 * flow stands. */
static int add_tangents(struct central *c, int t, const double *at_kw)
{
	struct negotiation *w = c->w;
	const struct flow *s = &w->grid.flow[t];
	double loss, kilo = w->k.base_va / 1e3;
	sensitivity_at(&c->a, s, w->grid.p, w->grid.base_q + (long)t * w->k.nodes);
	int r = sensitivity_loss(&c->a, s, &w->k, c->slope, NULL);
	flow_loss(s, &w->k, &loss, NULL);
	if (r == 0) {
		add_row(c, t, loss * kilo, at_kw, c->loss[t]);
	}
	for (int i = 0; i < w->grid.limits && r == 0; i++) {
		double over = limit_excess(&w->grid.limit[i], s, &w->k, &w->f);
		if (over > BROKEN) {
			r = limit_slope(&w->grid.limit[i], &c->a, s, &w->k, c->slope);
			add_row(c, t, over * kilo, at_kw, -1);
		}
	}
	return r;
}

/* --- by turns -----------------------------------------------------------------------------------
 */

static void read_power(struct central *c)
{
	const struct negotiation *w = c->w;
	for (int i = 0; i < w->homes; i++) {
		for (int t = 0; t < w->steps; t++) {
			long at = (long)i * w->steps + t;
			c->power[at] = w->home[i].home.step[t].net_kw +
				       c->lp.column[c->charge[at]].x -
				       c->lp.column[c->discharge[at]].x;
		}
	}
}

static int touch(struct central *c, const double *at_kw)
{
	int r = 0;
	for (int t = 0; t < c->w->steps && r == 0; t++) {
		r = nodal_flow(&c->w->grid, t, at_kw);
		r = r == 0 ? add_tangents(c, t, at_kw) : r;
	}
	return r;
}

static double wear_of(const struct central *c)
{
	double wear = 0;
	for (int i = 0; i < c->w->homes; i++) {
		const struct storage *s = &c->w->home[i].home;
		for (int t = 0; t < s->steps; t++) {
			int column = c->discharge[(long)i * s->steps + t];
			wear += s->step[t].wear * s->step[t].hours * c->lp.column[column].x;
		}
	}
	return wear;
}

static int solve(struct central *c, double close, int64_t deadline_us,
		 struct negotiation_central *out)
{
	size_t bytes = (size_t)c->w->homes * (size_t)c->w->steps * sizeof(*c->power);
	struct negotiation_outcome o;
	int r = 0;
	while (out->programs < PROGRAMS_MAX && r == 0) {
		r = c->lp.lacking ? -ENOMEM : lp_relax(&c->lp, deadline_us);
		if (r < 0) {
			return r == -ETIME && out->programs > 0 ? 1 : r;
		}
		out->programs++;
		out->bound = fmax(out->bound, c->lp.objective + c->constant);
		read_power(c);
		negotiation_judge(c->w, c->power, wear_of(c), &o);
		if (o.solved && o.excess <= KEPT && o.over_kw <= OVER * o.peak_kw &&
		    o.cost < out->cost) {
			out->cost = o.cost;
			memcpy(c->best, c->power, bytes);
		}
		if (out->cost - out->bound <= close * fabs(out->bound)) {
			return 0;
		}
		r = touch(c, c->power);
		for (long i = 0; i < (long)(bytes / sizeof(*c->power)); i++) {
			c->middle[i] = MIXED * c->power[i] + (1 - MIXED) * c->best[i];
		}
		r = r == 0 ? touch(c, c->middle) : r;
	}
	return r < 0 ? r : 1;
}

static int make(struct central *c, struct negotiation *w)
{
	size_t cells = (size_t)w->homes * (size_t)w->steps;
	*c = (struct central){ .w = w };
	c->charge = calloc(2 * cells + (size_t)w->steps, sizeof(*c->charge));
	c->power = calloc(3 * cells + (size_t)w->k.nodes, sizeof(*c->power));
	if (!c->charge || !c->power) {
		return -ENOMEM;
	}
	c->discharge = c->charge + cells;
	c->loss = c->discharge + cells;
	c->best = c->power + cells;
	c->middle = c->best + cells;
	c->slope = c->middle + cells;
	return sensitivity_init(&c->a, &w->k);
}

static bool is_convex(const struct negotiation *w)
{
	for (int t = 0; t < w->steps; t++) {
		if (w->market.upstream[t] < 0) {
			return false;
		}
	}
	return true;
}

int negotiation_central(struct negotiation *w, const double *near_kw, double close,
			int64_t deadline_us, struct negotiation_central *out)
{
	struct central c;
	struct negotiation_central found = { .bound = -INFINITY, .cost = INFINITY };
	if (!is_convex(w)) {
		return -EOPNOTSUPP;
	}
	int r = make(&c, w);
	if (r == 0) {
		add_all(&c);
		memcpy(c.best, near_kw, (size_t)w->homes * (size_t)w->steps * sizeof(*c.best));
		r = touch(&c, near_kw);
	}
	r = r == 0 ? solve(&c, close, deadline_us, &found) : r;
	if (r >= 0) {
		*out = found;
	}
	lp_free(&c.lp);
	sensitivity_free(&c.a);
	free(c.charge);
	free(c.power);
	return r;
}
