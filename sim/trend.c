/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/trend.h"

#include <math.h>

/* Pairs of two groups that rise, less those that fall. */
static int rising(const double *low, int lows, const double *high, int highs)
{
	int sum = 0;
	for (int i = 0; i < lows; i++) {
		for (int k = 0; k < highs; k++) {
			sum += (high[k] > low[i]) - (high[k] < low[i]);
		}
	}
	return sum;
}

struct trend trend_test(const double *value, const int *count, int groups)
{
	double all = 0, cubes = 0; /* of the numbers of values */
	int sum = 0, pairs = 0;
	const double *low = value;
	for (int i = 0; i < groups; low += count[i++]) {
		const double *high = low + count[i];
		for (int k = i + 1; k < groups; high += count[k++]) {
			sum += rising(low, count[i], high, count[k]);
			pairs += count[i] * count[k];
		}
		double n = count[i];
		all += n;
		cubes += n * n * (2 * n + 3);
	}
	if (pairs == 0) {
		return (struct trend){ NAN, NAN };
	}
	/* The statistic counts rising pairs, (pairs + sum) / 2, about half of all by chance;
	 * roughly normal, with half a count taken off as counts are whole. */
	double deviation = sqrt((all * all * (2 * all + 3) - cubes) / 72);
	double z = fmax(0, fabs(sum / 2.0) - 0.5) / deviation;
	return (struct trend){ (double)sum / pairs, 0.5 * erfc(z / sqrt(2)) };
}
