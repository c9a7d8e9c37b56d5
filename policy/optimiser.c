/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/optimiser.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "policy/evaluate.h"
#include "policy/exact.h"
#include "policy/model.h"
#include "policy/pool.h"
#include "policy/staged.h"

enum { ROUNDS_MAX = 50 };
static const double time_share = 0.9; /* of the limit; the rest is for ending and checking */
static const double no_gap = 1e-7;
static const double large_gap = 0.02;

struct optimiser {
	struct exact exact;
	struct model model;
	struct staged staged;
	struct pool pool;
	struct plan found;
	struct plan rough; /* of this problem, without a solver; 0 slots: not made */
	struct plan last;  /* what was answered before: the next one may go on as it does */
};

/* Whether the model believed in the cost that its plan turns out to have. That may be less, where
 * binaries are not the best: a step may be said to be on in part, and be off. */
static bool costs_agree(double believed, double found, bool best)
{
	double slack = 1e-4 * (1 + fabs(believed) + fabs(found));
	return found - believed < slack && (!best || believed - found < slack);
}

/* What the slots do and cost, checked. */
static int account(const struct problem *p, struct plan *out)
{
	struct evaluation e;
	char why[160];
	evaluate(p, out, &e);
	out->energy_cost = e.energy_cost;
	out->total_cost = e.total_cost;
	out->import_wh = e.import_wh;
	out->export_wh = e.export_wh;
	out->peak_import_w = e.peak_import_w;
	if (out->status == PLAN_OPTIMAL && e.soft) {
		out->status = PLAN_SOFT;
	}
	if (plan_check(p, out, why, sizeof(why)) < 0) {
		out->status = PLAN_FAILED;
		return -EPROTO;
	}
	return 0;
}

/* Make the model's answer a plan. It may cheat still: then the plan costs more than it believes,
 * which counts into the gap. */
static int take_plan(const struct model *m, bool cheats, struct plan *out)
{
	const struct problem *p = m->p;
	double objective = m->lp.objective, believed = objective - model_extra(m);
	bool tells_cost = p->objective == OBJECTIVE_COST;
	struct evaluation e;
	model_take(m, out);
	evaluate(p, out, &e);
	bool best = objective - m->lp.bound < 1e-6 * (1 + fabs(objective));
	if (tells_cost && !cheats && !costs_agree(believed, e.total_cost, best)) {
		return -EPROTO;
	}
	objective += tells_cost && cheats ? fmax(e.total_cost - believed, 0) : 0;
	out->gap = fmax(objective - m->lp.bound, 0) / fmax(fabs(objective), 1e-9);
	out->gap = out->gap < no_gap ? 0 : out->gap;
	bool proven = out->gap <= p->good_gap && (tells_cost || !cheats);
	out->method = model_is_split(m) ? PLAN_MILP : PLAN_LP;
	out->status = proven ? PLAN_OPTIMAL : PLAN_FEASIBLE;
	return account(p, out);
}

/* Whether a plan is the first that can be carried out, proven where the one before is not, or else
 * cheaper. One that cheated may cost as little as the one that is proven, or aim at something else
 * than costs. */
static bool is_better(const struct plan *found, const struct plan *best)
{
	bool proven = found->status != PLAN_FEASIBLE, was_proven = best->status != PLAN_FEASIBLE;
	if (best->status == PLAN_FAILED) {
		return true;
	}
	return proven != was_proven ? proven : found->total_cost < best->total_cost;
}

/* Take the answer if it is better. */
static void keep_better(struct optimiser *o, bool cheats, struct plan *best)
{
	struct plan *found = &o->found;
	memcpy(found, best, offsetof(struct plan, slot));
	if (take_plan(&o->model, cheats, found) == 0 && is_better(found, best)) {
		*best = *found;
	}
}

static const struct plan *rough_plan(struct optimiser *o, const struct problem *p,
				     const struct plan *head)
{
	if (o->rough.slots == 0) {
		memcpy(&o->rough, head, offsetof(struct plan, slot));
		o->rough.method = PLAN_STAGED;
		o->rough.status = PLAN_FEASIBLE;
		o->rough.gap = INFINITY;
		staged_solve(&o->staged, p, &o->rough);
	}
	return &o->rough;
}

/* Let the solver start near the last plan, where it is one for this house and now; else near one
 * that is made without it. */
static void start_near_plan(struct optimiser *o, const struct problem *p, const struct plan *head)
{
	const struct plan *last = &o->last;
	bool fits = plan_at(last, p->step[0].start_s) && last->batteries == p->batteries &&
		    last->evs == p->evs && last->loads == p->loads &&
		    last->thermals == p->thermals && last->shifts == p->shifts;
	model_start_near(&o->model, fits ? last : rough_plan(o, p, head));
}

/* Solve the relaxation, forbid what it cheats with and cut off what it should not reach; where that
 * has come to an end, settle the binaries; again while that brings new cheats. The first step
 * follows the wish, where there is one. Returns 0 or what ended it; *out is the best plan so far in
 * any case. */
static int solve_rounds(struct optimiser *o, const struct problem *p, const struct pool_wish *wish,
			int64_t deadline_us, struct plan *out)
{
	struct model *m = &o->model;
	model_start(m, p);
	model_build(m);
	if (wish) {
		model_wish(m, wish->kwh);
	}
	start_near_plan(o, p, out);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		int r = lp_relax(&m->lp, deadline_us);
		if (r < 0) {
			return r;
		}
		if (model_forbid_cheats(m) + model_cut(m) > 0) {
			continue;
		}
		model_guess_as(m, &o->last, GUESS_LAST);
		model_guess_as(m, &o->rough, GUESS_STAGED);
		r = lp_is_settled(&m->lp) ? 0 : lp_settle(&m->lp, deadline_us, p->good_gap);
		bool cheats = r < 0 || model_forbid_cheats(m) > 0;
		keep_better(o, cheats, out);
		if (r < 0 || !cheats) {
			return r < 0 ? r : 0;
		}
	}
	return -ETIME;
}

static int solve_exactly(struct optimiser *o, const struct problem *p, struct plan *out)
{
	int r = exact_solve(&o->exact, p, out);
	if (r < 0) {
		return r;
	}
	out->method = PLAN_DYNAMIC;
	out->status = PLAN_OPTIMAL;
	return account(p, out);
}

/* A plan without a solver, where that found none, or one that may be far from the best. */
static void solve_in_stages(struct optimiser *o, const struct problem *p, struct plan *best)
{
	struct plan *found = &o->found;
	bool none = best->status == PLAN_FAILED;
	bool far = best->status == PLAN_FEASIBLE && best->gap > large_gap;
	if (!none && !(far && p->objective == OBJECTIVE_COST)) {
		return;
	}
	*found = *rough_plan(o, p, best);
	if (account(p, found) == 0 && (none || found->total_cost < best->total_cost)) {
		*best = *found;
	}
}

/* What one more stored kWh is worth after the first step, by the wish that it followed. */
static void tell_worth(const struct problem *p, const struct pool_wish *wish, struct plan *out)
{
	for (int i = 0; i < p->batteries; i++) {
		const struct battery_model *b = &p->battery[i];
		if (pool_has(b)) {
			out->slot[0].value[i] =
				wish->value * b->discharge_efficiency / wish->efficiency;
		}
	}
}

static int solve_generally(struct optimiser *o, const struct problem *p, struct plan *out)
{
	int64_t deadline_us = clock_real_us() + (int64_t)(p->time_limit_s * time_share * 1e6);
	struct pool_wish wish;
	bool wishes = pool_ask(&o->pool, &o->exact, p, &wish) == 0;
	out->status = PLAN_FAILED;
	o->rough.slots = 0;
	int r = solve_rounds(o, p, wishes ? &wish : NULL, deadline_us, out);
	if (wishes && out->status != PLAN_FAILED) {
		tell_worth(p, &wish, out);
	} else if (wishes && r != -ETIME) { /* what cannot be is not wished for */
		r = solve_rounds(o, p, NULL, deadline_us, out);
	}
	solve_in_stages(o, p, out);
	if (out->status != PLAN_FAILED) {
		return 0;
	}
	return r < 0 ? r : -EPROTO;
}

int optimiser_new(struct optimiser **out)
{
	struct optimiser *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	*out = o;
	return 0;
}

void optimiser_free(struct optimiser *o)
{
	if (o) {
		model_free(&o->model);
	}
	free(o);
}

int optimiser_solve(struct optimiser *o, const struct problem *p, struct plan *out)
{
	char why[160];
	*out = (struct plan){ .id = p->id, .status = PLAN_FAILED };
	if (problem_check(p, why, sizeof(why)) < 0) {
		return -EINVAL;
	}
	out->objective = p->objective;
	out->slots = p->steps;
	out->batteries = p->batteries;
	out->evs = p->evs;
	out->loads = p->loads;
	out->thermals = p->thermals;
	out->shifts = p->shifts;
	int r = solve_exactly(o, p, out);
	r = r < 0 ? solve_generally(o, p, out) : r;
	if (r == 0) {
		o->last = *out;
	}
	return r;
}
