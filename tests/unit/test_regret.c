/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one decision costs more than another, and when it was too much. */
#include <math.h>
#include <string.h>

#include "policy/follow.h"
#include "policy/regret.h"
#include "test.h"

static const struct battery_model plain = { .capacity_wh = 1e4,
					    .charge_limit_w = 4000,
					    .discharge_limit_w = 4000,
					    .charge_efficiency = 0.9,
					    .discharge_efficiency = 0.8,
					    .soc_min = 0.1,
					    .soc_max = 0.9,
					    .wear = 0.01,
					    .grid_charging = true,
					    .grid_discharging = true };

static void assert_near(double is, double expected)
{
	assert_true(fabs(is - expected) < 1e-9);
}

static struct plan_slot slot_of(double buy, double sell, double value)
{
	return (struct plan_slot){ .step = { .hours = 0.25, .buy = buy, .sell = sell },
				   .value = { value } };
}

static double cost(const struct plan_slot *s, double soc, double net_w, double w)
{
	return regret_cost(s, &plain, 1, &soc, net_w, 0.25, &w);
}

static void test_worth(void **unused)
{
	/* By hand: energy bought, sold, stored and drawn at its price and worth, wear included. */
	(void)unused;
	struct plan_slot s = slot_of(0.3, 0.1, 0.2);
	assert_near(cost(&s, 0.5, 2000, 0), 0.5 * 0.3);
	assert_near(cost(&s, 0.5, -2000, 0), -0.5 * 0.1);
	assert_near(cost(&s, 0.5, 2000, 2000), 0.5 / 0.8 * 0.2 + 0.5 * 0.01);
	assert_near(cost(&s, 0.5, -2000, -2000), -0.5 * 0.9 * 0.2);
	s.step.traded_w = 1000; /* bought and paid for */
	assert_near(cost(&s, 0.5, 2000, 0), 0.25 * 0.3);
	s.step.traded_w = 0;
	s.grid_w = 1000;
	s.peak_price = 2;
	assert_near(cost(&s, 0.5, 2000, 0), 0.5 * 0.3 + 0.25 * 2);
}

static void test_trade(void **unused)
{
	/* A purchase that was needed saves the difference to the utility's price; one that was not
	 * is sold at a loss; likewise a sale. */
	(void)unused;
	assert_near(regret_trade(0.3, 0.1, 2, 1, 0.2), -0.1);
	assert_near(regret_trade(0.3, 0.1, 0, 1, 0.2), 0.1);
	assert_near(regret_trade(0.3, 0.1, 0.5, 1, 0.3), 0.5 * 0.2);
	assert_near(regret_trade(0.3, 0.1, -2, -1, 0.2), -0.1);
	assert_near(regret_trade(0.3, 0.1, 2, -1, 0.1), 0.2);
	assert_near(regret_trade(0.3, 0.1, 2, 0, 0.2), 0);
}

static void test_short_of_energy(void **unused)
{
	/* A battery gives no more than it has and takes no more than fits: beyond it nothing
	 * changes. */
	(void)unused;
	struct plan_slot s = slot_of(0.3, 0.1, 0.2);
	double stock_w = 0.05 * 1e4 * 0.8 / 0.25, room_w = 0.05 * 1e4 / 0.9 / 0.25;
	assert_near(cost(&s, 0.15, 3000, 4000), cost(&s, 0.15, 3000, stock_w));
	assert_near(cost(&s, 0.85, 0, -4000), cost(&s, 0.85, 0, -room_w));
	assert_near(cost(&s, 0.1, 3000, 4000), cost(&s, 0.1, 3000, 0));
	assert_near(cost(&s, 0.95, 0, -4000), cost(&s, 0.95, 0, 0));
}

static void test_optimiser_is_best(void **unused)
{
	/* Where nothing binds, no other power costs less than what the optimiser's slot leads to,
	 * but for what prices within its tolerance make. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 20000; run++) {
		double sell = random_between(&seed, 0, 0.2);
		struct plan_slot s = slot_of(sell + random_between(&seed, 0, 0.3), sell,
					     random_between(&seed, 0, 0.5));
		double soc = random_between(&seed, 0.3, 0.7);
		double net_w = random_between(&seed, -6000, 6000);
		struct follow_decision best;
		follow_decide(&s, OBJECTIVE_COST, &plain, 1, &soc, net_w, &best);
		double other_w = random_between(&seed, -4000, 4000);
		double regret =
			cost(&s, soc, net_w, other_w) - cost(&s, soc, net_w, best.battery_w);
		assert_true(regret > -2e-3 * s.step.buy * 2);
	}
}

static void test_window(void **unused)
{
	/* The sum is that of the last window, whatever intervals were left out, and all is all. */
	(void)unused;
	uint64_t seed = random_seed();
	static struct regret r;
	static double of[4000];
	memset(of, 0, sizeof(of));
	regret_init(&r, 96, 1e9);
	double all = 0;
	for (int k = 0; k < 4000;) {
		of[k] = random_between(&seed, -1, 1);
		all += of[k];
		regret_add(&r, 1000000 + k, of[k]);
		double sum = 0;
		for (int i = k < 95 ? 0 : k - 95; i <= k; i++) {
			sum += of[i];
		}
		assert_near(r.sum, sum);
		assert_near(r.all, all);
		k += random_next(&seed) % 50 ? 1 : (int)(random_next(&seed) % 200);
	}
}

static void test_costly(void **unused)
{
	/* Beyond the limit it is too much; and no more when a whole window passed and the last one
	 * stayed below half of it. */
	(void)unused;
	static struct regret r;
	regret_init(&r, 96, 1);
	int64_t k = 5000;
	for (int i = 0; i < 10; i++) {
		assert_false(r.costly);
		regret_add(&r, k++, 0.101);
	}
	assert_true(r.costly);
	for (int i = 0; i < 300; i++) { /* 0.576 a window: too near to the limit */
		regret_add(&r, k++, 0.006);
		assert_true(r.costly);
	}
	int until = 0;
	for (; r.costly && until < 300; until++) {
		regret_add(&r, k++, 0.005);
	}
	assert_in_range(until, 70, 96);
	regret_init(&r, 96, 1);
	regret_add(&r, 1000, 1.5);
	for (int i = 1; i < 96; i++) { /* better than the optimiser at once, and yet */
		regret_add(&r, 1000 + i, -0.1);
		assert_true(r.costly);
	}
	regret_add(&r, 1096, -0.1);
	assert_false(r.costly);
}

static void test_clock_back(void **unused)
{
	/* A clock that stepped back forgives nothing. */
	(void)unused;
	static struct regret r;
	regret_init(&r, 96, 1);
	regret_add(&r, 1000, 0.6);
	regret_add(&r, 996, 0.6);
	regret_add(&r, 1001, 0);
	assert_true(r.costly && fabs(r.sum - 1.2) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worth),      cmocka_unit_test(test_short_of_energy),
		cmocka_unit_test(test_window),     cmocka_unit_test(test_optimiser_is_best),
		cmocka_unit_test(test_costly),     cmocka_unit_test(test_trade),
		cmocka_unit_test(test_clock_back),
	};
	return cmocka_run_group_tests_name("regret", tests, NULL, NULL);
}
