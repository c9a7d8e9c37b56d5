/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "daemon/home/frozen.h"

static struct reading good(double value, int64_t at_us)
{
	return (struct reading){ .value = value, .at_us = at_us, .quality = QUALITY_GOOD };
}

static const struct frozen_rule rule = { .answers = 5, .moved_w = 300 };

static struct snapshot meter;

/* What the meter shows in second t. */
static void show(int t, double grid_w)
{
	meter.reading[GRID_W] = good(grid_w, t * INT64_C(1000000));
	meter.reading[GRID_V] = good(230.1, t * INT64_C(1000000));
}

/* Judge it in second t, when the batteries told of their power. */
static bool check(struct frozen *f, int t, double battery_w)
{
	struct reading witness = good(battery_w, t * INT64_C(1000000));
	return frozen_check(f, &rule, &meter, GRID_W, &witness);
}

static void test_runaway(void **unused)
{
	/* The same answer while the battery runs away: found before it got far, until it moves. */
	(void)unused;
	struct frozen f = { 0 };
	double battery_w = 0;
	for (int t = 1; t < 30; t++) {
		show(t, 289);
		bool frozen = check(&f, t, battery_w);
		assert_int_equal(frozen, f.frozen);
		battery_w += frozen ? 0 : 289; /* what follows the meter does */
	}
	assert_true(f.frozen);
	assert_true(battery_w <= 6 * 289);
	meter.reading[GRID_W].quality = QUALITY_STALE;
	assert_true(check(&f, 31, battery_w));
	show(31, 288);
	assert_false(check(&f, 31, battery_w));
}

static void test_calm(void **unused)
{
	/* A meter that repeats itself while nothing moves, or at a reading asked for twice, is
	 * fine. */
	(void)unused;
	struct frozen f = { 0 };
	for (int t = 1; t < 1000; t++) {
		show(t, 0);
		assert_false(check(&f, t, 100 + t % 7));
	}
	f = (struct frozen){ 0 };
	for (int t = 1; t < 100; t++) {
		/* A battery that balances a coarse meter to zero: its voltage still tells. */
		show(t, 0);
		meter.reading[GRID_V].value = 230 + t % 2 * 0.1;
		assert_false(check(&f, t, t * 100));
	}
	f = (struct frozen){ 0 };
	for (int t = 1; t < 100; t++) {
		show(7, 50); /* one answer, looked at again and again */
		assert_false(check(&f, t, t < 50 ? 0 : 3000));
	}
}

static void test_witness(void **unused)
{
	/* Batteries that moved before the meter told of it, or are not known, bear no witness. */
	(void)unused;
	struct frozen f = { 0 };
	struct reading old = good(-2500, INT64_C(9000000));
	show(10, -2500); /* the battery was let go; its own reading is still of a moment before */
	assert_false(frozen_check(&f, &rule, &meter, GRID_W, &old));
	for (int t = 11; t < 100; t++) {
		show(t, -2500);
		assert_false(check(&f, t, 0));
	}
	struct reading lost = { .value = 3000, .at_us = INT64_C(100000000) };
	lost.quality = QUALITY_STALE;
	show(100, -2500);
	assert_false(frozen_check(&f, &rule, &meter, GRID_W, &lost));
	assert_true(check(&f, 100, 3000));
}

static void test_span(void **unused)
{
	/* Where answers may repeat for a while it takes them all, for all of the time. */
	(void)unused;
	const struct frozen_rule slow = { .answers = 60, .span_us = INT64_C(1200) * 1000000 };
	struct frozen f = { 0 };
	for (int t = 1; t < 1300; t++) {
		show(t, 3000);
		assert_int_equal(frozen_check(&f, &slow, &meter, GRID_W, NULL), t > 1200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runaway),
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_witness),
		cmocka_unit_test(test_span),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
