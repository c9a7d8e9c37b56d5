/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/replay.h"

#include <math.h>

static const double soc_slack = 1e-6;     /* of the capacity */
static const double power_slack_w = 1e-3; /* on limits */
static const double kelvin_slack = 1e-6;
static const double hours_slack = 2e-6;
static const double soft_slack_wh = 1; /* beyond it something counts as missing */
static const double soft_slack_k = 0.1;
static const double moved_slack_wh = 0.01;

/* --- cars ---------------------------------------------------------------------------------------
 */

static double ev_after(const struct ev_model *e, double soc, double w, double hours)
{
	double drawn_w = w > 0 ? w / e->discharge_efficiency : w * e->charge_efficiency;
	return soc - drawn_w * hours / e->capacity_wh;
}

static void check_ev(const struct ev_model *e, double w, double after, int t, int i,
		     struct verdict *v)
{
	if (!is_within(w, e->connected[t] ? -e->charge_limit_w : 0,
		       e->connected[t] ? e->discharge_limit_w : 0, power_slack_w)) {
		verdict_refuse(v, "slot %d: car %d at %g W, expected %g to %g while it is %s", t, i,
			       w, -e->charge_limit_w, e->discharge_limit_w,
			       e->connected[t] ? "connected" : "away");
	}
	if (w < 0 && -w < e->charge_min_w - power_slack_w) {
		verdict_refuse(v, "slot %d: car %d charges with %g W, expected none or %g", t, i,
			       -w, e->charge_min_w);
	}
	if (w < 0 && after > e->soc_max + soc_slack) {
		verdict_refuse(v, "slot %d: car %d would be charged to %g, expected at most %g", t,
			       i, after, e->soc_max);
	}
	if (w > 0 && after < e->soc_min - soc_slack) {
		verdict_refuse(v, "slot %d: car %d would be discharged to %g, expected at least %g",
			       t, i, after, e->soc_min);
	}
}

double replay_ev(const struct problem *p, const struct plan *plan, int i, bool *soft,
		 struct verdict *v)
{
	const struct ev_model *e = &p->ev[i];
	double soc = e->soc_start, cost = 0, kwh = e->capacity_wh / 1e3;
	bool was_here = false, was_connected = false;
	for (int t = 0; t < p->steps; t++) {
		double w = plan->slot[t].ev_w[i], hours = p->step[t].hours;
		if (e->connected[t] && !was_connected && was_here) {
			soc = fmax(0, soc - e->trip_wh / e->capacity_wh);
		}
		was_connected = e->connected[t];
		was_here |= was_connected;
		double after = ev_after(e, soc, w, hours);
		check_ev(e, w, after, t, i, v);
		if (!is_within(plan->slot[t].ev_soc[i], after, after, soc_slack)) {
			verdict_refuse(v,
				       "slot %d: car %d is said to reach %g, its power leads to %g",
				       t, i, plan->slot[t].ev_soc[i], after);
		}
		soc = after;
		cost += fmax(w, 0) / 1e3 * hours * e->wear;
		bool leaves = was_connected && t + 1 < p->steps && !e->connected[t + 1];
		double missing_kwh = leaves ? fmax(0, e->soc_target - soc) * kwh : 0;
		*soft |= missing_kwh * 1e3 > soc_slack * e->capacity_wh + soft_slack_wh;
		cost += missing_kwh * e->unmet_price;
	}
	return cost - soc * kwh * e->end_value;
}

/* --- loads that can wait ------------------------------------------------------------------------
 */

static bool is_on(double w)
{
	return w > power_slack_w;
}

/* Hours that the block of run k is served: all of them or none, but for what a window cuts off one
 * that is under way. */
static double replay_block(const struct problem *p, const struct plan *plan, int i, int k,
			   struct verdict *v)
{
	const struct load_model *l = &p->load[i];
	const struct load_run *r = &l->run[k];
	bool under_way = k == 0 && l->running;
	int start = r->first;
	while (!under_way && start < r->end && !is_on(plan->slot[start].run_w[i])) {
		start++;
	}
	if (start == r->end) {
		return 0;
	}
	double left_h = r->duration_h;
	for (int t = start; t < r->end; t++) {
		double hours = p->step[t].hours, on_h = fmin(left_h, hours);
		double w = l->power_w * on_h / hours;
		double slack = power_slack_w + l->power_w * hours_slack / hours;
		if (!is_within(plan->slot[t].run_w[i], w, w, slack)) {
			verdict_refuse(v,
				       "slot %d: load %d takes %g W, expected %g after it started "
				       "in slot %d",
				       t, i, plan->slot[t].run_w[i], w, start);
		}
		left_h -= on_h;
	}
	if (left_h > hours_slack && !under_way) {
		verdict_refuse(v,
			       "slot %d: load %d starts too late: %g h do not fit before slot %d",
			       start, i, left_h, r->end);
	}
	return r->duration_h - fmax(left_h, 0);
}

/* Hours that run k of another load is served. */
static double replay_shares(const struct problem *p, const struct plan *plan, int i, int k,
			    struct verdict *v)
{
	const struct load_model *l = &p->load[i];
	const struct load_run *r = &l->run[k];
	double served_h = 0;
	int parts = 0;
	for (int t = r->first; t < r->end; t++) {
		double w = plan->slot[t].run_w[i];
		served_h += l->power_w > 0 ? p->step[t].hours * w / l->power_w : 0;
		parts += is_on(w) && w < l->power_w - power_slack_w;
	}
	if (l->kind == LOAD_INTERRUPTIBLE && parts > 1) {
		verdict_refuse(v,
			       "load %d is on in part in %d slots of run %d, expected at most one",
			       i, parts, k);
	}
	if (served_h > r->duration_h + hours_slack * (r->end - r->first)) {
		verdict_refuse(v, "load %d runs for %g h in run %d, expected at most %g", i,
			       served_h, k, r->duration_h);
	}
	return fmin(served_h, r->duration_h);
}

/* What starting costs, and that it rests between its runs. */
static double replay_starts(const struct problem *p, const struct plan *plan, int i,
			    struct verdict *v)
{
	const struct load_model *l = &p->load[i];
	double cost = 0;
	bool was_on = l->running;
	int k = 0;
	for (int t = 0; t < p->steps; t++) {
		double w = plan->slot[t].run_w[i];
		while (k < l->runs && t >= l->run[k].end) {
			k++;
		}
		bool may_run = k < l->runs && t >= l->run[k].first;
		if (!is_within(w, 0, may_run ? l->power_w : 0, power_slack_w)) {
			verdict_refuse(v, "slot %d: load %d takes %g W, expected %s%g", t, i, w,
				       may_run ? "0 to " : "", may_run ? l->power_w : 0);
		}
		cost += l->kind == LOAD_INTERRUPTIBLE && is_on(w) && !was_on ? l->start_cost : 0;
		was_on = is_on(w) && w >= l->power_w - power_slack_w;
	}
	return cost;
}

double replay_load(const struct problem *p, const struct plan *plan, int i, bool *soft,
		   struct verdict *v)
{
	const struct load_model *l = &p->load[i];
	double cost = replay_starts(p, plan, i, v);
	for (int k = 0; k < l->runs; k++) {
		bool block = l->kind == LOAD_BLOCK;
		double served_h =
			block ? replay_block(p, plan, i, k, v) : replay_shares(p, plan, i, k, v);
		double missing_wh = (l->run[k].duration_h - served_h) * l->power_w;
		*soft |= missing_wh > soft_slack_wh;
		cost += missing_wh / 1e3 * l->unmet_price;
		cost += block && served_h > 0 && !(k == 0 && l->running) ? l->start_cost : 0;
	}
	return cost;
}

/* --- heat ---------------------------------------------------------------------------------------
 */

static double temperature_after(const struct thermal_model *h, double c, double w, int t,
				double hours)
{
	double heat_w = h->cop[t] * w - h->draw_w[t];
	double share = h->loss_w_per_k * hours / h->capacity_wh_per_k;
	if (share < 1e-12) {
		return c + heat_w * hours / h->capacity_wh_per_k;
	}
	double goal_c = h->ambient_c[t] + heat_w / h->loss_w_per_k;
	return c + (goal_c - c) * -expm1(-share);
}

double replay_thermal(const struct problem *p, const struct plan *plan, int i, bool *soft,
		      struct verdict *v)
{
	const struct thermal_model *h = &p->thermal[i];
	double c = h->start_c, cost = 0;
	for (int t = 0; t < p->steps; t++) {
		double w = plan->slot[t].heat_w[i], hours = p->step[t].hours;
		if (!is_within(w, 0, h->power_limit_w, power_slack_w) ||
		    (h->on_off && is_on(w) && w < h->power_limit_w - power_slack_w)) {
			verdict_refuse(v, "slot %d: heat %d at %g W, expected 0 %s %g", t, i, w,
				       h->on_off ? "or" : "to", h->power_limit_w);
		}
		c = temperature_after(h, c, w, t, hours);
		double said_c = plan->slot[t].heat_c[i];
		if (!is_within(said_c, c, c, kelvin_slack * (1 + fabs(c)))) {
			verdict_refuse(v,
				       "slot %d: heat %d is said to reach %g C, its power leads to "
				       "%g",
				       t, i, said_c, c);
		}
		double outside_k = fmax(0, fmax(h->low_c[t] - c, c - h->high_c[t]));
		*soft |= h->discomfort > 0 && outside_k > soft_slack_k;
		cost += h->discomfort * outside_k * hours;
	}
	return cost - (c - h->low_c[p->steps - 1]) * h->capacity_wh_per_k / 1e3 * h->end_value;
}

/* --- what others shift --------------------------------------------------------------------------
 */

double replay_shift(const struct problem *p, const struct plan *plan, int i, struct verdict *v)
{
	const struct shift_model *s = &p->shift[i];
	double moved_wh = 0, cost = 0;
	for (int t = 0; t < p->steps; t++) {
		double w = plan->slot[t].shift_w[i], hours = p->step[t].hours;
		if (!is_within(w, -s->more_w[t], s->less_w[t], power_slack_w)) {
			verdict_refuse(v, "slot %d: others shift %g W, expected %g to %g", t, w,
				       -s->more_w[t], s->less_w[t]);
		}
		moved_wh -= w * hours;
		if (!is_within(moved_wh, -s->down_wh[t], s->up_wh[t], moved_slack_wh)) {
			verdict_refuse(v,
				       "slot %d: others have taken %g Wh more, expected %g to %g",
				       t, moved_wh, -s->down_wh[t], s->up_wh[t]);
		}
		cost += fabs(w) / 1e3 * hours * s->price;
	}
	return cost - moved_wh / 1e3 * s->worth;
}
