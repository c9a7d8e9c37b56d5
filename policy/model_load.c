/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the model that are the loads which can wait. Shares are of a load's power. */
#include <math.h>
#include <stddef.h>

#include "policy/model_asset.h"

static const double hours_slack = 1e-6;

static int count(const struct problem *p)
{
	return p->loads;
}

static bool must_run(const struct load_model *l, int run)
{
	return l->kind == LOAD_BLOCK && l->running && run == 0;
}

/* Whether a block may start in step t of its run. */
static bool can_start(const struct model *m, const struct load_model *l, int run, int t)
{
	const struct load_run *r = &l->run[run];
	if (must_run(l, run)) {
		return t == 0;
	}
	return m->begin_h[t] + r->duration_h <= m->begin_h[r->end] + hours_slack;
}

/* The share of step t that a block of run which starts in step `start` takes. */
static double block_share(const struct model *m, const struct load_run *r, int start, int t)
{
	double end_h = m->begin_h[start] + r->duration_h;
	double hours = fmin(end_h, m->begin_h[t + 1]) - m->begin_h[t];
	double share = hours / m->p->step[t].hours;
	return t < start || t >= r->end || hours < hours_slack ? 0 : fmin(share, 1);
}

static void bound(struct model *m, int i)
{
	const struct load_model *l = &m->p->load[i];
	for (int k = 0; k < l->runs; k++) {
		for (int t = l->run[k].first; t < l->run[k].end; t++) {
			m->at[t].taken_max += l->power_w / 1e3;
			if (must_run(l, k)) {
				m->at[t].taken_min +=
					l->power_w / 1e3 * block_share(m, &l->run[k], 0, t);
			}
		}
	}
}

/* One column for each start; what is left of one is not served. */
static void build_block(struct model *m, int i, int k)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = &l->run[k];
	double kwh = l->power_w / 1e3 * r->duration_h;
	int row = lp_row(&m->lp, 1, 1);
	lp_entry(&m->lp, row, lp_column(&m->lp, 0, 1, m->weight.dear * l->unmet_price * kwh), 1);
	for (int t = r->first; t < r->end; t++) {
		if (!can_start(m, l, k, t)) {
			continue;
		}
		double least = must_run(l, k) ? 1 : 0;
		double cost = must_run(l, k) ? 0 : m->weight.money * l->start_cost;
		m->at[t].run[i] = lp_column(&m->lp, least, 1, cost);
		m->lp.column[m->at[t].run[i]].binary = m->split[t].load[i] && !must_run(l, k);
		lp_entry(&m->lp, row, m->at[t].run[i], 1);
	}
	if (must_run(l, k)) { /* what its window cuts off */
		double over_h = fmax(r->duration_h - m->begin_h[r->end], 0);
		double cost = m->weight.dear * l->unmet_price * l->power_w / 1e3 * over_h;
		(void)lp_column(&m->lp, 1, 1, cost);
	}
}

/* A step that is on, in whole or in part (partly), after one that is not on in whole
 * (before) is a start. */
static void add_start(struct model *m, int i, int t, int partly, int before)
{
	const struct load_model *l = &m->p->load[i];
	int start = lp_column(&m->lp, 0, 1, m->weight.money * l->start_cost);
	int row = lp_row(&m->lp, -INFINITY, t == 0 && l->running ? 1 : 0);
	lp_entry(&m->lp, row, start, -1);
	lp_entry(&m->lp, row, m->at[t].run[i], 1);
	if (partly != NO_COLUMN) {
		lp_entry(&m->lp, row, partly, 1);
	}
	if (before != NO_COLUMN) {
		lp_entry(&m->lp, row, before, -1);
	}
}

/* In a step that is split the load is on, off, or - in one step of the run, and then a binary says
 * so - on in part. Returns that binary. */
static int add_on_off(struct model *m, int i, int t, int run_row, int parts_row)
{
	struct step_columns *at = &m->at[t];
	m->lp.column[at->run[i]].binary = true;
	at->part[i] = lp_column(&m->lp, 0, 1, 0);
	int partly = lp_binary(&m->lp);
	int row = lp_row(&m->lp, -INFINITY, 0);
	lp_entry(&m->lp, row, at->part[i], 1);
	lp_entry(&m->lp, row, partly, -1);
	row = lp_row(&m->lp, -INFINITY, 1);
	lp_entry(&m->lp, row, at->run[i], 1);
	lp_entry(&m->lp, row, partly, 1);
	lp_entry(&m->lp, parts_row, partly, 1);
	lp_entry(&m->lp, run_row, at->part[i], m->p->step[t].hours);
	return partly;
}

static void build_shares(struct model *m, int i, int k)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = &l->run[k];
	int row = lp_row(&m->lp, r->duration_h, r->duration_h);
	int parts_row = lp_row(&m->lp, -INFINITY, 1);
	lp_entry(&m->lp, row,
		 lp_column(&m->lp, 0, INFINITY, m->weight.dear * l->unmet_price * l->power_w / 1e3),
		 1);
	for (int t = r->first; t < r->end; t++) {
		struct step_columns *at = &m->at[t];
		int partly = NO_COLUMN;
		at->run[i] = lp_column(&m->lp, 0, 1, 0);
		lp_entry(&m->lp, row, at->run[i], m->p->step[t].hours);
		if (l->kind == LOAD_INTERRUPTIBLE && m->split[t].load[i]) {
			partly = add_on_off(m, i, t, row, parts_row);
		}
		if (l->kind == LOAD_INTERRUPTIBLE && l->start_cost > 0) {
			add_start(m, i, t, partly, t > 0 ? m->at[t - 1].run[i] : NO_COLUMN);
		}
	}
}

static void build(struct model *m, int i)
{
	const struct load_model *l = &m->p->load[i];
	for (int t = 0; t < m->p->steps; t++) {
		m->at[t].run[i] = m->at[t].part[i] = NO_COLUMN;
	}
	for (int k = 0; k < l->runs; k++) {
		if (l->kind == LOAD_BLOCK) {
			build_block(m, i, k);
		} else {
			build_shares(m, i, k);
		}
	}
}

static const struct load_run *run_at(const struct load_model *l, int t)
{
	for (int k = 0; k < l->runs; k++) {
		if (t >= l->run[k].first && t < l->run[k].end) {
			return &l->run[k];
		}
	}
	return NULL;
}

static void take_block(struct model *m, int i, int t, int row, double factor)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = run_at(l, t);
	for (int start = t; r && start >= r->first; start--) {
		double share = block_share(m, r, start, t);
		if (share == 0) {
			break; /* what started before has ended before */
		}
		if (m->at[start].run[i] != NO_COLUMN) {
			lp_entry(&m->lp, row, m->at[start].run[i],
				 factor * share * l->power_w / 1e3);
		}
	}
}

static void take(struct model *m, int i, int t, int row, double factor)
{
	const struct load_model *l = &m->p->load[i];
	if (l->kind == LOAD_BLOCK) {
		take_block(m, i, t, row, factor);
	} else if (m->at[t].run[i] != NO_COLUMN) {
		lp_entry(&m->lp, row, m->at[t].run[i], factor * l->power_w / 1e3);
		if (m->at[t].part[i] != NO_COLUMN) {
			lp_entry(&m->lp, row, m->at[t].part[i], factor * l->power_w / 1e3);
		}
	}
}

/* How many steps of a run are on in part. */
static int count_parts(const struct model *m, int i, const struct load_run *r)
{
	int parts = 0;
	for (int t = r->first; t < r->end; t++) {
		const struct step_columns *at = &m->at[t];
		parts += model_is_partial(model_x(m, at->run[i])) ||
			 model_x(m, at->part[i]) > model_slack;
	}
	return parts;
}

/* A block that is torn apart is split in all its starts, other loads in the steps on in part. */
static int mark(struct model *m, int i)
{
	const struct load_model *l = &m->p->load[i];
	int found = 0;
	for (int k = 0; l->kind != LOAD_CONTINUOUS && k < l->runs; k++) {
		const struct load_run *r = &l->run[k];
		int parts = count_parts(m, i, r);
		bool cheats = parts > (l->kind == LOAD_BLOCK || l->start_cost > 0 ? 0 : 1);
		for (int t = r->first; cheats && t < r->end; t++) {
			bool partial = model_is_partial(model_x(m, m->at[t].run[i]));
			found += model_mark(&m->split[t].load[i], l->kind == LOAD_BLOCK || partial);
		}
	}
	return found;
}

static void plan_block(const struct model *m, int i, const struct load_run *r, struct plan *out)
{
	const struct load_model *l = &m->p->load[i];
	for (int start = r->first; start < r->end; start++) {
		if (model_x(m, m->at[start].run[i]) < 0.5) {
			continue;
		}
		for (int t = start; t < r->end; t++) {
			out->slot[t].run_w[i] = l->power_w * block_share(m, r, start, t);
		}
		return;
	}
}

/* Shares near none and all are these; where the run is served, the one in between takes the rest.
 */
static void plan_shares(const struct model *m, int i, const struct load_run *r, struct plan *out)
{
	const struct load_model *l = &m->p->load[i];
	double rest_h = r->duration_h;
	int part = -1;
	for (int t = r->first; t < r->end; t++) {
		double share = model_x(m, m->at[t].run[i]) + model_x(m, m->at[t].part[i]);
		bool partial = model_is_partial(share);
		share = partial ? share : round(share);
		part = partial ? t : part;
		out->slot[t].run_w[i] = l->power_w * share;
		rest_h -= share * m->p->step[t].hours;
	}
	if (part >= 0 && fabs(rest_h) < 1e-3 * m->p->step[part].hours) {
		double w = out->slot[part].run_w[i] + l->power_w * rest_h / m->p->step[part].hours;
		out->slot[part].run_w[i] = fmin(fmax(w, 0), l->power_w);
	}
}

static void plan(const struct model *m, int i, struct plan *out)
{
	const struct load_model *l = &m->p->load[i];
	for (int k = 0; k < l->runs; k++) {
		if (l->kind == LOAD_BLOCK) {
			plan_block(m, i, &l->run[k], out);
		} else {
			plan_shares(m, i, &l->run[k], out);
		}
	}
}

const struct model_asset model_load = { count, bound, build, take, NULL, mark, plan };
