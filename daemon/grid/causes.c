/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SOLVED 1e-12

/* Gauss-Legendre points of 0..1 and their weights: exact for polynomials up to the ninth degree. */
static const struct {
	double at, weight;
} points[] = {
	{ 0.046910077030668004, 0.11846344252809454 },
	{ 0.23076534494715845, 0.23931433524968324 },
	{ 0.5, 0.28444444444444444 },
	{ 0.76923465505284155, 0.23931433524968324 },
	{ 0.95308992296933200, 0.11846344252809454 },
};
enum { POINTS = sizeof(points) / sizeof(*points) };

int causes_init(struct causes *c, const struct network *k)
{
	size_t n = (size_t)k->nodes;
	*c = (struct causes){ .mean_p = calloc(6 * n, sizeof(*c->mean_p)) };
	if (!c->mean_p) {
		return -ENOMEM;
	}
	c->mean_q = c->mean_p + n;
	c->p = c->mean_q + n;
	c->q = c->p + n;
	return 0;
}

void causes_free(struct causes *c)
{
	free(c->mean_p);
	*c = (struct causes){ 0 };
}

static int solve_part(struct causes *c, struct flow *s, const struct network *k, const double *p,
		      const double *q, double part)
{
	for (int n = 0; n < k->nodes; n++) {
		c->p[n] = part * p[n];
		c->q[n] = part * q[n];
	}
	return flow_solve(s, k, c->p, c->q, SOLVED);
}

int causes_find(struct causes *c, struct flow *s, struct sensitivity *a, const struct network *k,
		const double *p, const double *q)
{
	size_t n = (size_t)k->nodes;
	double *dp = c->q + n, *dq = dp + n;
	struct phasor source = s->v[0];
	memset(c->mean_p, 0, 2 * n * sizeof(*c->mean_p));
	flow_start(s, source.re);
	for (int i = 0; i < POINTS; i++) {
		int r = solve_part(c, s, k, p, q, points[i].at);
		if (r == 0) {
			sensitivity_at(a, s, c->p, c->q);
			r = sensitivity_loss(a, s, k, dp, dq);
		}
		if (r < 0) {
			flow_start(s, source.re);
			return r;
		}
		for (size_t j = 0; j < n; j++) {
			c->mean_p[j] += points[i].weight * dp[j];
			c->mean_q[j] += points[i].weight * dq[j];
		}
	}
	int r = solve_part(c, s, k, p, q, 1);
	if (r < 0) {
		flow_start(s, source.re);
		return r;
	}
	flow_loss(s, k, &c->loss, NULL);
	c->fixed = c->loss;
	for (size_t j = 0; j < n; j++) {
		c->fixed -= p[j] * c->mean_p[j] + q[j] * c->mean_q[j];
	}
	return 0;
}
