/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What load and PV will be, from what they were: a ring of interval means and nothing else.
 *
 * Load repeats by local time of day: the forecast is a mean over recent days at that time, younger
 * days and days of the same kind (working day, weekend) weighing more, smoothed over neighbouring
 * intervals where days disagree among themselves. PV repeats by UTC time of day. Both are corrected
 * by how today departs from the days before, the more the nearer the time asked for: a load's
 * departure is gone within hours, two thirds of PV's stay for days.
 *
 * It is held against what comes: how far off it was at that time of day, an interval ahead, is how
 * far off it is expected to be. */
#ifndef LECD_POLICY_FORECAST_H
#define LECD_POLICY_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/problem.h"

enum { FORECAST_RING = 35 * 96, FORECAST_DAYS_MAX = 35 };

struct forecast_entry {
	float load_w, pv_w;
	float load_base_w, pv_base_w; /* what the days before it made of it */
	float told_w;                 /* load - PV as forecast when it began */
	int32_t east_s;               /* local time - UTC */
	bool load_known, pv_known, told;
};

struct forecast {
	int interval_s; /* 300 to 3600, a divisor of a day */
	bool any;
	int64_t newest; /* the last interval added: its start / interval_s */
	struct forecast_entry ring[FORECAST_RING]; /* interval k at k % FORECAST_RING */
};

/* Return 0, or -EINVAL: not such an interval. */
int forecast_init(struct forecast *f, int interval_s);

/* Add the means of the interval that began at start_s (cut to a multiple of the interval). A mean
 * that is unknown, not finite or negative is kept as unknown. Intervals left out stay unknown, one
 * added again is replaced, one too old is dropped. In order of time: what departs from the days
 * before is held against those that were there when it was added. east_s: local time - UTC then. */
void forecast_add(struct forecast *f, int64_t start_s, bool load_known, double load_w,
		  bool pv_known, double pv_w, int32_t east_s);

/* Whether a day of load has been seen: before that there is nothing to plan with. */
bool forecast_ready(const struct forecast *f);

/* Fill in load_w and pv_w of the steps, from their start_s and hours; east_s[] is local time - UTC
 * at each. Steps may be of any length; those before the newest interval get a forecast too, made
 * from the days before. */
void forecast_fill(const struct forecast *f, struct step *step, int steps, const int32_t *east_s);

/* How far off load - PV of a step may be, in W: the root mean square of what means over as long a
 * time were off by in the last 14 days, within an hour of that time of day, UTC, each interval of
 * it forecast when it began. 0 where none was held against what came. Of several intervals, or
 * further ahead, it is more: 1.3 times as much for the next hour in quarters, in homes made up. */
double forecast_spread(const struct forecast *f, const struct step *step);

/* How else it may go: days that were once more, and those that came after them, their departure
 * from the forecast fading in with the time ahead. Taken are those that were as bright as this one
 * up to the same time of day, younger ones and ones of the same kind before others. After
 * forecast_fill, for the same steps. Returns how many there are, the most alike first, at most
 * SCENARIOS_MAX: by their weights, they are the forecast's quantiles. */
int forecast_scenarios(const struct forecast *f, const struct step *step, int steps,
		       const int32_t *east_s, struct scenario *out);

#endif
