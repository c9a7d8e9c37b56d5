/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "drivers/budget.h"

enum { DAY = 86400, NOON = 20000 * DAY + DAY / 2 };

static void test_bounded(void **unused)
{
	/* Whoever asks first never writes more than the day has, whatever is asked for. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int round = 0; round < 1000; round++) {
		struct budget b = { .a_day = (int)random_between(&seed, 0, 300) };
		int most = b.a_day < BUDGET_A_DAY_MAX ? b.a_day : BUDGET_A_DAY_MAX;
		int written = 0;
		for (int i = 0; i < 400; i++) {
			int wanted = (int)random_between(&seed, 1, 5);
			int64_t wall_s = NOON + i;
			if (budget_allows(&b, wanted, wall_s)) {
				budget_spend(&b, wanted, wall_s);
				written += wanted;
			}
		}
		assert_in_range(written, most > 4 ? most - 4 : 0, most);
		assert_int_equal(budget_spent(&b, NOON), written);
	}
}

static void test_new_day(void **unused)
{
	/* A new day in UTC begins a new count. */
	(void)unused;
	struct budget b = { .a_day = 2 };
	int64_t last_s = 20001 * (int64_t)DAY - 1;
	budget_spend(&b, 2, last_s);
	assert_false(budget_allows(&b, 1, last_s));
	assert_true(budget_allows(&b, 2, last_s + 1));
	assert_int_equal(budget_spent(&b, last_s + 1), 0);
	budget_spend(&b, 1, last_s + 1);
	assert_int_equal(budget_spent(&b, last_s + 1), 1);
}

static void test_clock_steps(void **unused)
{
	/* A clock that steps to and fro over midnight gives one budget, not one each time; one that
	 * was far ahead does not keep the flash shut until then. */
	(void)unused;
	struct budget b = { .a_day = 20 };
	int64_t midnight_s = 20001 * (int64_t)DAY;
	int written = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t wall_s = midnight_s + (i % 2 ? 60 : -60);
		if (budget_allows(&b, 1, wall_s)) {
			budget_spend(&b, 1, wall_s);
			written++;
		}
	}
	assert_in_range(written, 20, 21);
	budget_spend(&b, 20, midnight_s + 4000 * (int64_t)DAY);
	assert_true(budget_allows(&b, 20, midnight_s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_new_day),
		cmocka_unit_test(test_clock_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
