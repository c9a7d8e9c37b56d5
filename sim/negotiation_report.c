/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/negotiation_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"

#define CLOSE 1e-5 /* bound and cost of the judge */
static const int64_t patience_us = INT64_C(120) * 1000000;

/* --- making it ----------------------------------------------------------------------------------
 */

static void note_round(void *context, const struct negotiation *w)
{
	struct negotiation_report *r = context;
	const struct negotiate *m = &w->market;
	int passes = m->passes - r->passes;
	r->round[r->rounds++] = (struct negotiation_round){ .passes = passes,
							    .primal = m->primal,
							    .dual = m->dual,
							    .primal_most = m->primal_most,
							    .dual_most = m->dual_most,
							    .penalty = m->penalty,
							    .worst_primal = m->worst_primal,
							    .worst_dual = m->worst_dual };
	r->passes = m->passes;
	r->passes_most = passes > r->passes_most ? passes : r->passes_most;
}

static int make_rooms(struct negotiation_report *r)
{
	const struct negotiation *w = r->w;
	size_t cells = (size_t)w->homes * (size_t)w->steps, steps = (size_t)w->steps;
	r->round = calloc((size_t)w->market.conf.rounds_max, sizeof(*r->round));
	r->power_kw = calloc(2 * cells, sizeof(*r->power_kw));
	r->map = calloc(steps * ((size_t)w->k.nodes + 4), sizeof(*r->map));
	if (!r->round || !r->power_kw || !r->map) {
		return -ENOMEM;
	}
	r->alone_kw = r->power_kw + cells;
	r->source_kw = r->map + steps * (size_t)w->k.nodes;
	r->source_alone_kw = r->source_kw + steps;
	r->low = r->source_alone_kw + steps;
	r->low_alone = r->low + steps;
	return 0;
}

/* By step, of the flows that stand. */
static void note_flows(struct negotiation *w, const double *power_kw, double *source_kw,
		       double *low)
{
	for (int t = 0; t < w->steps; t++) {
		double source = 0;
		const struct flow *s = &w->grid.flow[t];
		if (nodal_flow(&w->grid, t, power_kw) < 0) {
			source_kw[t] = low[t] = NAN;
			continue;
		}
		flow_source(s, &w->k, w->grid.p, w->grid.base_q + (long)t * w->k.nodes, &source,
			    NULL);
		source_kw[t] = source * w->k.base_va / 1e3;
		low[t] = flow_voltage(s, &w->k, flow_lowest(s, &w->k));
	}
}

static int note_alone(struct negotiation_report *r, struct negotiation *w)
{
	int e = negotiation_alone(w, r->alone_kw, &r->bill_wear_alone);
	if (e == 0) {
		negotiation_judge(w, r->alone_kw, r->bill_wear_alone, &r->alone);
		note_flows(w, r->alone_kw, r->source_alone_kw, r->low_alone);
		r->bill_alone = negotiation_bill_alone(w, r->alone_kw);
	}
	return e;
}

static int note_agreed(struct negotiation_report *r, struct negotiation *w)
{
	const struct negotiate *m = &w->market;
	size_t cells = (size_t)w->homes * (size_t)w->steps;
	double prices = 0, parts = 0;
	int e = 0;
	memcpy(r->power_kw, m->power, cells * sizeof(*m->power));
	r->bill_wear = negotiation_wear(w);
	r->bill = negotiation_bill(w);
	for (size_t i = 0; i < cells; i++) {
		prices += m->price[i] * m->price[i];
		parts += m->part[i] * m->part[i];
	}
	r->price_norm = sqrt(prices);
	r->part_norm = sqrt(parts);
	negotiation_judge(w, r->power_kw, r->bill_wear, &r->with);
	note_flows(w, r->power_kw, r->source_kw, r->low);
	for (int t = 0; t < w->steps && r->with.solved && e == 0; t++) {
		e = nodal_map(&w->grid, t, m->energy[t], r->map + (long)t * w->k.nodes);
	}
	return e;
}

int negotiation_report_make(struct negotiation_report *r, struct negotiation *w, bool judge)
{
	*r = (struct negotiation_report){ .w = w };
	int e = make_rooms(r);
	e = e == 0 ? note_alone(r, w) : e;
	if (e < 0) {
		return e;
	}
	struct negotiation_watch watch = { note_round, r };
	int64_t begun_us = clock_real_us();
	e = negotiation_run(w, true, &watch);
	r->solve_s = (double)(clock_real_us() - begun_us) / 1e6;
	r->agreed = e == 0;
	e = e >= 0 ? note_agreed(r, w) : e;
	if (e == 0 && judge) {
		begun_us = clock_real_us();
		r->verdict = negotiation_central(w, r->alone_kw, CLOSE, begun_us + patience_us,
						 &r->central);
		r->judged = r->verdict >= 0;
		r->judge_s = (double)(clock_real_us() - begun_us) / 1e6;
	}
	return e;
}

void negotiation_report_free(struct negotiation_report *r)
{
	free(r->round);
	free(r->power_kw);
	free(r->map);
	*r = (struct negotiation_report){ .rounds = 0 };
}

int negotiation_report_warm(struct negotiation_report *r, struct negotiation *w, struct diag *d)
{
	int e = negotiation_move(w, d);
	e = e == 0 ? negotiation_run(w, false, NULL) : e;
	r->warm_rounds = e >= 0 ? w->market.round : 0;
	return e < 0 ? e : 0;
}

/* --- telling it ---------------------------------------------------------------------------------
 */

static void put_outcome(struct json_out *o, const char *key, const struct negotiation_outcome *c,
			double bill)
{
	json_open_object(o, key);
	json_put_number(o, "lmo_cost", c->solved ? c->wholesale : NAN, 6);
	json_put_number(o, "wear", c->wear, 6);
	json_put_number(o, "cost", c->solved ? c->cost : NAN, 6);
	json_put_number(o, "bill", bill, 6);
	json_put_number(o, "loss_kwh", c->loss_kwh, 3);
	json_put_number(o, "loss_cost", c->loss_cost, 6);
	json_put_number(o, "peak_kw", c->peak_kw, 3);
	json_put_number(o, "v_min", c->v_min, 6);
	json_put_number(o, "v_max", c->v_max, 6);
	json_put_integer(o, "limits_broken", c->broken);
	json_close(o);
}

static void put_judge(struct json_out *o, const struct negotiation_report *r)
{
	double bound = r->judged ? r->central.bound : NAN;
	json_put_number(o, "central_cost", bound, 6);
	json_put_number(o, "gap", (r->with.cost - bound) / fabs(bound), 9);
	json_put_number(o, "central_reached", r->judged ? r->central.cost : NAN, 6);
	json_put_integer(o, "central_programs", r->central.programs);
}

int negotiation_report_json(const struct negotiation_report *r, char *text, size_t size)
{
	const struct negotiate *m = &r->w->market;
	struct json_out o;
	json_begin(&o, text, size);
	json_open_object(&o, NULL);
	json_put_flag(&o, "agreed", r->agreed);
	json_put_integer(&o, "outer", r->rounds);
	json_put_integer(&o, "inner", r->passes_most);
	json_put_integer(&o, "inner_all", r->passes);
	json_put_number(&o, "primal", m->primal, 9);
	json_put_number(&o, "primal_most", m->primal_most, 9);
	json_put_number(&o, "dual", m->dual, 9);
	json_put_number(&o, "dual_most", m->dual_most, 9);
	json_put_number(&o, "penalty", m->penalty, 9);
	json_put_number(&o, "price_norm", r->price_norm, 9);
	json_put_number(&o, "grid_price_norm", r->part_norm, 9);
	json_put_number(&o, "cost", r->with.solved ? r->with.cost : NAN, 6);
	put_judge(&o, r);
	put_outcome(&o, "agreement", &r->with, r->bill);
	put_outcome(&o, "alone", &r->alone, r->bill_alone);
	json_put_integer(&o, "prosumers", r->w->homes);
	json_put_integer(&o, "steps", r->w->steps);
	json_put_text(&o, "currency", r->w->conf->tariff.currency);
	json_put_number(&o, "solve_ms", 1e3 * r->solve_s, 3);
	json_put_number(&o, "judge_ms", 1e3 * r->judge_s, 3);
	json_close(&o);
	return json_finish(&o);
}

void negotiation_report_trace(const struct negotiation_report *r, FILE *to)
{
	fputs("round,inner,primal_kw,primal_most_kw,dual,dual_most,penalty,worst_primal,worst_"
	      "dual\n",
	      to);
	for (int i = 0; i < r->rounds; i++) {
		const struct negotiation_round *n = &r->round[i];
		fprintf(to, "%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%s,%s\n", i + 1, n->passes, n->primal,
			n->primal_most, n->dual, n->dual_most, n->penalty,
			r->w->home[n->worst_primal].name, r->w->home[n->worst_dual].name);
	}
}

static const char *bus_of(const struct negotiation *w, int home)
{
	return w->f.bus[w->k.bus[w->home[home].node]].name;
}

void negotiation_report_why(const struct negotiation_report *r, FILE *to)
{
	const struct negotiation *w = r->w;
	const struct negotiate *m = &w->market;
	char limit[96], at[ISOTIME_SIZE];
	fprintf(to, "not agreed after %d rounds\n", r->rounds);
	if (m->primal > m->primal_most) {
		int worst = m->worst_primal;
		fprintf(to,
			"primal residual: what homes take and what the market gives are %.6g kW "
			"apart, "
			"expected at most %.6g; most of it at %s, bus %s: %.6g kW\n",
			m->primal, m->primal_most, w->home[worst].name, bus_of(w, worst),
			m->party[worst].off_kw);
	}
	if (m->dual > m->dual_most) {
		int worst = m->worst_dual;
		fprintf(to,
			"dual residual: prices still move by %.6g a kWh, expected at most %.6g; "
			"most "
			"that of %s, bus %s\n",
			m->dual, m->dual_most, w->home[worst].name, bus_of(w, worst));
	}
	if (r->with.solved && r->with.over_kw > 0) {
		fprintf(to, "the source gives %.6g kW more than its limit\n", r->with.over_kw);
	}
	if (r->with.solved && r->with.excess > 0) {
		fprintf(to, "%s by %.6f in %d limits and steps, most at %s\n",
			limit_text(&r->with.worst, &w->k, &w->f, limit, sizeof(limit)),
			r->with.excess, r->with.broken,
			isotime_format(w->start_s + r->with.worst_step * (int64_t)w->conf->step_s,
				       at));
	}
}
