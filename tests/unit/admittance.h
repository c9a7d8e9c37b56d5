/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The power flow of a three-phase circuit by its matrix of admittances: factorised once as a
 * symmetric one within its envelope, and the loads' currents put in until they stay. Shares nothing
 * with the sweeps that it judges but the circuit. */
#ifndef LECD_TEST_ADMITTANCE_H
#define LECD_TEST_ADMITTANCE_H

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/circuit.h"

struct admittance {
	const struct circuit *c;
	int n;               /* bus * PHASES + phase */
	int *first;          /* of each row, the first column within its envelope */
	double complex **l;  /* rows of the envelope, [first .. row] */
	double complex *v;   /* the solution, V */
	double complex *fed; /* currents that come from the ideal source */
};

/* y = inverse of the branch's impedance on the phases that it has, Gauss-Jordan. */
static inline void admittance_branch(const struct circuit_branch *b,
				     double complex y[PHASES][PHASES])
{
	double complex a[PHASES][2 * PHASES] = { 0 };
	for (int i = 0; i < PHASES; i++) {
		bool has = b->phases >> i & 1;
		for (int j = 0; j < PHASES; j++) {
			a[i][j] = has ? b->r[i][j] + I * b->x[i][j] : (double)(i == j);
		}
		a[i][PHASES + i] = has;
	}
	for (int k = 0; k < PHASES; k++) {
		double complex pivot = a[k][k];
		for (int j = 0; j < 2 * PHASES; j++) {
			a[k][j] /= pivot;
		}
		for (int i = 0; i < PHASES; i++) {
			double complex part = i == k ? 0 : a[i][k];
			for (int j = 0; j < 2 * PHASES; j++) {
				a[i][j] -= part * a[k][j];
			}
		}
	}
	for (int i = 0; i < PHASES; i++) {
		memcpy(y[i], &a[i][PHASES], sizeof(y[i]));
	}
}

static inline void admittance_add(struct admittance *s, int row, int column, double complex y)
{
	if (row >= column && y != 0) {
		s->l[row][column - s->first[row]] += y;
	}
}

/* Stamp i_to = y (t v_from - v_to), and its mirror image; half the shunts at each end. */
static inline void admittance_stamp(struct admittance *s, int branch)
{
	const struct feeder_branch *f = &s->c->feeder.branch[branch];
	const struct circuit_branch *b = &s->c->branch[branch];
	double complex y[PHASES][PHASES], yt[PHASES][PHASES] = { 0 }, tyt[PHASES][PHASES] = { 0 };
	int from = f->from * PHASES, to = f->to * PHASES;
	admittance_branch(b, y);
	for (int i = 0; i < PHASES * PHASES; i++) {
		for (int k = 0; k < PHASES; k++) {
			yt[i / PHASES][i % PHASES] += y[i / PHASES][k] * b->t[k][i % PHASES];
		}
	}
	for (int i = 0; i < PHASES * PHASES; i++) {
		for (int k = 0; k < PHASES; k++) {
			tyt[i / PHASES][i % PHASES] += b->t[k][i / PHASES] * yt[k][i % PHASES];
		}
	}
	for (int i = 0; i < PHASES; i++) {
		for (int j = 0; j < PHASES; j++) {
			double complex shunt = I * b->b[i][j] / 2;
			admittance_add(s, to + i, to + j, y[i][j] + shunt);
			admittance_add(s, from + i, from + j, tyt[i][j] + shunt);
			admittance_add(s, to + i, from + j, -yt[i][j]);
			admittance_add(s, from + j, to + i, -yt[i][j]);
		}
	}
}

/* Row by row within the envelope: the unit lower half, and the diagonal in place of its ones. */
static inline void admittance_factor(struct admittance *s)
{
	for (int i = 0; i < s->n; i++) {
		double complex *row = s->l[i] - s->first[i];
		for (int j = s->first[i]; j < i; j++) {
			const double complex *other = s->l[j] - s->first[j];
			int from = s->first[i] > s->first[j] ? s->first[i] : s->first[j];
			for (int k = from; k < j; k++) {
				row[j] -= row[k] * other[k];
			}
		}
		for (int j = s->first[i]; j < i; j++) { /* row[j] is l_ij d_j */
			double complex l = row[j] / s->l[j][j - s->first[j]];
			row[i] -= l * row[j];
			row[j] = l;
		}
	}
}

static inline void admittance_solve(const struct admittance *s, double complex *x)
{
	for (int i = 0; i < s->n; i++) {
		const double complex *row = s->l[i] - s->first[i];
		for (int j = s->first[i]; j < i; j++) {
			x[i] -= row[j] * x[j];
		}
	}
	for (int i = s->n - 1; i >= 0; i--) {
		const double complex *row = s->l[i] - s->first[i];
		x[i] /= row[i];
	}
	for (int i = s->n - 1; i >= 0; i--) {
		const double complex *row = s->l[i] - s->first[i];
		for (int j = s->first[i]; j < i; j++) {
			x[j] -= row[j] * x[i];
		}
	}
}

static inline void admittance_init(struct admittance *s, const struct circuit *c)
{
	size_t n = (size_t)c->feeder.buses * PHASES;
	*s = (struct admittance){ .c = c, .n = (int)n };
	s->first = calloc(n, sizeof(*s->first));
	s->l = calloc(n, sizeof(double complex *));
	s->v = calloc(n, sizeof(*s->v));
	s->fed = calloc(n, sizeof(*s->fed));
	for (int i = 0; i < s->n; i++) {
		s->first[i] = i / PHASES * PHASES;
	}
	for (int b = 0; b < c->feeder.branches; b++) {
		int from = c->feeder.branch[b].from * PHASES, to = c->feeder.branch[b].to * PHASES;
		int low = from < to ? from : to, high = from < to ? to : from;
		for (int i = high; i < high + PHASES; i++) {
			s->first[i] = low < s->first[i] ? low : s->first[i];
		}
	}
	for (int i = 0; i < s->n; i++) {
		s->l[i] = calloc((size_t)(i - s->first[i] + 1), sizeof(double complex));
	}
	for (int b = 0; b < c->feeder.branches; b++) {
		admittance_stamp(s, b);
	}
	/* The ideal source as a current into an admittance far above all others would lose digits:
	 * its rows are taken out instead, with what they give to the others kept as currents. */
	int source = c->feeder.source * PHASES;
	for (int i = 0; i < s->n; i++) {
		for (int j = s->first[i]; j <= i; j++) {
			bool in_row = i >= source && i < source + PHASES;
			bool in_column = j >= source && j < source + PHASES;
			double complex *y = &s->l[i][j - s->first[i]];
			if (!in_row && !in_column) {
				continue;
			}
			int phase = in_row ? i - source : j - source;
			double complex v =
				c->source_v * cexp(I * (c->source_angle - 2 * M_PI / 3 * phase));
			if (!(in_row && in_column)) {
				s->fed[in_row ? j : i] -= *y * v;
			}
			*y = i == j;
			s->fed[i] = in_row ? v : s->fed[i];
		}
	}
	for (int i = 0; i < s->n; i++) { /* phases that a bus lacks */
		if (s->l[i][i - s->first[i]] == 0) {
			s->l[i][i - s->first[i]] = 1;
		}
	}
	admittance_factor(s);
}

static inline void admittance_free(struct admittance *s)
{
	for (int i = 0; i < s->n; i++) {
		free(s->l[i]);
	}
	free(s->l);
	free(s->first);
	free(s->v);
	free(s->fed);
}

/* What a load draws, by the words of its model. */
static inline double complex admittance_load(const struct circuit_load *l, double complex s,
					     double complex v)
{
	double size = cabs(v), low = l->v_min * l->base_v, high = l->v_max * l->base_v;
	double held = fmin(fmax(size, low), high);
	double complex at = v / size * held; /* where the model holds */
	double complex current = l->model == LOAD_POWER ? conj(s / at)
				 : l->model == LOAD_CURRENT
					 ? conj(s / (at / held * l->base_v))
					 : conj(s) * at / (l->base_v * l->base_v);
	return current * (size / held); /* and beyond as the impedance it has there */
}

/* Solve for the loads of a step. Returns 0, or -1: not in 200 rounds. */
static inline int admittance_run(struct admittance *s, int step, double factor)
{
	double complex *x = malloc((size_t)s->n * sizeof(*x));
	int result = -1;
	memcpy(s->v, s->fed, (size_t)s->n * sizeof(*x));
	admittance_solve(s, s->v);
	for (int round = 0; round < 200 && result < 0; round++) {
		double most = 0;
		memcpy(x, s->fed, (size_t)s->n * sizeof(*x));
		for (int i = 0; i < s->c->loads; i++) {
			const struct circuit_load *l = &s->c->load[i];
			int at = l->bus * PHASES + l->phase, other = l->bus * PHASES + l->against;
			double complex v = s->v[at];
			double p, q;
			circuit_power(s->c, l, step, &p, &q);
			v -= l->against == GROUND ? 0 : s->v[other];
			double complex current = admittance_load(l, factor * (p + I * q), v);
			x[at] -= current;
			if (l->against != GROUND) {
				x[other] += current;
			}
		}
		admittance_solve(s, x);
		for (int i = 0; i < s->n; i++) {
			most = fmax(most, cabs(x[i] - s->v[i]) / s->c->source_v);
		}
		memcpy(s->v, x, (size_t)s->n * sizeof(*x));
		result = most < 1e-13 ? 0 : -1;
	}
	free(x);
	return result;
}

#endif
