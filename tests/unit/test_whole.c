/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "policy/optimiser.c"
#include "tests/unit/houses.h"

static struct optimiser room;
static struct model full;
static struct plan plan;

static void solve_lazily(const struct problem *p, uint64_t seed)
{
	char why[160] = "";
	plan = (struct plan){ .id = p->id,
			      .objective = p->objective,
			      .slots = p->steps,
			      .batteries = p->batteries,
			      .evs = p->evs,
			      .loads = p->loads,
			      .thermals = p->thermals };
	int r = solve_generally(&room, p, &plan);
	if (r < 0) {
		(void)plan_check(p, &plan, why, sizeof(why));
		fail_msg("seed %llu: %s: %s, believed %.9g found %.9g", (unsigned long long)seed,
			 strerror(-r), why, room.model.lp.objective - model_extra(&room.model),
			 plan.total_cost);
	}
}

static void test_lazy_is_optimal(void **state)
{
	(void)state; /* Binaries on the steps that cheat alone find what all binaries find. */
	int milps = 0;
	uint64_t from = getenv("FROM") ? strtoull(getenv("FROM"), NULL, 0) : 1;
	uint64_t seeds = getenv("SEEDS") ? strtoull(getenv("SEEDS"), NULL, 0) : 2000;
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		struct dice d = { .state = seed };
		struct problem p = house_whole(
			&d, (int)dice_between(&d, 4, getenv("TMAX") ? atoi(getenv("TMAX")) : 13),
			seed % 3 == 0);
		int64_t t0 = clock_real_us();
		solve_lazily(&p, seed);
		int64_t t1 = clock_real_us();
		milps += plan.method == PLAN_MILP;
		model_start(&full, &p);
		model_split_all(&full);
		model_build(&full);
		int r = lp_solve(&full.lp, 20, 0);
		int64_t t2 = clock_real_us();
		double a = room.model.lp.objective, b = full.lp.objective;
		if (getenv("SHOW"))
			fprintf(stderr,
				"%llu T %d b%d e%d l%d h%d lazy %lld us full %lld us  r %d %.9g "
				"%.9g\n",
				(unsigned long long)seed, p.steps, p.batteries, p.evs, p.loads,
				p.thermals, (long long)(t1 - t0), (long long)(t2 - t1), r, a, b);
		if (r != 0 || fabs(a - b) > 1e-6 * (1 + fabs(b))) {
			fail_msg("seed %llu: %.9g, with all binaries %.9g (%d)",
				 (unsigned long long)seed, a, b, r);
		}
	}
	print_message("%d of 2000 needed binaries\n", milps);
	assert_true(milps > 400);
	model_free(&full);
	model_free(&room.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lazy_is_optimal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
