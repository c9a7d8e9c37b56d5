/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market's rounds: bids come in, are judged and kept, gates close, books are cleared, awards
 * come out. No file, no clock, no network: time comes in, verdicts and awards go out, and whoever
 * calls keeps them (desk.h does). All memory is taken by rounds_new, for a stated number of
 * homes.
 *
 * A bid is judged first and kept afterwards, so that it can be written down in between; a book is
 * cleared first and settled with rounds_finish afterwards, for the same reason. What was written
 * down puts a new instance into the state of the old one (rounds_restore_*).
 *
 * A book is one round of one interval. It opens and closes by the time given, each once: a clock
 * that steps back opens nothing again. An interval that began before its book could be cleared is
 * void: nobody could follow an award any more, and everybody has the utility. */
#ifndef LECD_MARKET_ROUNDS_H
#define LECD_MARKET_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/market/schedule.h"

enum { HOME_ID_SIZE = 32, BID_STEPS_MAX = 64 };

/* What a home may do. */
struct home_limits {
	int64_t import; /* mWh in an interval: all it buys and bought, less what it sold */
	int64_t export;
	int32_t price_min, price_max; /* of an order, 1e-6 currency per kWh */
	int line;                     /* of its section; 0: it has none, these are everybody's */
};

struct named_limits {
	char id[HOME_ID_SIZE];
	struct home_limits limits;
};

struct rounds_conf {
	int64_t interval_s;
	int rounds;
	struct round_conf round[ROUNDS_MAX];
	int homes_max;     /* homes that may take part */
	int steps_max;     /* orders in a bid, at most BID_STEPS_MAX */
	int revisions_max; /* of a home in a book; 0: as many as it likes */
	bool listed;       /* only homes with limits of their own may take part */
	struct home_limits limits;
	int named;
	struct named_limits *home; /* limits of their own; of who owns the configuration */
};

/* One step of a home's curve. */
struct bid_step {
	int64_t quantity; /* mWh, > 0 */
	int32_t price;    /* 1e-6 currency per kWh: buy at most, sell at least */
	int32_t side;     /* enum side */
};

struct round_bid {
	char home[HOME_ID_SIZE];
	int64_t start_s;  /* of its interval */
	int32_t revision; /* from 1; a later one replaces those before */
	int32_t steps;    /* 0: withdrawn */
	struct bid_step step[BID_STEPS_MAX];
};

enum bid_verdict {
	BID_ACCEPTED,
	BID_REPEATED,     /* accepted before, word for word: to be acknowledged again */
	BID_STRANGER,     /* a home that is none of ours */
	BID_CROWDED,      /* as many homes as there is room for take part already */
	BID_NO_INTERVAL,  /* no interval begins then */
	BID_OVER,         /* the interval began already */
	BID_LATE,         /* every gate for this interval is closed */
	BID_EARLY,        /* no round is open for it yet */
	BID_OLD,          /* a later revision was accepted */
	BID_CONTRADICTED, /* the same revision said something else */
	BID_PRICE,        /* an order's price is out of the home's limits */
	BID_CAPACITY,     /* more than its connection carries, with what it traded already */
	BID_LONG,         /* too many orders */
	BID_OFTEN,        /* revised too often; taking it back is never that */
	BID_NOT_KEPT,     /* it could not be written down; never said by rounds_judge */
	BID_VERDICTS
};

/* A sentence for the home: why a bid was refused; and a word for who counts. */
const char *bid_verdict_text(enum bid_verdict v);
const char *bid_verdict_name(enum bid_verdict v);

struct round_award {
	int home;             /* see rounds_home_id */
	int32_t revision;     /* of the bid it answers */
	int64_t bought, paid; /* mWh, 1e-6 currency */
	int64_t sold, received;
	int32_t price; /* what a kWh of it cost or brought in the mean */
	int32_t limit; /* what it offered for a kWh of it in the mean, on the side it nets to */
};

struct round_clearing {
	int round;
	int64_t start_s;
	bool is_void;         /* it was too late to clear */
	int bids;             /* homes with orders in the book */
	bool priced;          /* there was one price */
	int32_t price;        /* then */
	int64_t bought, paid; /* of all awards */
	int64_t sold, received;
	int awards;
	const struct round_award *award; /* by the homes' names; until the next call */
};

struct rounds; /* its fields are rounds.c's */

/* Take the memory. conf is copied but for its homes, which stay the caller's and must outlive it.
 * Returns 0 or -ENOMEM. */
int rounds_new(const struct rounds_conf *conf, struct rounds **out);
void rounds_free(struct rounds *r);
/* What rounds_new would take, bytes. */
size_t rounds_memory(const struct rounds_conf *conf);

/* --- taking up where an earlier life ended, before anything else --------------------------------
 */

/* A book that was finished, the earlier intervals first; it does not open again. */
int rounds_restore_finished(struct rounds *r, int round, int64_t start_s);
/* An award of it: bought less sold, mWh. */
int rounds_restore_award(struct rounds *r, int64_t start_s, const char *home, int64_t net);
/* A bid that was accepted for a book that was not finished, in the order they were. Returns 0, or
 * -ENOSPC: the configuration has no room for it. */
int rounds_restore_bid(struct rounds *r, int round, const struct round_bid *b);

/* --- bids ---------------------------------------------------------------------------------------
 */

/* Open the books whose time has come. */
void rounds_advance(struct rounds *r, int64_t now_s);

/* Judge a bid that came at at_s; changes nothing but that a home new to us gets its place.
 * *round tells its round where it is accepted or repeated. */
enum bid_verdict rounds_judge(struct rounds *r, const struct round_bid *b, int64_t at_s,
			      int *round);

/* Keep a bid that was judged accepted, by the round it was. */
void rounds_keep(struct rounds *r, int round, const struct round_bid *b);

/* --- gates --------------------------------------------------------------------------------------
 */

/* Whether a book's gate closed by now_s that is not finished, the earliest first. */
bool rounds_due(const struct rounds *r, int64_t now_s, int *round, int64_t *start_s);

/* Clear it between the utility's prices of its interval: what an order offers beyond them counts as
 * them, since everybody could go to the utility instead. Where the utility pays more than it asks,
 * nobody gets anything. Returns 0 or the mechanism's -errno; called again it comes to the same. */
int rounds_clear(struct rounds *r, int round, int64_t start_s, int64_t now_s, int32_t utility_buy,
		 int32_t utility_sell, struct round_clearing *out);

/* The same for a round that takes no bids: what its homes agreed on, in place of a clearing. Of
 * agreed, home, bought, sold, price and limit count; caps hold for it as for bids. */
void rounds_award(struct rounds *r, int round, int64_t start_s, int64_t now_s,
		  const struct round_award *agreed, int count, struct round_clearing *out);

/* A home gets no more than that of its bid, mWh each way, when the book is cleared again: the grid
 * carries no more. Its dearest offers and cheapest bids give way. */
void rounds_cap(struct rounds *r, int round, int64_t start_s, int home, int64_t buy, int64_t sell);

/* --- a market above, see upstream.h. Each returns -ENOENT where there is no such book. */

/* A book whose gate closed is not due before until_s. */
int rounds_hold(struct rounds *r, int round, int64_t start_s, int64_t until_s);

/* What its homes would buy and sell beyond each other, as the steps of a bid (room for
 * BID_STEPS_MAX), at most steps_max, within the utility's prices. Returns how many, or -ENOMEM. */
int rounds_curve(struct rounds *r, int round, int64_t start_s, int32_t utility_buy,
		 int32_t utility_sell, int steps_max, struct bid_step *step);

/* What the market above gave, mWh (below 0: took), at that price, as money_of: a uniform round is
 * cleared with it before all other orders, and at its price as far as the homes that trade agree;
 * what they may not trade of it is left over. */
int rounds_supply(struct rounds *r, int round, int64_t start_s, int64_t net, int32_t price);

/* The clearing is written down: the book is done with. */
void rounds_finish(struct rounds *r, const struct round_clearing *c);

/* The next time anything is due after now_s, or INT64_MAX. */
int64_t rounds_next_s(const struct rounds *r, int64_t now_s);

/* Whether that book is finished, or can never open any more. */
bool rounds_is_finished(const struct rounds *r, int round, int64_t start_s);

/* --- looking ------------------------------------------------------------------------------------
 */

int rounds_homes(const struct rounds *r);
const char *rounds_home_id(const struct rounds *r, int home);
/* The home's number; one that is new gets the next. -ENOSPC: it may not take part, or there is no
 * room. */
int rounds_enter(struct rounds *r, const char *id);
/* The home's number, or -ENOENT. */
int rounds_find_home(const struct rounds *r, const char *id);
/* The limits that hold for that id; NULL: it may not take part. */
const struct home_limits *rounds_limits(const struct rounds *r, const char *id);

/* What a home traded in that interval by all books that are finished: bought less sold, mWh. */
int64_t rounds_traded(const struct rounds *r, int64_t start_s, int home);

/* The book open for bids that follows this one, round by round and in the order of time; begin with
 * 0 and INT64_MIN. False behind the last. */
bool rounds_next_open(const struct rounds *r, int64_t now_s, int *round, int64_t *start_s);

#endif
