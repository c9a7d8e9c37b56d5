/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/home/swing.h"

static const int64_t second = 1000000;

/* Seconds of an hour of a sine that were damped. */
static int damped_s(double amplitude_w, double period_s)
{
	struct swing s = { 0 };
	int damped = 0;
	for (int t = 1; t <= 3600; t++) {
		double w = 1000 + amplitude_w * sin(2 * M_PI * t / period_s);
		damped += swing_check(&s, w, t * second);
	}
	assert_int_equal(damped > 0, s.count > 0);
	return damped;
}

static void test_sines(void **unused)
{
	/* What turns more than six times a minute by more than 500 W is damped; slower or smaller
	 * it is left alone. */
	(void)unused;
	assert_true(damped_s(2000, 9) > 1200);
	assert_true(damped_s(300, 12) > 1200);
	assert_int_equal(damped_s(240, 9), 0);
	assert_int_equal(damped_s(2000, 21), 0);
	assert_int_equal(damped_s(2000, 3600), 0);
}

static void test_minute(void **unused)
{
	/* The loop is open for a minute from the turn that was one too many, then closed again. */
	(void)unused;
	struct swing s = { 0 };
	int t = 1;
	while (!swing_check(&s, t % 2 ? 1000 : 0, t * second)) {
		t++;
	}
	assert_int_equal(t, 8); /* the first moves it, the next seven turn it */
	for (int k = 1; k < 90; k++) {
		assert_int_equal(swing_check(&s, 0, (t + k) * second), k < 60);
	}
	assert_int_equal(s.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sines),
		cmocka_unit_test(test_minute),
	};
	return cmocka_run_group_tests_name("swing", tests, NULL, NULL);
}
