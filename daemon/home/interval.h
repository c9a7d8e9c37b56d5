/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interval metering: what flowed in a market interval, summed cycle by cycle. Intervals are UTC
 * multiples of their length, so days of 23 or 25 hours need no care here. */
#ifndef LECD_HOME_INTERVAL_H
#define LECD_HOME_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/state.h"

struct interval {
	int64_t start_s; /* UTC */
	double length_s;
	double known_s; /* time the grid power was known */
	double load_s;  /* time load and PV were known */
	double import_wh, export_wh;
	double load_wh, pv_wh;
	double charge_wh, discharge_wh; /* all batteries, AC side */
};

struct interval_meter {
	double length_s;
	struct interval open;
	int64_t last_us; /* of the last sample; 0: none yet */
};

void interval_init(struct interval_meter *m, double length_s);

/* The start of the interval that holds wall_s. */
int64_t interval_start(double length_s, int64_t wall_s);

/* Add the time since the last sample at this state's powers. When s lies in another interval than
 * the last sample, the one before is complete: copied to *done, and true is returned. Gaps longer
 * than max_gap_us (a stall, a step of the clock) are not filled. */
bool interval_add(struct interval_meter *m, const struct state *s, int64_t max_gap_us,
		  struct interval *done);

#endif
