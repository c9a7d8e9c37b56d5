/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "daemon/home/rate.h"

static const int64_t second = 1000000;
static const struct rate_limit limit = {
	.fall_per_s = 1, .rise_per_s = 2, .slack = 0.5, .settled_us = INT64_C(60) * 1000000
};

static void test_bounds(void **unused)
{
	/* What is within the rate is believed to the edge, in both directions; beyond it is not. */
	(void)unused;
	for (double step = -20; step <= 30; step += 0.25) {
		struct rate r = { 0 };
		assert_int_equal(rate_check(&r, &limit, 100, second), RATE_BELIEVED);
		bool fits = step >= -10.5 && step <= 20.5; /* in ten seconds */
		assert_int_equal(rate_check(&r, &limit, 100 + step, 11 * second),
				 fits ? RATE_BELIEVED : RATE_DOUBTED);
		assert_true(r.value == (fits ? 100 + step : 100));
	}
}

static void test_settles(void **unused)
{
	/* A new value is taken when it was told for long enough, and told as one story. */
	(void)unused;
	struct rate r = { 0 };
	rate_check(&r, &limit, 1000, 0);
	for (int t = 1; t <= 90; t++) {
		enum rate_verdict expected = t == 90 ? RATE_TAKEN : RATE_DOUBTED;
		double value = t < 30 ? 5 : 300; /* and another one later */
		assert_int_equal(rate_check(&r, &limit, value, t * second), expected);
	}
	assert_int_equal(rate_check(&r, &limit, 301, 91 * second), RATE_BELIEVED);
	assert_int_equal(rate_check(&r, &limit, 1000, 92 * second), RATE_DOUBTED);
	assert_int_equal(rate_check(&r, &limit, 301, 93 * second), RATE_BELIEVED);
	assert_false(r.doubted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_settles),
	};
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
