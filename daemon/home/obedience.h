/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a battery does as it is told, judged by what it does: its measured power against its
 * set-points. One that does not is told again, three times; then it is given up for a while: it
 * gets nothing more to do, and nobody counts on it. One that obeys and then strays while nothing
 * new was told has another master: it is reminded three times, and then left to him.
 *
 * A device needs its time. A set-point counts as obeyed while the power is between the set-points
 * of the last answers, or on its way to them; how many answers those are is learnt from a device
 * that takes longer. Pure. */
#ifndef LECD_HOME_OBEDIENCE_H
#define LECD_HOME_OBEDIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/state.h"

enum obedience_state {
	OBEYING,
	STRAYING, /* told again, and again */
	GIVEN_UP, /* not to be told anything until retry_us */
	OBEDIENCE_STATES
};

enum { OBEDIENCE_ANSWERS = 12 };

/* A zeroed one has seen nothing. */
struct obedience {
	enum obedience_state state;
	/* The set-points that held before each of the last answers, the newest first. */
	double low_w[OBEDIENCE_ANSWERS], high_w[OBEDIENCE_ANSWERS];
	double w[OBEDIENCE_ANSWERS];    /* those answers */
	double told_low_w, told_high_w; /* since the last answer */
	bool told;                      /* there was a set-point */
	int64_t at_us;                  /* of the last answer */
	int window;                     /* answers it may take; 0: the least */
	int straying;                   /* answers since it began */
	int asserted;                   /* how often it was told again */
	bool obeyed;                    /* since something new was told */
	bool conflict;                  /* somebody else commands it */
	int reverts;                    /* how often he did, lately */
	int64_t reverted_us;
	unsigned again; /* changes when the set-point is to be written though it is the same */
	int64_t retry_us;
};

/* Take what the battery does and the set-point that holds since the last call (told: there is one).
 * Returns the state. */
enum obedience_state obedience_check(struct obedience *o, const struct battery_state *b, bool told,
				     double told_w, int64_t now_us);

/* A person wants it tried again. */
void obedience_pardon(struct obedience *o);

#endif
