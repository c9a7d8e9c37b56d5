/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean and deviation of numbers as they come, by their sums: for what is not far from its mean by
 * many powers of ten. Zeroed before the first. */
#ifndef LECD_BASE_MOMENTS_H
#define LECD_BASE_MOMENTS_H

#include <math.h>

struct moments {
	int count;
	double sum, square;
};

static inline void moments_add(struct moments *m, double x)
{
	m->count++;
	m->sum += x;
	m->square += x * x;
}

/* NaN: there are none. */
static inline double moments_mean(const struct moments *m)
{
	return m->count > 0 ? m->sum / m->count : NAN;
}

/* Of all there are: the root of the mean square distance from the mean. NaN: there are none. */
static inline double moments_deviation(const struct moments *m)
{
	double mean = moments_mean(m);
	return m->count > 0 ? sqrt(fmax(0, m->square / m->count - mean * mean)) : NAN;
}

/* Of a sample of more: by one fewer. NaN: there are not two. */
static inline double moments_sample_deviation(const struct moments *m)
{
	double deviation = moments_deviation(m);
	return m->count > 1 ? deviation * sqrt(m->count / (m->count - 1.0)) : NAN;
}

#endif
