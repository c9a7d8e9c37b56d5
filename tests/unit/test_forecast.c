/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#include "policy/forecast.h"
#include "tests/unit/houses.h"

enum { DAY_S = 86400 };
static struct forecast f;
static struct step step[STEPS_MAX];
static int32_t east[STEPS_MAX];

/* A house that repeats by local time of day; the sun by UTC. */
static double load_at(int64_t local_s)
{
	double hour = (double)(((local_s % DAY_S) + DAY_S) % DAY_S) / 3600;
	return 400 + (hour >= 17 && hour < 21 ? 1500 : 0) + 20 * floor(hour);
}

static double pv_at(int64_t at_s)
{
	return fmax(0, 5000 * sin(M_PI * ((double)(at_s % DAY_S) / 3600 - 6) / 12));
}

/* Central Europe's rule for 2026: summer time from 29 March to 25 October, 01:00 UTC. */
static int32_t oslo_east(int64_t at_s)
{
	return at_s >= 1774746000 && at_s < 1792890000 ? 7200 : 3600;
}

static void live(int interval_s, int64_t from_s, int64_t to_s)
{
	for (int64_t at_s = from_s; at_s < to_s; at_s += interval_s) {
		int32_t east_s = oslo_east(at_s);
		forecast_add(&f, at_s, true, load_at(at_s + east_s), true, pv_at(at_s), east_s);
	}
}

static void ask(int64_t from_s, int steps, int interval_s)
{
	for (int t = 0; t < steps; t++) {
		int64_t at_s = from_s + (int64_t)t * interval_s;
		step[t] = (struct step){ .start_s = at_s, .hours = interval_s / 3600.0 };
		east[t] = oslo_east(at_s);
	}
	forecast_fill(&f, step, steps, east);
}

static void expect_truth(int steps)
{
	for (int t = 0; t < steps; t++) {
		double load_w = load_at(step[t].start_s + oslo_east(step[t].start_s));
		if (fabs(step[t].load_w - load_w) > 1e-2 ||
		    fabs(step[t].pv_w - pv_at(step[t].start_s)) > 1e-2) {
			fail_msg("step %d: load %g pv %g, expected %g %g", t, step[t].load_w,
				 step[t].pv_w, load_w, pv_at(step[t].start_s));
		}
	}
}

static void test_periodic_house(void **state)
{
	(void)state; /* A house that repeats is foretold exactly, at any interval, after 1 to 50
			days. */
	const int intervals[] = { 300, 900, 1800, 3600 };
	const int days[] = { 1, 2, 8, 50 };
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 4; k++) {
			int64_t start_s = INT64_C(20605) * DAY_S; /* 1 June 2026 */
			int64_t now_s = start_s + days[k] * (int64_t)DAY_S + 10 * 3600;
			assert_int_equal(forecast_init(&f, intervals[i]), 0);
			live(intervals[i], start_s, now_s);
			assert_true(forecast_ready(&f));
			ask(now_s, 36 * 3600 / intervals[i], intervals[i]);
			expect_truth(14 * 3600 / intervals[i]); /* beyond, day 1 has gaps */
			expect_truth(days[k] > 1 ? 36 * 3600 / intervals[i] : 0);
		}
	}
}

static void test_days_of_23_and_25_hours(void **state)
{
	(void)state; /* Dinner stays at its local hour on the days the clocks change, and after. */
	const int64_t changes_s[] = { 1774746000, 1792890000 };
	for (int k = 0; k < 2; k++) {
		for (int hours = -40; hours <= 40; hours += 5) {
			int64_t now_s = changes_s[k] + hours * 3600;
			assert_int_equal(forecast_init(&f, 900), 0);
			live(900, now_s - 12 * (int64_t)DAY_S, now_s);
			ask(now_s, 144, 900);
			expect_truth(144);
		}
	}
}

static void test_steps_of_any_length(void **state)
{
	(void)state; /* A longer or shorter step gets the mean of the time it covers. */
	int64_t now_s = INT64_C(20610) * DAY_S;
	assert_int_equal(forecast_init(&f, 900), 0);
	live(900, now_s - 5 * DAY_S, now_s);
	step[0] = (struct step){ .start_s = now_s + 14 * 3600 + 1800, .hours = 1 };
	step[1] = (struct step){ .start_s = now_s + 300, .hours = 1.0 / 12 };
	east[0] = east[1] = 7200;
	forecast_fill(&f, step, 2, east);
	double half = (load_at(16 * 3600 + 1800) + load_at(17 * 3600)) / 2;
	assert_true(fabs(step[0].load_w - half) < 1e-2);
	assert_true(fabs(step[1].load_w - load_at(7200)) < 1e-2);
}

static void test_departures(void **state)
{
	(void)state; /* A load above its habit is expected to last a while, a dim morning for the
			day. */
	int64_t now_s = INT64_C(20610) * DAY_S + 10 * 3600;
	assert_int_equal(forecast_init(&f, 900), 0);
	live(900, now_s - 5 * DAY_S, now_s);
	for (int back = 1; back <= 12; back++) {
		int64_t at_s = now_s - back * 900;
		forecast_add(&f, at_s, true, load_at(at_s + 7200) + 1000, true, pv_at(at_s) / 4,
			     7200);
	}
	ask(now_s, 144, 900);
	double more[3], dim[2];
	const int leads[] = { 0, 4, 60 };
	for (int k = 0; k < 3; k++) {
		more[k] = step[leads[k]].load_w - load_at(step[leads[k]].start_s + 7200);
	}
	dim[0] = step[0].pv_w / pv_at(step[0].start_s);
	dim[1] = step[24].pv_w / pv_at(step[24].start_s);
	assert_true(more[0] > 300 && more[0] < 1000 && more[1] < more[0] && fabs(more[2]) < 10);
	assert_true(dim[0] > 0.2 && dim[0] < 0.4 && dim[1] > dim[0] && dim[1] < 1);
}

static void test_unknown_is_not_zero(void **state)
{
	(void)state; /* What was not measured is left out, what cannot be true too. */
	int64_t now_s = INT64_C(20610) * DAY_S;
	assert_int_equal(forecast_init(&f, 900), 0);
	assert_false(forecast_ready(&f));
	ask(now_s, 4, 900); /* knows nothing, and survives it */
	assert_true(step[0].load_w == 0 && step[0].pv_w == 0);
	for (int64_t at_s = now_s - 10 * DAY_S; at_s < now_s; at_s += 900) {
		bool known = (at_s / DAY_S) % 2 == 0;
		double bad = (at_s / 900) % 2 ? (double)INFINITY : -5;
		forecast_add(&f, at_s, true, known ? 500 : bad, known, known ? 100 : 9e9, 0);
	}
	ask(now_s, 144, 900);
	for (int t = 0; t < 144; t++) {
		assert_true(fabs(step[t].load_w - 500) < 1e-3 && fabs(step[t].pv_w - 100) < 20);
	}
}

static void test_weekends(void **state)
{
	(void)state; /* A weekend is foretold from weekends more than from working days. */
	int64_t monday_s = INT64_C(20605) * DAY_S; /* 1 June 2026 */
	assert_int_equal(forecast_init(&f, 900), 0);
	for (int64_t at_s = monday_s; at_s < monday_s + 26 * (int64_t)DAY_S; at_s += 900) {
		bool weekend = (at_s - monday_s) / DAY_S % 7 >= 5;
		forecast_add(&f, at_s, true, weekend ? 2000 : 400, false, 0, 0);
	}
	/* From Saturday on, the 27th day, to Monday. */
	for (int day = 0; day < 3; day++) {
		step[day] =
			(struct step){ .start_s = monday_s + (26 + day) * (int64_t)DAY_S + 43200,
				       .hours = 0.25 };
		east[day] = 0;
	}
	forecast_fill(&f, step, 3, east);
	assert_true(step[0].load_w > 1000 && step[1].load_w > 1000 && step[2].load_w < 800);
}

static void test_ring(void **state)
{
	(void)state; /* Long gaps, clock steps and intervals out of order leave no ghosts. */
	int64_t now_s = INT64_C(20610) * DAY_S;
	assert_int_equal(forecast_init(&f, 900), 0);
	live(900, now_s - 40 * DAY_S, now_s);
	forecast_add(&f, now_s - 39 * DAY_S, true, 1e6, true, 1e6, 0); /* too old: dropped */
	ask(now_s, 96, 900);
	expect_truth(96);
	now_s += 30 * DAY_S; /* away: only the last days before stay in view */
	forecast_add(&f, now_s, true, 700, true, 0, 7200);
	assert_true(forecast_ready(&f));
	now_s += 20 * DAY_S; /* no day of what is left is as old as it looks */
	forecast_add(&f, now_s, true, 700, true, 0, 7200);
	assert_false(forecast_ready(&f));
	now_s += 3650 * (int64_t)DAY_S;
	forecast_add(&f, now_s, true, 700, true, 0, 7200);
	assert_false(forecast_ready(&f));
	ask(now_s + 900, 4, 900);
	assert_true(step[0].load_w > 0 && step[0].load_w < 1100);
	forecast_add(&f, -5000, true, 700, true, 0, 7200);
	forecast_add(&f, INT64_MIN + 1000, true, 700, true, 0, 7200);
}

static void test_intervals(void **state)
{
	(void)state; /* Only intervals that divide the day are taken. */
	assert_int_equal(forecast_init(&f, 0), -EINVAL);
	assert_int_equal(forecast_init(&f, 299), -EINVAL);
	assert_int_equal(forecast_init(&f, 1000), -EINVAL);
	assert_int_equal(forecast_init(&f, 7200), -EINVAL);
	assert_int_equal(forecast_init(&f, 600), 0);
}

/* A noisy house with weekends and clouds; returns the forecast's error over one day ahead, W. */
static double error_of(uint64_t seed, double *naive)
{
	struct dice d = { .state = seed };
	static double load[30 * 96];
	double error = 0;
	assert_int_equal(forecast_init(&f, 900), 0);
	*naive = 0;
	int64_t start_s = INT64_C(20605) * DAY_S;
	for (int k = 0; k < 30 * 96; k++) {
		int64_t at_s = start_s + k * 900;
		load[k] = load_at(at_s) * dice_between(&d, 0.5, 1.5) +
			  (dice_chance(&d, 0.05) ? 2000 : 0);
	}
	for (int k = 0; k < 29 * 96; k++) {
		if (k >= 10 * 96 && k % 24 == 0) {
			ask(start_s + k * 900, 96, 900);
			for (int t = 0; t < 96; t++) {
				error += fabs(step[t].load_w - load[k + t]);
				*naive += fabs(load[k + t - 96] - load[k + t]);
			}
		}
		forecast_add(&f, start_s + k * 900, true, load[k], false, 0, oslo_east(start_s));
	}
	return error;
}

static void test_better_than_yesterday(void **state)
{
	(void)state; /* On a noisy house the forecast errs clearly less than yesterday's profile. */
	for (uint64_t seed = 1; seed <= 3; seed++) {
		double naive, error = error_of(seed, &naive);
		print_message("seed %d: error %.0f %% of yesterday's\n", (int)seed,
			      100 * error / naive);
		assert_true(error < 0.85 * naive);
	}
}

static void test_scenarios(void **state)
{
	(void)state; /* A scenario is a day that was, the surer forecast fading out; the likeliest
			first. */
	static struct scenario way[SCENARIOS_MAX];
	int64_t now_s = 1781481600; /* 2026-06-15T00:00Z */
	assert_int_equal(forecast_init(&f, 900), 0);
	for (int days = 5; days >= 1; days--) {
		for (int64_t at_s = now_s - days * DAY_S; at_s < now_s - (days - 1) * DAY_S;
		     at_s += 900) {
			forecast_add(&f, at_s, days != 3, 100 * days, true, 10 * days, 7200);
		}
	}
	ask(now_s, 96, 900);
	int count = forecast_scenarios(&f, step, 96, east, way);
	assert_int_equal(count, 4); /* the third day is not known */
	int seen = 0;
	for (int i = 0; i < count; i++) {
		assert_true(way[i].weight > 0 && (i == 0 || way[i].weight <= way[i - 1].weight));
		double far = (double)way[i].load_w[95], near = (double)way[i].load_w[0];
		double day = round(far / 100);
		assert_true(day >= 1 && day <= 5 && fabs(far - 100 * day) < 1e-2);
		assert_true(fabs((double)way[i].pv_w[95] - 10 * day) < 1);
		assert_true(fabs(near - step[0].load_w) < fabs(far - step[0].load_w) + 1e-3);
		seen |= 1 << (int)day;
	}
	assert_int_equal(seen, 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5);
	assert_int_equal(forecast_init(&f, 900), 0);
	assert_int_equal(forecast_scenarios(&f, step, 96, east, way), 0);
}

/* Three bright days, three dull ones, and so on. */
static bool is_dull(int64_t day)
{
	return day / 3 % 2;
}

static void test_alike_days(void **state)
{
	(void)state; /* What followed days as bright as this one comes first, and goes on as it did.
		      */
	static struct scenario way[SCENARIOS_MAX];
	for (int64_t today = 20610; today < 20616; today++) {
		int64_t now_s = (today * 24 + 14) * 3600;
		assert_int_equal(forecast_init(&f, 900), 0);
		for (int64_t at_s = now_s - 30 * DAY_S; at_s < now_s; at_s += 900) {
			double share = is_dull(at_s / DAY_S) ? 0.2 : 1;
			forecast_add(&f, at_s, true, 500, true, share * pv_at(at_s), 0);
		}
		ask(now_s, 96 * 2, 900);
		int count = forecast_scenarios(&f, step, 96 * 2, east, way);
		double dull = 0, all = 0;
		for (int i = 0; i < count; i++) {
			/* This evening, 17:00. */
			double share = (double)way[i].pv_w[12] / pv_at(step[12].start_s);
			dull += share < 0.6 ? way[i].weight : 0;
			all += way[i].weight;
			assert_true(share > 0.1 && share < 1.1);
		}
		assert_int_equal(count, SCENARIOS_MAX);
		assert_true(is_dull(today) ? dull > 0.9 * all : dull < 0.1 * all);
	}
}

static void test_weather_stays(void **state)
{
	(void)state; /* After a dim day the next is expected dimmer than most, and after a night
			still. */
	int64_t noon_s = INT64_C(20610) * DAY_S + 12 * 3600;
	double share[2];
	for (int dim = 0; dim < 2; dim++) {
		int64_t now_s = noon_s + 12 * 3600;
		assert_int_equal(forecast_init(&f, 900), 0);
		live(900, now_s - 10 * DAY_S, now_s);
		for (int64_t at_s = noon_s - 6 * 3600; dim && at_s < noon_s + 6 * 3600;
		     at_s += 900) {
			forecast_add(&f, at_s, true, 500, true, pv_at(at_s) / 4, 7200);
		}
		ask(now_s, 96, 900);
		share[dim] = step[48].pv_w / pv_at(step[48].start_s);
	}
	assert_true(fabs(share[0] - 1) < 1e-3);
	assert_true(share[1] > 0.4 && share[1] < 0.8);
}

static void test_spread(void **state)
{
	(void)state; /* How far off it may be is the root mean square of what forecasts, asked for
			before each interval, were off by at that time of day in 14 days; of an hour
			of quarters, that of their means. What was not foretold counts for nothing,
			and what is said of tomorrow is what is said of today. */
	enum { QUARTERS = 40 * 96 };
	static double off_w[QUARTERS];
	static bool told[QUARTERS];
	int64_t start_s = INT64_C(20610) * DAY_S;
	uint64_t seed = random_seed();
	assert_int_equal(forecast_init(&f, 900), 0);
	step[0] = (struct step){ .start_s = start_s, .hours = 1 };
	assert_true(forecast_spread(&f, &step[0]) == 0);
	for (int k = 0; k < QUARTERS; k++) {
		int64_t at_s = start_s + 900 * k;
		double load_w = load_at(at_s + 7200) * random_between(&seed, 0.5, 2);
		double pv_w = pv_at(at_s) * random_between(&seed, 0.2, 1);
		ask(at_s, 1, 900);
		bool lost = k == 3000 || (k > 3500 && k < 3520);
		told[k] = k >= 96 && !lost && k != 3001 && k != 3520;
		off_w[k] = load_w - pv_w - step[0].load_w + step[0].pv_w;
		if (!lost) {
			forecast_add(&f, at_s, true, load_w, true, pv_w, 7200);
		}
	}
	for (int run = 0; run < 200; run++) {
		int quarters = run % 2 ? 4 : 1, at = QUARTERS - run * 7, known = 0;
		double sum2 = 0;
		for (int days = 1; days <= 14; days++) {
			for (int shift = -4; shift <= 4; shift++) {
				int first = at - 96 * days + shift, of = 0;
				double mean_w = 0;
				for (int q = first; q < first + quarters; q++) {
					mean_w += q < QUARTERS ? off_w[q] / quarters : 0;
					of += q < QUARTERS && told[q];
				}
				sum2 += of == quarters ? mean_w * mean_w : 0;
				known += of == quarters;
			}
		}
		step[0].start_s = start_s + 900 * at;
		step[0].hours = quarters / 4.0;
		double w = forecast_spread(&f, &step[0]);
		assert_true(fabs(w - sqrt(sum2 / known)) < 0.1 && w > 1);
	}
	step[0].start_s = start_s + 900 * (QUARTERS + 30);
	double today = forecast_spread(&f, &step[0]);
	step[0].start_s += 2 * DAY_S;
	assert_true(forecast_spread(&f, &step[0]) == today);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_alike_days),
		cmocka_unit_test(test_weather_stays),
		cmocka_unit_test(test_periodic_house),
		cmocka_unit_test(test_days_of_23_and_25_hours),
		cmocka_unit_test(test_steps_of_any_length),
		cmocka_unit_test(test_departures),
		cmocka_unit_test(test_unknown_is_not_zero),
		cmocka_unit_test(test_weekends),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_better_than_yesterday),
		cmocka_unit_test(test_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
