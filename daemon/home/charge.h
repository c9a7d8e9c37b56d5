/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a battery's state of charge can be believed: it moves no faster than the battery's power
 * can move it, and it follows the energy that flows. While it leaps the value before counts, moved
 * on by that energy; where it stands still or strays, the energy says how far off it may be. Pure.
 */
#ifndef LECD_HOME_CHARGE_H
#define LECD_HOME_CHARGE_H

#include "daemon/base/reading.h"
#include "daemon/home/rate.h"
#include "policy/problem.h"

/* The energy since a value was told: what it should have moved by, and how sure that is. */
struct charge_span {
	double anchor; /* the value then */
	double moved;  /* fraction of the capacity, + charged; anchor + moved stays in 0..1 */
	double doubt;  /* of that: losses, standby, the meter's error; >= 0 */
	int64_t since_us;
};

/* A zeroed one has seen nothing. */
struct charge {
	struct rate rate;
	int64_t last_us; /* when its power was known last */
	double last_w;
	bool counting;            /* the spans have begun */
	double told;              /* the last value believed */
	struct charge_span still; /* since it last changed */
	struct charge_span hour;  /* over the last hour */
	bool leaping;             /* what is told is not believed: the value before is held */
	bool standing;            /* it does not move, and energy flows */
	bool straying;            /* it moves, and not as the energy does */
	double below;             /* it may be this much lower than told, >= 0 */
	double above;
};

/* Judge soc, read at the same time as the power w: a leap's value is replaced by the one that
 * counts, and turns out-of-range when that has been held for a minute. */
void charge_judge(struct charge *c, const struct battery_model *m, struct reading *soc,
		  const struct reading *w, int64_t now_us);

#endif
