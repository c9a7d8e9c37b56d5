/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ranks agree on, started by mpirun: each rank draws what all have, and so knows what to
 * expect. */
#include <math.h>
#include <string.h>

#include "tests/unit/test.h"

#include "sim/ranks.h"

enum { RANKS_MAX = 16, COUNT_MAX = 3000 };

static struct ranks ranks;
static float has[RANKS_MAX][COUNT_MAX], own[COUNT_MAX];

/* What every rank has, of magnitudes that make the order of sums matter. */
static void draw(uint64_t *seed, int count)
{
	for (int k = 0; k < ranks.count; k++) {
		for (int i = 0; i < count; i++) {
			has[k][i] = (float)(random_between(seed, -1, 1) *
					    pow(10, random_between(seed, -6, 6)));
		}
	}
	memcpy(own, has[ranks.rank], (size_t)count * sizeof(float));
}

static void test_average(void **unused)
{
	/* The mean of any count of numbers is theirs added in the order of ranks, to the last bit
	 * and on every rank; what lies behind them is left alone. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int round = 0; round < 200; round++) {
		int count = round < 40 ? round : (int)random_between(&seed, 0, COUNT_MAX);
		draw(&seed, count);
		float after = count < COUNT_MAX ? own[count] = 4711 : 0;
		assert_int_equal(ranks_average(&ranks, own, (size_t)count), 0);
		for (int i = 0; i < count; i++) {
			float sum = has[0][i];
			for (int k = 1; k < ranks.count; k++) {
				sum += has[k][i];
			}
			sum /= (float)ranks.count;
			assert_memory_equal(&sum, &own[i], sizeof(sum));
		}
		assert_true(count == COUNT_MAX || own[count] == after);
	}
}

static void test_sums(void **unused)
{
	/* Sums and least numbers are those of all ranks, on every rank. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int round = 0; round < 50; round++) {
		double sum[3], least[3];
		draw(&seed, 3);
		for (int i = 0; i < 3; i++) {
			sum[i] = least[i] = (double)own[i];
		}
		ranks_sum(&ranks, sum, 3);
		ranks_least(&ranks, least, 3);
		for (int i = 0; i < 3; i++) {
			double all = 0, low = INFINITY;
			for (int k = 0; k < ranks.count; k++) {
				all += (double)has[k][i];
				low = fmin(low, (double)has[k][i]);
			}
			assert_true(sum[i] == all && least[i] == low);
		}
	}
}

static void test_gather(void **unused)
{
	/* Rank 0 gets what all have, in their order, and hands out what it has to all. */
	(void)unused;
	static float all[RANKS_MAX * COUNT_MAX];
	uint64_t seed = random_seed();
	for (int round = 0; round < 50; round++) {
		int count = (int)random_between(&seed, 0, COUNT_MAX);
		draw(&seed, count);
		ranks_gather(&ranks, own, (size_t)count, all);
		for (int k = 0; k < ranks.count && ranks.rank == 0; k++) {
			assert_memory_equal(all + k * count, has[k], (size_t)count * sizeof(float));
		}
		ranks_hand_out(&ranks, own, (size_t)count * sizeof(float));
		assert_memory_equal(own, has[0], (size_t)count * sizeof(float));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_gather),
	};
	if (ranks_begin(&ranks) < 0 || ranks.count > RANKS_MAX) {
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed) {
		ranks_give_up(&ranks, 1);
	}
	ranks_end(&ranks);
	return failed;
}
