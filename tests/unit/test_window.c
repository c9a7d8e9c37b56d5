/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/tariff.h"
#include "daemon/base/window.h"

/* Local midnights of Oslo: the day of 23 hours, the day of 25, and an ordinary one, in UTC. */
static const int64_t spring_s = 1774738800, autumn_s = 1792879200, june_s = 1780264800;

static void test_parse(void **unused)
{
	/* A window is read up to its end and no further; what is none leaves everything alone. */
	(void)unused;
	static const char *const none[] = { "",          "17:00",       "17:00-",
					    "17-07",     "24:01-07:00", "17:60-18:00",
					    "7:00-08:00" };
	struct window w;
	const char *text = "17:00-07:30 2 kWh";
	assert_true(window_parse(&text, &w));
	assert_string_equal(text, " 2 kWh");
	assert_true(w.from_s == 61200 && w.to_s == 27000);
	assert_int_equal(window_length_s(&w), 14 * 3600 + 1800);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		text = none[i];
		assert_false(window_parse(&text, &w));
		assert_true(text == none[i] && w.from_s == 61200);
	}
	assert_true(window_empty(&(struct window){ 3600, 3600 }));
	assert_true(window_empty(&(struct window){ 86400, 3600 }));
	assert_false(window_empty(&(struct window){ 0, 86400 }));
	assert_int_equal(window_length_s(&(struct window){ 0, 86400 }), 86400);
}

static void test_overlap(void **unused)
{
	/* Two windows overlap just where some minute of the day is in both. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 3000; run++) {
		struct window w[2];
		bool both = false;
		for (int i = 0; i < 2; i++) {
			w[i].from_s = (int)random_between(&seed, 0, 1440) * 60;
			w[i].to_s = (int)random_between(&seed, 0, 1441) * 60;
		}
		if (window_empty(&w[0]) || window_empty(&w[1])) {
			continue;
		}
		for (int s = 0; s < 86400; s += 60) {
			both |= window_holds(&w[0], s) && window_holds(&w[1], s);
		}
		assert_int_equal(windows_overlap(&w[0], &w[1]), both);
	}
}

static void test_share(void **unused)
{
	/* The share of a step is what of it lies within, on the days of 23 and 25 hours too. */
	(void)unused;
	const struct window night = { 61200, 25200 }; /* 17:00-07:00 */
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	assert_true(window_share(&night, june_s + 16 * 3600, 2 * 3600) == 0.5);
	assert_true(window_share(&night, june_s + 17 * 3600, 14 * 3600) == 1);
	assert_true(window_share(&night, june_s + 7 * 3600, 900) == 0);
	assert_true(window_share(&night, june_s + 7 * 3600 - 300, 900) > 0.3);
	/* The clock goes on an hour at 02:00, or back an hour at 03:00. */
	assert_true(window_share(&night, spring_s, 6 * 3600) == 1);
	assert_true(window_share(&night, spring_s + 6 * 3600, 900) == 0);
	assert_true(window_share(&night, autumn_s, 8 * 3600) == 1);
	assert_true(window_share(&night, autumn_s + 8 * 3600, 900) == 0);
}

static void test_day(void **unused)
{
	/* An occurrence of a window belongs to the day on which it began, whatever the clock does.
	 */
	(void)unused;
	const struct window night = { 61200, 25200 };
	static const int64_t midnight_s[] = { 1774738800, 1792879200, 1780264800 };
	static const int night_h[] = { 6, 8, 7 }; /* from midnight to 07:00 */
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	for (int i = 0; i < 3; i++) {
		int64_t day = window_day(&night, midnight_s[i] - 7 * 3600);
		for (int s = -7 * 3600; s < night_h[i] * 3600; s += 60) {
			assert_true(window_day(&night, midnight_s[i] + s) == day);
		}
		assert_true(window_day(&night, midnight_s[i] + (night_h[i] + 10) * 3600) ==
			    day + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_day),
	};
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
