/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/envelope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 200, LEVEL_STEPS = 30 };
#define KEPT    1e-6  /* an excess up to here is none, per unit; aimed at by half of it */
#define SOLVED  1e-11 /* of the flow */
#define MATTERS 0.1   /* of the largest effect */

int envelope_init(struct envelope *e, const struct feeder *f, const struct network *k,
		  double source_v)
{
	*e = (struct envelope){
		.f = f, .k = k, .limits = limits_count(k, f), .source_v = source_v
	};
	e->limit = calloc((size_t)e->limits, sizeof(*e->limit));
	e->p = calloc(2 * (size_t)k->nodes, sizeof(*e->p));
	if (!e->limit || !e->p || flow_init(&e->s, k) < 0 || sensitivity_init(&e->a, k) < 0) {
		envelope_free(e);
		return -ENOMEM;
	}
	e->slope = e->p + k->nodes;
	limits_list(k, f, e->limit);
	flow_start(&e->s, source_v);
	return 0;
}

void envelope_free(struct envelope *e)
{
	sensitivity_free(&e->a);
	flow_free(&e->s);
	free(e->limit);
	free(e->p);
	*e = (struct envelope){ 0 };
}

/* One direction: +1 all take their limits, -1 all feed them in. */
struct direction {
	struct envelope *e;
	const double *p, *q;
	struct envelope_home *home;
	int homes;
	double sign;
	double *was_w; /* work, by home: its limit before this round, below 0: it does not matter */
};

static double carried(const struct direction *d, int i)
{
	return d->sign > 0 ? d->home[i].import_w : d->home[i].export_w;
}

static double *limit_of(const struct direction *d, int i)
{
	return d->sign > 0 ? &d->home[i].import_limit_w : &d->home[i].export_limit_w;
}

static int solve(const struct direction *d)
{
	struct envelope *e = d->e;
	memcpy(e->p, d->p, (size_t)e->k->nodes * sizeof(*e->p));
	for (int i = 0; i < d->homes; i++) {
		e->p[d->home[i].node] += d->sign * *limit_of(d, i) / e->k->base_va;
	}
	int r = flow_solve(&e->s, e->k, e->p, d->q, SOLVED);
	if (r < 0) {
		flow_start(&e->s, e->source_v);
	}
	return r;
}

/* The limit that is broken most; NULL: none. */
static const struct limit *worst_of(const struct direction *d, double *excess)
{
	const struct envelope *e = d->e;
	const struct limit *worst = NULL;
	*excess = KEPT;
	for (int i = 0; i < e->limits; i++) {
		double here = limit_excess(&e->limit[i], &e->s, e->k, e->f);
		if (here > *excess) {
			*excess = here;
			worst = &e->limit[i];
		}
	}
	return worst;
}

/* Find who matters to a limit whose slope is there. Returns whether anybody does who has something
 * to give up. */
static bool find_who_matters(const struct direction *d)
{
	double largest = 0;
	for (int i = 0; i < d->homes; i++) {
		if (*limit_of(d, i) > 0) {
			largest = fmax(largest, d->sign * d->e->slope[d->home[i].node]);
		}
	}
	for (int i = 0; i < d->homes; i++) {
		double slope = d->sign * d->e->slope[d->home[i].node];
		d->was_w[i] = slope >= MATTERS * largest ? *limit_of(d, i) : -1;
	}
	return largest > 0;
}

/* Homes that matter keep at most the part `level` of their connections. */
static void lower(const struct direction *d, const struct limit *l, double level)
{
	for (int i = 0; i < d->homes; i++) {
		double most_w = level * carried(d, i);
		if (d->was_w[i] >= 0) {
			*limit_of(d, i) = fmin(d->was_w[i], most_w);
			if (most_w < d->was_w[i]) {
				*(d->sign > 0 ? &d->home[i].import_by : &d->home[i].export_by) = *l;
			}
		}
	}
}

static bool keeps(const struct direction *d, const struct limit *l)
{
	const struct envelope *e = d->e;
	return solve(d) == 0 && limit_excess(l, &e->s, e->k, e->f) <= KEPT / 2;
}

/* Lower the part of their connections that homes which matter may keep, until the limit is kept.
 * Returns false where nobody can do more. */
static bool share(const struct direction *d, const struct limit *l)
{
	double low = 0, high = 1;
	if (!find_who_matters(d)) {
		return false;
	}
	for (int step = 0; step < LEVEL_STEPS; step++) {
		double middle = (low + high) / 2;
		lower(d, l, middle);
		*(keeps(d, l) ? &low : &high) = middle;
	}
	lower(d, l, low);
	return true;
}

static void tell_broken(struct envelope *e, const struct limit *l, double excess)
{
	if (!e->broken || excess > e->excess) {
		e->broken = true;
		e->broken_by = *l;
		e->excess = excess;
	}
}

static void scale_all(const struct direction *d, double factor)
{
	for (int i = 0; i < d->homes; i++) {
		*limit_of(d, i) *= factor;
	}
}

static int set_direction(const struct direction *d)
{
	struct envelope *e = d->e;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		double excess;
		if (solve(d) < 0) { /* far beyond: halved until it is a flow at all */
			scale_all(d, round < ROUNDS_MAX / 2 ? 0.5 : 0);
			if (round > ROUNDS_MAX / 2) {
				return -EDOM;
			}
			continue;
		}
		const struct limit *worst = worst_of(d, &excess);
		if (!worst) {
			return 0;
		}
		sensitivity_at(&e->a, &e->s, e->p, d->q);
		int r = limit_slope(worst, &e->a, &e->s, e->k, e->slope);
		if (r < 0) {
			scale_all(d, 0.9);
		} else if (!share(d, worst)) {
			tell_broken(e, worst, excess);
			return 0;
		}
	}
	scale_all(d, 0); /* never seen: each round lowers somebody */
	return 0;
}

int envelope_set(struct envelope *e, const double *p, const double *q, struct envelope_home *home,
		 int homes)
{
	double *was_w = calloc((size_t)homes + 1, sizeof(*was_w));
	int r = was_w ? 0 : -ENOMEM;
	e->broken = false;
	for (int i = 0; i < homes; i++) {
		home[i].import_limit_w = home[i].import_w;
		home[i].export_limit_w = home[i].export_w;
		home[i].import_by = home[i].export_by = (struct limit){ 0 };
	}
	for (int sign = 1; sign >= -1 && r == 0; sign -= 2) {
		struct direction d = { e, p, q, home, homes, sign, was_w };
		r = set_direction(&d);
	}
	for (int i = 0; i < homes && r < 0; i++) {
		home[i].import_limit_w = home[i].export_limit_w = 0;
	}
	free(was_w);
	return r;
}
