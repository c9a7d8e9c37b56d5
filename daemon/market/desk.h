/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market operator at its desk: messages in, ledger entries and messages out. It joins the
 * rounds, the ledger and the settlement, and knows neither a broker nor a clock, so that a test can
 * run a thousand days of it.
 *
 * Nothing is said before it is on the disk: a bid or reading is acknowledged when the ledger has
 * it, an award is sent when the clearing is durable. A turn is
 *
 *   desk_hear()     any number of messages; what is to be kept is gathered
 *   desk_commit()   one commit for all of them, and their receipts
 *   desk_tick()     gates that closed are cleared, intervals that are over are settled, awards are
 *                   sent again to who came back
 *
 * A new operator takes up from the ledger what the one before it had written down. What the one
 * before had not written down was not acknowledged.
 *
 * Who says more than a home may is not listened to, and told so once: what it says is neither read
 * nor answered, and costs others nothing.
 *
 * Home numbers, batches and awards have fixed room, taken by desk_new. */
#ifndef LECD_MARKET_DESK_H
#define LECD_MARKET_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/refusals.h"
#include "daemon/market/ledger.h"
#include "daemon/market/market_conf.h"
#include "daemon/market/rounds.h"

struct desk_conf {
	const struct market_conf *market; /* outlives it, like the ledger */
	struct ledger *ledger;
	/* Send to a topic below lec/COMMUNITY/. Returns 0, or -errno where the broker is away or
	 * does not keep up. */
	int (*send)(void *context, const char *topic, const char *payload, size_t length,
		    bool retain);
	void *context;
	/* The same below lec/UPSTREAM/ at the broker of the market above; NULL: there is none. */
	int (*send_above)(void *context, const char *topic, const char *payload, size_t length);
};

struct desk_counts {
	uint64_t bids[BID_VERDICTS]; /* by what became of them */
	uint64_t unreadable;         /* bids besides */
	uint64_t readings;           /* of meters, kept */
	uint64_t readings_refused;
	uint64_t flood; /* messages beyond what a home may say */
	uint64_t clearings, voids;
	uint64_t awards; /* made */
	uint64_t sent;   /* awards sent, also again */
	uint64_t settled;
	uint64_t failures; /* of the ledger */
};

struct desk;

/* Take up work at now_s. Returns 0; -ENOMEM; -EBADMSG, -EIO ...: the ledger cannot be read;
 * -EINVAL: it has open bids that the configuration has no room or no round for; a sentence in why.
 */
int desk_new(const struct desk_conf *conf, int64_t now_s, struct desk **out, char *why,
	     size_t size);
void desk_free(struct desk *d);

/* A message that came at at_s, from whichever broker; payload NULL: one that was too large to be
 * taken. */
void desk_hear(struct desk *d, const char *topic, const char *payload, size_t length, bool retained,
	       int64_t at_s);
void desk_commit(struct desk *d, int64_t now_s);
void desk_tick(struct desk *d, int64_t now_s);

/* Say market/counts; lost: messages that came and there was no room for. */
void desk_tell_counts(struct desk *d, uint64_t lost, int64_t now_s);

/* The broker is there: say again what is retained. */
void desk_greet(struct desk *d, int64_t now_s);

/* The broker of the market above is: say again what was not answered, and what passed. */
void desk_greet_above(struct desk *d);

const struct desk_counts *desk_counts(const struct desk *d);
/* Bids that were refused, for whatever reason. */
uint64_t desk_bids_refused(const struct desk_counts *n);
const struct refusals *desk_refusals(const struct desk *d);

#endif
