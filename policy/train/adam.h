/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps down a gradient: Adam (Kingma and Ba 2015, arXiv:1412.6980), the gradient cut to a norm
 * before it, and a target that follows. */
#ifndef LECD_TRAIN_ADAM_H
#define LECD_TRAIN_ADAM_H

#include <stdint.h>

struct adam {
	int count;
	int64_t steps;        /* so far */
	float *mean, *square; /* of the gradient, moving; the caller's, 0 at first */
};

/* One step of that rate, of count parameters. */
void adam_step(struct adam *a, float rate, const float *gradient, float *parameters);

/* Scale the gradient down to a norm of `most` where it is longer. Returns the norm it had. */
double gradient_cut(float *gradient, int count, double most);

/* target += part (source - target) */
void target_follow(float *target, const float *source, int count, float part);

#endif
