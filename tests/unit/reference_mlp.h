/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network of dense layers reckoned in double, row by row, as one would write it down: what the
 * trainer's float32 and its gradients are judged by. */
#ifndef LECD_TEST_REFERENCE_MLP_H
#define LECD_TEST_REFERENCE_MLP_H

#include <math.h>

#include "policy/train/mlp.h"

enum { REFERENCE_WIDTH_MAX = 64 };
#define REFERENCE_STEP 1e-6 /* of finite differences, in double */

static inline void reference_double(const float *from, double *out, int count)
{
	for (int i = 0; i < count; i++) {
		out[i] = (double)from[i];
	}
}

static inline void reference_mlp(const struct mlp *m, const double *p, const double *in,
				 double *out)
{
	double here[REFERENCE_WIDTH_MAX], next[REFERENCE_WIDTH_MAX];
	for (int i = 0; i < m->width[0]; i++) {
		here[i] = in[i];
	}
	for (int layer = 0; layer < m->layers; layer++) {
		int rows = m->width[layer], columns = m->width[layer + 1];
		enum activation kind = layer == m->layers - 1 ? m->last : m->hidden;
		const double *bias = p + rows * columns;
		for (int c = 0; c < columns; c++) {
			next[c] = bias[c];
			for (int r = 0; r < rows; r++) {
				next[c] += here[r] * p[r * columns + c];
			}
			next[c] = kind == ACTIVATION_RELU   ? fmax(next[c], 0)
				  : kind == ACTIVATION_TANH ? tanh(next[c])
							    : next[c];
		}
		p = bias + columns;
		for (int c = 0; c < columns; c++) {
			here[c] = next[c];
		}
	}
	for (int c = 0; c < mlp_outputs(m); c++) {
		out[c] = here[c];
	}
}

#endif
