/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/three_phase.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS_MAX = 2000, SOURCE_BUS = 1, STEPS_OF_HALVING = 20 };

/* --- made ready ---------------------------------------------------------------------------------
 */

static void take_columns(double (*m)[PHASES], lanes *column)
{
	for (int j = 0; j < PHASES; j++) {
		column[j] = (lanes){ m[0][j], m[1][j], m[2][j], 0 };
	}
}

static bool is_whole_line(const struct circuit_branch *b)
{
	bool whole = b->phases == ALL_PHASES;
	for (int i = 0; i < PHASES; i++) {
		for (int j = 0; j < PHASES; j++) {
			whole = whole && b->t[i][j] == (i == j);
		}
	}
	return whole;
}

static void take_shunt(struct three_phase *s, int node, const struct circuit_branch *b)
{
	for (int j = 0; j < PHASES; j++) {
		s->b[node][j] += (lanes){ b->b[0][j] / 2, b->b[1][j] / 2, b->b[2][j] / 2, 0 };
		s->shunts = s->shunts || b->b[0][j] != 0 || b->b[1][j] != 0 || b->b[2][j] != 0;
	}
}

static void take_branches(struct three_phase *s, const struct circuit *c)
{
	for (int n = 0; n < s->k.nodes; n++) {
		s->nominal_v[n] = c->feeder.bus[s->k.bus[n]].kv * 1e3 / sqrt(3);
		s->per_square[n] = 1 / (s->nominal_v[n] * s->nominal_v[n]);
		s->turned[n] = -1;
		if (n == 0) {
			continue;
		}
		struct circuit_branch *b = &c->branch[s->k.branch[n]];
		take_columns(b->r, s->link[n].r);
		take_columns(b->x, s->link[n].x);
		take_shunt(s, n, b);
		take_shunt(s, s->k.parent[n], b);
		if (!is_whole_line(b)) {
			struct three_turn *t = &s->turn[s->turns];
			s->turned[n] = s->turns++;
			take_columns(b->t, t->column);
			for (int i = 0; i < PHASES; i++) {
				t->row[i] = (lanes){ b->t[i][0], b->t[i][1], b->t[i][2], 0 };
			}
		}
	}
}

static void take_loads(struct three_phase *s, const struct circuit *c)
{
	for (int i = 0; i < s->loads; i++) {
		const struct circuit_load *l = &c->load[i];
		s->load[i] = (struct three_load){
			.node = s->k.node[l->bus],
			.lane = l->phase,
			.against = l->against,
			.model = l->model,
			.base = l->base_v,
			.low = l->v_min * l->base_v,
			.high = l->v_max * l->base_v,
		};
	}
}

int three_phase_init(struct three_phase *s, const struct circuit *c)
{
	*s = (struct three_phase){ .loads = c->loads, .part = 1 };
	if (network_init(&s->k, &c->feeder) < 0) {
		return -ENOMEM;
	}
	size_t n = (size_t)s->k.nodes;
	s->v = calloc(2 * n, sizeof(*s->v));
	s->link = calloc(n, sizeof(*s->link));
	s->turn = calloc(n, sizeof(*s->turn));
	s->turned = calloc(n, sizeof(*s->turned));
	s->b = calloc(n, sizeof(*s->b));
	s->nominal_v = calloc(2 * n, sizeof(*s->nominal_v));
	s->load = calloc((size_t)s->loads + 1, sizeof(*s->load));
	if (!s->v || !s->link || !s->turn || !s->turned || !s->b || !s->nominal_v || !s->load) {
		three_phase_free(s);
		return -ENOMEM;
	}
	s->i = s->v + n;
	s->per_square = s->nominal_v + n;
	for (int p = 0; p < PHASES; p++) {
		double angle = c->source_angle - 2 * M_PI / 3 * p;
		s->v[0].re[p] = c->source_v * cos(angle);
		s->v[0].im[p] = c->source_v * sin(angle);
	}
	take_branches(s, c);
	take_loads(s, c);
	three_phase_loads(s, c, -1, 1);
	three_phase_start(s);
	return 0;
}

void three_phase_free(struct three_phase *s)
{
	network_free(&s->k);
	free(s->v);
	free(s->link);
	free(s->turn);
	free(s->turned);
	free(s->b);
	free(s->nominal_v);
	free(s->load);
	*s = (struct three_phase){ 0 };
}

void three_phase_loads(struct three_phase *s, const struct circuit *c, int step, double factor)
{
	for (int i = 0; i < s->loads; i++) {
		double p, q;
		circuit_power(c, &c->load[i], step, &p, &q);
		double part = c->load[i].fixed ? 1 : factor;
		s->load[i].p = part * p;
		s->load[i].q = part * q;
	}
}

/* --- sweeps -------------------------------------------------------------------------------------
 */

/* Half of the lanes. */
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));

/* A matrix, by its columns, times what one part of a triple has. By halves, as gcc spreads a number
 * over four lanes by way of memory where the processor is told to have two. */
static inline void multiply(const lanes *column, const lanes *part, lanes *out)
{
	const pair *c = (const pair *)column;
	const pair a = { (*part)[0], (*part)[0] }, b = { (*part)[1], (*part)[1] },
		   d = { (*part)[2], (*part)[2] };
	((pair *)out)[0] = c[0] * a + c[2] * b + c[4] * d;
	((pair *)out)[1] = c[1] * a + c[3] * b + c[5] * d;
}

/* The voltage at a node if its branch had no impedance. */
static inline struct triple fed(const struct three_phase *s, int n)
{
	struct triple v = s->v[s->k.parent[n]];
	if (s->turned[n] >= 0) {
		const struct three_turn *t = &s->turn[s->turned[n]];
		struct triple up = v;
		multiply(t->column, &up.re, &v.re);
		multiply(t->column, &up.im, &v.im);
	}
	return v;
}

void three_phase_start(struct three_phase *s)
{
	for (int n = 1; n < s->k.nodes; n++) {
		s->v[n] = fed(s, n);
	}
}

/* The square of the voltage at which a load has the admittance that it has now. */
static inline double square_of(const struct three_load *l, double re, double im)
{
	double square = re * re + im * im;
	if (l->model == LOAD_IMPEDANCE) {
		return l->base * l->base;
	}
	double low = l->low * l->low, high = l->high * l->high;
	square = square < low ? low : square > high ? high : square;
	return l->model == LOAD_POWER ? square : l->base * sqrt(square);
}

/* The voltage across a load; the current that it draws: conj(S) V / square. */
static inline void load_voltage(const struct three_phase *s, const struct three_load *l, double *re,
				double *im)
{
	const struct triple *v = &s->v[l->node];
	*re = v->re[l->lane] - v->re[l->against];
	*im = v->im[l->lane] - v->im[l->against];
}

static inline void draw(const struct three_phase *s, struct triple *i)
{
	for (int n = 0; n < s->k.nodes; n++) {
		i[n] = (struct triple){ 0 };
	}
	for (int n = 0; s->shunts && n < s->k.nodes; n++) {
		multiply(s->b[n], &s->v[n].im, &i[n].re);
		multiply(s->b[n], &s->v[n].re, &i[n].im);
		i[n].re = -i[n].re;
	}
	for (int k = 0; k < s->loads; k++) {
		const struct three_load *l = &s->load[k];
		double vr, vi;
		load_voltage(s, l, &vr, &vi);
		double part = s->part / square_of(l, vr, vi);
		double re = (l->p * vr + l->q * vi) * part, im = (l->p * vi - l->q * vr) * part;
		i[l->node].re[l->lane] += re;
		i[l->node].im[l->lane] += im;
		i[l->node].re[l->against] -= re;
		i[l->node].im[l->against] -= im;
	}
}

/* What a branch takes from its parent for what it brings to its node. */
static inline struct triple taken_up(const struct three_phase *s, int n, const struct triple *i)
{
	struct triple up = *i;
	if (s->turned[n] >= 0) {
		const struct three_turn *t = &s->turn[s->turned[n]];
		multiply(t->row, &i->re, &up.re);
		multiply(t->row, &i->im, &up.im);
	}
	return up;
}

static void gather(struct three_phase *s)
{
	for (int n = s->k.nodes - 1; n > 0; n--) {
		struct triple up = taken_up(s, n, &s->i[n]);
		s->i[s->k.parent[n]].re += up.re;
		s->i[s->k.parent[n]].im += up.im;
	}
}

/* The voltage at a node for the current of its branch. */
static inline struct triple dropped(const struct three_phase *s, int n)
{
	const struct three_link *z = &s->link[n];
	const struct triple *i = &s->i[n];
	struct triple v = fed(s, n);
	lanes part;
	multiply(z->r, &i->re, &part);
	v.re -= part;
	multiply(z->x, &i->im, &part);
	v.re += part;
	multiply(z->r, &i->im, &part);
	v.im -= part;
	multiply(z->x, &i->re, &part);
	v.im -= part;
	return v;
}

/* Returns the square of the largest change, as a part of nominal; or no finite number. */
static double drop(struct three_phase *s)
{
	double most = 0, all = 0;
	for (int n = 1; n < s->k.nodes; n++) {
		struct triple v = dropped(s, n);
		lanes re = v.re - s->v[n].re, im = v.im - s->v[n].im;
		re = (re * re + im * im) * s->per_square[n];
		most = re[0] > most ? re[0] : most;
		most = re[1] > most ? re[1] : most;
		most = re[2] > most ? re[2] : most;
		all += re[0] + re[1] + re[2];
		s->v[n] = v;
	}
	return isfinite(all) ? most : all;
}

int three_phase_solve(struct three_phase *s, double tolerance)
{
	double most = 0, gain = INFINITY, left = INFINITY;
	for (s->sweeps = 0; s->sweeps < SWEEPS_MAX && left > tolerance;) {
		double before = most, gain_before = gain;
		draw(s, s->i);
		gather(s);
		most = drop(s);
		gain = s->sweeps ? most / before : INFINITY;
		left = flow_error_left(most, fmax(gain, gain_before));
		s->sweeps++;
		if (!(most < 100)) { /* a voltage went away */
			return -EDOM;
		}
	}
	return left <= tolerance ? 0 : -EDOM;
}

/* --- results ------------------------------------------------------------------------------------
 */

double three_phase_voltage(const struct three_phase *s, int node, int phase)
{
	const struct triple *v = &s->v[node];
	double size = hypot(v->re[phase], v->im[phase]) / s->nominal_v[node];
	return size == 0 ? -1 : size;
}

double three_phase_across(const struct three_phase *s, int load)
{
	const struct three_load *l = &s->load[load];
	double re, im;
	load_voltage(s, l, &re, &im);
	return hypot(re, im) / (s->nominal_v[l->node] * (l->against == GROUND ? 1 : sqrt(3)));
}

void three_phase_taken(const struct three_phase *s, int load, double *p_w, double *q_var)
{
	const struct three_load *l = &s->load[load];
	double re, im;
	load_voltage(s, l, &re, &im);
	double part = (re * re + im * im) / square_of(l, re, im);
	*p_w = part * l->p;
	*q_var = part * l->q;
}

/* The power of a voltage and a current, all phases. */
static void power(const struct triple *v, const struct triple *i, double *p, double *q)
{
	lanes re = v->re * i->re + v->im * i->im, im = v->im * i->re - v->re * i->im;
	*p = re[0] + re[1] + re[2];
	*q = im[0] + im[1] + im[2];
}

void three_phase_source(const struct three_phase *s, double *p_w, double *q_var)
{
	power(&s->v[SOURCE_BUS], &s->i[SOURCE_BUS], p_w, q_var);
}

void three_phase_loss(const struct three_phase *s, double *p_w, double *q_var)
{
	double loss_p = 0, loss_q = 0;
	for (int n = 1; n < s->k.nodes; n++) {
		struct triple drop = fed(s, n), current = { 0 };
		double p = 0, q = 0;
		drop.re -= s->v[n].re;
		drop.im -= s->v[n].im;
		if (n > SOURCE_BUS) {
			power(&drop, &s->i[n], &p, &q);
			loss_p += p;
			loss_q += q;
		}
		multiply(s->b[n], &s->v[n].im, &current.re);
		multiply(s->b[n], &s->v[n].re, &current.im);
		current.re = -current.re;
		power(&s->v[n], &current, &p, &q);
		loss_q += q;
	}
	*p_w = loss_p;
	*q_var = loss_q;
}

void three_phase_through(const struct three_phase *s, int node, int phase, double *p_w,
			 double *q_var, double *current_a)
{
	double vr = s->v[node].re[phase], vi = s->v[node].im[phase];
	double ir = s->i[node].re[phase], ii = s->i[node].im[phase];
	*p_w = vr * ir + vi * ii;
	*q_var = vi * ir - vr * ii;
	*current_a = hypot(ir, ii);
}

static int extreme(const struct three_phase *s, double sign, int *phase)
{
	int found = SOURCE_BUS;
	double best = -INFINITY;
	*phase = 0;
	for (int n = s->k.nodes > 2 ? SOURCE_BUS + 1 : SOURCE_BUS; n < s->k.nodes; n++) {
		for (int p = 0; p < PHASES; p++) {
			double v = three_phase_voltage(s, n, p);
			if (v >= 0 && sign * v > best) {
				best = sign * v;
				found = n;
				*phase = p;
			}
		}
	}
	return found;
}

int three_phase_lowest(const struct three_phase *s, int *phase)
{
	return extreme(s, -1, phase);
}

int three_phase_highest(const struct three_phase *s, int *phase)
{
	return extreme(s, 1, phase);
}

double three_phase_carried(struct three_phase *s, int *node, int *phase)
{
	double low = 0, high = 1;
	for (int step = 0; step <= STEPS_OF_HALVING; step++) {
		s->part = step < STEPS_OF_HALVING ? (low + high) / 2 : low;
		three_phase_start(s);
		*(three_phase_solve(s, 1e-6) == 0 ? &low : &high) = s->part;
	}
	*node = three_phase_lowest(s, phase);
	s->part = 1;
	three_phase_start(s);
	return low;
}

double three_phase_mismatch(const struct three_phase *s)
{
	double worst = 0;
	struct triple *rest = calloc((size_t)s->k.nodes, sizeof(*rest));
	if (!rest) {
		return INFINITY;
	}
	draw(s, rest);
	for (int n = s->k.nodes - 1; n > 0; n--) {
		struct triple up = taken_up(s, n, &s->i[n]);
		rest[s->k.parent[n]].re += up.re;
		rest[s->k.parent[n]].im += up.im;
		struct triple off = { rest[n].re - s->i[n].re, rest[n].im - s->i[n].im };
		lanes p = s->v[n].re * off.re + s->v[n].im * off.im;
		lanes q = s->v[n].im * off.re - s->v[n].re * off.im;
		for (int phase = 0; phase < PHASES; phase++) {
			worst = fmax(worst, fmax(fabs(p[phase]), fabs(q[phase])));
		}
	}
	free(rest);
	return worst;
}
