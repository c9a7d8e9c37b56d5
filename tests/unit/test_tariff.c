/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/tariff.h"

/* Local midnights of Oslo: the day of 23 hours, the day of 25, and an ordinary one, in UTC. */
static const int64_t spring_s = 1774738800, autumn_s = 1792879200, june_s = 1780264800;

static void oslo(void)
{
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
}

static void test_day_of_23_hours(void **unused)
{
	/* In spring local time leaps from 02:00 to 03:00: no second of that hour is. */
	(void)unused;
	oslo();
	for (int64_t t = -3600; t < 23 * 3600; t += 60) {
		int64_t expected = t < 2 * 3600 ? t : t + 3600;
		assert_int_equal(timezone_day_second(spring_s + t), (expected + 86400) % 86400);
		assert_int_equal(timezone_offset_s(spring_s + t), t < 2 * 3600 ? 3600 : 7200);
	}
	assert_int_equal(timezone_day_second(spring_s + 23 * 3600), 0);
	assert_int_equal(timezone_month(spring_s), 126 * 12 + 2);
}

static void test_day_of_25_hours(void **unused)
{
	/* In autumn the hour from 02:00 is lived twice. */
	(void)unused;
	oslo();
	for (int64_t t = 0; t < 25 * 3600; t += 60) {
		int64_t expected = t < 3 * 3600 ? t : t - 3600;
		assert_int_equal(timezone_day_second(autumn_s + t), expected);
		assert_int_equal(timezone_offset_s(autumn_s + t), t < 3 * 3600 ? 7200 : 3600);
	}
	assert_int_equal(timezone_day_second(autumn_s + 25 * 3600), 0);
	/* A month ends at local midnight. */
	assert_int_equal(timezone_month(june_s), 126 * 12 + 5);
	assert_int_equal(timezone_month(june_s - 86400 - 1), 126 * 12 + 4);
	assert_int_equal(timezone_month(1782856799), 126 * 12 + 5); /* 2026-06-30T23:59:59 there */
	assert_int_equal(timezone_month(1782856800), 126 * 12 + 6);
}

/* Seconds of the day for which the window's price holds. */
static int held(const char *window, int64_t midnight_s, int hours)
{
	struct tariff_prices p = { .base = 1 };
	char currency[4] = "";
	assert_null(tariff_window_parse(window, &p, currency));
	int seconds = 0;
	for (int t = 0; t < hours * 3600; t += 60) {
		seconds += tariff_price(&p, midnight_s + t) != 1 ? 60 : 0;
	}
	double mean = tariff_mean(&p, midnight_s, hours * 3600);
	double price = p.window[0].price;
	assert_true(fabs(mean - (1 + (price - 1) * seconds / (hours * 3600.0))) < 1e-12);
	return seconds;
}

static void test_windows(void **unused)
{
	/* A window over the change is an hour shorter or longer; others, over midnight too, keep
	 * their length. */
	(void)unused;
	oslo();
	static const struct {
		const char *window;
		int june, spring, autumn; /* minutes */
	} cases[] = {
		{ "01:00-04:00 2 EUR/kWh", 180, 120, 240 },
		{ "02:00-03:00 2 EUR/kWh", 60, 0, 120 },
		{ "02:30-02:45 2 EUR/kWh", 15, 0, 30 },
		{ "03:00-04:00 2 EUR/kWh", 60, 60, 60 },
		{ "22:00-06:00 2 EUR/kWh", 480, 420, 540 },
		{ "00:00-24:00 2 EUR/kWh", 1440, 1380, 1500 },
		{ "23:59-00:01 -2 EUR/kWh", 2, 2, 2 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(held(cases[i].window, june_s, 24), cases[i].june * 60);
		assert_int_equal(held(cases[i].window, spring_s, 23), cases[i].spring * 60);
		assert_int_equal(held(cases[i].window, autumn_s, 25), cases[i].autumn * 60);
	}
}

static void test_edges(void **unused)
{
	/* A window begins with its first second and ends before its last; the later window wins. */
	(void)unused;
	oslo();
	struct tariff_prices p = { .base = 1 };
	char currency[4] = "";
	assert_null(tariff_window_parse("06:00-08:00 2 EUR/kWh", &p, currency));
	assert_null(tariff_window_parse("07:30-09:00 3 EUR/kWh", &p, currency));
	assert_string_equal(currency, "EUR");
	static const struct {
		int at_s;
		double price;
	} cases[] = { { 21599, 1 }, { 21600, 2 }, { 26999, 2 },
		      { 27000, 3 }, { 32399, 3 }, { 32400, 1 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(tariff_price(&p, june_s + cases[i].at_s) == cases[i].price);
	}
	assert_true(tariff_mean(&p, june_s + 27000 - 480, 960) == 2.5);
	assert_true(tariff_mean(&p, june_s, 0) == 1);
}

static void test_refused(void **unused)
{
	/* What is no window is refused, and neither prices nor currency are touched. */
	(void)unused;
	static const char *const broken[] = {
		"",
		"x",
		"06:00",
		"06:00-",
		"06:00-08:00",
		"06:00-08:00 2",
		"06:00-08:00 2 kW",
		"6:00-08:00 2 EUR/kWh",
		"06:60-08:00 2 EUR/kWh",
		"06:00-24:01 2 EUR/kWh",
		"25:00-08:00 2 EUR/kWh",
		"06:00 - 08:00 2 EUR/kWh",
		"06:00-08:002 EUR/kWh",
		"06:00-06:00 2 EUR/kWh",
		"24:00-00:00 2 EUR/kWh",
		"06:00-08:00 11 EUR/kWh",
		"06:00-08:00 nan EUR/kWh",
		"06:00-08:00 2 NOK/kWh",
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct tariff_prices p = { .base = 1 };
		char currency[4] = "EUR";
		const char *expected = tariff_window_parse(broken[i], &p, currency);
		if (!expected || p.windows || strcmp(currency, "EUR") != 0) {
			fail_msg("taken: %s", broken[i]);
		}
	}
}

static void test_zones(void **unused)
{
	/* Only the names of zones are zones. */
	(void)unused;
	static const char *const none[] = { "",
					    "Europe",
					    "Europe/Atlantis",
					    "/etc/localtime",
					    "../zoneinfo/UTC",
					    "zone.tab",
					    "tzdata.zi",
					    "CET-1" };
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		assert_true(timezone_use(none[i]) < 0);
	}
	assert_int_equal(timezone_use("Asia/Kathmandu"), 0);
	assert_int_equal(timezone_offset_s(june_s), 20700);
	assert_int_equal(timezone_use("UTC"), 0);
	assert_int_equal(timezone_offset_s(june_s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day_of_23_hours), cmocka_unit_test(test_day_of_25_hours),
		cmocka_unit_test(test_windows),         cmocka_unit_test(test_edges),
		cmocka_unit_test(test_refused),         cmocka_unit_test(test_zones),
	};
	return cmocka_run_group_tests_name("tariff", tests, NULL, NULL);
}
