/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many steps of homes a second a community takes on one core: all that they observe, their
 * bids, the uniform auction, the interval itself and its settlement. Prints `name value unit`; the
 * best of many rounds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "sim/community_env.h"

enum { HOMES = 50, STEPS = 24 * 28, ROUNDS = 20 };

static struct community_home home[HOMES];
static int32_t buy[STEPS], sell[STEPS];
static struct community_act act[HOMES];

/* One time through; returns what depends on all of it. */
static double run(struct community_env *e)
{
	double sum = 0, value[SOURCE_COUNT];
	community_env_begin(e, 0);
	while (community_env_goes_on(e)) {
		for (int i = 0; i < HOMES; i++) {
			community_env_observe(e, i, value);
			double share =
				0.5 +
				0.4 * value[(e->step + i) % 2 ? SOURCE_HOUR_SIN : SOURCE_HOUR_COS];
			act[i] = (struct community_act){ .battery_w = 5e3 * (share - 0.5),
							 .price_share = share };
		}
		if (community_env_step(e, act) < 0) {
			exit(1);
		}
		sum += e->outcome[e->step % HOMES].cost;
	}
	return sum;
}

int main(void)
{
	struct community_series series;
	struct community_env e;
	double best = INFINITY, sum = 0;
	if (community_series_init(&series, HOMES, STEPS, 1778457600, 3600) < 0) {
		return 1;
	}
	for (int i = 0; i < HOMES; i++) {
		community_generate(&series, i, (enum home_class)(i % CLASS_COUNT), 1, &home[i]);
	}
	for (int step = 0; step < STEPS; step++) {
		buy[step] = 300000;
		sell[step] = 80000;
	}
	struct community_env_conf conf = { .home = home,
					   .series = &series,
					   .buy = buy,
					   .sell = sell,
					   .mechanism = mechanism_find("uniform"),
					   .terms = { .k = MILLION / 2 },
					   .dead_band_wh = 10 };
	if (community_forecast(&series) < 0 || community_env_init(&e, &conf) < 0) {
		return 1;
	}
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start_us = clock_real_us();
		sum += run(&e);
		best = fmin(best, (double)(clock_real_us() - start_us) / 1e6);
	}
	printf("env_agent_steps_per_s %.0f 1/s\n", HOMES * STEPS / best);
	community_env_free(&e);
	community_series_free(&series);
	return isfinite(sum) ? 0 : 1;
}
