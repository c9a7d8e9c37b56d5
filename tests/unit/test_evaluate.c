/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct plan plan;

static int check(const struct problem *p, const struct plan *candidate)
{
	char why[160] = "";
	int r = plan_check(p, candidate, why, sizeof(why));
	assert_int_equal(r < 0, why[0] != '\0'); /* a refusal has a sentence */
	return r;
}

static void test_by_hand(void **state)
{
	(void)state; /* A plan worked out by hand costs what the hand says. */
	struct problem p = { .steps = 2,
			     .batteries = 1,
			     .subscribed_w = INFINITY,
			     .demand_charge = 2,
			     .demand_period_s = 3600,
			     .demand_open_wh = 0 };
	p.battery[0] = (struct battery_model){ .capacity_wh = 10e3,
					       .charge_efficiency = 0.8,
					       .discharge_efficiency = 0.5,
					       .soc_start = 0.5,
					       .soc_max = 1,
					       .soc_end = 0.5,
					       .end_value = 0.1,
					       .wear = 0.05 };
	p.step[0] = (struct step){ .hours = 1, .load_w = 1000, .buy = 0.2, .sell = 0.1 };
	p.step[1] = (struct step){ .start_s = 3600,
				   .hours = 0.5,
				   .load_w = 1000,
				   .pv_w = 3000,
				   .buy = 0.4,
				   .sell = 0.1,
				   .traded_w = -1000 };
	house_limit(&p, 1500, INFINITY);
	plan = (struct plan){ .slots = 2, .batteries = 1 };
	plan.slot[0].battery_w[0] = -1000; /* imports 2 kWh, stores 0.8 */
	plan.slot[1].pv_w = 3000;
	plan.slot[1].battery_w[0] = 1000; /* exports 1.5 kWh, 0.5 were traded; takes 1 kWh */
	struct evaluation e;
	evaluate(&p, &plan, &e);
	assert_true(fabs(e.energy_cost - (2 * 0.2 - 1.0 * 0.1)) < 1e-12);
	assert_true(fabs(e.import_wh - 2000) < 1e-9 && fabs(e.export_wh - 1500) < 1e-9);
	assert_true(e.peak_import_w == 2000 && e.soft);
	struct soft_prices soft = problem_soft_prices(&p);
	double total = e.energy_cost + 0.5 * 0.05 - 4.8 * 0.1 + 0.2 * soft.end_kwh + 2 * 2 +
		       0.5 * soft.limit_kwh + 0.5 * soft.limit_kw;
	assert_true(fabs(e.total_cost - total) < 1e-9);
}

static void test_demand_periods(void **state)
{
	(void)state; /* Periods are cut by the clock, across steps and within them. */
	struct problem p = {
		.steps = 3, .subscribed_w = INFINITY, .demand_charge = 1, .demand_period_s = 3600
	};
	struct evaluation e;
	plan = (struct plan){ .slots = 3 };
	p.step[0] = (struct step){ .start_s = 1800, .hours = 0.75, .load_w = 4000 };
	p.step[1] = (struct step){ .start_s = 4500, .hours = 0.5, .load_w = 2000 };
	p.step[2] = (struct step){ .start_s = 6300, .hours = 2.25, .load_w = 2500 };
	house_limit(&p, INFINITY, INFINITY);
	evaluate(&p, &plan, &e);
	/* 2 kWh, then 1 + 1 + 0.25 * 2.5 kWh, then 2.5 kWh. */
	assert_true(fabs(e.total_cost - 2.625) < 1e-9);
	p.demand_open_wh = 700;
	evaluate(&p, &plan, &e);
	assert_true(fabs(e.total_cost - 2.7) < 1e-9);
	p.demand_incumbent_w = 3000;
	evaluate(&p, &plan, &e);
	assert_true(fabs(e.total_cost - 3) < 1e-9);
}

/* Spoil the k-th number of a plan; return whether there is one. */
static bool spoil(struct plan *q, int k, double by)
{
	int t = (k * 5) % q->slots;
	struct plan_slot *s = &q->slot[t];
	double *const numbers[] = {
		&s->pv_w,          &s->grid_w,     &s->battery_w[0], &s->battery_w[1],
		&s->soc[0],        &s->soc[1],     &s->step.load_w,  &s->step.pv_w,
		&s->step.buy,      &s->step.sell,  &s->step.hours,   &s->step.traded_w,
		&q->energy_cost,   &q->total_cost, &q->import_wh,    &q->export_wh,
		&q->peak_import_w,
	};
	if (k >= (int)(sizeof(numbers) / sizeof(*numbers))) {
		return false;
	}
	*numbers[k] += by;
	return true;
}

static struct problem solved_house(void)
{
	struct dice d = { .state = 3 };
	struct problem p = house_random(&d, 20, false);
	p.batteries = 2;
	p.battery[0] = house_battery(&d);
	p.battery[1] = house_battery(&d);
	p.pv_curtailable = true;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), 0);
	assert_int_equal(check(&p, &plan), 0);
	return p;
}

static void test_spoilt_plans(void **state)
{
	(void)state; /* A plan with any of its numbers changed or poisoned is refused. */
	struct problem p = solved_house();
	static struct plan q;
	const double by[] = { 100, -100, NAN, INFINITY, 1 };
	for (size_t b = 0; b < sizeof(by) / sizeof(*by); b++) {
		for (int k = 0;; k++) {
			q = plan;
			if (!spoil(&q, k, by[b])) {
				assert_int_equal(k, 17);
				break;
			}
			if (check(&p, &q) == 0) {
				fail_msg("number %d changed by %g went through", k, by[b]);
			}
		}
	}
}

static void test_spoilt_heads(void **state)
{
	(void)state; /* A plan for another problem, of another shape, or of nonsense is refused. */
	struct problem p = solved_house();
	static struct plan q[12];
	for (int k = 0; k < 12; k++) {
		q[k] = plan;
	}
	q[0].id++;
	q[1].slots--;
	q[2].slots = -1;
	q[3].batteries++;
	q[4].status = PLAN_FAILED;
	q[5].status = (enum plan_status)77;
	q[6].method = (enum plan_method)77;
	q[7].objective = 1 - q[7].objective;
	q[8].gap = NAN;
	q[9].solve_ms = -1;
	q[10].slot[3].value[1] = NAN;
	q[11].slot[3].peak_price = NAN;
	for (int k = 0; k < 12; k++) {
		if (check(&p, &q[k]) == 0) {
			fail_msg("head %d went through", k);
		}
	}
	memset(&q[0], 0xff, sizeof(q[0]));
	assert_true(check(&p, &q[0]) < 0);
	memset(&q[0], 0, sizeof(q[0]));
	assert_true(check(&p, &q[0]) < 0);
}

/* Tighten the k-th limit of the first battery, so that the plan breaks it. */
static const char *tighten(struct problem *q, int k)
{
	struct battery_model *b = &q->battery[0];
	double highest = 0, lowest = 1;
	for (int t = 0; t < q->steps; t++) {
		highest = fmax(highest, plan.slot[t].soc[0]);
		lowest = fmin(lowest, plan.slot[t].soc[0]);
	}
	switch (k) {
	case 0:
		b->charge_limit_w = 0;
		return " W, expected";
	case 1:
		b->discharge_limit_w = 0;
		return " to 0";
	case 2:
		b->soc_min = lowest + 0.01;
		return "would reach";
	case 3:
		b->soc_max = highest - 0.01;
		return "would reach";
	case 4:
		b->charge_efficiency *= 0.99;
		return "is said to reach";
	case 5:
		b->discharge_efficiency *= 0.99;
		return "is said to reach";
	case 6:
		b->grid_charging = false;
		return "from the grid";
	case 7:
		b->grid_discharging = false;
		return "into the grid";
	case 8:
		q->pv_curtailable = false;
		return "PV at";
	default:
		q->battery[0].wear += 0.1;
		return "total cost";
	}
}

static void test_hidden_limits(void **state)
{
	(void)state; /* A plan that adds up but breaks a limit of the problem is refused for it. */
	struct problem p = solved_house();
	p.batteries = 1;
	p.battery[0].soc_start = p.battery[0].soc_min + 0.05;
	p.battery[0].soc_end = -1;
	p.battery[0].end_value = 0;
	p.demand_charge = 0;
	p.objective = OBJECTIVE_COST;
	p.battery[0].grid_charging = p.battery[0].grid_discharging = true;
	house_limit(&p, INFINITY, INFINITY);
	for (int t = 0; t < p.steps; t++) {
		p.step[t].buy = t % 10 < 5 ? 0.05 : 0.5;
		p.step[t].sell = t % 10 < 5 ? -0.01 : 0.45;
		p.step[t].pv_w = t % 10 == 1 ? 9e3 : 0;
		p.step[t].load_w = 300;
		p.step[t].traded_w = 0;
	}
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), 0);
	for (int k = 0; k < 10; k++) {
		struct problem q = p;
		char why[160] = "";
		const char *expected = tighten(&q, k);
		int r = plan_check(&q, &plan, why, sizeof(why));
		if (r == 0 || !strstr(why, expected)) {
			fail_msg("limit %d: refused for '%s', expected '%s'", k, why, expected);
		}
	}
}

static void test_plan_at(void **state)
{
	(void)state; /* Each second belongs to one slot, none before and none after the plan. */
	struct problem p = solved_house();
	int64_t start_s = p.step[0].start_s;
	assert_null(plan_at(&plan, start_s - 1));
	assert_ptr_equal(plan_at(&plan, start_s), &plan.slot[0]);
	for (int t = 1; t < p.steps; t++) {
		assert_ptr_equal(plan_at(&plan, p.step[t].start_s - 1), &plan.slot[t - 1]);
		assert_ptr_equal(plan_at(&plan, p.step[t].start_s), &plan.slot[t]);
	}
	int64_t end_s = p.step[19].start_s + (int64_t)(p.step[19].hours * 3600 + 0.5);
	assert_null(plan_at(&plan, end_s));
	assert_string_equal(plan_status_name(PLAN_SOFT), "soft");
	assert_string_equal(plan_method_name((enum plan_method)9), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),       cmocka_unit_test(test_demand_periods),
		cmocka_unit_test(test_spoilt_plans),  cmocka_unit_test(test_spoilt_heads),
		cmocka_unit_test(test_hidden_limits), cmocka_unit_test(test_plan_at),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
