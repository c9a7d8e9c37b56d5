/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "policy/pool.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct plan one, two, plain;
static struct exact exact;
static struct pool pool;

/* A house with one battery, ways that its days may go, and hours after the horizon. */
static struct problem uncertain_house(struct dice *d)
{
	struct problem p = house_random(d, 24, false);
	p.objective = OBJECTIVE_COST;
	p.batteries = 1;
	p.battery[0] = house_battery(d);
	p.battery[0].soc_end = -1;
	p.demand_charge = 0;
	house_limit(&p, INFINITY, INFINITY);
	p.steps = 16;
	p.tail = 8;
	p.scenarios = 3;
	for (int i = 0; i < p.scenarios; i++) {
		struct scenario *s = &p.scenario[i];
		s->weight = dice_between(d, 0.1, 1);
		for (int t = 0; t < p.steps + p.tail; t++) {
			s->load_w[t] = (float)(p.step[t].load_w * dice_between(d, 0, 2));
			s->pv_w[t] = (float)(p.step[t].pv_w * dice_between(d, 0, 2));
		}
	}
	return p;
}

/* Split its battery into two, of a share and the rest: a power of two, so that at a bend, where a
 * range of values is right, rounding chooses the same. */
static void split(struct problem *p, double share)
{
	p->batteries = 2;
	p->battery[1] = p->battery[0];
	for (int i = 0; i < 2; i++) {
		double part = i == 0 ? share : 1 - share;
		p->battery[i].capacity_wh *= part;
		p->battery[i].charge_limit_w *= part;
		p->battery[i].discharge_limit_w *= part;
	}
}

static double first_w(const struct plan *plan)
{
	return plan->slot[0].battery_w[0] + plan->slot[0].battery_w[1];
}

static void test_parts_do_as_the_whole(void **state)
{
	(void)state; /* Two batteries that are parts of one do together in the first step what that
			one would, hedged and with the days after in view, and value what is stored
			alike; without scenarios and days after they often would not. */
	int moved = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct dice d = { .state = seed };
		struct problem p = uncertain_house(&d);
		if (optimiser_solve(optimiser, &p, &one) < 0 || one.method != PLAN_DYNAMIC) {
			fail_msg("seed %llu: no exact plan", (unsigned long long)seed);
		}
		split(&p, seed % 2 ? 0.5 : 0.25);
		assert_int_equal(optimiser_solve(optimiser, &p, &two), 0);
		double off_w = first_w(&two) - one.slot[0].battery_w[0];
		double off = fmax(fabs(two.slot[0].value[0] - one.slot[0].value[0]),
				  fabs(two.slot[0].value[1] - one.slot[0].value[0]));
		if (two.method == PLAN_DYNAMIC || fabs(off_w) > 1e-2 || off > 1e-9) {
			fail_msg("seed %llu: %g W, %g per kWh", (unsigned long long)seed, off_w,
				 off);
		}
		p.scenarios = p.tail = 0;
		assert_int_equal(optimiser_solve(optimiser, &p, &plain), 0);
		moved += fabs(first_w(&plain) - first_w(&two)) > 1;
	}
	print_message("%d of 300 first steps differ from those without\n", moved);
	assert_true(moved > 30);
}

static void test_unlike_batteries(void **state)
{
	(void)state; /* However unlike the batteries, the prices and the limits are, there is a plan
			that an independent evaluator accepts, proven as without. */
	int asked = 0, optimal = 0;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct dice d = { .state = seed };
		struct pool_wish wish;
		char why[160] = "";
		struct problem p = uncertain_house(&d);
		struct problem wild = house_random(&d, 24, seed % 2);
		memcpy(p.step, wild.step, sizeof(p.step));
		p.pv_curtailable = wild.pv_curtailable;
		p.objective = wild.objective;
		p.batteries = 2 + (int)(seed % 3);
		bool same = dice_chance(&d, 0.7);
		for (int i = 0; i < p.batteries; i++) {
			p.battery[i] = house_battery(&d);
			p.battery[i].soc_end = -1;
			p.battery[i].grid_charging = same || dice_chance(&d, 0.5);
			p.battery[i].grid_discharging = seed % 5 != 0;
			p.battery[i].loss_per_kw = dice_chance(&d, 0.3) ? 0.01 : 0;
		}
		asked += pool_ask(&pool, &exact, &p, &wish) == 0;
		int r = optimiser_solve(optimiser, &p, &two);
		if (r < 0 || plan_check(&p, &two, why, sizeof(why)) < 0) {
			fail_msg("seed %llu: %d %s", (unsigned long long)seed, r, why);
		}
		optimal += two.status == PLAN_OPTIMAL || two.status == PLAN_SOFT;
	}
	print_message("%d of 400 were pooled, %d plans proven\n", asked, optimal);
	assert_true(asked > 60 && optimal == 400);
}

static void test_what_is_no_pool(void **state)
{
	(void)state; /* Where the pool says nothing, the plan is made without it. */
	struct dice d = { .state = 1 };
	struct pool_wish wish = { .kwh = -1 };
	struct problem p = uncertain_house(&d), other;
	assert_int_equal(pool_ask(&pool, &exact, &p, &wish), -EDOM); /* one battery */
	split(&p, 0.5);
	assert_int_equal(pool_ask(&pool, &exact, &p, &wish), 0);
	wish.kwh = -1;
	other = p;
	other.battery[1].grid_charging = !other.battery[0].grid_charging;
	assert_int_equal(pool_ask(&pool, &exact, &other, &wish), -EDOM);
	other = p;
	other.battery[1].soc_end = 0.5;
	assert_int_equal(pool_ask(&pool, &exact, &other, &wish), -EDOM);
	other = p;
	other.demand_charge = 1;
	other.demand_period_s = 900;
	assert_int_equal(pool_ask(&pool, &exact, &other, &wish), -EDOM);
	assert_int_equal(optimiser_solve(optimiser, &other, &two), 0);
	other = p;
	other.scenarios = other.tail = 0;
	assert_int_equal(pool_ask(&pool, &exact, &other, &wish), -ENODATA);
	assert_true(wish.kwh == -1);
}

static void test_one_that_rests(void **state)
{
	(void)state; /* A battery that can do nothing is no part of the pool. */
	struct dice d = { .state = 4 };
	struct pool_wish wish;
	struct problem p = uncertain_house(&d);
	assert_int_equal(optimiser_solve(optimiser, &p, &one), 0);
	p.batteries = 2;
	p.battery[1] = p.battery[0];
	p.battery[1].charge_limit_w = p.battery[1].discharge_limit_w = 0;
	assert_int_equal(pool_ask(&pool, &exact, &p, &wish), 0);
	double kwh = one.slot[0].soc[0] * p.battery[0].capacity_wh / 1e3;
	assert_true(fabs(wish.kwh - kwh) < 1e-9);
	assert_int_equal(optimiser_solve(optimiser, &p, &two), 0);
	assert_true(fabs(first_w(&two) - one.slot[0].battery_w[0]) < 1e-2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_do_as_the_whole),
		cmocka_unit_test(test_unlike_batteries),
		cmocka_unit_test(test_what_is_no_pool),
		cmocka_unit_test(test_one_that_rests),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
