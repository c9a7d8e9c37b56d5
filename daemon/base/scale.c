/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/scale.h"

double scale_round_up(double value, double least)
{
	static const double steps[] = { 1, 2, 5 };
	double decade = 1;
	for (int i = 0; i < 60; i++) {
		double step = steps[i % 3] * decade;
		if (step >= value && step >= least) {
			return step;
		}
		decade *= i % 3 == 2 ? 10 : 1;
	}
	return least;
}
