/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a negotiation takes: a home's answer over 24 and 96 steps, and the day of the 69-bus
 * feeder with 68 prosumers, from nothing. Prints `name value unit`, the best of many. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "sim/negotiation.h"

enum { ANSWERS = 200, ROUNDS = 20, DAYS = 10 };

static struct negotiation_conf conf;
static struct negotiation world;

static void make(double step_s)
{
	struct diag d = { .to = stderr };
	conf.step_s = step_s;
	if (negotiation_make(&world, &conf, &d) < 0) {
		exit(1);
	}
}

/* The mean answer of all homes with a battery, at the prices and near the targets agreed on, us. */
static double time_answers(void)
{
	double net[STEPS_MAX], best = INFINITY;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t begun_us = clock_real_us();
		int answers = 0;
		for (int i = 0; answers < ANSWERS; i = (i + 1) % world.homes) {
			if (world.home[i].class != NEGOTIATION_BATTERY) {
				continue;
			}
			if (prosumer_answer(&world.home[i].home, world.plan,
					    negotiate_price(&world.market, i),
					    negotiate_target(&world.market, i),
					    negotiate_penalty(&world.market, i), net) < 0) {
				exit(1);
			}
			answers++;
		}
		best = fmin(best, (double)(clock_real_us() - begun_us) / ANSWERS);
	}
	return best;
}

static double time_day(void)
{
	double best = INFINITY;
	for (int i = 0; i < DAYS; i++) {
		make(3600);
		int64_t begun_us = clock_real_us();
		if (negotiation_run(&world, true, NULL) != 0) {
			exit(1);
		}
		best = fmin(best, (double)(clock_real_us() - begun_us) / 1e6);
		fprintf(stderr, "%d prosumers: %d rounds, %d passes\n", world.homes,
			world.market.round, world.market.passes);
		negotiation_free(&world);
	}
	return best;
}

static double time_step(double step_s)
{
	make(step_s);
	if (negotiation_run(&world, true, NULL) != 0) {
		exit(1);
	}
	double us = time_answers();
	negotiation_free(&world);
	return us;
}

int main(void)
{
	struct diag d = { .to = stderr };
	if (negotiation_conf_read("etc/examples/negotiation.conf", &conf, &d) < 0) {
		return 1;
	}
	printf("prosumer_step_us %.3f us\n", time_step(3600));
	printf("prosumer_step_96_us %.3f us\n", time_step(900));
	printf("negotiate_69x24x68_s %.4f s\n", time_day());
	negotiation_conf_free(&conf);
	return 0;
}
