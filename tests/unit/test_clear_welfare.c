/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glpk.h>
#include <math.h>
#include <string.h>

#include "books.h"

static struct result r;

/* The best welfare by a linear program over all pairs that may trade, in currency. */
static double best_welfare(const struct book *b, bool self_trade)
{
	glp_prob *lp = glp_create_prob();
	int row[3] = { 0 }, columns = 0;
	const double one[3] = { 0, 1, 1 };
	glp_set_obj_dir(lp, GLP_MAX);
	glp_add_rows(lp, b->orders);
	for (int i = 0; i < b->orders; i++) {
		glp_set_row_bnds(lp, i + 1, GLP_UP, 0, (double)b->order[i].quantity / 1e6);
	}
	for (int i = 0; i < b->orders; i++) {
		for (int j = 0; j < b->orders; j++) {
			const struct order *buy = &b->order[i], *sell = &b->order[j];
			if (buy->side != SIDE_BUY || sell->side != SIDE_SELL ||
			    (!self_trade && buy->owner == sell->owner)) {
				continue;
			}
			int gain = buy->price - sell->price - book_fee(b, sell->zone, buy->zone);
			row[1] = i + 1;
			row[2] = j + 1;
			columns = glp_add_cols(lp, 1);
			glp_set_obj_coef(lp, columns, gain / 1e6);
			glp_set_col_bnds(lp, columns, GLP_LO, 0, 0);
			glp_set_mat_col(lp, columns, 2, row, one);
		}
	}
	double best = 0;
	if (columns > 0) {
		glp_smcp p;
		glp_init_smcp(&p);
		p.msg_lev = GLP_MSG_OFF;
		assert_int_equal(glp_simplex(lp, &p), 0);
		assert_int_equal(glp_get_status(lp), GLP_OPT);
		best = glp_get_obj_val(lp);
	}
	glp_delete_prob(lp);
	return best;
}

/* What holds of each trade: nobody with itself, nobody below its limit. */
static void check_trades(const struct book *b, const struct terms *t)
{
	int64_t sum[BOOK_ORDERS_MAX] = { 0 }, paid = 0, received = 0;
	for (int i = 0; i < r.trades; i++) {
		const struct trade *trade = &r.trade[i];
		const struct order *buy = &b->order[trade->buy], *sell = &b->order[trade->sell];
		assert_true(t->self_trade || buy->owner != sell->owner);
		assert_true(buy->side == SIDE_BUY && sell->side == SIDE_SELL &&
			    trade->quantity > 0);
		assert_true(trade->price <= buy->price && trade->price - trade->fee >= sell->price);
		sum[trade->buy] += trade->quantity;
		sum[trade->sell] += trade->quantity;
	}
	for (int i = 0; i < b->orders; i++) {
		assert_int_equal(sum[i], r.filled[i]);
		assert_true(r.filled[i] >= 0 && r.filled[i] <= b->order[i].quantity);
		*(b->order[i].side == SIDE_BUY ? &paid : &received) += r.amount[i];
	}
	assert_int_equal(paid - received - r.fees, r.residue);
	assert_true(llabs(r.residue) <= b->orders);
}

/* A price told for a zone and a side is that of its trades there, less the fee where it sells. */
static void check_pieces(const struct book *b)
{
	for (int k = 0; k < r.pieces; k++) {
		if (r.piece[k].owner >= 0) {
			return; /* who may not trade with itself has prices of its own */
		}
	}
	for (int i = 0; i < r.trades; i++) {
		for (int k = 0; k < r.pieces; k++) {
			const struct trade *t = &r.trade[i];
			const struct piece *p = &r.piece[k];
			const struct order *o = &b->order[p->side == SIDE_BUY ? t->buy : t->sell];
			if (p->zone == o->zone) {
				assert_int_equal(p->price,
						 t->price - (p->side == SIDE_BUY ? 0 : t->fee));
			}
		}
	}
}

static void compare(int books, int zones, const char *mechanism)
{
	uint64_t seed = random_seed();
	for (int n = 0; n < books; n++) {
		struct test_book t;
		struct terms terms = {
			.pairs = true,
			.k = random_below(&seed, 3) * MILLION / 2,
			.price_rule = random_below(&seed, 2) ? PRICE_PAIR : PRICE_EQUILIBRIUM,
			.ties = random_below(&seed, 2) ? TIES_ARRIVAL : TIES_PRO_RATA,
			.self_trade = random_below(&seed, 3) == 0
		};
		book_random(&t, &seed, 20, zones);
		book_clear(mechanism, &t, &terms, &r);
		double best = best_welfare(&t.book, terms.self_trade);
		if (fabs((double)r.welfare / 1e12 - best) > 1e-9) {
			fail_msg("book %d: welfare %.9f, expected %.9f", n,
				 (double)r.welfare / 1e12, best);
		}
		check_trades(&t.book, &terms);
		if (zones > 1) {
			check_pieces(&t.book);
		}
	}
	result_free(&r);
}

static void test_one_zone(void **state)
{
	(void)state; /* Welfare equals the linear program's, self-trade forbidden or not. */
	compare(is_watched() ? 400 : 10000, 1, "uniform");
}

static void test_zones(void **state)
{
	(void)state; /* The same between zones with fees, each trade within its orders' limits. */
	compare(is_watched() ? 300 : 10000, 3, "uniform");
}

static void test_as_bid(void **state)
{
	(void)state; /* The same where each pair has its own price. */
	compare(is_watched() ? 100 : 2000, 1, "pay-as-bid");
	compare(is_watched() ? 100 : 2000, 2, "pay-as-bid");
}

static void test_nearer_wins(void **state)
{
	(void)state; /* Of two offers with one delivered price the nearer sells. */
	struct test_book t;
	book_init(&t, 3);
	t.book.zones = 2;
	t.fee[1] = t.fee[2] = 50000;
	t.book.fee = t.fee;
	book_put(&t, 0, SIDE_BUY, 300000, 1000000);
	book_put(&t, 1, SIDE_SELL, 100000, 1000000)->zone = 1;
	book_put(&t, 2, SIDE_SELL, 150000, 1000000);
	book_clear("uniform", &t, &(struct terms){ .pairs = true }, &r);
	assert_int_equal(r.filled[2], 1000000);
	assert_int_equal(r.filled[1], 0);
	t.order[0].zone = 1; /* the other one is nearer now, and as dear */
	t.order[1].price = 150000;
	t.order[2].price = 100000;
	book_clear("uniform", &t, &(struct terms){ .pairs = true }, &r);
	assert_int_equal(r.filled[1], 1000000);
	t.order[2].price = 99999;
	book_clear("uniform", &t, &(struct terms){ .pairs = true }, &r);
	assert_int_equal(r.filled[2], 1000000);
	result_free(&r);
}

static void test_zone_alone(void **state)
{
	(void)state; /* A book that stands in one zone of several clears as in a market of one zone,
			by both price rules and any k. */
	uint64_t seed = random_seed();
	for (int n = 0; n < (is_watched() ? 100 : 2000); n++) {
		struct test_book t;
		struct terms terms = { .k = random_below(&seed, 3) * MILLION / 2,
				       .self_trade = true,
				       .price_rule = random_below(&seed, 2) ? PRICE_PAIR
									    : PRICE_EQUILIBRIUM };
		book_random(&t, &seed, 20, 1);
		book_clear("uniform", &t, &terms, &r);
		int64_t quantity = r.quantity, filled[BOOK_ORDERS_MAX];
		int32_t price = r.price, low = r.low, high = r.high;
		memcpy(filled, r.filled, sizeof(filled[0]) * (size_t)t.book.orders);
		t.book.zones = 2;
		t.book.fee = t.fee;
		for (int i = 0; i < t.book.orders; i++) {
			t.order[i].zone = 1;
		}
		book_clear("uniform", &t, &terms, &r);
		assert_int_equal(r.quantity, quantity);
		assert_memory_equal(r.filled, filled, sizeof(filled[0]) * (size_t)t.book.orders);
		assert_int_equal(r.pieces, quantity > 0 ? 2 : 0);
		for (int k = 0; k < r.pieces; k++) {
			assert_int_equal(r.piece[k].price, price);
			assert_int_equal(r.piece[k].low, low);
			assert_int_equal(r.piece[k].high, high);
		}
	}
}

/* The price told for an order's zone and side. */
static int32_t price_at(const struct order *o)
{
	for (int k = 0; k < r.pieces; k++) {
		const struct piece *p = &r.piece[k];
		assert_int_equal(p->owner, -1);
		if (p->zone == o->zone && p->side == o->side) {
			return p->price;
		}
	}
	fail_msg("no price in zone %d", o->zone);
	return 0;
}

/* What orders gain at most at the prices that are told: no welfare is above it where the prices of
 * two zones differ by no more than the fee (the dual of the linear program). */
static wide dual(const struct book *b)
{
	wide sum = 0;
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		wide gain = o->side == SIDE_BUY ? o->price - price_at(o) : price_at(o) - o->price;
		sum += gain > 0 ? gain * o->quantity : 0;
	}
	for (int from = 0; from < b->zones; from++) {
		for (int to = 0; to < b->zones; to++) {
			const struct order sell = { .zone = (uint8_t)from, .side = SIDE_SELL };
			const struct order buy = { .zone = (uint8_t)to, .side = SIDE_BUY };
			assert_true(price_at(&buy) <= price_at(&sell) + book_fee(b, from, to));
		}
	}
	return sum;
}

static void test_many(void **state)
{
	(void)state; /* A hundred thousand orders of owners on both sides, in zones: nobody trades
			with itself, and no welfare is greater at the prices that are told. */
	enum { MANY = 100000, ZONES = 4 };
	static struct order order[MANY];
	static int32_t fee[ZONES * ZONES];
	uint64_t seed = random_seed();
	const int orders = is_watched() ? 4000 : MANY;
	static const int owners[] = { 25000, 40, 7 };
	for (int n = 0; n < 3; n++) {
		const struct book b = { .orders = orders,
					.owners = owners[n],
					.zones = ZONES,
					.intervals = 1,
					.order = order,
					.fee = fee };
		for (int i = 0; i < orders; i++) {
			order[i] = (struct order){ .owner = random_below(&seed, b.owners),
						   .side = (unsigned)random_below(&seed, 2) & 1,
						   .zone = (uint8_t)random_below(&seed, ZONES),
						   .price = random_below(&seed, 300000),
						   .quantity = 1 + random_below(&seed, 2000000),
						   .arrival = i,
						   .block = -1 };
		}
		for (int i = 0; i < ZONES * ZONES; i++) {
			fee[i] = random_below(&seed, 60000);
		}
		assert_int_equal(book_check(&b, NULL), 0);
		assert_int_equal(mechanism_clear(mechanism_find("uniform"), &b,
						 &(struct terms){ .pairs = true }, &r),
				 0);
		for (int i = 0; i < r.trades; i++) {
			assert_int_not_equal(order[r.trade[i].buy].owner,
					     order[r.trade[i].sell].owner);
		}
		assert_true(r.welfare > 0 && r.trades > orders / 4);
		assert_true(dual(&b) == r.welfare);
	}
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_zone),   cmocka_unit_test(test_zones),
		cmocka_unit_test(test_as_bid),     cmocka_unit_test(test_nearer_wins),
		cmocka_unit_test(test_zone_alone), cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
