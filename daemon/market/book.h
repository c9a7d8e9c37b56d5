/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book of orders, as every mechanism takes it. Names of orders, owners, zones and intervals stay
 * with whoever made the book: here they are numbers from 0.
 *
 * Where an order stands in the array breaks the last ties. A maker that wants a result which does
 * not depend on the order of arrival sorts its orders by their names, and keeps the arrival in its
 * own field (orders_csv.h does). */
#ifndef LECD_MARKET_BOOK_H
#define LECD_MARKET_BOOK_H

#include <stdbool.h>
#include <stdint.h>

enum side { SIDE_BUY, SIDE_SELL };

/* What a row asks for: all but a new order are known to `continuous` only. */
enum action { ACTION_NEW, ACTION_CANCEL, ACTION_REPLACE };

enum {
	ORDERS_MAX = 4000000,
	ZONES_MAX = 64,
	INTERVALS_MAX = 1000,
	PRICE_MAX = 1000000000, /* 1000 currency per kWh; as far below zero */
	PRICE_BEYOND =
		2, /* further than any order may ask: what is to be filled before all others */
	RATIO_WHOLE = 1000000
};
static const int64_t QUANTITY_MAX = INT64_C(1000000000000); /* mWh: 1 GWh */
/* Of all orders together: 1000 GWh, so that what they cost fits 64 bits at any price. */
static const int64_t BOOK_QUANTITY_MAX = INT64_C(1000000000000000);

struct order {
	int64_t quantity; /* mWh, 1..QUANTITY_MAX */
	int32_t price;    /* 1e-6 currency per kWh: buy at most, sell at least */
	int32_t owner;
	int32_t arrival; /* the earlier, the smaller; no two alike in a book */
	int32_t block;   /* index into block[], -1: none */
	int32_t earlier; /* of a cancel or replace: the index of the order it is about */
	int16_t interval;
	uint8_t zone;
	uint8_t side : 1;   /* enum side */
	uint8_t action : 2; /* enum action */
};

/* Orders that are taken together, each by the same share of its quantity: nothing, or from the
 * least share up to all. They have one owner and side, and one order in an interval. */
struct block_order {
	int32_t least; /* share in millionths, 1..RATIO_WHOLE; RATIO_WHOLE: all or nothing */
};

struct book {
	int orders, owners, zones, intervals, blocks; /* zones and intervals: at least 1 */
	const struct order *order;
	const struct block_order *block; /* may be NULL where there are none */
	const int32_t *fee; /* [from * zones + to]: 1e-6 currency per kWh, >= 0, for what is sold
			       from one zone to another, in the price's bounds; NULL: nothing */
};

/* Whether a book that came from outside is sound: counts, indices, ranges. Return 0, or -EINVAL
 * with the order that is not (-1: the book) in *where, which may be NULL. */
int book_check(const struct book *b, int *where);

static inline int32_t book_fee(const struct book *b, int from, int to)
{
	return b->fee ? b->fee[from * b->zones + to] : 0;
}

/* The energy of all orders together, mWh. */
int64_t book_quantity(const struct book *b);

/* Put into index[] the orders of one side, the best price first, equal prices by their place.
 * Orders with a quantity[] of 0 are left out where that is given. scratch has room for as many.
 * Returns how many. */
int book_merit(const struct book *b, enum side side, const int64_t *quantity, int32_t *index,
	       int32_t *scratch);

/* Put n orders in the order of their arrival. */
void book_by_arrival(const struct book *b, int32_t *index, int n, int32_t *scratch);

#endif
