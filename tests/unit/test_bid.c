/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "policy/bid.c"
#include "policy/optimiser.h"
#include "tests/unit/houses.h"

static struct optimiser *optimiser;
static struct plan plan, again;
static struct problem house;

/* A house with one battery that the dynamic programme plans, and what may be unknown about it. */
static void make_house(uint64_t seed)
{
	struct dice d = { .state = seed };
	house = house_random(&d, (int)dice_between(&d, 4, 60), false);
	house.objective = OBJECTIVE_COST;
	house.batteries = 1;
	house.battery[0] = house_battery(&d);
	house.battery[0].loss_per_kw = dice_chance(&d, 0.3) ? dice_between(&d, 0, 0.01) : 0;
	house.battery[0].awake_w = dice_chance(&d, 0.3) ? dice_between(&d, 0, 20) : 0;
	house.demand_charge = 0;
	house_limit(&house, INFINITY, INFINITY);
	house.scenarios = dice_chance(&d, 0.5) ? (int)dice_between(&d, 1, SCENARIOS_MAX + 1) : 0;
	for (int i = 0; i < house.scenarios; i++) {
		struct scenario *s = &house.scenario[i];
		s->weight = dice_between(&d, 0.1, 1);
		for (int t = 0; t < house.steps; t++) {
			const struct step *step = &house.step[t];
			s->load_w[t] = (float)(step->load_w * dice_between(&d, 0, 2));
			s->pv_w[t] = (float)(step->pv_w * dice_between(&d, 0, 2));
		}
	}
}

/* Net import the curve asks for at a price that is none of its own. */
static double curve_w(const struct curve *c, double price)
{
	double w = c->level_w;
	for (int k = 0; k < c->drops; k++) {
		w -= c->drop[k].price < price ? c->drop[k].w : 0;
	}
	return w;
}

static double ordered_w(const struct bid_order *o, int orders, double price)
{
	double wh = 0;
	for (int k = 0; k < orders; k++) {
		bool buys = o[k].side == BID_BUY;
		if (buys ? o[k].price > price : o[k].price < price) {
			wh += buys ? o[k].energy_wh : -o[k].energy_wh;
		}
	}
	return wh / house.step[0].hours;
}

/* How much of the demand that depends on the price is asked for at another price than it would be:
 * the area between the orders and the curve, over that of the curve's falls. */
static double misplaced(const struct curve *c, const struct bid_order *o, int orders)
{
	enum { PRICES = 400 };
	const struct step *s = &house.step[0];
	double apart = 0, falls = 0;
	for (int k = 0; k < c->drops; k++) {
		falls += c->drop[k].w;
	}
	for (int i = 0; i < PRICES; i++) {
		double price = s->sell + (s->buy - s->sell) * (i + 0.5) / PRICES;
		apart += fabs(ordered_w(o, orders, price) + s->traded_w - curve_w(c, price));
	}
	return apart / PRICES / falls;
}

/* How near the price is to one where the curve falls: there either is right. */
static bool near_drop(const struct curve *c, double price, double within)
{
	for (int k = 0; k < c->drops; k++) {
		if (fabs(c->drop[k].price - price) < within) {
			return true;
		}
	}
	return false;
}

static void test_planning_anew(void **state)
{
	(void)state; /* At any price the bid asks for what a plan for that price does in its first
			interval, of any house with one battery; what is drawn together to be told
			in few orders is hardly misplaced. */
	int held = 0, hedged = 0, rising = 0, drawn = 0;
	assert_int_equal(optimiser_new(&optimiser), 0);
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct bid_order order[BID_ORDERS_MAX];
		struct curve c;
		make_house(seed);
		struct step *first = &house.step[0];
		double soc = house.battery[0].soc_start;
		first->sell = fmin(first->sell, first->buy);
		if (optimiser_solve(optimiser, &house, &plan) < 0 || plan.method != PLAN_DYNAMIC ||
		    soc < house.battery[0].soc_min || soc > house.battery[0].soc_max) {
			continue;
		}
		demand_curve(&plan.slot[0], &plan.worth[0], plan.objective, house.battery, 1, &soc,
			     &c);
		int orders = bid_for_slot(&plan, 0, house.battery, 1, &soc, order);
		if (c.drops > DROPS_TOLD_MAX) {
			drawn++;
			assert_true(orders <= BID_ORDERS_MAX);
			assert_true(misplaced(&c, order, orders) < 0.01);
		}
		struct dice d = { .state = seed + 100000 };
		double sell = first->sell, buy = first->buy, traded_w = first->traded_w;
		double price = dice_between(&d, fmax(sell, 0), buy);
		first->sell = first->buy = price;
		bool rises = house.battery[0].loss_per_kw > 0;
		if (price <= sell || near_drop(&c, price, rises ? 2e-3 : 1e-6) ||
		    optimiser_solve(optimiser, &house, &again) < 0 ||
		    again.method != PLAN_DYNAMIC) {
			continue;
		}
		held++;
		hedged += house.scenarios > 0;
		rising += rises;
		double does_w = again.slot[0].grid_w, asks_w = curve_w(&c, price);
		/* A slope of the curve is told as steps. */
		double slack_w = rises ? 0.3 * house.battery[0].charge_limit_w : 1;
		if (fabs(does_w - asks_w) > slack_w) {
			fail_msg("seed %llu, at %g: asks for %g W, a plan does %g W",
				 (unsigned long long)seed, price, asks_w, does_w);
		}
		double told_w = ordered_w(order, orders, price) + traded_w;
		if (c.drops <= DROPS_TOLD_MAX &&
		    fabs(told_w - asks_w) > BID_LEAST_WH * (c.drops + 2) / first->hours) {
			fail_msg("seed %llu, at %g: orders %g W, curve %g W",
				 (unsigned long long)seed, price, told_w, asks_w);
		}
	}
	optimiser_free(optimiser);
	print_message("%d houses, %d hedged, %d with losses that rise, %d drawn together\n", held,
		      hedged, rising, drawn);
	assert_true(held > 1000 && hedged > 400 && rising > 100 && drawn > 100);
}

/* --- a forecast that is not sure ----------------------------------------------------------------
 */

/* What an interval comes to per hour, in money a kW costs: q kW were bought at price, net kW are
 * needed, and the battery does what is best then, a stored kWh being worth `value`. */
static double best_cost(const struct battery_model *b, const struct step *s, double value,
			double price, double q_kw, double net_kw, double charge_kw,
			double discharge_kw)
{
	/* Straight pieces: the best lies at an end, at rest or where nothing is left for the
	 * utility. */
	const double tried[] = { -charge_kw, 0, discharge_kw, net_kw - q_kw };
	double best = INFINITY;
	for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
		double kw = fmin(fmax(tried[i], -charge_kw), discharge_kw);
		double rest_kw = net_kw - q_kw - kw;
		double stored = kw > 0 ? -kw / b->discharge_efficiency : -kw * b->charge_efficiency;
		double cost = rest_kw * (rest_kw > 0 ? s->buy : s->sell) - stored * value +
			      b->wear * fmax(kw, 0);
		best = fmin(best, cost);
	}
	return price * q_kw + best;
}

/* Its mean over what load and generation may be, the battery's range among it; batteries: 0 or 1.
 */
static double mean_cost(const struct battery_model *b, int batteries, const struct step *s,
			double value, double price, double q_w)
{
	double cost = 0;
	for (int i = 0; i < ERRORS; i++) {
		double least_w = -s->load_w - 3 * s->pv_w;
		double net_w = s->load_w - s->pv_w + fmax(s->spread_w * error[i], least_w);
		double in_w = b->charge_limit_w, out_w = b->discharge_limit_w;
		in_w = b->grid_charging ? in_w : fmin(in_w, fmax(0, -net_w));
		out_w = b->grid_discharging ? out_w : fmin(out_w, fmax(0, net_w));
		cost += best_cost(b, s, value, price, q_w / 1e3, net_w / 1e3,
				  batteries * in_w / 1e3, batteries * out_w / 1e3) /
			ERRORS;
	}
	return cost;
}

static void test_unsure(void **state)
{
	(void)state; /* At any price the curve of a house that knows how far off its forecast may be
			asks for what costs it least on average, with a battery and without; its
			orders ask for the same. */
	uint64_t seed = random_seed();
	int falling = 0, bought = 0;
	for (int run = 0; run < 1000; run++) {
		struct battery_model b = { .capacity_wh = 1e6,
					   .charge_limit_w = random_between(&seed, 500, 4000),
					   .discharge_limit_w = random_between(&seed, 500, 4000),
					   .charge_efficiency = random_between(&seed, 0.8, 1),
					   .discharge_efficiency = random_between(&seed, 0.8, 1),
					   .soc_max = 1,
					   .wear = random_between(&seed, 0, 0.03),
					   .grid_charging = random_between(&seed, 0, 1) < 0.5,
					   .grid_discharging = random_between(&seed, 0, 1) < 0.5 };
		struct step *s = &house.step[0];
		*s = (struct step){ .hours = 1,
				    .load_w = random_between(&seed, 0, 4000),
				    .pv_w = fmax(0, random_between(&seed, -2000, 4000)),
				    .sell = random_between(&seed, 0, 0.1),
				    .buy = random_between(&seed, 0.2, 0.4),
				    .spread_w = random_between(&seed, 10, 2000),
				    .import_limit_w = INFINITY,
				    .export_limit_w = INFINITY };
		struct plan_slot slot = { .step = *s, .pv_w = s->pv_w };
		int batteries = run % 2;
		double value = slot.value[0] = random_between(&seed, -0.1, 0.5);
		double price = random_between(&seed, s->sell, s->buy), soc = 0.5;
		struct bid_order order[BID_ORDERS_MAX];
		struct curve c;
		unsure_curve(&slot, NULL, &b, batteries, &soc, &c);
		falling += c.drops >= ERRORS - 1;
		double asked_w = curve_w(&c, price), least = INFINITY;
		double asked = mean_cost(&b, batteries, s, value, price, asked_w);
		for (int k = -99; k <= 100; k++) {
			double q_w = s->load_w - s->pv_w + k * 80;
			least = fmin(least, mean_cost(&b, batteries, s, value, price, q_w));
		}
		if (asked > least + 1e-9) {
			fail_msg("run %d, at %g: %g W cost %g, expected %g", run, price, asked_w,
				 asked, least);
		}
		int orders = bid_make(&slot, NULL, OBJECTIVE_COST, &b, batteries, &soc, order);
		double told_w = ordered_w(order, orders, price);
		assert_true(fabs(told_w - asked_w) <= BID_LEAST_WH * (c.drops + 2));
		/* Who has nothing to sell does not, however unsure. */
		for (int k = 0; k < orders && s->pv_w == 0 && batteries == 0; k++) {
			assert_true(order[k].side == BID_BUY);
			bought++;
		}
	}
	assert_true(falling == 1000 && bought > 500);
}

static void test_errors(void **state)
{
	(void)state; /* The errors that are allowed for have the mean and the deviation that are
			told; of a plan that follows the meter they change nothing. */
	double mean = 0, square = 0;
	for (int i = 0; i < ERRORS; i++) {
		mean += error[i] / ERRORS;
		square += error[i] * error[i] / ERRORS;
	}
	assert_true(fabs(mean) < 1e-6 && fabs(square - 1) < 1e-6);
	struct plan_slot slot = { .step = { .hours = 1,
					    .buy = 0.3,
					    .sell = 0.1,
					    .import_limit_w = INFINITY,
					    .export_limit_w = INFINITY },
				  .grid_w = 700 };
	struct bid_order order[2][BID_ORDERS_MAX];
	for (int k = 0; k < 2; k++) {
		slot.step.spread_w = 500 * k;
		assert_int_equal(
			bid_make(&slot, NULL, OBJECTIVE_SELF_CONSUMPTION, NULL, 0, NULL, order[k]),
			1);
	}
	assert_true(order[0]->price == order[1]->price &&
		    order[0]->energy_wh == order[1]->energy_wh && order[0]->energy_wh == 700);
	/* A plan's bid allows for half of it. */
	plan = (struct plan){ .objective = OBJECTIVE_COST };
	slot.step.load_w = 700;
	slot.step.spread_w = 250;
	int orders = bid_make(&slot, NULL, OBJECTIVE_COST, NULL, 0, NULL, order[0]);
	slot.step.spread_w = 500;
	plan.slot[0] = slot;
	assert_int_equal(bid_for_slot(&plan, 0, NULL, 0, NULL, order[1]), orders);
	for (int k = 0; k < orders; k++) {
		assert_true(order[0][k].price == order[1][k].price &&
			    order[0][k].energy_wh == order[1][k].energy_wh);
	}
	assert_true(orders == ERRORS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_planning_anew),
		cmocka_unit_test(test_unsure),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
