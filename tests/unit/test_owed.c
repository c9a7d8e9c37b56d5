/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "test.h"

#include "daemon/home/owed.h"

enum { INTERVALS = 1200, PAUSE_US = 30000000 };

static struct interval reading_of(int n)
{
	return (struct interval){ .start_s = 900 * (int64_t)n, .length_s = 900, .import_wh = n };
}

static void test_nothing_is_lost(void **unused)
{
	/* However many are lost on the way, those that the market has are all that were metered,
	 * but for the earliest where it was away for longer than there is room for. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < (is_watched() ? 2 : 20); run++) {
		static struct owed o;
		static int has[INTERVALS];
		memset(&o, 0, sizeof(o));
		memset(has, 0, sizeof(has));
		int loss = (int)(random_next(&seed) % 100), metered = 0;
		bool there = true;
		int64_t now_us = 1;
		while (metered < INTERVALS || o.readings > 0) {
			now_us += 1000000;
			if (metered < INTERVALS && random_next(&seed) % 60 == 0) {
				struct interval i = reading_of(metered++);
				owed_add(&o, &i);
			}
			there = random_next(&seed) % 2000 == 0 ? !there : there;
			if (random_next(&seed) % 10000 == 0) {
				owed_hurry(&o);
			}
			const struct interval *i = owed_next(&o, now_us, there);
			if (!i) {
				continue;
			}
			int n = (int)i->import_wh;
			bool lost = !there || (int)(random_next(&seed) % 100) < loss;
			owed_said(&o, i->start_s, now_us, PAUSE_US);
			has[n] += !lost;
			if (!lost && (int)(random_next(&seed) % 100) >= loss) {
				assert_true(owed_settle(&o, 900 * (int64_t)n));
				assert_false(owed_settle(&o, 900 * (int64_t)n));
			}
		}
		for (int n = INTERVALS - OWED_MAX; n < INTERVALS; n++) {
			assert_true(has[n] > 0);
		}
	}
}

static void test_order_and_room(void **unused)
{
	/* The earliest is said first, in whatever order they came; the same interval stands once; a
	 * full house forgets the earliest. */
	(void)unused;
	static struct owed o;
	memset(&o, 0, sizeof(o));
	for (int k = 0; k < OWED_MAX; k++) {
		struct interval i = reading_of(k * 7 % OWED_MAX);
		owed_add(&o, &i);
		owed_add(&o, &i);
		assert_int_equal(o.readings, k + 1);
	}
	for (int k = 0; k < OWED_MAX; k++) {
		assert_true(o.reading[k].interval.start_s == 900 * (int64_t)k);
	}
	struct interval late = reading_of(OWED_MAX);
	owed_add(&o, &late);
	assert_int_equal(o.readings, OWED_MAX);
	for (int n = 1; n <= OWED_MAX; n++) {
		const struct interval *i = owed_next(&o, 1, false);
		assert_true(i && i->start_s == 900 * (int64_t)n);
		owed_said(&o, i->start_s, 1, PAUSE_US);
	}
	assert_null(owed_next(&o, INT64_MAX, false));
}

static void test_pauses(void **unused)
{
	/* Each pause is twice the one before, up to 64 times the first; of a market that is away
	 * nothing is asked. */
	(void)unused;
	static struct owed o;
	memset(&o, 0, sizeof(o));
	struct interval i = reading_of(1);
	int64_t now_us = 1, pause_us = PAUSE_US;
	owed_add(&o, &i);
	for (int k = 0; k < 12; k++) {
		assert_non_null(owed_next(&o, now_us, k > 0));
		owed_said(&o, 900, now_us, PAUSE_US);
		assert_null(owed_next(&o, now_us + pause_us - 1, true));
		assert_null(owed_next(&o, now_us + pause_us, false));
		now_us += pause_us;
		pause_us *= k < 6 ? 2 : 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_order_and_room),
		cmocka_unit_test(test_pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
