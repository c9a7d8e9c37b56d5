/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The electric cars' part of the model. What a car has stored while it is away is what it left
 * with; the trip is taken off when it comes back. */
#include <math.h>

#include "policy/model_asset.h"

static int count(const struct problem *p)
{
	return p->evs;
}

static bool arrives(const struct ev_model *e, int t)
{
	return t > 0 && t < STEPS_MAX && e->connected[t] && !e->connected[t - 1];
}

static double trip_kwh(const struct ev_model *e)
{
	return e->trip_wh / 1e3;
}

/* What it may have stored after each step, and so what it may do in it. Out of its band it only
 * moves towards it. */
static void bound(struct model *m, int i)
{
	const struct ev_model *e = &m->p->ev[i];
	double full = e->capacity_wh / 1e3, min = e->soc_min * full, max = e->soc_max * full;
	double low = e->soc_start * full, high = low;
	bool came = e->connected[0];
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		double hours = m->p->step[t].hours;
		if (came && arrives(e, t)) {
			low = fmax(low - trip_kwh(e), 0);
			high = fmax(high - trip_kwh(e), 0);
		}
		came |= e->connected[t];
		bool charges = e->connected[t] && low < max, gives = e->connected[t] && high > min;
		at->ev_charge_max[i] = charges ? e->charge_limit_w / 1e3 : 0;
		at->ev_discharge_max[i] = gives ? e->discharge_limit_w / 1e3 : 0;
		double up = at->ev_charge_max[i] * e->charge_efficiency * hours;
		double down = at->ev_discharge_max[i] / e->discharge_efficiency * hours;
		low = fmin(low, fmax(low - down, min));
		high = fmax(high, fmin(high + up, max));
		at->ev_low[i] = low;
		at->ev_high[i] = high;
		at->taken_max += at->ev_charge_max[i];
		at->given_max += at->ev_discharge_max[i];
	}
}

/* What is left of a trip from what was stored before it (column from, between low and high): the
 * rest, or nothing. Linear is only its convex hull; a binary says whether there is a rest. */
static int add_trip(struct model *m, int i, int from, double low, double high)
{
	double trip = trip_kwh(&m->p->ev[i]), most = high - trip;
	if (most <= 0) {
		return lp_column(&m->lp, 0, 0, 0);
	}
	int left = lp_column(&m->lp, fmax(low - trip, 0), most, 0);
	int row = lp_row(&m->lp, -trip, low >= trip ? -trip : INFINITY);
	lp_entry(&m->lp, row, left, 1);
	lp_entry(&m->lp, row, from, -1);
	if (low >= trip) {
		return left;
	}
	double slope = most / (high - low);
	row = lp_row(&m->lp, -INFINITY, -slope * low);
	lp_entry(&m->lp, row, left, 1);
	lp_entry(&m->lp, row, from, -slope);
	return left;
}

static int forbid_trip(struct model *m, int i, int t)
{
	const struct step_columns *away = &m->at[t - 1];
	int left = m->at[t].ev_left[i], from = away->ev_stored[i];
	double trip = trip_kwh(&m->p->ev[i]), low = away->ev_low[i], most = away->ev_high[i] - trip;
	if (most <= 0 || low >= trip || !model_split(&m->split[t].trip[i])) {
		return 0;
	}
	int rest = lp_binary(&m->lp, GROUP_EV + i);
	int row = lp_row(&m->lp, -INFINITY, 0);
	lp_entry(&m->lp, row, left, 1);
	lp_entry(&m->lp, row, rest, -most);
	row = lp_row(&m->lp, -INFINITY, -low);
	lp_entry(&m->lp, row, left, 1);
	lp_entry(&m->lp, row, from, -1);
	lp_entry(&m->lp, row, rest, trip - low);
	return 1;
}

/* column <= most + (less - most) * binary */
static void add_cap(struct model *m, int column, double most, double less, int binary)
{
	int row = lp_row(&m->lp, -INFINITY, most);
	lp_entry(&m->lp, row, column, 1);
	lp_entry(&m->lp, row, binary, most - less);
}

/* One binary says whether it charges, one whether it discharges down to its band's end. */
static void forbid_powers(struct model *m, int i, int t)
{
	const struct ev_model *e = &m->p->ev[i];
	const struct step_columns *at = &m->at[t];
	double full = e->capacity_wh / 1e3, max = e->soc_max * full, min = e->soc_min * full;
	double most = at->ev_charge_max[i], least = fmin(e->charge_min_w / 1e3, most);
	if (most > 0) {
		int charging = m->at[t].ev_charging[i] = lp_binary(&m->lp, GROUP_EV + i);
		int row = lp_row(&m->lp, -INFINITY, 0);
		lp_entry(&m->lp, row, at->ev_charge[i], 1);
		lp_entry(&m->lp, row, charging, -most);
		row = lp_row(&m->lp, 0, INFINITY);
		lp_entry(&m->lp, row, at->ev_charge[i], 1);
		lp_entry(&m->lp, row, charging, -least);
		if (at->ev_discharge[i] != NO_COLUMN) {
			add_cap(m, at->ev_discharge[i], at->ev_discharge_max[i], 0, charging);
		}
		if (at->ev_high[i] > max) {
			add_cap(m, at->ev_stored[i], at->ev_high[i], max, charging);
		}
	}
	if (at->ev_discharge[i] != NO_COLUMN && at->ev_low[i] < min) {
		int giving = lp_binary(&m->lp, GROUP_EV + i);
		int row = lp_row(&m->lp, -INFINITY, 0);
		lp_entry(&m->lp, row, at->ev_discharge[i], 1);
		lp_entry(&m->lp, row, giving, -at->ev_discharge_max[i]);
		row = lp_row(&m->lp, at->ev_low[i], INFINITY);
		lp_entry(&m->lp, row, at->ev_stored[i], 1);
		lp_entry(&m->lp, row, giving, at->ev_low[i] - min);
	}
}

/* The columns of a connected step; before: what is stored at its begin (NO_COLUMN: start). */
static void add_step(struct model *m, int i, int t, int before)
{
	const struct ev_model *e = &m->p->ev[i];
	struct step_columns *at = &m->at[t];
	double hours = m->p->step[t].hours, start = e->soc_start * e->capacity_wh / 1e3;
	at->ev_charge[i] = lp_column(&m->lp, 0, at->ev_charge_max[i], 0);
	at->ev_stored[i] = lp_column(&m->lp, at->ev_low[i], at->ev_high[i], 0);
	double begin = before == NO_COLUMN ? start : 0;
	int row = at->ev_row[i] = lp_row(&m->lp, begin, begin);
	lp_entry(&m->lp, row, at->ev_stored[i], 1);
	lp_entry(&m->lp, row, at->ev_charge[i], -hours * e->charge_efficiency);
	if (at->ev_discharge_max[i] > 0) {
		at->ev_discharge[i] =
			lp_column(&m->lp, 0, at->ev_discharge_max[i],
				  (m->weight.money * e->wear + m->weight.tie) * hours);
		lp_entry(&m->lp, row, at->ev_discharge[i], hours / e->discharge_efficiency);
	}
	if (before != NO_COLUMN) {
		lp_entry(&m->lp, row, before, -1);
	}
}

static void add_departure(struct model *m, int i, int stored)
{
	const struct ev_model *e = &m->p->ev[i];
	if (e->soc_target > 0) {
		int missing = lp_column(&m->lp, 0, INFINITY, m->weight.dear * e->unmet_price);
		int row = lp_row(&m->lp, e->soc_target * e->capacity_wh / 1e3, INFINITY);
		lp_entry(&m->lp, row, stored, 1);
		lp_entry(&m->lp, row, missing, 1);
	}
}

static void build(struct model *m, int i)
{
	const struct ev_model *e = &m->p->ev[i];
	int stored = NO_COLUMN;
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		at->ev_charge[i] = at->ev_discharge[i] = at->ev_left[i] = NO_COLUMN;
		at->ev_charging[i] = NO_COLUMN;
		if (stored != NO_COLUMN && arrives(e, t)) {
			const struct step_columns *away = &m->at[t - 1];
			stored = add_trip(m, i, stored, away->ev_low[i], away->ev_high[i]);
			at->ev_left[i] = stored;
		}
		if (e->connected[t]) {
			add_step(m, i, t, stored);
			stored = at->ev_stored[i];
		}
		at->ev_stored[i] = stored;
		if (e->connected[t] && t + 1 < m->p->steps && !e->connected[t + 1]) {
			add_departure(m, i, stored);
		}
	}
	if (stored == NO_COLUMN) { /* it never comes */
		double start = e->soc_start * e->capacity_wh / 1e3;
		stored = lp_column(&m->lp, start, start, 0);
	}
	m->lp.column[stored].cost -= m->weight.money * e->end_value;
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	if (m->at[t].ev_charge[i] != NO_COLUMN) {
		lp_entry(&m->lp, row, m->at[t].ev_charge[i], factor);
	}
}

static void give(struct model *m, int i, int t, int row, double factor)
{
	if (m->at[t].ev_discharge[i] != NO_COLUMN) {
		lp_entry(&m->lp, row, m->at[t].ev_discharge[i], factor);
	}
}

static void pair(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row)
{
	const struct step_columns *at = &m->at[t];
	int row = at->ev_row[i], give = at->ev_discharge[i];
	if (!m->p->ev[i].connected[t]) {
		return;
	}
	if (slot) {
		double kw = slot->ev_w[i] / 1e3;
		bool charges = model_gives(m, at->ev_charge[i], -kw);
		bool gives = give != NO_COLUMN && model_gives(m, give, kw);
		if (model_gives(m, at->ev_stored[i],
				slot->ev_soc[i] * m->p->ev[i].capacity_wh / 1e3)) {
			lp_pair(&m->lp, row, at->ev_stored[i]);
		}
		if (charges || gives) {
			lp_pair(&m->lp, m->lp.row[row].paired ? balance_row : row,
				charges ? at->ev_charge[i] : give);
		}
	}
	lp_pair(&m->lp, row, at->ev_stored[i]);
}

static bool cheats_on_trip(const struct model *m, int i, int t)
{
	double trip = trip_kwh(&m->p->ev[i]);
	if (m->at[t].ev_left[i] == NO_COLUMN) {
		return false;
	}
	double rest = fmax(model_x(m, m->at[t - 1].ev_stored[i]) - trip, 0);
	return model_x(m, m->at[t].ev_left[i]) - rest > model_slack * (1 + trip);
}

static bool cheats_by_power(const struct model *m, int i, int t)
{
	const struct ev_model *e = &m->p->ev[i];
	const struct step_columns *at = &m->at[t];
	double charge = model_x(m, at->ev_charge[i]), most = at->ev_charge_max[i];
	double give = model_x(m, at->ev_discharge[i]), give_max = at->ev_discharge_max[i];
	double kwh = model_x(m, at->ev_stored[i]), full = e->capacity_wh / 1e3;
	double least = fmin(e->charge_min_w / 1e3, most);
	return model_both(charge, most, give, give_max) ||
	       model_both(charge, most, least - charge, most) ||
	       model_both(charge, most, kwh - e->soc_max * full, full) ||
	       model_both(give, give_max, e->soc_min * full - kwh, full);
}

static bool cheats(const struct model *m, int i, int t)
{
	return cheats_on_trip(m, i, t) || cheats_by_power(m, i, t);
}

static bool is_on_off(const struct problem *p, int i)
{
	return p->ev[i].charge_min_w > 0;
}

static int forbid(struct model *m, int i, int t)
{
	int found = m->at[t].ev_left[i] == NO_COLUMN ? 0 : forbid_trip(m, i, t);
	if (m->p->ev[i].connected[t] && model_split(&m->split[t].ev[i])) {
		forbid_powers(m, i, t);
		found++;
	}
	return found;
}

static void guess(struct model *m, int i, int t, int guess, const struct plan_slot *slot,
		  const struct plan_slot *before)
{
	(void)before;
	model_guess(m, m->at[t].ev_charging[i], guess, slot->ev_w[i] < 0);
}

/* Its power in a connected step, W, made exact: at least the least or none, never past its band
 * from *kwh on, which is moved along. */
static double exact_power(const struct model *m, int i, int t, double *kwh)
{
	const struct ev_model *e = &m->p->ev[i];
	const struct step_columns *at = &m->at[t];
	double hours = m->p->step[t].hours, full = e->capacity_wh / 1e3;
	double kw = model_x(m, at->ev_discharge[i]) - model_x(m, at->ev_charge[i]);
	double least = e->charge_min_w / 1e3;
	if (fabs(kw) < model_slack) {
		return 0;
	}
	if (kw > 0) {
		kw = fmin(kw, at->ev_discharge_max[i]);
		kw = fmin(kw, fmax(*kwh - e->soc_min * full, 0) * e->discharge_efficiency / hours);
		*kwh -= kw / e->discharge_efficiency * hours;
		return kw * 1e3;
	}
	double room = fmax(e->soc_max * full - *kwh, 0) / e->charge_efficiency / hours;
	kw = fmin(fmin(-kw, at->ev_charge_max[i]), room);
	kw = kw > least - 2 * model_slack * (1 + least) ? fmax(kw, least) : 0;
	*kwh += kw * e->charge_efficiency * hours;
	return -kw * 1e3;
}

static void plan(const struct model *m, int i, struct plan *out)
{
	const struct ev_model *e = &m->p->ev[i];
	double kwh = e->soc_start * e->capacity_wh / 1e3;
	bool came = e->connected[0];
	for (int t = 0; t < m->p->steps; t++) {
		if (came && arrives(e, t)) {
			kwh = fmax(kwh - trip_kwh(e), 0);
		}
		came |= e->connected[t];
		out->slot[t].ev_w[i] = e->connected[t] ? exact_power(m, i, t, &kwh) : 0;
		out->slot[t].ev_soc[i] = kwh / (e->capacity_wh / 1e3);
	}
}

const struct model_asset model_ev = { .count = count,
				      .bound = bound,
				      .build = build,
				      .take = take,
				      .give = give,
				      .pair = pair,
				      .is_on_off = is_on_off,
				      .cheats = cheats,
				      .forbid = forbid,
				      .guess = guess,
				      .plan = plan };
