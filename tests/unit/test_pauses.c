/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "policy/pauses.h"

enum { STEPS = 9, WAYS = 19683 /* 3^STEPS */ };

static struct pauses pauses;
static struct pauses_plan plan;

static void roll(uint64_t *seed)
{
	pauses = (struct pauses){ .start_cost =
					  random_next(seed) % 3 ? random_between(seed, 0, 0.3) : 0,
				  .unmet_cost = random_between(seed, 0, 1),
				  .running = random_next(seed) % 2 };
	int first = (int)(random_next(seed) % 3);
	while (first < STEPS && pauses.runs < RUNS_MAX) {
		struct pauses_run *r = &pauses.run[pauses.runs++];
		int steps = 1 + (int)(random_next(seed) % (unsigned)(STEPS - first));
		r->first = first;
		r->end = first + steps;
		r->whole = (int)(random_next(seed) % (unsigned)(steps + 1));
		r->part = r->whole < steps && random_next(seed) % 2 ? random_between(seed, 0.01, 1)
								    : 0;
		first = r->end + (int)(random_next(seed) % 2);
	}
	for (int t = 0; t < STEPS; t++) {
		pauses.cost[t] = random_between(seed, -0.3, 1);
	}
}

/* Of any way; INFINITY where it serves what is not asked for. */
static double cost_of(const unsigned char *at)
{
	double cost = 0;
	bool was_on = pauses.running;
	int k = 0, whole = 0, parts = 0;
	for (int t = 0; t < STEPS; t++) {
		const struct pauses_run *r = &pauses.run[k];
		bool in = k < pauses.runs && t >= r->first;
		double share = at[t] == PAUSES_ON ? 1 : at[t] == PAUSES_PART ? r->part : 0;
		if (at[t] != PAUSES_OFF && (!in || share == 0)) {
			return INFINITY;
		}
		cost += share * pauses.cost[t];
		cost += at[t] != PAUSES_OFF && !was_on ? pauses.start_cost : 0;
		was_on = at[t] == PAUSES_ON;
		whole += at[t] == PAUSES_ON;
		parts += at[t] == PAUSES_PART;
		if (in && t + 1 == r->end) {
			double left = r->whole - whole + (parts ? 0 : r->part);
			if (whole > r->whole || parts > 1) {
				return INFINITY;
			}
			cost += left * pauses.unmet_cost;
			whole = parts = 0;
			k++;
		}
	}
	return cost;
}

static void test_nothing_is_cheaper(void **state)
{
	(void)state; /* Of all ways to be off, on and on in part, none costs less than the one
			found, which costs what it says. */
	uint64_t seed = random_seed();
	for (int k = 0; k < 150; k++) {
		double least = INFINITY;
		roll(&seed);
		pauses_solve(&pauses, &plan);
		for (int w = 0; w < WAYS; w++) {
			unsigned char at[STEPS];
			for (int t = 0, left = w; t < STEPS; t++, left /= 3) {
				at[t] = (unsigned char)(left % 3);
			}
			least = fmin(least, cost_of(at));
		}
		if (!(fabs(plan.cost - least) < 1e-9 && fabs(cost_of(plan.at) - least) < 1e-9)) {
			fail_msg("load %d: %.9g, its way %.9g, least %.9g", k, plan.cost,
				 cost_of(plan.at), least);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_cheaper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
