/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/fairness.h"

#include <math.h>

double fairness_jain(const double *value, int n)
{
	double sum = 0, squares = 0;
	for (int i = 0; i < n; i++) {
		sum += value[i];
		squares += value[i] * value[i];
	}
	return squares > 0 ? sum * sum / (n * squares) : NAN;
}

double fairness_min_max(const double *value, int n)
{
	double low = INFINITY, high = 0;
	for (int i = 0; i < n; i++) {
		low = fmin(low, value[i]);
		high = fmax(high, value[i]);
	}
	return high > 0 ? low / high : NAN;
}
