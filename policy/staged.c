/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/staged.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/exact.h"

static const double hours_slack = 1e-6;
static const double idle_kw = 1e-9;
static const double heat_slack = 1e-4; /* of the price scale, per step */
enum { SLACK_DOUBLINGS = 12 };

/* --- what power costs ---------------------------------------------------------------------------
 */

/* Of a net import of n kW in step t. */
static double cost_of(const struct staged *s, int t, double n_kw)
{
	const struct problem *p = s->p;
	const struct step *step = &p->step[t];
	double settled_kw = n_kw - step->traded_w / 1e3, buy, sell;
	model_prices(p, t, &buy, &sell);
	sell = p->pv_curtailable ? fmax(sell, 0) : sell;
	double cost = s->weight.money * settled_kw * (settled_kw > 0 ? buy : sell);
	cost += s->weight.imported * fmax(n_kw, 0);
	cost += s->weight.money * p->overuse_price * fmax(n_kw - p->subscribed_w / 1e3, 0);
	cost += s->weight.dear * s->weight.soft.limit_kwh *
		(fmax(n_kw - step->import_limit_w / 1e3, 0) +
		 fmax(-n_kw - step->export_limit_w / 1e3, 0));
	return cost * step->hours;
}

/* Of so much more. */
static double cost_of_more(const struct staged *s, int t, double kw)
{
	return cost_of(s, t, s->net_kw[t] + kw) - cost_of(s, t, s->net_kw[t]);
}

/* Find what a kWh costs at that power in the steps from first to end, and their order by that. */
static int put_in_order(struct staged *s, int first, int end, double kw)
{
	int steps = 0;
	for (int t = first; t < end; t++) {
		int k = steps++;
		s->price[t] = cost_of_more(s, t, kw) / (kw * s->p->step[t].hours);
		for (; k > 0 && s->price[s->order[k - 1]] > s->price[t]; k--) {
			s->order[k] = s->order[k - 1];
		}
		s->order[k] = t;
	}
	return steps;
}

/* --- cars ---------------------------------------------------------------------------------------
 */

/* Charge in the cheapest of the steps from first to end, as far as it is worth it, from that state
 * of charge to a goal. */
static void charge(struct staged *s, int i, int first, int end, double soc, struct plan *out)
{
	const struct ev_model *e = &s->p->ev[i];
	bool leaves = end < s->p->steps, to_target = leaves && e->soc_target > 0;
	double goal = to_target ? e->soc_target : e->soc_max;
	double worth = to_target ? s->weight.dear * e->unmet_price
		       : leaves  ? 0
				 : s->weight.money * e->end_value;
	double limit_kw = e->charge_limit_w / 1e3, least_kw = e->charge_min_w / 1e3;
	double full_kwh = e->capacity_wh / 1e3;
	int steps = limit_kw > 0 ? put_in_order(s, first, end, limit_kw) : 0;
	for (int k = 0; k < steps; k++) {
		int t = s->order[k];
		double hours = s->p->step[t].hours;
		double rest_kw = (goal - soc) * full_kwh / e->charge_efficiency / hours;
		double room_kw = (e->soc_max - soc) * full_kwh / e->charge_efficiency / hours;
		double kw = fmin(fmax(rest_kw, least_kw), limit_kw);
		if (rest_kw <= idle_kw || s->price[t] >= worth * e->charge_efficiency) {
			break;
		}
		if (kw <= room_kw) {
			out->slot[t].ev_w[i] = -kw * 1e3;
			s->net_kw[t] += kw;
			soc += kw * hours * e->charge_efficiency / full_kwh;
		}
	}
}

static void plan_ev(struct staged *s, int i, struct plan *out)
{
	const struct ev_model *e = &s->p->ev[i];
	double soc = e->soc_start;
	bool was_here = false;
	for (int t = 0; t < s->p->steps;) {
		int end = t + 1;
		while (end < s->p->steps && e->connected[end] == e->connected[t]) {
			end++;
		}
		if (e->connected[t]) {
			soc = was_here ? fmax(soc - e->trip_wh / e->capacity_wh, 0) : soc;
			was_here = true;
			charge(s, i, t, end, soc, out);
		}
		for (; t < end; t++) {
			soc -= out->slot[t].ev_w[i] * e->charge_efficiency * s->p->step[t].hours /
			       e->capacity_wh;
			out->slot[t].ev_soc[i] = soc;
		}
	}
}

/* --- loads that can wait ------------------------------------------------------------------------
 */

static double block_kw(const struct load_model *l, double left_h, double hours)
{
	return l->power_w / 1e3 * fmin(left_h / hours, 1);
}

/* What a block that starts in step start costs; INFINITY: it does not end within its window. */
static double block_cost(const struct staged *s, const struct load_model *l,
			 const struct load_run *r, int start)
{
	double left_h = r->duration_h, cost = s->weight.money * l->start_cost;
	for (int t = start; t < r->end && left_h > hours_slack; t++) {
		cost += cost_of_more(s, t, block_kw(l, left_h, s->p->step[t].hours));
		left_h -= s->p->step[t].hours;
	}
	return left_h > hours_slack ? INFINITY : cost;
}

static void plan_block(struct staged *s, int i, int k, struct plan *out)
{
	const struct load_model *l = &s->p->load[i];
	const struct load_run *r = &l->run[k];
	bool under_way = l->running && k == 0;
	double least = s->weight.dear * l->unmet_price * l->power_w / 1e3 * r->duration_h;
	int start = under_way ? r->first : r->end;
	for (int t = r->first; !under_way && t < r->end; t++) {
		double cost = block_cost(s, l, r, t);
		start = cost < least ? t : start;
		least = fmin(least, cost);
	}
	double left_h = r->duration_h;
	for (int t = start; t < r->end && left_h > hours_slack; t++) {
		double kw = block_kw(l, left_h, s->p->step[t].hours);
		out->slot[t].run_w[i] = kw * 1e3;
		s->net_kw[t] += kw;
		left_h -= s->p->step[t].hours;
	}
}

/* In the cheapest steps, in the last of them in part. */
static void plan_shares(struct staged *s, int i, int k, struct plan *out)
{
	const struct load_model *l = &s->p->load[i];
	const struct load_run *r = &l->run[k];
	double left_h = r->duration_h, full_kw = l->power_w / 1e3;
	int steps = full_kw > 0 ? put_in_order(s, r->first, r->end, full_kw) : 0;
	for (int j = 0; j < steps && left_h > hours_slack; j++) {
		int t = s->order[j];
		double kw = block_kw(l, left_h, s->p->step[t].hours);
		if (s->price[t] < s->weight.dear * l->unmet_price) {
			out->slot[t].run_w[i] = kw * 1e3;
			s->net_kw[t] += kw;
			left_h -= s->p->step[t].hours;
		}
	}
}

static void plan_load(struct staged *s, int i, struct plan *out)
{
	const struct load_model *l = &s->p->load[i];
	for (int k = 0; k < l->runs; k++) {
		if (l->kind == LOAD_BLOCK) {
			plan_block(s, i, k, out);
		} else {
			plan_shares(s, i, k, out);
		}
	}
}

/* --- heat ---------------------------------------------------------------------------------------
 */

/* With full power or none, also where it could have any. */
static void plan_heat(struct staged *s, int i, struct plan *out)
{
	const struct thermal_model *h = &s->p->thermal[i];
	struct heater *to = &s->heater;
	double c = h->start_c;
	to->steps = s->p->steps;
	to->start_c = h->start_c;
	to->end_value = s->weight.money * h->end_value * h->capacity_wh_per_k / 1e3;
	to->slack = heat_slack * s->weight.money * problem_price_scale(s->p);
	for (int t = 0; t < to->steps; t++) {
		to->step[t] = heater_step_of(h, t, s->p->step[t].hours);
		to->step[t].on_cost = cost_of_more(s, t, h->power_limit_w / 1e3);
		to->step[t].outside = s->weight.dear * h->discomfort * s->p->step[t].hours;
	}
	int r = heater_solve(to, &s->heater_plan);
	for (int k = 0; r == -ENOSPC && k < SLACK_DOUBLINGS; k++) {
		to->slack *= 2;
		r = heater_solve(to, &s->heater_plan);
	}
	for (int t = 0; t < to->steps; t++) {
		const struct heater_step *step = &to->step[t];
		/* Else by thermostat. */
		bool on = r == 0 ? s->heater_plan.on[t] : c < step->low_c;
		out->slot[t].heat_w[i] = on ? h->power_limit_w : 0;
		s->net_kw[t] += on ? h->power_limit_w / 1e3 : 0;
		c = step->keep * c + step->drift + (on ? step->rise : 0);
		out->slot[t].heat_c[i] = c;
	}
}

/* --- batteries ----------------------------------------------------------------------------------
 */

/* What the batteries before i charge that may not do so from the grid (sign -1), or discharge that
 * may not into it (1), W. */
static double tied_w(const struct problem *p, const struct plan_slot *slot, int i, double sign)
{
	double w = 0;
	for (int j = 0; j < i; j++) {
		bool free = sign < 0 ? p->battery[j].grid_charging : p->battery[j].grid_discharging;
		w += free ? 0 : fmax(sign * slot->battery_w[j], 0);
	}
	return w;
}

/* What battery i may do in step t beside all that is planned, and within the connection. */
static void bound_battery(const struct staged *s, const struct plan_slot *slot, int i, int t,
			  struct storage_step *to)
{
	const struct battery_model *b = &s->p->battery[i];
	const struct step *step = &s->p->step[t];
	double net_w = step->load_w - step->pv_w + model_taken_w(s->p, slot), low_w, high_w;
	battery_power_range(b, net_w + tied_w(s->p, slot, i, -1), &low_w, &high_w);
	to->charge_max_kw = -low_w / 1e3;
	battery_power_range(b, net_w - tied_w(s->p, slot, i, 1), &low_w, &high_w);
	to->discharge_max_kw = high_w / 1e3;
	to->charge_max_kw =
		fmin(to->charge_max_kw, fmax(step->import_limit_w / 1e3 - s->net_kw[t], 0));
	to->discharge_max_kw =
		fmin(to->discharge_max_kw, fmax(step->export_limit_w / 1e3 + s->net_kw[t], 0));
}

/* What net import costs, made convex: energy that it would pay to burn costs nothing here. */
static void cost_battery(const struct staged *s, int i, int t, struct storage_step *to)
{
	const struct step *step = &s->p->step[t];
	double buy, sell;
	to->rho = to->centre_kw = 0;
	if (exact_costs(s->p, &s->weight, t, step->pv_w, to) < 0) {
		model_prices(s->p, t, &buy, &sell);
		to->pieces = 1;
		to->piece[0] = (struct storage_piece){ .from_kw = -INFINITY,
						       .price = s->weight.money * buy };
	}
	if (isfinite(step->import_limit_w) && to->pieces < STORAGE_PIECES_MAX) {
		exact_put_piece(to, step->import_limit_w / 1e3,
				s->weight.dear * s->weight.soft.limit_kwh);
	}
	for (int k = 0; k < to->pieces; k++) {
		bool below = to->piece[k].price < 0;
		to->piece[k].price = fmax(to->piece[k].price, 0);
		/* PV that is curtailed cannot be stored. */
		to->charge_max_kw =
			below && !s->p->battery[i].grid_charging ? 0 : to->charge_max_kw;
	}
}

static void plan_battery(struct staged *s, int i, struct plan *out)
{
	const struct battery_model *b = &s->p->battery[i];
	struct storage *to = &s->storage;
	double full_kwh = b->capacity_wh / 1e3, low_kwh = b->soc_start * full_kwh;
	double high_kwh = low_kwh, kwh = low_kwh;
	to->steps = s->p->steps;
	to->charge_efficiency = b->charge_efficiency;
	to->discharge_efficiency = b->discharge_efficiency;
	to->start_kwh = low_kwh;
	to->end_value = s->weight.money * b->end_value;
	to->end_kwh = fmax(b->soc_end, 0) * full_kwh;
	to->end_price = b->soc_end > 0 ? s->weight.dear * s->weight.soft.end_kwh : 0;
	for (int t = 0; t < to->steps; t++) {
		struct storage_step *step = &to->step[t];
		step->hours = s->p->step[t].hours;
		step->net_kw = s->net_kw[t];
		step->wear = s->weight.money * b->wear;
		bound_battery(s, &out->slot[t], i, t, step);
		cost_battery(s, i, t, step);
		battery_recover(b, step->hours, &low_kwh, &high_kwh, &step->charge_max_kw,
				&step->discharge_max_kw);
		step->low_kwh = low_kwh;
		step->high_kwh = high_kwh;
	}
	bool rests = storage_solve(to, &s->storage_plan) < 0;
	for (int t = 0; t < to->steps; t++) {
		double kw = rests || fabs(s->storage_plan.power_kw[t]) < idle_kw
				    ? 0
				    : s->storage_plan.power_kw[t];
		kwh = rests ? kwh : s->storage_plan.stored_kwh[t];
		out->slot[t].battery_w[i] = kw * 1e3;
		out->slot[t].soc[i] = kwh / full_kwh;
		out->slot[t].value[i] = rests ? b->end_value : s->storage_plan.value[t];
		s->net_kw[t] -= kw;
	}
}

/* --- the whole ----------------------------------------------------------------------------------
 */

/* Curtail PV that nobody pays for or takes, but not what batteries charge from it. */
static void plan_grid(const struct staged *s, int t, struct plan_slot *slot)
{
	const struct problem *p = s->p;
	const struct step *step = &p->step[t];
	double charge_w = tied_w(p, slot, p->batteries, -1), export_w = -s->net_kw[t] * 1e3;
	double kept_w = charge_w > 0 ? step->load_w + model_taken_w(p, slot) + charge_w : 0;
	double unsold_w = step->buy < 0 ? step->pv_w : step->sell < 0 ? export_w : 0;
	unsold_w = fmax(unsold_w, export_w - step->export_limit_w);
	slot->pv_w = step->pv_w;
	if (p->pv_curtailable && unsold_w > 0) {
		slot->pv_w = fmin(fmax(step->pv_w - unsold_w, kept_w), step->pv_w);
	}
	double given_w = 0;
	for (int i = 0; i < p->batteries; i++) {
		given_w += slot->battery_w[i];
	}
	slot->grid_w = step->load_w - slot->pv_w + model_taken_w(p, slot) - given_w;
}

void staged_solve(struct staged *s, const struct problem *p, struct plan *out)
{
	s->p = p;
	s->weight = model_weights(p);
	for (int t = 0; t < p->steps; t++) {
		out->slot[t] = (struct plan_slot){ .step = p->step[t] };
		s->net_kw[t] = (p->step[t].load_w - p->step[t].pv_w) / 1e3;
	}
	for (int i = 0; i < p->evs; i++) {
		plan_ev(s, i, out);
	}
	for (int i = 0; i < p->thermals; i++) {
		plan_heat(s, i, out);
	}
	for (int i = 0; i < p->loads; i++) {
		plan_load(s, i, out);
	}
	/* Last: what they may do depends on what the others take. */
	for (int i = 0; i < p->batteries; i++) {
		plan_battery(s, i, out);
	}
	for (int t = 0; t < p->steps; t++) {
		plan_grid(s, t, &out->slot[t]);
	}
}
