/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "daemon/home/frozen.h"

static struct reading good(double value, int64_t at_us)
{
	return (struct reading){ .value = value, .at_us = at_us, .quality = QUALITY_GOOD };
}

static struct snapshot meter;

/* Second t of a house whose meter and battery show these powers. */
static struct state second(int t, double grid_w, double battery_w)
{
	struct state s = { .now_us = t * INT64_C(1000000), .batteries = 1 };
	s.grid_w = good(grid_w, s.now_us);
	s.net_w = good(grid_w + battery_w, s.now_us);
	s.load_w = s.net_w;
	s.battery[0].w = good(battery_w, s.now_us);
	meter.reading[GRID_W] = s.grid_w;
	meter.reading[GRID_V] = good(230.1, s.now_us);
	return s;
}

static void test_runaway(void **unused)
{
	/* The same answer while the battery runs away: found before it got far, until it moves. */
	(void)unused;
	struct frozen f = { 0 };
	double battery_w = 0;
	for (int t = 1; t < 30; t++) {
		struct state s = second(t, 289, battery_w);
		frozen_check(&f, &meter, &s);
		assert_int_equal(s.net_w.quality, f.frozen ? QUALITY_STALE : QUALITY_GOOD);
		battery_w += f.frozen ? 0 : 289; /* what follows the meter does */
	}
	assert_true(f.frozen);
	assert_true(battery_w <= 6 * 289);
	struct state s = second(31, 288, battery_w);
	frozen_check(&f, &meter, &s);
	assert_false(f.frozen);
	assert_int_equal(s.net_w.quality, QUALITY_GOOD);
}

static void test_calm(void **unused)
{
	/* A meter that repeats itself while nothing moves, or at a reading asked for twice, is
	 * fine. */
	(void)unused;
	struct frozen f = { 0 };
	for (int t = 1; t < 1000; t++) {
		struct state s = second(t, 0, 100 + t % 7);
		frozen_check(&f, &meter, &s);
		assert_false(f.frozen);
	}
	f = (struct frozen){ 0 };
	for (int t = 1; t < 100; t++) {
		/* A battery that balances a coarse meter to zero: its voltage still tells. */
		struct state s = second(t, 0, t * 100);
		meter.reading[GRID_V].value = 230 + t % 2 * 0.1;
		frozen_check(&f, &meter, &s);
		assert_false(f.frozen);
	}
	f = (struct frozen){ 0 };
	for (int t = 1; t < 100; t++) {
		struct state s = second(t, 50, t < 50 ? 0 : 3000);
		s.grid_w.at_us = 7; /* one answer, looked at again and again */
		frozen_check(&f, &meter, &s);
		assert_false(f.frozen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runaway),
		cmocka_unit_test(test_calm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
