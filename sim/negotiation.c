/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/negotiation.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* --- the three sides, by turns ------------------------------------------------------------------
 */

/* All homes answer. */
static int ask_homes(struct negotiation *w)
{
	struct negotiate *m = &w->market;
	double net[STEPS_MAX];
	for (int i = 0; i < w->homes; i++) {
		struct negotiation_home *h = &w->home[i];
		int r = prosumer_answer(&h->home, w->plan, negotiate_price(m, i),
					negotiate_target(m, i), negotiate_penalty(m, i), net);
		if (r < 0) {
			return r;
		}
		h->stored_kwh = w->plan->stored_kwh[0];
		h->wear = prosumer_wear(&h->home, w->plan);
		(void)negotiate_power(m, i, m->round, net); /* refused: counted there */
	}
	negotiate_close(m);
	return 0;
}

static int ask_grid(struct negotiation *w)
{
	struct negotiate *m = &w->market;
	for (int i = 0; i < w->homes; i++) {
		w->gives[i] = negotiate_gives(m, i);
	}
	while (m->phase == NEGOTIATE_GRID) {
		int r = nodal_answer(&w->grid, m->wish, w->gives, m->energy, w->loss_kw, w->price);
		if (r < 0) {
			return r;
		}
		(void)negotiate_grid(m, m->round, m->pass, w->loss_kw, w->price);
	}
	return 0;
}

int negotiation_run(struct negotiation *w, bool cold, const struct negotiation_watch *watch)
{
	int r = 0;
	negotiate_begin(&w->market, cold);
	while (w->market.phase == NEGOTIATE_PARTIES && r == 0) {
		r = ask_homes(w);
		r = r == 0 ? ask_grid(w) : r;
		if (watch && r == 0) {
			watch->round(watch->context, w);
		}
	}
	return r < 0 ? r : w->market.phase != NEGOTIATE_AGREED;
}

/* --- each alone ---------------------------------------------------------------------------------
 */

static void charge_at_once(const struct negotiation_home *h, double *net_kw)
{
	double kwh = h->home.start_kwh;
	for (int t = 0; t < h->home.steps; t++) {
		const struct storage_step *s = &h->home.step[t];
		double missing_kw = (s->high_kwh - kwh) / h->home.charge_efficiency / s->hours;
		double kw = fmin(missing_kw, s->charge_max_kw);
		kwh += kw * h->home.charge_efficiency * s->hours;
		net_kw[t] = s->net_kw + kw;
	}
}

int negotiation_alone(struct negotiation *w, double *power_kw, double *wear)
{
	double sum = 0;
	for (int i = 0; i < w->homes; i++) {
		struct negotiation_home *h = &w->home[i];
		double *net_kw = power_kw + (long)i * w->steps;
		if (h->class == NEGOTIATION_CAR) {
			charge_at_once(h, net_kw);
			continue;
		}
		int r = prosumer_alone(&h->home, w->plan, w->buy, w->sell, net_kw);
		if (r < 0) {
			return r;
		}
		sum += prosumer_wear(&h->home, w->plan);
	}
	*wear = sum;
	return 0;
}

/* --- what it comes to ---------------------------------------------------------------------------
 */

static void judge_step(struct negotiation *w, int t, struct negotiation_outcome *o)
{
	const struct flow *s = &w->grid.flow[t];
	const double *q = w->grid.base_q + (long)t * w->k.nodes;
	struct limit worst;
	double source, loss, kilo = w->k.base_va / 1e3;
	flow_source(s, &w->k, w->grid.p, q, &source, NULL);
	flow_loss(s, &w->k, &loss, NULL);
	o->wholesale += w->hours * w->market.upstream[t] * source * kilo;
	o->loss_kwh += w->hours * loss * kilo;
	o->loss_cost += w->hours * w->market.upstream[t] * loss * kilo;
	o->peak_kw = fmax(o->peak_kw, source * kilo);
	o->v_min = fmin(o->v_min, flow_voltage(s, &w->k, flow_lowest(s, &w->k)));
	o->v_max = fmax(o->v_max, flow_voltage(s, &w->k, flow_highest(s, &w->k)));
	double excess = nodal_excess(&w->grid, t, &worst);
	for (int i = 0; i < w->grid.limits; i++) {
		o->broken += limit_excess(&w->grid.limit[i], s, &w->k, &w->f) > 0;
	}
	if (excess > o->excess) {
		o->excess = excess;
		o->worst = worst;
		o->worst_step = t;
	}
}

void negotiation_judge(struct negotiation *w, const double *power_kw, double wear,
		       struct negotiation_outcome *out)
{
	*out = (struct negotiation_outcome){ .solved = true,
					     .wear = wear,
					     .v_min = INFINITY,
					     .v_max = -INFINITY,
					     .peak_kw = -INFINITY,
					     .excess = -INFINITY };
	for (int t = 0; t < w->steps; t++) {
		if (nodal_flow(&w->grid, t, power_kw) < 0) {
			out->solved = false;
			return;
		}
		judge_step(w, t, out);
	}
	out->cost = out->wholesale + wear;
	out->over_kw = out->peak_kw - w->market.conf.high_kw;
}

double negotiation_wear(const struct negotiation *w)
{
	double sum = 0;
	for (int i = 0; i < w->homes; i++) {
		sum += w->home[i].wear;
	}
	return sum;
}

double negotiation_bill(const struct negotiation *w)
{
	double sum = 0;
	for (long i = 0; i < (long)w->homes * w->steps; i++) {
		sum += w->hours * w->market.price[i] * w->market.power[i];
	}
	return sum;
}

double negotiation_bill_alone(const struct negotiation *w, const double *power_kw)
{
	double sum = 0;
	for (long i = 0; i < (long)w->homes * w->steps; i++) {
		long t = i % w->steps;
		sum += w->hours * power_kw[i] * (power_kw[i] > 0 ? w->buy[t] : w->sell[t]);
	}
	return sum;
}
