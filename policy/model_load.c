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
	double unmet = m->weight.dear * l->unmet_price * kwh;
	int row = m->at[r->first].run_row[i] = lp_row(&m->lp, 1, 1);
	m->at[r->first].unmet[i] = lp_column(&m->lp, 0, 1, unmet);
	lp_entry(&m->lp, row, m->at[r->first].unmet[i], 1);
	for (int t = r->first; t < r->end; t++) {
		if (!can_start(m, l, k, t)) {
			continue;
		}
		double least = must_run(l, k) ? 1 : 0;
		double cost = must_run(l, k) ? 0 : m->weight.money * l->start_cost;
		m->at[t].run[i] = lp_column(&m->lp, least, 1, cost);
		lp_entry(&m->lp, row, m->at[t].run[i], 1);
	}
	if (must_run(l, k)) { /* what its window cuts off */
		double over_h = fmax(r->duration_h - m->begin_h[r->end], 0);
		double cost = m->weight.dear * l->unmet_price * l->power_w / 1e3 * over_h;
		(void)lp_column(&m->lp, 1, 1, cost);
	}
}

static void build_shares(struct model *m, int i, int k)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = &l->run[k];
	double unmet = m->weight.dear * l->unmet_price * l->power_w / 1e3;
	int row = m->at[r->first].run_row[i] = lp_row(&m->lp, r->duration_h, r->duration_h);
	m->at[r->first].unmet[i] = lp_column(&m->lp, 0, INFINITY, unmet);
	lp_entry(&m->lp, row, m->at[r->first].unmet[i], 1);
	for (int t = r->first; t < r->end; t++) {
		m->at[t].run[i] = lp_column(&m->lp, 0, 1, 0);
		lp_entry(&m->lp, row, m->at[t].run[i], m->p->step[t].hours);
	}
}

/* A start: what is on in a step, in whole or in part, and was not on for the whole of the one
 * before. Columns NO_COLUMN are none. */
static void add_start_row(struct model *m, int i, int t, int whole, int part, int whole_before)
{
	int row = lp_row(&m->lp, -INFINITY, t == 0 && m->p->load[i].running ? 1 : 0);
	lp_entry(&m->lp, row, m->at[t].start[i], -1);
	lp_entry(&m->lp, row, whole, 1);
	if (part != NO_COLUMN) {
		lp_entry(&m->lp, row, part, 1);
	}
	if (whole_before != NO_COLUMN) {
		lp_entry(&m->lp, row, whole_before, -1);
	}
}

static void build_starts(struct model *m, int i)
{
	const struct load_model *l = &m->p->load[i];
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		if (at->run[i] != NO_COLUMN) {
			int before = t > 0 ? m->at[t - 1].run[i] : NO_COLUMN;
			at->start[i] = lp_column(&m->lp, 0, 1, m->weight.money * l->start_cost);
			add_start_row(m, i, t, at->run[i], NO_COLUMN, before);
		}
	}
}

static void build(struct model *m, int i)
{
	const struct load_model *l = &m->p->load[i];
	for (int t = 0; t < m->p->steps; t++) {
		struct step_columns *at = &m->at[t];
		at->run[i] = at->start[i] = at->unmet[i] = NO_COLUMN;
		at->whole[i] = at->part[i] = NO_COLUMN;
	}
	for (int k = 0; k < l->runs; k++) {
		if (l->kind == LOAD_BLOCK) {
			build_block(m, i, k);
		} else {
			build_shares(m, i, k);
		}
	}
	if (l->kind == LOAD_INTERRUPTIBLE && l->start_cost > 0) {
		build_starts(m, i);
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
	}
}

/* A block's start is not told by one slot: it rests. */
static void pair(struct model *m, int i, int t, const struct plan_slot *slot, int balance_row)
{
	const struct load_model *l = &m->p->load[i];
	const struct step_columns *at = &m->at[t];
	if (at->unmet[i] != NO_COLUMN) {
		lp_pair(&m->lp, at->run_row[i], at->unmet[i]);
	}
	if (slot && at->run[i] != NO_COLUMN && l->kind != LOAD_BLOCK && l->power_w > 0 &&
	    model_gives(m, at->run[i], slot->run_w[i] / l->power_w)) {
		lp_pair(&m->lp, balance_row, at->run[i]);
	}
}

static bool is_on_off(const struct problem *p, int i)
{
	return p->load[i].kind != LOAD_CONTINUOUS;
}

/* Whether a run is torn apart: a block that starts in part here and in part there, another load
 * that is on in part in more than one step, or in any where each start costs. */
static bool cheats(const struct model *m, int i, int t)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = run_at(l, t);
	int parts = 0;
	if (!r || t > r->first || l->kind == LOAD_CONTINUOUS) {
		return false;
	}
	for (int u = r->first; u < r->end; u++) {
		parts += model_is_partial(model_x(m, m->at[u].run[i]));
	}
	return parts > (l->kind == LOAD_BLOCK || l->start_cost > 0 ? 0 : 1);
}

static int forbid_torn_block(struct model *m, int i, const struct load_run *r)
{
	if (!model_split(&m->split[r->first].load[i])) {
		return 0;
	}
	for (int t = r->first; t < r->end; t++) {
		int start = m->at[t].run[i];
		if (start != NO_COLUMN && m->lp.column[start].low < 1) {
			m->lp.column[start].group = GROUP_LOAD + i;
		}
	}
	return 1;
}

/* In each step of a run the load is on for the whole of it, or in part - in one of them - or off.
 */
static void forbid_parts(struct model *m, int i, const struct load_run *r, int *whole_before)
{
	int parts = lp_row(&m->lp, -INFINITY, 1);
	for (int t = r->first; t < r->end; t++) {
		int share = m->at[t].run[i];
		int whole = lp_binary(&m->lp, GROUP_LOAD + i),
		    part = lp_binary(&m->lp, GROUP_LOAD + i);
		m->at[t].whole[i] = whole;
		m->at[t].part[i] = part;
		lp_entry(&m->lp, parts, part, 1);
		int row = lp_row(&m->lp, 0, INFINITY);
		lp_entry(&m->lp, row, share, 1);
		lp_entry(&m->lp, row, whole, -1);
		row = lp_row(&m->lp, -INFINITY, 0);
		lp_entry(&m->lp, row, share, 1);
		lp_entry(&m->lp, row, whole, -1);
		lp_entry(&m->lp, row, part, -1);
		row = lp_row(&m->lp, -INFINITY, 1);
		lp_entry(&m->lp, row, whole, 1);
		lp_entry(&m->lp, row, part, 1);
		if (m->at[t].start[i] != NO_COLUMN) {
			add_start_row(m, i, t, whole, part, *whole_before);
		}
		*whole_before = whole;
	}
}

/* All runs of a load at once: a start depends on the step before, which may be of another run. */
static int forbid(struct model *m, int i, int t)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = run_at(l, t);
	if (!r || l->kind == LOAD_CONTINUOUS) {
		return 0;
	}
	if (l->kind == LOAD_BLOCK) {
		return forbid_torn_block(m, i, r);
	}
	if (!model_split(&m->split[0].load[i])) {
		return 0;
	}
	int whole_before = NO_COLUMN;
	for (int k = 0; k < l->runs; k++) {
		bool follows = k > 0 && l->run[k - 1].end == l->run[k].first;
		whole_before = follows ? whole_before : NO_COLUMN;
		forbid_parts(m, i, &l->run[k], &whole_before);
	}
	return 1;
}

/* --- the answer ---------------------------------------------------------------------------------
 */

/* A block starts where it is on and was not before; not even in its run's first step does it go on
 * from one before. */
static void guess(struct model *m, int i, int t, int guess, const struct plan_slot *slot,
		  const struct plan_slot *before)
{
	const struct load_model *l = &m->p->load[i];
	const struct load_run *r = run_at(l, t);
	double share = l->power_w > 0 ? slot->run_w[i] / l->power_w : 0;
	bool was_on = before && r && t > r->first && before->run_w[i] > 0;
	if (l->kind == LOAD_BLOCK) {
		model_guess(m, m->at[t].run[i], guess, share > 0 && !was_on);
	} else {
		bool part = model_is_partial(share);
		model_load_guess(m, i, t, guess,
				 part        ? PAUSES_PART
				 : share > 0 ? PAUSES_ON
					     : PAUSES_OFF);
	}
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
		double share = model_x(m, m->at[t].run[i]);
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

const struct model_asset model_load = { .count = count,
					.bound = bound,
					.build = build,
					.take = take,
					.pair = pair,
					.is_on_off = is_on_off,
					.cheats = cheats,
					.forbid = forbid,
					.cut = model_load_cut,
					.guess = guess,
					.plan = plan };
