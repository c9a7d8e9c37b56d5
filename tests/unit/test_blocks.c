/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glpk.h>
#include <math.h>

#include "books.h"
#include "daemon/base/clock.h"

static struct result r;

/* A linear program with the blocks in taken held between their least share and all, the others out.
 */
struct trial {
	glp_prob *lp;
	int balance[4], own[4][8]; /* rows by interval, and owner */
	int share[16];             /* columns */
};

static void put(struct trial *x, const struct book *b, const struct order *o, int column,
		double energy, bool self_trade)
{
	int n = glp_get_mat_col(x->lp, column, NULL, NULL), at[64];
	double value[64];
	(void)glp_get_mat_col(x->lp, column, at, value);
	bool buys = o->side == SIDE_BUY;
	at[++n] = x->balance[o->interval];
	value[n] = buys ? energy : -energy;
	for (int owner = 0; owner < b->owners && !self_trade; owner++) {
		double v = (owner == o->owner ? energy : 0) - (buys ? energy : 0);
		if (v != 0) {
			at[++n] = x->own[o->interval][owner];
			value[n] = v;
		}
	}
	glp_set_mat_col(x->lp, column, n, at, value);
	double price = (buys ? o->price : -o->price) / 1e6;
	glp_set_obj_coef(x->lp, column, glp_get_obj_coef(x->lp, column) + price * energy);
}

static void make_trial(struct trial *x, const struct book *b, bool self_trade)
{
	x->lp = glp_create_prob();
	glp_set_obj_dir(x->lp, GLP_MAX);
	for (int i = 0; i < b->intervals; i++) {
		x->balance[i] = glp_add_rows(x->lp, 1);
		glp_set_row_bnds(x->lp, x->balance[i], GLP_FX, 0, 0);
		for (int o = 0; o < b->owners && !self_trade; o++) {
			x->own[i][o] = glp_add_rows(x->lp, 1);
			glp_set_row_bnds(x->lp, x->own[i][o], GLP_UP, 0, 0);
		}
	}
	for (int k = 0; k < b->blocks; k++) {
		x->share[k] = glp_add_cols(x->lp, 1);
	}
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		double kwh = (double)o->quantity / 1e6;
		if (o->block >= 0) {
			put(x, b, o, x->share[o->block], kwh, self_trade);
			continue;
		}
		int column = glp_add_cols(x->lp, 1);
		glp_set_col_bnds(x->lp, column, GLP_DB, 0, kwh);
		put(x, b, o, column, 1, self_trade);
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

static void random_book(struct test_book *t, uint64_t *seed, int blocks, bool whole)
{
	book_random(t, seed, 14, 1);
	t->book.intervals = 1 + random_below(seed, 3);
	for (int i = 0; i < t->book.orders; i++) {
		t->order[i].interval = (int16_t)random_below(seed, t->book.intervals);
		t->order[i].quantity += 300000;
	}
	for (int k = 0; k < blocks; k++) {
		int owner = random_below(seed, t->book.owners);
		enum side side = random_below(seed, 2) ? SIDE_BUY : SIDE_SELL;
		int first = random_below(seed, t->book.intervals);
		t->block[k].least = whole || random_below(seed, 2)
					    ? RATIO_WHOLE
					    : 100000 * (1 + random_below(seed, 9));
		for (int i = first; i < t->book.intervals; i++) {
			struct order *o = book_put(t, owner, side, random_below(seed, 12) * 50000,
						   (1 + random_below(seed, 40)) * 100000);
			o->block = k;
			o->interval = (int16_t)i;
		}
	}
	t->book.blocks = blocks;
	assert_int_equal(book_check(&t->book, NULL), 0);
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
			assert_true(gained >= -2 * MILLION);
		} else {
			double share = (double)r.filled[i] / (double)o->quantity;
			int32_t least = t->block[o->block].least;
			gain[o->block] += gained;
			assert_true(share == 0 || share >= least / 1e6 - 1e-4);
			assert_true(share == 0 || least < RATIO_WHOLE || share == 1);
		}
	}
	for (int k = 0; k < t->book.blocks; k++) {
		assert_true(gain[k] >= -5 * MILLION);
	}
	assert_int_equal(paid, r.residue);
	assert_true(llabs(paid) <= t->book.orders);
}

static void compare(int books, int blocks_max, bool whole, double slack)
{
	uint64_t seed = random_seed();
	int uplifted = 0;
	for (int n = 0; n < books; n++) {
		struct test_book t;
		struct terms terms = { .k = MILLION / 2,
				       .pairs = true,
				       .self_trade = random_below(&seed, 2),
				       .solve_deadline_us = clock_real_us() + INT64_C(10000000) };
		random_book(&t, &seed, blocks_max - random_below(&seed, 2), whole);
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
	compare(is_watched() ? 30 : 600, 5, true, 1e-9);
}

static void test_shares(void **state)
{
	(void)state; /* The same with least shares, but for what mWh round. */
	compare(is_watched() ? 30 : 600, 5, false, 2e-5);
}

static void test_twelve(void **state)
{
	(void)state; /* The same with twelve blocks. */
	compare(is_watched() ? 1 : 12, 12, true, 1e-9);
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_twelve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
