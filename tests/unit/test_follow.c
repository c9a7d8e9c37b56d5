/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/bid.h"
#include "policy/follow.h"
#include "policy/rules.h"
#include "tests/unit/houses.h"

static struct battery_model any_battery(struct dice *d)
{
	struct battery_model b = house_battery(d);
	b.charge_limit_w = round(b.charge_limit_w);
	b.discharge_limit_w = round(b.discharge_limit_w);
	b.loss_per_kw = dice_chance(d, 0.5) ? dice_between(d, 0, 0.05) : 0;
	b.awake_w = dice_chance(d, 0.3) ? dice_between(d, 0, 50) : 0;
	return b;
}

static struct plan_slot any_slot(struct dice *d)
{
	struct plan_slot s = { .step = { .hours = 0.25,
					 .load_w = round(dice_between(d, 0, 4e3)),
					 .pv_w = round(dice_between(d, 0, 4e3)),
					 .buy = dice_between(d, -0.1, 0.5) } };
	s.pv_w = s.step.pv_w;
	s.step.sell = dice_chance(d, 0.8) ? s.step.buy - dice_between(d, 0, 0.3)
					  : dice_between(d, -0.1, 0.5);
	s.step.traded_w = dice_chance(d, 0.3) ? round(dice_between(d, -3e3, 3e3)) : 0;
	s.peak_price = dice_chance(d, 0.2) ? dice_between(d, 0.5, 10) : 0;
	s.grid_w = round(dice_between(d, 0, 5e3));
	for (int i = 0; i < BATTERIES_MAX; i++) {
		s.value[i] = dice_between(d, -0.1, 0.6);
		s.battery_w[i] = round(dice_between(d, -3e3, 3e3));
	}
	return s;
}

/* Cost per hour x 1000 of running at u, written down anew. */
static double cost_of(const struct plan_slot *s, const struct battery_model *b, double net_w,
		      double u)
{
	double grid = net_w - u, over = grid - s->step.traded_w;
	double cost = over > 0 ? over * s->step.buy : over * s->step.sell;
	if (u > 0) {
		cost += u * b->wear + u / b->discharge_efficiency * s->value[0];
	} else {
		cost -= -u * b->charge_efficiency * s->value[0];
	}
	double worth = fmax(s->value[0], 0);
	cost += u != 0 ? worth * b->awake_w : 0;
	cost += worth * b->loss_per_kw / 1e3 * u * u;
	return grid > s->grid_w ? cost + (grid - s->grid_w) * s->peak_price : cost;
}

static void test_least_cost(void **state)
{
	(void)state; /* No whole watt that the battery may do is cheaper than what was decided. */
	for (int k = 0; k < 2000; k++) {
		struct dice d = { .state = (uint64_t)k + 1 };
		struct battery_model b = any_battery(&d);
		struct plan_slot s = any_slot(&d);
		double net_w = round(dice_between(&d, -5e3, 5e3)), soc = 0.5, low, high;
		struct follow_decision out;
		follow_decide(&s, OBJECTIVE_COST, &b, 1, &soc, net_w, &out);
		battery_power_range(&b, net_w, &low, &high);
		assert_true(out.battery_w >= low && out.battery_w <= high);
		double price = fmax(fabs(s.step.buy), fabs(s.step.sell));
		double cost = cost_of(&s, &b, net_w, out.battery_w) - 1e-3 * price * (high - low);
		for (double u = low; u <= high; u++) {
			if (cost_of(&s, &b, net_w, u) < cost - 1e-9) {
				fail_msg("case %d: %g W beats %g W", k, u, out.battery_w);
			}
		}
	}
}

static struct battery_model plain_battery(void)
{
	return (struct battery_model){ .capacity_wh = 10e3,
				       .charge_limit_w = 3e3,
				       .discharge_limit_w = 3e3,
				       .charge_efficiency = 0.95,
				       .discharge_efficiency = 0.95,
				       .soc_min = 0.1,
				       .soc_max = 0.9,
				       .grid_charging = true,
				       .grid_discharging = true };
}

static void test_reasons(void **state)
{
	(void)state; /* Each situation has its power and its reason. */
	static const struct {
		double buy, sell, value, net_w, soc, traded_w, peak_price, expected_w;
		enum follow_reason reason;
	} cases[] = {
		/* buy sell value   net  soc  traded peak  expected */
		{ 0.3, 0.1, 0.20, 1000, 0.5, 0, 0, 1000, FOLLOW_SERVE },
		{ 0.3, 0.1, 0.20, 5000, 0.5, 0, 0, 3000, FOLLOW_SERVE },
		{ 0.3, 0.1, 0.20, -1000, 0.5, 0, 0, -1000, FOLLOW_STORE },
		{ 0.3, 0.1, 0.20, 0, 0.5, 0, 0, 0, FOLLOW_IDLE },
		{ 0.3, 0.1, 0.20, 1000, 0.1, 0, 0, 0, FOLLOW_EMPTY },
		{ 0.3, 0.1, 0.20, -1000, 0.9, 0, 0, 0, FOLLOW_FULL },
		{ 0.3, 0.1, 0.29, 1000, 0.5, 0, 0, 0, FOLLOW_KEEP },
		{ 0.3, 0.1, 0.05, -1000, 0.5, 0, 0, 3000, FOLLOW_SELL },
		{ 0.3, 0.1, 0.10, -1000, 0.5, 0, 0, 0, FOLLOW_SELL_PV },
		{ 0.3, 0.1, 0.40, 1000, 0.5, 0, 0, -3000, FOLLOW_BUY },
		{ 0.3, 0.1, 0.30 * 0.95, 1000, 0.5, 0, 0, 500, FOLLOW_PLAN },
		{ 0.3, 0.1, 0.20, 1000, 0.5, 1500, 0, -500, FOLLOW_STORE },
		{ 0.3, 0.1, 0.20, 1000, 0.5, -800, 0, 1800, FOLLOW_SERVE },
		{ 0.3, 0.1, 0.29, 1000, 0.5, 0, 5, 800, FOLLOW_PEAK },
	};
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct battery_model b = plain_battery();
		struct plan_slot s = { .step = { .hours = 0.25,
						 .buy = cases[k].buy,
						 .sell = cases[k].sell,
						 .traded_w = cases[k].traded_w },
				       .grid_w = 200,
				       .battery_w = { 500 },
				       .value = { cases[k].value },
				       .peak_price = cases[k].peak_price };
		struct follow_decision out;
		char text[128];
		follow_decide(&s, OBJECTIVE_COST, &b, 1, &cases[k].soc, cases[k].net_w, &out);
		if (fabs(out.battery_w - cases[k].expected_w) > 1e-6 ||
		    out.reason != cases[k].reason) {
			fail_msg("case %zu: %g W: %s", k, out.battery_w,
				 follow_explain(&out, text, sizeof(text)));
		}
	}
}

static void test_words(void **state)
{
	(void)state; /* The reason reads as a sentence whose inequality is true. */
	struct battery_model b = plain_battery();
	struct plan_slot s = { .step = { .hours = 0.25, .buy = 0.3, .sell = 0.07 },
			       .value = { 0.221 } };
	struct follow_decision out;
	char text[128];
	double soc = 0.5;
	follow_decide(&s, OBJECTIVE_COST, &b, 1, &soc, -1000, &out);
	assert_string_equal(
		follow_explain(&out, text, sizeof(text)),
		"stored energy worth 0.210 > export price 0.070: charging from surplus");
	assert_string_equal(follow_reason_name(out.reason), "store");
	assert_string_equal(follow_reason_name(FOLLOW_REASON_COUNT), "?");
}

static void test_self_consumption(void **state)
{
	(void)state; /* For self-consumption every imported kWh counts the same, sold ones nothing.
		      */
	struct battery_model b = plain_battery();
	struct plan_slot s = { .step = { .hours = 0.25, .buy = 0.01, .sell = 0.5 },
			       .value = { 0.6 } };
	struct follow_decision out;
	double soc = 0.5;
	b.wear = 10;
	follow_decide(&s, OBJECTIVE_SELF_CONSUMPTION, &b, 1, &soc, 1000, &out);
	assert_true(out.battery_w == 1000);
	follow_decide(&s, OBJECTIVE_SELF_CONSUMPTION, &b, 1, &soc, -1000, &out);
	assert_true(out.battery_w == -1000);
}

static void test_several_batteries(void **state)
{
	(void)state; /* Cheap energy goes first, dear room fills first, and together they do not
			overdo. */
	struct battery_model b[2] = { plain_battery(), plain_battery() };
	struct plan_slot s = { .step = { .hours = 0.25, .buy = 0.3, .sell = 0.1 },
			       .value = { 0.22, 0.18 } };
	struct follow_decision out[2];
	const double soc[2] = { 0.5, 0.5 };
	follow_decide(&s, OBJECTIVE_COST, b, 2, soc, 4000, out);
	assert_true(out[0].battery_w == 1000 && out[1].battery_w == 3000);
	follow_decide(&s, OBJECTIVE_COST, b, 2, soc, -4000, out);
	assert_true(out[0].battery_w == -3000 && out[1].battery_w == -1000);
}

static void test_rules(void **state)
{
	(void)state; /* The rules cover the net load in proportion, and pass over the empty and
			full. */
	struct battery_model b[2] = { plain_battery(), plain_battery() };
	double soc[2] = { 0.5, 0.5 }, w[2];
	b[0].discharge_limit_w = 1000;
	rules_self_consumption(b, 2, soc, 2000, w);
	assert_true(w[0] == 500 && w[1] == 1500);
	rules_self_consumption(b, 2, soc, 9000, w);
	assert_true(w[0] == 1000 && w[1] == 3000);
	rules_self_consumption(b, 2, soc, -600, w);
	assert_true(w[0] == -300 && w[1] == -300);
	soc[0] = 0.9;
	rules_self_consumption(b, 2, soc, -600, w);
	assert_true(w[0] == 0 && w[1] == -600);
	soc[0] = soc[1] = 0.1;
	rules_self_consumption(b, 2, soc, 600, w);
	assert_true(w[0] == 0 && w[1] == 0);
	rules_self_consumption(b, 2, soc, 0, w);
	assert_true(w[0] == 0 && w[1] == 0);
}

/* What the orders ask for at price p, W. */
static double ordered_w(const struct bid_order *o, int orders, double p, double hours)
{
	double wh = 0;
	for (int k = 0; k < orders; k++) {
		if (o[k].side == BID_BUY && o[k].price >= p) {
			wh += o[k].energy_wh;
		} else if (o[k].side == BID_SELL && o[k].price <= p) {
			wh -= o[k].energy_wh;
		}
	}
	return wh / hours;
}

static void check_order_book(const struct plan_slot *s, const struct bid_order *o, int orders)
{
	for (int k = 0; k < orders; k++) {
		assert_true(o[k].energy_wh > 0);
		assert_true(o[k].price >= s->step.sell && o[k].price <= s->step.buy);
		if (k > 0 && o[k].side == o[k - 1].side) {
			assert_true(o[k].side == BID_BUY ? o[k].price < o[k - 1].price
							 : o[k].price > o[k - 1].price);
		}
		assert_true(k == 0 || o[k].side >= o[k - 1].side);
	}
}

static void test_bid_is_what_follow_does(void **state)
{
	(void)state; /* At any price the orders ask for what the house would then do with its
			battery. */
	for (int k = 0; k < 3000; k++) {
		struct dice d = { .state = (uint64_t)k + 1 };
		struct battery_model b = any_battery(&d);
		b.loss_per_kw = b.awake_w = 0; /* a step of a bid is one price */
		struct plan_slot s = any_slot(&d);
		struct bid_order o[BID_ORDERS_MAX];
		double soc = 0.5;
		s.step.import_limit_w = s.step.export_limit_w = INFINITY;
		b.capacity_wh = 1e6;
		s.peak_price = 0;
		s.value[0] = fabs(s.value[0]);
		s.step.sell = fmin(s.step.sell, s.step.buy);
		int orders = bid_make(&s, NULL, OBJECTIVE_COST, &b, 1, &soc, o);
		check_order_book(&s, o, orders);
		double p = dice_between(&d, s.step.sell, s.step.buy);
		struct plan_slot at = s;
		at.step.buy = at.step.sell = p;
		at.step.traded_w = 0;
		struct follow_decision out;
		follow_decide(&at, OBJECTIVE_COST, &b, 1, &soc, s.step.load_w - s.pv_w, &out);
		double expected = s.step.load_w - s.pv_w - out.battery_w - s.step.traded_w;
		double asked = ordered_w(o, orders, p, 0.25);
		if (out.reason != FOLLOW_PLAN && fabs(asked - expected) > 8.01) {
			fail_msg("case %d: asks for %g W, expected %g W", k, asked, expected);
		}
	}
}

static void test_bid_bounds(void **state)
{
	(void)state; /* Orders keep to the limits, to what is stored, and to sound tariffs. */
	struct battery_model b = plain_battery();
	struct plan_slot s = { .step = { .hours = 0.25,
					 .load_w = 500,
					 .buy = 0.3,
					 .sell = 0.1,
					 .import_limit_w = INFINITY,
					 .export_limit_w = 2000 },
			       .value = { 0.15 } };
	struct bid_order o[BID_ORDERS_MAX];
	double soc = 0.5;
	int n = bid_make(&s, NULL, OBJECTIVE_COST, &b, 1, &soc, o);
	assert_true(fabs(ordered_w(o, n, 0.29, 0.25) + 2000) < 1e-9);
	assert_true(fabs(ordered_w(o, n, 0.11, 0.25) - 3500) < 1e-9);
	s.step.export_limit_w = INFINITY;
	soc = 0.11; /* 95 Wh to be had in a quarter of an hour */
	n = bid_make(&s, NULL, OBJECTIVE_COST, &b, 1, &soc, o);
	assert_true(fabs(ordered_w(o, n, 0.29, 0.25) - (500 - 380)) < 1e-6);
	s.grid_w = -700;
	n = bid_make(&s, NULL, OBJECTIVE_SELF_CONSUMPTION, &b, 1, &soc, o);
	assert_true(n == 1 && o[0].side == BID_SELL && o[0].price == 0.1 && o[0].energy_wh == 175);
	s.step.sell = 0.4;
	assert_int_equal(bid_make(&s, NULL, OBJECTIVE_COST, &b, 1, &soc, o), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_cost),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_self_consumption),
		cmocka_unit_test(test_several_batteries),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_bid_is_what_follow_does),
		cmocka_unit_test(test_bid_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
