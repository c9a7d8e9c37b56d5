/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/member.h"

#include "leagues.h"

enum { STEPS = 12 };

static struct member_model m;
static struct member_room room;
static const struct member_agent agent = { &m, &room };

static void make(uint64_t *seed)
{
	league_make_member(&m, STEPS, 2, seed);
}

/* What an answer costs, from the definition. */
static double cost_of(const double *taken_kw, const double *centre_kw, double stiffness)
{
	double cost;
	assert_int_equal(member_cost(&agent, taken_kw, &cost, NULL), 0);
	for (int t = 0; t < STEPS; t++) {
		double apart = taken_kw[t] - centre_kw[t];
		cost += stiffness / 2 * apart * apart;
	}
	return cost;
}

static void test_answer(void **state)
{
	(void)state; /* No other answer costs a community less, whatever it is asked. */
	uint64_t seed = random_seed();
	for (int n = 0; n < (is_watched() ? 40 : 1000); n++) {
		double centre_kw[STEPS], taken_kw[STEPS], other_kw[STEPS];
		double stiffness = exp(random_between(&seed, log(1e-6), log(1e4)));
		make(&seed);
		for (int t = 0; t < STEPS; t++) {
			centre_kw[t] = random_between(&seed, -60, 30);
		}
		assert_int_equal(
			member_respond((void *)(uintptr_t)&agent, centre_kw, stiffness, taken_kw),
			0);
		double best = cost_of(taken_kw, centre_kw, stiffness);
		for (int k = 0; k < 6 * STEPS; k++) {
			double size = pow(10, random_between(&seed, -3, 1));
			for (int t = 0; t < STEPS; t++) {
				bool moved = k / 2 % (STEPS + 1) == t || k >= 3 * STEPS;
				other_kw[t] =
					taken_kw[t] + moved * size * random_between(&seed, -1, 1);
			}
			double cost = cost_of(other_kw, centre_kw, stiffness);
			if (cost < best - 1e-9 * (1 + fabs(best))) {
				fail_msg("house %d: %.12g, another answer %.12g", n, best, cost);
			}
		}
	}
}

static void test_steps(void **state)
{
	(void)state; /* Step by step at what was taken costs what the whole costs, when that was the
			plan: nothing more is learned on the way. */
	uint64_t seed = random_seed();
	static const double nothing[STEPS];
	for (int n = 0; n < 200; n++) {
		double cost, sum = 0, grid_kw, step_cost;
		make(&seed);
		assert_int_equal(member_cost(&agent, nothing, &cost, NULL), 0);
		struct member_moment at = { 0, m.start_kwh };
		for (int t = 0; t < STEPS; t++) {
			assert_int_equal(member_step(&agent, 0, &at, &grid_kw, &step_cost), 0);
			sum += step_cost;
		}
		assert_int_equal(at.step, STEPS);
		assert_true(at.stored_kwh >= m.start_kwh - 1e-9);
		assert_true(fabs(sum - cost) < 1e-8 * (1 + fabs(cost)));
	}
}

static void test_wants(void **state)
{
	(void)state; /* A community wants no more at a higher price; at the utility's it wants what
			it would do alone. */
	uint64_t seed = random_seed();
	for (int n = 0; n < 200; n++) {
		make(&seed);
		struct member_moment at = { 0, m.start_kwh };
		double before_kw = INFINITY, net_kw, grid_kw, cost;
		bool moved = false;
		for (double price = 0; price < 0.5; price += 0.01) {
			assert_int_equal(member_wants(&agent, &at, price, &net_kw), 0);
			assert_true(net_kw <= before_kw + 1e-9);
			moved |= net_kw < before_kw - 1e-3 && isfinite(before_kw);
			before_kw = net_kw;
		}
		assert_int_equal(moved, m.capacity_kwh > 0);
		assert_int_equal(member_step(&agent, 0, &at, &grid_kw, &cost), 0);
		at = (struct member_moment){ 0, m.start_kwh };
		if (fabs(grid_kw) > 1e-6) {
			double price = grid_kw > 0 ? m.buy[0] : m.sell[0], low_kw, high_kw;
			assert_int_equal(member_wants(&agent, &at, price + 1e-9, &low_kw), 0);
			assert_int_equal(member_wants(&agent, &at, price - 1e-9, &high_kw), 0);
			assert_true(grid_kw >= low_kw - 1e-6 && grid_kw <= high_kw + 1e-6);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_wants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
