/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rounds.c, rounds_homes.c and rounds_clear.c share. */
#ifndef LECD_MARKET_ROUNDS_PRIVATE_H
#define LECD_MARKET_ROUNDS_PRIVATE_H

#include "daemon/market/result.h"
#include "daemon/market/rounds.h"

/* A home's bid in a book. */
struct kept_bid {
	int32_t revision; /* 0: none */
	int32_t steps;
	int32_t count;   /* of revisions that were kept */
	int32_t arrival; /* of this revision, among all of the book */
	bool capped;
	int64_t cap_buy, cap_sell; /* mWh, then: it gets no more */
};

/* Room for a book. A round's intervals take turns in its places: see place_of. */
struct place {
	bool used;
	int round;
	int64_t start_s, gate_s, opens_s;
	int64_t hold_s;       /* not due before this */
	int64_t supply;       /* from the market above, mWh; below 0: sold to it */
	int32_t supply_price; /* of that */
	int32_t arrivals;
	int bids;              /* with steps */
	struct kept_bid *kept; /* by home */
	struct bid_step *step; /* steps_max by home */
};

/* What homes traded for an interval in books that are finished. */
struct position {
	int64_t start_s;
	int64_t *net; /* by home: bought less sold, mWh */
};

struct rounds {
	struct rounds_conf conf;
	int homes;
	char (*id)[HOME_ID_SIZE];
	int32_t *own_limits; /* by home: index into conf.home, -1: it has none */
	int32_t *by_name;    /* the homes in the order of their names */
	int32_t *bucket;     /* home + 1 by hash, 0: none; open addressing */
	uint32_t bucket_mask;

	int first[ROUNDS_MAX], places[ROUNDS_MAX]; /* of a round, in place[] */
	int64_t next_s[ROUNDS_MAX];                /* no interval before it opens any more */
	struct place *place;

	int positions; /* 0: one round alone needs none */
	struct position *position;

	struct order *order; /* the book that is cleared */
	struct result result;
	struct round_award *award;
};

/* The place of that interval's book in that round. */
struct place *place_of(struct rounds *r, int round, int64_t start_s);
/* The book in it, or NULL. */
struct place *book_of(struct rounds *r, int round, int64_t start_s);

/* The orders by the names of their homes, so that the result does not hang on who came first to us
 * (but where arrival counts), each within low and high; then what came from above. */
struct book rounds_gather(struct rounds *r, const struct place *p, int32_t low, int32_t high);

/* What a home, by number, traded already for that interval, mWh. */
int64_t position_of(const struct rounds *r, int64_t start_s, int home);
void position_add(struct rounds *r, int64_t start_s, int home, int64_t net);

static inline struct bid_step *steps_of(const struct rounds *r, const struct place *p, int home)
{
	return &p->step[(size_t)home * (size_t)r->conf.steps_max];
}

#endif
