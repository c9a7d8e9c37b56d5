/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The least cost of a store of heat whose heater is on or off, where power has a price in each
 * step: by a dynamic programme over the temperature.
 *
 * The least cost from a step on is a continuous function of the temperature, made of straight
 * pieces, but not convex: a pulse more or less. It is kept as it is, but for pieces that lie within
 * a little of each other: these are drawn together, always downwards. So what is found is never
 * above the true least cost, and proves what a plan of the whole house can at best come to. */
#ifndef LECD_POLICY_HEATER_H
#define LECD_POLICY_HEATER_H

#include <stdbool.h>

#include "policy/assets.h"

enum { HEATER_CURVE_MAX = 4096, HEATER_SWITCHES_MAX = 1 << 16 };

/* after = keep * before + drift, + rise where it is on; temperatures in degrees Celsius. */
struct heater_step {
	double keep, drift, rise; /* 0 < keep <= 1, rise >= 0 */
	double on_cost;           /* of the step on, of any sign */
	double low_c, high_c;     /* at its end ... */
	double outside;           /* ... each K outside of them costs that, >= 0 */
};

/* What step t does to h with its full power; on_cost and outside are 0. */
struct heater_step heater_step_of(const struct thermal_model *h, int t, double hours);

struct heater {
	int steps; /* 1..STEPS_MAX */
	double start_c;
	double end_value; /* of each K at the end, counted from the last low_c */
	double slack;     /* > 0: by how much a step may be told too cheap; that and ten times that
			     per K where it is out of the band by more than a pulse */
	struct heater_step step[STEPS_MAX];
};

struct heater_curve {
	int points;
	double c[HEATER_CURVE_MAX], cost[HEATER_CURVE_MAX]; /* c rising */
};

struct heater_plan {
	double bound;       /* no way costs less */
	bool on[STEPS_MAX]; /* a way that costs at most the slack of all steps more */
	/* Working room: */
	struct heater_curve after, off, heated, best;
	double low_c[STEPS_MAX + 1], high_c[STEPS_MAX + 1]; /* within reach */
	int switches;
	int first_switch[STEPS_MAX + 1];
	bool on_at_low[STEPS_MAX];            /* below its first switch a step is on */
	double switch_c[HEATER_SWITCHES_MAX]; /* from there on it is the other way */
};

/* Return 0, or -ENOSPC: the curve has too many pieces. Does not allocate. */
int heater_solve(const struct heater *h, struct heater_plan *out);

#endif
