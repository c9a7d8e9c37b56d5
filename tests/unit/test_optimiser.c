/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/base/series.h"
#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct plan plan;

static const struct battery_model golden_battery = { .capacity_wh = 1.2e6,
						     .charge_limit_w = 6e5,
						     .discharge_limit_w = 6e5,
						     .charge_efficiency = 0.9746794344808964,
						     .discharge_efficiency = 0.9746794344808964,
						     .soc_max = 1,
						     .soc_start = 0.5,
						     .soc_end = 0.5,
						     .grid_charging = true,
						     .grid_discharging = true };

/* The reference's day of a community, from the fixture that the programs' tests use too. */
static struct problem golden_day(double sell_share)
{
	struct problem p = {
		.id = 7, .batteries = 1, .subscribed_w = INFINITY, .time_limit_s = 10
	};
	struct series s;
	struct diag d = { .to = stderr };
	p.battery[0] = golden_battery;
	assert_int_equal(series_read(&s, "tests/fixtures/golden-day.csv", &d), 0);
	p.steps = s.rows;
	for (int t = 0; t < s.rows; t++) {
		p.step[t] =
			(struct step){ .start_s = s.start_s[t],
				       .hours = (double)(s.start_s[t + 1] - s.start_s[t]) / 3600,
				       .load_w = s.value[SERIES_LOAD_W][t],
				       .pv_w = s.value[SERIES_PV_W][t],
				       .buy = s.value[SERIES_BUY][t],
				       .sell = s.value[SERIES_SELL][t] * sell_share };
	}
	house_limit(&p, INFINITY, INFINITY);
	series_free(&s);
	return p;
}

static void solve(const struct problem *p)
{
	char why[160] = "";
	int r = optimiser_solve(optimiser, p, &plan);
	if (r < 0) {
		(void)plan_check(p, &plan, why, sizeof(why));
		fail_msg("optimiser_solve: %s: %s", strerror(-r), why);
	}
	assert_int_equal(plan_check(p, &plan, why, sizeof(why)), 0);
}

static void expect(double found, double expected, double tolerance)
{
	if (!(fabs(found - expected) <= tolerance)) {
		fail_msg("%.9g, expected %.9g +- %g", found, expected, tolerance);
	}
}

static void test_golden_day(void **state)
{
	(void)state; /* The reference's day costs what the reference says, to a tenth of an oere. */
	struct problem p = golden_day(1);
	solve(&p);
	expect(plan.energy_cost, 2772.4356, 1e-3);
	expect(plan.import_wh / 1e6, 11.0719, 1e-4);
	expect(plan.export_wh / 1e6, 3.3849, 1e-4);
	expect(plan.peak_import_w / 1e6, 1.5475, 1e-4);
	expect(plan.slot[23].soc[0], 0.5, 1e-6);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	assert_int_equal(plan.method, PLAN_DYNAMIC);
	p = golden_day(0.5);
	solve(&p);
	expect(plan.energy_cost, 3648.0843, 1e-3);
	p = golden_day(1);
	p.batteries = 0;
	solve(&p);
	expect(plan.energy_cost, 3620.791, 1e-3);
}

static void test_golden_self_consumption(void **state)
{
	(void)state; /* Least import of the reference's day, without needless cycling. */
	struct problem p = golden_day(1);
	p.objective = OBJECTIVE_SELF_CONSUMPTION;
	solve(&p);
	expect(plan.import_wh / 1e6, 8.453637, 1e-5);
	expect(plan.export_wh / 1e6, 0.8283, 1e-4);
	expect(plan.peak_import_w / 1e6, 0.9949, 1e-4);
}

static uint64_t seed_of(int k)
{
	return (uint64_t)k * 7919 + 1;
}

static void test_random_houses(void **state)
{
	(void)state; /* Any sound house gets a plan that an independent evaluator accepts. */
	for (int k = 0; k < 400; k++) {
		struct dice d = { .state = seed_of(k) };
		struct problem p = house_random(&d, 1 + k % 30, k % 2);
		char why[160] = "";
		int r = optimiser_solve(optimiser, &p, &plan);
		if (r < 0 || plan_check(&p, &plan, why, sizeof(why)) < 0) {
			fail_msg("house %d: %s %s", k, strerror(-r), why);
		}
	}
}

/* --- an optimum found another way: dynamic programming over a grid of stored energies -----------
 */

enum { LEVELS = 161 };

/* The least cost of one step when the battery runs at battery_w: try the PV powers at which the
 * cost can bend. INFINITY where that is not allowed. */
static double stage_cost(const struct problem *p, int t, double battery_w)
{
	const struct step *s = &p->step[t];
	const struct battery_model *b = &p->battery[0];
	double best = INFINITY;
	const double pv_w[] = { s->pv_w, 0, s->load_w - battery_w - s->traded_w,
				s->load_w - battery_w };
	for (int k = 0; k < (p->pv_curtailable ? 4 : 1); k++) {
		double low_w, high_w, pv = fmin(fmax(pv_w[k], 0), s->pv_w);
		battery_power_range(b, s->load_w - pv, &low_w, &high_w);
		if (battery_w < low_w - 1e-9 || battery_w > high_w + 1e-9) {
			continue;
		}
		double kwh = (s->load_w - pv - battery_w - s->traded_w) / 1e3 * s->hours;
		best = fmin(best, kwh * (kwh > 0 ? s->buy : s->sell));
	}
	return best + fmax(battery_w, 0) / 1e3 * s->hours * b->wear;
}

static double end_cost(const struct problem *p, double soc)
{
	const struct battery_model *b = &p->battery[0];
	double kwh = b->capacity_wh / 1e3;
	return fmax(0, b->soc_end - soc) * kwh * problem_soft_prices(p).end_kwh -
	       soc * kwh * b->end_value;
}

/* AC power that leads from one stored fraction to another. */
static double power_between(const struct battery_model *b, double from, double to, double hours)
{
	double w = (from - to) * b->capacity_wh / hours;
	return w > 0 ? w * b->discharge_efficiency : w / b->charge_efficiency;
}

static double least_cost(const struct problem *p)
{
	const struct battery_model *b = &p->battery[0];
	double cost[LEVELS], before[LEVELS], soc[LEVELS];
	for (int k = 0; k < LEVELS; k++) {
		soc[k] = b->soc_min + (b->soc_max - b->soc_min) * k / (LEVELS - 1);
		cost[k] = end_cost(p, soc[k]);
	}
	for (int t = p->steps - 1; t >= 0; t--) {
		for (int from = 0; from < LEVELS; from++) {
			before[from] = INFINITY;
			for (int to = 0; to < LEVELS; to++) {
				double w = power_between(b, soc[from], soc[to], p->step[t].hours);
				before[from] = fmin(before[from], stage_cost(p, t, w) + cost[to]);
			}
		}
		memcpy(cost, before, sizeof(cost));
	}
	return cost[LEVELS / 2]; /* they start in the middle of the band */
}

static void test_nothing_is_better(void **state)
{
	(void)state; /* No way through a grid of stored energies is cheaper, and the best is near.
		      */
	for (int k = 0; k < 60; k++) {
		struct dice d = { .state = seed_of(k) };
		struct problem p = house_random(&d, 1 + k % 5, k % 3 > 0);
		p.batteries = 1;
		p.battery[0] = house_battery(&d);
		p.battery[0].soc_start = (p.battery[0].soc_min + p.battery[0].soc_max) / 2;
		p.objective = OBJECTIVE_COST;
		p.demand_charge = 0;
		house_limit(&p, INFINITY, INFINITY);
		solve(&p);
		double best = least_cost(&p);
		double grid_kwh = p.battery[0].capacity_wh / 1e3 / LEVELS;
		/* An unreachable target is dear: the grid may miss it by a level. */
		double coarse = 3 * grid_kwh * problem_soft_prices(&p).end_kwh;
		double tie = 1e-4 * problem_price_scale(&p) * 10;
		if (plan.total_cost > best + tie || plan.total_cost < best - coarse) {
			fail_msg("house %d: plan %.6f, grid %.6f", k, plan.total_cost, best);
		}
	}
}

/* --- single properties ---------------------------------------------------------------------------
 */

/* One battery, four hours, flat prices; the tests change what they are about. */
static struct problem simple_house(void)
{
	struct problem p = {
		.id = 1, .steps = 4, .batteries = 1, .subscribed_w = INFINITY, .time_limit_s = 10
	};
	p.battery[0] = (struct battery_model){ .capacity_wh = 10e3,
					       .charge_limit_w = 3e3,
					       .discharge_limit_w = 3e3,
					       .charge_efficiency = 0.95,
					       .discharge_efficiency = 0.95,
					       .soc_min = 0.1,
					       .soc_max = 0.9,
					       .soc_start = 0.5,
					       .soc_end = -1,
					       .grid_charging = true,
					       .grid_discharging = true };
	for (int t = 0; t < p.steps; t++) {
		p.step[t] = (struct step){
			.start_s = t * 3600, .hours = 1, .load_w = 1000, .buy = 0.3, .sell = 0.1
		};
	}
	house_limit(&p, INFINITY, INFINITY);
	return p;
}

static void test_value_is_what_a_kwh_saves(void **state)
{
	(void)state; /* The dual is the cost's change when a little more is stored at the start. */
	for (int k = 0; k < 100; k++) {
		struct dice d = { .state = seed_of(k) };
		struct problem p = house_random(&d, 12, false);
		p.batteries = 1;
		p.battery[0] = house_battery(&d);
		p.battery[0].soc_start = dice_between(&d, 0.35, 0.65);
		p.objective = OBJECTIVE_COST;
		double cost[3];
		for (int side = -1; side <= 1; side++) {
			struct problem q = p;
			q.battery[0].soc_start += side * 1e-4;
			solve(&q);
			cost[side + 1] = plan.total_cost;
		}
		double kwh = 1e-4 * p.battery[0].capacity_wh / 1e3;
		double more = (cost[1] - cost[2]) / kwh, less = (cost[0] - cost[1]) / kwh;
		solve(&p);
		/* Between the values of a kWh more and a kWh less; a bound may be met in between.
		 */
		double slack = 2e-3 * problem_price_scale(&p);
		double v = plan.slot[0].value[0];
		double low = p.battery[0].soc_min, high = p.battery[0].soc_max;
		bool inside = plan.slot[0].soc[0] > low + 1e-3 && plan.slot[0].soc[0] < high - 1e-3;
		if (inside && (v < fmin(more, less) - slack || v > fmax(more, less) + slack)) {
			fail_msg("house %d: value %g, expected %g to %g", k, v, more, less);
		}
	}
}

static void test_negative_prices(void **state)
{
	(void)state; /* Where burning energy pays, the battery still does one thing at a time. */
	struct problem p = simple_house();
	for (int t = 0; t < p.steps; t++) {
		p.step[t].buy = p.step[t].sell = -0.2;
	}
	solve(&p);
	assert_int_equal(plan.method, PLAN_MILP);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	/* 3 kW for as long as it takes to fill it, or emptied first to fill it again. */
	double import_kwh = plan.import_wh / 1e3;
	assert_true(import_kwh > 4 + 0.4 * 10 / 0.95 - 1e-6 && import_kwh < 4 + 12);
}

static void test_sell_above_buy(void **state)
{
	(void)state; /* Where selling pays more than buying costs, the house does not do both at
			once. */
	struct problem p = simple_house();
	p.step[1].sell = 0.5;
	p.step[1].traded_w = 700;
	solve(&p);
	assert_int_equal(plan.method, PLAN_MILP);
	expect(plan.slot[1].battery_w[0], 3000, 1e-3);
	expect(plan.slot[1].grid_w, -2000, 1e-3);
}

static void test_end_target_is_soft(void **state)
{
	(void)state; /* A target out of reach is approached as far as it goes, and said so. */
	struct problem p = simple_house();
	p.battery[0].soc_start = 0.1;
	p.battery[0].charge_limit_w = 1000;
	p.battery[0].soc_end = 0.9;
	solve(&p);
	assert_int_equal(plan.status, PLAN_SOFT);
	expect(plan.slot[3].soc[0], 0.1 + 4 * 0.95 / 10, 1e-6);
	p.battery[0].soc_end = 0.3;
	solve(&p);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	expect(plan.slot[3].soc[0], 0.3, 1e-6);
}

static void test_connection_limit_is_soft(void **state)
{
	(void)state; /* A limit gives only where it must, and least on the worst step. */
	struct problem p = simple_house();
	house_limit(&p, 2000, INFINITY);
	p.battery[0].charge_limit_w = 1000;
	for (int t = 1; t < p.steps; t++) {
		p.step[t].load_w = 6500;
	}
	solve(&p);
	assert_int_equal(plan.status, PLAN_SOFT);
	expect(plan.slot[0].grid_w, 2000, 1e-3); /* charges first */
	expect(plan.slot[1].grid_w, plan.slot[2].grid_w, 1e-2);
	expect(plan.slot[2].grid_w, plan.slot[3].grid_w, 1e-2);
	p.step[1].load_w = p.step[2].load_w = 1000;
	p.step[3].load_w = 4900;
	solve(&p);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	assert_true(plan.peak_import_w <= 2000 + 1e-2);
}

static void test_start_out_of_band(void **state)
{
	(void)state; /* A charge out of its band goes back at once, and never further out. */
	struct problem p = simple_house();
	p.battery[0].soc_start = 0;
	solve(&p);
	assert_true(plan.slot[0].soc[0] > 0.09 && plan.slot[0].battery_w[0] < 0);
	p.battery[0].soc_start = 1;
	p.step[0].sell = 0;
	solve(&p);
	assert_true(plan.slot[0].soc[0] <= 0.9 + 1e-9);
	p.battery[0].soc_start = 0;
	p.battery[0].grid_charging = false; /* and no sun: it stays, and that is fine */
	solve(&p);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	expect(plan.slot[3].soc[0], 0, 1e-9);
}

static void test_recovery_within_the_connection(void **state)
{
	(void)state; /* A battery that is below its band comes back as fast as the connection
			allows, and no limit gives for that. */
	struct problem p = simple_house();
	p.battery[0].soc_start = 0;
	house_limit(&p, 1400, 1000);
	solve(&p);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	for (int t = 0; t < 2; t++) {
		expect(plan.slot[t].grid_w, 1400, 0.1 * 400);
		assert_true(plan.slot[t].grid_w < 1400 + 1e-2);
	}
	p.battery[0].soc_start = 1;
	for (int t = 0; t < p.steps; t++) {
		p.step[t].sell = -0.1;
		p.step[t].pv_w = 1800; /* 800 W of 1000 W are exported */
	}
	solve(&p);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
	assert_true(plan.slot[0].grid_w > -1000 - 1e-2 && plan.slot[0].grid_w < -980);
}

static void test_traded_power(void **state)
{
	(void)state; /* What is traded already is delivered: only the difference is settled. */
	struct problem p = simple_house();
	p.batteries = 0;
	p.step[0].traded_w = 400;
	p.step[1].traded_w = 1500;
	p.step[2].traded_w = -500;
	solve(&p);
	expect(plan.energy_cost, 0.6 * 0.3 - 0.5 * 0.1 + 1.5 * 0.3 + 0.3, 1e-9);
	p.batteries = 1;
	p.battery[0].soc_start = 0.1;
	solve(&p);
	expect(plan.slot[1].grid_w, 1500, 1e-3); /* charges what it bought rather than sell it */
}

static void test_demand_charge(void **state)
{
	(void)state; /* The peak of the period means is shaved, down to the month's peak so far. */
	struct problem p = simple_house();
	p.demand_charge = 5;
	p.demand_period_s = 7200;
	p.step[2].load_w = 5000;
	p.step[3].load_w = 3000;
	solve(&p);
	double stored_kwh = 0.4 * 10 * 0.95; /* to be had at the AC side */
	expect(plan.import_wh / 1e3, 10 - stored_kwh, 0.3);
	expect(plan.peak_import_w, 0, 5000);
	double mean_w = (plan.slot[2].grid_w + plan.slot[3].grid_w) / 2;
	assert_true(mean_w < 2200 && mean_w > 1500);
	assert_true(plan.slot[2].peak_price > 0);
	p.demand_incumbent_w = 4500;
	solve(&p);
	assert_true(plan.slot[2].peak_price == 0);
}

static void test_own_sun_only(void **state)
{
	(void)state; /* Without grid charging only surplus is stored, without grid discharging only
		      * the load is served. */
	struct problem p = simple_house();
	p.battery[0].grid_charging = p.battery[0].grid_discharging = false;
	p.step[0].buy = 0.01;
	p.step[1].pv_w = 2500;
	p.step[2].sell = 0.29;
	p.step[3].sell = 0.299;
	solve(&p);
	expect(plan.slot[0].battery_w[0], fmax(plan.slot[0].battery_w[0], 0), 1e-6);
	assert_true(plan.slot[1].battery_w[0] >= -1500 - 1e-3);
	assert_true(plan.slot[2].grid_w > -1e-3 && plan.slot[3].grid_w > -1e-3);
	p.pv_curtailable = true;
	p.step[1].buy = -0.1;
	p.step[1].sell = -0.1;
	solve(&p);
	assert_true(plan.slot[1].battery_w[0] > -1e-3 ||
		    plan.slot[1].pv_w >= 1000 - plan.slot[1].battery_w[0] - 1e-3);
}

static void test_no_needless_cycling(void **state)
{
	(void)state; /* A loss-free battery at one flat price has no reason to move. */
	struct problem p = simple_house();
	p.battery[0].charge_efficiency = p.battery[0].discharge_efficiency = 1;
	p.battery[0].soc_end = 0.5;
	p.pv_curtailable = true;
	for (int t = 0; t < p.steps; t++) {
		p.step[t].sell = 0.3;
		p.step[t].pv_w = 500 * t;
	}
	solve(&p);
	for (int t = 0; t < p.steps; t++) {
		expect(plan.slot[t].battery_w[0], 0, 1e-6);
		expect(plan.slot[t].pv_w, 500 * t, 1e-6);
	}
}

static void test_unsound_problems(void **state)
{
	(void)state; /* Nothing that is not a sound number reaches the solver; a failed plan is no
			plan. */
	const struct problem good = simple_house();
	struct problem p = good;
	double *const fields[] = { &p.step[2].load_w,
				   &p.step[2].pv_w,
				   &p.step[2].buy,
				   &p.step[2].sell,
				   &p.step[2].traded_w,
				   &p.step[2].hours,
				   &p.battery[0].capacity_wh,
				   &p.battery[0].soc_start,
				   &p.battery[0].soc_end,
				   &p.battery[0].end_value,
				   &p.battery[0].wear,
				   &p.battery[0].charge_efficiency,
				   &p.step[1].import_limit_w,
				   &p.step[1].export_limit_w,
				   &p.demand_charge,
				   &p.demand_open_wh,
				   &p.battery[0].soc_min,
				   &p.battery[0].charge_limit_w,
				   &p.demand_incumbent_w,
				   &p.time_limit_s,
				   &p.battery[0].soc_max,
				   &p.battery[0].discharge_limit_w };
	const double poison[] = { NAN, -INFINITY, -1e300, 1e300 };
	for (size_t f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
		for (size_t k = 0; k < sizeof(poison) / sizeof(*poison); k++) {
			p = good;
			*fields[f] = poison[k];
			bool limit = fields[f] == &p.step[1].import_limit_w ||
				     fields[f] == &p.step[1].export_limit_w;
			bool none = fields[f] == &p.battery[0].soc_end && poison[k] < 0;
			int r = optimiser_solve(optimiser, &p, &plan);
			assert_int_equal(r, none || (limit && poison[k] > 0) ? 0 : -EINVAL);
			assert_true(r == 0 || (plan.status == PLAN_FAILED && !plan_at(&plan, 0)));
		}
	}
	p = good;
	p.steps = STEPS_MAX + 1;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), -EINVAL);
	p.steps = 0;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), -EINVAL);
	p = good;
	p.step[2].start_s += 60;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), -EINVAL);
}

static void test_what_it_remembers(void **state)
{
	(void)state; /* What was planned before, for this house or another, changes no cost by more
			than was left unproven. */
	for (int k = 0; k < 30; k++) {
		struct dice d = { .state = seed_of(k) };
		struct problem p = house_whole(&d, 8, k % 2);
		struct optimiser *fresh;
		p.objective = OBJECTIVE_COST;
		p.good_gap = k % 3 ? 0 : 0.01;
		assert_int_equal(optimiser_new(&fresh), 0);
		assert_int_equal(optimiser_solve(fresh, &p, &plan), 0);
		double cost = plan.total_cost;
		double slack = (p.good_gap + 1e-6) * (fabs(cost) + problem_price_scale(&p)) * 1.1;
		solve(&p); /* after other houses */
		expect(plan.total_cost, cost, slack);
		solve(&p); /* after itself */
		expect(plan.total_cost, cost, slack);
		optimiser_free(fresh);
	}
}

static void test_little_time(void **state)
{
	(void)state; /* However little time there is, and however large the house: a plan that
			holds, and no more is claimed of it than is proven. */
	int staged = 0;
	for (int k = 0; k < 30; k++) {
		struct dice d = { .state = seed_of(k) };
		struct problem p = house_random(&d, 200, true);
		p.time_limit_s = 2e-3 * (1 + k % 5);
		if (k % 3 == 0) {
			p = house_large(&d, STEPS_MAX, k % 2);
			p.time_limit_s = 1e-3;
		}
		solve(&p);
		staged += plan.method == PLAN_STAGED;
		assert_true(plan.method != PLAN_STAGED ||
			    (plan.status == PLAN_FEASIBLE && isinf(plan.gap)));
	}
	assert_true(staged >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_day),
		cmocka_unit_test(test_golden_self_consumption),
		cmocka_unit_test(test_random_houses),
		cmocka_unit_test(test_nothing_is_better),
		cmocka_unit_test(test_value_is_what_a_kwh_saves),
		cmocka_unit_test(test_negative_prices),
		cmocka_unit_test(test_sell_above_buy),
		cmocka_unit_test(test_end_target_is_soft),
		cmocka_unit_test(test_connection_limit_is_soft),
		cmocka_unit_test(test_start_out_of_band),
		cmocka_unit_test(test_recovery_within_the_connection),
		cmocka_unit_test(test_traded_power),
		cmocka_unit_test(test_demand_charge),
		cmocka_unit_test(test_own_sun_only),
		cmocka_unit_test(test_no_needless_cycling),
		cmocka_unit_test(test_unsound_problems),
		cmocka_unit_test(test_what_it_remembers),
		cmocka_unit_test(test_little_time),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
