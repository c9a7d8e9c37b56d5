/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The power flow of a small tree by Newton's method on the nodes' admittances, in rectangular
 * coordinates with a dense Jacobian: shares nothing with the sweeps that it judges. */
#ifndef LECD_TEST_NEWTON_H
#define LECD_TEST_NEWTON_H

#include <math.h>
#include <string.h>

#include "daemon/grid/network.h"

enum { NEWTON_NODES = 10, NEWTON_SIZE = 2 * NEWTON_NODES };

struct newton {
	double re[NEWTON_NODES], im[NEWTON_NODES]; /* the solution; node 0 is 1 */
	double g[NEWTON_NODES][NEWTON_NODES], b[NEWTON_NODES][NEWTON_NODES];
	double a[NEWTON_SIZE][NEWTON_SIZE + 1]; /* the Jacobian, and the mismatch behind it */
};

static inline void newton_admittances(struct newton *w, const struct network *k)
{
	memset(w->g, 0, sizeof(w->g));
	memset(w->b, 0, sizeof(w->b));
	for (int n = 0; n < k->nodes; n++) {
		w->g[n][n] += k->g[n];
		w->b[n][n] += k->b[n];
	}
	for (int n = 1; n < k->nodes; n++) {
		int up = k->parent[n];
		double square = k->r[n] * k->r[n] + k->x[n] * k->x[n];
		double g = k->r[n] / square, b = -k->x[n] / square;
		w->g[n][n] += g, w->b[n][n] += b;
		w->g[up][up] += g, w->b[up][up] += b;
		w->g[n][up] -= g, w->b[n][up] -= b;
		w->g[up][n] -= g, w->b[up][n] -= b;
	}
}

/* Rows: P and Q that each node gives into the network, plus its load, are to be 0. */
static inline double newton_jacobian(struct newton *w, int nodes, const double *p, const double *q)
{
	double worst = 0;
	for (int i = 1; i < nodes; i++) {
		double *rp = w->a[2 * i - 2], *rq = w->a[2 * i - 1];
		double e = w->re[i], f = w->im[i], ir = 0, ii = 0;
		for (int j = 0; j < nodes; j++) {
			ir += w->g[i][j] * w->re[j] - w->b[i][j] * w->im[j];
			ii += w->g[i][j] * w->im[j] + w->b[i][j] * w->re[j];
		}
		for (int j = 1; j < nodes; j++) {
			double g = w->g[i][j], b = w->b[i][j];
			rp[2 * j - 2] = e * g + f * b;
			rp[2 * j - 1] = -e * b + f * g;
			rq[2 * j - 2] = f * g - e * b;
			rq[2 * j - 1] = -f * b - e * g;
		}
		rp[2 * i - 2] += ir, rp[2 * i - 1] += ii;
		rq[2 * i - 2] -= ii, rq[2 * i - 1] += ir;
		rp[NEWTON_SIZE] = -(e * ir + f * ii + p[i]);
		rq[NEWTON_SIZE] = -(f * ir - e * ii + q[i]);
		worst = fmax(worst, fmax(fabs(rp[NEWTON_SIZE]), fabs(rq[NEWTON_SIZE])));
	}
	return worst;
}

/* Gauss with row pivots; the answer comes to stand in the last column. */
static inline void newton_eliminate(struct newton *w, int size)
{
	for (int c = 0; c < size; c++) {
		int pivot = c;
		for (int r = c + 1; r < size; r++) {
			pivot = fabs(w->a[r][c]) > fabs(w->a[pivot][c]) ? r : pivot;
		}
		if (pivot != c) {
			double row[NEWTON_SIZE + 1];
			memcpy(row, w->a[c], sizeof(row));
			memcpy(w->a[c], w->a[pivot], sizeof(row));
			memcpy(w->a[pivot], row, sizeof(row));
		}
		for (int r = 0; r < size; r++) {
			double part = r == c ? 0 : w->a[r][c] / w->a[c][c];
			for (int j = c; part != 0 && j < size; j++) {
				w->a[r][j] -= part * w->a[c][j];
			}
			w->a[r][NEWTON_SIZE] -= part * w->a[c][NEWTON_SIZE];
		}
	}
	for (int c = 0; c < size; c++) {
		w->a[c][NEWTON_SIZE] /= w->a[c][c];
	}
}

/* Solve for loads p and q from 1 everywhere, to rounding. Returns 0, -1: not in 20 steps. */
static inline int newton_solve(struct newton *w, const struct network *k, const double *p,
			       const double *q)
{
	newton_admittances(w, k);
	for (int n = 0; n < k->nodes; n++) {
		w->re[n] = 1;
		w->im[n] = 0;
	}
	for (int step = 0; step < 20; step++) {
		if (newton_jacobian(w, k->nodes, p, q) < 1e-12) {
			return 0;
		}
		newton_eliminate(w, 2 * k->nodes - 2);
		for (int n = 1; n < k->nodes; n++) {
			w->re[n] += w->a[2 * n - 2][NEWTON_SIZE];
			w->im[n] += w->a[2 * n - 1][NEWTON_SIZE];
		}
	}
	return -1;
}

#endif
