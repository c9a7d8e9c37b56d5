/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether something rises or falls from group to group, of which the order is known: the test of
 * Jonckheere (1954, Biometrika 41) and Terpstra (1952), which asks nothing but that. */
#ifndef LECD_SIM_TREND_H
#define LECD_SIM_TREND_H

enum { TREND_GROUPS_MAX = 16 };

struct trend {
	double tau; /* -1 always falls .. 1 always rises; NaN: there is no pair */
	double p;   /* how likely it is by chance to be so far from 0 on that side; NaN likewise */
};

/* value: of group 0, then of group 1 ..., count[] of each; finite. groups: 2..TREND_GROUPS_MAX. */
struct trend trend_test(const double *value, const int *count, int groups);

#endif
