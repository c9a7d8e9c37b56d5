/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a device still measures: one whose answers - power, counters, voltage, charge - stay the
 * same to the last bit while something they depend on moves is not to be believed. Closed loop on
 * such a meter runs away: each correction is answered by the same error. Pure. */
#ifndef LECD_HOME_FROZEN_H
#define LECD_HOME_FROZEN_H

#include "drivers/device.h"

/* When equal answers in a row are no chance any more; all of it. */
struct frozen_rule {
	int answers;
	int64_t span_us; /* they last so long */
	double moved_w;  /* and the witness moved by so much meanwhile */
};

struct frozen {
	double value[QUANTITY_COUNT]; /* what repeats; 0 where nothing is told */
	int64_t at_us;                /* of the answer last counted */
	int64_t since_us;             /* of the first that is the same */
	int answers;                  /* that repeated it */
	double low_w;                 /* of the witness meanwhile; above high_w: never heard */
	double high_w;
	bool frozen;
};

/* Take what a device told, whose answers are timed by the quantity power, and the power it should
 * have moved with: of a meter the batteries', of a battery its set-point; NULL where there is none.
 * A witness that is not good, or older than the first of the answers that repeat, tells nothing: it
 * moved before them. Returns whether the device is frozen; it is until an answer differs. */
bool frozen_check(struct frozen *f, const struct frozen_rule *rule, const struct snapshot *seen,
		  enum quantity power, const struct reading *witness);

/* Forget what the witness said so far: it is another one from now on. */
void frozen_forget(struct frozen *f);

#endif
