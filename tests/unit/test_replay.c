/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct plan plan;

/* A house that has each asset do something: a car that gives back, a block, a load that pauses, one
 * that is continuous, a tank that is on or off, a heat pump. */
static struct problem busy_house(void)
{
	struct dice d = { .state = 11 };
	struct problem p = { .id = 9,
			     .evs = 1,
			     .loads = 3,
			     .thermals = 2,
			     .subscribed_w = INFINITY,
			     .time_limit_s = 20 };
	house_steps(&d, &p, 16, false);
	house_limit(&p, INFINITY, INFINITY);
	for (int t = 0; t < p.steps; t++) {
		p.step[t] = (struct step){ .start_s = 900 * t,
					   .hours = 0.25,
					   .load_w = 3e3,
					   .buy = t % 8 < 4 ? 0.1 + 0.01 * t : 0.5 + 0.01 * t,
					   .sell = 0.05,
					   .import_limit_w = INFINITY,
					   .export_limit_w = INFINITY };
		p.ev[0].connected[t] = t != 12;
	}
	bool here[STEPS_MAX];
	memcpy(here, p.ev[0].connected, sizeof(here));
	p.ev[0] = (struct ev_model){ .capacity_wh = 10e3,
				     .charge_limit_w = 4e3,
				     .charge_min_w = 1e3,
				     .discharge_limit_w = 2e3,
				     .charge_efficiency = 0.9,
				     .discharge_efficiency = 0.9,
				     .soc_min = 0.1,
				     .soc_max = 0.8,
				     .soc_start = 0.5,
				     .soc_target = 0.7,
				     .unmet_price = 2,
				     .trip_wh = 2e3 };
	memcpy(p.ev[0].connected, here, sizeof(here));
	for (int i = 0; i < p.loads; i++) {
		p.load[i] = (struct load_model){ .kind = (enum load_kind)i,
						 .power_w = 1e3,
						 .unmet_price = 3,
						 .runs = 1,
						 .run = { { 0, 14, 1.125 } } };
	}
	for (int i = 0; i < p.thermals; i++) {
		p.thermal[i] = house_thermal(&d, p.steps);
		p.thermal[i].on_off = i == 0;
		p.thermal[i].start_c = p.thermal[i].low_c[0];
		p.thermal[i].loss_w_per_k = 20;
		p.thermal[i].discomfort = 5;
	}
	return p;
}

static void solve(const struct problem *p)
{
	char why[160] = "";
	assert_int_equal(optimiser_solve(optimiser, p, &plan), 0);
	assert_int_equal(plan_check(p, &plan, why, sizeof(why)), 0);
}

/* --- what no plan may do ------------------------------------------------------------------------
 */

static void assert_car(const struct problem *p, int i)
{
	const struct ev_model *e = &p->ev[i];
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].ev_w[i], soc = plan.slot[t].ev_soc[i];
		assert_true(e->connected[t] || w == 0);
		assert_true(w >= -e->charge_limit_w - 1e-3 && w <= e->discharge_limit_w + 1e-3);
		assert_true(w >= 0 || -w >= e->charge_min_w - 1e-3);
		assert_true(w >= 0 || soc <= e->soc_max + 1e-6);
		assert_true(w <= 0 || soc >= e->soc_min - 1e-6);
		assert_true(soc >= -1e-6 && soc <= 1 + 1e-6);
	}
}

/* A block's power, where it has any, has no hole and fits its energy. */
static void assert_load(const struct problem *p, int i)
{
	const struct load_model *l = &p->load[i];
	for (int k = 0; k < l->runs; k++) {
		const struct load_run *r = &l->run[k];
		double hours = 0, whole_h = 0;
		int edges = 0;
		for (int t = r->first; t < r->end; t++) {
			double share = plan.slot[t].run_w[i] / fmax(l->power_w, 1);
			bool on = share > 1e-6;
			bool before = t > r->first && plan.slot[t - 1].run_w[i] > 1e-3;
			assert_true(share >= 0 && share <= 1 + 1e-9);
			edges += on && !before;
			hours += share * p->step[t].hours;
			whole_h += share > 1e-6 && share < 1 - 1e-6 ? 1 : 0;
		}
		bool none = hours < 1e-9, all = fabs(hours - r->duration_h) < 1e-4;
		assert_true(hours <= r->duration_h + 1e-4);
		assert_true(l->kind != LOAD_BLOCK || edges <= 1);
		assert_true(l->kind != LOAD_BLOCK || none || all || l->running);
		assert_true(l->kind != LOAD_INTERRUPTIBLE || whole_h <= 1);
	}
}

static void assert_heat(const struct problem *p, int i)
{
	const struct thermal_model *h = &p->thermal[i];
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].heat_w[i];
		assert_true(w >= 0 && w <= h->power_limit_w);
		assert_true(!h->on_off || w == 0 || w == h->power_limit_w);
	}
}

/* What is imported is what is taken, to 1e-9 of it. */
static void assert_balance(const struct problem *p, int t)
{
	const struct plan_slot *s = &plan.slot[t];
	double w = p->step[t].load_w - s->pv_w, size = p->step[t].load_w + s->pv_w;
	for (int i = 0; i < p->batteries; i++) {
		w -= s->battery_w[i];
		size += fabs(s->battery_w[i]);
	}
	for (int i = 0; i < p->evs; i++) {
		w -= s->ev_w[i];
		size += fabs(s->ev_w[i]);
	}
	for (int i = 0; i < p->loads; i++) {
		w += s->run_w[i];
	}
	for (int i = 0; i < p->thermals; i++) {
		w += s->heat_w[i];
	}
	assert_true(fabs(s->grid_w - w) <= 1e-9 * (1 + size));
}

static void test_no_plan_breaks_a_limit(void **state)
{
	(void)state; /* Whatever the house: what its plan has each asset do is possible. */
	const int houses = is_watched() ? 100 : 3000;
	for (int k = 0; k < houses; k++) {
		struct dice d = { .state = (uint64_t)k + 77777 };
		struct problem p = house_whole(&d, 1 + k % 14, k % 3 == 0);
		p.good_gap = k % 2 ? 0.01 : 0;
		solve(&p);
		for (int i = 0; i < p.evs; i++) {
			assert_car(&p, i);
		}
		for (int i = 0; i < p.loads; i++) {
			assert_load(&p, i);
		}
		for (int i = 0; i < p.thermals; i++) {
			assert_heat(&p, i);
		}
		for (int t = 0; t < p.steps; t++) {
			assert_balance(&p, t);
		}
	}
}

static void test_little_time(void **state)
{
	(void)state; /* However little time a whole house gets: a plan that holds, or none. */
	for (int k = 0; k < 40; k++) {
		struct dice d = { .state = (uint64_t)k + 5 };
		struct problem p = house_whole(&d, 90, k % 3 == 0);
		char why[160];
		p.time_limit_s = 1e-3 * (1 + k * k / 4.0);
		int r = optimiser_solve(optimiser, &p, &plan);
		assert_true(r == 0 || r == -ETIME);
		assert_true(r == 0 ? plan_check(&p, &plan, why, sizeof(why)) == 0
				   : plan.status == PLAN_FAILED);
	}
}

/* --- what the check refuses ---------------------------------------------------------------------
 */

/* Spoil the k-th number of slot t; return whether there is one. */
static bool spoil(struct plan *q, int t, int k, double by)
{
	struct plan_slot *s = &q->slot[t];
	double *const numbers[] = { &s->ev_w[0],   &s->ev_soc[0], &s->run_w[0],
				    &s->run_w[1],  &s->run_w[2],  &s->heat_w[0],
				    &s->heat_w[1], &s->heat_c[0], &s->heat_c[1] };
	if (k >= (int)(sizeof(numbers) / sizeof(*numbers))) {
		return false;
	}
	*numbers[k] += by;
	return true;
}

static void test_spoilt_plans(void **state)
{
	(void)state; /* A plan with any number of any asset changed or poisoned is refused. */
	struct problem p = busy_house();
	static struct plan q;
	const double by[] = { 100, -100, 0.02, -0.02, 1e9, NAN, INFINITY };
	solve(&p);
	for (size_t b = 0; b < sizeof(by) / sizeof(*by); b++) {
		for (int t = 0; t < p.steps; t++) {
			char why[160] = "";
			q = plan;
			for (int k = 0; spoil(&q, t, k, by[b]); k++, q = plan) {
				if (plan_check(&p, &q, why, sizeof(why)) == 0) {
					fail_msg("slot %d: number %d changed by %g", t, k, by[b]);
				}
			}
		}
	}
	for (int k = 0; k < 3; k++) {
		char why[160];
		q = plan;
		*(k == 0 ? &q.evs : k == 1 ? &q.loads : &q.thermals) += 1;
		assert_true(plan_check(&p, &q, why, sizeof(why)) < 0);
	}
}

/* Tighten the k-th limit so that the plan breaks it; return what the refusal says. */
static const char *tighten(struct problem *q, int k)
{
	struct ev_model *e = &q->ev[0];
	struct load_model *block = &q->load[0], *pausing = &q->load[1], *any = &q->load[2];
	switch (k) {
	case 0:
		memset(e->connected, 0, sizeof(e->connected));
		return "is away";
	case 1:
		e->charge_limit_w = e->charge_min_w = 1;
		return "is connected";
	case 2:
		e->discharge_limit_w = 0;
		return "to 0 while";
	case 3:
		e->charge_min_w = 3999;
		return "expected none or 3999";
	case 4:
		e->soc_max = 0.6;
		return "would be charged";
	case 5:
		e->soc_min = 0.49;
		return "would be discharged";
	case 6:
		e->charge_efficiency = 0.91;
		return "car 0 is said to reach";
	case 7:
		e->trip_wh = 100;
		return "car 0 is said to reach";
	case 8:
		block->run[0].duration_h = 1.25;
		return "load 0 takes";
	case 9:
		block->run[0].end = 1;
		return "load 0 takes";
	case 10:
		block->running = true;
		block->run[0].duration_h = 3;
		return "load 0 takes";
	case 11:
		pausing->power_w = 1001;
		return "is on in part in";
	case 12:
		pausing->run[0].duration_h = 0.5;
		return "load 1 runs for";
	case 13:
		pausing->run[0].first = 13;
		return "load 1 takes";
	case 14:
		any->power_w = 500;
		return "load 2 takes";
	case 15:
		any->run[0].duration_h = 1;
		return "load 2 runs for";
	case 16:
		q->thermal[0].power_limit_w += 1;
		return "expected 0 or";
	case 17:
		q->thermal[1].on_off = true;
		return "expected 0 or";
	case 18:
		q->thermal[1].power_limit_w = 1;
		return "expected 0 to 1";
	case 19:
		q->thermal[0].capacity_wh_per_k *= 1.01;
		return "heat 0 is said to reach";
	case 20:
		q->thermal[1].loss_w_per_k *= 1.01;
		return "heat 1 is said to reach";
	case 21:
		q->thermal[1].cop[0] += 0.1;
		return "heat 1 is said to reach";
	case 22:
		q->subscribed_w = 0;
		q->overuse_price = 0.1;
		return "total cost";
	case 23:
		e->unmet_price = 0;
		e->soc_target = 0.1;
		q->thermal[1].discomfort = 50;
		pausing->start_cost = 0.01;
		return "total cost";
	default:
		return NULL;
	}
}

static void test_hidden_limits(void **state)
{
	(void)state; /* A plan that adds up but breaks a limit of an asset is refused for it. */
	struct problem p = busy_house();
	solve(&p);
	const char *expected;
	struct problem q = p;
	for (int k = 0; (expected = tighten(&q, k)) != NULL; k++, q = p) {
		char why[160] = "";
		int r = plan_check(&q, &plan, why, sizeof(why));
		if (r == 0 || !strstr(why, expected)) {
			fail_msg("limit %d: refused for '%s', expected '%s'", k, why, expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_plan_breaks_a_limit),
		cmocka_unit_test(test_little_time),
		cmocka_unit_test(test_spoilt_plans),
		cmocka_unit_test(test_hidden_limits),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
