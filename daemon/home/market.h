/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The home's side of the community's market: which intervals it has bid for, what it was awarded,
 * and the messages of both. Pure data and JSON: who sends and stores is the cycle.
 *
 * No interval is ever bid twice: bids go forward in time only, whatever the clock does, and a
 * change before the gate closes carries the next revision. */
#ifndef LECD_HOME_MARKET_H
#define LECD_HOME_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/home/interval.h"
#include "daemon/home/site.h"
#include "policy/bid.h"

/* Awards: one for each interval that is not over, as far ahead as they are taken. */
enum { AWARDS_MAX = 2 * 288 + 2, MARKET_MESSAGE_MAX = 2048 };

struct bid {
	int orders; /* 0: nothing to trade */
	struct bid_order order[BID_ORDERS_MAX];
};

struct award {
	int64_t start_s;       /* of the interval; 0: free */
	double traded_wh;      /* bought > 0, sold < 0 */
	double price;          /* per kWh */
	double import_limit_w; /* the grid operator's for that interval; INFINITY: none */
	double export_limit_w;
};

/* The market's last result, as everybody may know it. */
struct clearing {
	int64_t start_s; /* of its interval; 0: none is known */
	bool has_price, has_quantity;
	double price;       /* per kWh */
	double quantity_wh; /* traded, >= 0 */
};

struct market {
	int64_t bid_start_s; /* the latest interval that was bid for; 0: none */
	int revision;        /* of that bid */
	struct bid bid;
	int64_t metered_start_s;        /* the latest interval whose meter reading was sent */
	struct award award[AWARDS_MAX]; /* each at its interval's number, modulo */
	struct clearing clearing;
};

/* Bid for the interval that begins at start_s? Returns the revision to send (and remembers it and
 * the bid), or 0: not open, closed already, or nothing new to say. */
int market_bid(struct market *m, const struct site *site, int64_t wall_s, int64_t start_s,
	       const struct bid *bid);

/* Take up where an earlier life ended. */
void market_resume(struct market *m, int64_t bid_start_s, int revision);

/* The award for the interval that holds wall_s, or NULL. */
const struct award *market_award_at(const struct market *m, const struct site *site,
				    int64_t wall_s);

/* Read an award's JSON; *start_s is its interval. On anything wrong -errno, a sentence in why, and
 * nothing changes. */
int market_take_award(struct market *m, const struct site *site, int64_t wall_s,
		      const char *payload, size_t length, int64_t *start_s, char *why, size_t size);

/* The same of the market's result; an earlier interval than the one known changes nothing. */
int market_take_clearing(struct market *m, const struct site *site, int64_t wall_s,
			 const char *payload, size_t length, char *why, size_t size);

/* The JSON of the current bid and of a metered interval. Return the length. */
int market_bid_json(const struct market *m, const struct site *site, char *out, size_t size);
int market_meter_json(const struct site *site, const struct interval *i, char *out, size_t size);

/* Whether this interval's reading is still to be sent; remembers that it is. */
bool market_meter_once(struct market *m, int64_t start_s);

#endif
