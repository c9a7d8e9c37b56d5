/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/ring.h"
#include "daemon/base/thread.h"

enum { RECORDS = 20000 };

/* Record n: its number, then n % 50 bytes that follow from it. */
static int put(struct ring *r, unsigned n)
{
	char bytes[50];
	memset(bytes, (int)(n & 0x7F), sizeof(bytes));
	const struct iovec part[] = { { &n, sizeof(n) }, { bytes, n % 50 } };
	return ring_put(r, part, 2);
}

static void check(unsigned n, const char *record, long length)
{
	unsigned number;
	memcpy(&number, record, sizeof(number));
	assert_int_equal(number, n);
	assert_int_equal(length, (long)sizeof(n) + n % 50);
	for (long i = (long)sizeof(n); i < length; i++) {
		assert_int_equal(record[i], (char)(n & 0x7F));
	}
}

static void keeps_order_and_bounds(void **state)
{
	/* Against a counter of what was put and dropped: in order, whole, refused only when full.
	 */
	(void)state;
	struct ring r;
	assert_int_equal(ring_init(&r, 997), 0);
	unsigned seed = 3, first = 0, next = 0;
	printf("seed %u\n", seed);
	for (int n = 0; n < 200000; n++) {
		if (rand_r(&seed) % 2) {
			size_t needs = RING_OVERHEAD + sizeof(next) + next % 50;
			bool room = r.size - r.used >= needs;
			assert_int_equal(put(&r, next), room ? 0 : -ENOBUFS);
			next += room;
			continue;
		}
		char record[64];
		size_t cursor = 0;
		unsigned reads = (unsigned)rand_r(&seed) % 6, i = 0;
		long length;
		while (i < reads && (length = ring_read(&r, &cursor, record, sizeof(record))) > 0) {
			check(first + i++, record, length);
		}
		if (rand_r(&seed) % 3) { /* else: tried in vain, they stay */
			ring_drop(&r, cursor);
			first += i;
		}
		assert_int_equal(ring_records(&r), next - first);
	}
	ring_free(&r);
}

static void fill(void *argument)
{
	for (unsigned n = 0; n < RECORDS; n++) {
		while (put(argument, n) < 0) {
		}
	}
}

static void crosses_threads(void **state)
{
	/* Everything one thread puts another takes, once and in order. */
	(void)state;
	struct ring r;
	struct thread t;
	char record[64];
	assert_int_equal(ring_init(&r, 500), 0);
	assert_int_equal(thread_start(&t, fill, &r), 0);
	for (unsigned n = 0; n < RECORDS;) {
		size_t cursor = 0;
		long length = ring_read(&r, &cursor, record, sizeof(record));
		if (length > 0) {
			check(n++, record, length);
			ring_drop(&r, cursor);
		}
	}
	assert_int_equal(thread_join(&t, 20000), 0);
	ring_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_bounds),
		cmocka_unit_test(crosses_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
