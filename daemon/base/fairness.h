/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How evenly something is spread over several, as figures from 0 to 1: 1 where all have the same.
 * Values are >= 0. Where nobody has anything nothing is spread: NaN. */
#ifndef LECD_BASE_FAIRNESS_H
#define LECD_BASE_FAIRNESS_H

/* The square of the sum over n times the sum of squares; 1/n where one has all. Jain, Chiu and Hawe
 * 1984, DEC-TR-301; quality of service in Moret and Pinson 2019. */
double fairness_jain(const double *value, int n);

/* The least over the most: min-max in Moret and Pinson 2019. */
double fairness_min_max(const double *value, int n);

#endif
