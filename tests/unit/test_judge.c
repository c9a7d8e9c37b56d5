/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "daemon/base/clock.h"
#include "sim/judge.h"
#include "tests/unit/communities.h"

static struct community a;

/* Jain's index is 1 where all save alike, 1/n where one does, and none where nobody does. */
static void test_fairness(void **state)
{
	(void)state;
	const double before[4] = { 10, 20, 30, 40 }, alike[4] = { 9, 18, 27, 36 },
		     one[4] = { 5, 20, 30, 40 }, two[4] = { 5, 10, 31, 99 };
	struct judgement j;
	judge_fairness(alike, before, before, 4, &j);
	assert_true(fabs(j.jain - 1) < 1e-12 && fabs(j.most_saving - j.least_saving) < 1e-12);
	judge_fairness(one, before, before, 4, &j);
	assert_true(fabs(j.jain - 0.25) < 1e-12 && j.least_saving == 0 && j.most_saving == 0.5);
	judge_fairness(two, before, before, 4, &j);
	assert_true(fabs(j.jain - 0.5) < 1e-12 && fabs(j.least_saving + 59.0 / 40) < 1e-12);
	judge_fairness(before, before, before, 4, &j);
	assert_true(isnan(j.jain) && j.most_saving == 0);
	/* Whose cost is nearly nothing is measured by what it buys and sells. */
	const double little[2] = { 0.01, 10 }, less[2] = { -1.99, 8 }, moves[2] = { 20, 20 };
	judge_fairness(less, little, moves, 2, &j);
	assert_true(fabs(j.jain - 1) < 1e-12 && fabs(j.least_saving - 0.1) < 1e-12);
}

/* A home whose only battery is empty buys a day's two dear hours ahead where that pays, and no
 * more: the optimum is the one that is known by hand. */
static void test_optimum_by_hand(void **state)
{
	(void)state;
	enum { STEPS = 4 };
	struct community_series s;
	int32_t buy[STEPS] = { 100000, 100000, 400000, 400000 }, sell[STEPS] = { 0, 0, 0, 0 };
	struct community_home home = {
		.class = CLASS_PV_BATTERY,
		.battery = { .capacity_wh = 1000,
			     .charge_limit_w = 5000,
			     .discharge_limit_w = 5000,
			     .charge_efficiency = 0.8,
			     .discharge_efficiency = 0.5,
			     .soc_max = 1,
			     .wear = 0.05 },
		.import_limit_w = INFINITY,
		.export_limit_w = INFINITY,
	};
	struct community_env e;
	struct community_env_conf conf = { .home = &home, .series = &s, .buy = buy, .sell = sell };
	double cost;
	assert_int_equal(community_series_init(&s, 1, STEPS, 0, 3600), 0);
	for (int i = 0; i < STEPS; i++) {
		s.load_w[i] = 1000;
	}
	assert_int_equal(community_env_init(&e, &conf), 0);
	/* 1.25 kWh at 0.1 fill it; half a kWh comes out, in place of one at 0.4, with wear. Left in
	 * it a stored kWh is worth 0.5 of the mean price, 0.125: 0.0625 a kWh given, less than it
	 * saves. */
	double expected = 0.2 + 0.125 + 0.8 - 0.5 * 0.4 + 0.5 * 0.05;
	assert_int_equal(judge_optimum(&e, 0, STEPS, clock_real_us() + 60000000, &cost), 0);
	assert_true(fabs(cost - expected) < 1e-9);
	assert_int_equal(judge_optimum_alone(&e, 0, STEPS, clock_real_us() + 60000000, &cost), 0);
	assert_true(fabs(cost - expected) < 1e-9); /* it is alone anyhow */
	community_env_free(&e);
	community_series_free(&s);
}

static double cost_of(const struct decider *who, struct judgement *out)
{
	double home_cost[COMMUNITY_HOMES], sum = 0;
	assert_int_equal(judge(&a.env, 24, COMMUNITY_STEPS, who, out, home_cost), 0);
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		sum += home_cost[i];
	}
	assert_true(fabs(sum - out->cost) < 1e-9);
	return out->cost;
}

/* Nobody gets below the optimum; trading costs nobody anything; serving oneself beats resting; and
 * the figures add up. */
static void test_order(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	struct decider chance = judge_zero_intelligence(&seed);
	struct judgement j;
	double optimum;
	community_make(&a, seed, "uniform", SETTLE_METERED);
	double idle = cost_of(&judge_no_control, &j);
	assert_true(j.local_kwh == 0 && isnan(j.price_deviation));
	double alone = cost_of(&judge_utility_only, &j);
	double import_kwh = j.import_kwh, export_kwh = j.export_kwh;
	double rules = cost_of(&judge_rules, &j);
	/* Bids move money, not energy. */
	assert_true(j.import_kwh == import_kwh && j.export_kwh == export_kwh);
	assert_true(j.local_kwh > 0 && j.local_share < 1);
	double random = cost_of(&chance, &j);
	int r = judge_optimum(&a.env, 24, COMMUNITY_STEPS, clock_real_us() + 60000000, &optimum);
	assert_int_equal(r, 0);
	assert_true(alone < idle && rules < alone && random < alone && optimum < rules);
	double own[COMMUNITY_HOMES], apart = 0;
	r = judge_optimum_alone(&a.env, 24, COMMUNITY_STEPS, clock_real_us() + 60000000, own);
	assert_int_equal(r, 0);
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		apart += own[i];
	}
	assert_true(optimum < apart && apart < alone);
	/* A home that only imports turns over what it pays. */
	judge_turnover(&a.env, 24, COMMUNITY_STEPS, own);
	double home_cost[COMMUNITY_HOMES];
	struct judgement resting;
	r = judge(&a.env, 24, COMMUNITY_STEPS, &judge_no_control, &resting, home_cost);
	assert_int_equal(r, 0);
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		bool imports = a.home[i].class == CLASS_CONSUMER;
		assert_true(own[i] >= fabs(home_cost[i]) - 1e-3);
		assert_true(!imports || fabs(own[i] - home_cost[i]) < 1e-3);
	}
	assert_true(j.violations == 0);
	for (int c = 0; c < CLASS_COUNT; c++) {
		const struct class_shares *s = &j.shares[c];
		assert_true(fabs(s->buy + s->sell + s->refrain - 1) < 1e-12);
	}
	assert_true(j.shares[CLASS_CONSUMER].buy > 0.9 && j.shares[CLASS_PV].sell > 0.1);
	community_unmake(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fairness),
		cmocka_unit_test(test_optimum_by_hand),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
