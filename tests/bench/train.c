/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long an update of all agents takes, on one core and on two: 24 observations, 2 actions,
 * networks of 64 x 64, a batch of 1,024. Prints `name value unit`; the best of many updates.
 * That on two cores is nothing where there are none free. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "daemon/base/clock.h"
#include "policy/train/maddpg.h"

enum { UPDATES = 200, STEPS = 5000 };

static double time_updates(int agents, int threads)
{
	struct maddpg_conf conf = maddpg_defaults(agents, 24, 2);
	struct maddpg m;
	struct experience e;
	struct batch b;
	double best = INFINITY;
	float numbers[10 * (24 + 24 + 2 + 1)];
	if (maddpg_init(&m, &conf) < 0 || maddpg_threads(&m, threads) < 0 ||
	    experience_init(&e, agents, 24, 2, STEPS) < 0 || batch_init(&b, &e, conf.batch) < 0) {
		exit(1);
	}
	for (int step = 0; step < STEPS; step++) {
		for (int i = 0; i < 51 * agents; i++) {
			numbers[i] = (float)(2 * chance_uniform(7, (uint32_t)step, i) - 1);
		}
		experience_add(&e, numbers, numbers + 24 * agents, numbers + 26 * agents,
			       numbers + 27 * agents, step % 24 == 0);
	}
	for (int i = 0; i < UPDATES; i++) {
		int64_t start_us = clock_real_us();
		experience_draw(&e, 1, m.updates, &b);
		if (maddpg_update(&m, &b) < 0) {
			exit(1);
		}
		best = fmin(best, (double)(clock_real_us() - start_us) / 1e3);
	}
	batch_free(&b);
	experience_free(&e);
	maddpg_free(&m);
	return best;
}

int main(void)
{
	static const int agents[] = { 3, 10 };
	for (int i = 0; i < 2; i++) {
		double one = time_updates(agents[i], 1), two = time_updates(agents[i], 2);
		printf("maddpg_update_n%d_ms %.3f ms\n", agents[i], one);
		printf("maddpg_update_n%d_two_ms %.3f ms\n", agents[i], two);
		printf("maddpg_update_n%d_two_part %.3f of_one\n", agents[i], two / one);
	}
	return 0;
}
