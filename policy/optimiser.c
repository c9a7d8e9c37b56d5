/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/optimiser.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/evaluate.h"
#include "policy/exact.h"
#include "policy/model.h"

enum { ROUNDS_MAX = 5 };
static const double cheat_slack = 1e-6; /* kW, and relative */

struct optimiser {
	struct exact exact;
	struct model model;
};

static double x_of(const struct model *m, int column)
{
	return column == NO_COLUMN ? 0 : m->lp.column[column].x;
}

static bool both(double a, double a_max, double b, double b_max)
{
	return a > cheat_slack * (1 + a_max) && b > cheat_slack * (1 + b_max);
}

static double surplus_charge(const struct model *m, int t)
{
	double kw = 0;
	for (int i = 0; i < m->p->batteries; i++) {
		kw += m->p->battery[i].grid_charging ? 0 : x_of(m, m->at[t].charge[i]);
	}
	return kw;
}

static int mark(bool *split, bool cheats)
{
	bool news = cheats && !*split;
	*split |= cheats;
	return news;
}

/* Find what the last solution did that is impossible; return how many of it are new. */
static int mark_cheats(struct model *m)
{
	int found = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step *s = &m->p->step[t];
		const struct step_columns *at = &m->at[t];
		struct split *split = &m->split[t];
		found += mark(&split->grid,
			      s->sell > s->buy && both(x_of(m, at->bought), at->bought_max,
						       x_of(m, at->sold), at->sold_max));
		for (int i = 0; i < m->p->batteries; i++) {
			found += mark(&split->battery[i],
				      both(x_of(m, at->charge[i]), at->charge_max[i],
					   x_of(m, at->discharge[i]), at->discharge_max[i]));
		}
		double charge_kw = surplus_charge(m, t);
		double spare_kw = (s->pv_w - s->load_w) / 1e3 - x_of(m, at->curtailed);
		found += mark(&split->surplus,
			      both(charge_kw, s->pv_w / 1e3, charge_kw - spare_kw, s->pv_w / 1e3));
	}
	return found;
}

static bool any_split(const struct model *m)
{
	static const struct split none;
	for (int t = 0; t < m->p->steps; t++) {
		if (memcmp(&m->split[t], &none, sizeof(none)) != 0) {
			return true;
		}
	}
	return false;
}

/* Solve, split the steps that cheat, solve again; each round has half the time of the one before.
 * Where the binaries take too long, the linear answer stands and take_slots makes it possible. */
static int solve_rounds(struct model *m, double time_limit_s)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		model_build(m);
		int r = lp_solve(&m->lp, ldexp(time_limit_s, -round));
		if (r == -ETIME && round > 0) {
			memset(m->split, 0, sizeof(m->split));
			model_build(m);
			r = lp_solve(&m->lp, time_limit_s);
			return r == 0 ? 1 : r;
		}
		if (r < 0 || mark_cheats(m) == 0) {
			return r;
		}
	}
	return 1;
}

/* The power of battery i in step t, W, made exact: within its limits, and never past its band from
 * *kwh on, which is moved along. */
static double exact_power(const struct model *m, int t, int i, double *kwh)
{
	const struct battery_model *b = &m->p->battery[i];
	const struct step_columns *at = &m->at[t];
	double hours = m->p->step[t].hours;
	double low = fmin(b->soc_min * b->capacity_wh / 1e3, *kwh);
	double high = fmax(b->soc_max * b->capacity_wh / 1e3, *kwh);
	double kw = x_of(m, at->discharge[i]) - x_of(m, at->charge[i]);
	kw = fabs(kw) < cheat_slack ? 0 : fmin(fmax(kw, -at->charge_max[i]), at->discharge_max[i]);
	if (kw > 0) {
		kw = fmin(kw, (*kwh - low) * b->discharge_efficiency / hours);
		*kwh = fmax(*kwh - kw / b->discharge_efficiency * hours, low);
	} else {
		kw = -fmin(-kw, (high - *kwh) / b->charge_efficiency / hours);
		*kwh = fmin(*kwh - kw * b->charge_efficiency * hours, high);
	}
	return kw * 1e3;
}

/* What PV gives: not less than those batteries take that may take from nothing else. */
static double exact_pv(const struct model *m, int t, const struct plan_slot *slot)
{
	const struct step *s = &m->p->step[t];
	double w = fmin(fmax(s->pv_w - 1e3 * x_of(m, m->at[t].curtailed), 0), s->pv_w);
	double charge_w = 0;
	for (int i = 0; i < m->p->batteries; i++) {
		charge_w += m->p->battery[i].grid_charging ? 0 : fmax(-slot->battery_w[i], 0);
	}
	return charge_w > 0 ? fmin(fmax(w, s->load_w + charge_w), s->pv_w) : w;
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

static void take_slots(const struct model *m, struct plan *out)
{
	const struct problem *p = m->p;
	double kwh[BATTERIES_MAX];
	for (int t = 0; t < p->steps; t++) {
		struct plan_slot *slot = &out->slot[t];
		slot->step = p->step[t];
		slot->peak_price = peak_price(m, t);
		for (int i = 0; i < p->batteries; i++) {
			double full_kwh = p->battery[i].capacity_wh / 1e3;
			if (t == 0) {
				kwh[i] = p->battery[i].soc_start * full_kwh;
			}
			slot->battery_w[i] = exact_power(m, t, i, &kwh[i]);
			slot->soc[i] = kwh[i] / full_kwh;
			slot->value[i] = -m->lp.row[m->at[t].storage_row[i]].dual;
		}
		slot->pv_w = exact_pv(m, t, slot);
		slot->grid_w = slot->step.load_w - slot->pv_w;
		for (int i = 0; i < p->batteries; i++) {
			slot->grid_w -= slot->battery_w[i];
		}
	}
}

/* What the objective holds beyond the costs: the prices between equals. */
static double ties(const struct model *m)
{
	double kwh = 0;
	for (int t = 0; t < m->p->steps; t++) {
		double kw = x_of(m, m->at[t].curtailed);
		for (int i = 0; i < m->p->batteries; i++) {
			kw += x_of(m, m->at[t].discharge[i]);
		}
		kwh += kw * m->p->step[t].hours;
	}
	return kwh * m->weight.tie;
}

/* What the preference for the near took off the cost. */
static double preferred(const struct model *m)
{
	double cost = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step *s = &m->p->step[t];
		double buy, sell;
		model_prices(m->p, t, &buy, &sell);
		cost += s->hours * (x_of(m, m->at[t].bought) * (buy - s->buy) -
				    x_of(m, m->at[t].sold) * (sell - s->sell));
	}
	return m->weight.money * cost;
}

/* Whether the model believed in the cost that its plan turns out to have. */
static bool costs_agree(const struct model *m, const struct plan *out)
{
	double believed = m->lp.objective - ties(m) - preferred(m);
	double size = 1 + fabs(believed) + fabs(out->total_cost);
	return m->p->objective != OBJECTIVE_COST || fabs(out->total_cost - believed) < 1e-4 * size;
}

/* What the slots do and cost, checked. believed: whether to hold the model to the cost it believed
 * in (NULL: another method made the slots). */
static int account(const struct problem *p, const struct model *believed, struct plan *out)
{
	struct evaluation e;
	char why[160];
	evaluate(p, out, &e);
	out->energy_cost = e.energy_cost;
	out->total_cost = e.total_cost;
	out->import_wh = e.import_wh;
	out->export_wh = e.export_wh;
	out->peak_import_w = e.peak_import_w;
	if (out->status == PLAN_OPTIMAL && e.soft) {
		out->status = PLAN_SOFT;
	}
	if (plan_check(p, out, why, sizeof(why)) < 0 || (believed && !costs_agree(believed, out))) {
		out->status = PLAN_FAILED;
		return -EPROTO;
	}
	return 0;
}

static int solve_exactly(struct optimiser *o, const struct problem *p, struct plan *out)
{
	int r = exact_solve(&o->exact, p, out);
	if (r < 0) {
		return r;
	}
	out->method = PLAN_DYNAMIC;
	out->status = PLAN_OPTIMAL;
	return account(p, NULL, out);
}

static int solve_generally(struct optimiser *o, const struct problem *p, struct plan *out)
{
	struct model *m = &o->model;
	int r = model_init(m, p);
	r = r < 0 ? r : solve_rounds(m, p->time_limit_s);
	if (r >= 0) {
		bool proven = r == 0;
		out->method = any_split(m) ? PLAN_MILP : PLAN_LP;
		out->gap = m->lp.gap;
		out->status = proven ? PLAN_OPTIMAL : PLAN_FEASIBLE;
		take_slots(m, out);
		r = account(p, proven ? m : NULL, out);
	}
	model_free(m);
	return r;
}

int optimiser_new(struct optimiser **out)
{
	struct optimiser *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	*out = o;
	return 0;
}

void optimiser_free(struct optimiser *o)
{
	free(o);
}

int optimiser_solve(struct optimiser *o, const struct problem *p, struct plan *out)
{
	char why[160];
	*out = (struct plan){ .id = p->id, .status = PLAN_FAILED };
	if (problem_check(p, why, sizeof(why)) < 0) {
		return -EINVAL;
	}
	out->objective = p->objective;
	out->slots = p->steps;
	out->batteries = p->batteries;
	int r = solve_exactly(o, p, out);
	return r < 0 ? solve_generally(o, p, out) : r;
}
