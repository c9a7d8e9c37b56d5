/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/base/clock.h"

static void test_simulated(void **unused)
{
	/* Simulated time stands still until it is moved, and a step moves the wall clock alone. */
	(void)unused;
	struct clock c;
	clock_init_simulated(&c, 1780272000);
	int64_t start_us = clock_now_us(&c);
	assert_true(start_us == INT64_C(3600000000));
	assert_true(clock_now_us(&c) == start_us && clock_wall_s(&c) == 1780272000);
	clock_advance(&c, 1500000);
	assert_true(clock_now_us(&c) == start_us + 1500000 && clock_wall_s(&c) == 1780272001);
	clock_step_wall(&c, INT64_C(-3600000000));
	assert_true(clock_now_us(&c) == start_us + 1500000 && clock_wall_s(&c) == 1780268401);
	clock_advance(&c, 500000);
	assert_true(clock_wall_s(&c) == 1780268402);
}

static void test_real(void **unused)
{
	/* Real time is the machine's, and never runs backwards. */
	(void)unused;
	struct clock c;
	clock_init_real(&c);
	int64_t last_us = clock_now_us(&c);
	for (int i = 0; i < 10000; i++) {
		int64_t before_us = clock_real_us(), now_us = clock_now_us(&c);
		assert_true(now_us >= last_us && now_us >= before_us);
		last_us = now_us;
	}
	double before_s = clock_real_wall_s();
	int64_t wall_s = clock_wall_s(&c);
	assert_true((double)wall_s >= floor(before_s) && (double)wall_s <= clock_real_wall_s());
	assert_true(clock_real_us_until(&c, clock_now_us(&c) - 1) == 0);
	int64_t until_us = clock_real_us_until(&c, clock_now_us(&c) + INT64_C(1000000000));
	assert_true(until_us > INT64_C(900000000) && until_us <= INT64_C(1000000001));
}

/* Make a scaled clock; returns how long that took, which is as far as it may be off. */
static double make_scaled(struct clock *c, double speed, double anchor_s)
{
	int64_t from_us = clock_real_us();
	clock_init_scaled(c, speed, 1780272000, anchor_s);
	return (double)(clock_real_us() - from_us);
}

static void test_scaled(void **unused)
{
	/* Scaled clocks of one anchor agree, whenever they were made, and run that much faster. */
	(void)unused;
	static const double speeds[] = { 1, 60, 1000 };
	for (int i = 0; i < 3; i++) {
		double speed = speeds[i], anchor_s = clock_real_wall_s() - 5;
		struct clock a, b;
		double off_us = make_scaled(&a, speed, anchor_s);
		int64_t from_us = clock_real_us(), from = clock_now_us(&a);
		while (clock_real_us() - from_us < 20000) {
		}
		off_us += make_scaled(&b, speed, anchor_s);
		int64_t low = clock_now_us(&a), middle = clock_now_us(&b), high = clock_now_us(&a);
		/* As near as the wall clock and the monotonic one are read after each other. */
		double slack_us = speed * (off_us + 500);
		assert_true((double)middle > (double)low - slack_us);
		assert_true((double)middle < (double)high + slack_us);
		assert_true((double)(low - from) >= speed * 20000 - slack_us);
		double house_s = (double)clock_wall_s(&a) - 1780272000;
		assert_true(house_s >= floor(5 * speed) - 1);
		assert_true(clock_real_us_until(&a, clock_now_us(&a) - 10) == 0);
		assert_true(clock_real_us_until(&a, high + (int64_t)(speed * 1e9)) > 900000000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simulated),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_scaled),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
