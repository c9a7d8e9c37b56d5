/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The community as one home that knows everything before: for each step its import and export, for
 * each battery and step what goes in, what comes out and what is stored then. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "daemon/base/lp.h"
#include "sim/judge.h"

static double net_kw(const struct community_env *e, int step)
{
	const struct community_series *s = e->conf.series;
	double sum = 0;
	for (int i = 0; i < e->homes; i++) {
		size_t at = (size_t)step * (size_t)e->homes + (size_t)i;
		sum += (double)s->load_w[at] - (double)s->pv_w[at];
	}
	return sum / 1000;
}

/* The rows of each step's balance stand first, in order; PV may be curtailed. */
static void add_balance(struct lp *lp, const struct community_env *e, int from, int to)
{
	for (int step = from; step < to; step++) {
		double kw = net_kw(e, step);
		int row = lp_row(lp, kw, INFINITY);
		int in = lp_column(lp, 0, INFINITY, e->conf.buy[step] / 1e6 * e->hours);
		int out = lp_column(lp, 0, INFINITY, -e->conf.sell[step] / 1e6 * e->hours);
		lp_entry(lp, row, in, 1);
		lp_entry(lp, row, out, -1);
	}
}

static void add_battery(struct lp *lp, const struct community_env *e, int from, int to,
			const struct battery_model *b, double worth)
{
	int before = -1;
	double kwh = b->capacity_wh / 1000;
	for (int step = from; step < to; step++) {
		double end = step == to - 1 ? -worth * b->discharge_efficiency : 0;
		int in = lp_column(lp, 0, b->charge_limit_w / 1000, 0);
		int out = lp_column(lp, 0, b->discharge_limit_w / 1000, b->wear * e->hours);
		int stored = lp_column(lp, b->soc_min * kwh, b->soc_max * kwh, end);
		double had = before < 0 ? b->soc_start * kwh : 0;
		int row = lp_row(lp, had, had);
		lp_entry(lp, step - from, out, 1);
		lp_entry(lp, step - from, in, -1);
		lp_entry(lp, row, stored, 1);
		lp_entry(lp, row, in, -b->charge_efficiency * e->hours);
		lp_entry(lp, row, out, e->hours / b->discharge_efficiency);
		if (before >= 0) {
			lp_entry(lp, row, before, -1);
		}
		before = stored;
	}
}

int judge_optimum(const struct community_env *e, int from, int to, int64_t deadline_us,
		  double *cost)
{
	struct lp lp = { .columns = 0 };
	double worth = judge_stored_worth(e, from, to), held = 0;
	lp_clear(&lp);
	add_balance(&lp, e, from, to);
	for (int i = 0; i < e->homes; i++) {
		const struct battery_model *b = &e->conf.home[i].battery;
		if (b->capacity_wh > 0) {
			add_battery(&lp, e, from, to, b, worth);
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
