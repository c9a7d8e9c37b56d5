/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_central.h"

#include <math.h>

#include "daemon/base/lp.h"

struct program {
	const struct league *l;
	struct lp lp;
	int balance[LEAGUE_MEMBERS_MAX][LEAGUE_STEPS_MAX]; /* rows: where the net load is met */
};

/* A column that adds to a row. */
static int flow(struct lp *lp, double high, double cost, int row, double share)
{
	int column = lp_column(lp, 0, high, cost);
	lp_entry(lp, row, column, share);
	return column;
}

static void add_battery(struct lp *lp, const struct member_model *m, const int *balance)
{
	int before = 0;
	for (int t = 0; t < m->steps; t++) {
		int charge = flow(lp, m->charge_max_kw, 0, balance[t], -1);
		int discharge = flow(lp, m->discharge_max_kw, m->hours * m->wear, balance[t], 1);
		double low = t == m->steps - 1 ? m->start_kwh : 0;
		double begun = t == 0 ? m->start_kwh : 0;
		int stored = lp_column(lp, low, m->capacity_kwh, 0);
		int row = lp_row(lp, begun, begun);
		lp_entry(lp, row, stored, 1);
		lp_entry(lp, row, charge, -m->hours * m->charge_efficiency);
		lp_entry(lp, row, discharge, m->hours / m->discharge_efficiency);
		if (t > 0) {
			lp_entry(lp, row, before, -1);
		}
		before = stored;
	}
}

static void add_member(struct program *p, int i, const struct member_model *m)
{
	for (int t = 0; t < m->steps; t++) {
		int row = p->balance[i][t] = lp_row(&p->lp, m->net_kw[t], m->net_kw[t]);
		(void)flow(&p->lp, INFINITY, m->hours * m->buy[t], row, 1);
		(void)flow(&p->lp, INFINITY, -m->hours * m->sell[t], row, -1);
	}
	if (m->capacity_kwh > 0) {
		add_battery(&p->lp, m, p->balance[i]);
	}
}

static void add_line(struct program *p, const struct league_line *line)
{
	double cost = p->l->hours * line->terms.fee, high = line->terms.capacity_kw;
	for (int t = 0; t < p->l->steps; t++) {
		int a = p->balance[line->a][t], b = p->balance[line->b][t];
		lp_entry(&p->lp, b, flow(&p->lp, high, cost, a, 1), -1);
		lp_entry(&p->lp, a, flow(&p->lp, high, cost, b, 1), -1);
	}
}

int league_central(const struct league *l, const struct member_model *member, const bool *gone,
		   int64_t deadline_us, double *cost)
{
	struct program p = { .l = l };
	lp_clear(&p.lp);
	for (int i = 0; i < l->members; i++) {
		add_member(&p, i, &member[i]);
	}
	for (int i = 0; i < l->lines; i++) {
		if (!gone || (!gone[l->line[i].a] && !gone[l->line[i].b])) {
			add_line(&p, &l->line[i]);
		}
	}
	int r = lp_relax(&p.lp, deadline_us);
	if (r == 0) {
		*cost = p.lp.objective;
	}
	lp_free(&p.lp);
	return r;
}
