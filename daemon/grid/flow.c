/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/flow.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Near the point of collapse each sweep gains little; what is not there after this many is not. */
enum { SWEEPS_MAX = 2000 };
#define ROUNDING 1e-14 /* a change below it is none */

int flow_init(struct flow *s, const struct network *k)
{
	size_t n = (size_t)k->nodes;
	*s = (struct flow){ .nodes = k->nodes, .v = calloc(2 * n, sizeof(*s->v)) };
	if (!s->v) {
		return -ENOMEM;
	}
	s->i = s->v + n;
	flow_start(s, 1);
	return 0;
}

void flow_free(struct flow *s)
{
	free(s->v);
	*s = (struct flow){ 0 };
}

void flow_start(struct flow *s, double source_v)
{
	for (int n = 0; n < s->nodes; n++) {
		s->v[n] = (struct phasor){ source_v, 0 };
	}
}

/* Two numbers that the processor handles at once. */
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));

static const pair *pair_at(const double *numbers)
{
	return (const pair *)numbers;
}

static pair *phasor_at(struct phasor *p)
{
	return (pair *)p;
}

/* What a load draws: I = conj(S / V). */
static struct phasor draw_one(struct phasor v, double p, double q)
{
	double part = 1 / (v.re * v.re + v.im * v.im);
	return (struct phasor){ (p * v.re + q * v.im) * part, (p * v.im - q * v.re) * part };
}

/* What loads and shunts draw at the voltages that are there, two nodes at once. */
static void draw(struct flow *s, const struct network *k, const double *load_p,
		 const double *load_q)
{
	int n = 0;
	for (; n + 2 <= s->nodes; n += 2) {
		pair one = *phasor_at(&s->v[n]), two = *phasor_at(&s->v[n + 1]);
		pair p = *pair_at(&load_p[n]), q = *pair_at(&load_q[n]);
		pair re = __builtin_shufflevector(one, two, 0, 2);
		pair im = __builtin_shufflevector(one, two, 1, 3);
		pair part = 1 / (re * re + im * im);
		pair ir = (p * re + q * im) * part, ii = (p * im - q * re) * part;
		*phasor_at(&s->i[n]) = __builtin_shufflevector(ir, ii, 0, 2);
		*phasor_at(&s->i[n + 1]) = __builtin_shufflevector(ir, ii, 1, 3);
	}
	if (n < s->nodes) {
		s->i[n] = draw_one(s->v[n], load_p[n], load_q[n]);
	}
	for (n = 0; k->shunts && n < s->nodes; n++) {
		s->i[n].re += k->g[n] * s->v[n].re - k->b[n] * s->v[n].im;
		s->i[n].im += k->g[n] * s->v[n].im + k->b[n] * s->v[n].re;
	}
}

/* Sum currents towards the source. */
static void gather(struct flow *s, const struct network *k)
{
	const int *parent = k->parent;
	for (int n = s->nodes - 1; n > 0; n--) {
		*phasor_at(&s->i[parent[n]]) += *phasor_at(&s->i[n]);
	}
}

/* Drop voltages from the source on. Returns the square of the largest change (at most double). */
static double drop(struct flow *s, const struct network *k)
{
	const int *parent = k->parent;
	double most_re = 0, most_im = 0;
	for (int n = 1; n < s->nodes; n++) {
		pair i = *phasor_at(&s->i[n]);
		pair turned = __builtin_shufflevector(i, i, 1, 0);
		pair x = { k->x[n], -k->x[n] };
		pair v = *phasor_at(&s->v[parent[n]]) - k->r[n] * i + x * turned;
		pair change = v - *phasor_at(&s->v[n]);
		change *= change;
		most_re = change[0] > most_re ? change[0] : most_re;
		most_im = change[1] > most_im ? change[1] : most_im;
		*phasor_at(&s->v[n]) = v;
	}
	return most_re + most_im;
}

double flow_error_left(double most, double gain)
{
	if (most <= ROUNDING * ROUNDING) {
		return 0;
	}
	return gain < 1 ? 2 * sqrt(most * gain) / (1 - sqrt(gain)) : INFINITY;
}

int flow_solve(struct flow *s, const struct network *k, const double *p, const double *q,
	       double tolerance)
{
	double most = 0, gain = INFINITY, left = INFINITY;
	for (s->sweeps = 0; s->sweeps < SWEEPS_MAX && left > tolerance;) {
		double before = most, gain_before = gain;
		draw(s, k, p, q);
		gather(s, k);
		most = drop(s, k);
		gain = s->sweeps ? most / before : INFINITY;
		left = flow_error_left(most, fmax(gain, gain_before));
		s->sweeps++;
		if (!(most < 100) || !isfinite(s->i[0].re + s->i[0].im)) { /* a voltage went to 0 */
			return -EDOM;
		}
	}
	return left <= tolerance ? 0 : -EDOM;
}

int flow_collapse(const struct flow *s)
{
	int worst = 0;
	double low = INFINITY;
	for (int n = 1; n < s->nodes; n++) {
		double square = s->v[n].re * s->v[n].re + s->v[n].im * s->v[n].im;
		if (!(square >= low)) {
			worst = n;
			low = square;
		}
		if (!isfinite(square)) {
			return n;
		}
	}
	return worst;
}

double flow_voltage(const struct flow *s, const struct network *k, int node)
{
	return k->scale[node] * sqrt(s->v[node].re * s->v[node].re + s->v[node].im * s->v[node].im);
}

void flow_loss(const struct flow *s, const struct network *k, double *p, double *q)
{
	double loss_p = 0, loss_q = 0;
	for (int n = 0; n < s->nodes; n++) {
		double i2 = s->i[n].re * s->i[n].re + s->i[n].im * s->i[n].im;
		double v2 = s->v[n].re * s->v[n].re + s->v[n].im * s->v[n].im;
		loss_p += k->r[n] * i2 + k->g[n] * v2;
		loss_q += k->x[n] * i2 - k->b[n] * v2;
	}
	*p = loss_p;
	if (q) {
		*q = loss_q;
	}
}

void flow_source(const struct flow *s, const struct network *k, const double *load_p,
		 const double *load_q, double *p, double *q)
{
	double lost_q;
	flow_loss(s, k, p, &lost_q);
	for (int n = 0; n < s->nodes; n++) {
		*p += load_p[n];
		lost_q += load_q[n];
	}
	if (q) {
		*q = lost_q;
	}
}

void flow_through(const struct flow *s, int node, double *p, double *q)
{
	*p = s->v[node].re * s->i[node].re + s->v[node].im * s->i[node].im;
	*q = s->v[node].im * s->i[node].re - s->v[node].re * s->i[node].im;
}

double flow_apparent(const struct flow *s, const struct network *k, int node)
{
	int other = k->parent[node] < 0 ? node : k->parent[node];
	double current = hypot(s->i[node].re, s->i[node].im);
	return current *
	       fmax(hypot(s->v[node].re, s->v[node].im), hypot(s->v[other].re, s->v[other].im));
}

static int extreme(const struct flow *s, const struct network *k, double sign)
{
	int found = 0;
	double best = -INFINITY;
	for (int n = 0; n < s->nodes; n++) {
		double square = s->v[n].re * s->v[n].re + s->v[n].im * s->v[n].im;
		double here = sign * square * k->scale[n] * k->scale[n];
		if (here > best) {
			found = n;
			best = here;
		}
	}
	return found;
}

int flow_lowest(const struct flow *s, const struct network *k)
{
	return extreme(s, k, -1);
}

int flow_highest(const struct flow *s, const struct network *k)
{
	return extreme(s, k, 1);
}

double flow_mismatch(const struct flow *s, const struct network *k, const double *p,
		     const double *q)
{
	double worst = 0;
	double *rest = calloc(2 * (size_t)s->nodes, sizeof(*rest));
	if (!rest) {
		return INFINITY;
	}
	double *re = rest, *im = rest + s->nodes;
	for (int n = s->nodes - 1; n > 0; n--) {
		int up = k->parent[n];
		re[n] += s->i[n].re;
		im[n] += s->i[n].im;
		re[up] -= s->i[n].re;
		im[up] -= s->i[n].im;
		double vr = s->v[n].re, vi = s->v[n].im;
		double ir = re[n] - (k->g[n] * vr - k->b[n] * vi);
		double ii = im[n] - (k->g[n] * vi + k->b[n] * vr);
		worst = fmax(worst, fabs(vr * ir + vi * ii - p[n]));
		worst = fmax(worst, fabs(vi * ir - vr * ii - q[n]));
	}
	free(rest);
	return worst;
}
