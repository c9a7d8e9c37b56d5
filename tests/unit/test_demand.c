/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/base/tariff.h"
#include "daemon/home/demand.h"

static const int64_t june_s = 1780264800; /* local midnight of 2026-06-01 in Oslo */

static void test_highest_mean(void **unused)
{
	/* The incumbent is the highest mean of any whole or open period, as summed up by hand. */
	(void)unused;
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	uint64_t seed = random_seed();
	static const double periods[] = { 900, 1800, 3600, 86400 };
	for (int i = 0; i < 4; i++) {
		struct demand d;
		demand_init(&d, periods[i]);
		double highest_w = 0, open_wh = 0;
		for (int q = 0; q < 20 * 96; q++) {
			int64_t at_s = june_s + q * 900;
			double wh = random_between(&seed, 0, 1) < 0.2
					    ? 0
					    : random_between(&seed, 0, 2000);
			open_wh = at_s % (int64_t)periods[i] == 0 ? wh : open_wh + wh;
			highest_w = fmax(highest_w, open_wh * 3600 / periods[i]);
			demand_add(&d, at_s, wh);
			assert_true(fabs(d.incumbent_w - highest_w) < 1e-6);
			assert_true(fabs(demand_open_wh(&d, at_s) - open_wh) < 1e-6);
			assert_true(demand_open_wh(&d, at_s + (int64_t)periods[i]) == 0);
		}
	}
}

static void test_month(void **unused)
{
	/* Each local month begins anew, at its own midnight and not at UTC's. */
	(void)unused;
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	struct demand d;
	demand_init(&d, 900);
	demand_add(&d, june_s - 900, 1000);
	assert_true(d.incumbent_w == 4000);
	demand_add(&d, june_s, 100);
	assert_true(d.incumbent_w == 400);
	assert_int_equal(timezone_use("UTC"), 0);
	demand_init(&d, 900);
	demand_add(&d, june_s - 900, 1000);
	demand_add(&d, june_s, 100); /* still May there */
	assert_true(d.incumbent_w == 4000);
}

static void test_gap(void **unused)
{
	/* Quarters that were missed count as nothing imported, not as the period's mean so far. */
	(void)unused;
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	struct demand d;
	demand_init(&d, 3600);
	assert_true(demand_open_wh(&d, june_s) == 0 && d.incumbent_w == 0);
	demand_add(&d, june_s, 500);
	demand_add(&d, june_s + 2700, 500);
	assert_true(d.incumbent_w == 1000 && demand_open_wh(&d, june_s + 3599) == 1000);
	demand_add(&d, june_s + 10 * 3600 + 900, 100);
	assert_true(d.incumbent_w == 1000 && demand_open_wh(&d, june_s + 10 * 3600) == 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_highest_mean),
		cmocka_unit_test(test_month),
		cmocka_unit_test(test_gap),
	};
	return cmocka_run_group_tests_name("demand", tests, NULL, NULL);
}
