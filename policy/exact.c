/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/exact.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/model.h"

static_assert((int)WORTH_SLOTS <= (int)STORAGE_AFTER, "room for each curve");
static_assert((int)SCENARIOS_MAX <= (int)STORAGE_WAYS_MAX, "and each scenario");

static const double limit_slack_kw = 1e-9;
static const double idle_kw = 1e-9;

/* --- the cost of net import ---------------------------------------------------------------------
 */

void exact_put_piece(struct storage_step *s, double at_kw, double more_price)
{
	int k = s->pieces++;
	for (; k > 0 && s->piece[k - 1].from_kw > at_kw; k--) {
		s->piece[k] = s->piece[k - 1];
		s->piece[k].price += more_price;
	}
	double below = k > 0 ? s->piece[k - 1].price : 0;
	s->piece[k] = (struct storage_piece){ .from_kw = at_kw, .price = below + more_price };
}

/* PV that may be curtailed is, where more net import would pay: what costs less than nothing lies
 * that much further out, and between there and here it costs nothing. */
static void put_curtailment(struct storage_step *s, double pv_kw)
{
	int k = 0;
	while (k < s->pieces && s->piece[k].price < 0) {
		s->piece[k++].from_kw -= pv_kw;
	}
	if (k == 0 || k == s->pieces) {
		return;
	}
	for (int i = s->pieces++; i > k; i--) {
		s->piece[i] = s->piece[i - 1];
	}
	s->piece[k] = (struct storage_piece){ .from_kw = s->piece[k + 1].from_kw - pv_kw };
}

int exact_costs(const struct problem *p, const struct weights *w, int t, double pv_w,
		struct storage_step *s)
{
	const struct step *step = &p->step[t];
	double buy, sell;
	model_prices(p, t, &buy, &sell);
	if (sell > buy) {
		return -EDOM;
	}
	s->pieces = 1;
	s->piece[0] = (struct storage_piece){ .from_kw = -INFINITY, .price = w->money * sell };
	exact_put_piece(s, step->traded_w / 1e3, w->money * (buy - sell));
	if (w->imported > 0) {
		exact_put_piece(s, 0, w->imported);
	}
	if (isfinite(p->subscribed_w) && p->overuse_price > 0) {
		exact_put_piece(s, p->subscribed_w / 1e3, w->money * p->overuse_price);
	}
	if (p->pv_curtailable && pv_w > 0) {
		put_curtailment(s, pv_w / 1e3);
	}
	return 0;
}

/* --- the problem --------------------------------------------------------------------------------
 */

/* A battery that may not charge from the grid is tied to how much PV is curtailed. */
static bool is_tied_to_pv(const struct problem *p, const struct storage_step *s)
{
	return p->pv_curtailable && !p->battery[0].grid_charging && s->piece[0].price < 0;
}

/* What a kWh is worth on the whole: what losses are weighed at. Not by the first step's price,
 * since what the house would do at another is asked of the same plan. */
static double mean_worth(const struct problem *p, const struct weights *w)
{
	double sum = 0, hours = 0;
	for (int t = p->steps > 1; t < p->steps; t++) {
		sum += p->step[t].buy * p->step[t].hours;
		hours += p->step[t].hours;
	}
	return fmax(w->money * sum / hours, 0) + w->imported;
}

/* What being awake costs per kWh discharged, shared by all that there is to serve. */
static double awake_price(const struct battery_model *b, double net_kw, double worth)
{
	double most_kw = b->discharge_limit_w / 1e3;
	double kw = net_kw > 0 ? fmin(net_kw, most_kw) : most_kw;
	return kw > 0 ? fmin(b->awake_w / 1e3 / kw, 1) * worth : 0;
}

/* As the forecast says, or a scenario. */
static int pose(const struct problem *p, const struct weights *w, const struct scenario *scenario,
		struct storage *s)
{
	static const struct battery_model none = {
		.capacity_wh = 1, .charge_efficiency = 1, .discharge_efficiency = 1, .soc_end = -1
	};
	const struct battery_model *b = p->batteries ? &p->battery[0] : &none;
	double full_kwh = b->capacity_wh / 1e3;
	double low_kwh = b->soc_start * full_kwh, high_kwh = low_kwh;
	s->steps = p->steps + p->tail;
	s->charge_efficiency = b->charge_efficiency;
	s->discharge_efficiency = b->discharge_efficiency;
	s->start_kwh = low_kwh;
	s->end_value = w->money * b->end_value;
	s->end_kwh = fmax(b->soc_end, 0) * full_kwh;
	s->end_price = b->soc_end > 0 ? w->dear * w->soft.end_kwh : 0;
	double worth = mean_worth(p, w);
	for (int t = 0; t < s->steps; t++) {
		const struct step *step = &p->step[t];
		struct storage_step *to = &s->step[t];
		double load_w = scenario ? (double)scenario->load_w[t] : step->load_w;
		double pv_w = scenario ? (double)scenario->pv_w[t] : step->pv_w;
		double low_w, high_w;
		to->hours = step->hours;
		to->net_kw = (load_w - pv_w) / 1e3;
		to->rho = 2 * b->loss_per_kw * worth * step->hours;
		to->centre_kw = to->net_kw;
		battery_power_range(b, load_w - pv_w, &low_w, &high_w);
		to->charge_max_kw = -low_w / 1e3;
		to->discharge_max_kw = high_w / 1e3;
		to->wear = w->money * b->wear + awake_price(b, to->net_kw, worth);
		battery_recover(b, step->hours, &low_kwh, &high_kwh, &to->charge_max_kw,
				&to->discharge_max_kw);
		to->low_kwh = low_kwh;
		to->high_kwh = high_kwh;
		if (exact_costs(p, w, t, pv_w, to) < 0 || is_tied_to_pv(p, to)) {
			s->steps = t; /* what lies after the horizon may end early */
			return t < p->steps ? -EDOM : 0;
		}
	}
	return 0;
}

/* --- the plan -----------------------------------------------------------------------------------
 */

/* How much PV is curtailed at a net import of n kW without that. */
static double curtailed(const struct storage_step *s, double n_kw, double pv_kw)
{
	int k = 0;
	while (k < s->pieces && s->piece[k].price < 0) {
		k++;
	}
	if (k == 0) {
		return 0;
	}
	double up_to_kw = k < s->pieces ? s->piece[k].from_kw + pv_kw : INFINITY;
	return fmin(fmax(up_to_kw - n_kw, 0), pv_kw);
}

static int take_step(const struct problem *p, const struct exact *e, int t, struct plan_slot *slot)
{
	const struct step *step = &p->step[t];
	double kw = p->batteries ? e->plan.power_kw[t] : 0;
	*slot = (struct plan_slot){ .step = *step, .pv_w = step->pv_w };
	kw = fabs(kw) < idle_kw ? 0 : kw;
	if (p->batteries) {
		slot->battery_w[0] = kw * 1e3;
		slot->soc[0] = e->plan.stored_kwh[t] / (p->battery[0].capacity_wh / 1e3);
		slot->value[0] = e->plan.value[t];
	}
	if (p->pv_curtailable) {
		double n_kw = e->storage.step[t].net_kw - kw;
		slot->pv_w -= 1e3 * curtailed(&e->storage.step[t], n_kw, step->pv_w / 1e3);
	}
	slot->grid_w = step->load_w - slot->pv_w - slot->battery_w[0];
	double over_w =
		fmax(slot->grid_w - step->import_limit_w, -slot->grid_w - step->export_limit_w);
	return over_w > 1e3 * limit_slack_kw ? -EDOM : 0;
}

static void keep_curves(struct exact *e, double weight)
{
	for (int k = 0; k < WORTH_SLOTS && k < e->storage.steps; k++) {
		e->after[k][e->ways] = e->plan.after[k];
	}
	e->weight[e->ways++] = weight;
}

/* Bind the first step to what is best against the scenarios, where there are any. Returns whether
 * it is; *value: what a stored kWh is worth at its end. */
static bool hedge(struct exact *e, const struct problem *p, const struct weights *w, double *value)
{
	double kwh;
	e->ways = 0;
	for (int i = 0; i < p->scenarios; i++) {
		if (pose(p, w, &p->scenario[i], &e->storage) == 0 &&
		    storage_solve(&e->storage, &e->plan) == 0) {
			keep_curves(e, p->scenario[i].weight);
		}
	}
	if (e->ways == 0 || pose(p, w, NULL, &e->storage) < 0 ||
	    storage_hedge(&e->storage, e->after[0], e->weight, e->ways, &kwh, value) < 0) {
		e->ways = 0;
		return false;
	}
	e->storage.step[0].low_kwh = e->storage.step[0].high_kwh = kwh;
	return true;
}

/* What stored energy is worth at the end of step t, as far as it gets within the step. */
static void tell_worth(struct exact *e, const struct problem *p, const struct weights *w, int t,
		       struct plan_worth *out)
{
	const struct storage *s = &e->storage;
	const struct storage_step *step = &s->step[t];
	const struct battery_model *b = &p->battery[0];
	struct storage_vertex v[WORTH_POINTS_MAX];
	double start_kwh = t > 0 ? e->plan.stored_kwh[t - 1] : s->start_kwh;
	double down_kwh = b->discharge_limit_w / 1e3 * step->hours / s->discharge_efficiency;
	double up_kwh = b->charge_limit_w / 1e3 * step->hours * s->charge_efficiency;
	double low_kwh = fmax(start_kwh - down_kwh, e->after[t][0].vertex[0].kwh);
	double high_kwh = start_kwh + up_kwh;
	for (int i = 0; i < e->ways; i++) {
		const struct storage_curve *c = &e->after[t][i];
		low_kwh = fmax(low_kwh, c->vertex[0].kwh);
		high_kwh = fmin(high_kwh, c->vertex[c->vertices - 1].kwh);
	}
	out->rise = 2 * b->loss_per_kw / 1e3 * mean_worth(p, w) / w->money;
	out->awake = awake_price(b, step->net_kw, mean_worth(p, w)) / w->money;
	if (!(low_kwh < high_kwh)) {
		return;
	}
	out->points = storage_mean(e->after[t], e->weight, e->ways, low_kwh, high_kwh, v,
				   WORTH_POINTS_MAX);
	for (int i = 0; i < out->points; i++) {
		out->point[i].kwh = v[i].kwh;
		out->point[i].value = -v[i].price / w->money;
	}
}

static bool is_one_battery(const struct problem *p)
{
	bool others = p->evs > 0 || p->loads > 0 || p->thermals > 0 || p->shifts > 0;
	return p->batteries <= 1 && !others && p->demand_charge <= 0;
}

int exact_pose(const struct problem *p, struct storage *s)
{
	struct weights w = model_weights(p);
	return is_one_battery(p) ? pose(p, &w, NULL, s) : -EDOM;
}

int exact_solve(struct exact *e, const struct problem *p, struct plan *out)
{
	double value;
	if (!is_one_battery(p)) {
		return -EDOM;
	}
	struct weights w = model_weights(p);
	bool hedged = p->batteries == 1 && hedge(e, p, &w, &value);
	int r = hedged ? 0 : pose(p, &w, NULL, &e->storage);
	r = r < 0 ? r : storage_solve(&e->storage, &e->plan);
	if (r == 0 && hedged) {
		e->plan.value[0] = value;
	}
	if (r == 0 && !hedged && p->batteries == 1) {
		keep_curves(e, 1);
	}
	bool tells = r == 0 && p->batteries == 1 && p->objective == OBJECTIVE_COST;
	for (int t = 0; tells && t < WORTH_SLOTS && t < p->steps; t++) {
		tell_worth(e, p, &w, t, &out->worth[t]);
	}
	for (int t = 0; r == 0 && t < p->steps; t++) {
		r = take_step(p, e, t, &out->slot[t]);
	}
	return r;
}
