/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clearing a book came to, and the room it is worked out in. One result serves any number of
 * clearings one after the other: once it has grown to a book's size, `uniform` and `continuous`
 * take no more memory.
 *
 * Money is rounded once for each order, trade or member (see money.h). What is left of rounding is
 * `residue`: never hidden, and at most half a millionth of the currency for each of them. */
#ifndef LECD_MARKET_RESULT_H
#define LECD_MARKET_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/book.h"
#include "daemon/market/money.h"

struct trade {
	int32_t buy, sell; /* orders */
	int32_t price;     /* the buyer's, per kWh; the seller gets fee less */
	int32_t fee;       /* the grid's; of mcafee, what the operator keeps */
	int64_t quantity;  /* mWh, > 0 */
};

/* Of a pool that settles members, not orders. */
struct member {
	int64_t net;    /* mWh: bought > 0, sold < 0 */
	int64_t amount; /* paid > 0, received < 0 */
	int64_t grid;   /* mWh of net that the utility delivered > 0 or took < 0 */
	int32_t price;  /* per kWh, without the manager's fee */
	int64_t fee;    /* of amount: to the community manager > 0, from it < 0 */
};

/* A piece of the book with a price of its own. */
struct piece {
	int16_t interval, zone; /* zone -1: all */
	int32_t owner;          /* whose trade with the others this is, because it may not be with
				   itself; -1: everybody's */
	int8_t side;            /* of that owner here: enum side */
	int32_t price;          /* where quantity > 0 */
	int32_t low, high;      /* the interval it was taken from */
	int64_t quantity;       /* bought in it, mWh */
};

struct result {
	/* By order. */
	int64_t *filled; /* mWh */
	int64_t *amount; /* a buyer pays it, a seller gets it */
	/* Pairs, where the terms ask for them. */
	struct trade *trade;
	int trades;
	/* By owner, of a pool; else members is 0. */
	struct member *member;
	int members;
	/* Prices of their own, where there is more than one. */
	struct piece *piece;
	int pieces;

	bool priced;       /* there is one price */
	int32_t price;     /* then; within low..high */
	int32_t low, high; /* the interval it was taken from */
	bool two_priced;   /* buyers and sellers have one each */
	int32_t buy_price, sell_price;
	int64_t quantity; /* mWh between members */
	wide welfare;     /* worth to buyers less cost to sellers and fees */
	int64_t fees;     /* of the grid */
	int64_t budget;   /* the operator's: > 0 it keeps, < 0 it must put in */
	int64_t residue;  /* of rounding: paid less received less all that is named here */
	int64_t uplift;   /* moved from who gains to blocks that would lose */
	int64_t imported, exported; /* mWh with the utility, of a pool */
	int64_t resting;            /* mWh left in the book by `continuous` */
	bool settled;               /* blocks: proven the best; else the best found in time */
	double quality_of_service, quality_of_experience, min_max; /* fairness, 0..1 */
	bool fairness;                                             /* those three are known */

	/* Room, owned. */
	int orders_max, owners_max, trades_max, pieces_max;
	int64_t *by_owner[2]; /* energies, or places */
	int32_t *index[4];    /* orders */
	int64_t *level;       /* energies by order */
	void *exchange;       /* of `continuous` */
};

/* Make room for a book and forget what was found: everything is 0. r is zeroed before its first
 * use. Return 0 or -ENOMEM. */
int result_begin(struct result *r, const struct book *b);
void result_free(struct result *r);

/* Return 0 or -ENOMEM. */
int result_add_trade(struct result *r, const struct trade *t);
int result_add_piece(struct result *r, const struct piece *p);

/* Sum up amounts, fees and residue of orders from the trades: each trade's amount is rounded once,
 * and what the buyer pays the seller and the grid get. */
void result_settle_trades(struct result *r, const struct book *b);

/* The welfare of filled[], without fees. */
wide result_welfare(const struct result *r, const struct book *b);

#endif
