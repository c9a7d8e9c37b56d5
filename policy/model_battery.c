/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batteries' part of the model. */
#include <math.h>

#include "policy/model_asset.h"

static int count(const struct problem *p)
{
	return p->batteries;
}

/* What it may do by its own limits and by what flows in the house beside it. */
static void bound(struct model *m, int i)
{
	const struct battery_model *b = &m->p->battery[i];
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		double low_w, high_w;
		double net_w = m->p->step[t].load_w - m->p->step[t].pv_w;
		battery_power_range(b, net_w + 1e3 * at->taken_min, &low_w, &high_w);
		at->charge_max[i] = -low_w / 1e3;
		battery_power_range(b, net_w + 1e3 * at->taken_max, &low_w, &high_w);
		at->discharge_max[i] = high_w / 1e3;
	}
}

static bool is_tied_to_grid(const struct problem *p)
{
	for (int i = 0; i < p->batteries; i++) {
		if (!p->battery[i].grid_charging || !p->battery[i].grid_discharging) {
			return true;
		}
	}
	return false;
}

/* Bounds of what is stored after step t, from those before. It recovers by what it surely can
 * within the connection, sharing with the other batteries what they may not take from the grid. */
static void recover(struct model *m, int i, int t, double *low, double *high)
{
	const struct battery_model *b = &m->p->battery[i];
	struct step_columns *at = &m->at[t];
	double hours = m->p->step[t].hours / (is_tied_to_grid(m->p) ? m->p->batteries : 1);
	double net_w = m->p->step[t].load_w - m->p->step[t].pv_w + 1e3 * at->taken_min;
	double low_w, high_w;
	battery_power_range(b, net_w, &low_w, &high_w);
	double charge = fmin(-low_w, fmax(m->p->step[t].import_limit_w - net_w, 0)) / 1e3;
	double discharge = fmin(high_w, fmax(m->p->step[t].export_limit_w + net_w, 0)) / 1e3;
	battery_recover(b, hours, low, high, &charge, &discharge);
	if (*high > b->soc_max * b->capacity_wh / 1e3) {
		at->charge_max[i] = 0;
	}
	if (*low < b->soc_min * b->capacity_wh / 1e3) {
		at->discharge_max[i] = 0;
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

static void build(struct model *m, int i)
{
	const struct battery_model *b = &m->p->battery[i];
	double start = b->soc_start * b->capacity_wh / 1e3;
	double low = start, high = start;
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		double hours = m->p->step[t].hours;
		recover(m, i, t, &low, &high);
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
	add_end(m, i);
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].charge[i], factor);
}

static void give(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].discharge[i], factor);
}

static void pair(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row)
{
	const struct step_columns *at = &m->at[t];
	int row = at->storage_row[i];
	if (slot) {
		double kw = slot->battery_w[i] / 1e3;
		bool charges = model_gives(m, at->charge[i], -kw);
		bool discharges = model_gives(m, at->discharge[i], kw);
		int power = charges ? at->charge[i] : at->discharge[i];
		if (model_gives(m, at->stored[i],
				slot->soc[i] * m->p->battery[i].capacity_wh / 1e3)) {
			lp_pair(&m->lp, row, at->stored[i]);
		}
		if (charges || discharges) {
			lp_pair(&m->lp, m->lp.row[row].paired ? balance_row : row, power);
		}
	}
	lp_pair(&m->lp, row, at->stored[i]);
}

static bool cheats(const struct model *m, int i, int t)
{
	const struct step_columns *at = &m->at[t];
	return model_both(model_x(m, at->charge[i]), at->charge_max[i],
			  model_x(m, at->discharge[i]), at->discharge_max[i]);
}

static int forbid(struct model *m, int i, int t)
{
	const struct step_columns *at = &m->at[t];
	if (!model_split(&m->split[t].battery[i])) {
		return 0;
	}
	model_add_either(m, GROUP_BATTERY + i, at->charge[i], at->charge_max[i], at->discharge[i],
			 at->discharge_max[i]);
	return 1;
}

/* What it may do at most beside the assets and the batteries before it, which are planned. In an
 * answer that does not cheat these bounds hold. */
static void bound_exactly(const struct model *m, int i, int t, const struct plan_slot *slot,
			  double *charge_kw, double *discharge_kw)
{
	double net_w = slot->step.load_w - slot->step.pv_w + model_taken_w(m->p, slot);
	double low_w, high_w;
	for (int j = 0; j < i; j++) {
		const struct battery_model *b = &m->p->battery[j];
		double w = slot->battery_w[j];
		net_w -= (w > 0 && !b->grid_discharging) || (w < 0 && !b->grid_charging) ? w : 0;
	}
	battery_power_range(&m->p->battery[i], net_w, &low_w, &high_w);
	*charge_kw = fmin(m->at[t].charge_max[i], -low_w / 1e3);
	*discharge_kw = fmin(m->at[t].discharge_max[i], high_w / 1e3);
}

/* Its power in step t, W, made exact: within its limits, and never past its band from *kwh on,
 * which is moved along. */
static double exact_power(const struct model *m, int i, int t, const struct plan_slot *slot,
			  double *kwh)
{
	const struct battery_model *b = &m->p->battery[i];
	const struct step_columns *at = &m->at[t];
	double hours = m->p->step[t].hours, charge_max, discharge_max;
	double low = fmin(b->soc_min * b->capacity_wh / 1e3, *kwh);
	double high = fmax(b->soc_max * b->capacity_wh / 1e3, *kwh);
	double kw = model_x(m, at->discharge[i]) - model_x(m, at->charge[i]);
	bound_exactly(m, i, t, slot, &charge_max, &discharge_max);
	kw = fabs(kw) < model_slack ? 0 : fmin(fmax(kw, -charge_max), discharge_max);
	if (kw > 0) {
		kw = fmin(kw, (*kwh - low) * b->discharge_efficiency / hours);
		*kwh = fmax(*kwh - kw / b->discharge_efficiency * hours, low);
	} else {
		kw = -fmin(-kw, (high - *kwh) / b->charge_efficiency / hours);
		*kwh = fmin(*kwh - kw * b->charge_efficiency * hours, high);
	}
	return kw * 1e3;
}

static void plan(const struct model *m, int i, struct plan *out)
{
	double full_kwh = m->p->battery[i].capacity_wh / 1e3;
	double kwh = m->p->battery[i].soc_start * full_kwh;
	for (int t = 0; t < m->p->steps; t++) {
		struct plan_slot *slot = &out->slot[t];
		slot->battery_w[i] = exact_power(m, i, t, slot, &kwh);
		slot->soc[i] = kwh / full_kwh;
		slot->value[i] = -m->lp.row[m->at[t].storage_row[i]].dual;
	}
}

const struct model_asset model_battery = { .count = count,
					   .bound = bound,
					   .build = build,
					   .take = take,
					   .give = give,
					   .pair = pair,
					   .cheats = cheats,
					   .forbid = forbid,
					   .plan = plan };
