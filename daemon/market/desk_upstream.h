/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What desk_upstream.c and desk_upstream_hear.c share: the intervals that were asked for above. */
#ifndef LECD_MARKET_DESK_UPSTREAM_H
#define LECD_MARKET_DESK_UPSTREAM_H

#include "daemon/market/desk_private.h"
#include "daemon/market/upstream.h"

/* Books from two days back to a gate of a day ahead, each at its interval's number. */
enum { ABOVE_BOOKS = 1024 };
static_assert((int64_t)ABOVE_BOOKS * INTERVAL_MIN_S > (2 + 1) * 86400, "a place for each interval");

struct above_book {
	int64_t start_s; /* 0: free */
	int said;        /* how often; an earlier life counts as twice */
	int64_t said_s;  /* the last time, to be said again later */
	bool acknowledged, refused;
	bool alone; /* it is cleared without an answer: none may come between any more */
	bool awarded;
	struct fact_award award; /* as the account of the market above has it: it sells to us */
	int64_t metered_s;       /* when what passed was told last */
	bool metered;            /* and taken, or refused for good */
};

struct above {
	const struct upstream_conf *conf;
	bool fits; /* its tariff does */
	char tariff_why[MESSAGE_WHY_MAX];
	struct above_book book[ABOVE_BOOKS];
};

/* The book of that interval, or NULL. */
struct above_book *above_book_of(const struct desk *d, int64_t start_s);

/* Whether its bid may yet be answered before it is cleared. */
bool above_is_open(const struct above_book *b);

/* The bid of that interval as it was written down. Uses the desk's text. */
int above_read_bid(struct desk *d, int64_t start_s, struct round_bid *b);

/* Append a fact of the market above's account. */
int above_append(struct desk *d, enum ledger_kind kind, int64_t start_s, int64_t revision,
		 const char *text, int64_t now_s);

/* Its award goes into the book, where that waits for it; else it is the market's own. */
void above_supply(struct desk *d, struct above_book *b);

#endif
