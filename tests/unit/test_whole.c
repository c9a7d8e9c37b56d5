/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "policy/optimiser.c"
#include "tests/unit/houses.h"

static struct optimiser room;
static struct model full;
static struct plan plan;

static void blank(const struct problem *p)
{
	plan = (struct plan){ .id = p->id,
			      .objective = p->objective,
			      .slots = p->steps,
			      .batteries = p->batteries,
			      .evs = p->evs,
			      .loads = p->loads,
			      .thermals = p->thermals };
}

/* What all binaries from the start come to. */
static double solve_fully(const struct problem *p)
{
	int64_t deadline_us = clock_real_us() + 3600000000;
	model_start(&full, p);
	model_build(&full);
	model_forbid_all(&full);
	int r = lp_relax(&full.lp, deadline_us);
	r = r < 0 ? r : lp_settle(&full.lp, deadline_us, 0);
	return r == 0 ? full.lp.objective : NAN;
}

/* A house with some of everything, from 4 to 96 steps of 1 to 120 minutes; where it is large,
 * without what takes long to prove. */
static struct problem house(uint64_t seed)
{
	struct dice d = { .state = seed };
	bool large = seed % 25 == 0, wild = !large && seed % 3 == 0;
	struct problem p = house_whole(&d, (int)dice_between(&d, 4, large ? 97 : 13), wild);
	p.evs = large && p.evs > 1 ? 1 : p.evs;
	for (int i = 0; large && i < p.thermals; i++) {
		p.thermal[i].on_off = false;
	}
	for (int i = 0; large && i < p.loads; i++) {
		p.load[i].start_cost = 0;
		p.load[i].kind = p.load[i].kind == LOAD_BLOCK ? LOAD_BLOCK : LOAD_CONTINUOUS;
	}
	house_roughen(&d, &p, !large);
	p.time_limit_s = 3600; /* none, however slow the machine is */
	return p;
}

static void test_lazy_is_optimal(void **state)
{
	(void)state; /* Binaries where the relaxation cheats alone find what all binaries find. */
	const uint64_t houses = is_watched() ? 60 : 2000;
	int milps = 0;
	for (uint64_t seed = 1; seed <= houses; seed++) {
		struct problem p = house(seed);
		blank(&p);
		assert_int_equal(solve_generally(&room, &p, &plan), 0);
		assert_int_not_equal(plan.method, PLAN_STAGED);
		milps += plan.method == PLAN_MILP;
		double lazy = room.model.lp.objective, all = solve_fully(&p);
		if (!(fabs(lazy - all) <= 1e-6 * (1 + fabs(all)))) {
			fail_msg("seed %llu, %d steps: %.9g, with all binaries %.9g",
				 (unsigned long long)seed, p.steps, lazy, all);
		}
	}
	print_message("%d of %d needed binaries\n", milps, (int)houses);
	assert_true(milps > (int)houses / 5);
}

static long resident_kib(void)
{
	long total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &total, &resident), 2);
	(void)fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_memory_is_flat(void **state)
{
	(void)state; /* Ten thousand plans leave no more behind than the first few. */
	enum { HOUSES = 24, ROUNDS = 417 };
	long before_kib = 0;
	if (is_watched()) {
		skip();
	}
	for (int round = 0; round <= ROUNDS; round++) {
		for (int k = 0; k < HOUSES; k++) {
			struct problem p = house((uint64_t)k + 1);
			p.good_gap = 0.01;
			(void)optimiser_solve(&room, &p, &plan);
		}
		before_kib = round == 0 ? resident_kib() : before_kib;
	}
	long grown_kib = resident_kib() - before_kib;
	print_message("%ld KiB more than %ld\n", grown_kib, before_kib);
	assert_true(grown_kib < 1024);
}

static int tear_down(void **state)
{
	(void)state;
	model_free(&full);
	model_free(&room.model);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lazy_is_optimal),
		cmocka_unit_test(test_memory_is_flat),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
