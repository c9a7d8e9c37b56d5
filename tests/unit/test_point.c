/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "drivers/point.h"

enum { ROUNDS = 20000 };

static const struct {
	enum point_type type;
	double low, high; /* raw numbers that are no sentinels */
} ranges[] = {
	{ POINT_U16, 0, 65534 },
	{ POINT_S16, -32767, 32766 },
	{ POINT_U32, 0, 4294967294.0 },
	{ POINT_S32, -2147483647.0, 2147483646.0 },
	{ POINT_U64, 0, 9007199254740992 },
	{ POINT_S64, -9007199254740992, 9007199254740992 },
	{ POINT_F32, -1e30, 1e30 },
	{ POINT_F64, -1e290, 1e290 },
};
enum { TYPES = sizeof(ranges) / sizeof(*ranges) };

static struct point make_point(enum point_type type, enum word_order order, double scale)
{
	return (struct point){
		.type = type, .order = order, .scale = scale, .min = -1e308, .max = 1e308
	};
}

static void test_round_trip(void **unused)
{
	/* What is encoded is decoded again within the device's resolution, in any type and order.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		int t = (int)(random_next(&seed) % TYPES);
		double scale = pow(10, (double)(random_next(&seed) % 5) - 3) *
			       (random_next(&seed) & 1 ? 1 : -1);
		struct point p = make_point(ranges[t].type,
					    (enum word_order)(random_next(&seed) & 1), scale);
		p.offset = random_between(&seed, -100, 100);
		double raw = random_between(&seed, ranges[t].low, ranges[t].high);
		double value = raw * scale + p.offset, back = NAN;
		uint16_t words[POINT_WORDS_MAX];
		assert_int_equal(point_encode(&p, value, words), 0);
		assert_int_equal(point_decode(&p, words, &back), QUALITY_GOOD);
		double resolution = ranges[t].type >= POINT_F32 ? 0 : fabs(scale) / 2;
		assert_true(fabs(back - value) <= resolution + fabs(value) * 1e-6 + 1e-9);
	}
}

static void test_bits_survive(void **unused)
{
	/* Any registers that decode as good encode to the same registers again (up to 2^53). */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		int t = (int)(random_next(&seed) % TYPES);
		struct point p =
			make_point(ranges[t].type, (enum word_order)(random_next(&seed) & 1), 1);
		uint16_t words[POINT_WORDS_MAX], again[POINT_WORDS_MAX];
		for (int w = 0; w < POINT_WORDS_MAX; w++) {
			words[w] = (uint16_t)random_next(&seed);
		}
		double value = 0;
		if (point_decode(&p, words, &value) != QUALITY_GOOD ||
		    (p.type < POINT_F32 && fabs(value) >= 9007199254740992)) {
			continue;
		}
		assert_int_equal(point_encode(&p, value, again), 0);
		assert_memory_equal(words, again, sizeof(*words) * (size_t)point_words(p.type));
	}
}

static void test_sentinels(void **unused)
{
	/* Each sentinel of a type reads as not implemented, in both word orders, and is never a
	 * number. */
	(void)unused;
	static const struct {
		enum point_type type;
		uint16_t high_first[POINT_WORDS_MAX];
	} sentinels[] = {
		{ POINT_U16, { 0xFFFF } },
		{ POINT_S16, { 0x8000 } },
		{ POINT_S16, { 0x7FFF } },
		{ POINT_U32, { 0xFFFF, 0xFFFF } },
		{ POINT_S32, { 0x8000, 0 } },
		{ POINT_S32, { 0x7FFF, 0xFFFF } },
		{ POINT_U64, { 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF } },
		{ POINT_S64, { 0x8000, 0, 0, 0 } },
		{ POINT_S64, { 0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF } },
		{ POINT_F32, { 0x7FC0, 0 } },
		{ POINT_F32, { 0xFFC0, 1 } },
		{ POINT_F32, { 0xFF7F, 0xFFFF } },
		{ POINT_F64, { 0x7FF8, 0, 0, 0 } },
		{ POINT_F64, { 0xFFEF, 0xFFFF, 0xFFFF, 0xFFFF } },
	};
	for (size_t i = 0; i < sizeof(sentinels) / sizeof(*sentinels); i++) {
		struct point p = make_point(sentinels[i].type, WORDS_HIGH_FIRST, 1);
		uint16_t swapped[POINT_WORDS_MAX];
		double value = 42;
		int count = point_words(p.type);
		for (int w = 0; w < count; w++) {
			swapped[w] = sentinels[i].high_first[count - 1 - w];
		}
		assert_int_equal(point_decode(&p, sentinels[i].high_first, &value),
				 QUALITY_NOT_IMPLEMENTED);
		p.order = WORDS_LOW_FIRST;
		assert_int_equal(point_decode(&p, swapped, &value), QUALITY_NOT_IMPLEMENTED);
		assert_true(value == 42);
	}
}

static void test_own_sentinels(void **unused)
{
	/* A device may have numbers of its own that stand for no value, whatever the word order,
	 * and they are never written. */
	(void)unused;
	struct point p = make_point(POINT_U32, WORDS_LOW_FIRST, 1);
	double value = 42;
	uint16_t words[POINT_WORDS_MAX];
	p.sentinels = 2;
	p.sentinel[0] = 0x00FFFFFD;
	p.sentinel[1] = 0xFFFE;
	assert_int_equal(point_decode(&p, (uint16_t[]){ 0xFFFD, 0x00FF }, &value),
			 QUALITY_NOT_IMPLEMENTED);
	assert_int_equal(point_decode(&p, (uint16_t[]){ 0xFFFE, 0 }, &value),
			 QUALITY_NOT_IMPLEMENTED);
	assert_int_equal(point_encode(&p, 0xFFFE, words), -ERANGE);
	assert_true(value == 42);
	assert_int_equal(point_decode(&p, (uint16_t[]){ 0xFFFC, 0x00FF }, &value), QUALITY_GOOD);
	assert_true(value == 0x00FFFFFC);
}

static void test_absent(void **unused)
{
	/* What point_encode_absent makes is a sentinel of every type. */
	(void)unused;
	for (int t = 0; t < TYPES; t++) {
		for (int order = 0; order < 2; order++) {
			struct point p = make_point(ranges[t].type, (enum word_order)order, 1);
			uint16_t words[POINT_WORDS_MAX];
			double value;
			point_encode_absent(&p, words);
			assert_int_equal(point_decode(&p, words, &value), QUALITY_NOT_IMPLEMENTED);
		}
	}
}

static void test_refused(void **unused)
{
	/* What does not fit the type, the range or the set of numbers is refused, words untouched.
	 */
	(void)unused;
	static const struct {
		enum point_type type;
		double min, max, value;
	} cases[] = {
		{ POINT_U16, -10, 1e6, -1 },        { POINT_U16, 0, 1e6, 65535 },
		{ POINT_U16, 0, 1e6, 65536 },       { POINT_S16, -1e6, 1e6, 32767 },
		{ POINT_S16, -1e6, 1e6, -32768 },   { POINT_S32, -1e10, 1e10, 2147483648.0 },
		{ POINT_S16, -100, 100, 101 },      { POINT_S16, -100, 100, NAN },
		{ POINT_S16, -100, 100, INFINITY }, { POINT_F32, -INFINITY, INFINITY, 1e39 },
		{ POINT_U64, 0, 1e30, 2e19 },       { POINT_F64, -INFINITY, INFINITY, NAN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct point p = make_point(cases[i].type, WORDS_HIGH_FIRST, 1);
		p.min = cases[i].min;
		p.max = cases[i].max;
		uint16_t words[POINT_WORDS_MAX] = { 1, 2, 3, 4 };
		assert_int_equal(point_encode(&p, cases[i].value, words), -ERANGE);
		assert_int_equal(words[0], 1);
		assert_int_equal(words[1], 2);
	}
}

static void test_implausible(void **unused)
{
	/* A number beyond min..max by more than half a digit of the device is out of range. */
	(void)unused;
	struct point p = make_point(POINT_U16, WORDS_HIGH_FIRST, 0.001);
	p.min = 0;
	p.max = 0.95; /* 950 * 0.001 is a hair more in binary */
	double value = 0;
	assert_int_equal(point_decode(&p, (uint16_t[]){ 950 }, &value), QUALITY_GOOD);
	assert_int_equal(point_decode(&p, (uint16_t[]){ 951 }, &value), QUALITY_OUT_OF_RANGE);
	assert_true(fabs(value - 0.95) < 1e-9);
	p = make_point(POINT_F32, WORDS_HIGH_FIRST, 1);
	assert_int_equal(point_decode(&p, (uint16_t[]){ 0x7F80, 0 }, &value), QUALITY_OUT_OF_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_bits_survive),
		cmocka_unit_test(test_sentinels),   cmocka_unit_test(test_own_sentinels),
		cmocka_unit_test(test_absent),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_implausible),
	};
	return cmocka_run_group_tests_name("point", tests, NULL, NULL);
}
