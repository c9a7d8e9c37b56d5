/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/model.h"

#include <math.h>
#include <string.h>

#include "policy/model_asset.h"
#include "policy/pool.h"

static const double tie_share = 1e-5; /* of the objective's scale: what decides between equals */
static const double cut_depth_min = 1e-5; /* of the objective: less is not worth a row */
/* Of the mean price; measured on 250 full houses: the first is enough for all but eight, the other
 * for half of these. */
static const double pull_share[] = { [GUESS_PRICES] = 0.03, [GUESS_PRICES_PULLED] = 0.2 };
static const double self_consumption_money = 1e-4; /* weight of money beside imported kWh */

/* Batteries last: what they may do depends on what the others take. */
static const struct model_asset *const assets[] = { &model_ev, &model_load, &model_thermal,
						    &model_shift, &model_battery };
enum { KINDS = sizeof(assets) / sizeof(assets[0]) };

struct weights model_weights(const struct problem *p)
{
	double scale = problem_price_scale(p);
	struct weights w = {
		.soft = problem_soft_prices(p), .money = 1, .dear = 1, .tie = tie_share * scale
	};
	if (p->objective == OBJECTIVE_SELF_CONSUMPTION) {
		w.money = self_consumption_money / scale;
		w.imported = 1;
		w.dear = 1 / scale;
		w.tie = tie_share;
	}
	return w;
}

void model_prices(const struct problem *p, int t, double *buy, double *sell)
{
	const struct step *s = &p->step[t];
	double ahead_h = (double)(s->start_s - p->step[0].start_s) / 3600;
	double share = p->preference_per_h * ahead_h;
	*buy = s->buy - fabs(s->buy) * share;
	*sell = s->sell + fabs(s->sell) * share;
	if (*sell > *buy) {
		*sell = fmax(s->sell, fmin(*sell, *buy));
	}
}

/* --- for the parts ------------------------------------------------------------------------------
 */

double model_x(const struct model *m, int column)
{
	return column == NO_COLUMN ? 0 : m->lp.column[column].x;
}

bool model_both(double a, double a_max, double b, double b_max)
{
	return a > model_slack * (1 + a_max) && b > model_slack * (1 + b_max);
}

bool model_is_partial(double share)
{
	return share > model_slack && share < 1 - model_slack;
}

bool model_split(bool *split)
{
	bool news = !*split;
	*split = true;
	return news;
}

void model_add_either(struct model *m, int group, int a, double a_max, int b, double b_max)
{
	int which = lp_binary(&m->lp, group);
	int row = lp_row(&m->lp, -INFINITY, 0);
	lp_entry(&m->lp, row, a, 1);
	lp_entry(&m->lp, row, which, -a_max);
	row = lp_row(&m->lp, -INFINITY, b_max);
	lp_entry(&m->lp, row, b, 1);
	lp_entry(&m->lp, row, which, b_max);
}

static void note_taken(struct model *m, int t, int row, double factor)
{
	struct step_columns *at = &m->at[t];
	at->taken_row[at->taken_rows] = row;
	at->taken_factor[at->taken_rows++] = factor;
}

void model_add_taken(struct model *m, int t, int row, double factor)
{
	note_taken(m, t, row, factor);
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; assets[k] != &model_battery && i < assets[k]->count(m->p); i++) {
			assets[k]->take(m, i, t, row, factor);
		}
	}
}

double model_price(const struct model *m, int t)
{
	const struct step_columns *at = &m->at[t];
	double price = 0;
	for (int k = 0; k < at->taken_rows; k++) {
		price -= at->taken_factor[k] * m->lp.row[at->taken_row[k]].dual;
	}
	return price;
}

double model_pull(const struct model *m, int guess)
{
	double sum = 0;
	for (int t = 0; t < m->p->steps; t++) {
		sum += fabs(model_price(m, t));
	}
	return pull_share[guess] * sum / m->p->steps;
}

bool model_gives(struct model *m, int column, double x)
{
	const struct lp_column *c = &m->lp.column[column];
	if (x >= c->high - model_slack) {
		lp_rest_high(&m->lp, column);
	}
	return x > c->low + model_slack && x < c->high - model_slack;
}

void model_guess(struct model *m, int column, int guess, bool on)
{
	if (column != NO_COLUMN) {
		m->lp.column[column].guess[guess] = on ? LP_ON : LP_OFF;
	}
}

double model_weigh(struct model *m, int row, int column, double more)
{
	double cost = column == NO_COLUMN ? 0 : m->lp.column[column].cost + more;
	if (row != NO_ROW && cost != 0) {
		lp_entry(&m->lp, row, column, cost);
	}
	return cost * model_x(m, column);
}

double model_cut_depth(const struct model *m)
{
	return fmax(m->p->good_gap / 20, cut_depth_min) * (1 + fabs(m->lp.objective));
}

/* --- the whole ----------------------------------------------------------------------------------
 */

void model_start(struct model *m, const struct problem *p)
{
	m->p = p;
	m->weight = model_weights(p);
	memset(m->split, 0, sizeof(m->split));
	m->begin_h[0] = 0;
	for (int t = 0; t < p->steps; t++) {
		m->begin_h[t + 1] = m->begin_h[t] + p->step[t].hours;
	}
}

void model_free(struct model *m)
{
	lp_free(&m->lp);
}

/* What is bought and sold is what the house takes: the one row that ties a step's assets. */
static void add_balance(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	double net_kw = (s->load_w - s->pv_w - s->traded_w) / 1e3;
	int row = lp_row(&m->lp, net_kw, net_kw);
	m->at[t].taken_rows = 0;
	note_taken(m, t, row, -1);
	lp_entry(&m->lp, row, m->at[t].bought, 1);
	lp_entry(&m->lp, row, m->at[t].sold, -1);
	if (m->at[t].curtailed != NO_COLUMN) {
		lp_entry(&m->lp, row, m->at[t].curtailed, -1);
	}
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			assets[k]->take(m, i, t, row, -1);
			if (assets[k]->give) {
				assets[k]->give(m, i, t, row, 1);
			}
		}
	}
}

static void bound(struct model *m)
{
	for (int t = 0; t < m->p->steps; t++) {
		m->at[t].taken_min = m->at[t].taken_max = m->at[t].given_max = 0;
	}
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			assets[k]->bound(m, i);
		}
	}
	for (int t = 0; t < m->p->steps; t++) {
		model_grid_bound(m, t);
	}
}

void model_build(struct model *m)
{
	lp_clear(&m->lp);
	m->period_row = NO_COLUMN;
	m->worst_import = lp_column(&m->lp, 0, INFINITY, m->weight.dear * m->weight.soft.limit_kw);
	m->worst_export = lp_column(&m->lp, 0, INFINITY, m->weight.dear * m->weight.soft.limit_kw);
	m->peak = lp_column(&m->lp, m->p->demand_incumbent_w / 1e3, INFINITY,
			    m->weight.money * m->p->demand_charge);
	bound(m);
	for (int t = 0; t < m->p->steps; t++) {
		model_grid_build(m, t);
	}
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			assets[k]->build(m, i);
		}
	}
	for (int t = 0; t < m->p->steps; t++) {
		add_balance(m, t);
		model_grid_tie(m, t);
	}
}

void model_wish(struct model *m, double kwh)
{
	const struct step_columns *at = &m->at[0];
	double hours = m->p->step[0].hours, low = 0, high = 0;
	int row = lp_row(&m->lp, 0, 0);
	for (int i = 0; i < m->p->batteries; i++) {
		const struct battery_model *b = &m->p->battery[i];
		const struct lp_column *stored = &m->lp.column[at->stored[i]];
		double start = b->soc_start * b->capacity_wh / 1e3;
		double down = at->discharge_max[i] * hours / b->discharge_efficiency;
		double up = at->charge_max[i] * hours * b->charge_efficiency;
		if (pool_has(b)) {
			low += fmax(stored->low, start - down);
			high += fmin(stored->high, start + up);
			lp_entry(&m->lp, row, at->stored[i], 1);
		}
	}
	m->lp.row[row].low = m->lp.row[row].high = fmin(fmax(kwh, low), high);
}

static int forbid_in(struct model *m, int t, bool cheats_only)
{
	int found = 0;
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			bool cheats = !cheats_only || assets[k]->cheats(m, i, t);
			found += cheats ? assets[k]->forbid(m, i, t) : 0;
		}
	}
	return found + (cheats_only ? model_grid_forbid_cheats(m, t) : model_grid_forbid(m, t));
}

/* What is on or off by nature is so everywhere as soon as it matters anywhere: what one of them may
 * not do the next one does. */
static int forbid_parts(struct model *m)
{
	int found = 0;
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			bool in_parts = assets[k]->is_on_off && assets[k]->is_on_off(m->p, i);
			for (int t = 0; in_parts && t < m->p->steps; t++) {
				found += assets[k]->forbid(m, i, t);
			}
		}
	}
	return found;
}

int model_forbid_cheats(struct model *m)
{
	int found = 0;
	for (int t = 0; t < m->p->steps; t++) {
		found += forbid_in(m, t, true);
	}
	return found > 0 ? found + forbid_parts(m) : 0;
}

void model_forbid_all(struct model *m)
{
	for (int t = 0; t < m->p->steps; t++) {
		(void)forbid_in(m, t, false);
	}
}

int model_cut(struct model *m)
{
	int cuts = 0;
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; assets[k]->cut && i < assets[k]->count(m->p); i++) {
			cuts += assets[k]->cut(m, i);
		}
	}
	return cuts;
}

void model_start_near(struct model *m, const struct plan *plan)
{
	for (int t = 0; t < m->p->steps && !m->lp.lacking; t++) {
		const struct step *s = &m->p->step[t];
		const struct plan_slot *slot =
			plan_at(plan, s->start_s + (int64_t)(s->hours * 1800));
		int balance_row = m->at[t].taken_row[0];
		model_grid_pair(m, t, slot, balance_row);
		for (int k = 0; k < KINDS; k++) {
			for (int i = 0; i < assets[k]->count(m->p); i++) {
				assets[k]->pair(m, i, t, slot, balance_row);
			}
		}
		lp_pair(&m->lp, balance_row, m->at[t].bought);
	}
}

void model_guess_as(struct model *m, const struct plan *plan, int guess)
{
	const struct plan_slot *before = NULL;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step *s = &m->p->step[t];
		const struct plan_slot *slot =
			plan_at(plan, s->start_s + (int64_t)(s->hours * 1800));
		for (int k = 0; slot && k < KINDS; k++) {
			for (int i = 0; assets[k]->guess && i < assets[k]->count(m->p); i++) {
				assets[k]->guess(m, i, t, guess, slot, before);
			}
		}
		before = slot;
	}
}

bool model_is_split(const struct model *m)
{
	static const struct split none;
	for (int t = 0; t < m->p->steps; t++) {
		if (memcmp(&m->split[t], &none, sizeof(none)) != 0) {
			return true;
		}
	}
	return false;
}

void model_take(const struct model *m, struct plan *out)
{
	for (int t = 0; t < m->p->steps; t++) {
		out->slot[t] = (struct plan_slot){ .step = m->p->step[t] };
	}
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < assets[k]->count(m->p); i++) {
			assets[k]->plan(m, i, out);
		}
	}
	for (int t = 0; t < m->p->steps; t++) {
		model_grid_plan(m, t, &out->slot[t]);
	}
}

double model_extra(const struct model *m)
{
	double extra = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step *s = &m->p->step[t];
		const struct step_columns *at = &m->at[t];
		double buy, sell, tied_kw = model_x(m, at->curtailed);
		model_prices(m->p, t, &buy, &sell);
		for (int i = 0; i < m->p->batteries; i++) {
			tied_kw += model_x(m, at->discharge[i]);
		}
		for (int i = 0; i < m->p->evs; i++) {
			tied_kw += model_x(m, at->ev_discharge[i]);
		}
		for (int i = 0; i < m->p->shifts; i++) {
			tied_kw += model_x(m, at->more[i]) + model_x(m, at->less[i]);
		}
		extra += s->hours * m->weight.tie * tied_kw;
		extra += s->hours * m->weight.money *
			 (model_x(m, at->bought) * (buy - s->buy) -
			  model_x(m, at->sold) * (sell - s->sell));
	}
	return extra;
}
