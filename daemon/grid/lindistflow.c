/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/lindistflow.h"

#include <math.h>

void lindistflow(const struct network *k, double source_v, const double *p, const double *q,
		 double *v, double *through_p, double *through_q)
{
	double source = source_v * source_v;
	for (int n = 0; n < k->nodes; n++) { /* shunts as at the source's voltage */
		through_p[n] = p[n] + k->g[n] * source;
		through_q[n] = q[n] - k->b[n] * source;
	}
	for (int n = k->nodes - 1; n > 0; n--) {
		through_p[k->parent[n]] += through_p[n];
		through_q[k->parent[n]] += through_q[n];
	}
	v[0] = source;
	for (int n = 1; n < k->nodes; n++) {
		v[n] = v[k->parent[n]] - 2 * (k->r[n] * through_p[n] + k->x[n] * through_q[n]);
	}
	for (int n = 0; n < k->nodes; n++) {
		v[n] = k->scale[n] * sqrt(fmax(v[n], 0));
	}
}

double lindistflow_loss(const struct network *k, const double *through_p, const double *through_q)
{
	double loss = 0;
	for (int n = 0; n < k->nodes; n++) {
		loss += k->r[n] * (through_p[n] * through_p[n] + through_q[n] * through_q[n]) +
			k->g[n];
	}
	return loss;
}
