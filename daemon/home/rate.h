/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a quantity moves no faster than it can. What leaps is doubted; what then stays at its new
 * value for long enough is taken as it is: a meter was exchanged, a battery found out its charge.
 * Pure. */
#ifndef LECD_HOME_RATE_H
#define LECD_HOME_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* How a quantity can move, in its own unit; all >= 0. */
struct rate_limit {
	double fall_per_s;
	double rise_per_s;
	double slack;       /* forgiven at any time: the resolution */
	int64_t settled_us; /* a leap that stays this long is taken */
};

enum rate_verdict {
	RATE_BELIEVED,
	RATE_DOUBTED,
	RATE_TAKEN /* doubted until now: the new value counts from here on */
};

/* A zeroed one has seen nothing; its first value is believed. */
struct rate {
	bool known;
	double value; /* last believed */
	int64_t at_us;
	bool doubted;
	double other; /* what is told instead */
	int64_t other_us;
	int64_t since_us;
};

/* Judge the value that was told at at_us. */
enum rate_verdict rate_check(struct rate *r, const struct rate_limit *limit, double value,
			     int64_t at_us);

#endif
