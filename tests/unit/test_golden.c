/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One house for each feature of the model, small enough to be worked out by hand: the comment says
 * how. Steps of an hour, efficiencies of one, no load or PV but what is said. */
#include <math.h>

#include "test.h"

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "tests/unit/optimised.h"

static struct plan plan;

/* A house that buys at these prices and is paid nothing. */
static struct problem house(int steps, const double *price)
{
	struct problem p = {
		.id = 1, .steps = steps, .subscribed_w = INFINITY, .time_limit_s = 10
	};
	for (int t = 0; t < steps; t++) {
		p.step[t] = (struct step){ .start_s = t * 3600,
					   .hours = 1,
					   .buy = price[t],
					   .import_limit_w = INFINITY,
					   .export_limit_w = INFINITY };
	}
	return p;
}

/* A car of 10 kWh that is there in the steps marked with a c. */
static struct ev_model car(const char *connected)
{
	struct ev_model e = { .capacity_wh = 10e3,
			      .charge_limit_w = 4e3,
			      .charge_efficiency = 1,
			      .discharge_efficiency = 1,
			      .soc_max = 1,
			      .soc_start = 0.2,
			      .soc_target = 0.8,
			      .unmet_price = 1 };
	for (int t = 0; connected[t]; t++) {
		e.connected[t] = connected[t] == 'c';
	}
	return e;
}

static struct load_model load(enum load_kind kind, int end, double duration_h)
{
	return (struct load_model){ .kind = kind,
				    .power_w = 1e3,
				    .unmet_price = 2,
				    .runs = 1,
				    .run = { { .end = end, .duration_h = duration_h } } };
}

/* 1 kWh/K without loss between 50 and 60 degrees, and what is drawn in each step. */
static struct thermal_model tank(int steps, const double *draw_w)
{
	struct thermal_model h = {
		.capacity_wh_per_k = 1e3, .start_c = 50, .power_limit_w = 1e3, .discomfort = 5
	};
	for (int t = 0; t < steps; t++) {
		h.low_c[t] = 50;
		h.high_c[t] = 60;
		h.ambient_c[t] = 20;
		h.cop[t] = 1;
		h.draw_w[t] = draw_w[t];
	}
	return h;
}

static void solve(const struct problem *p, double total_cost)
{
	char why[160] = "";
	int r = optimiser_solve(optimiser, p, &plan);
	if (r < 0 || plan_check(p, &plan, why, sizeof(why)) < 0) {
		fail_msg("optimiser_solve: %d %s", r, why);
	}
	if (!(fabs(plan.total_cost - total_cost) < 1e-6)) {
		fail_msg("costs %.9g, by hand %.9g", plan.total_cost, total_cost);
	}
}

static void expect(double found, double expected)
{
	if (!(fabs(found - expected) < 1e-6 * (1 + fabs(expected)))) {
		fail_msg("%.9g, by hand %.9g", found, expected);
	}
}

/* --- cars ---------------------------------------------------------------------------------------
 */

static void test_car_is_ready(void **state)
{
	(void)state; /* A car charges where it is cheapest before it leaves. */
	struct problem p = house(4, (double[]){ 0.3, 0.1, 0.2, 0.05 });
	p.evs = 1;
	p.ev[0] = car("ccc-");
	/* 6 kWh: 4 at 0.1 and 2 at 0.2; at 0.05 it is away. */
	solve(&p, 4 * 0.1 + 2 * 0.2);
	expect(plan.slot[2].ev_soc[0], 0.8);
	expect(plan.slot[1].ev_w[0], -4000);
}

static void test_car_charges_enough_or_not(void **state)
{
	(void)state; /* With at least 3 kW or none, the cheapest way to 5 kWh more takes 6. */
	struct problem p = house(3, (double[]){ 0.1, 0.2, 0.3 });
	p.evs = 1;
	p.ev[0] = car("cc-");
	p.ev[0].soc_target = 0.7;
	p.ev[0].charge_min_w = 3e3;
	/* 4 + 1 is not possible; 3 + 3 costs 0.9, 4 and 1 kWh missing 1.4. */
	solve(&p, 3 * 0.1 + 3 * 0.2);
	p.ev[0].unmet_price = 0.4;
	/* Now to miss 1 kWh is cheaper: 0.4 + 0.4. */
	solve(&p, 4 * 0.1 + 0.4);
	assert_int_equal(plan.status, PLAN_SOFT);
}

static void test_car_comes_back_empty(void **state)
{
	(void)state; /* What a trip takes below empty is not missed: charging before it may be lost.
		      */
	struct problem p = house(4, (double[]){ 0.2, 1, 0.3, 1 });
	p.evs = 1;
	p.ev[0] = car("c-c-");
	p.ev[0].charge_limit_w = 5e3;
	p.ev[0].soc_start = 0.1;
	p.ev[0].soc_target = 0.5;
	p.ev[0].unmet_price = 0.31;
	p.ev[0].trip_wh = 3e3;
	/* 5 kWh at 0.2: 4 for the target at the first departure, and of the sixth that it has then
	 * 3 are left; so 2 more at 0.3. */
	solve(&p, 5 * 0.2 + 2 * 0.3);
	p.ev[0].soc_target = -1;
	p.ev[0].end_value = 0.31;
	/* Only the end counts. 5 kWh after the trip leave 5, worth 1.55 for 1.5; 5 more before it
	 * leave 8, worth 2.48 for 2.5. */
	solve(&p, 5 * 0.3 - 5 * 0.31);
	expect(plan.slot[0].ev_w[0], 0);
}

static void test_car_gives_back(void **state)
{
	(void)state; /* A car serves the house when that is dear, down to its band's end. */
	struct problem p = house(3, (double[]){ 0.5, 0.1, 0.1 });
	p.step[0].load_w = 5e3;
	p.evs = 1;
	p.ev[0] = car("cc-");
	p.ev[0].soc_start = 0.5;
	p.ev[0].soc_min = 0.4;
	p.ev[0].soc_target = 0.5;
	p.ev[0].discharge_limit_w = 3e3;
	/* 1 of 5 kWh from the car, which is charged again at 0.1. */
	solve(&p, 4 * 0.5 + 1 * 0.1);
	expect(plan.slot[0].ev_w[0], 1000);
	expect(plan.slot[0].ev_soc[0], 0.4);
}

/* --- loads that can wait ------------------------------------------------------------------------
 */

static void test_block(void **state)
{
	(void)state; /* A block runs through where it is cheapest as a whole, to a part of a step.
		      */
	struct problem p = house(5, (double[]){ 0.3, 0.1, 0.25, 0.2, 0.01 });
	p.loads = 1;
	p.load[0] = load(LOAD_BLOCK, 4, 2);
	solve(&p, 0.1 + 0.25); /* 0.4, 0.35 or 0.45; in the last step its window is over */
	p.load[0].run[0].duration_h = 1.5;
	solve(&p, 0.1 + 0.25 / 2); /* 0.35, 0.225 or 0.35 */
	expect(plan.slot[2].run_w[0], 500);
	p.load[0].start_cost = 0.05;
	p.load[0].unmet_price = 0.15;
	solve(&p, 1.5 * 0.15); /* not to run costs 0.225, to run 0.275 */
	assert_int_equal(plan.status, PLAN_SOFT);
}

static void test_block_under_way(void **state)
{
	(void)state; /* A block that is under way goes on and costs no start; its next run waits. */
	struct problem p = house(6, (double[]){ 0.3, 0.3, 0.3, 0.2, 0.1, 0.2 });
	p.loads = 1;
	p.load[0] = load(LOAD_BLOCK, 3, 1.5);
	p.load[0].running = true;
	p.load[0].start_cost = 0.02;
	p.load[0].runs = 2;
	p.load[0].run[1] = (struct load_run){ .first = 3, .end = 6, .duration_h = 1 };
	solve(&p, 0.3 + 0.15 + 0.1 + 0.02);
	expect(plan.slot[1].run_w[0], 500);
}

static void test_starts_cost(void **state)
{
	(void)state; /* A load that may pause does, unless starting again costs more. */
	struct problem p = house(3, (double[]){ 0.1, 0.3, 0.1 });
	p.loads = 1;
	p.load[0] = load(LOAD_INTERRUPTIBLE, 3, 2);
	p.load[0].start_cost = 0.05;
	solve(&p, 0.2 + 2 * 0.05); /* through: 0.4 + 0.05 */
	p.load[0].start_cost = 0.3;
	solve(&p, 0.4 + 0.3); /* with a pause: 0.2 + 0.6 */
	p.load[0].running = true;
	solve(&p, 0.4); /* it goes on at once: with a pause 0.2 + 0.3 */
}

static void test_one_part(void **state)
{
	(void)state; /* An on/off load is on for whole steps but for one, a continuous one as it
			likes. */
	struct problem p = house(3, (double[]){ 0.3, 0.3, 0.3 });
	for (int t = 0; t < 3; t++) {
		p.step[t].pv_w = 500;
	}
	p.loads = 1;
	p.load[0] = load(LOAD_INTERRUPTIBLE, 3, 1.5);
	/* 1 kWh in one step and 0.5 in another: the sun gives 0.5 in each of them. */
	solve(&p, 0.5 * 0.3);
	p.load[0].kind = LOAD_CONTINUOUS;
	solve(&p, 0); /* 0.5 in each of three */
}

/* --- heat ---------------------------------------------------------------------------------------
 */

static void test_tank_heats_ahead(void **state)
{
	(void)state; /* What is drawn is heated before, where it is cheapest. */
	struct problem p = house(4, (double[]){ 0.3, 0.1, 0.2, 0.4 });
	p.thermals = 1;
	p.thermal[0] = tank(4, (double[]){ 0, 0, 2000, 0 });
	solve(&p, 0.1 + 0.2); /* 1 kWh in each of the two cheapest up to the draw */
	expect(plan.slot[1].heat_c[0], 51);
	expect(plan.slot[3].heat_c[0], 50);
}

static void test_tank_cools(void **state)
{
	(void)state; /* A tank cools by its exponential, and is heated by it. */
	struct problem p = house(1, (double[]){ 0.2 });
	p.thermals = 1;
	p.thermal[0] = tank(1, (double[]){ 0 });
	p.thermal[0].capacity_wh_per_k = 100;
	p.thermal[0].loss_w_per_k = 10;
	p.thermal[0].start_c = 60;
	p.thermal[0].low_c[0] = 58;
	/* Left alone: 20 + 40 exp(-0.1) = 56.1935; a watt makes (1 - exp(-0.1)) / 10 = 0.0095163 K.
	 */
	double w = (58 - (20 + 40 * exp(-0.1))) / ((1 - exp(-0.1)) / 10);
	solve(&p, w / 1e3 * 0.2);
	expect(w, 189.833361);
	expect(plan.slot[0].heat_w[0], w);
}

static void test_pulses(void **state)
{
	(void)state; /* A heater that is on or off heats in whole pulses. */
	struct problem p = house(3, (double[]){ 0.1, 0.2, 0.3 });
	p.thermals = 1;
	p.thermal[0] = tank(3, (double[]){ 0, 1500, 0 });
	p.thermal[0].on_off = true;
	/* 1.5 kWh by the end of the second step: both pulses; with half of the second 0.2. */
	solve(&p, 0.1 + 0.2);
	expect(plan.slot[2].heat_c[0], 50.5);
	p.thermal[0].discomfort = 0.1;
	/* 0.5 K too cold for two hours cost 0.1, the second pulse 0.2. */
	solve(&p, 0.1 + 0.1);
	assert_int_equal(plan.status, PLAN_SOFT);
}

static void test_heat_pump(void **state)
{
	(void)state; /* A heat pump runs where a kWh of heat is cheapest; heat left over has a
			worth. */
	struct problem p = house(2, (double[]){ 0.3, 0.2 });
	p.thermals = 1;
	p.thermal[0] = tank(2, (double[]){ 0, 2000 });
	p.thermal[0].cop[0] = 4;
	p.thermal[0].cop[1] = 2;
	solve(&p, 0.5 * 0.3); /* 0.075 per kWh of heat against 0.1 */
	p.thermal[0].end_value = 0.09;
	/* Another 2 kWh are heated at 0.075 for 0.09; at 0.1 not. */
	solve(&p, 1 * 0.3 - 2 * 0.09);
}

/* --- the connection -----------------------------------------------------------------------------
 */

static void test_subscribed_power(void **state)
{
	(void)state; /* Beyond the subscribed power each kWh costs more: a battery shaves it. */
	struct problem p = house(2, (double[]){ 0.2, 0.2 });
	p.subscribed_w = 2e3;
	p.overuse_price = 0.5;
	p.step[1].load_w = 3e3;
	solve(&p, 3 * 0.2 + 1 * 0.5);
	p.batteries = 1;
	p.battery[0] = (struct battery_model){ .capacity_wh = 5e3,
					       .charge_limit_w = 4e3,
					       .discharge_limit_w = 4e3,
					       .charge_efficiency = 0.8,
					       .discharge_efficiency = 1,
					       .soc_max = 1,
					       .soc_end = -1,
					       .grid_charging = true,
					       .grid_discharging = true };
	solve(&p, (2 + 1 / 0.8) * 0.2); /* 1 kWh of the second hour is bought in the first */
	assert_int_equal(plan.method, PLAN_DYNAMIC);
	p.loads = 1; /* that needs nothing: the general way comes to the same */
	p.load[0].kind = LOAD_CONTINUOUS;
	solve(&p, (2 + 1 / 0.8) * 0.2);
	assert_int_equal(plan.method, PLAN_LP);
}

static void test_limit_of_a_step(void **state)
{
	(void)state; /* The connection's limit may change from step to step. */
	struct problem p = house(4, (double[]){ 0.1, 0.2, 0.3, 0.4 });
	p.evs = 1;
	p.ev[0] = car("ccc-");
	p.step[0].import_limit_w = 1e3;
	p.step[1].import_limit_w = 3e3;
	solve(&p, 1 * 0.1 + 3 * 0.2 + 2 * 0.3);
	assert_int_equal(plan.status, PLAN_OPTIMAL);
}

static void test_car_under_demand_charge(void **state)
{
	(void)state; /* Under a demand charge a car charges evenly, up to the month's peak. */
	struct problem p = house(4, (double[]){ 0.1, 0.2, 0.3, 0.4 });
	p.evs = 1;
	p.ev[0] = car("ccc-");
	p.ev[0].unmet_price = 20;
	p.demand_charge = 10;
	p.demand_period_s = 3600;
	solve(&p, 2 * (0.1 + 0.2 + 0.3) + 10 * 2);
	p.demand_incumbent_w = 2500;
	solve(&p, 2.5 * 0.1 + 2.5 * 0.2 + 1 * 0.3 + 10 * 2.5);
}

static void test_battery_serves_what_waits(void **state)
{
	(void)state; /* A battery that may not export serves a load that can wait, up to that load.
		      */
	struct problem p = house(2, (double[]){ 0.5, 0.2 });
	p.batteries = 1;
	p.battery[0] = (struct battery_model){ .capacity_wh = 5e3,
					       .charge_limit_w = 4e3,
					       .discharge_limit_w = 4e3,
					       .charge_efficiency = 1,
					       .discharge_efficiency = 1,
					       .soc_max = 1,
					       .soc_start = 1,
					       .soc_end = -1 };
	p.step[0].sell = p.step[1].sell = 0.15;
	p.step[0].pv_w = 500;
	p.loads = 1;
	p.load[0] = load(LOAD_BLOCK, 2, 1);
	/* In the second step the battery serves all of it, and the sun of the first is sold. */
	solve(&p, -0.5 * 0.15);
	expect(plan.slot[1].battery_w[0], 1000);
	expect(plan.slot[0].battery_w[0], 0);
}

static void test_paid_to_use(void **state)
{
	(void)state; /* Where using energy is paid, what can wait runs there and nothing burns it.
		      */
	struct problem p = house(3, (double[]){ 0.2, -0.1, 0.2 });
	p.step[1].sell = -0.1;
	p.loads = 1;
	p.load[0] = load(LOAD_CONTINUOUS, 3, 1.5);
	p.evs = 1;
	p.ev[0] = car("ccc");
	p.ev[0].soc_target = -1;
	p.ev[0].discharge_limit_w = 4e3;
	p.ev[0].charge_efficiency = 0.5;
	/* 1 kWh and the car's 4 at -0.1, the other half kWh from the car, which has 2 kWh. */
	solve(&p, -5 * 0.1);
	expect(plan.slot[1].ev_w[0], -4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_car_is_ready),
		cmocka_unit_test(test_car_charges_enough_or_not),
		cmocka_unit_test(test_car_comes_back_empty),
		cmocka_unit_test(test_car_gives_back),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_under_way),
		cmocka_unit_test(test_starts_cost),
		cmocka_unit_test(test_one_part),
		cmocka_unit_test(test_tank_heats_ahead),
		cmocka_unit_test(test_tank_cools),
		cmocka_unit_test(test_pulses),
		cmocka_unit_test(test_heat_pump),
		cmocka_unit_test(test_subscribed_power),
		cmocka_unit_test(test_limit_of_a_step),
		cmocka_unit_test(test_car_under_demand_charge),
		cmocka_unit_test(test_battery_serves_what_waits),
		cmocka_unit_test(test_paid_to_use),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
