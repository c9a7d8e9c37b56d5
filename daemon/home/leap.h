/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a power leapt by its scale: ten, a hundred, a thousand times what it was or the like part
 * of it. So reads a value whose scale factor changed between the two. Such a value counts only once
 * it was told often enough. Pure. */
#ifndef LECD_HOME_LEAP_H
#define LECD_HOME_LEAP_H

#include "daemon/base/reading.h"

/* A zeroed one has seen nothing; its first value counts. */
struct leap {
	bool known;
	double value_w; /* the last that counted */
	int64_t at_us;  /* of the last answer */
	int doubted;    /* answers in a row */
};

/* Judge a power: one that leapt turns out-of-range until it was told patience times. expected_w:
 * what it was told to become (NAN: nothing); a leap towards it is none. */
void leap_check(struct leap *l, int patience, double expected_w, struct reading *r);

#endif
