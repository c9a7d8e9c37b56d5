/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/decide.h"

static const int64_t minute_us = 60000000, start_s = 1780272000;

static struct site site;
static struct plan plan;

static struct reading good(double value)
{
	return (struct reading){ .value = value, .quality = QUALITY_GOOD };
}

/* A house that imports 2 kW, with a plan that keeps what is stored. */
static struct state house(void)
{
	site = (struct site){ .batteries = 1, .decide = DECIDE_OPTIMISER, .interval_s = 900 };
	site.tariff.sell.base = 0.05;
	site.battery[0].model = (struct battery_model){ .capacity_wh = 1e4,
							.charge_limit_w = 4000,
							.discharge_limit_w = 4000,
							.charge_efficiency = 0.95,
							.discharge_efficiency = 0.95,
							.soc_max = 1,
							.grid_charging = true,
							.grid_discharging = true };
	memset(&plan, 0, sizeof(plan));
	plan.batteries = 1;
	plan.slots = 8;
	for (int i = 0; i < plan.slots; i++) {
		plan.slot[i].step = (struct step){
			.start_s = start_s + i * 900, .hours = 0.25, .buy = 0.2, .sell = 0.05
		};
		plan.slot[i].value[0] = 0.205;
	}
	return (struct state){ .now_us = 1,
			       .wall_s = start_s,
			       .batteries = 1,
			       .net_w = good(2000),
			       .battery = { { .w = good(0),
					      .soc = good(0.5),
					      .charge_max_w = 4000,
					      .discharge_max_w = 4000 } } };
}

static struct decision decided(const struct state *s, enum mode mode, const struct plan *p,
			       int64_t age_us)
{
	struct decision d;
	memset(&d, 0x5a, sizeof(d));
	decide(&site, s, &(struct grounds){ .mode = mode, .plan = p, .plan_age_us = age_us }, &d);
	return d;
}

static void test_chain(void **unused)
{
	/* The plan, the same plan grown old, the rules, hold: each stage for its own reason. */
	(void)unused;
	struct state s = house();
	static const struct {
		int minutes;
		enum decider by;
	} ages[] = { { 0, DECIDER_OPTIMISER },
		     { 30, DECIDER_OPTIMISER },
		     { 31, DECIDER_LAST_PLAN },
		     { 360, DECIDER_LAST_PLAN },
		     { 361, DECIDER_RULES } };
	for (size_t i = 0; i < sizeof(ages) / sizeof(*ages); i++) {
		struct decision d = decided(&s, MODE_AUTO, &plan, ages[i].minutes * minute_us);
		assert_int_equal(d.by, ages[i].by);
		assert_int_equal(d.slot != NULL, ages[i].by != DECIDER_RULES);
		/* The plan keeps what is stored, the rules serve the load. */
		assert_true(d.wish.battery_w[0] == (d.slot ? 0 : 2000));
		assert_false(d.wish.release);
	}
	assert_int_equal(decided(&s, MODE_AUTO, NULL, 0).by, DECIDER_RULES);
	s.net_w.quality = QUALITY_STALE;
	site.tariff.sell.base = -0.1;
	struct decision d = decided(&s, MODE_AUTO, &plan, 0);
	assert_true(d.by == DECIDER_HOLD && !d.slot && d.wish.battery_w[0] == 0);
	assert_false(d.wish.release || d.wish.no_export);
}

static void test_no_slot(void **unused)
{
	/* Before the plan's first slot, after its last, with an empty plan or one for other
	 * batteries the rules decide. */
	(void)unused;
	struct state s = house();
	for (int64_t t = -2; t < 8 * 900 + 2; t++) {
		s.wall_s = start_s + t;
		struct decision d = decided(&s, MODE_AUTO, &plan, 0);
		bool inside = t >= 0 && t < 8 * 900;
		assert_int_equal(d.by, inside ? DECIDER_OPTIMISER : DECIDER_RULES);
		assert_true(!inside || d.slot == &plan.slot[t / 900]);
	}
	s.wall_s = start_s;
	plan.batteries = 2;
	assert_int_equal(decided(&s, MODE_AUTO, &plan, 0).by, DECIDER_RULES);
	plan.batteries = 1;
	plan.slots = 0;
	assert_int_equal(decided(&s, MODE_AUTO, &plan, 0).by, DECIDER_RULES);
}

static void test_person(void **unused)
{
	/* A person's word goes before every plan: rules, idle, or hands off; and a site may want
	 * rules only. */
	(void)unused;
	struct state s = house();
	struct decision d = decided(&s, MODE_SELF, &plan, 0);
	assert_true(d.by == DECIDER_RULES && d.wish.battery_w[0] == 2000 && !d.wish.release);
	d = decided(&s, MODE_HOLD, &plan, 0);
	assert_true(d.by == DECIDER_PERSON && d.wish.battery_w[0] == 0 && !d.wish.release);
	d = decided(&s, MODE_OFF, &plan, 0);
	assert_true(d.by == DECIDER_PERSON && d.wish.release);
	s.net_w.quality = QUALITY_STALE;
	assert_int_equal(decided(&s, MODE_OFF, &plan, 0).by, DECIDER_PERSON);
	s = house();
	site.decide = DECIDE_RULES;
	assert_int_equal(decided(&s, MODE_AUTO, &plan, 0).by, DECIDER_RULES);
}

static void test_policy(void **unused)
{
	/* A policy that is fit decides beside a plan that could, and the plan's word is known as
	 * well; without one, not fit, in the shadow, or where it only bids, it does not. */
	(void)unused;
	static const struct {
		int decide;
		bool moves, fit, planned;
		enum mode mode;
		enum decider by;
	} rows[] = {
		{ DECIDE_POLICY, true, true, true, MODE_AUTO, DECIDER_POLICY },
		{ DECIDE_POLICY, false, true, true, MODE_AUTO, DECIDER_OPTIMISER },
		{ DECIDE_POLICY, true, false, true, MODE_AUTO, DECIDER_OPTIMISER },
		{ DECIDE_POLICY, true, true, false, MODE_AUTO, DECIDER_RULES },
		{ DECIDE_SHADOW, true, true, true, MODE_AUTO, DECIDER_OPTIMISER },
		{ DECIDE_OPTIMISER, true, true, true, MODE_AUTO, DECIDER_OPTIMISER },
		{ DECIDE_RULES, true, true, true, MODE_AUTO, DECIDER_RULES },
		{ DECIDE_POLICY, true, true, true, MODE_SELF, DECIDER_RULES },
		{ DECIDE_POLICY, true, true, true, MODE_HOLD, DECIDER_PERSON },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct state s = house();
		struct house_order order = { .moves = rows[i].moves, .battery_w = 3000 };
		struct decision d;
		site.decide = rows[i].decide;
		decide(&site, &s,
		       &(struct grounds){ .mode = rows[i].mode,
					  .plan = rows[i].planned ? &plan : NULL,
					  .order = &order,
					  .fit = rows[i].fit },
		       &d);
		assert_int_equal(d.by, rows[i].by);
		assert_true(d.wish.battery_w[0] == (d.by == DECIDER_POLICY  ? 3000
						    : d.by == DECIDER_RULES ? 2000
									    : 0));
		assert_int_equal(d.slot != NULL, d.by == DECIDER_OPTIMISER);
		if (d.by == DECIDER_POLICY) {
			assert_true(d.planned == &plan.slot[0] && d.follow[0].battery_w == 0);
		}
	}
}

static void test_policy_worth(void **unused)
{
	/* A policy that says what stored energy is worth has the battery follow the load of this
	 * second, at the planned slot's prices; where there is no slot, rules decide. */
	(void)unused;
	for (int k = 0; k < 3; k++) {
		struct state s = house();
		struct house_order order = { .moves = true, .values = true, .value_share = 0.5 };
		struct decision d;
		site.decide = DECIDE_POLICY;
		s.net_w.value = 500 * k;
		plan.slot[0].step.buy = 0.3;
		plan.slot[0].step.sell = 0.05;
		decide(&site, &s, &(struct grounds){ .plan = &plan, .order = &order, .fit = true },
		       &d);
		assert_int_equal(d.by, DECIDER_POLICY);
		assert_true(fabs(d.wish.battery_w[0] - 500 * k) < 1e-6);
		order.value_share = 1.9;
		decide(&site, &s, &(struct grounds){ .plan = &plan, .order = &order, .fit = true },
		       &d);
		assert_true(d.wish.battery_w[0] < -1000);
		decide(&site, &s, &(struct grounds){ .order = &order, .fit = true }, &d);
		assert_int_equal(d.by, DECIDER_RULES);
	}
}

static void test_policy_bounds(void **unused)
{
	/* Whatever a policy orders, each battery is asked for what it can do now, in proportion,
	 * and none goes into or out of the grid that may not. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 20000; run++) {
		struct state s = house();
		site.decide = DECIDE_POLICY;
		struct battery_model *m = &site.battery[0].model;
		m->grid_charging = random_next(&seed) % 2;
		m->grid_discharging = random_next(&seed) % 2;
		double net_w = random_between(&seed, -6000, 6000);
		s.net_w.value = net_w;
		s.battery[0].charge_max_w = random_between(&seed, 0, 4000);
		s.battery[0].discharge_max_w = random_between(&seed, 0, 4000);
		struct house_order order = { .moves = true,
					     .battery_w = random_between(&seed, -9e3, 9e3) };
		struct decision d;
		decide(&site, &s, &(struct grounds){ .plan = &plan, .order = &order, .fit = true },
		       &d);
		double w = d.wish.battery_w[0];
		assert_true(d.by == DECIDER_POLICY);
		assert_true(w >= -s.battery[0].charge_max_w && w <= s.battery[0].discharge_max_w);
		assert_true(w * order.battery_w >= 0 && fabs(w) <= fabs(order.battery_w) + 1e-9);
		assert_true(m->grid_charging || w >= fmin(0, net_w));
		assert_true(m->grid_discharging || w <= fmax(0, net_w));
	}
}

static void test_unknown_battery(void **unused)
{
	/* A battery that is not known is asked for nothing, by plan and by rules alike. */
	(void)unused;
	for (int what = 0; what < 2; what++) {
		struct state s = house();
		struct reading *lost = what ? &s.battery[0].w : &s.battery[0].soc;
		*lost = (struct reading){ .value = 1e9, .quality = QUALITY_OUT_OF_RANGE };
		plan.slot[0].value[0] = 0.01;
		assert_true(decided(&s, MODE_AUTO, &plan, 0).wish.battery_w[0] == 0);
		assert_true(decided(&s, MODE_SELF, &plan, 0).wish.battery_w[0] == 0);
	}
}

static void test_bounds(void **unused)
{
	/* Whatever plan and house: a wish is finite and within what the batteries can do now. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 20000; run++) {
		struct state s = house();
		s.net_w.value = random_between(&seed, -10e3, 10e3);
		s.battery[0].soc.value = random_between(&seed, 0, 1);
		s.battery[0].charge_max_w = random_between(&seed, 0, 4000);
		s.battery[0].discharge_max_w = random_between(&seed, 0, 4000);
		plan.slot[0].step.buy = random_between(&seed, -0.1, 0.5);
		plan.slot[0].step.sell = random_between(&seed, -0.1, 0.5);
		plan.slot[0].value[0] = random_between(&seed, -0.1, 0.6);
		plan.slot[0].battery_w[0] = random_between(&seed, -4000, 4000);
		plan.slot[0].peak_price = run % 3 ? 0 : random_between(&seed, 0, 2);
		site.tariff.sell.base = plan.slot[0].step.sell;
		struct decision d = decided(&s, run % 2 ? MODE_AUTO : MODE_SELF, &plan, 0);
		assert_true(d.wish.battery_w[0] >= -s.battery[0].charge_max_w - 1e-9);
		assert_true(d.wish.battery_w[0] <= s.battery[0].discharge_max_w + 1e-9);
		assert_int_equal(d.wish.no_export, site.tariff.sell.base < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),        cmocka_unit_test(test_no_slot),
		cmocka_unit_test(test_person),       cmocka_unit_test(test_unknown_battery),
		cmocka_unit_test(test_bounds),       cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_worth), cmocka_unit_test(test_policy_bounds),
	};
	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
