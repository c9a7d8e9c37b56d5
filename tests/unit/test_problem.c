/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/optimiser.h"
#include "tests/unit/houses.h"

static struct optimiser *optimiser;
static struct plan plan;

/* A sound house with one of each asset. */
static struct problem sound_house(void)
{
	struct dice d = { .state = 1 };
	struct problem p = house_random(&d, 6, false);
	p.batteries = p.evs = p.loads = p.thermals = 1;
	p.battery[0] = house_battery(&d);
	p.ev[0] = house_ev(&d, p.steps);
	p.ev[0].soc_target = 0.5;
	p.load[0] = house_load(&d, p.steps);
	p.load[0].runs = 2;
	p.load[0].running = false;
	p.load[0].run[0] = (struct load_run){ .first = 0, .end = 3, .duration_h = 0.5 };
	p.load[0].run[1] = (struct load_run){ .first = 3, .end = 6, .duration_h = 0.5 };
	p.thermal[0] = house_thermal(&d, p.steps);
	return p;
}

static void test_unsound_numbers(void **state)
{
	(void)state; /* No number of an asset that is none, or out of all bounds, is planned with.
		      */
	const struct problem good = sound_house();
	static struct problem p;
	char why[160];
	double *const fields[] = {
		&p.ev[0].capacity_wh,
		&p.ev[0].charge_limit_w,
		&p.ev[0].charge_min_w,
		&p.ev[0].discharge_limit_w,
		&p.ev[0].charge_efficiency,
		&p.ev[0].discharge_efficiency,
		&p.ev[0].soc_min,
		&p.ev[0].soc_max,
		&p.ev[0].soc_start,
		&p.ev[0].unmet_price,
		&p.ev[0].end_value,
		&p.ev[0].wear,
		&p.ev[0].trip_wh,
		&p.load[0].power_w,
		&p.load[0].start_cost,
		&p.load[0].unmet_price,
		&p.load[0].run[1].duration_h,
		&p.thermal[0].capacity_wh_per_k,
		&p.thermal[0].loss_w_per_k,
		&p.thermal[0].start_c,
		&p.thermal[0].power_limit_w,
		&p.thermal[0].discomfort,
		&p.thermal[0].end_value,
		&p.thermal[0].low_c[5],
		&p.thermal[0].high_c[5],
		&p.thermal[0].ambient_c[5],
		&p.thermal[0].cop[5],
		&p.thermal[0].draw_w[5],
		&p.overuse_price,
		&p.good_gap,
	};
	const double poison[] = { NAN, INFINITY, -INFINITY, -1e300, 1e300 };
	assert_int_equal(problem_check(&good, why, sizeof(why)), 0);
	for (size_t f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
		for (size_t k = 0; k < sizeof(poison) / sizeof(*poison); k++) {
			p = good;
			*fields[f] = poison[k];
			if (optimiser_solve(optimiser, &p, &plan) != -EINVAL) {
				fail_msg("field %d: %g went through", (int)f, poison[k]);
			}
		}
	}
	p = good;
	p.ev[0].soc_target = NAN;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), -EINVAL);
	p.ev[0].soc_target = -INFINITY; /* none */
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), 0);
	p.subscribed_w = NAN;
	assert_int_equal(optimiser_solve(optimiser, &p, &plan), -EINVAL);
}

static void refuse(struct problem *p, const char *word)
{
	char why[160] = "";
	if (problem_check(p, why, sizeof(why)) != -EINVAL || !strstr(why, word)) {
		fail_msg("refused for '%s', expected '%s'", why, word);
	}
	*p = sound_house();
}

static void test_unsound_shapes(void **state)
{
	(void)state; /* Counts, windows and bands that cannot be are refused with words. */
	struct problem p = sound_house();
	p.evs = EVS_MAX + 1;
	refuse(&p, "cars is 5, expected 0 to 4");
	p.loads = -1;
	refuse(&p, "loads is -1");
	p.thermals = THERMALS_MAX + 1;
	refuse(&p, "thermal stores is 5");
	p.ev[0].soc_target = p.ev[0].soc_max + 0.01;
	refuse(&p, "soc-target is");
	p.ev[0].charge_min_w = p.ev[0].charge_limit_w + 1;
	refuse(&p, "least charging power");
	p.ev[0].soc_min = p.ev[0].soc_max + 0.01;
	refuse(&p, "soc-min");
	p.load[0].kind = (enum load_kind)7;
	refuse(&p, "kind is 7");
	p.load[0].runs = RUNS_MAX + 1;
	refuse(&p, "runs is 9");
	p.load[0].run[1].first = 2;
	refuse(&p, "first step of a run is 2, expected 3 to 5");
	p.load[0].run[1].end = 7;
	refuse(&p, "end of a run is 7, expected 4 to 6");
	p.load[0].run[1].end = 3;
	refuse(&p, "end of a run is 3");
	p.load[0].run[0].first = -1;
	refuse(&p, "first step of a run is -1");
	p.load[0].run[0].duration_h = 0;
	refuse(&p, "duration of a run is 0");
	p.load[0].running = true;
	p.load[0].run[0].first = 1;
	refuse(&p, "first step of a run is 1, expected 0 to 0");
	p.load[0].running = true;
	p.load[0].runs = 0;
	refuse(&p, "runs is 0, expected 1 to 8");
	p.thermal[0].low_c[4] = p.thermal[0].high_c[4] + 1;
	refuse(&p, "lower end of the band");
}

static void test_limits_give_last(void **state)
{
	(void)state; /* The connection's limit is dearer than any price of the problem. */
	struct problem p = sound_house();
	p.ev[0].unmet_price = 500;
	p.overuse_price = 3;
	struct soft_prices price = problem_soft_prices(&p);
	assert_true(price.limit_kwh >= 1000 && price.limit_kw >= price.limit_kwh);
	assert_true(problem_price_scale(&p) >= 3);
}

static int set_up(void **state)
{
	(void)state;
	return optimiser_new(&optimiser);
}

static int tear_down(void **state)
{
	(void)state;
	optimiser_free(optimiser);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsound_numbers),
		cmocka_unit_test(test_unsound_shapes),
		cmocka_unit_test(test_limits_give_last),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
