/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/limited.h"

#include <errno.h>

#include "test.h"

enum { ORDERS = 80, OWNERS = 7 };

static struct result r;

static int below(uint64_t *seed, int n)
{
	return (int)(random_next(seed) % (uint64_t)n);
}

/* Everything counted again from the trades and what rests. */
static void assert_counted(const struct limited *x)
{
	int64_t traded[OWNERS][2] = { { 0 } }, resting[OWNERS][2] = { { 0 } };
	for (int i = 0; i < r.trades; i++) {
		traded[x->order[r.trade[i].buy].owner][SIDE_BUY] += r.trade[i].quantity;
		traded[x->order[r.trade[i].sell].owner][SIDE_SELL] += r.trade[i].quantity;
	}
	for (int i = 0; i < ORDERS; i++) {
		resting[x->order[i].owner][x->order[i].side] += exchange_rests(x->exchange, i);
	}
	for (int i = 0; i < OWNERS; i++) {
		for (int side = 0; side < 2; side++) {
			assert_int_equal(x->owner[i].traded[side], traded[i][side]);
			assert_int_equal(x->owner[i].resting[side], resting[i][side]);
		}
	}
}

static void test_never_beyond(void **state)
{
	(void)state; /* Whatever is ordered, cancelled and allowed anew, nobody's trades go beyond
			what was allowed when they were made, and what rests never could make them.
		      */
	uint64_t seed = random_seed();
	struct limited x = { .orders_max = 0 };
	int64_t cut = 0, trades = 0;
	for (int n = 0; n < (is_watched() ? 40 : 400); n++) {
		int64_t most[OWNERS][2];
		assert_int_equal(limited_begin(&x, ORDERS, OWNERS), 0);
		r.trades = 0;
		for (int i = 0; i < OWNERS; i++) {
			for (int side = 0; side < 2; side++) {
				most[i][side] = below(&seed, 60);
				limited_set(&x, i, (enum side)side, most[i][side]);
			}
		}
		for (int event = 0; event < 300; event++) {
			/* An order is its owner's for good, as its trades name it. */
			int at = below(&seed, ORDERS), owner = at % OWNERS;
			int side = at / OWNERS % 2;
			struct order o = { .owner = owner,
					   .side = (unsigned)side & 1,
					   .price = below(&seed, 9) * 1000,
					   .quantity = 1 + below(&seed, 20) };
			int64_t let_in, limit = below(&seed, 60);
			switch (below(&seed, 8)) {
			case 0:
				(void)limited_cancel(&x, at);
				break;
			case 1:
				limited_set(&x, owner, (enum side)side, limit);
				if (limit > most[owner][side]) {
					most[owner][side] = limit;
				}
				assert_true(x.owner[owner].resting[side] == 0 ||
					    x.owner[owner].traded[side] +
							    x.owner[owner].resting[side] <=
						    limit);
				break;
			default:
				if (exchange_rests(x.exchange, at) > 0) {
					(void)limited_cancel(&x, at);
				}
				assert_int_equal(limited_add(&x, at, &o, &r, &let_in), 0);
				assert_true(let_in >= 0 && let_in <= o.quantity);
				cut += o.quantity - let_in;
			}
			assert_counted(&x);
			for (int i = 0; i < OWNERS; i++) {
				for (int s = 0; s < 2; s++) {
					assert_true(x.owner[i].traded[s] <= most[i][s]);
				}
			}
		}
		trades += r.trades;
	}
	assert_true(cut > 1000 && trades > 1000);
	limited_free(&x);
	result_free(&r);
}

static void test_cut(void **state)
{
	(void)state; /* An order is cut to what is left; trades and what rests both count, and a
			cancel gives its part back. */
	struct limited x = { .orders_max = 0 };
	int64_t let_in;
	assert_int_equal(limited_begin(&x, 4, 2), 0);
	r.trades = 0;
	limited_set(&x, 0, SIDE_SELL, 10);
	limited_set(&x, 1, SIDE_BUY, 4);
	const struct order sell = { .owner = 0, .side = SIDE_SELL, .price = 100, .quantity = 7 };
	const struct order buy = { .owner = 1, .side = SIDE_BUY, .price = 200, .quantity = 6 };
	assert_int_equal(limited_add(&x, 0, &sell, &r, &let_in), 0);
	assert_int_equal(let_in, 7);
	assert_int_equal(limited_add(&x, 1, &sell, &r, &let_in), 0);
	assert_int_equal(let_in, 3);
	assert_int_equal(limited_add(&x, 2, &buy, &r, &let_in), 0);
	assert_int_equal(let_in, 4);
	assert_int_equal(r.trades, 1);
	assert_int_equal(x.owner[0].traded[SIDE_SELL], 4);
	assert_int_equal(limited_cancel(&x, 1), 3);
	assert_int_equal(limited_add(&x, 1, &sell, &r, &let_in), 0);
	assert_int_equal(let_in, 3);
	assert_int_equal(limited_add(&x, 3, &sell, &r, &let_in), 0); /* nothing is left */
	assert_int_equal(let_in, 0);
	assert_int_equal(limited_add(&x, 9, &sell, &r, &let_in), -EINVAL);
	assert_int_equal(limited_add(&x, 1, &sell, &r, &let_in), -EINVAL); /* it rests */
	limited_reset(&x);
	assert_int_equal(limited_add(&x, 1, &sell, &r, &let_in), 0);
	assert_int_equal(let_in, 7);
	limited_free(&x);
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_never_beyond),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
