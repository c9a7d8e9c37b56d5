/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long power flows of three phases take, on the IEEE European LV feeder. Prints
 * `name value unit`. Each warm flow begins at the solution of the minute before. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/grid/opendss.h"
#include "daemon/grid/three_day.h"

enum { FROM = 17 * 60, FLOWS = 120, ROUNDS = 20 }; /* an evening's minutes */

static double time_flows(struct three_phase *s, const struct circuit *c)
{
	double best = INFINITY, sweeps = 0;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t total = 0, solving_us = 0;
		for (int i = 0; i < FLOWS; i++) {
			three_phase_loads(s, c, FROM + i, 1);
			int64_t start_us = clock_real_us();
			if (three_phase_solve(s, 1e-8) < 0) {
				exit(1);
			}
			solving_us += clock_real_us() - start_us;
			total += s->sweeps;
		}
		best = fmin(best, (double)solving_us / FLOWS);
		sweeps = (double)total / FLOWS;
	}
	fprintf(stderr, "%d buses: %.2f sweeps\n", s->k.nodes, sweeps);
	return best;
}

static double time_day(struct three_phase *s, const struct circuit *c)
{
	double best = INFINITY;
	for (int round = 0; round < 3; round++) {
		struct three_day day;
		int failed;
		int64_t start_us = clock_real_us();
		three_phase_start(s);
		if (three_day_init(&day, c) < 0 ||
		    three_day_run(&day, s, c, 1, 1e-8, &failed) < 0) {
			exit(1);
		}
		best = fmin(best, (double)(clock_real_us() - start_us) / 1e6);
		fprintf(stderr, "the day: %.1f kWh, %.2f lost, %.5f to %.5f of nominal\n",
			three_day_energy(&day, day.load_w) / 1e3,
			three_day_energy(&day, day.loss_w) / 1e3,
			day.lowest[three_day_lowest(&day)].v,
			day.highest[three_day_highest(&day)].v);
		three_day_free(&day);
	}
	return best;
}

int main(void)
{
	struct diag d = { .to = stderr };
	struct circuit c;
	struct three_phase s;
	if (access("../shared/data/ieee_eu_lv/Lines.txt", R_OK) < 0) {
		fputs("the European LV feeder: not measured, no ../shared/data here\n", stderr);
		return 0;
	}
	if (opendss_read("tests/data/grid/european-lv.dss", &c, &d) < 0 ||
	    three_phase_init(&s, &c) < 0) {
		return 1;
	}
	printf("flow_eulv_us %.2f us\n", time_flows(&s, &c));
	printf("day_eulv_s %.4f s\n", time_day(&s, &c));
	three_phase_free(&s);
	circuit_free(&c);
	return 0;
}
