/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "test.h"

#include "daemon/market/allowance.h"

enum { PERIOD_S = 900, SECONDS = 20000 };

static void test_rate(void **unused)
{
	/* Whenever they come, of those in any period at most twice the count are taken and over a
	 * long time no more than the rate, and who stays below the rate is never refused. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 50; run++) {
		static int taken_at[SECONDS];
		int count = 1 + (int)(random_next(&seed) % 300), taken = 0, window = 0;
		int burst = (int)(random_next(&seed) % 5);
		struct allowance loud = { 0 }, quiet = { 0 };
		int64_t quiet_s = 0;
		memset(taken_at, 0, sizeof(taken_at));
		for (int t = 0; t < SECONDS; t++) {
			for (int i = 0; i < burst; i++) {
				taken_at[t] += allowance_take(&loud, count, PERIOD_S, 1000 + t);
			}
			taken += taken_at[t];
			window += taken_at[t] - (t >= PERIOD_S ? taken_at[t - PERIOD_S] : 0);
			assert_true(window <= 2 * count);
			assert_true(taken <= count + (int64_t)count * (t + 1) / PERIOD_S + 1);
			if (t * count >= quiet_s * PERIOD_S) {
				assert_true(allowance_take(&quiet, count, PERIOD_S, 1000 + t));
				quiet_s++;
			}
		}
		assert_true(burst * PERIOD_S < count || taken >= count * (SECONDS / PERIOD_S));
	}
}

static void test_burst(void **unused)
{
	/* The whole count may come at once, and no more. */
	(void)unused;
	for (int count = 1; count <= 1000; count++) {
		struct allowance a = { 0 };
		for (int i = 0; i < count; i++) {
			assert_true(allowance_take(&a, count, PERIOD_S, 5000));
		}
		assert_false(allowance_take(&a, count, PERIOD_S, 5000));
		assert_true(allowance_take(&a, count, PERIOD_S, 5000 + PERIOD_S));
	}
}

static void test_no_limit(void **unused)
{
	/* Of a count of 0 there is no limit. */
	(void)unused;
	struct allowance a = { 0 };
	for (int i = 0; i < 10000; i++) {
		assert_true(allowance_take(&a, 0, PERIOD_S, 5000));
	}
}

static void test_clock(void **unused)
{
	/* A clock that steps back by years silences nobody for more than a period. */
	(void)unused;
	struct allowance a = { 0 };
	const int64_t late_s = 1900000000, now_s = 1781517600;
	for (int i = 0; i < 10; i++) {
		assert_true(allowance_take(&a, 10, PERIOD_S, late_s));
	}
	assert_false(allowance_take(&a, 10, PERIOD_S, now_s));
	int64_t waited_s = 0;
	while (!allowance_take(&a, 10, PERIOD_S, now_s + waited_s)) {
		waited_s++;
	}
	assert_true(waited_s <= PERIOD_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
