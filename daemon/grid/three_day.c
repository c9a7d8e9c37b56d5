/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/three_day.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int three_day_init(struct three_day *d, const struct circuit *c)
{
	*d = (struct three_day){ .steps = c->steps, .step_s = c->step_s };
	if (c->steps == 0) {
		return -ENOENT;
	}
	size_t n = (size_t)c->steps;
	d->room = calloc((3 * PHASES + 3) * n, sizeof(*d->room));
	if (!d->room) {
		return -ENOMEM;
	}
	double *next = d->room;
	for (int p = 0; p < PHASES; p++, next += 3 * n) {
		d->low[p] = next;
		d->high[p] = next + n;
		d->mean[p] = next + 2 * n;
	}
	d->load_w = next;
	d->loss_w = next + n;
	d->source_w = next + 2 * n;
	return 0;
}

void three_day_free(struct three_day *d)
{
	free(d->room);
	*d = (struct three_day){ 0 };
}

/* What the loads of a solved step have across them. */
static void look(struct three_day *d, const struct three_phase *s, int step)
{
	int seen[PHASES] = { 0 };
	for (int i = 0; i < s->loads; i++) {
		int p = s->load[i].lane;
		double v = three_phase_across(s, i);
		if (seen[p] == 0 || v < d->low[p][step]) {
			d->low[p][step] = v;
		}
		if (seen[p]++ == 0 || v > d->high[p][step]) {
			d->high[p][step] = v;
		}
		d->mean[p][step] += v;
		if (d->loads[p] == 0 || v < d->lowest[p].v) {
			d->lowest[p] = (struct three_extreme){ v, i, step };
		}
		if (d->loads[p]++ == 0 || v > d->highest[p].v) {
			d->highest[p] = (struct three_extreme){ v, i, step };
		}
	}
	for (int p = 0; p < PHASES; p++) {
		d->mean[p][step] /= seen[p] ? seen[p] : 1;
	}
}

static void account(struct three_day *d, const struct three_phase *s, int step)
{
	double p, q;
	three_phase_loss(s, &d->loss_w[step], &q);
	three_phase_source(s, &d->source_w[step], &q);
	for (int i = 0; i < s->loads; i++) {
		three_phase_taken(s, i, &p, &q);
		d->load_w[step] += p;
	}
}

int three_day_run(struct three_day *d, struct three_phase *s, const struct circuit *c,
		  double factor, double tolerance, int *failed)
{
	for (int step = 0; step < d->steps; step++) {
		three_phase_loads(s, c, step, factor);
		if (three_phase_solve(s, tolerance) < 0) {
			*failed = step;
			return -EDOM;
		}
		d->sweeps += s->sweeps;
		look(d, s, step);
		account(d, s, step);
	}
	for (int p = 0; p < PHASES; p++) {
		d->loads[p] /= d->steps;
	}
	return 0;
}

double three_day_energy(const struct three_day *d, const double *power_w)
{
	double sum = 0;
	for (int step = 0; step < d->steps; step++) {
		sum += power_w[step];
	}
	return sum * d->step_s / 3600;
}

static int extreme(const struct three_day *d, const struct three_extreme *of, double sign)
{
	int found = -1;
	for (int p = 0; p < PHASES; p++) {
		if (d->loads[p] && (found < 0 || sign * of[p].v > sign * of[found].v)) {
			found = p;
		}
	}
	return found;
}

int three_day_lowest(const struct three_day *d)
{
	return extreme(d, d->lowest, -1);
}

int three_day_highest(const struct three_day *d)
{
	return extreme(d, d->highest, 1);
}
