/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the model that is heat with a state. A temperature is told from the band's low end:
 * inside - under + over, so that what is outside of it has a column with a price and needs no row.
 */
#include <math.h>

#include "policy/model_asset.h"

static const double cut_least = 0.02; /* pulses by which a cut must be broken */

/* What a step does to a temperature: after = keep * before + rise * heat_kw + drift. */
struct change {
	double keep, rise, drift;
};

static struct change change_in(const struct model *m, const struct thermal_model *h, int t)
{
	double hours = m->p->step[t].hours, capacity = h->capacity_wh_per_k;
	double decay = h->loss_w_per_k / capacity * hours;
	double keep = exp(-decay);
	double k_per_w = decay > 0 ? -expm1(-decay) / h->loss_w_per_k : hours / capacity;
	return (struct change){ .keep = keep,
				.rise = k_per_w * 1e3,
				.drift =
					-expm1(-decay) * h->ambient_c[t] - k_per_w * h->draw_w[t] };
}

static int count(const struct problem *p)
{
	return p->thermals;
}

static void bound(struct model *m, int i)
{
	for (int t = 0; t < m->p->steps; t++) {
		m->at[t].taken_max += m->p->thermal[i].power_limit_w / 1e3;
	}
}

static void add_temperature_entries(struct model *m, int i, int t, int row, double factor)
{
	const struct step_columns *at = &m->at[t];
	lp_entry(&m->lp, row, at->inside[i], factor);
	lp_entry(&m->lp, row, at->under[i], -factor);
	lp_entry(&m->lp, row, at->over[i], factor);
}

static void build(struct model *m, int i)
{
	const struct thermal_model *h = &m->p->thermal[i];
	double before_c = h->start_c; /* but for the columns of the step before */
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		struct change change = change_in(m, h, t);
		double outside = m->weight.dear * h->discomfort * m->p->step[t].hours;
		at->heat[i] = lp_column(&m->lp, 0, 1, 0);
		at->inside[i] = lp_column(&m->lp, 0, h->high_c[t] - h->low_c[t], 0);
		at->under[i] = lp_column(&m->lp, 0, INFINITY, outside);
		at->over[i] = lp_column(&m->lp, 0, INFINITY, outside);
		double known = change.keep * before_c + change.drift - h->low_c[t];
		int row = lp_row(&m->lp, known, known);
		add_temperature_entries(m, i, t, row, 1);
		lp_entry(&m->lp, row, at->heat[i],
			 -change.rise * h->cop[t] * h->power_limit_w / 1e3);
		if (t > 0) {
			add_temperature_entries(m, i, t - 1, row, -change.keep);
		}
		before_c = h->low_c[t];
	}
	const struct step_columns *last = &m->at[m->p->steps - 1];
	double worth = m->weight.money * h->end_value * h->capacity_wh_per_k / 1e3;
	m->lp.column[last->inside[i]].cost -= worth;
	m->lp.column[last->under[i]].cost += worth;
	m->lp.column[last->over[i]].cost -= worth;
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].heat[i], factor * m->p->thermal[i].power_limit_w / 1e3);
}

static bool is_on_off(const struct problem *p, int i)
{
	return p->thermal[i].on_off;
}

static bool cheats(const struct model *m, int i, int t)
{
	return m->p->thermal[i].on_off && model_is_partial(model_x(m, m->at[t].heat[i]));
}

static int forbid(struct model *m, int i, int t)
{
	if (!m->p->thermal[i].on_off || !model_split(&m->split[t].thermal[i])) {
		return 0;
	}
	m->lp.column[m->at[t].heat[i]].group = GROUP_THERMAL + i;
	return 1;
}

/* --- cuts ---------------------------------------------------------------------------------------
 * A heater that is on or off heats in whole pulses. From a step s to a later step t,
 *
 *   rest + sum(pulse[u] * on[u]) >= need,    rest = what was inside after s and is under after t
 *
 * and rounded up in units of a pulse, with f what need has beyond a whole number of them,
 *
 *   rest / (pulse * f) + sum(min(pulse[u] / (pulse * f), 1) * on[u]) >= ceil(need / pulse)
 *
 * (mixed-integer rounding, Nemhauser and Wolsey 1988): without it the relaxation keeps a tank just
 * warm enough with parts of pulses.
 */

struct span {
	int from, to;  /* the steps with pulses, both included */
	double keep;   /* of what was there before them */
	double need_c; /* at the end, without what was there and the pulses */
	double pulse;  /* the largest, K */
	double pulses[STEPS_MAX];
	double unit, least; /* of the cut: pulse * f, ceil(need / pulse) */
};

/* One step more at the begin. */
static void widen(const struct model *m, const struct thermal_model *h, struct span *s)
{
	struct change change = change_in(m, h, --s->from);
	s->pulses[s->from] = s->keep * change.rise * h->cop[s->from] * h->power_limit_w / 1e3;
	s->pulse = fmax(s->pulse, s->pulses[s->from]);
	s->need_c -= s->keep * change.drift;
	s->keep *= change.keep;
}

/* Find the span's cut; returns whether there is one worth its row. */
static bool round_up(const struct thermal_model *h, struct span *s)
{
	double before_c = s->from > 0 ? h->low_c[s->from - 1] : h->start_c;
	double pulses = s->pulse > 0 ? (s->need_c - s->keep * before_c) / s->pulse : 0;
	double f = pulses - floor(pulses);
	s->unit = s->pulse * f;
	s->least = ceil(pulses);
	return pulses > 0 && f > 0.05 && f < 0.999;
}

/* By how much the answer breaks a span's cut, in pulses. */
static double violation(const struct model *m, int i, const struct span *s)
{
	double rest = model_x(m, m->at[s->to].under[i]), on = 0;
	if (s->from > 0) {
		const struct step_columns *begin = &m->at[s->from - 1];
		rest += s->keep * (model_x(m, begin->inside[i]) + model_x(m, begin->over[i]));
	}
	for (int u = s->from; u <= s->to; u++) {
		on += fmin(s->pulses[u] / s->unit, 1) * model_x(m, m->at[u].heat[i]);
	}
	return s->least - rest / s->unit - on;
}

static void add_cut(struct model *m, int i, const struct span *s)
{
	int row = lp_row(&m->lp, s->least, INFINITY);
	lp_entry(&m->lp, row, m->at[s->to].under[i], 1 / s->unit);
	if (s->from > 0) {
		lp_entry(&m->lp, row, m->at[s->from - 1].inside[i], s->keep / s->unit);
		lp_entry(&m->lp, row, m->at[s->from - 1].over[i], s->keep / s->unit);
	}
	for (int u = s->from; u <= s->to; u++) {
		lp_entry(&m->lp, row, m->at[u].heat[i], fmin(s->pulses[u] / s->unit, 1));
	}
}

/* Of the spans that end with step t, add the cut that the answer breaks most. */
static int cut_before(struct model *m, int i, int t)
{
	const struct thermal_model *h = &m->p->thermal[i];
	struct span s = { .from = t + 1, .to = t, .keep = 1, .need_c = h->low_c[t] };
	struct span worst = s;
	double most = cut_least;
	while (s.from > 0) {
		widen(m, h, &s);
		double broken = round_up(h, &s) ? violation(m, i, &s) : 0;
		if (broken > most) {
			most = broken;
			worst = s;
		}
	}
	if (most > cut_least) {
		add_cut(m, i, &worst);
	}
	return most > cut_least;
}

static int cut(struct model *m, int i)
{
	int cuts = 0;
	for (int t = 0; m->p->thermal[i].on_off && t < m->p->steps; t++) {
		cuts += cut_before(m, i, t);
	}
	return cuts;
}

static void plan(const struct model *m, int i, struct plan *out)
{
	const struct thermal_model *h = &m->p->thermal[i];
	double c = h->start_c;
	for (int t = 0; t < m->p->steps; t++) {
		struct change change = change_in(m, h, t);
		double share = model_x(m, m->at[t].heat[i]);
		share = model_is_partial(share) ? share : round(share);
		double w = h->power_limit_w * share;
		c = change.keep * c + change.rise * h->cop[t] * w / 1e3 + change.drift;
		out->slot[t].heat_w[i] = w;
		out->slot[t].heat_c[i] = c;
	}
}

const struct model_asset model_thermal = { .count = count,
					   .bound = bound,
					   .build = build,
					   .take = take,
					   .is_on_off = is_on_off,
					   .cheats = cheats,
					   .forbid = forbid,
					   .cut = cut,
					   .plan = plan };
