/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the model that is heat with a state. A temperature is told from the band's low end:
 * inside - under + over, so that what is outside of it has a column with a price and needs no row.
 */
#include <errno.h>
#include <math.h>

#include "policy/model_asset.h"

enum { SLACK_DOUBLINGS = 8 };

static int count(const struct problem *p)
{
	return p->thermals;
}

static void bound(struct model *m, int i)
{
	for (int t = 0; t < m->p->steps; t++) {
		m->at[t].taken_max += m->p->thermal[i].power_limit_w / 1e3;
	}
}

static void add_temperature_entries(struct model *m, int i, int t, int row, double factor)
{
	const struct step_columns *at = &m->at[t];
	lp_entry(&m->lp, row, at->inside[i], factor);
	lp_entry(&m->lp, row, at->under[i], -factor);
	lp_entry(&m->lp, row, at->over[i], factor);
}

static void build(struct model *m, int i)
{
	const struct thermal_model *h = &m->p->thermal[i];
	double before_c = h->start_c; /* but for the columns of the step before */
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		struct heater_step change = heater_step_of(h, t, m->p->step[t].hours);
		double outside = m->weight.dear * h->discomfort * m->p->step[t].hours;
		at->heat[i] = lp_column(&m->lp, 0, 1, 0);
		at->inside[i] = lp_column(&m->lp, 0, h->high_c[t] - h->low_c[t], 0);
		at->under[i] = lp_column(&m->lp, 0, INFINITY, outside);
		at->over[i] = lp_column(&m->lp, 0, INFINITY, outside);
		double known = change.keep * before_c + change.drift - h->low_c[t];
		int row = at->heat_row[i] = lp_row(&m->lp, known, known);
		add_temperature_entries(m, i, t, row, 1);
		lp_entry(&m->lp, row, at->heat[i], -change.rise);
		if (t > 0) {
			add_temperature_entries(m, i, t - 1, row, -change.keep);
		}
		before_c = h->low_c[t];
	}
	const struct step_columns *last = &m->at[m->p->steps - 1];
	double worth = m->weight.money * h->end_value * h->capacity_wh_per_k / 1e3;
	m->lp.column[last->inside[i]].cost -= worth;
	m->lp.column[last->under[i]].cost += worth;
	m->lp.column[last->over[i]].cost -= worth;
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].heat[i], factor * m->p->thermal[i].power_limit_w / 1e3);
}

static void pair(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row)
{
	const struct thermal_model *h = &m->p->thermal[i];
	const struct step_columns *at = &m->at[t];
	int row = at->heat_row[i];
	if (slot) {
		double above_k = slot->heat_c[i] - h->low_c[t];
		double width_k = h->high_c[t] - h->low_c[t];
		if (above_k < 0) {
			lp_pair(&m->lp, row, at->under[i]);
		} else if (model_gives(m, at->inside[i], above_k)) {
			lp_pair(&m->lp, row, at->inside[i]);
		} else if (above_k > width_k) {
			lp_pair(&m->lp, row, at->over[i]);
		}
		if (h->power_limit_w > 0 &&
		    model_gives(m, at->heat[i], slot->heat_w[i] / h->power_limit_w)) {
			lp_pair(&m->lp, m->lp.row[row].paired ? balance_row : row, at->heat[i]);
		}
	}
	lp_pair(&m->lp, row, at->inside[i]);
}

static bool is_on_off(const struct problem *p, int i)
{
	return p->thermal[i].on_off;
}

static bool cheats(const struct model *m, int i, int t)
{
	return m->p->thermal[i].on_off && model_is_partial(model_x(m, m->at[t].heat[i]));
}

static int forbid(struct model *m, int i, int t)
{
	if (!m->p->thermal[i].on_off || !model_split(&m->split[t].thermal[i])) {
		return 0;
	}
	m->lp.column[m->at[t].heat[i]].group = GROUP_THERMAL + i;
	return 1;
}

/* --- cuts ---------------------------------------------------------------------------------------
 */

/* What it costs at these prices of power, written into a row as well. */
static double weigh(struct model *m, int i, int row)
{
	double cost = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step_columns *at = &m->at[t];
		cost += model_weigh(m, row, at->inside[i], 0);
		cost += model_weigh(m, row, at->under[i], 0);
		cost += model_weigh(m, row, at->over[i], 0);
		cost += model_weigh(m, row, at->heat[i], m->heater.step[t].on_cost);
	}
	return cost;
}

/* As m->heater: at the prices of the last answer, and with so much a kW for each step in which it
 * differs from that answer. */
static void pose(struct model *m, int i, double slack, double pull)
{
	const struct thermal_model *h = &m->p->thermal[i];
	struct heater *to = &m->heater;
	to->steps = m->p->steps;
	to->start_c = h->start_c;
	to->end_value = m->weight.money * h->end_value * h->capacity_wh_per_k / 1e3;
	to->slack = slack;
	for (int t = 0; t < m->p->steps; t++) {
		struct heater_step *step = &to->step[t];
		double hours = m->p->step[t].hours, on = model_x(m, m->at[t].heat[i]);
		*step = heater_step_of(h, t, hours);
		step->on_cost = (model_price(m, t) + pull * (1 - 2 * on)) * h->power_limit_w / 1e3;
		step->outside = m->weight.dear * h->discomfort * hours;
	}
}

/* More coarsely, where the curve has no room. */
static int solve(struct model *m)
{
	int r = heater_solve(&m->heater, &m->heater_plan);
	for (int k = 0; r == -ENOSPC && k < SLACK_DOUBLINGS; k++) {
		m->heater.slack *= 2;
		r = heater_solve(&m->heater, &m->heater_plan);
	}
	return r;
}

static void guess_by_prices(struct model *m, int i, double slack, int guess)
{
	pose(m, i, slack, model_pull(m, guess));
	int r = solve(m);
	for (int t = 0; r == 0 && t < m->p->steps; t++) {
		model_guess(m, m->at[t].heat[i], guess, m->heater_plan.on[t]);
	}
}

/* Whatever it does, at these prices it costs no less than the cheapest way of pulses. Once the
 * answer knows, it is a mixture of such ways. */
static int cut(struct model *m, int i)
{
	double depth = model_cut_depth(m), slack = depth / 2 / m->p->steps;
	if (!m->p->thermal[i].on_off) {
		return 0;
	}
	pose(m, i, slack, 0);
	if (solve(m) < 0) {
		return 0;
	}
	if (weigh(m, i, NO_ROW) > m->heater_plan.bound - depth) {
		guess_by_prices(m, i, slack, GUESS_PRICES);
		guess_by_prices(m, i, slack, GUESS_PRICES_PULLED);
		return 0;
	}
	(void)weigh(m, i, lp_row(&m->lp, m->heater_plan.bound, INFINITY));
	return 1;
}

static void guess(struct model *m, int i, int t, int guess, const struct plan_slot *slot,
		  const struct plan_slot *before)
{
	(void)before;
	model_guess(m, m->at[t].heat[i], guess,
		    slot->heat_w[i] > m->p->thermal[i].power_limit_w / 2);
}

static void plan(const struct model *m, int i, struct plan *out)
{
	const struct thermal_model *h = &m->p->thermal[i];
	double c = h->start_c;
	for (int t = 0; t < m->p->steps; t++) {
		struct heater_step change = heater_step_of(h, t, m->p->step[t].hours);
		double share = model_x(m, m->at[t].heat[i]);
		share = model_is_partial(share) ? share : round(share);
		double w = h->power_limit_w * share;
		c = change.keep * c + change.rise * share + change.drift;
		out->slot[t].heat_w[i] = w;
		out->slot[t].heat_c[i] = c;
	}
}

const struct model_asset model_thermal = { .count = count,
					   .bound = bound,
					   .build = build,
					   .take = take,
					   .pair = pair,
					   .is_on_off = is_on_off,
					   .cheats = cheats,
					   .forbid = forbid,
					   .cut = cut,
					   .guess = guess,
					   .plan = plan };
