/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/home/leap.h"

static const int64_t second = 1000000;

/* Tell a power at second t; whether it counts. */
static bool counts(struct leap *l, int t, double expected_w, double w)
{
	struct reading r = { .value = w, .at_us = t * second, .quality = QUALITY_GOOD };
	leap_check(l, 3, expected_w, &r);
	assert_true(reading_good(&r) || r.quality == QUALITY_OUT_OF_RANGE);
	return reading_good(&r);
}

static void test_scales(void **unused)
{
	/* Only what is another scale of the value before is doubted, and only until it was told
	 * three times, each answer once. */
	(void)unused;
	static const struct {
		double from_w, to_w;
		bool leaps;
	} cases[] = {
		{ 2000, 20000, true },  { 2000, 200, true },    { 7000, 700, true },
		{ -700, -7100, true },  { -7000, -68, true },   { 2000, -20000, false },
		{ 2000, 6000, false },  { 2000, 17000, false }, { 2000, 2000, false },
		{ 40, 400, false },     { 0, 4000, false },     { 4000, 0, false },
		{ 2000, 200000, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct leap l = { 0 };
		bool leaps = cases[i].leaps;
		assert_true(counts(&l, 1, NAN, cases[i].from_w));
		for (int t = 2; t <= 4; t++) {
			assert_int_equal(counts(&l, t, NAN, cases[i].to_w), !leaps || t == 4);
			assert_int_equal(counts(&l, t, NAN, cases[i].to_w), !leaps || t == 4);
		}
	}
}

static void test_excused(void **unused)
{
	/* A leap to where the device was told to go is none, nor one after a pause. */
	(void)unused;
	struct leap l = { 0 };
	assert_true(counts(&l, 1, 300, 300));
	assert_true(counts(&l, 2, 3000, 3000));
	assert_false(counts(&l, 3, 3000, 300));
	assert_true(counts(&l, 4, 3000, 3000));
	assert_true(counts(&l, 10, 3000, 300));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_excused),
	};
	return cmocka_run_group_tests_name("leap", tests, NULL, NULL);
}
