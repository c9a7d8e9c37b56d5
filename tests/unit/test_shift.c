/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct plan plan, other;

static void solve(const struct problem *p, struct plan *out)
{
	char why[160] = "";
	int r = optimiser_solve(optimiser, p, out);
	if (r < 0 || plan_check(p, out, why, sizeof(why)) < 0) {
		(void)plan_check(p, out, why, sizeof(why));
		fail_msg("no plan (%d): %s", r, why);
	}
}

static struct shift_model random_shift(struct dice *d, int steps)
{
	struct shift_model s = { .price = dice_chance(d, 0.3) ? 0 : dice_between(d, 0, 0.1),
				 .worth = dice_between(d, 0, 0.4) };
	for (int t = 0; t < steps; t++) {
		s.more_w[t] = dice_chance(d, 0.2) ? 0 : dice_between(d, 0, 4e3);
		s.less_w[t] = dice_chance(d, 0.2) ? 0 : dice_between(d, 0, 4e3);
		s.up_wh[t] = dice_chance(d, 0.2) ? 0 : dice_between(d, 0, 6e3);
		s.down_wh[t] = dice_chance(d, 0.2) ? 0 : dice_between(d, 0, 6e3);
	}
	return s;
}

static void test_always_a_plan(void **unused)
{
	/* Whatever others offer beside any house, there is a plan that keeps it, and no dearer one
	 * than without. */
	(void)unused;
	struct dice d = { random_seed() };
	static struct problem p;
	int used = 0;
	for (int run = 0; run < (is_watched() ? 15 : 150); run++) {
		p = run % 3 ? house_random(&d, 24, run % 2) : house_whole(&d, 16, run % 2);
		p.objective = OBJECTIVE_COST;
		p.time_limit_s = 2;
		solve(&p, &other);
		p.shifts = 1;
		p.shift[0] = random_shift(&d, p.steps);
		solve(&p, &plan);
		bool proven = plan.status != PLAN_FEASIBLE;
		double slack = 1e-3 * (1 + fabs(other.total_cost));
		assert_true(!proven || plan.total_cost <= other.total_cost + slack);
		for (int t = 0; t < p.steps; t++) {
			used += fabs(plan.slot[t].shift_w[0]) > 1;
		}
	}
	assert_true(used > 50);
}

static void test_limit(void **unused)
{
	/* What is too much for the connection is taken in the step with room, exactly. */
	(void)unused;
	static struct problem p;
	p = (struct problem){
		.subscribed_w = INFINITY, .time_limit_s = 5, .steps = 2, .shifts = 1
	};
	for (int t = 0; t < 2; t++) {
		p.step[t] = (struct step){ .start_s = t * 3600,
					   .hours = 1,
					   .load_w = t == 0 ? 5000 : 1000,
					   .buy = 0.2,
					   .sell = 0.05,
					   .import_limit_w = 3500,
					   .export_limit_w = INFINITY };
		p.shift[0].more_w[t] = p.shift[0].less_w[t] = 2000;
		p.shift[0].up_wh[t] = p.shift[0].down_wh[t] = t == 0 ? 2000 : 0;
	}
	p.shift[0].price = 0.02;
	solve(&p, &plan);
	assert_true(fabs(plan.slot[0].shift_w[0] - 1500) < 1e-3);
	assert_true(fabs(plan.slot[1].shift_w[0] + 1500) < 1e-3);
	assert_true(fabs(plan.total_cost - (6 * 0.2 + 3 * 0.02)) < 1e-6);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
}

static void test_as_a_battery(void **unused)
{
	/* A shift with the same bounds all the time is a battery without losses: both plans cost
	 * the same. */
	(void)unused;
	struct dice d = { random_seed() };
	static struct problem p;
	for (int run = 0; run < 40; run++) {
		p = (struct problem){ .subscribed_w = INFINITY, .time_limit_s = 5 };
		house_steps(&d, &p, 48, false);
		double up = dice_between(&d, 500, 6e3), down = dice_between(&d, 500, 6e3);
		double w = dice_between(&d, 500, 4e3), worth = dice_between(&d, 0.05, 0.3);
		p.batteries = 1;
		p.battery[0] = (struct battery_model){ .capacity_wh = up + down,
						       .charge_limit_w = w,
						       .discharge_limit_w = w,
						       .charge_efficiency = 1,
						       .discharge_efficiency = 1,
						       .soc_max = 1,
						       .soc_start = down / (up + down),
						       .soc_end = -1,
						       .end_value = worth,
						       .grid_charging = true,
						       .grid_discharging = true };
		solve(&p, &other);
		p.batteries = 0;
		p.shifts = 1;
		p.shift[0].price = 0;
		p.shift[0].worth = worth;
		for (int t = 0; t < p.steps; t++) {
			p.shift[0].more_w[t] = p.shift[0].less_w[t] = w;
			p.shift[0].up_wh[t] = up;
			p.shift[0].down_wh[t] = down;
		}
		solve(&p, &plan);
		double stored = down / 1e3 * worth; /* the battery's, before anything moved */
		assert_true(fabs(plan.total_cost - (other.total_cost + stored)) < 2e-3);
	}
}

static void test_no_load(void **unused)
{
	/* Others that would take more and less at once are no load that a battery may serve. */
	(void)unused;
	static struct problem p;
	p = (struct problem){
		.subscribed_w = INFINITY, .time_limit_s = 5, .steps = 1, .shifts = 1
	};
	p.step[0] = (struct step){ .hours = 1,
				   .buy = 0.2,
				   .sell = 0.1,
				   .import_limit_w = INFINITY,
				   .export_limit_w = INFINITY };
	p.shift[0] = (struct shift_model){ .more_w = { 2000 }, .less_w = { 2000 } };
	p.batteries = 1;
	p.battery[0] = (struct battery_model){ .capacity_wh = 5000,
					       .charge_limit_w = 2000,
					       .discharge_limit_w = 2000,
					       .charge_efficiency = 1,
					       .discharge_efficiency = 1,
					       .soc_max = 1,
					       .soc_start = 1,
					       .soc_end = -1,
					       .grid_charging = true };
	solve(&p, &plan);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	assert_true(fabs(plan.slot[0].battery_w[0]) < 1e-3);
}

static void test_checked(void **unused)
{
	/* A plan that asks others for more than they offered is refused. */
	(void)unused;
	struct dice d = { 7 };
	static struct problem p;
	char why[160];
	p = house_random(&d, 8, false);
	p.objective = OBJECTIVE_COST;
	p.shifts = 1;
	p.shift[0] = random_shift(&d, 8);
	solve(&p, &plan);
	other = plan;
	other.slot[3].shift_w[0] = p.shift[0].less_w[3] + 1;
	assert_true(plan_check(&p, &other, why, sizeof(why)) < 0);
	other = plan;
	other.shifts = 0;
	assert_true(plan_check(&p, &other, why, sizeof(why)) < 0);
	p.shift[0].up_wh[2] = -1;
	assert_true(problem_check(&p, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "energy more"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always_a_plan), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_as_a_battery),  cmocka_unit_test(test_no_load),
		cmocka_unit_test(test_checked),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
