/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/sensitivity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS_MAX = 2000 };
#define ENOUGH 1e-12 /* a change of h below it, of its largest value, is none */

int sensitivity_init(struct sensitivity *a, const struct network *k)
{
	size_t n = (size_t)k->nodes;
	*a = (struct sensitivity){ .nodes = k->nodes, .d = calloc(4 * n, sizeof(*a->d)) };
	if (!a->d) {
		return -ENOMEM;
	}
	a->c = a->d + n;
	a->w = a->c + n;
	a->h = a->w + n;
	return 0;
}

void sensitivity_free(struct sensitivity *a)
{
	free(a->d);
	*a = (struct sensitivity){ 0 };
}

static struct phasor product(struct phasor x, struct phasor y)
{
	return (struct phasor){ x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re };
}

static struct phasor conjugate(struct phasor x)
{
	return (struct phasor){ x.re, -x.im };
}

static double square(struct phasor x)
{
	return x.re * x.re + x.im * x.im;
}

/* 1 / conj(v) */
static struct phasor over_conjugate(struct phasor v)
{
	double part = 1 / square(v);
	return (struct phasor){ v.re * part, v.im * part };
}

void sensitivity_at(struct sensitivity *a, const struct flow *s, const double *p, const double *q)
{
	for (int n = 0; n < a->nodes; n++) {
		struct phasor part = over_conjugate(s->v[n]);
		a->d[n] = product((struct phasor){ p[n], -q[n] }, product(part, part));
	}
}

/* w = c + Y h - conj(D h), summed towards the source. */
static void gather(struct sensitivity *a, const struct network *k)
{
	for (int n = 0; n < a->nodes; n++) {
		struct phasor h = a->h[n];
		struct phasor back = product(a->d[n], h);
		a->w[n].re = a->c[n].re - back.re + k->g[n] * h.re - k->b[n] * h.im;
		a->w[n].im = a->c[n].im + back.im + k->g[n] * h.im + k->b[n] * h.re;
	}
	for (int n = a->nodes - 1; n > 0; n--) {
		a->w[k->parent[n]].re += a->w[n].re;
		a->w[k->parent[n]].im += a->w[n].im;
	}
}

/* h falls by Z w along each branch, and rises by `step` from node `at` on. Returns the square of
 * the largest change. */
static double drop(struct sensitivity *a, const struct network *k, int at, struct phasor step)
{
	double most = 0;
	for (int n = 0; n < a->nodes; n++) {
		struct phasor h = n ? a->h[k->parent[n]] : (struct phasor){ 0 };
		h.re -= k->r[n] * a->w[n].re - k->x[n] * a->w[n].im;
		h.im -= k->r[n] * a->w[n].im + k->x[n] * a->w[n].re;
		if (n == at) {
			h.re += step.re;
			h.im += step.im;
		}
		struct phasor change = { h.re - a->h[n].re, h.im - a->h[n].im };
		most = fmax(most, square(change));
		a->h[n] = h;
	}
	return most;
}

/* With c set, and e = step in the part of the tree behind node `at`. */
static int solve(struct sensitivity *a, const struct flow *s, const struct network *k, int at,
		 struct phasor step, double *dp, double *dq)
{
	double most = INFINITY, largest = 0;
	memset(a->h, 0, (size_t)a->nodes * sizeof(*a->h));
	for (a->sweeps = 0; a->sweeps < SWEEPS_MAX; a->sweeps++) {
		gather(a, k);
		most = drop(a, k, at, step);
		largest = fmax(largest, most);
		if (!(most > ENOUGH * ENOUGH * largest) || !(largest < 1e100)) {
			break;
		}
	}
	memset(a->c, 0, (size_t)a->nodes * sizeof(*a->c));
	if (!(most <= ENOUGH * ENOUGH * largest)) {
		return -EDOM;
	}
	for (int n = 0; n < a->nodes; n++) {
		struct phasor part = product(a->h[n], over_conjugate(s->v[n]));
		dp[n] = part.re;
		if (dq) {
			dq[n] = part.im;
		}
	}
	return 0;
}

int sensitivity_loss(struct sensitivity *a, const struct flow *s, const struct network *k,
		     double *dp, double *dq)
{
	/* What the source gives, Re(V0 conj(I0)), less all loads. */
	int r = solve(a, s, k, 0, conjugate(s->v[0]), dp, dq);
	for (int n = 0; r == 0 && n < a->nodes; n++) {
		dp[n] -= 1;
	}
	return r;
}

/* Ask about node's |V| times `part`, beside what is asked already. */
static void ask_voltage(struct sensitivity *a, const struct flow *s, int node, double part)
{
	double magnitude = sqrt(square(s->v[node]));
	a->c[node].re += part * s->v[node].re / magnitude;
	a->c[node].im -= part * s->v[node].im / magnitude;
}

int sensitivity_voltage(struct sensitivity *a, const struct flow *s, const struct network *k,
			int node, double *dp, double *dq)
{
	if (node > 0) { /* the source's is given */
		ask_voltage(a, s, node, k->scale[node]);
	}
	return solve(a, s, k, -1, (struct phasor){ 0 }, dp, dq);
}

int sensitivity_apparent(struct sensitivity *a, const struct flow *s, const struct network *k,
			 int node, double *dp, double *dq)
{
	int up = k->parent[node];
	int heavy = square(s->v[node]) > square(s->v[up]) ? node : up;
	double current = sqrt(square(s->i[node])), voltage = sqrt(square(s->v[heavy]));
	struct phasor step = { 0 };
	if (current > 0) {
		step.re = s->i[node].re / current * voltage;
		step.im = -s->i[node].im / current * voltage;
	}
	if (heavy > 0) {
		ask_voltage(a, s, heavy, current);
	}
	return solve(a, s, k, node, step, dp, dq);
}
