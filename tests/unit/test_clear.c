/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "books.h"

static struct result r;

enum { A, B, C, KWH = MILLION };

/* The first published book. */
static void first_book(struct test_book *t)
{
	book_init(t, 3);
	book_put(t, A, SIDE_BUY, 1000000, 10 * KWH);
	book_put(t, B, SIDE_BUY, 2000000, 15 * KWH);
	book_put(t, C, SIDE_BUY, 3000000, 20 * KWH);
	book_put(t, A, SIDE_SELL, 1000020, 25 * KWH);
	book_put(t, B, SIDE_SELL, 5000000, 30 * KWH);
	book_put(t, C, SIDE_SELL, 2400000, 35 * KWH);
}

/* The second. */
static void second_book(struct test_book *t)
{
	book_init(t, 3);
	book_put(t, A, SIDE_BUY, 1500000, 40 * KWH);
	book_put(t, B, SIDE_BUY, 2000000, 45 * KWH);
	book_put(t, C, SIDE_BUY, 6000000, 50 * KWH);
	book_put(t, A, SIDE_SELL, 1000000, 55 * KWH);
	book_put(t, B, SIDE_SELL, 5000000, 60 * KWH);
	book_put(t, C, SIDE_SELL, 1000000, 65 * KWH);
}

static void test_published_books(void **state)
{
	(void)state; /* Both published books under both price rules and k of 0, 0.5 and 1. */
	static const struct {
		void (*make)(struct test_book *t);
		int64_t quantity;
		double welfare;
		int32_t equilibrium[3], pair[3];
	} books[] = {
		{ first_book,
		  25,
		  44.9995,
		  { 2000000, 2000000, 2000000 },
		  { 1000020, 1500010, 2000000 } },
		{ second_book,
		  120,
		  307.5,
		  { 1500000, 1500000, 1500000 },
		  { 1000000, 1250000, 1500000 } },
	};
	for (int n = 0; n < 2; n++) {
		for (int k = 0; k < 3; k++) {
			struct test_book t;
			struct terms terms = { .k = k * MILLION / 2 };
			books[n].make(&t);
			book_clear("uniform", &t, &terms, &r);
			assert_int_equal(r.quantity, books[n].quantity * KWH);
			assert_true(fabs((double)r.welfare / 1e12 - books[n].welfare) < 1e-9);
			assert_true(r.priced);
			assert_int_equal(r.price, books[n].equilibrium[k]);
			terms.price_rule = PRICE_PAIR;
			book_clear("uniform", &t, &terms, &r);
			assert_int_equal(r.price, books[n].pair[k]);
			assert_int_equal(r.quantity, books[n].quantity * KWH);
		}
	}
}

static void test_interval(void **state)
{
	(void)state; /* Where nothing is filled in part, k chooses in the interval; rejected orders
			narrow it, but not for the pair rule. */
	struct test_book t;
	book_init(&t, 4);
	book_put(&t, 0, SIDE_BUY, 300000, KWH);
	book_put(&t, 1, SIDE_SELL, 100000, KWH);
	book_put(&t, 2, SIDE_BUY, 150000, KWH);
	book_put(&t, 3, SIDE_SELL, 250000, KWH);
	static const int32_t expected[2][3] = { { 150000, 200000, 250000 },
						{ 100000, 200000, 300000 } };
	for (int rule = 0; rule < 2; rule++) {
		for (int k = 0; k < 3; k++) {
			const struct terms terms = { .price_rule = (enum price_rule)rule,
						     .k = k * MILLION / 2 };
			book_clear("uniform", &t, &terms, &r);
			assert_int_equal(r.price, expected[rule][k]);
		}
	}
}

static void test_ties(void **state)
{
	(void)state; /* Equal orders share by quantity to the last mWh, or by arrival. */
	struct test_book t;
	book_init(&t, 4);
	book_put(&t, 0, SIDE_SELL, 100000, 100);
	book_put(&t, 1, SIDE_BUY, 100000, 100)->arrival = 3;
	book_put(&t, 2, SIDE_BUY, 100000, 100)->arrival = 1;
	book_put(&t, 3, SIDE_BUY, 100000, 100)->arrival = 2;
	book_clear("uniform", &t, &(struct terms){ .k = 0 }, &r);
	assert_int_equal(r.filled[1] + r.filled[2] + r.filled[3], 100);
	for (int i = 1; i < 4; i++) {
		assert_true(r.filled[i] == 33 || r.filled[i] == 34);
	}
	book_clear("uniform", &t, &(struct terms){ .ties = TIES_ARRIVAL }, &r);
	assert_int_equal(r.filled[2], 100);
	t.order[0].quantity = 150;
	book_clear("uniform", &t, &(struct terms){ .ties = TIES_ARRIVAL }, &r);
	assert_int_equal(r.filled[3], 50);
	assert_int_equal(r.filled[1], 0);
}

static void test_self_trade(void **state)
{
	(void)state; /* An owner that crosses itself trades with the others instead, at a price for
			what it buys and one for what it sells where there is none for both. */
	struct test_book t;
	book_init(&t, 2);
	book_put(&t, A, SIDE_BUY, 1000000, KWH);
	book_put(&t, A, SIDE_SELL, 100000, KWH);
	book_put(&t, B, SIDE_SELL, 800000, KWH);
	book_put(&t, B, SIDE_BUY, 200000, KWH);
	book_clear("uniform", &t, &(struct terms){ .pairs = true, .k = 0 }, &r);
	assert_int_equal(r.quantity, 2 * KWH);
	assert_false(r.priced);
	assert_int_equal(r.pieces, 2);
	assert_int_equal(r.piece[0].price, 800000);
	assert_int_equal(r.piece[1].price, 100000);
	book_clear("uniform", &t, &(struct terms){ .self_trade = true, .k = 0 }, &r);
	assert_int_equal(r.quantity, KWH);
}

/* --- pools --------------------------------------------------------------------------------------
 */

static void pool(struct test_book *t, int64_t sold_kwh, int64_t bought_kwh)
{
	book_init(t, 2);
	book_put(t, A, SIDE_SELL, 0, sold_kwh * KWH);
	book_put(t, B, SIDE_BUY, 0, bought_kwh * KWH);
}

static void test_pool_prices(void **state)
{
	(void)state; /* The worked prices of both pools. */
	static const struct {
		const char *mechanism;
		int sold, bought;
		int32_t buy, sell;
	} cases[] = {
		{ "mid-market", 5, 10, 250000, 200000 },
		{ "mid-market", 10, 5, 200000, 150000 },
		{ "mid-market", 7, 7, 200000, 200000 },
		{ "supply-demand-ratio", 5, 10, 225000, 150000 },
		{ "supply-demand-ratio", 10, 5, 100000, 100000 },
		{ "supply-demand-ratio", 7, 7, 100000, 100000 },
	};
	const struct terms terms = { .k = MILLION / 2,
				     .utility_buy = 300000,
				     .utility_sell = 100000 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct test_book t;
		pool(&t, cases[i].sold, cases[i].bought);
		book_clear(cases[i].mechanism, &t, &terms, &r);
		assert_true(abs(r.buy_price - cases[i].buy) <= 1);
		assert_true(abs(r.sell_price - cases[i].sell) <= 1);
	}
	struct test_book t;
	pool(&t, 5, 10);
	book_clear("mid-market", &t, &terms, &r);
	assert_int_equal(r.member[B].amount, 2500000);
	assert_int_equal(r.member[A].amount, -1000000);
	assert_int_equal(r.residue, 0);
}

static void test_pools(void **state)
{
	(void)state; /* In any pool nobody is worse off than with the utility, payments add up to
			the utility's, and energies too. */
	static const char *const pools[] = { "mid-market", "supply-demand-ratio", "community" };
	uint64_t seed = random_seed();
	for (int n = 0; n < (is_watched() ? 600 : 6000); n++) {
		struct test_book t;
		struct terms terms = { .k = random_below(&seed, MILLION + 1),
				       .utility_sell = random_below(&seed, 200000) - 20000,
				       .importer_fee = random_below(&seed, 100000) };
		terms.utility_buy = terms.utility_sell + random_below(&seed, 300000);
		book_random(&t, &seed, 20, 1);
		book_clear(pools[n % 3], &t, &terms, &r);
		int64_t sum = 0, grid = 0, fee = 0, net = 0;
		for (int i = 0; i < r.members; i++) {
			const struct member *m = &r.member[i];
			int64_t alone = money_of(
				m->net > 0 ? terms.utility_buy : terms.utility_sell, m->net);
			/* One millionth for rounding the amount, one for each kWh for the price's.
			 */
			int64_t slack = n % 3 == 2 ? 2 : 2 + llabs(m->net) / MILLION;
			assert_true(m->amount <= alone + slack);
			sum += m->amount;
			grid += m->grid;
			fee += m->fee;
			net += m->net;
		}
		int64_t utility = money_of(terms.utility_buy, r.imported) -
				  money_of(terms.utility_sell, r.exported);
		assert_int_equal(net, r.imported - r.exported);
		assert_int_equal(sum - utility, r.residue);
		assert_int_equal(fee, 0);
		assert_true(llabs(r.residue) <=
			    2 * r.members + (r.quantity + r.imported + r.exported) / MILLION);
		assert_true(n % 3 != 2 || grid == r.imported - r.exported);
	}
}

static void test_largest_importer(void **state)
{
	(void)state; /* The community makes the largest import as small as it can be, who has it
			pays the fee, and the others get it. */
	struct test_book t;
	book_init(&t, 4);
	book_put(&t, 0, SIDE_BUY, 0, 6 * KWH);
	book_put(&t, 1, SIDE_BUY, 0, 1 * KWH);
	book_put(&t, 2, SIDE_SELL, 0, 3 * KWH);
	book_put(&t, 3, SIDE_BUY, 0, 2 * KWH);
	const struct terms terms = { .k = MILLION / 2,
				     .utility_buy = 300000,
				     .utility_sell = 100000,
				     .importer_fee = 30000 };
	book_clear("community", &t, &terms, &r);
	assert_int_equal(r.imported, 6 * KWH);
	assert_int_equal(r.member[1].grid, 1 * KWH);
	assert_int_equal(r.member[3].grid, 2 * KWH);
	assert_int_equal(r.member[0].grid, 3 * KWH);
	assert_int_equal(r.member[0].fee, 90000);
	assert_int_equal(r.member[2].fee, -90000); /* only the seller shared anything beside it */
	assert_true(r.fairness && r.min_max > 0 && r.min_max < 1);
	assert_true(r.quality_of_service < 1 && r.quality_of_experience < 1);
}

/* --- truthful -----------------------------------------------------------------------------------
 */

/* What an owner with one order gains, its true price being limit, in 1e-12 currency. */
static wide gain_of(const struct order *o, int at, int32_t limit)
{
	wide worth = (wide)limit * r.filled[at];
	int64_t amount = r.members ? r.member[o->owner].amount : r.amount[at];
	wide paid = (wide)(r.members && o->side == SIDE_SELL ? -amount : amount) * MILLION;
	return o->side == SIDE_BUY ? worth - paid : paid - worth;
}

static void search_deviation(const char *mechanism, bool integral)
{
	uint64_t seed = random_seed();
	const struct terms terms = { .k = 0 };
	for (int n = 0; n < (is_watched() ? 50 : 1000); n++) {
		struct test_book t;
		int orders = 2 + random_below(&seed, 10);
		book_init(&t, orders);
		for (int i = 0; i < orders; i++) {
			book_put(&t, i, random_below(&seed, 2) ? SIDE_BUY : SIDE_SELL,
				 random_below(&seed, 12) * 10000,
				 integral ? KWH : (1 + random_below(&seed, 5)) * KWH);
		}
		int who = random_below(&seed, orders);
		struct order *o = &t.order[who];
		int32_t limit = o->price;
		book_clear(mechanism, &t, &terms, &r);
		wide honest = gain_of(o, who, limit);
		assert_true(honest >= 0);
		for (int32_t lie = -5000; lie <= 125000; lie += 5000) {
			o->price = lie;
			book_clear(mechanism, &t, &terms, &r);
			if (gain_of(o, who, limit) > honest + 2 * MILLION) {
				fail_msg("%s, book %d: a lie of %d gains %.6f over %.6f", mechanism,
					 n, lie, (double)gain_of(o, who, limit) / 1e12,
					 (double)honest / 1e12);
			}
		}
	}
}

static void test_truthful(void **state)
{
	(void)state; /* No lie about its price gains an owner anything under McAfee and VCG. */
	search_deviation("mcafee", true);
	search_deviation("mcafee", false);
	search_deviation("vcg", true);
	search_deviation("vcg", false);
}

static void test_budgets(void **state)
{
	(void)state; /* McAfee never has a deficit, VCG never a surplus beyond rounding, and VCG's
			welfare is the best. */
	uint64_t seed = random_seed();
	for (int n = 0; n < 2000; n++) {
		struct test_book t;
		const struct terms terms = { .pairs = true };
		book_random(&t, &seed, 16, 1);
		book_clear("mcafee", &t, &terms, &r);
		assert_true(r.budget >= 0);
		wide reduced = r.welfare;
		int64_t cash = r.residue + r.budget;
		for (int i = 0; i < t.book.orders; i++) {
			cash += t.order[i].side == SIDE_BUY ? -r.amount[i] : r.amount[i];
		}
		assert_int_equal(cash, 0);
		for (int i = 0; i < r.trades; i++) {
			assert_true(t.order[r.trade[i].buy].owner !=
				    t.order[r.trade[i].sell].owner);
		}
		book_clear("uniform", &t, &terms, &r);
		wide best = r.welfare;
		book_clear("vcg", &t, &terms, &r);
		assert_true(r.welfare == best && reduced <= best);
		assert_true(r.budget <= 0);
	}
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_books),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_self_trade),
		cmocka_unit_test(test_pool_prices),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_largest_importer),
		cmocka_unit_test(test_truthful),
		cmocka_unit_test(test_budgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
