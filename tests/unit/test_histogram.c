/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/histogram.h"

enum { VALUES = 5000 };

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void test_quantiles(void **unused)
{
	/* A quantile is never below the sorted values' own and at most an eighth above it. */
	(void)unused;
	static int64_t value[VALUES];
	uint64_t seed = random_seed();
	for (int run = 0; run < 30; run++) {
		struct histogram h = { 0 };
		double decades = random_between(&seed, 0.5, 12);
		for (int i = 0; i < VALUES; i++) {
			value[i] = (int64_t)pow(10, random_between(&seed, 0, decades)) - 1;
			histogram_add(&h, value[i]);
		}
		qsort(value, VALUES, sizeof(*value), compare);
		for (double q = 0; q < 1; q += 0.0173) {
			double truth = (double)value[(int)(q * VALUES)];
			double told = (double)histogram_quantile(&h, q);
			assert_true(told >= truth);
			assert_true(truth >= 4e9 || told <= truth * 1.126 + 0.5);
		}
		assert_true(histogram_quantile(&h, 1) == value[VALUES - 1]);
	}
}

static void test_edges(void **unused)
{
	/* Empty, negative, zero and the largest numbers there are. */
	(void)unused;
	struct histogram h = { 0 };
	assert_true(histogram_quantile(&h, 0.99) == 0);
	histogram_add(&h, -5);
	histogram_add(&h, INT64_MIN);
	assert_true(h.count == 2 && h.max == 0 && histogram_quantile(&h, 0.99) == 0);
	histogram_add(&h, INT64_MAX);
	assert_true(histogram_quantile(&h, 1) == INT64_MAX);
	assert_true(histogram_quantile(&h, 0.9) == INT64_MAX);
	assert_true(histogram_quantile(&h, 0.5) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_edges),
	};
	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
