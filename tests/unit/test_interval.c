/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/home/interval.h"

static const int64_t wall_s = 1780272000, mono_us = INT64_C(3600000000), gap_us = 4000000;

static struct reading good(double value)
{
	return (struct reading){ .value = value, .quality = QUALITY_GOOD };
}

static struct state at(int64_t t_us, double grid_w, double battery_w)
{
	return (struct state){ .now_us = mono_us + t_us,
			       .wall_s = wall_s + t_us / 1000000,
			       .grid_w = good(grid_w),
			       .pv_w = good(700),
			       .load_w = good(grid_w + 700 + battery_w),
			       .batteries = 1,
			       .battery = { { .w = good(battery_w) } } };
}

static void test_start(void **unused)
{
	/* An interval begins at the multiple of its length at or before the time, before 1970 too.
	 */
	(void)unused;
	for (int64_t t = -5000; t < 5000; t++) {
		int64_t start_s = interval_start(900, t);
		assert_true(start_s % 900 == 0 && start_s <= t && t < start_s + 900);
	}
}

static void test_sums(void **unused)
{
	/* The energies of random cycles are their exact sums, interval by interval. */
	(void)unused;
	uint64_t seed = random_seed();
	struct interval_meter m;
	struct interval sum = { 0 }, done;
	interval_init(&m, 900);
	int64_t t_us = 0;
	int intervals = 0;
	for (int i = 0; i < 30000; i++) {
		double grid_w = random_between(&seed, -5e3, 5e3);
		double battery_w = random_between(&seed, -3e3, 3e3);
		int64_t step_us = i ? (int64_t)random_between(&seed, 0, 3.9e6) : 0;
		t_us += step_us;
		double hours = (double)step_us / 3.6e9;
		struct state s = at(t_us, grid_w, battery_w);
		sum.import_wh += fmax(grid_w, 0) * hours;
		sum.export_wh += fmax(-grid_w, 0) * hours;
		sum.load_wh += s.load_w.value * hours;
		sum.pv_wh += 700 * hours;
		sum.discharge_wh += fmax(battery_w, 0) * hours;
		sum.charge_wh += fmax(-battery_w, 0) * hours;
		sum.known_s += hours * 3600;
		if (!interval_add(&m, &s, gap_us, &done)) {
			continue;
		}
		assert_true(done.start_s == wall_s + 900 * intervals++ && done.length_s == 900);
		assert_true(fabs(done.import_wh - sum.import_wh) < 1e-9);
		assert_true(fabs(done.export_wh - sum.export_wh) < 1e-9);
		assert_true(fabs(done.load_wh - sum.load_wh) < 1e-9);
		assert_true(fabs(done.pv_wh - sum.pv_wh) < 1e-9);
		assert_true(fabs(done.charge_wh - sum.charge_wh) < 1e-9);
		assert_true(fabs(done.discharge_wh - sum.discharge_wh) < 1e-9);
		assert_true(fabs(done.known_s - sum.known_s) < 1e-6);
		assert_true(fabs(done.load_s - sum.known_s) < 1e-6);
		assert_true(done.known_s > 890 && done.known_s < 905);
		sum = (struct interval){ 0 };
	}
	assert_in_range(intervals, 50, 80);
}

static void test_unknown(void **unused)
{
	/* What was not known adds neither energy nor known time. */
	(void)unused;
	struct interval_meter m;
	struct interval done;
	interval_init(&m, 900);
	for (int t = 0; t < 900; t++) {
		struct state s = at(t * INT64_C(1000000), 3600, 360);
		s.grid_w.quality = t >= 300 ? QUALITY_STALE : QUALITY_GOOD;
		s.load_w.quality = t >= 100 ? QUALITY_OUT_OF_RANGE : QUALITY_GOOD;
		s.battery[0].w.quality = t >= 200 ? QUALITY_NEVER_SEEN : QUALITY_GOOD;
		assert_false(interval_add(&m, &s, gap_us, &done));
	}
	struct state s = at(INT64_C(900000000), 3600, 360);
	assert_true(interval_add(&m, &s, gap_us, &done));
	assert_true(fabs(done.known_s - 300) < 1e-6 && fabs(done.import_wh - 300) < 1e-6);
	assert_true(fabs(done.load_s - 100) < 1e-6 && fabs(done.pv_wh - 700.0 / 36) < 1e-6);
	assert_true(fabs(done.discharge_wh - 20) < 1e-6);
}

static void test_gaps(void **unused)
{
	/* A gap of at most max_gap_us is filled, a longer one is not, however long. */
	(void)unused;
	static const int64_t steps_us[] = { 1, 1000000, 4000000, 4000001, 60000000, 500000000 };
	for (int i = 0; i < 6; i++) {
		struct interval_meter m;
		struct interval done;
		interval_init(&m, 900);
		struct state s = at(0, 3600, 0);
		assert_false(interval_add(&m, &s, gap_us, &done));
		s = at(steps_us[i], 3600, 0);
		assert_false(interval_add(&m, &s, gap_us, &done));
		double filled_s = steps_us[i] <= gap_us ? (double)steps_us[i] / 1e6 : 0;
		assert_true(fabs(m.open.known_s - filled_s) < 1e-9);
		assert_true(fabs(m.open.import_wh - filled_s) < 1e-9);
	}
}

static void test_clock_steps(void **unused)
{
	/* A step of the wall clock ends the open interval; no energy is lost, none is made up. */
	(void)unused;
	uint64_t seed = random_seed();
	struct interval_meter m;
	struct interval done;
	interval_init(&m, 900);
	double sum_wh = 0;
	int64_t offset_s = 0;
	int ended = 0;
	for (int t = 0; t < 86400; t++) {
		struct state s = at(t * INT64_C(1000000), 1000, 0);
		if (random_between(&seed, 0, 1) < 0.001) {
			offset_s += random_next(&seed) % 2 ? 3600 : -3600;
		}
		s.wall_s += offset_s;
		if (interval_add(&m, &s, gap_us, &done)) {
			assert_true(done.start_s % 900 == 0);
			assert_true(done.known_s < 901);
			sum_wh += done.import_wh;
			ended++;
		}
	}
	assert_true(ended > 96);
	assert_true(fabs(sum_wh + m.open.import_wh - 86399 / 3.6) < 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),       cmocka_unit_test(test_sums),
		cmocka_unit_test(test_unknown),     cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_clock_steps),
	};
	return cmocka_run_group_tests_name("interval", tests, NULL, NULL);
}
