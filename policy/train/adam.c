/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/train/adam.h"

#include <math.h>

/* As their authors have them. */
#define MEAN_KEPT   0.9f
#define SQUARE_KEPT 0.999f
#define LEAST       1e-8f

void adam_step(struct adam *a, float rate, const float *restrict gradient,
	       float *restrict parameters)
{
	float *restrict mean = a->mean, *restrict square = a->square;
	a->steps++;
	double unbias = sqrt(1 - pow((double)SQUARE_KEPT, (double)a->steps));
	float step = (float)(rate * unbias / (1 - pow((double)MEAN_KEPT, (double)a->steps)));
	float least = (float)(LEAST * unbias);
	for (int i = 0; i < a->count; i++) {
		float g = gradient[i];
		mean[i] = MEAN_KEPT * mean[i] + (1 - MEAN_KEPT) * g;
		square[i] = SQUARE_KEPT * square[i] + (1 - SQUARE_KEPT) * g * g;
		parameters[i] -= step * mean[i] / (sqrtf(square[i]) + least);
	}
}

double gradient_cut(float *gradient, int count, double most)
{
	enum { ABREAST = 8 };
	double sum[ABREAST] = { 0 };
	for (int i = 0; i < count; i++) {
		sum[i % ABREAST] += (double)gradient[i] * (double)gradient[i];
	}
	double norm = sqrt(((sum[0] + sum[1]) + (sum[2] + sum[3])) +
			   ((sum[4] + sum[5]) + (sum[6] + sum[7])));
	float part = (float)(most / norm);
	for (int i = 0; i < count && norm > most; i++) {
		gradient[i] *= part;
	}
	return norm;
}

void target_follow(float *restrict target, const float *restrict source, int count, float part)
{
	for (int i = 0; i < count; i++) {
		target[i] += part * (source[i] - target[i]);
	}
}
