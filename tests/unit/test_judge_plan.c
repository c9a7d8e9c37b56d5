/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "sim/judge_plan.h"
#include "tests/unit/communities.h"

enum { FROM = 48 };

static struct community a;

static double cost_of(const struct decider *who, double *home_cost)
{
	struct judgement j;
	int r = judge(&a.env, FROM, COMMUNITY_STEPS, who, &j, home_cost);
	assert_int_equal(r, 0);
	assert_true(j.violations == 0);
	return j.cost;
}

/* Homes that plan on their own forecasts and bid what follows trade far more than those that serve
 * themselves, pay less together, break no limit, and do not get below what is possible. */
static void test_plans_pay(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	double home_cost[COMMUNITY_HOMES], optimum;
	struct judge_plan *p;
	community_make(&a, seed, "uniform", SETTLE_METERED);
	assert_int_equal(judge_plan_new(&a.env, 24, &p), 0);
	struct decider who = judge_optimiser(p);
	double plans = cost_of(&who, home_cost), rules = cost_of(&judge_rules, home_cost);
	int r = judge_optimum(&a.env, FROM, COMMUNITY_STEPS, clock_real_us() + 60000000, &optimum);
	assert_int_equal(r, 0);
	assert_true(plans < rules);
	assert_true(plans >= optimum - 1e-6);
	judge_plan_free(p);
	community_unmake(&a);
}

/* What is to come is not known: days that are changed behind a step change nothing of what was
 * decided before it; and the same days judged again cost the same to the last bit. */
static void test_knows_no_future(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	const int last = COMMUNITY_STEPS - 24;
	double cost[2][COMMUNITY_HOMES];
	struct judgement j;
	struct judge_plan *p;
	community_make(&a, seed, "uniform", SETTLE_METERED);
	assert_int_equal(judge_plan_new(&a.env, 36, &p), 0);
	struct decider who = judge_optimiser(p);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(judge(&a.env, FROM, last, &who, &j, cost[k]), 0);
		size_t from = (size_t)last * COMMUNITY_HOMES;
		for (size_t i = from; i < (size_t)COMMUNITY_STEPS * COMMUNITY_HOMES; i++) {
			a.series.load_w[i] *= 3;
			a.series.pv_w[i] = 0;
		}
	}
	assert_memory_equal(cost[0], cost[1], sizeof(cost[0]));
	judge_plan_free(p);
	community_unmake(&a);
}

/* A horizon that is no horizon is refused. */
static void test_refuses(void **state)
{
	(void)state;
	struct judge_plan *p = NULL;
	community_make(&a, 1, "uniform", SETTLE_METERED);
	assert_int_equal(judge_plan_new(&a.env, 0, &p), -EINVAL);
	assert_int_equal(judge_plan_new(&a.env, 49, &p), -EINVAL);
	assert_null(p);
	judge_plan_free(NULL);
	community_unmake(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans_pay),
		cmocka_unit_test(test_knows_no_future),
		cmocka_unit_test(test_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
