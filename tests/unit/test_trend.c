/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "sim/trend.h"
#include "tests/unit/test.h"

enum { VALUES = 6 };
static const int of_two[3] = { 2, 2, 2 };

/* What only rises has tau 1, what only falls -1, what stays 0; none without pairs. */
static void test_tau(void **state)
{
	(void)state;
	const double up[VALUES] = { 1, 2, 3, 4, 5, 6 }, down[VALUES] = { 9, 8, 7, 6, 5, 4 },
		     flat[VALUES] = { 1, 1, 1, 1, 1, 1 };
	const int none[2] = { 3, 0 };
	assert_true(trend_test(up, of_two, 3).tau == 1 && trend_test(down, of_two, 3).tau == -1);
	assert_true(trend_test(flat, of_two, 3).tau == 0);
	assert_true(fabs(trend_test(flat, of_two, 3).p - 0.5) < 1e-12);
	assert_true(isnan(trend_test(up, none, 2).tau) && isnan(trend_test(up, none, 2).p));
	/* Order within a group does not matter. */
	const double swapped[VALUES] = { 2, 1, 4, 3, 6, 5 };
	assert_true(trend_test(swapped, of_two, 3).p == trend_test(up, of_two, 3).p);
}

static void swap(double *a, double *b)
{
	double kept = *a;
	*a = *b;
	*b = kept;
}

/* Count the orders of value[from..] whose tau is at least tau. */
static void count_orders(double *value, int from, double tau, int *as_far, int *all)
{
	if (from == VALUES) {
		*as_far += trend_test(value, of_two, 3).tau >= tau - 1e-12;
		(*all)++;
		return;
	}
	for (int i = from; i < VALUES; i++) {
		swap(&value[from], &value[i]);
		count_orders(value, from + 1, tau, as_far, all);
		swap(&value[from], &value[i]);
	}
}

/* Its p is near the share of all orders that rise as far. */
static void test_p(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	for (int round = 0; round < 50; round++) {
		double value[VALUES];
		int as_far = 0, all = 0;
		for (int i = 0; i < VALUES; i++) {
			value[i] = random_between(&seed, 0, 1) + 0.3 * (i / 2);
		}
		struct trend t = trend_test(value, of_two, 3);
		if (t.tau <= 0) {
			continue;
		}
		count_orders(value, 0, t.tau, &as_far, &all);
		assert_int_equal(all, 720);
		assert_true(fabs(t.p - (double)as_far / all) < 0.03);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tau),
		cmocka_unit_test(test_p),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
