/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "policy/heater.h"

static struct heater heater;
static struct heater_plan plan;

/* A tank, or a building, under prices of any sign. */
static void roll(uint64_t *seed, int steps)
{
	heater.steps = steps;
	heater.start_c = random_between(seed, 40, 60);
	heater.end_value = random_next(seed) % 2 ? random_between(seed, 0, 0.05) : 0;
	heater.slack = pow(10, random_between(seed, -8, -3));
	for (int t = 0; t < steps; t++) {
		double keep = random_next(seed) % 8 ? random_between(seed, 0.9, 1) : 1;
		heater.step[t] = (struct heater_step){
			.keep = keep,
			.drift = (1 - keep) * 18 - random_between(seed, -1, 3),
			.rise = random_between(seed, 0, 5),
			.on_cost = random_between(seed, -0.05, 0.3),
			.low_c = 45 - (t % 3 ? 0 : 5),
			.high_c = 55,
			.outside = random_between(seed, 0, 0.1),
		};
	}
}

/* What a way costs: bit t says whether step t is on. */
static double cost_of(unsigned on)
{
	double c = heater.start_c, cost = 0;
	for (int t = 0; t < heater.steps; t++) {
		const struct heater_step *s = &heater.step[t];
		bool is_on = on >> t & 1;
		c = s->keep * c + s->drift + (is_on ? s->rise : 0);
		cost += is_on ? s->on_cost : 0;
		cost += s->outside * fmax(0, fmax(s->low_c - c, c - s->high_c));
	}
	return cost - heater.end_value * (c - heater.step[heater.steps - 1].low_c);
}

static unsigned way(void)
{
	unsigned on = 0;
	for (int t = 0; t < heater.steps; t++) {
		on |= plan.on[t] ? 1u << t : 0;
	}
	return on;
}

/* By how much the bound may be below the least cost: more where all ways lead far out. */
static double slack_of(void)
{
	double low_c = heater.start_c, high_c = low_c, far_k = 0;
	for (int t = 0; t < heater.steps; t++) {
		const struct heater_step *s = &heater.step[t];
		low_c = s->keep * low_c + s->drift;
		high_c = s->keep * high_c + s->drift + s->rise;
		far_k = fmax(far_k, fmax(s->low_c - low_c, high_c - s->high_c));
	}
	return heater.steps * heater.slack * (1 + 10 * far_k);
}

static void test_bound_and_way(void **state)
{
	(void)state; /* No way costs less than the bound, nor the way found more than the least by
			more than the slack. */
	uint64_t seed = random_seed();
	for (int k = 0; k < 400; k++) {
		roll(&seed, 1 + k % 11);
		assert_int_equal(heater_solve(&heater, &plan), 0);
		double least = INFINITY, slack = slack_of() + 1e-9;
		for (unsigned on = 0; on < 1u << heater.steps; on++) {
			least = fmin(least, cost_of(on));
		}
		if (plan.bound > least + 1e-9 || plan.bound < least - slack ||
		    cost_of(way()) > least + slack) {
			fail_msg("tank %d: bound %.9g, least %.9g, way %.9g", k, plan.bound, least,
				 cost_of(way()));
		}
	}
}

static void test_long_horizon(void **state)
{
	(void)state; /* The longest horizon has its bound and way, however fine. */
	uint64_t seed = random_seed();
	roll(&seed, STEPS_MAX);
	for (int t = 0; t < heater.steps; t++) {
		heater.step[t].keep = 0.998;
		heater.step[t].drift = -(t % 9 ? 0.1 : 2);
		heater.step[t].rise = 2;
		heater.step[t].outside = 0.025;
	}
	heater.slack = 1e-5;
	assert_int_equal(heater_solve(&heater, &plan), 0);
	double c = heater.start_c, cost = 0;
	for (int t = 0; t < heater.steps; t++) {
		const struct heater_step *s = &heater.step[t];
		c = s->keep * c + s->drift + (plan.on[t] ? s->rise : 0);
		cost += (plan.on[t] ? s->on_cost : 0) +
			s->outside * fmax(0, fmax(s->low_c - c, c - s->high_c));
	}
	cost -= heater.end_value * (c - heater.step[heater.steps - 1].low_c);
	assert_true(cost >= plan.bound - 1e-9);
	assert_true(cost <= plan.bound + STEPS_MAX * heater.slack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound_and_way),
		cmocka_unit_test(test_long_horizon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
