/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long twelve communities take to agree on a day of hours, by consensus and by a platform: the
 * league that is shipped, in one process. Prints `name value unit`, the best of several. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "sim/league_conf.h"

enum { TIMES = 10 };

static struct league_conf conf;

static void time_framework(const char *name, int framework)
{
	struct league_way way = league_conf_way(&conf);
	static struct league_outcome out;
	double best_us = INFINITY;
	way.framework = framework;
	for (int i = 0; i < TIMES; i++) {
		int64_t begun_us = clock_real_us();
		if (league_negotiate(&conf.league, conf.member, &way, &out) < 0 || !out.converged) {
			exit(1);
		}
		best_us = fmin(best_us, (double)(clock_real_us() - begun_us));
		league_outcome_free(&out);
	}
	printf("league_%s_12x24_s %.4f s\n", name, best_us / 1e6);
	printf("league_%s_round_us %.1f us\n", name, best_us / (double)out.rounds);
	printf("league_%s_rounds %lld rounds\n", name, (long long)out.rounds);
}

int main(void)
{
	struct diag d = { .to = stderr };
	if (league_conf_read("etc/examples/league.conf", &conf, &d) < 0) {
		return 1;
	}
	time_framework("consensus", FRAMEWORK_DISTRIBUTED);
	time_framework("platform", FRAMEWORK_DECENTRALISED);
	return 0;
}
