/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/evaluate.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "policy/replay.h"
#include "policy/verdict.h"

static const double soc_slack = 1e-6;     /* of the capacity */
static const double power_slack_w = 1e-3; /* on limits */
static const double soft_slack_w = 1;     /* beyond it a soft limit counts as given */
static const double value_max = 1e9;

double battery_after(const struct battery_model *b, double soc, double battery_w, double hours)
{
	double drawn_w = battery_w > 0 ? battery_w / b->discharge_efficiency
				       : battery_w * b->charge_efficiency;
	return soc - drawn_w * hours / b->capacity_wh;
}

/* What the assets but batteries take. */
static double taken_w(const struct problem *p, const struct plan_slot *s)
{
	double w = 0;
	for (int i = 0; i < p->evs; i++) {
		w += fmax(-s->ev_w[i], 0);
	}
	for (int i = 0; i < p->loads; i++) {
		w += s->run_w[i];
	}
	for (int i = 0; i < p->thermals; i++) {
		w += s->heat_w[i];
	}
	for (int i = 0; i < p->shifts; i++) {
		w += fmax(-s->shift_w[i], 0);
	}
	return w;
}

static double net_grid_w(const struct problem *p, const struct plan_slot *s, int t)
{
	double grid_w = p->step[t].load_w + taken_w(p, s) - s->pv_w;
	for (int i = 0; i < p->evs; i++) {
		grid_w -= fmax(s->ev_w[i], 0);
	}
	for (int i = 0; i < p->shifts; i++) {
		grid_w -= fmax(s->shift_w[i], 0);
	}
	for (int i = 0; i < p->batteries; i++) {
		grid_w -= s->battery_w[i];
	}
	return grid_w;
}

/* Hours that step t shares with the time from from_s to to_s. */
static double shared_hours(const struct step *s, double from_s, double to_s)
{
	double start_s = (double)s->start_s;
	double from = fmax(start_s, from_s);
	double to = fmin(start_s + s->hours * 3600, to_s);
	return fmax(0, to - from) / 3600;
}

/* The highest mean import of any demand period, the month's so far included, in kW. */
static double demand_peak_kw(const struct problem *p, const double *import_w)
{
	double period_s = p->demand_period_s;
	double peak_w = p->demand_incumbent_w;
	double from_s = floor((double)p->step[0].start_s / period_s) * period_s;
	double wh = p->demand_open_wh;
	for (int t = 0; t < p->steps;) {
		const struct step *s = &p->step[t];
		wh += import_w[t] * shared_hours(s, from_s, from_s + period_s);
		if ((double)s->start_s + s->hours * 3600 < from_s + period_s - 1e-3) {
			t++; /* the period goes on in the next step */
			continue;
		}
		peak_w = fmax(peak_w, wh * 3600 / period_s);
		from_s += period_s;
		wh = 0;
		if ((double)s->start_s + s->hours * 3600 <= from_s + 1e-3) {
			t++;
		}
	}
	return fmax(peak_w, wh * 3600 / period_s) / 1e3;
}

static double soft_limit_cost(const struct problem *p, const struct soft_prices *price,
			      const double *over_w, bool *soft)
{
	double worst_w = 0, cost = 0;
	for (int t = 0; t < p->steps; t++) {
		worst_w = fmax(worst_w, over_w[t]);
		cost += over_w[t] / 1e3 * p->step[t].hours * price->limit_kwh;
	}
	*soft |= worst_w > soft_slack_w;
	return cost + worst_w / 1e3 * price->limit_kw;
}

/* What the batteries cost by wear and by what is left in them. */
static double battery_cost(const struct problem *p, const struct plan *plan,
			   const struct soft_prices *price, int i, bool *soft)
{
	const struct battery_model *b = &p->battery[i];
	double soc = b->soc_start, cost = 0;
	for (int t = 0; t < p->steps; t++) {
		double w = plan->slot[t].battery_w[i], hours = p->step[t].hours;
		soc = battery_after(b, soc, w, hours);
		cost += fmax(w, 0) / 1e3 * hours * b->wear;
	}
	double missing_wh = fmax(0, (b->soc_end - soc) * b->capacity_wh);
	*soft |= missing_wh > soc_slack * b->capacity_wh + 1;
	return cost + missing_wh / 1e3 * price->end_kwh - soc * b->capacity_wh / 1e3 * b->end_value;
}

/* What the cars, loads and heat cost beside their energy. */
static double assets_cost(const struct problem *p, const struct plan *plan, bool *soft,
			  struct verdict *v)
{
	double cost = 0;
	for (int i = 0; i < p->evs; i++) {
		cost += replay_ev(p, plan, i, soft, v);
	}
	for (int i = 0; i < p->loads; i++) {
		cost += replay_load(p, plan, i, soft, v);
	}
	for (int i = 0; i < p->thermals; i++) {
		cost += replay_thermal(p, plan, i, soft, v);
	}
	for (int i = 0; i < p->shifts; i++) {
		cost += replay_shift(p, plan, i, v);
	}
	return cost;
}

void evaluate(const struct problem *p, const struct plan *plan, struct evaluation *out)
{
	char unread[1];
	struct verdict v = { .why = unread, .size = sizeof(unread) };
	double import_w[STEPS_MAX], over_in_w[STEPS_MAX], over_out_w[STEPS_MAX];
	struct soft_prices price = problem_soft_prices(p);
	struct evaluation e = { .peak_import_w = 0 };
	for (int t = 0; t < p->steps; t++) {
		const struct step *s = &p->step[t];
		double grid_w = net_grid_w(p, &plan->slot[t], t);
		double settled_kwh = (grid_w - s->traded_w) / 1e3 * s->hours;
		e.energy_cost += settled_kwh * (settled_kwh > 0 ? s->buy : s->sell);
		import_w[t] = fmax(grid_w, 0);
		e.total_cost +=
			fmax(0, import_w[t] - p->subscribed_w) / 1e3 * s->hours * p->overuse_price;
		over_in_w[t] = fmax(0, grid_w - s->import_limit_w);
		over_out_w[t] = fmax(0, -grid_w - s->export_limit_w);
		e.import_wh += import_w[t] * s->hours;
		e.export_wh += fmax(-grid_w, 0) * s->hours;
		e.peak_import_w = fmax(e.peak_import_w, import_w[t]);
	}
	e.total_cost += e.energy_cost + soft_limit_cost(p, &price, over_in_w, &e.soft) +
			soft_limit_cost(p, &price, over_out_w, &e.soft);
	for (int i = 0; i < p->batteries; i++) {
		e.total_cost += battery_cost(p, plan, &price, i, &e.soft);
	}
	e.total_cost += assets_cost(p, plan, &e.soft, &v);
	if (p->demand_charge > 0) {
		e.total_cost += p->demand_charge * demand_peak_kw(p, import_w);
	}
	*out = e;
}

static bool same_step(const struct step *a, const struct step *b)
{
	return a->start_s == b->start_s && a->hours == b->hours && a->load_w == b->load_w &&
	       a->pv_w == b->pv_w && a->buy == b->buy && a->sell == b->sell &&
	       a->traded_w == b->traded_w;
}

static bool close_to(double a, double b, double absolute, double relative)
{
	return isfinite(a) && isfinite(b) &&
	       fabs(a - b) <= absolute + relative * fmax(fabs(a), fabs(b));
}

static void check_head(const struct problem *p, const struct plan *plan, struct verdict *v)
{
	if (plan->id != p->id) {
		verdict_refuse(v, "the plan answers problem %llu, expected %llu",
			       (unsigned long long)plan->id, (unsigned long long)p->id);
	}
	if (plan->status != PLAN_OPTIMAL && plan->status != PLAN_FEASIBLE &&
	    plan->status != PLAN_SOFT) {
		verdict_refuse(v, "the planner found no plan");
	}
	if (plan->method <= PLAN_NONE || plan->method > PLAN_STAGED) {
		verdict_refuse(v, "the plan's method is unknown");
	}
	if (plan->slots != p->steps || plan->batteries != p->batteries ||
	    plan->objective != p->objective) {
		verdict_refuse(
			v,
			"the plan has %d slots and %d batteries, expected %d and %d for the same "
			"objective",
			plan->slots, plan->batteries, p->steps, p->batteries);
	}
	if (plan->evs != p->evs || plan->loads != p->loads || plan->thermals != p->thermals ||
	    plan->shifts != p->shifts) {
		verdict_refuse(v,
			       "the plan has %d cars, %d loads, %d thermal stores and %d shifts, "
			       "expected %d, %d, %d and %d",
			       plan->evs, plan->loads, plan->thermals, plan->shifts, p->evs,
			       p->loads, p->thermals, p->shifts);
	}
	if (!(plan->gap >= 0) || !is_within(plan->solve_ms, 0, 1e12, 0)) {
		verdict_refuse(v, "the plan's gap or solve time is no number >= 0");
	}
}

static void check_battery(const struct problem *p, const struct plan_slot *s, int t, int i,
			  double *soc, struct verdict *v)
{
	const struct battery_model *b = &p->battery[i];
	double w = s->battery_w[i];
	if (!is_within(w, -b->charge_limit_w, b->discharge_limit_w, power_slack_w)) {
		verdict_refuse(v, "slot %d: battery %d at %g W, expected %g to %g", t, i, w,
			       -b->charge_limit_w, b->discharge_limit_w);
	}
	double after = battery_after(b, *soc, w, p->step[t].hours);
	if (!is_within(after, fmin(b->soc_min, *soc), fmax(b->soc_max, *soc), soc_slack)) {
		verdict_refuse(v, "slot %d: battery %d would reach %g, expected %g to %g", t, i,
			       after, b->soc_min, b->soc_max);
	}
	if (!is_within(s->soc[i], after, after, soc_slack)) {
		verdict_refuse(v, "slot %d: battery %d is said to reach %g, its power leads to %g",
			       t, i, s->soc[i], after);
	}
	if (!is_within(s->value[i], -value_max, value_max, 0)) {
		verdict_refuse(v, "slot %d: battery %d's value is no sound number", t, i);
	}
	*soc = after;
}

/* Batteries that may not charge from the grid share PV's surplus over all that is taken, those that
 * may not discharge into it share what PV leaves of that. */
static void check_sharing(const struct problem *p, const struct plan_slot *s, int t,
			  struct verdict *v)
{
	double charge_w = 0, discharge_w = 0;
	double net_w = p->step[t].load_w + taken_w(p, s) - s->pv_w;
	for (int i = 0; i < p->batteries; i++) {
		charge_w += p->battery[i].grid_charging ? 0 : fmax(-s->battery_w[i], 0);
		discharge_w += p->battery[i].grid_discharging ? 0 : fmax(s->battery_w[i], 0);
	}
	if (charge_w > fmax(-net_w, 0) + power_slack_w) {
		verdict_refuse(v, "slot %d: charges %g W from the grid, expected 0", t,
			       charge_w - fmax(-net_w, 0));
	}
	if (discharge_w > fmax(net_w, 0) + power_slack_w) {
		verdict_refuse(v, "slot %d: discharges %g W into the grid, expected 0", t,
			       discharge_w - fmax(net_w, 0));
	}
}

static void check_slot(const struct problem *p, const struct plan_slot *s, int t, double *soc,
		       struct verdict *v)
{
	const struct step *step = &p->step[t];
	if (!same_step(&s->step, step)) {
		verdict_refuse(v, "slot %d: made for another step than the problem's", t);
	}
	if (!is_within(s->pv_w, p->pv_curtailable ? 0 : step->pv_w, step->pv_w, 1e-6)) {
		verdict_refuse(v, "slot %d: PV at %g W, expected %g to %g", t, s->pv_w,
			       p->pv_curtailable ? 0 : step->pv_w, step->pv_w);
	}
	for (int i = 0; i < p->batteries; i++) {
		check_battery(p, s, t, i, &soc[i], v);
	}
	check_sharing(p, s, t, v);
	if (!close_to(s->grid_w, net_grid_w(p, s, t), 1e-6, 1e-9)) {
		verdict_refuse(v, "slot %d: grid at %g W, the balance gives %g", t, s->grid_w,
			       net_grid_w(p, s, t));
	}
	if (!is_within(s->peak_price, 0, value_max, 0)) {
		verdict_refuse(v, "slot %d: the peak's price is no number >= 0", t);
	}
}

static void check_sums(const struct problem *p, const struct plan *plan, struct verdict *v)
{
	struct evaluation e;
	evaluate(p, plan, &e);
	const struct {
		const char *name;
		double said, found;
	} sums[] = {
		{ "energy cost", plan->energy_cost, e.energy_cost },
		{ "total cost", plan->total_cost, e.total_cost },
		{ "import", plan->import_wh, e.import_wh },
		{ "export", plan->export_wh, e.export_wh },
		{ "peak import", plan->peak_import_w, e.peak_import_w },
	};
	for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
		if (!close_to(sums[i].said, sums[i].found, 1e-6, 1e-9)) {
			verdict_refuse(v, "the plan's %s is %g, its slots give %g", sums[i].name,
				       sums[i].said, sums[i].found);
		}
	}
	if (e.soft != (plan->status == PLAN_SOFT) && plan->status != PLAN_FEASIBLE) {
		verdict_refuse(v, "a soft limit gives %s, the plan says otherwise",
			       e.soft ? "way" : "nothing");
	}
}

int plan_check(const struct problem *p, const struct plan *plan, char *why, int size)
{
	struct verdict v = { .why = why, .size = size };
	double soc[BATTERIES_MAX];
	for (int i = 0; i < p->batteries; i++) {
		soc[i] = p->battery[i].soc_start;
	}
	check_head(p, plan, &v);
	for (int t = 0; t < p->steps && !v.refused; t++) {
		check_slot(p, &plan->slot[t], t, soc, &v);
	}
	if (!v.refused) {
		bool soft = false;
		(void)assets_cost(p, plan, &soft, &v);
	}
	if (!v.refused) {
		check_sums(p, plan, &v);
	}
	return v.refused ? -EINVAL : 0;
}
