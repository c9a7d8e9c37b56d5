/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOON_S = 1781524800, DAY_S = 86400 };

static void tells_each_kind_once(void **state)
{
	/* Kinds that alternate are told once each, and all are counted. */
	(void)state;
	struct refusals r = { 0 };
	int told = 0;
	for (int i = 0; i < 100; i++) {
		told += refusals_add(&r, i % 2 ? "award: a" : "award: b", NOON_S + i);
	}
	assert_int_equal(told, 2);
	assert_int_equal(r.count, 100);
	assert_string_equal(r.last, "award: a");
}

static void tells_so_many_kinds(void **state)
{
	/* Whoever invents kinds gets no more than so many lines a day, and as many the next. */
	(void)state;
	struct refusals r = { 0 };
	for (int day = 0; day < 3; day++) {
		int told = 0;
		for (int i = 0; i < 1000; i++) {
			char text[32];
			snprintf(text, sizeof(text), "award: at byte %d", i);
			told += refusals_add(&r, text, NOON_S + day * DAY_S);
		}
		assert_int_equal(told, REFUSAL_KINDS_MAX);
	}
	assert_int_equal(r.count, 3000);
}

static void takes_clock_steps(void **state)
{
	/* A clock that is set back tells again, and breaks nothing. */
	(void)state;
	struct refusals r = { 0 };
	assert_true(refusals_add(&r, "a", NOON_S));
	assert_true(refusals_add(&r, "a", NOON_S - DAY_S));
	assert_false(refusals_add(&r, "a", NOON_S - DAY_S));
	assert_true(refusals_add(&r, "a", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each_kind_once),
		cmocka_unit_test(tells_so_many_kinds),
		cmocka_unit_test(takes_clock_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
