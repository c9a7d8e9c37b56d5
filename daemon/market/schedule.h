/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When rounds are open. A round is a kind of auction that is held again and again; each time it
 * sells the energy of one interval, or those of a whole day.
 *
 *   interval   each interval is a round of its own: its gate closes a while before it begins
 *   day        all intervals of a local day close together, at a local time of the day before
 *
 * Either opens a stated time before its gate. Rounds of one market never take bids for the same
 * interval at the same time, so that an interval and a time name the round.
 *
 * Intervals begin on UTC multiples of their length; local time is the process's zone
 * (timezone_use), with days of 23 and 25 hours. */
#ifndef LECD_MARKET_SCHEDULE_H
#define LECD_MARKET_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/mechanism.h"

enum { ROUND_NAME_SIZE = 32, ROUNDS_MAX = 8 };
enum { ROUND_AHEAD_S = 49 * 3600 }; /* the earliest gate there is, before its interval */

enum round_kind { ROUND_INTERVAL, ROUND_DAY };

/* "interval", "day", NULL. */
extern const char *const round_kinds[];

struct round_conf {
	char name[ROUND_NAME_SIZE];
	int kind;       /* enum round_kind */
	int64_t gate_s; /* interval: so long before it begins; day: the local second of the day
			   before */
	int64_t open_s; /* it opens so long before its gate */
	const struct mechanism *mechanism;
	bool negotiated;    /* it takes no bids: see negotiator.h */
	int64_t late_s;     /* negotiated: so long after its gate it may still be begun */
	struct terms terms; /* the utility's prices are filled in when it is cleared */
	int line;           /* of its section, for messages */
};

/* When the gate closes for the interval that begins at start_s: bids that came at this second or
 * later are late. */
int64_t round_gate_s(const struct round_conf *r, int64_t start_s);

static inline int64_t round_opens_s(const struct round_conf *r, int64_t start_s)
{
	return round_gate_s(r, start_s) - r->open_s;
}

/* The most intervals of this length that are open at once. */
int round_open_max(const struct round_conf *r, int64_t interval_s);

/* Whether two rounds are ever open together for the same interval, on any day of any year. */
bool rounds_overlap(const struct round_conf *a, const struct round_conf *b);

#endif
