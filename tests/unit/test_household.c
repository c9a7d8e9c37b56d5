/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "drivers/household.h"

enum { YEAR_S = 365 * 86400, DAY_S = 86400, QUARTERS = 96, DAYS = 60 };
static const int64_t YEAR_2025 = 1735689600;

static struct household household;

static void begin(uint64_t seed, double annual_load_wh)
{
	household_init(&household, &(struct household_conf){ .seed = seed,
							     .latitude_deg = 55,
							     .longitude_deg = 10,
							     .annual_load_wh = annual_load_wh });
}

static double mean_w(int64_t from_s, int64_t length_s)
{
	double sum = 0;
	for (int64_t s = from_s; s < from_s + length_s; s += 5) {
		sum += household_load_w(&household, s);
	}
	return sum * 5 / (double)length_s;
}

static void years_are_plausible(void **state)
{
	/* A family uses what it is told to within a tenth, and 3.5 to 5 MWh when told nothing. */
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		begin(seed, 0);
		double own_kwh = mean_w(YEAR_2025, YEAR_S) * 8.76;
		begin(seed, 8e6);
		double told_kwh = mean_w(YEAR_2025, YEAR_S) * 8.76;
		print_message("seed %d: %.0f kWh, told 8000: %.0f\n", (int)seed, own_kwh, told_kwh);
		assert_true(own_kwh > 3500 && own_kwh < 5000);
		assert_true(fabs(told_kwh / 8000 - 1) < 0.1);
	}
}

static void load_is_bounded(void **state)
{
	/* A house never uses nothing, and never more than its fuses bear. */
	(void)state;
	begin(2, 4.2e6);
	for (int64_t s = YEAR_2025; s < YEAR_2025 + YEAR_S; s += 7) {
		double w = household_load_w(&household, s);
		assert_true(w > 30 && w < 15000);
	}
}

static void order_does_not_matter(void **state)
{
	/* The load at a moment is the same whatever was asked before. */
	(void)state;
	uint64_t seed = random_seed();
	static struct household other;
	begin(9, 0);
	for (int i = 0; i < 300; i++) {
		int64_t s = YEAR_2025 + (int64_t)random_between(&seed, -1e8, 1e8);
		double first = household_load_w(&household, s);
		household_init(&other, &household.conf);
		assert_true(household_load_w(&other, s) == first);
		(void)household_load_w(&household, s - 2 * DAY_S);
		assert_true(household_load_w(&household, s) == first);
	}
}

static void seeds_differ(void **state)
{
	/* Another seed is another family. */
	(void)state;
	static struct household other;
	begin(1, 0);
	struct household_conf conf = household.conf;
	conf.seed = 2;
	household_init(&other, &conf);
	int same = 0;
	for (int64_t s = YEAR_2025; s < YEAR_2025 + 30 * DAY_S; s += 600) {
		same += household_load_w(&household, s) == household_load_w(&other, s);
	}
	assert_true(same < 5);
}

static int64_t two_hours(int64_t wall_s)
{
	(void)wall_s;
	return 7200;
}

static void habits_follow_local_time(void **state)
{
	/* Where clocks show two hours more, the evening peak comes two hours earlier in UTC. */
	(void)state;
	double evening[2] = { 0 };
	for (int shifted = 0; shifted < 2; shifted++) {
		household_init(&household, &(struct household_conf){
						   .seed = 3,
						   .latitude_deg = 55,
						   .longitude_deg = 0,
						   .utc_offset_s = shifted ? two_hours : NULL });
		for (int day = 0; day < 30; day++) {
			evening[shifted] +=
				mean_w(YEAR_2025 + day * (int64_t)DAY_S + 15 * 3600, 3600);
		}
	}
	print_message("three o'clock over five o'clock: %.2f\n", evening[1] / evening[0]);
	assert_true(evening[1] > 1.2 * evening[0]);
}

static void yesterdays_tell(void **state)
{
	/* The mean of a week's same quarters forecasts better than the overall mean, and not
	 * perfectly. */
	(void)state;
	static double q[DAYS][QUARTERS];
	double mean = 0, by_time = 0, by_mean = 0;
	begin(6, 4.2e6);
	for (int d = 0; d < DAYS; d++) {
		for (int k = 0; k < QUARTERS; k++) {
			q[d][k] = mean_w(YEAR_2025 + d * (int64_t)DAY_S + k * 900, 900);
			mean += q[d][k] / (DAYS * QUARTERS);
		}
	}
	for (int d = 7; d < DAYS; d++) {
		for (int k = 0; k < QUARTERS; k++) {
			double forecast = 0;
			for (int back = 1; back <= 7; back++) {
				forecast += q[d - back][k] / 7;
			}
			by_time += fabs(q[d][k] - forecast);
			by_mean += fabs(q[d][k] - mean);
		}
	}
	print_message("error by time of day over error by mean: %.2f\n", by_time / by_mean);
	assert_true(by_time < 0.85 * by_mean);
	assert_true(by_time > 0.3 * by_mean);
}

static void appliances_are_seen(void **state)
{
	/* Within a quarter of an hour the load jumps by a kettle at least twice a day on average.
	 */
	(void)state;
	int jumps = 0;
	begin(1, 4.45e6);
	for (int64_t s = YEAR_2025; s < YEAR_2025 + 30 * DAY_S; s++) {
		double rise = household_load_w(&household, s + 1) - household_load_w(&household, s);
		jumps += rise > 1500;
	}
	assert_true(jumps > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(years_are_plausible),      cmocka_unit_test(load_is_bounded),
		cmocka_unit_test(order_does_not_matter),    cmocka_unit_test(seeds_differ),
		cmocka_unit_test(habits_follow_local_time), cmocka_unit_test(yesterdays_tell),
		cmocka_unit_test(appliances_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
