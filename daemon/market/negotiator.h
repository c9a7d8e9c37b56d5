/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market's negotiation (negotiate.h) between processes: offers and wishes go out as messages
 * (admm.h), answers come in, and time decides who is late. No broker and no clock: whoever calls
 * brings messages and time.
 *
 * Who has not answered by half of the wait is asked again, since messages get lost; who has not by
 * its end is late, and keeps his last word. At the deadline it ends as it stands. Whoever sends
 * what cannot be is counted with the reason, and changes nothing. */
#ifndef LECD_MARKET_NEGOTIATOR_H
#define LECD_MARKET_NEGOTIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/admm.h"
#include "daemon/market/mechanism.h"
#include "daemon/market/rounds.h"

/* What [negotiation] of market.conf says. */
struct negotiation_terms {
	double penalty, relaxation, tolerance, inner; /* see negotiate_conf */
	int64_t rounds, passes;
	bool balance;
	double wait_s;     /* for an answer */
	double deadline_s; /* of the whole */
};

struct negotiator_conf {
	const struct negotiation_terms *terms;
	int64_t interval_s;
	int homes;
	const struct named_limits *home; /* who takes part; outlives it */
	/* As the desk's. */
	int (*send)(void *context, const char *topic, const char *payload, size_t length,
		    bool retain);
	void *context;
};

/* What came of it for a home in an interval. */
struct negotiated {
	bool agreed; /* else prices still moved when it ended, and grid is none to ask of anybody */
	double power_kw; /* > 0 takes */
	double energy;   /* per kWh: what everybody pays */
	double grid;     /* per kWh: what the grid adds there */
};

/* How a round says that it is negotiated; it clears no book. */
extern const struct mechanism negotiation_mechanism;

struct negotiator;

/* Returns 0 or -ENOMEM. */
int negotiator_new(const struct negotiator_conf *conf, struct negotiator **out);
void negotiator_free(struct negotiator *n);

/* Begin: for so many intervals from start_s on. upstream: per kWh and interval, what the source's
 * energy costs; grid: its operator answers. Returns 0, -EINVAL: more steps than a message holds, or
 * nobody takes part; -ENOMEM. */
int negotiator_begin(struct negotiator *n, int64_t start_s, int steps, const double *upstream,
		     bool grid, int64_t now_s);

/* A home's power; the grid operator's price. Return 0, or -errno with a sentence in why. */
int negotiator_hear_power(struct negotiator *n, const char *home, const char *payload,
			  size_t length, int64_t now_s, char why[ADMM_WHY_SIZE]);
int negotiator_hear_price(struct negotiator *n, const char *payload, size_t length, int64_t now_s,
			  char why[ADMM_WHY_SIZE]);
void negotiator_tick(struct negotiator *n, int64_t now_s);

/* Whether it was begun for that interval, and whether it is going on. */
bool negotiator_covers(const struct negotiator *n, int64_t start_s);
bool negotiator_busy(const struct negotiator *n);

/* What came of it for that home: false where it never said a word. */
bool negotiator_result(const struct negotiator *n, int home, int64_t start_s,
		       struct negotiated *out);

#endif
