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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_general_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
