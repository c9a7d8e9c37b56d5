/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/prosumer.h"

enum { STEPS = 10, LEVELS = 61, HOMES = 400 };

static struct storage home;
static struct storage_plan plan;

static void make_home(uint64_t *seed)
{
	double kwh = random_between(seed, 2, 20),
	       hours = random_between(seed, 0, 1) < 0.5 ? 1 : 0.25;
	home = (struct storage){ .steps = STEPS,
				 .charge_efficiency = random_between(seed, 0.85, 1),
				 .discharge_efficiency = random_between(seed, 0.85, 1),
				 .start_kwh = kwh / 2,
				 .end_value = random_between(seed, 0, 0.1) };
	double wear = random_between(seed, 0, 1) < 0.5 ? 0 : random_between(seed, 0, 0.05);
	for (int t = 0; t < STEPS; t++) {
		home.step[t] =
			(struct storage_step){ .hours = hours,
					       .net_kw = random_between(seed, -6, 6),
					       .wear = wear,
					       .charge_max_kw = random_between(seed, 1, 8),
					       .discharge_max_kw = random_between(seed, 1, 8),
					       .high_kwh = kwh };
	}
}

/* What a step costs at a net import, and with it what wears. */
static double step_cost(int t, double store_kw, const double *price, const double *target,
			double penalty)
{
	const struct storage_step *s = &home.step[t];
	double net = s->net_kw - store_kw, off = net - target[t];
	return s->hours * (price[t] * net + penalty / 2 * off * off + s->wear * fmax(store_kw, 0));
}

/* The AC power of the store that changes what is stored by so much. */
static double power_for(int t, double kwh)
{
	double kw = -kwh / home.step[t].hours;
	return kw > 0 ? kw * home.discharge_efficiency : kw / home.charge_efficiency;
}

/* The least cost over all ways through a grid of stored energies. */
static double least_on_grid(const double *price, const double *target, double penalty)
{
	double cost[LEVELS], after[LEVELS];
	double apart = home.step[0].high_kwh / (LEVELS - 1);
	for (int i = 0; i < LEVELS; i++) {
		after[i] = -home.end_value * apart * i;
	}
	for (int t = STEPS - 1; t >= 0; t--) {
		for (int i = 0; i < LEVELS; i++) {
			cost[i] = INFINITY;
			for (int k = 0; k < LEVELS; k++) {
				double kw = power_for(t, (k - i) * apart);
				if (kw <= home.step[t].discharge_max_kw &&
				    -kw <= home.step[t].charge_max_kw) {
					cost[i] = fmin(cost[i],
						       step_cost(t, kw, price, target, penalty) +
							       after[k]);
				}
			}
		}
		memcpy(after, cost, sizeof(after));
	}
	return after[(LEVELS - 1) / 2];
}

static void test_answer(void **unused)
{
	/* A home's answer keeps its limits, and no way through a fine grid of stored energies
	 * betters it; where targets lie so far above that import is as good as paid for, it is at
	 * least no worse than a store at rest. */
	(void)unused;
	uint64_t seed = random_seed();
	int convex = 0, homes = is_watched() ? HOMES / 20 : HOMES;
	for (int i = 0; i < homes; i++) {
		double price[STEPS], target[STEPS], net[STEPS], cost = 0;
		double penalty = random_between(&seed, 0, 1) < 0.2
					 ? 0
					 : exp(random_between(&seed, log(1e-4), log(1)));
		make_home(&seed);
		double rest = -home.end_value * home.start_kwh;
		bool paid = false;
		for (int t = 0; t < STEPS; t++) {
			price[t] = random_between(&seed, 0, 0.3);
			target[t] = random_between(&seed, -12, 12);
			paid |= price[t] + penalty * (home.step[t].net_kw - target[t]) < 0;
			rest += step_cost(t, 0, price, target, penalty);
		}
		assert_int_equal(prosumer_answer(&home, &plan, price, target, penalty, net), 0);
		for (int t = 0; t < STEPS; t++) {
			assert_true(fabs(net[t] + plan.power_kw[t] - home.step[t].net_kw) < 1e-9);
			assert_true(plan.power_kw[t] <= home.step[t].discharge_max_kw + 1e-9);
			assert_true(-plan.power_kw[t] <= home.step[t].charge_max_kw + 1e-9);
			assert_true(plan.stored_kwh[t] >= -1e-9);
			assert_true(plan.stored_kwh[t] <= home.step[t].high_kwh + 1e-9);
			cost += step_cost(t, plan.power_kw[t], price, target, penalty);
		}
		cost -= home.end_value * plan.stored_kwh[STEPS - 1];
		double least = paid ? rest : least_on_grid(price, target, penalty);
		convex += !paid;
		if (cost > least + 1e-9 * (1 + fabs(least))) {
			fail_msg("home %d: %.9g, %.9g is possible", i, cost, least);
		}
	}
	assert_true(convex > homes / 4 && convex < homes);
}

static void test_alone(void **unused)
{
	/* Alone at a tariff, a home stores its own surplus and buys nothing for the store. */
	(void)unused;
	static const double buy[4] = { 0.2, 0.2, 0.2, 0.2 }, sell[4] = { 0.05, 0.05, 0.05, 0.05 };
	double net[4];
	home = (struct storage){
		.steps = 4, .charge_efficiency = 1, .discharge_efficiency = 1, .start_kwh = 0
	};
	for (int t = 0; t < 4; t++) {
		home.step[t] = (struct storage_step){ .hours = 1,
						      .net_kw = t < 2 ? -3 : 2,
						      .charge_max_kw = 5,
						      .discharge_max_kw = 5,
						      .wear = 0.01,
						      .high_kwh = 10 };
	}
	assert_int_equal(prosumer_alone(&home, &plan, buy, sell, net), 0);
	assert_true(fabs(net[0] + net[1] + 2) < 1e-9);
	assert_true(fabs(net[2]) < 1e-9 && fabs(net[3]) < 1e-9);
	assert_true(fabs(prosumer_wear(&home, &plan) - 0.04) < 1e-9);
}

static void test_impossible(void **unused)
{
	/* A home whose store cannot keep its floor says so, and answers nothing. */
	(void)unused;
	uint64_t seed = random_seed();
	double zero[STEPS] = { 0 }, net[STEPS] = { 7 };
	make_home(&seed);
	home.step[0].low_kwh = home.step[0].high_kwh = 100;
	assert_int_equal(prosumer_answer(&home, &plan, zero, zero, 0.1, net), -EDOM);
	assert_true(net[0] == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_impossible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
