/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market asks the grid operator before what it cleared binds, see docs/protocol.md. Pure data
 * and JSON; who clears, sends and waits is the desk.
 *
 * A book that was cleared is proposed. Where the operator permits less, the homes' bids are capped
 * by what it permits, the book is cleared again and proposed again, three times at most and within
 * one wait; then it binds within the caps. Without a verdict in time, or with one that refuses to
 * judge, the last standing limits of the homes are the caps, by the operator's own word of how long
 * they hold. Where no operator was ever heard, everything binds. */
#ifndef LECD_MARKET_ASKING_H
#define LECD_MARKET_ASKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/market/market_conf.h"

struct asking;

enum asking_answer {
	ASKING_BIND,  /* as it was cleared */
	ASKING_AGAIN, /* bids were capped: clear again, and ask again */
	ASKING_WAIT,  /* for the operator: not yet */
};

/* send: as the desk's. Returns 0 or -ENOMEM. */
int asking_new(const struct market_conf *market,
	       int (*send)(void *context, const char *topic, const char *payload, size_t length,
			   bool retain),
	       void *context, struct asking **out);
void asking_free(struct asking *a);

/* What the operator says: the payloads of dso/status, dso/verdict, and of a home's limit (home: its
 * number). Return 0, or -errno with a sentence in why: refused. A verdict that nobody waits for is
 * none. */
int asking_hear_status(struct asking *a, const char *payload, size_t length);
int asking_hear_verdict(struct asking *a, const struct rounds *rounds, const char *payload,
			size_t length, char *why, size_t size);
int asking_hear_limit(struct asking *a, int home, const char *id, int64_t now_s,
		      const char *payload, size_t length, char *why, size_t size);

/* Whether the operator is there. */
bool asking_online(const struct asking *a);

/* A book was cleared at now_s: may it bind? price: of energy, per kWh. */
enum asking_answer asking_judge(struct asking *a, struct rounds *r, const struct round_clearing *c,
				double price, int64_t now_s);

/* What the home's trades for that interval cost the grid by the verdict it was bound by, of all
 * rounds, 1e-6 currency: losses, and limits that are in the way. false: none was told. */
bool asking_cost(const struct asking *a, int home, int64_t *micro);

/* The limits of a home for its award, of the book that was judged last; false: none were told. */
bool asking_limits(const struct asking *a, int home, double *import_w, double *export_w);

#endif
