/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/model.h"

#include <math.h>
#include <string.h>

static const double tie_share = 1e-5; /* of the objective's scale: what decides between equals */
static const double self_consumption_money = 1e-4; /* weight of money beside imported kWh */

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

static bool needs_import(const struct model *m)
{
	return m->weight.imported > 0 || m->p->demand_charge > 0;
}

/* The powers step t has by nature: what a battery may do, and what can then flow at the grid. */
static void find_maxima(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	struct step_columns *at = &m->at[t];
	double in_w = s->load_w - (m->p->pv_curtailable ? 0 : s->pv_w) - s->traded_w;
	double out_w = s->pv_w - s->load_w + s->traded_w;
	for (int i = 0; i < m->p->batteries; i++) {
		double low_w, high_w;
		battery_power_range(&m->p->battery[i], s->load_w - s->pv_w, &low_w, &high_w);
		at->charge_max[i] = -low_w / 1e3;
		at->discharge_max[i] = high_w / 1e3;
		in_w -= low_w;
		out_w += high_w;
	}
	at->bought_max = fmax(in_w, 0) / 1e3;
	at->sold_max = fmax(out_w, 0) / 1e3;
}

/* row: low <= factor * (import - export at the connection) + ... <= high */
static void add_grid_entries(struct model *m, int row, int t, double factor)
{
	lp_entry(&m->lp, row, m->at[t].bought, factor);
	lp_entry(&m->lp, row, m->at[t].sold, -factor);
}

static void add_import(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	struct step_columns *at = &m->at[t];
	at->import = NO_COLUMN;
	if (!needs_import(m)) {
		return;
	}
	if (s->traded_w == 0) {
		at->import = at->bought;
		m->lp.column[at->bought].cost += m->weight.imported * s->hours;
		return;
	}
	at->import = lp_column(&m->lp, 0, INFINITY, m->weight.imported * s->hours);
	int row = lp_row(&m->lp, s->traded_w / 1e3, INFINITY);
	lp_entry(&m->lp, row, at->import, 1);
	add_grid_entries(m, row, t, -1);
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

static void add_grid(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	double buy, sell;
	model_prices(m->p, t, &buy, &sell);
	struct step_columns *at = &m->at[t];
	double per_kw = m->weight.money * s->hours;
	at->bought = lp_column(&m->lp, 0, at->bought_max, per_kw * buy);
	at->sold = lp_column(&m->lp, 0, at->sold_max, -per_kw * sell);
	at->curtailed = NO_COLUMN;
	if (m->p->pv_curtailable) {
		at->curtailed = lp_column(&m->lp, 0, s->pv_w / 1e3, m->weight.tie * s->hours);
	}
	add_import(m, t);
}

/* sign 1: the import limit, -1: the export limit. */
static void add_limit(struct model *m, int t, double sign, double limit_w, int worst)
{
	const struct step *s = &m->p->step[t];
	const struct step_columns *at = &m->at[t];
	double most_kw = sign > 0 ? at->bought_max : at->sold_max;
	double limit_kw = (limit_w - sign * s->traded_w) / 1e3;
	if (isinf(limit_w) || most_kw <= limit_kw) {
		return;
	}
	int over = lp_column(&m->lp, 0, INFINITY,
			     m->weight.dear * m->weight.soft.limit_kwh * s->hours);
	int row = lp_row(&m->lp, -INFINITY, limit_kw);
	add_grid_entries(m, row, t, sign);
	lp_entry(&m->lp, row, over, -1);
	row = lp_row(&m->lp, -INFINITY, 0);
	lp_entry(&m->lp, row, over, 1);
	lp_entry(&m->lp, row, worst, -1);
}

static void add_battery(struct model *m, int i, int sharing)
{
	const struct battery_model *b = &m->p->battery[i];
	double start = b->soc_start * b->capacity_wh / 1e3;
	double low = start, high = start;
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		double hours = m->p->step[t].hours;
		battery_recover(b, hours / sharing, &low, &high, &at->charge_max[i],
				&at->discharge_max[i]);
		at->charge[i] = lp_column(&m->lp, 0, at->charge_max[i], 0);
		at->discharge[i] = lp_column(&m->lp, 0, at->discharge_max[i],
					     (m->weight.money * b->wear + m->weight.tie) * hours);
		at->stored[i] = lp_column(&m->lp, low, high, 0);
		int row = lp_row(&m->lp, t == 0 ? start : 0, t == 0 ? start : 0);
		lp_entry(&m->lp, row, at->stored[i], 1);
		lp_entry(&m->lp, row, at->charge[i], -hours * b->charge_efficiency);
		lp_entry(&m->lp, row, at->discharge[i], hours / b->discharge_efficiency);
		if (t > 0) {
			lp_entry(&m->lp, row, m->at[t - 1].stored[i], -1);
		}
		at->storage_row[i] = row;
	}
}

static void add_end(struct model *m, int i)
{
	const struct battery_model *b = &m->p->battery[i];
	int stored = m->at[m->p->steps - 1].stored[i];
	m->lp.column[stored].cost -= m->weight.money * b->end_value;
	if (b->soc_end >= 0) {
		int missing =
			lp_column(&m->lp, 0, INFINITY, m->weight.dear * m->weight.soft.end_kwh);
		int row = lp_row(&m->lp, b->soc_end * b->capacity_wh / 1e3, INFINITY);
		lp_entry(&m->lp, row, stored, 1);
		lp_entry(&m->lp, row, missing, 1);
	}
}

static void add_balance(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	const struct step_columns *at = &m->at[t];
	double net_kw = (s->load_w - s->pv_w - s->traded_w) / 1e3;
	int row = lp_row(&m->lp, net_kw, net_kw);
	add_grid_entries(m, row, t, 1);
	for (int i = 0; i < m->p->batteries; i++) {
		lp_entry(&m->lp, row, at->charge[i], -1);
		lp_entry(&m->lp, row, at->discharge[i], 1);
	}
	if (at->curtailed != NO_COLUMN) {
		lp_entry(&m->lp, row, at->curtailed, -1);
	}
}

/* Batteries that may not discharge into the grid share the load that PV leaves. */
static void add_load_sharing(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	int row = lp_row(&m->lp, -INFINITY, fmax(s->load_w - s->pv_w, 0) / 1e3);
	for (int i = 0; i < m->p->batteries; i++) {
		if (!m->p->battery[i].grid_discharging) {
			lp_entry(&m->lp, row, m->at[t].discharge[i], 1);
		}
	}
}

static void add_surplus_entries(struct model *m, int t, int row)
{
	for (int i = 0; i < m->p->batteries; i++) {
		if (!m->p->battery[i].grid_charging) {
			lp_entry(&m->lp, row, m->at[t].charge[i], 1);
		}
	}
}

/* Batteries that may not charge from the grid share PV's surplus over the load: charged <=
 * max(0, PV used - load). Linear is only its convex hull; where that is not enough, a binary says
 * whether they charge at all. */
static void add_surplus_sharing(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	int curtailed = m->at[t].curtailed;
	double pv_kw = s->pv_w / 1e3;
	double surplus_kw = (s->pv_w - s->load_w) / 1e3;
	if (surplus_kw <= 0) {
		return; /* the bounds of charge say so already */
	}
	int row = lp_row(&m->lp, -INFINITY, surplus_kw);
	add_surplus_entries(m, t, row);
	if (curtailed == NO_COLUMN) {
		return;
	}
	lp_entry(&m->lp, row, curtailed, surplus_kw / pv_kw);
	if (m->split[t].surplus) {
		int charging = lp_binary(&m->lp);
		row = lp_row(&m->lp, -INFINITY, 0);
		add_surplus_entries(m, t, row);
		lp_entry(&m->lp, row, charging, -surplus_kw);
		row = lp_row(&m->lp, -INFINITY, pv_kw);
		add_surplus_entries(m, t, row);
		lp_entry(&m->lp, row, curtailed, 1);
		lp_entry(&m->lp, row, charging, pv_kw - surplus_kw);
	}
}

/* Either a or b is above zero. */
static void add_either(struct model *m, int a, double a_max, int b, double b_max)
{
	int which = lp_binary(&m->lp);
	int row = lp_row(&m->lp, -INFINITY, 0);
	lp_entry(&m->lp, row, a, 1);
	lp_entry(&m->lp, row, which, -a_max);
	row = lp_row(&m->lp, -INFINITY, b_max);
	lp_entry(&m->lp, row, b, 1);
	lp_entry(&m->lp, row, which, b_max);
}

static void add_splits(struct model *m, int t)
{
	const struct step_columns *at = &m->at[t];
	if (m->split[t].grid) {
		add_either(m, at->bought, at->bought_max, at->sold, at->sold_max);
	}
	for (int i = 0; i < m->p->batteries; i++) {
		if (m->split[t].battery[i]) {
			add_either(m, at->charge[i], at->charge_max[i], at->discharge[i],
				   at->discharge_max[i]);
		}
	}
}

/* The row that keeps a demand period's mean import below the peak. */
static int period_row(struct model *m, int64_t period)
{
	if (m->period_row == NO_COLUMN || period != m->period) {
		bool first = m->period_row == NO_COLUMN;
		m->period = period;
		m->period_row = lp_row(&m->lp, -INFINITY, first ? -m->p->demand_open_wh / 1e3 : 0);
		lp_entry(&m->lp, m->period_row, m->peak, -m->p->demand_period_s / 3600);
	}
	return m->period_row;
}

static void add_peak_part(struct model *m, int t, int row, double hours)
{
	struct step_columns *at = &m->at[t];
	lp_entry(&m->lp, row, at->import, hours);
	at->peak_row[at->peak_rows++] = row;
}

/* Of the periods a step reaches into, the first and the last have a row; those it fills in between
 * are all alike: import <= peak. */
static void add_peak(struct model *m, int t)
{
	double period_s = m->p->demand_period_s;
	double from_s = (double)m->p->step[t].start_s;
	double to_s = from_s + m->p->step[t].hours * 3600;
	int64_t first = (int64_t)floor(from_s / period_s);
	int64_t last = (int64_t)floor((to_s - 1e-3) / period_s);
	m->at[t].peak_rows = 0;
	double first_to_s = fmin(to_s, (double)(first + 1) * period_s);
	add_peak_part(m, t, period_row(m, first), (first_to_s - from_s) / 3600);
	if (last > first + 1) {
		int row = lp_row(&m->lp, -INFINITY, 0);
		lp_entry(&m->lp, row, m->peak, -1);
		add_peak_part(m, t, row, 1);
	}
	if (last > first) {
		double last_from_s = (double)last * period_s;
		add_peak_part(m, t, period_row(m, last), (to_s - last_from_s) / 3600);
	}
}

static int count_batteries(const struct problem *p, bool may_charge, bool may_discharge)
{
	int n = 0;
	for (int i = 0; i < p->batteries; i++) {
		n += (may_charge || !p->battery[i].grid_charging) &&
		     (may_discharge || !p->battery[i].grid_discharging);
	}
	return n;
}

int model_init(struct model *m, const struct problem *p)
{
	int b = p->batteries, n = p->steps + 1;
	memset(m, 0, sizeof(*m));
	m->p = p;
	m->weight = model_weights(p);
	return lp_init(&m->lp, n * (9 + 4 * b), n * (16 + 3 * b), n * (34 + 16 * b));
}

void model_free(struct model *m)
{
	lp_free(&m->lp);
}

void model_build(struct model *m)
{
	const struct problem *p = m->p;
	bool bound_charge = count_batteries(p, false, true) > 0;
	bool bound_discharge = count_batteries(p, true, false) > 0;
	m->lp.columns = m->lp.rows = m->lp.entries = 0;
	m->period_row = NO_COLUMN;
	m->worst_import = lp_column(&m->lp, 0, INFINITY, m->weight.dear * m->weight.soft.limit_kw);
	m->worst_export = lp_column(&m->lp, 0, INFINITY, m->weight.dear * m->weight.soft.limit_kw);
	m->peak = lp_column(&m->lp, p->demand_incumbent_w / 1e3, INFINITY,
			    m->weight.money * p->demand_charge);
	for (int t = 0; t < p->steps; t++) {
		find_maxima(m, t);
		add_grid(m, t);
		add_limit(m, t, 1, p->step[t].import_limit_w, m->worst_import);
		add_limit(m, t, -1, p->step[t].export_limit_w, m->worst_export);
		if (p->demand_charge > 0) {
			add_peak(m, t);
		}
	}
	for (int i = 0; i < p->batteries; i++) {
		add_battery(m, i, bound_charge || bound_discharge ? p->batteries : 1);
		add_end(m, i);
	}
	for (int t = 0; t < p->steps; t++) {
		add_balance(m, t);
		if (bound_charge) {
			add_surplus_sharing(m, t);
		}
		if (bound_discharge) {
			add_load_sharing(m, t);
		}
		add_splits(m, t);
	}
}
