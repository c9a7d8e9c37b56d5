/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "policy/evaluate.h"
#include "policy/optimiser.h"
#include "policy/staged.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static struct staged staged;
static struct plan plan, best;

static void blank(const struct problem *p)
{
	plan = (struct plan){ .id = p->id,
			      .method = PLAN_STAGED,
			      .status = PLAN_FEASIBLE,
			      .objective = p->objective,
			      .slots = p->steps,
			      .batteries = p->batteries,
			      .evs = p->evs,
			      .loads = p->loads,
			      .thermals = p->thermals,
			      .gap = INFINITY };
}

static void solve(const struct problem *p, uint64_t seed)
{
	struct evaluation e;
	char why[160] = "";
	blank(p);
	staged_solve(&staged, p, &plan);
	evaluate(p, &plan, &e);
	plan.energy_cost = e.energy_cost;
	plan.total_cost = e.total_cost;
	plan.import_wh = e.import_wh;
	plan.export_wh = e.export_wh;
	plan.peak_import_w = e.peak_import_w;
	if (plan_check(p, &plan, why, sizeof(why)) < 0) {
		fail_msg("seed %llu: %s", (unsigned long long)seed, why);
	}
}

static void test_keeps_every_limit(void **state)
{
	(void)state; /* Any house gets a plan that an independent evaluator accepts. */
	uint64_t houses = is_watched() ? 100 : 3000;
	for (uint64_t seed = 1; seed <= houses; seed++) {
		struct dice d = { .state = seed };
		struct problem p = seed % 4 ? house_whole(&d, 1 + (int)(seed % 96), seed % 3 == 0)
					    : house_large(&d, 1 + (int)(seed % 96), seed % 3 == 0);
		solve(&p, seed);
	}
}

static void test_is_not_far(void **state)
{
	(void)state; /* It never costs less than the best, and in most houses little more. */
	enum { HOUSES = 60 };
	int near = 0;
	for (uint64_t seed = 1; seed <= HOUSES; seed++) {
		struct dice d = { .state = seed };
		struct problem p = house_whole(&d, 12, false);
		p.objective = OBJECTIVE_COST;
		p.demand_charge = 0;                    /* it does not look at it */
		for (int i = 0; i < p.batteries; i++) { /* nor does it hurry back to the band */
			struct battery_model *b = &p.battery[i];
			b->soc_start = fmin(fmax(b->soc_start, b->soc_min), b->soc_max);
		}
		assert_int_equal(optimiser_solve(optimiser, &p, &best), 0);
		solve(&p, seed);
		double more = plan.total_cost - best.total_cost;
		double scale = fabs(best.total_cost) + problem_price_scale(&p);
		if (best.status != PLAN_FEASIBLE && more < -1e-4 * scale) {
			fail_msg("seed %llu: %g, the best is %g", (unsigned long long)seed,
				 plan.total_cost, best.total_cost);
		}
		near += more < 0.25 * scale;
	}
	print_message("%d of %d within a quarter\n", near, HOUSES);
	assert_true(near >= HOUSES * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_every_limit),
		cmocka_unit_test(test_is_not_far),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
