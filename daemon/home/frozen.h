/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the meter still measures: one whose answers - power, counters, voltage, frequency - stay
 * the same to the last bit while the batteries' power moves is not to be believed. Closed loop on
 * such a meter runs away: each correction is answered by the same error. Pure. */
#ifndef LECD_HOME_FROZEN_H
#define LECD_HOME_FROZEN_H

#include "daemon/home/state.h"
#include "drivers/device.h"

struct frozen {
	double value[QUANTITY_COUNT]; /* what repeats; 0 where nothing is told */
	int64_t at_us;                /* of the answer last counted */
	int answers;                  /* that repeated it */
	double low_w;                 /* of the batteries' power meanwhile */
	double high_w;
	bool frozen;
};

/* Take what the meter told and the state made of it; a frozen meter's grid_w turns stale, and what
 * was made of it with it. */
void frozen_check(struct frozen *f, const struct snapshot *meter, struct state *s);

#endif
