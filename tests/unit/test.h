/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each unit test program includes: cmocka, and a seeded random number that is printed. */
#ifndef LECD_TEST_H
#define LECD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* xorshift64*: the same numbers on every machine for a seed. */
static inline uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static inline double random_between(uint64_t *seed, double low, double high)
{
	return low + (high - low) * (double)(random_next(seed) >> 11) / 9007199254740992.0;
}

/* The seed of this run: TEST_SEED, or a fixed one. Printed, so that a failure can be repeated. */
static inline uint64_t random_seed(void)
{
	const char *given = getenv("TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : UINT64_C(20260615);
	print_message("TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Whether this run is watched (make sanitize): slower, and larger than the program itself. Figures
 * of memory and time mean nothing then. */
static inline bool is_watched(void)
{
	return getenv("TEST_WATCHED") != NULL;
}

/* Write text to a new temporary file, path (room for 64) gets its name. */
static inline void write_temporary(const char *text, char *path)
{
	snprintf(path, 64, "/tmp/lecd-test-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

#endif
