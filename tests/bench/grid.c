/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long power flows take. Prints `name value unit`. Each warm flow begins at the solution of the
 * one before, whose loads were others by up to 2 % at each bus. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/grid/flow.h"

enum { SETS = 64, HOURS = 8760, ROUNDS = 100 };

/* A reproducible number in 0..1. */
static double chance(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) / 9007199254740992.0;
}

/* The mean time of a warm flow, us; the best of many short rounds, for a machine that does other
 * things. */
static double time_flows(const struct feeder *f, double tolerance, int flows)
{
	struct network k;
	struct flow s;
	uint64_t state = 88172645463325252u;
	double best = INFINITY, sweeps = 0;
	if (network_init(&k, f) < 0 || flow_init(&s, &k) < 0) {
		exit(1);
	}
	size_t n = (size_t)k.nodes;
	double *p = malloc(2 * SETS * n * sizeof(*p)), *q = p + SETS * n;
	for (size_t set = 0; set < SETS; set++) {
		network_loads(&k, f, 1, p + set * n, q + set * n);
		for (size_t i = 0; i < n; i++) {
			p[set * n + i] *= 1 + 0.02 * (2 * chance(&state) - 1);
			q[set * n + i] *= 1 + 0.02 * (2 * chance(&state) - 1);
		}
	}
	for (int round = 0; round < ROUNDS; round++) {
		long total = 0;
		int64_t start_us = clock_real_us();
		for (int i = 0; i < flows; i++) {
			size_t set = (size_t)(i % SETS) * n;
			if (flow_solve(&s, &k, p + set, q + set, tolerance) < 0) {
				exit(1);
			}
			total += s.sweeps;
		}
		best = fmin(best, (double)(clock_real_us() - start_us) / flows);
		sweeps = (double)total / flows;
	}
	fprintf(stderr, "%d buses: down to %.4f, %.2f sweeps\n", k.nodes,
		flow_voltage(&s, &k, flow_lowest(&s, &k)), sweeps);
	free(p);
	flow_free(&s);
	network_free(&k);
	return best;
}

/* A tree of so many buses that sags by some 7 %: each hangs on one of the last 40 before it. */
static int make_feeder(struct feeder *f, int buses)
{
	uint64_t state = 1234567;
	char name[FEEDER_NAME_SIZE];
	feeder_init(f, "made up");
	f->base_va = 1e6;
	f->source = 0;
	for (int i = 0; i < buses; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (feeder_add_bus(f, name, i) < 0) {
			return -1;
		}
		f->bus[i].kv = 11;
		f->bus[i].p_w = i ? 4000 * chance(&state) : 0;
		f->bus[i].q_var = 0.4 * f->bus[i].p_w;
		int back = 1 + (int)(40 * chance(&state));
		struct feeder_branch b = { .from = i < back ? 0 : i - back,
					   .to = i,
					   .line = i,
					   .closed = true,
					   .ratio = 1,
					   .r = 1e-4 + 2e-4 * chance(&state),
					   .x = 1e-4 + 1e-4 * chance(&state) };
		if (i > 0 && feeder_add_branch(f, &b) < 0) {
			return -1;
		}
	}
	return 0;
}

/* A year of hours of one feeder, s: loads go through the day and the year, and stray by 5 % at each
 * bus; with the losses and the lowest voltage of each hour. */
static double time_year(const struct feeder *f)
{
	struct network k;
	struct flow s;
	uint64_t state = 424242;
	double worst = 1, energy = 0;
	if (network_init(&k, f) < 0 || flow_init(&s, &k) < 0) {
		exit(1);
	}
	double *p = malloc(4 * (size_t)k.nodes * sizeof(*p)), *q = p + k.nodes;
	double *base_p = q + k.nodes, *base_q = base_p + k.nodes;
	network_loads(&k, f, 1, base_p, base_q);
	int64_t start_us = clock_real_us();
	for (int hour = 0; hour < HOURS; hour++) {
		double day = 0.6 - 0.3 * cos(2 * M_PI * (hour % 24 - 5) / 24);
		double year = 1 + 0.2 * cos(2 * M_PI * hour / HOURS);
		double loss;
		for (int n = 0; n < k.nodes; n++) {
			double part = day * year * (0.95 + 0.1 * chance(&state));
			p[n] = part * base_p[n];
			q[n] = part * base_q[n];
		}
		if (flow_solve(&s, &k, p, q, 1e-8) < 0) {
			exit(1);
		}
		flow_loss(&s, &k, &loss, NULL);
		energy += loss;
		worst = fmin(worst, flow_voltage(&s, &k, flow_lowest(&s, &k)));
	}
	double seconds = (double)(clock_real_us() - start_us) / 1e6;
	fprintf(stderr, "the year of 69 buses: %.0f MWh lost, down to %.4f\n",
		energy * f->base_va / 1e6, worst);
	free(p);
	flow_free(&s);
	network_free(&k);
	return seconds;
}

int main(void)
{
	struct diag d = { .to = stderr };
	struct feeder f;
	if (feeder_read("etc/feeders/ieee69.csv", &f, &d) < 0) {
		return 1;
	}
	printf("flow_69_us %.3f us\n", time_flows(&f, 1e-8, 2000));
	printf("year_69_s %.4f s\n", time_year(&f));
	feeder_free(&f);
	if (make_feeder(&f, 2605) < 0) {
		return 1;
	}
	printf("flow_2600_us %.3f us\n", time_flows(&f, 1e-8, 100));
	feeder_free(&f);
	return 0;
}
