/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Some homes as one that knows everything before: for each step its import and export, for each
 * battery and step what goes in, what comes out and what is stored then. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "daemon/base/lp.h"
#include "sim/judge.h"

/* Homes first..first+count-1 from a step to another. */
struct part {
	const struct community_env *e;
	int first, count;
	int from, to;
};

static double net_kw(const struct part *p, int step)
{
	const struct community_series *s = p->e->conf.series;
	double sum = 0;
	for (int i = p->first; i < p->first + p->count; i++) {
		size_t at = (size_t)step * (size_t)s->homes + (size_t)i;
		sum += (double)s->load_w[at] - (double)s->pv_w[at];
	}
	return sum / 1000;
}

/* The rows of each step's balance stand first, in order; PV may be curtailed. */
static void add_balance(struct lp *lp, const struct part *p)
{
	const struct community_env *e = p->e;
	for (int step = p->from; step < p->to; step++) {
		double kw = net_kw(p, step);
		int row = lp_row(lp, kw, INFINITY);
		int in = lp_column(lp, 0, INFINITY, e->conf.buy[step] / 1e6 * e->hours);
		int out = lp_column(lp, 0, INFINITY, -e->conf.sell[step] / 1e6 * e->hours);
		lp_entry(lp, row, in, 1);
		lp_entry(lp, row, out, -1);
	}
}

static void add_battery(struct lp *lp, const struct part *p, const struct battery_model *b,
			double worth)
{
	int before = -1;
	double kwh = b->capacity_wh / 1000, hours = p->e->hours;
	for (int step = p->from; step < p->to; step++) {
		double end = step == p->to - 1 ? -worth * b->discharge_efficiency : 0;
		int in = lp_column(lp, 0, b->charge_limit_w / 1000, 0);
		int out = lp_column(lp, 0, b->discharge_limit_w / 1000, b->wear * hours);
		int stored = lp_column(lp, b->soc_min * kwh, b->soc_max * kwh, end);
		double had = before < 0 ? b->soc_start * kwh : 0;
		int row = lp_row(lp, had, had);
		lp_entry(lp, step - p->from, out, 1);
		lp_entry(lp, step - p->from, in, -1);
		lp_entry(lp, row, stored, 1);
		lp_entry(lp, row, in, -b->charge_efficiency * hours);
		lp_entry(lp, row, out, hours / b->discharge_efficiency);
		if (before >= 0) {
			lp_entry(lp, row, before, -1);
		}
		before = stored;
	}
}

static int solve(const struct part *p, int64_t deadline_us, double *cost)
{
	struct lp lp = { .columns = 0 };
	double worth = judge_stored_worth(p->e, p->from, p->to), held = 0;
	lp_clear(&lp);
	add_balance(&lp, p);
	for (int i = p->first; i < p->first + p->count; i++) {
		const struct battery_model *b = &p->e->conf.home[i].battery;
		if (b->capacity_wh > 0) {
			add_battery(&lp, p, b, worth);
			held += worth * b->discharge_efficiency * b->soc_start * b->capacity_wh /
				1000;
		}
	}
	int r = lp_relax(&lp, deadline_us);
	if (r == 0) {
		*cost = lp.objective + held;
	}
	lp_free(&lp);
	return r;
}

int judge_optimum(const struct community_env *e, int from, int to, int64_t deadline_us,
		  double *cost)
{
	struct part all = { .e = e, .count = e->homes, .from = from, .to = to };
	return solve(&all, deadline_us, cost);
}

int judge_optimum_alone(const struct community_env *e, int from, int to, int64_t deadline_us,
			double *home_cost)
{
	int r = 0;
	for (int i = 0; i < e->homes && r == 0; i++) {
		struct part one = { .e = e, .first = i, .count = 1, .from = from, .to = to };
		r = solve(&one, deadline_us, &home_cost[i]);
	}
	return r;
}
