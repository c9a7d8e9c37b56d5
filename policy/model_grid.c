/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid's part of the model: what is bought, sold and curtailed, the limits and prices of power
 * at the connection, and what batteries that may not exchange with the grid share. */
#include <math.h>

#include "policy/model_asset.h"

void model_grid_bound(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	struct step_columns *at = &m->at[t];
	double pv_min_w = m->p->pv_curtailable ? 0 : s->pv_w;
	double in_kw = (s->load_w - pv_min_w - s->traded_w) / 1e3 + at->taken_max;
	double out_kw = (s->pv_w - s->load_w + s->traded_w) / 1e3 - at->taken_min + at->given_max;
	for (int i = 0; i < m->p->batteries; i++) {
		in_kw += at->charge_max[i];
		out_kw += at->discharge_max[i];
	}
	at->bought_max = fmax(in_kw, 0);
	at->sold_max = fmax(out_kw, 0);
}

/* row: low <= factor * (import - export at the connection) + ... <= high */
static void add_grid_entries(struct model *m, int row, int t, double factor)
{
	lp_entry(&m->lp, row, m->at[t].bought, factor);
	lp_entry(&m->lp, row, m->at[t].sold, -factor);
}

static bool needs_import(const struct model *m)
{
	return m->weight.imported > 0 || m->p->demand_charge > 0;
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

/* The power beyond limit_w costs price a kWh; NO_COLUMN where it is out of reach. sign 1: of
 * import, -1: of export. */
static int add_over(struct model *m, int t, double sign, double limit_w, double price)
{
	const struct step *s = &m->p->step[t];
	double most_kw = sign > 0 ? m->at[t].bought_max : m->at[t].sold_max;
	double limit_kw = (limit_w - sign * s->traded_w) / 1e3;
	if (isinf(limit_w) || most_kw <= limit_kw) {
		return NO_COLUMN;
	}
	int over = lp_column(&m->lp, 0, INFINITY, price * s->hours);
	int row = lp_row(&m->lp, -INFINITY, limit_kw);
	add_grid_entries(m, row, t, sign);
	lp_entry(&m->lp, row, over, -1);
	return over;
}

static void add_limit(struct model *m, int t, double sign, double limit_w, int worst)
{
	int over = add_over(m, t, sign, limit_w, m->weight.dear * m->weight.soft.limit_kwh);
	if (over != NO_COLUMN) {
		int row = lp_row(&m->lp, -INFINITY, 0);
		lp_entry(&m->lp, row, over, 1);
		lp_entry(&m->lp, row, worst, -1);
	}
}

/* --- the demand charge --------------------------------------------------------------------------
 */

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

void model_grid_build(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	struct step_columns *at = &m->at[t];
	double buy, sell, per_kw = m->weight.money * s->hours;
	model_prices(m->p, t, &buy, &sell);
	at->bought = lp_column(&m->lp, 0, at->bought_max, per_kw * buy);
	at->sold = lp_column(&m->lp, 0, at->sold_max, -per_kw * sell);
	at->curtailed = NO_COLUMN;
	if (m->p->pv_curtailable && s->pv_w > 0) {
		at->curtailed = lp_column(&m->lp, 0, s->pv_w / 1e3, m->weight.tie * s->hours);
	}
	add_import(m, t);
	add_limit(m, t, 1, s->import_limit_w, m->worst_import);
	add_limit(m, t, -1, s->export_limit_w, m->worst_export);
	if (m->p->overuse_price > 0) {
		(void)add_over(m, t, 1, m->p->subscribed_w, m->weight.money * m->p->overuse_price);
	}
	at->peak_rows = 0;
	if (m->p->demand_charge > 0) {
		add_peak(m, t);
	}
}

/* --- what ties assets together beside the balance -----------------------------------------------
 */

/* What PV leaves of the load, before the assets. */
static double net_kw(const struct model *m, int t)
{
	return (m->p->step[t].load_w - m->p->step[t].pv_w) / 1e3;
}

/* The most that the batteries which may not exchange with the grid can charge or discharge. */
static double tied_charge_max(const struct model *m, int t)
{
	double kw = 0;
	for (int i = 0; i < m->p->batteries; i++) {
		kw += m->p->battery[i].grid_charging ? 0 : m->at[t].charge_max[i];
	}
	return fmin(kw, -net_kw(m, t) - m->at[t].taken_min);
}

static double tied_discharge_max(const struct model *m, int t)
{
	double kw = 0;
	for (int i = 0; i < m->p->batteries; i++) {
		kw += m->p->battery[i].grid_discharging ? 0 : m->at[t].discharge_max[i];
	}
	return fmin(kw, net_kw(m, t) + m->at[t].taken_max);
}

static void add_tied_charge(struct model *m, int t, int row, double factor)
{
	for (int i = 0; i < m->p->batteries; i++) {
		if (!m->p->battery[i].grid_charging) {
			lp_entry(&m->lp, row, m->at[t].charge[i], factor);
		}
	}
}

static void add_tied_discharge(struct model *m, int t, int row, double factor)
{
	for (int i = 0; i < m->p->batteries; i++) {
		if (!m->p->battery[i].grid_discharging) {
			lp_entry(&m->lp, row, m->at[t].discharge[i], factor);
		}
	}
}

/* Batteries that may not charge from the grid share PV's surplus over what is taken: charged <=
 * max(0, PV used - load - taken). Linear is only its convex hull, charged between none and most,
 * the net load between -surplus and deficit. */
static void add_surplus(struct model *m, int t, double most, double deficit, int charging)
{
	const struct step_columns *at = &m->at[t];
	int row = lp_row(&m->lp, -INFINITY, deficit - net_kw(m, t));
	add_tied_charge(m, t, row, charging == NO_COLUMN ? 1 + deficit / most : 1);
	model_add_taken(m, t, row, 1);
	if (at->curtailed != NO_COLUMN) {
		lp_entry(&m->lp, row, at->curtailed, 1);
	}
	if (charging != NO_COLUMN) {
		lp_entry(&m->lp, row, charging, deficit);
	}
}

static double deficit_max(const struct model *m, int t)
{
	double unused_pv = m->at[t].curtailed == NO_COLUMN ? 0 : m->p->step[t].pv_w / 1e3;
	return fmax(net_kw(m, t) + unused_pv + m->at[t].taken_max, 0);
}

/* A binary says whether they charge at all. */
static int forbid_surplus(struct model *m, int t)
{
	double most = tied_charge_max(m, t), deficit = deficit_max(m, t);
	if (most <= 0 || deficit <= 0 || !model_split(&m->split[t].surplus)) {
		return 0;
	}
	int charging = lp_binary(&m->lp, GROUP_GRID);
	int row = lp_row(&m->lp, -INFINITY, 0);
	add_tied_charge(m, t, row, 1);
	lp_entry(&m->lp, row, charging, -most);
	add_surplus(m, t, most, deficit, charging);
	return 1;
}

/* Batteries that may not discharge into the grid share what PV leaves of the load and of what is
 * taken. As above. */
static void add_leftover(struct model *m, int t, double most, double surplus, int discharging)
{
	int row = lp_row(&m->lp, -INFINITY, surplus + net_kw(m, t));
	add_tied_discharge(m, t, row, discharging == NO_COLUMN ? 1 + surplus / most : 1);
	model_add_taken(m, t, row, -1);
	if (discharging != NO_COLUMN) {
		lp_entry(&m->lp, row, discharging, surplus);
	}
}

static double surplus_max(const struct model *m, int t)
{
	return fmax(-net_kw(m, t) - m->at[t].taken_min, 0);
}

static int forbid_leftover(struct model *m, int t)
{
	double most = tied_discharge_max(m, t), surplus = surplus_max(m, t);
	if (most <= 0 || surplus <= 0 || !model_split(&m->split[t].leftover)) {
		return 0;
	}
	int discharging = lp_binary(&m->lp, GROUP_GRID);
	int row = lp_row(&m->lp, -INFINITY, 0);
	add_tied_discharge(m, t, row, 1);
	lp_entry(&m->lp, row, discharging, -most);
	add_leftover(m, t, most, surplus, discharging);
	return 1;
}

void model_grid_tie(struct model *m, int t)
{
	double charge = tied_charge_max(m, t), discharge = tied_discharge_max(m, t);
	/* Where they are zero the bounds of the batteries say so already. */
	if (charge > 0) {
		add_surplus(m, t, charge, deficit_max(m, t), NO_COLUMN);
	}
	if (discharge > 0) {
		add_leftover(m, t, discharge, surplus_max(m, t), NO_COLUMN);
	}
}

static int forbid_both(struct model *m, int t)
{
	const struct step_columns *at = &m->at[t];
	bool pays = m->p->step[t].sell > m->p->step[t].buy;
	if (!pays || !model_split(&m->split[t].grid)) {
		return 0;
	}
	model_add_either(m, GROUP_GRID, at->bought, at->bought_max, at->sold, at->sold_max);
	return 1;
}

int model_grid_forbid(struct model *m, int t)
{
	return forbid_both(m, t) + forbid_surplus(m, t) + forbid_leftover(m, t);
}

/* --- the answer ---------------------------------------------------------------------------------
 */

/* What the assets but batteries take, by the balance. */
static double taken_kw(const struct model *m, int t)
{
	const struct step_columns *at = &m->at[t];
	double kw = model_x(m, at->bought) - model_x(m, at->sold) - model_x(m, at->curtailed) -
		    net_kw(m, t) + m->p->step[t].traded_w / 1e3;
	for (int i = 0; i < m->p->batteries; i++) {
		kw += model_x(m, at->discharge[i]) - model_x(m, at->charge[i]);
	}
	for (int i = 0; i < m->p->evs; i++) {
		kw += model_x(m, at->ev_discharge[i]);
	}
	for (int i = 0; i < m->p->shifts; i++) {
		kw += model_x(m, at->less[i]);
	}
	return kw;
}

int model_grid_forbid_cheats(struct model *m, int t)
{
	const struct step *s = &m->p->step[t];
	const struct step_columns *at = &m->at[t];
	double charge_kw = 0, discharge_kw = 0, size_kw = (s->pv_w + s->load_w) / 1e3;
	double leaves_kw = net_kw(m, t) + taken_kw(m, t);
	double spare_kw = -leaves_kw - model_x(m, at->curtailed);
	for (int i = 0; i < m->p->batteries; i++) {
		const struct battery_model *b = &m->p->battery[i];
		charge_kw += b->grid_charging ? 0 : model_x(m, at->charge[i]);
		discharge_kw += b->grid_discharging ? 0 : model_x(m, at->discharge[i]);
	}
	bool both = model_both(model_x(m, at->bought), at->bought_max, model_x(m, at->sold),
			       at->sold_max);
	bool grid_charge = model_both(charge_kw, size_kw, charge_kw - spare_kw, size_kw);
	bool grid_discharge = model_both(discharge_kw, size_kw, discharge_kw - leaves_kw, size_kw);
	return (both ? forbid_both(m, t) : 0) + (grid_charge ? forbid_surplus(m, t) : 0) +
	       (grid_discharge ? forbid_leftover(m, t) : 0);
}

/* What PV gives: not less than those batteries take that may take from nothing else. */
static double exact_pv(const struct model *m, int t, const struct plan_slot *slot, double taken_w)
{
	const struct step *s = &m->p->step[t];
	double w = fmin(fmax(s->pv_w - 1e3 * model_x(m, m->at[t].curtailed), 0), s->pv_w);
	double charge_w = 0;
	for (int i = 0; i < m->p->batteries; i++) {
		charge_w += m->p->battery[i].grid_charging ? 0 : fmax(-slot->battery_w[i], 0);
	}
	return charge_w > 0 ? fmin(fmax(w, s->load_w + taken_w + charge_w), s->pv_w) : w;
}

static double peak_price(const struct model *m, int t)
{
	const struct step_columns *at = &m->at[t];
	const struct problem *p = m->p;
	if (p->demand_charge <= 0 || p->objective != OBJECTIVE_COST) {
		return 0;
	}
	for (int k = 0; k < at->peak_rows; k++) {
		if (m->lp.row[at->peak_row[k]].dual < -1e-6 * p->demand_charge) {
			return p->demand_charge / (p->demand_period_s / 3600);
		}
	}
	return 0;
}

double model_taken_w(const struct problem *p, const struct plan_slot *slot)
{
	double w = 0;
	for (int i = 0; i < p->evs; i++) {
		w += fmax(-slot->ev_w[i], 0);
	}
	for (int i = 0; i < p->loads; i++) {
		w += slot->run_w[i];
	}
	for (int i = 0; i < p->thermals; i++) {
		w += slot->heat_w[i];
	}
	for (int i = 0; i < p->shifts; i++) {
		w += fmax(-slot->shift_w[i], 0);
	}
	return w;
}

void model_grid_pair(struct model *m, int t, const struct plan_slot *slot, int balance_row)
{
	const struct step_columns *at = &m->at[t];
	if (!slot) {
		return;
	}
	double settled_kw = (slot->grid_w - m->p->step[t].traded_w) / 1e3;
	double unused_kw = (m->p->step[t].pv_w - slot->pv_w) / 1e3;
	if (at->curtailed != NO_COLUMN && model_gives(m, at->curtailed, unused_kw)) {
		lp_pair(&m->lp, balance_row, at->curtailed);
	}
	if (model_gives(m, at->bought, settled_kw)) {
		lp_pair(&m->lp, balance_row, at->bought);
	}
	if (model_gives(m, at->sold, -settled_kw)) {
		lp_pair(&m->lp, balance_row, at->sold);
	}
}

void model_grid_plan(const struct model *m, int t, struct plan_slot *slot)
{
	double taken_w = model_taken_w(m->p, slot), given_w = 0;
	for (int i = 0; i < m->p->evs; i++) {
		given_w += fmax(slot->ev_w[i], 0);
	}
	for (int i = 0; i < m->p->shifts; i++) {
		given_w += fmax(slot->shift_w[i], 0);
	}
	for (int i = 0; i < m->p->batteries; i++) {
		given_w += slot->battery_w[i];
	}
	slot->pv_w = exact_pv(m, t, slot, taken_w);
	slot->grid_w = slot->step.load_w - slot->pv_w + taken_w - given_w;
	slot->peak_price = peak_price(m, t);
}
