/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/verdict.h"

#include <math.h>

#include "test.h"

static void verdicts(void **state)
{
	/* What a battery did is called by its name, wherever it came from. */
	static const struct {
		double before_w, during_w, wanted_w;
		enum verdict expected;
	} cases[] = {
		{ 0, 500, 500, OBEYED },           { 0, 545, 500, OBEYED },
		{ -2000, 480, 500, OBEYED },       { 0, 0, 500, IGNORED },
		{ 0, 90, 500, IGNORED },           { -2000, -2100, 500, IGNORED },
		{ -500, -500, 500, IGNORED }, /* it charged so before: not the sign */
		{ 0, -500, 500, WRONG_SIGN },      { 0, 500, -500, WRONG_SIGN },
		{ -2000, -500, 500, WRONG_SIGN }, /* the right way, to the wrong place */
		{ 0, -250, 500, WRONG_SIGN },      { 0, 300, 500, OBEYED_PARTLY },
		{ 1500, 700, 500, OBEYED_PARTLY },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(verdict_name(verdict_of(cases[i].before_w, cases[i].during_w,
							    cases[i].wanted_w)),
				    verdict_name(cases[i].expected));
	}
}

static void mirrored(void **state)
{
	/* Charging and discharging are judged alike. */
	(void)state;
	for (double before_w = -900; before_w <= 900; before_w += 100) {
		for (double during_w = -900; during_w <= 900; during_w += 50) {
			for (double wanted_w = 100; wanted_w <= 1000; wanted_w += 300) {
				assert_int_equal(verdict_of(before_w, during_w, wanted_w),
						 verdict_of(-before_w, -during_w, -wanted_w));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(mirrored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
