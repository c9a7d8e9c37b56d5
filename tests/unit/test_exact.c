/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "policy/optimiser.c"
#include "tests/unit/houses.h"

static struct optimiser room;
static struct plan quick, general;

/* What the objective weighs: what self-consumption minimises is not what it costs. */
static double objective(const struct problem *p, const struct plan *plan)
{
	struct weights w = model_weights(p);
	return w.money * plan->total_cost + w.imported * plan->import_wh / 1e3;
}

static void test_general_agrees(void **state)
{
	(void)state; /* Where it holds, no solver of linear programs finds a better plan. */
	int held = 0;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct dice d = { .state = seed };
		struct problem p = house_random(&d, (int)dice_between(&d, 4, 97), seed % 3 == 0);
		p.batteries = seed % 20 != 0;
		p.battery[0] = house_battery(&d);
		p.demand_charge = 0;
		quick = general = (struct plan){ .id = p.id,
						 .objective = p.objective,
						 .slots = p.steps,
						 .batteries = p.batteries };
		int r = solve_exactly(&room, &p, &quick);
		if (r == -EDOM) {
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(solve_generally(&room, &p, &general), 0);
		held++;
		double a = objective(&p, &quick), b = objective(&p, &general);
		/* The general way may pay a little for its order among equals. */
		if (!(a <= b + 1e-8 * (1 + fabs(b)) && b <= a + 1e-6 * (1 + fabs(a)) + 3e-5)) {
			fail_msg("seed %llu, %s: %.9g, the general way %.9g (%s)",
				 (unsigned long long)seed, p.objective ? "self" : "cost", a, b,
				 plan_method_name(general.method));
		}
	}
	print_message("it held for %d of 2000 houses\n", held);
	assert_true(held > 800);
}

/* Four cheap hours, then a dear one that takes 3 kWh. */
static struct problem evening(void)
{
	struct problem p = {
		.steps = 5, .batteries = 1, .subscribed_w = INFINITY, .time_limit_s = 1
	};
	p.battery[0] = (struct battery_model){ .capacity_wh = 10e3,
					       .charge_limit_w = 4e3,
					       .discharge_limit_w = 4e3,
					       .charge_efficiency = 0.95,
					       .discharge_efficiency = 0.95,
					       .soc_max = 1,
					       .soc_end = -1,
					       .grid_charging = true,
					       .grid_discharging = true };
	for (int t = 0; t < p.steps; t++) {
		p.step[t] = (struct step){ .start_s = 3600 * t,
					   .hours = 1,
					   .load_w = t == 4 ? 3e3 : 0,
					   .buy = t == 4 ? 0.4 : 0.1,
					   .import_limit_w = INFINITY,
					   .export_limit_w = INFINITY };
	}
	return p;
}

static void test_losses_that_rise(void **state)
{
	(void)state; /* Where a share lost rises with the power, hours of one price share it evenly;
			where being awake costs more than it saves, the battery rests. */
	struct problem p = evening();
	p.battery[0].loss_per_kw = 0.01;
	assert_int_equal(optimiser_solve(&room, &p, &quick), 0);
	for (int t = 0; t < 4; t++) {
		assert_true(fabs(quick.slot[t].battery_w[0] + 3e3 / 0.95 / 0.95 / 4) < 1e-3);
	}
	p.battery[0].awake_w = 2900; /* shared by 3 kWh: nearly what a kWh is worth */
	p.step[4].buy = 0.2;
	assert_int_equal(optimiser_solve(&room, &p, &quick), 0);
	for (int t = 0; t < 5; t++) {
		assert_true(fabs(quick.slot[t].battery_w[0]) < 1e-3);
	}
}

static void test_days_after(void **state)
{
	(void)state; /* What comes after the horizon is planned for, and not planned. */
	struct problem p = evening(), cut = evening();
	cut.steps = 4;
	cut.tail = 1;
	assert_int_equal(optimiser_solve(&room, &p, &quick), 0);
	assert_int_equal(optimiser_solve(&room, &cut, &general), 0);
	assert_int_equal(general.slots, 4);
	assert_int_equal(general.method, PLAN_DYNAMIC);
	for (int t = 0; t < 4; t++) {
		assert_true(fabs(general.slot[t].battery_w[0] - quick.slot[t].battery_w[0]) < 1e-6);
	}
	assert_true(fabs(general.slot[3].soc[0] * 10 - 3 / 0.95) < 1e-6);
	/* Where a step of it is not convex, it ends there. */
	cut.step[4].sell = cut.step[4].buy + 1;
	assert_int_equal(optimiser_solve(&room, &cut, &general), 0);
	assert_int_equal(general.method, PLAN_DYNAMIC);
	assert_true(general.slot[3].soc[0] < 1e-9);
	cut.tail = STEPS_MAX - 3;
	assert_int_equal(optimiser_solve(&room, &cut, &general), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_general_agrees),
		cmocka_unit_test(test_losses_that_rise),
		cmocka_unit_test(test_days_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
