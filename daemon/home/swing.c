/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/swing.h"

/* A turn is a way back of so much. */
static const double turn_w = 500;
static const int64_t window_us = INT64_C(60) * 1000000;
static const int64_t damped_us = INT64_C(60) * 1000000;

/* Follow the set-point to its extremes; whether it turned. */
static bool turned(struct swing *s, double w)
{
	double ahead_w = s->direction * (w - s->extreme_w);
	if (s->direction == 0) {
		s->direction = w - s->extreme_w > turn_w ? 1 : s->extreme_w - w > turn_w ? -1 : 0;
		s->extreme_w = s->direction ? w : s->extreme_w;
		return false;
	}
	if (ahead_w >= 0) {
		s->extreme_w = w;
	}
	if (ahead_w > -turn_w) {
		return false;
	}
	s->direction = -s->direction;
	s->extreme_w = w;
	return true;
}

bool swing_check(struct swing *s, double setpoint_w, int64_t now_us)
{
	if (now_us < s->until_us) {
		return true;
	}
	if (!turned(s, setpoint_w)) {
		return false;
	}
	s->turn_us[s->turns++ % SWING_TURNS] = now_us;
	if (s->turns < SWING_TURNS || now_us - s->turn_us[s->turns % SWING_TURNS] > window_us) {
		return false;
	}
	*s = (struct swing){ .extreme_w = setpoint_w,
			     .until_us = now_us + damped_us,
			     .count = s->count + 1 };
	return true;
}
