/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glpk.h>
#include <math.h>

#include "books.h"
#include "daemon/base/clock.h"
#include "daemon/market/zonal.h"

static struct result r;

/* A linear program of what each buyer gets from each seller, with the blocks in taken held between
 * their least share and all, the others out. */
struct trial {
	glp_prob *lp;
	int share[16]; /* columns */
};

static void put_pair(struct trial *x, const struct book *b, int buy, int sell)
{
	const int row[3] = { 0, buy + 1, sell + 1 };
	const double one[3] = { 0, 1, 1 };
	const struct order *to = &b->order[buy], *from = &b->order[sell];
	int column = glp_add_cols(x->lp, 1);
	glp_set_obj_coef(x->lp, column,
			 (to->price - from->price - book_fee(b, from->zone, to->zone)) / 1e6);
	glp_set_col_bnds(x->lp, column, GLP_LO, 0, 0);
	glp_set_mat_col(x->lp, column, 2, row, one);
}

static void put_share(struct trial *x, const struct book *b, int block)
{
	int n = 0, row[BOOK_ORDERS_MAX];
	double value[BOOK_ORDERS_MAX];
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].block == block) {
			row[++n] = i + 1;
			value[n] = -(double)b->order[i].quantity / 1e6;
		}
	}
	x->share[block] = glp_add_cols(x->lp, 1);
	glp_set_mat_col(x->lp, x->share[block], n, row, value);
}

static void make_trial(struct trial *x, const struct book *b, bool self_trade)
{
	x->lp = glp_create_prob();
	glp_set_obj_dir(x->lp, GLP_MAX);
	glp_add_rows(x->lp, b->orders);
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		glp_set_row_bnds(x->lp, i + 1, o->block >= 0 ? GLP_FX : GLP_UP, 0,
				 o->block >= 0 ? 0 : (double)o->quantity / 1e6);
	}
	for (int k = 0; k < b->blocks; k++) {
		put_share(x, b, k);
	}
	for (int i = 0; i < b->orders; i++) {
		for (int j = 0; j < b->orders; j++) {
			const struct order *buy = &b->order[i], *sell = &b->order[j];
			if (buy->side == SIDE_BUY && sell->side == SIDE_SELL &&
			    buy->interval == sell->interval &&
			    (self_trade || buy->owner != sell->owner)) {
				put_pair(x, b, i, j);
			}
		}
	}
}

/* By looking at all sets of blocks. */
static double exhaustive(const struct book *b, bool self_trade)
{
	struct trial x;
	double best = 0;
	glp_smcp p;
	glp_init_smcp(&p);
	p.msg_lev = GLP_MSG_OFF;
	make_trial(&x, b, self_trade);
	for (int taken = 0; taken < 1 << b->blocks; taken++) {
		for (int k = 0; k < b->blocks; k++) {
			double least = b->block[k].least / 1e6;
			bool in = taken >> k & 1;
			glp_set_col_bnds(x.lp, x.share[k], in && least < 1 ? GLP_DB : GLP_FX,
					 in ? least : 0, 1);
			if (!in) {
				glp_set_col_bnds(x.lp, x.share[k], GLP_FX, 0, 0);
			}
		}
		glp_std_basis(x.lp);
		if (glp_simplex(x.lp, &p) == 0 && glp_get_status(x.lp) == GLP_OPT) {
			best = fmax(best, glp_get_obj_val(x.lp));
		}
	}
	glp_delete_prob(x.lp);
	return best;
}

static void random_book(struct test_book *t, uint64_t *seed, int blocks, bool whole, int zones)
{
	book_random(t, seed, 14, zones);
	t->book.intervals = 1 + random_below(seed, 3);
	for (int i = 0; i < t->book.orders; i++) {
		t->order[i].interval = (int16_t)random_below(seed, t->book.intervals);
		t->order[i].quantity += 300000;
	}
	for (int k = 0; k < blocks; k++) {
		int owner = random_below(seed, t->book.owners);
		enum side side = random_below(seed, 2) ? SIDE_BUY : SIDE_SELL;
		int first = random_below(seed, t->book.intervals), zone = random_below(seed, zones);
		t->block[k].least = whole || random_below(seed, 2)
					    ? RATIO_WHOLE
					    : 100000 * (1 + random_below(seed, 9));
		for (int i = first; i < t->book.intervals; i++) {
			struct order *o = book_put(t, owner, side, random_below(seed, 12) * 50000,
						   (1 + random_below(seed, 40)) * 100000);
			o->block = k;
			o->interval = (int16_t)i;
			o->zone = (uint8_t)zone;
		}
	}
	t->book.blocks = blocks;
	assert_int_equal(book_check(&t->book, NULL), 0);
}

/* Each trade of an order may round. */
static wide trades_of(int order)
{
	wide n = 0;
	for (int i = 0; i < r.trades; i++) {
		n += r.trade[i].buy == order || r.trade[i].sell == order;
	}
	return n;
}

static wide trades_of_block(const struct test_book *t, int block)
{
	wide n = 0;
	for (int i = 0; i < t->book.orders; i++) {
		n += t->order[i].block == block ? trades_of(i) : 0;
	}
	return n;
}

/* Blocks keep their shares, nobody loses, and money adds up. */
static void check(const struct test_book *t)
{
	wide gain[16] = { 0 };
	int64_t paid = 0;
	for (int i = 0; i < t->book.orders; i++) {
		const struct order *o = &t->order[i];
		bool buys = o->side == SIDE_BUY;
		wide worth = (wide)o->price * r.filled[i];
		wide gained = buys ? worth - (wide)r.amount[i] * MILLION
				   : (wide)r.amount[i] * MILLION - worth;
		paid += buys ? r.amount[i] : -r.amount[i];
		if (o->block < 0) {
			assert_true(gained >= -(2 + trades_of(i)) * MILLION);
		} else {
			double share = (double)r.filled[i] / (double)o->quantity;
			int32_t least = t->block[o->block].least;
			gain[o->block] += gained;
			assert_true(share == 0 || share >= least / 1e6 - 1e-4);
			assert_true(share == 0 || least < RATIO_WHOLE || share == 1);
		}
	}
	for (int k = 0; k < t->book.blocks; k++) {
		assert_true(gain[k] >= -(5 + trades_of_block(t, k)) * MILLION);
	}
	assert_int_equal(paid - r.fees, r.residue);
	assert_true(llabs(r.residue) <= t->book.orders);
}

static void compare(int books, int blocks_max, bool whole, int zones, double slack)
{
	uint64_t seed = random_seed();
	int uplifted = 0;
	for (int n = 0; n < books; n++) {
		struct test_book t;
		struct terms terms = { .k = MILLION / 2,
				       .pairs = true,
				       .price_rule = random_below(&seed, 2) ? PRICE_PAIR
									    : PRICE_EQUILIBRIUM,
				       .self_trade = random_below(&seed, 2),
				       .solve_deadline_us = clock_real_us() + INT64_C(10000000) };
		random_book(&t, &seed, blocks_max - random_below(&seed, 2), whole, zones);
		book_clear("uniform", &t, &terms, &r);
		assert_true(r.settled);
		double best = exhaustive(&t.book, terms.self_trade);
		if (fabs((double)r.welfare / 1e12 - best) > slack) {
			fail_msg("book %d: welfare %.9f, expected %.9f", n,
				 (double)r.welfare / 1e12, best);
		}
		for (int i = 0; i < r.trades; i++) {
			assert_true(terms.self_trade || t.order[r.trade[i].buy].owner !=
								t.order[r.trade[i].sell].owner);
		}
		check(&t);
		uplifted += r.uplift > 0;
	}
	print_message("%d of %d books with a block that would lose\n", uplifted, books);
	assert_true(uplifted > 0 || books < 100);
}

static void test_whole(void **state)
{
	(void)state; /* Blocks of all or nothing: the welfare of looking at all sets of them. */
	compare(is_watched() ? 30 : 600, 5, true, 1, 1e-9);
}

static void test_shares(void **state)
{
	(void)state; /* The same with least shares, but for what mWh round. */
	compare(is_watched() ? 30 : 600, 5, false, 1, 2e-5);
}

static void test_twelve(void **state)
{
	(void)state; /* The same with twelve blocks. */
	compare(is_watched() ? 1 : 12, 12, true, 1, 1e-9);
}

static void test_zones(void **state)
{
	(void)state; /* The same between zones with fees, all or nothing and with least shares. */
	compare(is_watched() ? 20 : 500, 5, true, 3, 1e-9);
	compare(is_watched() ? 20 : 500, 5, false, 2, 2e-5);
	compare(is_watched() ? 0 : 6, 12, true, 2, 1e-9);
}

static void test_zone_prices(void **state)
{
	(void)state; /* Where blocks alone trade between zones, the prices keep their limits and the
			fee, and a mWh that rounding left short is not asked for its price. */
	struct test_book t;
	uint64_t apart[2] = { 0 };
	const int32_t limit[2] = { 50000, 300000 };
	int32_t price[2] = { 0 };
	const struct zonal_given given = { apart, limit, price };
	book_init(&t, 2);
	t.book.zones = 2;
	t.book.fee = t.fee;
	t.fee[1] = t.fee[2] = 20000;
	book_put(&t, 0, SIDE_SELL, -PRICE_MAX - 1, 1000000);
	book_put(&t, 1, SIDE_BUY, PRICE_MAX + 1, 1000001)->zone = 1;
	for (int k = 0; k <= 2; k++) {
		const struct terms terms = { .k = k * MILLION / 2 };
		assert_int_equal(result_begin(&r, &t.book), 0);
		assert_int_equal(zonal_clear(&t.book, &terms, &r, false, &given), 0);
		assert_int_equal(r.quantity, 1000000);
		assert_int_equal(price[0], 50000 + k * 115000);
		assert_int_equal(price[1], price[0] + 20000);
	}
}

static void test_zone_caps(void **state)
{
	(void)state; /* A block is filled to the last mWh where it gains in one interval, though it
			loses in another as much as prices and fees can make it. */
	struct test_book t;
	book_init(&t, 3);
	t.book.zones = t.book.intervals = 2;
	t.book.fee = t.fee;
	t.fee[1] = t.fee[2] = PRICE_MAX;
	t.book.blocks = 1;
	t.block[0].least = RATIO_WHOLE;
	book_put(&t, 0, SIDE_BUY, PRICE_MAX, INT64_C(1000) * MILLION);
	book_put(&t, 0, SIDE_BUY, -PRICE_MAX, MILLION)->interval = 1;
	book_put(&t, 1, SIDE_SELL, -PRICE_MAX, MILLION)->interval = 1;
	book_put(&t, 2, SIDE_SELL, 0, INT64_C(1000) * MILLION)->block = 0;
	book_put(&t, 2, SIDE_SELL, PRICE_MAX, MILLION)->block = 0;
	t.order[4].interval = 1;
	t.order[4].zone = 1;
	const struct terms terms = { .k = MILLION / 2,
				     .pairs = true,
				     .solve_deadline_us = clock_real_us() + INT64_C(10000000) };
	book_clear("uniform", &t, &terms, &r);
	assert_true(r.settled);
	assert_int_equal(r.filled[3], INT64_C(1000) * MILLION);
	assert_int_equal(r.filled[4], MILLION);
	assert_int_equal(r.filled[2], 0);
	assert_true(r.welfare == (wide)PRICE_MAX * MILLION * (1000 - 3));
	check(&t);
}

static void test_far_apart(void **state)
{
	(void)state; /* A block a million times another one, of which a millionth would be worth it:
			nothing is claimed that is not so. */
	struct test_book t;
	book_init(&t, 3);
	t.book.blocks = 2;
	t.block[0].least = t.block[1].least = RATIO_WHOLE;
	book_put(&t, 0, SIDE_BUY, 300000, 1000);
	book_put(&t, 1, SIDE_SELL, 100000, INT64_C(1000) * MILLION)->block = 0;
	book_put(&t, 2, SIDE_SELL, 150000, 1000)->block = 1;
	const struct terms terms = { .pairs = true,
				     .solve_deadline_us = clock_real_us() + INT64_C(10000000) };
	book_clear("uniform", &t, &terms, &r);
	assert_true(r.welfare == INT64_C(150000) * 1000 || !r.settled);
	assert_int_equal(r.filled[1], 0);
	check(&t);
	/* All or nothing of two that differ by a part in 1e9: neither is half taken. */
	book_init(&t, 2);
	t.book.blocks = 2;
	t.block[0].least = t.block[1].least = RATIO_WHOLE;
	book_put(&t, 0, SIDE_BUY, 300000, QUANTITY_MAX - 1000)->block = 0;
	book_put(&t, 1, SIDE_SELL, 100000, QUANTITY_MAX)->block = 1;
	int e = mechanism_clear(mechanism_find("uniform"), &t.book, &terms, &r);
	assert_true(e == -ERANGE || (e == 0 && r.filled[0] == 0 && r.filled[1] == 0));
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),       cmocka_unit_test(test_shares),
		cmocka_unit_test(test_twelve),      cmocka_unit_test(test_zones),
		cmocka_unit_test(test_zone_prices), cmocka_unit_test(test_zone_caps),
		cmocka_unit_test(test_far_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
