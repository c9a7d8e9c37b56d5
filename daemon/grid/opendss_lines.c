/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and their codes: sequence values into phases, units into ohm.
 *
 * Symmetrical components: Fortescue 1918; Zs = (2 Z1 + Z0) / 3 of a phase, Zm = (Z0 - Z1) / 3
 * between two. A neutral that is earthed at both ends is taken in by Kron's reduction. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/grid/opendss_build.h"

static const double metres[] = {
	[DSS_NONE] = 0,    [DSS_MI] = 1609.344, [DSS_KFT] = 304.8, [DSS_KM] = 1000,  [DSS_M] = 1,
	[DSS_FT] = 0.3048, [DSS_IN] = 0.0254,   [DSS_CM] = 0.01,   [DSS_MM] = 0.001,
};

/* What a line code has for each unit of length. */
struct per_length {
	int phases;
	double r[DSS_WIRES_MAX][DSS_WIRES_MAX], x[DSS_WIRES_MAX][DSS_WIRES_MAX],
		c[DSS_WIRES_MAX][DSS_WIRES_MAX];
};

/* Take wire n out: it is at the voltage of ground at both ends. z_ij - z_in z_nj / z_nn. */
static void reduce(struct per_length *p, int n)
{
	double square = p->r[n][n] * p->r[n][n] + p->x[n][n] * p->x[n][n];
	struct per_length q = *p;
	q.phases--;
	for (int i = 0; i < q.phases; i++) {
		for (int j = 0; j < q.phases; j++) {
			int a = i + (i >= n), e = j + (j >= n);
			double re = p->r[a][n] * p->r[n][e] - p->x[a][n] * p->x[n][e];
			double im = p->r[a][n] * p->x[n][e] + p->x[a][n] * p->r[n][e];
			q.r[i][j] = p->r[a][e] - (re * p->r[n][n] + im * p->x[n][n]) / square;
			q.x[i][j] = p->x[a][e] - (im * p->r[n][n] - re * p->x[n][n]) / square;
			q.c[i][j] = p->c[a][e];
		}
	}
	*p = q;
}

static bool all_given(const struct dss_code *c, const char *const *names)
{
	bool given = true;
	for (; *names; names++) {
		given = given && dss_given(DSS_CODE, c, *names);
	}
	return given;
}

static int take_code(const struct builder *b, const struct dss_code *c, struct per_length *out)
{
	static const char *const sequence[] = { "r1", "x1", "r0", "x0", "c1", "c0", NULL };
	static const char *const matrix[] = { "rmatrix", "xmatrix", "cmatrix", NULL };
	*out = (struct per_length){ .phases = c->phases };
	if (all_given(c, sequence) && c->phases == PHASES && !dss_given(DSS_CODE, c, "rmatrix")) {
		for (int i = 0; i < PHASES * PHASES; i++) {
			int row = i / PHASES, column = i % PHASES;
			bool self = row == column;
			out->r[row][column] = ((self ? 2 : -1) * c->r1 + c->r0) / 3;
			out->x[row][column] = ((self ? 2 : -1) * c->x1 + c->x0) / 3;
			out->c[row][column] = ((self ? 2 : -1) * c->c1 + c->c0) / 3;
		}
	} else if (all_given(c, matrix)) {
		memcpy(out->r, c->r, sizeof(out->r));
		memcpy(out->x, c->x, sizeof(out->x));
		memcpy(out->c, c->c, sizeof(out->c));
	} else {
		return build_wrong(
			b, &c->o, "the line code is told in part",
			"R1, X1, R0, X0, C1 and C0 of three phases, or rmatrix, xmatrix and "
			"cmatrix (C in nF; 0 for none)");
	}
	int neutral = c->neutral ? c->neutral : c->phases;
	if (c->kron &&
	    (c->phases < 2 || neutral > c->phases ||
	     hypot(out->r[neutral - 1][neutral - 1], out->x[neutral - 1][neutral - 1]) == 0)) {
		return build_wrong(b, &c->o, "there is no neutral to take in",
				   "one of its wires with an impedance");
	}
	if (c->kron) {
		reduce(out, neutral - 1);
	}
	return 0;
}

/* The wires of a code times a length, where a line has its phases. */
static void place(double (*wire)[DSS_WIRES_MAX], const struct connection *at, double factor,
		  double (*out)[PHASES])
{
	for (int i = 0; i < at->nodes; i++) {
		for (int j = 0; j < at->nodes; j++) {
			out[at->node[i] - 1][at->node[j] - 1] = factor * wire[i][j];
		}
	}
}

int build_line(const struct builder *b, const struct dss_line *l)
{
	struct connection at[2];
	struct per_length z;
	struct circuit_branch out = { 0 };
	const struct dss_code *code = dss_find(b->all, DSS_CODE, l->code);
	if (!code) {
		return build_wrong(b, &l->o, *l->code ? l->code : "no line code is told",
				   "LineCode=, the name of one");
	}
	int r = take_code(b, code, &z);
	for (int i = 0; i < 2 && r >= 0; i++) {
		r = build_connect(b, &l->o, l->bus[i], &at[i]);
		r = r < 0 ? r : build_phases(b, &l->o, l->bus[i], l->phases, &at[i]);
	}
	if (r < 0) {
		return r;
	}
	if (z.phases != l->phases) {
		return build_wrong(b, &l->o, l->code,
				   "a line code with as many phases as the line");
	}
	if (memcmp(at[0].node, at[1].node, (size_t)l->phases * sizeof(*at[0].node)) != 0) {
		return build_wrong(b, &l->o, l->bus[1],
				   "the phases of the other end in the same order");
	}
	double length = l->length;
	if (l->unit != DSS_NONE && code->unit != DSS_NONE) {
		length *= metres[l->unit] / metres[code->unit];
	}
	place(z.r, &at[0], length, out.r);
	place(z.x, &at[0], length, out.x);
	place(z.c, &at[0], length * 2 * M_PI * b->all->frequency * 1e-9, out.b);
	for (int i = 0; i < l->phases; i++) {
		int phase = at[0].node[i] - 1;
		out.phases |= 1U << phase;
		out.t[phase][phase] = 1;
	}
	return build_branch(b, &l->o, at[0].bus, at[1].bus, false, &out);
}
