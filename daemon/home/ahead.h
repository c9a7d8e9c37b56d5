/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bids for days ahead: what the market opens for many intervals at once (market/round of
 * docs/protocol.md, rounds of kind day) is bid for interval by interval, as market.h bids for the
 * next one. Pure data and JSON: who plans, sends and stores is the cycle.
 *
 * Of an interval that was bid for ahead, the revisions of the next one's bid go on where these
 * ended: an interval and a revision are never two bids. */
#ifndef LECD_HOME_AHEAD_H
#define LECD_HOME_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/home/market.h"

enum { AHEAD_BOOKS_MAX = 8, AHEAD_MAX = AWARDS_MAX, ROUND_NAME_MAX = 32 };

/* Intervals one after the other that are open until one gate closes. */
struct ahead_book {
	char round[ROUND_NAME_MAX];
	int64_t start_s, gate_s;
	int intervals;
};

struct ahead_bid {
	int64_t start_s; /* of its interval; 0: free */
	char round[ROUND_NAME_MAX];
	int64_t gate_s;
	int revision; /* 0: none was made */
	int64_t made_s;
	struct bid bid;
	bool answered, acknowledged; /* as of struct market */
	bool stored;                 /* its row was handed over; else it is not to be said */
	uint64_t ticket;             /* of that row */
	int64_t said_us;             /* 0: not yet */
};

/* Of zeros: nothing is open. */
struct ahead {
	int books;
	struct ahead_book book[AHEAD_BOOKS_MAX];
	struct ahead_bid bid[AHEAD_MAX]; /* each at its interval's number, modulo */
	int64_t next_s;                  /* the interval that is looked at next */
	bool unanswered;                 /* some are */
};

/* Read market/round: the books of many intervals that are open at wall_s. On anything wrong -errno,
 * a sentence in why, and nothing changes. */
int ahead_take_rounds(struct ahead *a, const struct site *site, int64_t wall_s, const char *payload,
		      size_t length, char *why, size_t size);

/* The next interval to look at, one after the other and then from the first again, and its book;
 * NULL: none is open. */
const struct ahead_book *ahead_look(struct ahead *a, const struct site *site, int64_t wall_s,
				    int64_t *start_s);

/* Bid for that interval of that book. Returns the bid, of the next revision, or NULL: nothing new
 * to say, closed, or revised within the hour: what is hours ahead is not worth a message for each
 * plan. Nothing is waited for with a bid that takes the one before back. It is to be handed to the
 * store and marked so; else the next look makes it again. */
struct ahead_bid *ahead_bid(struct ahead *a, const struct site *site, int64_t wall_s,
			    const struct ahead_book *book, int64_t start_s, const struct bid *bid);

/* The bid of an earlier life, from its JSON and revision; false: it is none of these. The later
 * revisions come later. */
bool ahead_resume(struct ahead *a, const struct site *site, int64_t start_s, int revision,
		  const char *text);

/* The revision said last for that interval, or 0. */
int ahead_revision(const struct ahead *a, const struct site *site, int64_t start_s);

void ahead_take_receipt(struct ahead *a, const struct site *site, const struct receipt_taken *t);

/* The next bid that is to be said: durable, by that ticket; never said yet, or said without an
 * answer for pause_us to a market that is there. From *i on, which moves behind it. NULL: no more.
 */
struct ahead_bid *ahead_next(struct ahead *a, int64_t wall_s, int64_t now_us, uint64_t durable,
			     int64_t pause_us, bool there, int *i);

/* Its JSON. Returns the length. */
int ahead_json(const struct ahead_bid *b, const struct site *site, char *out, size_t size);

/* Intervals to come that are bid for, and of them those the market has. */
void ahead_count(const struct ahead *a, int64_t wall_s, int *bids, int *acknowledged);

#endif
