/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/nodal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DUAL_SWEEPS_MAX = 500, HALVINGS_MAX = 12, ADDED_MAX = 3 };
#define SOLVED     1e-11 /* of the flow */
#define MET        1e-7  /* an excess up to here is none, per unit */
#define PART_LEAST 0.02
#define DROPPED    1e-3 /* a limit that is this far from binding, and has no price, is let go */

int nodal_init(struct nodal *n, const struct feeder *f, const struct network *k, double source_v,
	       int parties, int steps, const int *node)
{
	size_t cells = (size_t)steps * (size_t)k->nodes, all = (size_t)parties;
	*n = (struct nodal){ .f = f,
			     .k = k,
			     .parties = parties,
			     .steps = steps,
			     .source_v = source_v,
			     .limits = limits_count(k, f) };
	n->node = calloc(all, sizeof(*n->node));
	n->base_p = calloc(2 * cells, sizeof(*n->base_p));
	n->flow = calloc((size_t)steps, sizeof(*n->flow));
	n->binding = calloc((size_t)steps, sizeof(*n->binding));
	n->at_kw = calloc((size_t)steps * (5 * all + 1), sizeof(*n->at_kw));
	n->limit = calloc((size_t)n->limits, sizeof(*n->limit));
	n->p = calloc(2 * (size_t)k->nodes + (NODAL_BINDING_MAX + 2) * all, sizeof(*n->p));
	int r = n->node && n->base_p && n->flow && n->binding && n->at_kw && n->limit && n->p
			? sensitivity_init(&n->a, k)
			: -ENOMEM;
	for (int t = 0; t < steps && r == 0; t++) {
		r = flow_init(&n->flow[t], k);
	}
	if (r < 0) {
		nodal_free(n);
		return r;
	}
	n->base_q = n->base_p + cells;
	n->before_kw = n->at_kw + (size_t)steps * all;
	n->before_cost = n->before_kw + (size_t)steps * all;
	n->wish_kw = n->before_cost + (size_t)steps * all;
	n->pull = n->wish_kw + (size_t)steps * all;
	n->part = n->pull + (size_t)steps * all;
	n->slope = n->p + k->nodes;
	n->moves = n->slope + k->nodes;
	n->aim = n->moves + NODAL_BINDING_MAX * all;
	memcpy(n->node, node, all * sizeof(*node));
	limits_list(k, f, n->limit);
	for (int t = 0; t < steps; t++) {
		flow_start(&n->flow[t], source_v);
		n->part[t] = 1;
	}
	return 0;
}

void nodal_free(struct nodal *n)
{
	for (int t = 0; n->flow && t < n->steps; t++) {
		flow_free(&n->flow[t]);
	}
	sensitivity_free(&n->a);
	free(n->node);
	free(n->base_p);
	free(n->flow);
	free(n->binding);
	free(n->at_kw);
	free(n->limit);
	free(n->p);
	*n = (struct nodal){ 0 };
}

static const double *base(const double *of, const struct nodal *n, int t)
{
	return of + (size_t)t * (size_t)n->k->nodes;
}

/* With the power of party a at power_kw[a * stride]. */
static int solve(struct nodal *n, int t, const double *power_kw, int stride, double factor)
{
	memcpy(n->p, base(n->base_p, n, t), (size_t)n->k->nodes * sizeof(*n->p));
	for (int a = 0; a < n->parties; a++) {
		n->p[n->node[a]] += factor * power_kw[(long)a * stride] * 1e3 / n->k->base_va;
	}
	int r = flow_solve(&n->flow[t], n->k, n->p, base(n->base_q, n, t), SOLVED);
	if (r < 0) {
		flow_start(&n->flow[t], n->source_v);
	}
	return r;
}

int nodal_flow(struct nodal *n, int t, const double *power_kw)
{
	return solve(n, t, power_kw + t, n->steps, 1);
}

double nodal_excess(const struct nodal *n, int t, struct limit *limit)
{
	double worst = -INFINITY;
	for (int i = 0; i < n->limits; i++) {
		double here = limit_excess(&n->limit[i], &n->flow[t], n->k, n->f);
		if (here > worst) {
			worst = here;
			*limit = n->limit[i];
		}
	}
	return worst;
}

/* --- the limits that bind -----------------------------------------------------------------------
 */

static bool holds(const struct nodal_binding *b, const struct limit *l)
{
	for (int i = 0; i < b->count; i++) {
		if (b->limit[i].kind == l->kind && b->limit[i].node == l->node) {
			return true;
		}
	}
	return false;
}

/* Let go of limits that are far and free. */
static void forget(const struct nodal *n, int t, struct nodal_binding *b)
{
	int kept = 0;
	for (int i = 0; i < b->count; i++) {
		double excess = limit_excess(&b->limit[i], &n->flow[t], n->k, n->f) + n->margin;
		if (b->multiplier[i] > 0 || excess > -DROPPED) {
			b->limit[kept] = b->limit[i];
			b->multiplier[kept++] = b->multiplier[i];
		}
	}
	b->count = kept;
}

/* Take in the worst that is broken and not there yet. */
static void find_broken(struct nodal *n, int t, struct nodal_binding *b)
{
	for (int added = 0; added < ADDED_MAX && b->count < NODAL_BINDING_MAX; added++) {
		double worst = MET - n->margin;
		const struct limit *found = NULL;
		for (int i = 0; i < n->limits; i++) {
			double here = limit_excess(&n->limit[i], &n->flow[t], n->k, n->f);
			if (here > worst && !holds(b, &n->limit[i])) {
				worst = here;
				found = &n->limit[i];
			}
		}
		if (!found) {
			return;
		}
		b->multiplier[b->count] = 0;
		b->limit[b->count++] = *found;
	}
}

/* A step's problem: rows are binding limits, moves[row] how their excess moves with each party's
 * kW, over[row] what it is at the aim. */
struct dual {
	int rows;
	double over[NODAL_BINDING_MAX];
	double gram[NODAL_BINDING_MAX][NODAL_BINDING_MAX];
};

/* Multipliers >= 0 with over - gram m <= 0, and no multiplier where it is below: by coordinates. */
static void solve_dual(const struct dual *d, double *m)
{
	for (int sweep = 0; sweep < DUAL_SWEEPS_MAX; sweep++) {
		double most = 0;
		for (int i = 0; i < d->rows; i++) {
			double rest = d->over[i];
			for (int k = 0; k < d->rows; k++) {
				rest -= k == i ? 0 : d->gram[i][k] * m[k];
			}
			double now = d->gram[i][i] > 0 ? fmax(rest / d->gram[i][i], 0) : 0;
			most = fmax(most, fabs(now - m[i]) * sqrt(d->gram[i][i]));
			m[i] = now;
		}
		if (most <= 1e-12) {
			return;
		}
	}
}

/* How each party's kW moves a row. */
static int put_row(struct nodal *n, int t, const struct limit *l, double *row)
{
	int r = limit_slope(l, &n->a, &n->flow[t], n->k, n->slope);
	for (int a = 0; a < n->parties && r == 0; a++) {
		row[a] = n->slope[n->node[a]] * 1e3 / n->k->base_va;
	}
	return r;
}

/* The multipliers with which z = aim - gives * moves' m is within the limits. at: where they were
 * linearised. */
static int price_limits(struct nodal *n, int t, const double *gives, const double *at)
{
	struct nodal_binding *b = &n->binding[t];
	struct dual d = { .rows = b->count };
	for (int i = 0; i < b->count; i++) {
		double *row = n->moves + (long)i * n->parties;
		int r = put_row(n, t, &b->limit[i], row);
		if (r < 0) {
			return r;
		}
		d.over[i] = limit_excess(&b->limit[i], &n->flow[t], n->k, n->f) + n->margin;
		for (int a = 0; a < n->parties; a++) {
			d.over[i] += row[a] * (n->aim[a] - at[a]);
		}
		for (int k = 0; k <= i; k++) {
			const double *other = n->moves + (long)k * n->parties;
			d.gram[i][k] = 0;
			for (int a = 0; a < n->parties; a++) {
				d.gram[i][k] += gives[a] * row[a] * other[a];
			}
			d.gram[k][i] = d.gram[i][k];
		}
	}
	solve_dual(&d, b->multiplier);
	return 0;
}

/* --- a step's answer ----------------------------------------------------------------------------
 */

/* A flow at the z of the last answer, or a part of it where there is none. */
static int sweep(struct nodal *n, int t, double *at)
{
	for (int i = 0; i < HALVINGS_MAX; i++) {
		if (solve(n, t, at, 1, 1) == 0) {
			return 0;
		}
		for (int a = 0; a < n->parties; a++) {
			at[a] *= 0.5;
		}
	}
	return -EDOM;
}

static void note_excess(struct nodal *n, int t)
{
	struct limit worst;
	double excess = nodal_excess(n, t, &worst);
	if (t == 0 || excess > n->excess) {
		n->excess = excess;
		n->worst = worst;
		n->worst_step = t;
	}
}

/* How far to go: losses cost `cost` of each at `at`, something else at the z before. */
static void set_part(struct nodal *n, int t, const double *gives, const double *at,
		     const double *cost)
{
	double *before_kw = n->before_kw + (long)t * n->parties;
	double *before_cost = n->before_cost + (long)t * n->parties;
	double along = 0, square = 0;
	for (int a = 0; a < n->parties; a++) {
		double moved = at[a] - before_kw[a];
		double pull = gives[a] > 0 ? moved / gives[a] + cost[a] - before_cost[a] : 0;
		along += moved * pull;
		square += gives[a] * pull * pull;
		before_kw[a] = at[a];
		before_cost[a] = cost[a];
	}
	if (n->answers > 0 && along > 1e-18 && square > 0) {
		n->part[t] = fmin(fmax(along / square, PART_LEAST), 1);
	}
}

/* Aim at where the parties and the losses pull, and price it. */
static int aim(struct nodal *n, int t, const double *wish_kw, const double *gives, double energy,
	       const double *at, double *price)
{
	int r = sensitivity_loss(&n->a, &n->flow[t], n->k, n->slope, NULL);
	for (int a = 0; a < n->parties && r == 0; a++) {
		n->aim[a] = energy * n->slope[n->node[a]];
	}
	if (r < 0) {
		return r;
	}
	set_part(n, t, gives, at, n->aim);
	for (int a = 0; a < n->parties; a++) {
		double lost = n->aim[a], all = wish_kw[(long)a * n->steps] - gives[a] * lost;
		price[(long)a * n->steps] = energy + lost;
		n->aim[a] = gives[a] > 0 ? at[a] + n->part[t] * (all - at[a]) : all;
	}
	return 0;
}

/* To another wish the first guess is what the last prices make of it. */
static void begin_at(struct nodal *n, int t, const double *wish_kw, const double *gives, double *at)
{
	double *last_kw = n->wish_kw + (long)t * n->parties;
	const double *pull = n->pull + (long)t * n->parties;
	bool same = n->answers > 0;
	for (int a = 0; a < n->parties; a++) {
		double now_kw = wish_kw[(long)a * n->steps];
		same = same && now_kw == last_kw[a];
		last_kw[a] = now_kw;
	}
	for (int a = 0; a < n->parties && !same; a++) {
		at[a] = last_kw[a] - gives[a] * pull[a];
	}
}

static int answer_step(struct nodal *n, int t, const double *wish_kw, const double *gives,
		       double energy, double *loss_kw, double *price)
{
	struct nodal_binding *b = &n->binding[t];
	double *at = n->at_kw + (long)t * n->parties, loss;
	begin_at(n, t, wish_kw, gives, at);
	int r = sweep(n, t, at);
	if (r < 0) {
		return r;
	}
	sensitivity_at(&n->a, &n->flow[t], n->p, base(n->base_q, n, t));
	note_excess(n, t);
	forget(n, t, b);
	find_broken(n, t, b);
	flow_loss(&n->flow[t], n->k, &loss, NULL);
	*loss_kw = loss * n->k->base_va / 1e3;
	r = aim(n, t, wish_kw, gives, energy, at, price);
	r = r == 0 ? price_limits(n, t, gives, at) : r;
	for (int a = 0; a < n->parties && r == 0; a++) {
		double held = 0;
		for (int i = 0; i < b->count; i++) {
			held += b->multiplier[i] * n->moves[(long)i * n->parties + a];
		}
		price[(long)a * n->steps] += held / n->part[t];
		n->pull[(long)t * n->parties + a] = price[(long)a * n->steps] - energy;
		at[a] = n->aim[a] - gives[a] * held;
	}
	return r;
}

int nodal_answer(struct nodal *n, const double *wish_kw, const double *gives, const double *energy,
		 double *loss_kw, double *price)
{
	int r = 0;
	for (int t = 0; t < n->steps && r == 0; t++) {
		r = answer_step(n, t, wish_kw + t, gives, energy[t], &loss_kw[t], price + t);
	}
	n->answers += r == 0;
	return r;
}

int nodal_map(struct nodal *n, int t, double energy, double *price)
{
	const struct nodal_binding *b = &n->binding[t];
	sensitivity_at(&n->a, &n->flow[t], n->p, base(n->base_q, n, t));
	int r = sensitivity_loss(&n->a, &n->flow[t], n->k, n->slope, NULL);
	for (int i = 0; i < n->k->nodes && r == 0; i++) {
		price[i] = energy * (1 + n->slope[i]);
	}
	for (int l = 0; l < b->count && r == 0; l++) {
		double multiplier = b->multiplier[l] / n->part[t] * 1e3 / n->k->base_va;
		r = limit_slope(&b->limit[l], &n->a, &n->flow[t], n->k, n->slope);
		for (int i = 0; i < n->k->nodes && r == 0; i++) {
			price[i] += multiplier * n->slope[i];
		}
	}
	return r;
}
