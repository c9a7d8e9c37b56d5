/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/base/lp.h"

static int solve(struct lp *lp)
{
	int64_t deadline_us = clock_real_us() + 10000000;
	int r = lp_relax(lp, deadline_us);
	return r < 0 ? r : lp_settle(lp, deadline_us, 0);
}

/* minimise -2a - 3b, a + b <= 4, a <= 3, b <= 2.5: a = 1.5, b = 2.5 */
static struct lp small_program(void)
{
	struct lp lp = { .columns = 0 };
	lp_clear(&lp);
	int a = lp_column(&lp, 0, 3, -2);
	int b = lp_column(&lp, 0, 2.5, -3);
	int row = lp_row(&lp, -INFINITY, 4);
	lp_entry(&lp, row, a, 1);
	lp_entry(&lp, row, b, 1);
	return lp;
}

static void solve_small(void)
{
	struct lp lp = small_program();
	assert_int_equal(solve(&lp), 0);
	assert_true(fabs(lp.objective + 10.5) < 1e-9);
	assert_true(fabs(lp.column[0].x - 1.5) < 1e-9 && fabs(lp.column[1].x - 2.5) < 1e-9);
	assert_true(fabs(lp.row[0].dual + 2) < 1e-9);
	lp_free(&lp);
}

static void test_linear(void **state)
{
	(void)state; /* A small program has the solution and the duals found by hand. */
	solve_small();
}

static void test_binary(void **state)
{
	(void)state; /* Binaries are settled, and the duals are those of the program left. */
	struct lp lp = small_program();
	int z = lp_binary(&lp, 1); /* b <= 2.5 z, z costs 8 */
	lp.column[z].cost = 8;
	int row = lp_row(&lp, -INFINITY, 0);
	lp_entry(&lp, row, 1, 1);
	lp_entry(&lp, row, z, -2.5);
	assert_int_equal(solve(&lp), 0);
	assert_true(fabs(lp.objective + 6) < 1e-9);
	assert_true(lp.column[z].x == 0 && fabs(lp.column[1].x) < 1e-9);
	assert_true(fabs(lp.row[0].dual) < 1e-9 && lp.bound == lp.objective);
	lp_free(&lp);
}

static void test_start_from_pairs(void **state)
{
	(void)state; /* Wherever the first solve starts, also from nonsense, it ends with the same
			answer. */
	for (int k = 0; k < 16; k++) {
		struct lp lp = small_program();
		int row = lp_row(&lp, 0, INFINITY); /* a - b / 2 >= 0 */
		lp_entry(&lp, row, 0, 1);
		lp_entry(&lp, row, 1, -0.5);
		lp_pair(&lp, k % 2, k / 2 % 2);
		lp_pair(&lp, k % 2, 1 - k / 2 % 2); /* it is paired already */
		lp_pair(&lp, 1 - k % 2, k / 2 % 2); /* and so is the column */
		if (k & 4) {
			lp_pair(&lp, 1 - k % 2, 1 - k / 2 % 2);
		}
		if (k & 8) {
			lp_rest_high(&lp, 0);
			lp_rest_high(&lp, 1);
		}
		assert_int_equal(solve(&lp), 0);
		assert_true(fabs(lp.objective + 10.5) < 1e-9);
		lp_free(&lp);
	}
	struct lp lp = small_program();
	int row = lp_row(&lp, -INFINITY, 9); /* twice the first row: the basis is singular */
	lp_entry(&lp, row, 0, 2);
	lp_entry(&lp, row, 1, 2);
	lp_pair(&lp, 0, 0);
	lp_pair(&lp, 1, 1);
	assert_int_equal(solve(&lp), 0);
	assert_true(fabs(lp.objective + 10.5) < 1e-9);
	lp_free(&lp);
}

static void test_guesses(void **state)
{
	(void)state; /* A guess that is good enough is the answer; one that is not, or impossible,
			does no harm. */
	for (int k = 0; k < 9; k++) {
		struct lp lp = small_program();
		int z[2];
		for (int j = 0; j < 2; j++) { /* a needs z0 which costs 1, b needs z1 for 8 */
			z[j] = lp_binary(&lp, 1);
			lp.column[z[j]].cost = j ? 8 : 1;
			lp.column[z[j]].guess[1] = (unsigned char)(j ? k / 3 : k % 3);
			int row = lp_row(&lp, -INFINITY, 0);
			lp_entry(&lp, row, j, 1);
			lp_entry(&lp, row, z[j], -3);
		}
		int row = lp_row(&lp, 0.5, INFINITY); /* one of both */
		lp_entry(&lp, row, z[0], 1);
		lp_entry(&lp, row, z[1], 1);
		int64_t deadline_us = clock_real_us() + 10000000;
		assert_int_equal(lp_relax(&lp, deadline_us), 0); /* -5.33, the best is -5 */
		bool both = lp.column[z[0]].guess[1] == LP_ON && lp.column[z[1]].guess[1] == LP_ON;
		assert_int_equal(lp_settle(&lp, deadline_us, both ? 3 : 0), 0);
		assert_true(fabs(lp.objective + (both ? 1.5 : 5)) < 1e-9);
		lp_free(&lp);
	}
}

static void test_abort_is_survived(void **state)
{
	(void)state; /* What makes GLPK abort costs one solve, ten times over, and never the
			process. */
	for (int k = 0; k < 10; k++) {
		struct lp lp = small_program();
		lp_entry(&lp, 0, 0, 1); /* the same entry twice: xerror in glp_load_matrix */
		assert_int_equal(solve(&lp), -ENOTRECOVERABLE);
		lp_free(&lp);
		lp = small_program();
		lp_entry(&lp, 99, 0, 1); /* no such row */
		assert_int_equal(solve(&lp), -ENOTRECOVERABLE);
		lp_free(&lp);
		solve_small();
	}
}

static void test_memory_is_bounded(void **state)
{
	(void)state; /* What GLPK has no memory for costs one solve, and never the process. */
	enum { ROWS = 1000, COLUMNS = 1000 };
	struct lp lp = { .columns = 0 };
	lp_clear(&lp);
	for (int k = 0; k < ROWS; k++) {
		(void)lp_row(&lp, -INFINITY, 1);
		(void)lp_column(&lp, 0, 1, -1);
	}
	for (int k = 0; k < ROWS * COLUMNS; k++) { /* 48 MB there */
		lp_entry(&lp, k / COLUMNS, k % COLUMNS, 1);
	}
	assert_false(lp.lacking);
	assert_int_equal(solve(&lp), -ENOTRECOVERABLE);
	lp_free(&lp);
	solve_small();
}

static void test_bad_numbers(void **state)
{
	(void)state; /* Numbers that are none stop here. */
	const double bad[] = { NAN, INFINITY, -INFINITY };
	for (int k = 0; k < 15; k++) {
		struct lp lp = small_program();
		double *const fields[] = { &lp.column[0].cost, &lp.entry[1], &lp.column[0].low,
					   &lp.row[0].high, &lp.row[0].low };
		double value = bad[k % 3];
		bool legal_bound = (k / 3 == 2 || k / 3 == 4) && value == -INFINITY;
		bool unbounded = k / 3 == 3 && value == INFINITY;
		*fields[k / 3] = value;
		assert_int_equal(solve(&lp), legal_bound || unbounded ? 0 : -EINVAL);
		lp_free(&lp);
	}
	struct lp lp = small_program();
	lp.lacking = true;
	assert_int_equal(solve(&lp), -ENOMEM);
	lp_free(&lp);
}

static void test_no_answer(void **state)
{
	(void)state; /* Infeasible and unbounded are said, not solved. */
	struct lp lp = small_program();
	int row = lp_row(&lp, 9, INFINITY);
	lp_entry(&lp, row, 0, 1);
	assert_int_equal(solve(&lp), -EDOM);
	lp_free(&lp);
	lp = small_program();
	(void)lp_column(&lp, 0, INFINITY, -1);
	assert_int_equal(solve(&lp), -EDOM);
	lp_free(&lp);
}

static void test_tiny_coefficients(void **state)
{
	(void)state; /* What is called optimal is, where coefficients are tiny too: the presolver
			alone says 0 here. c is as large as the second row lets it, 2.198e-5 /
			0.696. */
	struct lp lp = { .columns = 0 };
	lp_clear(&lp);
	int a = lp_column(&lp, 0, 895.1, 0.949);
	int b = lp_column(&lp, 0, 390.1, 0.901);
	int c = lp_column(&lp, 0, 640.6, -0.526);
	int row = lp_row(&lp, -INFINITY, 2.002e-5);
	lp_entry(&lp, row, a, 0.795);
	lp_entry(&lp, row, b, 7.89e-8);
	lp_entry(&lp, row, c, 0.606);
	row = lp_row(&lp, -INFINITY, 2.198e-5);
	lp_entry(&lp, row, a, 1.08e-7);
	lp_entry(&lp, row, c, 0.696);
	assert_int_equal(solve(&lp), 0);
	assert_true(fabs(lp.column[c].x - 2.198e-5 / 0.696) < 1e-12);
	assert_true(fabs(lp.bound + 0.526 * 2.198e-5 / 0.696) < 1e-12);
	lp_free(&lp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_start_from_pairs),
		cmocka_unit_test(test_guesses),
		cmocka_unit_test(test_abort_is_survived),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_tiny_coefficients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
