/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the market is owed: metered intervals that it has not acknowledged, the latest two days. A
 * reading is said when it is new, and again, with growing pauses, until a receipt comes from a
 * market that is there: a broker that was restarted, a market that fell behind or could not write
 * loses none. Pure data; who sends and stores is publish.h. */
#ifndef LECD_HOME_OWED_H
#define LECD_HOME_OWED_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/interval.h"

enum { OWED_MAX = 2 * 288 };

struct owed_reading {
	struct interval interval;
	int64_t next_us; /* not said before this; 0: at once, whether the market is there or not */
	int tries;       /* how often it was */
};

/* Of zeros: nothing. */
struct owed {
	int readings;
	struct owed_reading reading[OWED_MAX]; /* by their interval */
};

/* One more; that of the same interval is replaced, and where there is no room the earliest is
 * forgotten. */
void owed_add(struct owed *o, const struct interval *i);

/* The earliest that is to be said now, or NULL. there: the market is online. */
const struct interval *owed_next(const struct owed *o, int64_t now_us, bool there);

/* It was said. pause_us: until it is said for the second time; twice as long each time after
 * that, up to 64 times. */
void owed_said(struct owed *o, int64_t start_s, int64_t now_us, int64_t pause_us);

/* What was under way may be lost, as with its broker: everything is said again. */
void owed_hurry(struct owed *o);

/* The market has it, or will never take it. Returns whether it was owed. */
bool owed_settle(struct owed *o, int64_t start_s);

#endif
