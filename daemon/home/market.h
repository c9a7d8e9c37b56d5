/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The home's side of the community's market: which intervals it has bid for, whether the market
 * took the bid, what was awarded, and the messages of these. Pure data and JSON: who sends and
 * stores is the cycle.
 *
 * No interval is ever bid twice: bids go forward in time only, whatever the clock does, and a
 * change before the gate closes carries the next revision. */
#ifndef LECD_HOME_MARKET_H
#define LECD_HOME_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/refusals.h"
#include "daemon/base/standing.h"
#include "daemon/home/interval.h"
#include "daemon/home/site.h"
#include "policy/bid.h"

/* Awards: one for each interval that is not over, as far ahead as they are taken. */
enum { AWARDS_MAX = 2 * 288 + 2, AWARD_ROUNDS_MAX = 4, MARKET_MESSAGE_MAX = 2048 };

struct bid {
	int orders; /* 0: nothing to trade */
	struct bid_order order[BID_ORDERS_MAX];
};

/* What one round of the market gave for an interval. */
struct award_round {
	uint64_t round; /* a hash of its name */
	double traded_wh, price;
};

struct award {
	int64_t start_s;       /* of the interval; 0: free */
	double traded_wh;      /* in all rounds: bought > 0, sold < 0 */
	double price;          /* per kWh; of several rounds the mean by energy */
	double import_limit_w; /* the grid operator's for that interval; INFINITY: none */
	double export_limit_w;
	int rounds;
	struct award_round round[AWARD_ROUNDS_MAX];
};

/* Which award was taken. */
struct award_taken {
	int64_t start_s; /* of its interval */
	int round;       /* its place among the interval's rounds */
	bool changed;    /* it is not what was known already */
};

enum market_presence { MARKET_UNKNOWN, MARKET_ONLINE, MARKET_OFFLINE };

/* What the market said to bids and readings. */
struct receipts {
	uint64_t accepted, refused; /* bids */
	uint64_t readings, readings_refused;
	char reason[REFUSAL_MAX]; /* of the last that was refused; "" */
};

/* A receipt that was taken. */
struct receipt_taken {
	bool reading;     /* else of a bid */
	int64_t start_s;  /* of its interval; 0: the market could not read it */
	int64_t revision; /* of a bid */
	uint64_t round; /* that took the bid, as award_round.round; of no name where none is told */
	bool accepted;
	bool again; /* refused for a while only: it may be said again */
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
	bool acknowledged; /* the market has it on its disk */
	bool answered;     /* or refused it */
	uint64_t round;    /* that took it, as award_round.round */
	enum market_presence presence;
	struct receipts receipts;
	int64_t metered_start_s;        /* the latest interval whose meter reading was sent */
	struct award award[AWARDS_MAX]; /* each at its interval's number, modulo */
	struct clearing clearing;
	struct standing limit; /* the grid operator's, beside those of awards */
};

/* How far two bids are apart: energy that changed side, amount or price, over all energy. */
double bid_difference(const struct bid *a, const struct bid *b);

/* Bid for the interval that begins at start_s? Returns the revision to send (and remembers it and
 * the bid), or 0: not open, closed already, or nothing new to say. said: the revision said last for
 * that interval in a round before, 0: none was. */
int market_bid(struct market *m, const struct site *site, int64_t wall_s, int64_t start_s,
	       const struct bid *bid, int said);

/* Take up where an earlier life ended. */
void market_resume(struct market *m, int64_t bid_start_s, int revision);

/* The award for the interval that holds wall_s, or NULL. */
const struct award *market_award_at(const struct market *m, const struct site *site,
				    int64_t wall_s);

/* Read an award's JSON. On anything wrong -errno, a sentence in why, and nothing changes. -ENOSPC:
 * more rounds than an interval has room for. */
int market_take_award(struct market *m, const struct site *site, int64_t wall_s,
		      const char *payload, size_t length, struct award_taken *out, char *why,
		      size_t size);

/* Read a receipt's JSON; where it refused something receipts.reason says why. -errno as above. */
int market_take_receipt(struct market *m, const struct site *site, const char *payload,
			size_t length, struct receipt_taken *out, char *why, size_t size);

/* "unknown", "online", "offline". */
const char *market_presence_name(enum market_presence presence);

/* Take what is retained at market/status; length 0: nothing, as when the broker went. */
void market_take_status(struct market *m, const char *payload, size_t length);

/* Whether the market is silent: away, or it took a bid for an interval that is about to begin and
 * has not said what came of it. The house then has its plan and the utility's tariff. */
bool market_is_silent(const struct market *m, const struct site *site, int64_t wall_s);

/* The same of the market's result; an earlier interval than the one known changes nothing. */
int market_take_clearing(struct market *m, const struct site *site, int64_t wall_s,
			 const char *payload, size_t length, char *why, size_t size);

/* The JSON of a bid, of that round (NULL: none is named), of the current one, and of a metered
 * interval. Return the length. */
int market_orders_json(const struct site *site, int64_t start_s, int revision, int64_t gate_s,
		       const char *round, const struct bid *bid, char *out, size_t size);
int market_bid_json(const struct market *m, const struct site *site, char *out, size_t size);
int market_meter_json(const struct site *site, const struct interval *i, char *out, size_t size);
/* That reading from its JSON, as it was stored. 0 or -errno. */
int market_meter_read(const struct site *site, const char *text, struct interval *out);

/* Whether this interval's reading is still to be sent; remembers that it is. */
bool market_meter_once(struct market *m, int64_t start_s);

#endif
