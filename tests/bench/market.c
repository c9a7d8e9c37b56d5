/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast books are cleared, beside a plain sort and merge of the same orders in the same run.
 * Prints `name value unit`; ends with 1 where the two differ in volume. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/market/continuous.h"
#include "daemon/market/mechanism.h"

enum { LARGE = 1000000, SMALL = 20000, EVENTS = 1000000 };

static struct order order[LARGE];
static struct result result;

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717) >> 20;
}

static struct book make(int orders)
{
	uint64_t seed = 20260615;
	int owners = orders / 4;
	for (int i = 0; i < orders; i++) {
		order[i] = (struct order){ .price = (int32_t)(next(&seed) % 300000),
					   .quantity = 1 + (int64_t)(next(&seed) % 2000000),
					   .owner = (int32_t)(next(&seed) % (uint64_t)owners),
					   .arrival = i,
					   .block = -1,
					   .side = (unsigned)i & 1 };
	}
	return (struct book){
		.orders = orders, .owners = owners, .zones = 1, .intervals = 1, .order = order
	};
}

static int by_price(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	return x->side != y->side ? x->side - y->side
				  : (x->price > y->price) - (x->price < y->price);
}

/* The volume as most projects find it. */
static int64_t sort_and_merge(const struct book *b)
{
	static struct order sorted[LARGE];
	memcpy(sorted, b->order, sizeof(*sorted) * (size_t)b->orders);
	qsort(sorted, (size_t)b->orders, sizeof(*sorted), by_price);
	int buys = 0;
	while (buys < b->orders && sorted[buys].side == SIDE_BUY) {
		buys++;
	}
	int64_t volume = 0;
	for (int i = buys - 1, j = buys;
	     i >= 0 && j < b->orders && sorted[i].price >= sorted[j].price;) {
		int64_t q = sorted[i].quantity < sorted[j].quantity ? sorted[i].quantity
								    : sorted[j].quantity;
		volume += q;
		i -= (sorted[i].quantity -= q) == 0;
		j += (sorted[j].quantity -= q) == 0;
	}
	return volume;
}

static void tell(const char *name, int orders, const char *of, double per_s)
{
	printf("%s%s %.0f %s\n", name, orders == LARGE ? "_1m" : "", per_s, of);
}

static int bench_uniform(int orders)
{
	struct book b = make(orders);
	struct terms t = { .k = MILLION / 2 };
	const struct mechanism *m = mechanism_find("uniform");
	int rounds = 4 * LARGE / orders, differ = 0;
	for (int pairs = 0; pairs < 2; pairs++) {
		t.pairs = pairs;
		(void)mechanism_clear(m, &b, &t, &result); /* once for the room it takes */
		int64_t start_us = clock_real_us();
		for (int i = 0; i < rounds; i++) {
			differ |= mechanism_clear(m, &b, &t, &result);
		}
		tell(pairs ? "clear_uniform_paired_orders_per_s" : "clear_uniform_orders_per_s",
		     orders, "orders/s",
		     1e6 * rounds * orders / (double)(clock_real_us() - start_us));
	}
	int64_t start_us = clock_real_us(), volume = 0;
	int peers = 1 + rounds / 10;
	for (int i = 0; i < peers; i++) {
		volume = sort_and_merge(&b);
	}
	tell("sort_and_merge_orders_per_s", orders, "orders/s",
	     1e6 * peers * orders / (double)(clock_real_us() - start_us));
	return differ || volume != result.quantity;
}

/* Orders around a price, one in eight events a cancel, one in eight a replace. */
static int bench_continuous(void)
{
	enum { OWNERS = 1000, PLACES = 20000 };
	uint64_t seed = 20260615;
	struct exchange *x = exchange_new(PLACES, OWNERS, false);
	int failed = !x;
	int64_t start_us = clock_real_us();
	result.trades = 0;
	for (int i = 0; i < EVENTS && !failed; i++) {
		int32_t at = (int32_t)(next(&seed) % PLACES);
		bool rests = exchange_rests(x, at) > 0;
		struct order o = { .price = (int32_t)(100000 + next(&seed) % 100000),
				   .quantity = 1 + (int64_t)(next(&seed) % 2000000),
				   .owner = at % OWNERS,
				   .side = (unsigned)(at / 10) & 1 };
		if (rests && next(&seed) % 2 == 0) {
			(void)exchange_cancel(x, at);
		} else if (rests) {
			failed = exchange_replace(x, at, &o, &result);
		} else {
			failed = exchange_add(x, at, &o, &result);
		}
	}
	tell("clear_continuous_events_per_s", 0, "events/s",
	     1e6 * EVENTS / (double)(clock_real_us() - start_us));
	free(x);
	return failed;
}

/* One owner's orders that all cross each other, and do not meet. */
static int bench_own(void)
{
	enum { PLACES = 20000 };
	struct exchange *x = exchange_new(PLACES, 1, false);
	int failed = !x;
	int64_t start_us = clock_real_us();
	for (int i = 0; i < EVENTS && !failed; i++) {
		struct order o = { .price = (i & 1 ? 0 : 300000) + i % 1000,
				   .quantity = MILLION,
				   .side = (unsigned)i & 1 };
		(void)exchange_cancel(x, i % PLACES);
		failed = exchange_add(x, i % PLACES, &o, &result);
	}
	tell("clear_continuous_own_crossing_events_per_s", 0, "events/s",
	     2e6 * EVENTS / (double)(clock_real_us() - start_us));
	free(x);
	return failed;
}

int main(void)
{
	int differ = bench_uniform(SMALL);
	differ |= bench_uniform(LARGE);
	differ |= bench_continuous();
	differ |= bench_own();
	result_free(&result);
	return differ;
}
