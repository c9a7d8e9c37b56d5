/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sequence of linear programs with a reach that grows and shrinks by what each kept of its
 * promise (a trust region), on a merit in which a broken limit costs more than any trade gains. */
#include "daemon/grid/permit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/lp.h"

enum { PASSES_MAX = 100, HALVINGS_MAX = 40 };
#define KEPT       1e-6 /* an excess up to here is none, per unit; limits are aimed at by half of it */
#define SOLVED     1e-11 /* of the flow */
#define WHOLE      1e-6  /* a trade is that is cut by less than this part */
#define UNKEPT     100.0 /* what a limit that cannot be kept is worth, of the largest gain */
#define NOTHING    1e-9  /* an effect on a limit, of the largest one: rounding */
#define LEAST_GAIN 1e-6
#define COLUMN_MAX 1e4  /* GLPK takes 1e-7 for nothing */
#define ENOUGH     3e-7 /* what a program that reaches everywhere promises of all gains at the end */
#define ROUNDING   1e-8 /* what the flow's own rounding can promise of all gains */
/* Parts of what was promised: worth staying for; good and poor enough to reach further or less. */
#define FAIR     0.05
#define GOOD     0.75
#define POOR     0.25
#define NARROWER 0.4

/* What a call of permit_solve works with. A pass goes from a point, where the flow is known, to
 * what the program takes for the best within reach, and stays there if the AC flow says so too. */
struct work {
	const double *p, *q;
	struct permit_trade *trade;
	double *at_w; /* the point: what is permitted of each trade */
	int trades;
	double price;
	bool losses;
	int64_t deadline_us;
	struct lp lp;
	double reach;    /* how far a trade may move in one program, of what it wants */
	double unit;     /* of the program's columns, W: the largest trade is COLUMN_MAX of it */
	double largest;  /* gain of a trade, per kWh */
	double wanted;   /* gain of all of them */
	double merit;    /* of the point: what is not gained, less is better */
	double promised; /* what the program's answer would make of it */
	double weight[PERMIT_BINDING_MAX]; /* of each limit's excess in the merit */
};

int permit_init(struct permit *g, const struct feeder *f, const struct network *k, double source_v)
{
	size_t n = (size_t)k->nodes;
	*g = (struct permit){ .f = f, .k = k, .limits = limits_count(k, f) };
	g->limit = calloc((size_t)g->limits, sizeof(*g->limit));
	g->p = calloc((3 + PERMIT_BINDING_MAX) * n, sizeof(*g->p));
	g->price = calloc(n, sizeof(*g->price));
	if (!g->limit || !g->p || !g->price || flow_init(&g->s, k) < 0 ||
	    sensitivity_init(&g->a, k) < 0) {
		permit_free(g);
		return -ENOMEM;
	}
	g->q = g->p + n;
	g->loss = g->q + n;
	g->slope = g->loss + n;
	limits_list(k, f, g->limit);
	flow_start(&g->s, source_v);
	return 0;
}

void permit_free(struct permit *g)
{
	sensitivity_free(&g->a);
	flow_free(&g->s);
	free(g->limit);
	free(g->p);
	free(g->price);
	*g = (struct permit){ 0 };
}

double permit_price_of(const struct permit *g, int node)
{
	const struct permit_price *p = &g->price[node];
	return p->energy + p->loss + p->congestion + p->voltage;
}

/* --- a flow with the trades ---------------------------------------------------------------------
 */

static int solve_with(struct permit *g, const double *p, const double *q,
		      const struct permit_trade *trade, int trades)
{
	size_t size = (size_t)g->k->nodes * sizeof(*p);
	struct phasor source = g->s.v[0];
	memcpy(g->p, p, size);
	memcpy(g->q, q, size);
	for (int t = 0; t < trades; t++) {
		double part = trade[t].permitted_w / g->k->base_va;
		g->p[trade[t].buyer] += part;
		g->p[trade[t].seller] -= part;
	}
	g->p[0] = p[0]; /* what the utility buys and sells flows nowhere */
	int r = flow_solve(&g->s, g->k, g->p, g->q, SOLVED);
	if (r < 0) {
		flow_start(&g->s, source.re);
	}
	return r;
}

/* As much of all trades as does not let the voltage collapse. */
static int solve_some(struct permit *g, const double *p, const double *q,
		      struct permit_trade *trade, int trades)
{
	int r = solve_with(g, p, q, trade, trades);
	for (int i = 0; r < 0 && i < HALVINGS_MAX; i++) {
		for (int t = 0; t < trades; t++) {
			trade[t].permitted_w = i == HALVINGS_MAX - 1 ? 0 : trade[t].permitted_w / 2;
		}
		r = solve_with(g, p, q, trade, trades);
	}
	return r;
}

/* --- limits in the way --------------------------------------------------------------------------
 */

static bool is_known(const struct permit *g, const struct limit *l)
{
	for (int i = 0; i < g->bindings; i++) {
		if (g->binding[i].kind == l->kind && g->binding[i].node == l->node) {
			return true;
		}
	}
	return false;
}

/* Add the limits that are broken: the worst of each kind only, as the others often follow from it.
 * Returns how many, or -E2BIG. */
static int add_broken(struct permit *g)
{
	int worst[LIMIT_KINDS] = { -1, -1, -1 }, added = 0;
	double most[LIMIT_KINDS] = { KEPT, KEPT, KEPT };
	for (int i = 0; i < g->limits; i++) {
		const struct limit *l = &g->limit[i];
		double excess = limit_excess(l, &g->s, g->k, g->f);
		if (excess > most[l->kind] && !is_known(g, l)) {
			most[l->kind] = excess;
			worst[l->kind] = i;
		}
	}
	for (int kind = 0; kind < LIMIT_KINDS; kind++) {
		if (worst[kind] < 0) {
			continue;
		}
		if (g->bindings == PERMIT_BINDING_MAX) {
			return -E2BIG;
		}
		g->binding[g->bindings++] = g->limit[worst[kind]];
		added++;
	}
	return added;
}

static double *slope_of(const struct permit *g, int limit)
{
	return g->slope + (size_t)limit * (size_t)g->k->nodes;
}

/* Sensitivities at the flow that is there. */
static int linearise(struct permit *g)
{
	sensitivity_at(&g->a, &g->s, g->p, g->q);
	int r = sensitivity_loss(&g->a, &g->s, g->k, g->loss, NULL);
	for (int i = 0; r == 0 && i < g->bindings; i++) {
		g->excess[i] = limit_excess(&g->binding[i], &g->s, g->k, g->f);
		r = limit_slope(&g->binding[i], &g->a, &g->s, g->k, slope_of(g, i));
	}
	return r;
}

static double effect(const double *slope, const struct permit_trade *t)
{
	return slope[t->buyer] - slope[t->seller];
}

/* --- the linear program -------------------------------------------------------------------------
 */

/* What the most effective trade does to a limit when it is first in the way: its unit. */
static double unit_of(const struct permit *g, struct work *w, int limit)
{
	double unit = 0;
	if (w->weight[limit] == 0) {
		for (int t = 0; t < w->trades; t++) {
			unit = fmax(unit, fabs(effect(slope_of(g, limit), &w->trade[t])));
		}
		w->weight[limit] = UNKEPT * w->largest / (unit > 0 ? unit : 1);
	}
	return UNKEPT * w->largest / w->weight[limit];
}

/* A limit as a row, in its unit; a column of its own lets it go where nothing else helps. */
static void add_row(const struct permit *g, struct work *w, int limit)
{
	const double *slope = slope_of(g, limit);
	double unit = unit_of(g, w, limit), at = 0;
	for (int t = 0; t < w->trades; t++) {
		at += effect(slope, &w->trade[t]) * w->at_w[t] / g->k->base_va;
	}
	double bound = (at - g->excess[limit] - KEPT / 2) / unit; /* of loads per unit */
	int row = lp_row(&w->lp, -INFINITY, bound * g->k->base_va / w->unit);
	for (int t = 0; t < w->trades; t++) {
		double here = effect(slope, &w->trade[t]) / unit;
		if (fabs(here) > NOTHING) {
			lp_entry(&w->lp, row, t, here);
		}
	}
	int slack = lp_column(&w->lp, 0, INFINITY, UNKEPT * w->largest);
	lp_entry(&w->lp, row, slack, -1);
	/* A start of the simplex method of our own: GLPK's presolver, which finds one otherwise,
	 * takes small coefficients for none and comes to answers that are not the best. */
	lp_pair(&w->lp, row, slack);
}

/* Without any limit in the way each trade stands alone. */
static int take_bounds(struct lp *lp)
{
	for (int t = 0; t < lp->columns; t++) {
		struct lp_column *c = &lp->column[t];
		c->x = c->cost < 0 ? c->high : c->low;
	}
	return lp->lacking ? -ENOMEM : 0;
}

/* The trades as columns, within reach of the point. Returns what the point is worth in it. */
static double add_columns(const struct permit *g, struct work *w)
{
	double now = 0;
	for (int t = 0; t < w->trades; t++) {
		const struct permit_trade *trade = &w->trade[t];
		double gain = fmax(trade->gain, LEAST_GAIN);
		gain -= w->losses ? w->price * effect(g->loss, trade) : 0;
		double low = fmax(0, w->at_w[t] - w->reach * trade->w);
		double high = fmin(trade->w, w->at_w[t] + w->reach * trade->w);
		int column = lp_column(&w->lp, low / w->unit, high / w->unit, -gain);
		if (gain > 0) {
			lp_rest_high(&w->lp, column);
		}
		now -= gain * w->at_w[t] / g->k->base_va;
	}
	return now;
}

/* The best within reach of the point. */
static int program(const struct permit *g, struct work *w)
{
	struct lp *lp = &w->lp;
	double then = 0;
	lp_clear(lp);
	double now = add_columns(g, w);
	for (int i = 0; i < g->bindings; i++) {
		add_row(g, w, i);
		now += w->weight[i] * fmax(0, g->excess[i] + KEPT / 2);
	}
	int r = g->bindings ? lp_relax(lp, w->deadline_us) : take_bounds(lp);
	if (r < 0) {
		return r;
	}
	for (int c = 0; c < lp->columns; c++) {
		then += lp->column[c].cost * lp->column[c].x * w->unit / g->k->base_va;
	}
	for (int t = 0; t < w->trades; t++) {
		double to_w = lp->column[t].x * w->unit;
		w->trade[t].permitted_w = fmin(fmax(to_w, 0), w->trade[t].w);
	}
	w->promised = now - then;
	return 0;
}

/* What is not gained at the flow that is there, which was solved for so much of each trade. */
static double merit_of(const struct permit *g, const struct work *w, bool at_point)
{
	double merit = 0, loss;
	for (int t = 0; t < w->trades; t++) {
		const struct permit_trade *trade = &w->trade[t];
		double here_w = at_point ? w->at_w[t] : trade->permitted_w;
		merit -= fmax(trade->gain, LEAST_GAIN) * here_w / g->k->base_va;
	}
	for (int i = 0; i < g->bindings; i++) {
		double excess = limit_excess(&g->binding[i], &g->s, g->k, g->f);
		merit += w->weight[i] * fmax(0, excess + KEPT / 2);
	}
	flow_loss(&g->s, g->k, &loss, NULL);
	return merit + (w->losses ? w->price * loss : 0);
}

/* --- the answer ---------------------------------------------------------------------------------
 */

/* The limit that costs a trade most. */
static void tell_reasons(const struct permit *g, struct permit_trade *trade, int trades)
{
	for (int t = 0; t < trades; t++) {
		double most = 0;
		trade[t].reason = -1;
		if (trade[t].permitted_w >= trade[t].w * (1 - WHOLE)) {
			trade[t].permitted_w = trade[t].w;
			continue;
		}
		for (int i = 0; i < g->bindings; i++) {
			double cost = g->dual[i] * effect(slope_of(g, i), &trade[t]);
			if (cost > most) {
				most = cost;
				trade[t].reason = i;
			}
		}
	}
}

static void set_prices(struct permit *g, double price)
{
	for (int n = 0; n < g->k->nodes; n++) {
		struct permit_price *out = &g->price[n];
		*out = (struct permit_price){ .energy = price, .loss = price * g->loss[n] };
		for (int i = 0; i < g->bindings; i++) {
			double part = g->dual[i] * slope_of(g, i)[n];
			*(g->binding[i].kind == LIMIT_BRANCH ? &out->congestion : &out->voltage) +=
				part;
		}
	}
}

/* --- passes -------------------------------------------------------------------------------------
 */

static void stay(struct work *w)
{
	for (int t = 0; t < w->trades; t++) {
		w->at_w[t] = w->trade[t].permitted_w;
	}
}

static void go_back(struct work *w)
{
	for (int t = 0; t < w->trades; t++) {
		w->trade[t].permitted_w = w->at_w[t];
	}
}

/* Stay at what the program answered where the flow gains a fair part of what was promised. */
static int try_answer(struct permit *g, struct work *w)
{
	int r = solve_with(g, w->p, w->q, w->trade, w->trades);
	int added = r < 0 ? 0 : add_broken(g);
	if (added != 0) { /* a limit nobody looked at: it counts from now on, from the same point */
		go_back(w);
		return added < 0 ? added : 0;
	}
	double part = r < 0 ? -1 : (w->merit - merit_of(g, w, false)) / w->promised;
	if (part > FAIR) {
		stay(w);
	} else {
		go_back(w);
	}
	w->reach *= part > GOOD ? 2 : part < POOR ? NARROWER : 1;
	w->reach = fmin(w->reach, 1);
	return 0;
}

/* The point it is. What binds is worth what the program says that reaches everywhere. Returns 1 or
 * -errno. */
static int settle(struct permit *g, struct work *w)
{
	w->reach = 1;
	int r = program(g, w);
	go_back(w);
	for (int i = 0; r == 0 && i < g->bindings; i++) {
		double unit = UNKEPT * w->largest / w->weight[i];
		g->dual[i] = fmax(0, -w->lp.row[i].dual / unit);
	}
	return r < 0 ? r : 1;
}

/* Whether each limit is kept but those that the program too could only let go. */
static bool is_kept(const struct permit *g, const struct work *w)
{
	for (int i = 0; i < g->bindings; i++) {
		double unit = UNKEPT * w->largest / w->weight[i];
		double let_go = w->lp.column[w->trades + i].x * w->unit / g->k->base_va * unit;
		if (g->excess[i] > KEPT && let_go < g->excess[i] / 2) {
			return false;
		}
	}
	return true;
}

/* Returns 1: done, 0: not yet, or -errno. */
static int pass(struct permit *g, struct work *w)
{
	int r = solve_with(g, w->p, w->q, w->trade, w->trades);
	r = r < 0 ? r : linearise(g);
	r = r < 0 ? r : program(g, w);
	if (r < 0) {
		return r;
	}
	/* The last steps may be many and small: what keeps every limit will do then. */
	bool last = g->passes == PASSES_MAX - 1 && is_kept(g, w);
	double wanted = w->wanted + LEAST_GAIN;
	if (w->promised <= wanted * fmax(ENOUGH * w->reach, ROUNDING) || last) {
		return settle(g, w);
	}
	w->merit = merit_of(g, w, true);
	return try_answer(g, w);
}

static int begin(struct permit *g, struct work *w)
{
	g->bindings = 0;
	w->reach = 1;
	w->unit = 1e-3;
	w->largest = LEAST_GAIN;
	for (int t = 0; t < w->trades; t++) {
		w->trade[t].permitted_w = w->trade[t].w;
		w->unit = fmax(w->unit, w->trade[t].w / COLUMN_MAX);
		w->largest = fmax(w->largest, w->trade[t].gain);
		w->wanted += w->trade[t].gain * w->trade[t].w / g->k->base_va;
	}
	int r = solve_with(g, w->p, w->q, w->trade, w->trades);
	g->wanted_excess = r < 0 ? INFINITY : -INFINITY;
	for (int i = 0; r == 0 && i < g->limits; i++) {
		double excess = limit_excess(&g->limit[i], &g->s, g->k, g->f);
		g->wanted_excess = fmax(g->wanted_excess, excess);
	}
	r = solve_some(g, w->p, w->q, w->trade, w->trades);
	r = r < 0 ? r : add_broken(g);
	stay(w);
	return r < 0 ? r : 0;
}

int permit_solve(struct permit *g, const double *p, const double *q, struct permit_trade *trade,
		 int trades, double price, bool losses, int64_t deadline_us)
{
	struct work w = { .p = p,
			  .q = q,
			  .trade = trade,
			  .at_w = calloc((size_t)trades + 1, sizeof(*w.at_w)),
			  .trades = trades,
			  .price = price,
			  .losses = losses,
			  .deadline_us = deadline_us };
	int r = w.at_w ? begin(g, &w) : -ENOMEM;
	for (g->passes = 0; r == 0 && g->passes < PASSES_MAX; g->passes++) {
		r = pass(g, &w);
	}
	r = r == 0 ? -ELOOP : r;
	for (int t = 0; r < 0 && t < trades; t++) {
		trade[t].permitted_w = 0;
		trade[t].reason = -1;
	}
	if (r > 0) {
		tell_reasons(g, trade, trades);
		set_prices(g, price);
	}
	lp_free(&w.lp);
	free(w.at_w);
	return r < 0 ? r : 0;
}
