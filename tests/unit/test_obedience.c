/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/home/obedience.h"

static const int64_t second = 1000000;

static int now_s;
static struct obedience o;

static void begin(void)
{
	now_s = 1000;
	o = (struct obedience){ 0 };
}

/* One second later the battery, told told_w until now, carries w. */
static enum obedience_state see(double told_w, double w, double soc)
{
	now_s++;
	struct battery_state b = {
		.w = { .value = w, .at_us = now_s * second, .quality = QUALITY_GOOD },
		.soc = { .value = soc, .at_us = now_s * second, .quality = QUALITY_GOOD },
		.charge_max_w = 4000,
		.discharge_max_w = 4000,
	};
	return obedience_check(&o, &b, true, told_w, now_s * second);
}

static void test_course(void **unused)
{
	/* Three answers astray are told of, three times it is told again, then it is given up for a
	 * quarter of an hour, and tried again. */
	(void)unused;
	begin();
	for (int t = 0; t < 20; t++) {
		assert_int_equal(see(0, 0, 0.5), OBEYING);
	}
	for (int t = 1; t <= 12; t++) {
		enum obedience_state is = see(3000, 0, 0.5);
		assert_int_equal(is, t < 3 ? OBEYING : t < 12 ? STRAYING : GIVEN_UP);
		assert_int_equal(o.again, t < 3 ? 0 : t < 6 ? 1 : t < 9 ? 2 : 3);
	}
	for (int t = 1; t < 900; t++) {
		assert_int_equal(see(3000, 0, 0.5), GIVEN_UP);
	}
	assert_int_equal(see(3000, 0, 0.5), OBEYING);
	assert_int_equal(o.again, 4);
}

static void test_allowed(void **unused)
{
	/* A battery that is near enough, limited by its own management, or at its end does as told.
	 */
	(void)unused;
	static const struct {
		double told_w, w, soc;
		bool obeys;
	} cases[] = {
		{ 1000, 810, 0.5, true },    { 1000, 790, 0.5, false },
		{ 4000, 3650, 0.5, true },   { 4000, 3550, 0.5, false },
		{ 9000, 4000, 0.5, true },   { -9000, -4000, 0.5, true },
		{ -3000, -900, 0.93, true }, { -3000, 900, 0.93, false },
		{ -3000, -900, 0.7, false }, { 3000, 900, 0.12, true },
		{ 3000, -900, 0.12, false }, { 3000, 900, 0.93, false },
		{ 0, 190, 0.5, true },       { 0, 210, 0.5, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin();
		for (int t = 0; t < 8; t++) {
			see(cases[i].told_w, cases[i].w, cases[i].soc);
		}
		assert_int_equal(o.state == OBEYING, cases[i].obeys);
	}
}

static void test_learns(void **unused)
{
	/* One that begins five seconds late strays once; the next time it is given them. */
	(void)unused;
	begin();
	int strayed = 0;
	for (int step = 0; step < 6; step++) {
		double from_w = step % 2 ? 2000 : 0, to_w = 2000 - from_w;
		for (int t = 0; t < 60; t++) {
			enum obedience_state before = o.state;
			strayed += see(to_w, t < 5 ? from_w : to_w, 0.5) == STRAYING &&
				   before == OBEYING;
		}
	}
	assert_int_equal(strayed, 1);
	assert_in_range(o.window, 5, 8);
}

static void test_reverts(void **unused)
{
	/* One taken back again and again is reminded three times; when that is long ago, again. */
	(void)unused;
	for (int gap_s = 30; gap_s < 1000; gap_s += 900) {
		begin();
		int reminded = 0;
		for (int t = 0; t < 8 * gap_s && o.state != GIVEN_UP; t++) {
			enum obedience_state before = o.state;
			bool taken = t % gap_s >= 20 && t % gap_s < 24;
			reminded += see(2000, taken ? 0 : 2000, 0.5) == STRAYING &&
				    before == OBEYING && !o.conflict;
		}
		assert_int_equal(o.conflict, gap_s == 30);
		assert_int_equal(reminded, gap_s == 30 ? 3 : 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_course),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_learns),
		cmocka_unit_test(test_reverts),
	};
	return cmocka_run_group_tests_name("obedience", tests, NULL, NULL);
}
