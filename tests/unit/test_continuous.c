/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/continuous.h"

#include <errno.h>

#include "books.h"

static struct result r;

static int32_t sort_of_price(const struct order *o)
{
	return o->side == SIDE_BUY ? -o->price : o->price;
}

/* A book kept as a plain list, searched from end to end. */
enum { PLACES_MAX = 300 };
struct list {
	struct order order[PLACES_MAX];
	int64_t time[PLACES_MAX], left[PLACES_MAX];
	int64_t now;
	int places;
	bool self_trade;
};

static int list_best(const struct list *l, const struct order *o)
{
	int best = -1;
	for (int i = 0; i < l->places; i++) {
		const struct order *x = &l->order[i];
		bool crosses = o->side == SIDE_BUY ? x->price <= o->price : x->price >= o->price;
		if (l->left[i] == 0 || x->side == o->side || !crosses ||
		    (!l->self_trade && x->owner == o->owner)) {
			continue;
		}
		if (best < 0 || sort_of_price(x) < sort_of_price(&l->order[best]) ||
		    (x->price == l->order[best].price && l->time[i] < l->time[best])) {
			best = i;
		}
	}
	return best;
}

static void list_add(struct list *l, int at, const struct order *o, int *trades)
{
	int64_t left = o->quantity;
	for (int best; left > 0 && (best = list_best(l, o)) >= 0;) {
		int64_t q = left < l->left[best] ? left : l->left[best];
		const struct trade *t = &r.trade[(*trades)++];
		assert_true(*trades <= r.trades);
		assert_int_equal(o->side == SIDE_BUY ? t->sell : t->buy, best);
		assert_int_equal(o->side == SIDE_BUY ? t->buy : t->sell, at);
		assert_int_equal(t->quantity, q);
		assert_int_equal(t->price, l->order[best].price);
		l->left[best] -= q;
		left -= q;
	}
	l->order[at] = *o;
	l->left[at] = left;
	l->time[at] = l->now++;
}

/* One event at a random place, both ways. */
static void play(struct list *l, struct exchange *x, uint64_t *seed, int owners, int prices,
		 int *trades)
{
	int at = random_below(seed, l->places);
	struct order o = { .owner = at % owners,
			   .side = (unsigned)(at / owners) & 1,
			   .price = random_below(seed, prices) * 1000,
			   .quantity = 1 + random_below(seed, 5) };
	int what = random_below(seed, 3);
	if (l->left[at] == 0) {
		assert_int_equal(exchange_add(x, at, &o, &r), 0);
		list_add(l, at, &o, trades);
	} else if (what == 0) {
		assert_int_equal(exchange_add(x, at, &o, &r), -EINVAL);
		assert_int_equal(exchange_cancel(x, at), l->left[at]);
		l->left[at] = 0;
	} else if (what == 1 && o.price == l->order[at].price && o.quantity <= l->left[at]) {
		assert_int_equal(exchange_replace(x, at, &o, &r), 0);
		l->left[at] = o.quantity; /* in its place */
	} else {
		bool kept = o.price == l->order[at].price && o.quantity <= l->left[at];
		assert_int_equal(exchange_replace(x, at, &o, &r), 0);
		l->left[at] = kept ? o.quantity : 0;
		if (!kept) {
			list_add(l, at, &o, trades);
		}
	}
	assert_int_equal(*trades, r.trades);
	assert_int_equal(exchange_rests(x, at), l->left[at]);
}

static void test_list(void **state)
{
	(void)state; /* Adds, cancels and replaces give the trades of a plain list: the best price,
			then the earliest, never an own order unless that is allowed. */
	uint64_t seed = random_seed();
	for (int n = 0; n < (is_watched() ? 60 : 600); n++) {
		static struct list l;
		int owners = 1 + random_below(&seed, 12), prices = 1 + random_below(&seed, 9);
		l = (struct list){ .places = 2 * owners + random_below(&seed, 24),
				   .self_trade = random_below(&seed, 4) == 0 };
		struct exchange *x = exchange_new(l.places, owners, l.self_trade);
		assert_non_null(x);
		assert_int_equal(exchange_add(x, 0, &(struct order){ .owner = owners }, &r),
				 -EINVAL);
		r.trades = 0;
		int trades = 0;
		for (int event = 0; event < 300; event++) {
			play(&l, x, &seed, owners, prices, &trades);
		}
		free(x);
	}
}

static void test_crossing(void **state)
{
	(void)state; /* The same where one owner's own orders cross each other by the hundred. */
	uint64_t seed = random_seed();
	for (int n = 0; n < (is_watched() ? 2 : 20); n++) {
		static struct list l;
		l = (struct list){ .places = PLACES_MAX };
		struct exchange *x = exchange_new(PLACES_MAX, 40, false);
		assert_non_null(x);
		r.trades = 0;
		int trades = 0;
		for (int event = 0; event < 4000; event++) {
			int at = random_below(&seed, PLACES_MAX);
			struct order o = { .owner = at < 260 ? 7 : 1 + at % 39,
					   .side = (unsigned)at & 1,
					   .price = random_below(&seed, 50) * 1000,
					   .quantity = 1 + random_below(&seed, 50) };
			if (l.left[at] == 0) {
				assert_int_equal(exchange_add(x, at, &o, &r), 0);
				list_add(&l, at, &o, &trades);
			} else if (random_below(&seed, 4) == 0) {
				assert_int_equal(exchange_cancel(x, at), l.left[at]);
				l.left[at] = 0;
			}
			assert_int_equal(trades, r.trades);
			assert_int_equal(exchange_rests(x, at), l.left[at]);
		}
		free(x);
	}
}

/* One owner's orders that all cross each other, and one of another's behind them. */
static void test_own_wall(void **state)
{
	(void)state; /* An order behind a wall of the buyer's own is met, and the wall stands: with
			as many orders as would take hours to look through one by one. */
	const int wall = is_watched() ? 10000 : 200000;
	struct exchange *x = exchange_new(2 * wall + 2, 2, false);
	assert_non_null(x);
	r.trades = 0;
	struct order sell = { .side = SIDE_SELL, .quantity = 3 },
		     buy = { .side = SIDE_BUY, .quantity = 2 };
	for (int i = 0; i < wall; i++) {
		sell.price = i % 1000;
		buy.price = 1000 + i % 1000;
		assert_int_equal(exchange_add(x, 2 * i, &sell, &r), 0);
		assert_int_equal(exchange_add(x, 2 * i + 1, &buy, &r), 0);
	}
	assert_int_equal(r.trades, 0);
	sell = (struct order){
		.side = SIDE_SELL, .owner = 1, .price = 1500, .quantity = INT64_C(2) * wall
	};
	assert_int_equal(exchange_add(x, 2 * wall, &sell, &r), 0);
	assert_int_equal(r.trades, wall / 2);
	for (int i = 1; i < r.trades; i++) {
		const struct trade *a = &r.trade[i - 1], *b = &r.trade[i];
		assert_true(a->price > b->price || (a->price == b->price && a->buy < b->buy));
	}
	buy = (struct order){ .side = SIDE_BUY, .owner = 0, .price = 1500, .quantity = wall };
	assert_int_equal(exchange_add(x, 2 * wall + 1, &buy, &r), 0);
	assert_int_equal(r.trades, wall / 2 + 1);
	assert_int_equal(r.trade[wall / 2].sell, 2 * wall);
	assert_int_equal(exchange_best(x, SIDE_SELL), 0);
	free(x);
}

static void test_book(void **state)
{
	(void)state; /* A book is played by arrival, with cancel and replace, and says what rests.
		      */
	struct test_book t;
	book_init(&t, 3);
	book_put(&t, 0, SIDE_SELL, 100000, 10);
	book_put(&t, 1, SIDE_SELL, 90000, 10);
	book_put(&t, 1, SIDE_SELL, 0, 1)->action = ACTION_CANCEL;
	t.order[2].earlier = 1;
	book_put(&t, 0, SIDE_SELL, 120000, 10)->action = ACTION_REPLACE;
	t.order[3].earlier = 0;
	book_put(&t, 2, SIDE_BUY, 110000, 10);
	book_put(&t, 2, SIDE_BUY, 130000, 4);
	book_clear("continuous", &t, &(struct terms){ .k = 0 }, &r);
	assert_int_equal(r.trades, 1);
	assert_int_equal(r.trade[0].buy, 5);
	assert_int_equal(r.trade[0].sell, 0);
	assert_int_equal(r.trade[0].price, 120000);
	assert_int_equal(r.filled[0], 4);
	assert_int_equal(r.resting, 6 + 10);
	t.order[4].arrival = 0; /* it comes first now, and meets the first */
	t.order[0].arrival = 1;
	t.order[1].arrival = 2;
	t.order[2].arrival = 3;
	t.order[3].arrival = 4;
	book_clear("continuous", &t, &(struct terms){ .k = 0 }, &r);
	assert_int_equal(r.trade[0].price, 110000);
	assert_int_equal(r.trade[0].quantity, 10);
}

/* D. K. Gode and S. Sunder, Journal of Political Economy 101(1), 1993: traders that draw a price at
 * random, but never to their loss, each with one unit. */
static double zero_intelligence(uint64_t *seed)
{
	enum { TRADERS = 40, ROUNDS = 4000, PRICE = 200000 };
	struct test_book t;
	struct exchange *x = exchange_new(TRADERS, TRADERS, false);
	assert_non_null(x);
	book_init(&t, TRADERS);
	for (int i = 0; i < TRADERS; i++) {
		book_put(&t, i, i % 2 ? SIDE_BUY : SIDE_SELL, random_below(seed, PRICE + 1),
			 MILLION);
	}
	book_clear("uniform", &t, &(struct terms){ .k = 0 }, &r);
	double best = (double)r.welfare;
	r.trades = 0;
	bool done[TRADERS] = { false };
	for (int round = 0, seen = 0; round < ROUNDS; round++) {
		int i = random_below(seed, TRADERS);
		struct order o = t.order[i];
		o.price = o.side == SIDE_BUY ? random_below(seed, o.price + 1)
					     : o.price + random_below(seed, PRICE - o.price + 1);
		if (!done[i]) {
			assert_int_equal(exchange_replace(x, i, &o, &r), 0);
		}
		for (; seen < r.trades; seen++) {
			done[r.trade[seen].buy] = done[r.trade[seen].sell] = true;
		}
	}
	double welfare = 0;
	for (int i = 0; i < r.trades; i++) {
		welfare +=
			(double)(t.order[r.trade[i].buy].price - t.order[r.trade[i].sell].price) *
			MILLION;
	}
	free(x);
	return welfare / best;
}

static void test_zero_intelligence(void **state)
{
	(void)state; /* Traders without a thought reach over 90 % of the possible welfare. */
	uint64_t seed = random_seed();
	double sum = 0;
	for (int n = 0; n < 100; n++) {
		sum += zero_intelligence(&seed);
	}
	print_message("%.4f of the possible welfare\n", sum / 100);
	assert_true(sum / 100 > 0.9);
	assert_true(sum / 100 <= 1);
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_own_wall),
		cmocka_unit_test(test_book),
		cmocka_unit_test(test_zero_intelligence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
