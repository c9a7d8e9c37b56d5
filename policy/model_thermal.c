/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the model that is heat with a state. A temperature is told from the band's low end:
 * inside - under + over, so that what is outside of it has a column with a price and needs no row.
 */
#include <math.h>
#include <stddef.h>

#include "policy/model_asset.h"

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
		m->lp.column[at->heat[i]].binary = h->on_off && m->split[t].thermal[i];
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

static int mark(struct model *m, int i)
{
	int found = 0;
	for (int t = 0; m->p->thermal[i].on_off && t < m->p->steps; t++) {
		found += model_mark(&m->split[t].thermal[i],
				    model_is_partial(model_x(m, m->at[t].heat[i])));
	}
	return found;
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

const struct model_asset model_thermal = { count, bound, build, take, NULL, mark, plan };
