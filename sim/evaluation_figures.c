/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an evaluation comes to: means, deviations, and who costs less than whom. */
#include <math.h>
#include <stddef.h>

#include "daemon/base/moments.h"
#include "sim/evaluation.h"

double evaluation_value(const void *base, size_t field)
{
	return *(const double *)(const void *)((const char *)base + field);
}

/* A row's mean over the communities where it is known; NaN: nowhere. */
static double row_mean(const struct evaluation *v, int row, size_t field)
{
	struct moments m = { .count = 0 };
	for (int k = 0; k < v->trials; k++) {
		double x = evaluation_value(&v->trial[k].row[row], field);
		if (isfinite(x)) {
			moments_add(&m, x);
		}
	}
	return moments_mean(&m);
}

struct spread evaluation_spread(const struct evaluation *v, const struct group *g, size_t field)
{
	struct moments m = { .count = 0 };
	for (int i = g->first; i < g->first + g->rows; i++) {
		double x = row_mean(v, i, field);
		if (isfinite(x)) {
			moments_add(&m, x);
		}
	}
	return (struct spread){ moments_mean(&m), moments_sample_deviation(&m), m.count };
}

double evaluation_bound(const struct evaluation *v, size_t field)
{
	double sum = 0;
	for (int k = 0; k < v->trials; k++) {
		sum += evaluation_value(&v->trial[k], field) / v->trials;
	}
	return sum;
}

struct duel evaluation_duel(const struct evaluation *v, const struct group *g,
			    const struct group *other)
{
	struct duel d = { .saved = 0 };
	for (int k = 0; k < v->trials; k++) {
		const struct evaluated *row = v->trial[k].row;
		double theirs = 0;
		for (int i = other->first; i < other->first + other->rows; i++) {
			theirs += row[i].j.cost / other->rows;
		}
		for (int i = g->first; i < g->first + g->rows; i++) {
			d.saved += theirs - row[i].j.cost;
			d.won += row[i].j.cost < theirs;
			d.of++;
		}
	}
	d.saved /= d.of > 0 ? d.of : 1;
	return d;
}

enum gain evaluation_gain(const struct evaluation *v, const struct group *g)
{
	struct spread cost = evaluation_spread(v, g, offsetof(struct evaluated, j.cost));
	struct duel d = evaluation_duel(v, g, &v->group[ROW_UNTRAINED]);
	return d.saved <= 0 || 2 * d.won <= d.of || d.saved <= cost.deviation ? GAIN_NONE
	       : isfinite(cost.deviation)                                     ? GAIN_SHOWN
									      : GAIN_UNKNOWN;
}

int64_t evaluation_violations(const struct evaluation *v)
{
	int64_t sum = 0;
	for (int k = 0; k < v->trials; k++) {
		for (int i = 0; i < ROW_LEARNED + v->policies; i++) {
			sum += v->trial[k].row[i].j.violations;
		}
	}
	return sum;
}
