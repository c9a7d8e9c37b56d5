/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a load that may pause costs at least, at the prices of the last answer: a row of the
 * program, and a guess. */
#include <math.h>

#include "policy/model_asset.h"

static const double hours_slack = 1e-6;

/* Whether a run's steps are of equal length, and its whole steps and part. */
static bool pose_run(const struct model *m, const struct load_run *r, struct pauses_run *to)
{
	double hours = m->p->step[r->first].hours;
	for (int t = r->first; t < r->end; t++) {
		if (fabs(m->p->step[t].hours - hours) > hours_slack) {
			return false;
		}
	}
	double steps = (r->duration_h + hours_slack) / hours;
	int whole = (int)fmin(floor(steps), r->end - r->first);
	double part = (r->duration_h - whole * hours) / hours;
	*to = (struct pauses_run){ .first = r->first, .end = r->end, .whole = whole };
	to->part = whole < r->end - r->first && part * hours > hours_slack ? part : 0;
	return true;
}

/* As m->pauses: at the prices of the last answer, and with so much a kW for each step in which it
 * differs from that answer. *over: what cannot be served whatever it does. */
static bool pose(struct model *m, int i, double pull, double *over)
{
	const struct load_model *l = &m->p->load[i];
	struct pauses *to = &m->pauses;
	double kw = l->power_w / 1e3, hours = m->p->step[l->run[0].first].hours;
	*to = (struct pauses){ .runs = l->runs,
			       .running = l->running,
			       .start_cost = m->weight.money * l->start_cost,
			       .unmet_cost = m->weight.dear * l->unmet_price * kw * hours };
	*over = 0;
	for (int k = 0; k < l->runs; k++) {
		const struct load_run *r = &l->run[k];
		if (m->p->step[r->first].hours != hours || !pose_run(m, r, &to->run[k])) {
			return false;
		}
		double rest = r->duration_h / hours - to->run[k].whole - to->run[k].part;
		*over += fmax(rest, 0) * to->unmet_cost;
		for (int t = r->first; t < r->end; t++) {
			double on = model_x(m, m->at[t].run[i]);
			to->cost[t] = kw * (model_price(m, t) + pull * (1 - 2 * on));
		}
	}
	return true;
}

/* What it costs at these prices of power, written into a row as well. */
static double weigh(struct model *m, int i, int row)
{
	double cost = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step_columns *at = &m->at[t];
		cost += model_weigh(m, row, at->unmet[i], 0);
		cost += model_weigh(m, row, at->start[i], 0);
		cost += model_weigh(m, row, at->run[i], m->pauses.cost[t]);
	}
	return cost;
}

void model_load_guess(struct model *m, int i, int t, int guess, enum pauses_choice choice)
{
	model_guess(m, m->at[t].whole[i], guess, choice == PAUSES_ON);
	model_guess(m, m->at[t].part[i], guess, choice == PAUSES_PART);
}

static void guess_by_prices(struct model *m, int i, int guess)
{
	double over;
	if (pose(m, i, model_pull(m, guess), &over)) {
		pauses_solve(&m->pauses, &m->pauses_plan);
		for (int t = 0; t < m->p->steps; t++) {
			model_load_guess(m, i, t, guess, m->pauses_plan.at[t]);
		}
	}
}

/* Whatever it does, at these prices it costs no less than the cheapest way. */
int model_load_cut(struct model *m, int i)
{
	double over;
	const struct load_model *l = &m->p->load[i];
	if (l->kind != LOAD_INTERRUPTIBLE || l->runs == 0 || !pose(m, i, 0, &over)) {
		return 0;
	}
	pauses_solve(&m->pauses, &m->pauses_plan);
	double bound = m->pauses_plan.cost + over;
	if (weigh(m, i, NO_ROW) > bound - model_cut_depth(m)) {
		guess_by_prices(m, i, GUESS_PRICES);
		guess_by_prices(m, i, GUESS_PRICES_PULLED);
		return 0;
	}
	(void)weigh(m, i, lp_row(&m->lp, bound, INFINITY));
	return 1;
}
