/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the model that others shift for us. What they take more and less are two columns: the
 * price is one of moving, whichever way. */
#include <math.h>

#include "policy/model_asset.h"

static int count(const struct problem *p)
{
	return p->shifts;
}

static void bound(struct model *m, int i)
{
	for (int t = 0; t < m->p->steps; t++) {
		m->at[t].taken_max += m->p->shift[i].more_w[t] / 1e3;
		m->at[t].given_max += m->p->shift[i].less_w[t] / 1e3;
	}
}

static void build(struct model *m, int i)
{
	const struct shift_model *s = &m->p->shift[i];
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		double hours = m->p->step[t].hours;
		double cost = (m->weight.money * s->price + m->weight.tie) * hours;
		at->more[i] = lp_column(&m->lp, 0, s->more_w[t] / 1e3, cost);
		at->less[i] = lp_column(&m->lp, 0, s->less_w[t] / 1e3, cost);
		at->moved[i] = lp_column(&m->lp, -s->down_wh[t] / 1e3, s->up_wh[t] / 1e3, 0);
		int row = at->shift_row[i] = lp_row(&m->lp, 0, 0);
		lp_entry(&m->lp, row, at->moved[i], 1);
		lp_entry(&m->lp, row, at->more[i], -hours);
		lp_entry(&m->lp, row, at->less[i], hours);
		if (t > 0) {
			lp_entry(&m->lp, row, m->at[t - 1].moved[i], -1);
		}
	}
	m->lp.column[m->at[m->p->steps - 1].moved[i]].cost -= m->weight.money * s->worth;
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].more[i], factor);
}

static void give(struct model *m, int i, int t, int row, double factor)
{
	lp_entry(&m->lp, row, m->at[t].less[i], factor);
}

/* Both at once would be load that a battery may serve, and is none. */
static bool cheats(const struct model *m, int i, int t)
{
	const struct shift_model *s = &m->p->shift[i];
	return model_both(model_x(m, m->at[t].more[i]), s->more_w[t] / 1e3,
			  model_x(m, m->at[t].less[i]), s->less_w[t] / 1e3);
}

static int forbid(struct model *m, int i, int t)
{
	const struct shift_model *s = &m->p->shift[i];
	if (!model_split(&m->split[t].shift[i])) {
		return 0;
	}
	model_add_either(m, GROUP_SHIFT + i, m->at[t].more[i], s->more_w[t] / 1e3, m->at[t].less[i],
			 s->less_w[t] / 1e3);
	return 1;
}

static void pair(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row)
{
	const struct step_columns *at = &m->at[t];
	double kw = slot ? slot->shift_w[i] / 1e3 : 0;
	if (slot && model_gives(m, kw > 0 ? at->less[i] : at->more[i], fabs(kw))) {
		lp_pair(&m->lp, balance_row, kw > 0 ? at->less[i] : at->more[i]);
	}
	lp_pair(&m->lp, at->shift_row[i], at->moved[i]);
}

/* Made exact: within the powers, then within the energies. */
static void plan(const struct model *m, int i, struct plan *out)
{
	const struct shift_model *s = &m->p->shift[i];
	double moved_wh = 0;
	for (int t = 0; t < m->p->steps; t++) {
		const struct step_columns *at = &m->at[t];
		double hours = m->p->step[t].hours;
		double w = (model_x(m, at->less[i]) - model_x(m, at->more[i])) * 1e3;
		w = fmin(w, (moved_wh + s->down_wh[t]) / hours);
		w = fmax(w, (moved_wh - s->up_wh[t]) / hours);
		w = fmin(fmax(w, -s->more_w[t]), s->less_w[t]);
		moved_wh -= w * hours;
		out->slot[t].shift_w[i] = w;
	}
}

const struct model_asset model_shift = { .count = count,
					 .bound = bound,
					 .build = build,
					 .take = take,
					 .give = give,
					 .cheats = cheats,
					 .forbid = forbid,
					 .pair = pair,
					 .plan = plan };
