/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A histogram of durations: fixed size, no allocation, quantiles never below and at most an eighth
 * above the truth. */
#ifndef LECD_BASE_HISTOGRAM_H
#define LECD_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 240 };

struct histogram {
	uint64_t count;
	int64_t max;
	uint32_t bucket[HISTOGRAM_BUCKETS]; /* eight to each power of two */
};

/* Count one value; negative counts as 0. */
void histogram_add(struct histogram *h, int64_t value);

/* The value that a fraction q (0..1) of all values does not exceed; 0 when empty. */
int64_t histogram_quantile(const struct histogram *h, double q);

#endif
