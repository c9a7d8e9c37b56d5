/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Books of orders for tests: the published two, and random ones. */
#ifndef LECD_TEST_BOOKS_H
#define LECD_TEST_BOOKS_H

#include "daemon/market/mechanism.h"
#include "test.h"

enum { BOOK_ORDERS_MAX = 64 };

struct test_book {
	struct book book;
	struct order order[BOOK_ORDERS_MAX];
	struct block_order block[BOOK_ORDERS_MAX];
	int32_t fee[16];
};

static inline void book_init(struct test_book *t, int owners)
{
	*t = (struct test_book){ .book = { .owners = owners, .zones = 1, .intervals = 1 } };
	t->book.order = t->order;
	t->book.block = t->block;
}

/* price in 1e-6 per kWh, quantity in mWh. */
static inline struct order *book_put(struct test_book *t, int owner, enum side side, int32_t price,
				     int64_t quantity)
{
	struct order *o = &t->order[t->book.orders];
	assert_true(t->book.orders < BOOK_ORDERS_MAX);
	*o = (struct order){ .owner = owner,
			     .side = (unsigned)side & 1,
			     .price = price,
			     .quantity = quantity,
			     .block = -1,
			     .arrival = t->book.orders++ };
	return o;
}

static inline int random_below(uint64_t *seed, int limit)
{
	return (int)(random_next(seed) >> 33) % limit;
}

/* Few prices, so that ties are common; a quarter of the books with owners on both sides only. */
static inline void book_random(struct test_book *t, uint64_t *seed, int orders_max, int zones)
{
	int owners = 2 + random_below(seed, 5), orders = 1 + random_below(seed, orders_max);
	int prices = random_below(seed, 2) ? 6 : 1000,
	    quantities = random_below(seed, 2) ? 4 : 100000;
	book_init(t, owners);
	t->book.zones = zones;
	for (int i = 0; i < orders; i++) {
		int32_t price = (random_below(seed, prices) - prices / 8) * (600000 / prices);
		struct order *o = book_put(t, random_below(seed, owners),
					   random_below(seed, 2) ? SIDE_BUY : SIDE_SELL, price,
					   1 + random_below(seed, quantities));
		o->quantity *= quantities == 4 ? 500000 : 37;
		o->zone = (uint8_t)random_below(seed, zones);
	}
	for (int from = 0; from < zones; from++) {
		for (int to = 0; to < zones; to++) {
			t->fee[from * zones + to] = from == to ? random_below(seed, 2) * 10000
							       : random_below(seed, 4) * 50000;
		}
	}
	t->book.fee = zones > 1 ? t->fee : NULL;
	assert_int_equal(book_check(&t->book, NULL), 0);
}

static inline void book_clear(const char *name, const struct test_book *t,
			      const struct terms *terms, struct result *r)
{
	assert_int_equal(mechanism_clear(mechanism_find(name), &t->book, terms, r), 0);
}

#endif
