/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/optimiser.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/evaluate.h"
#include "policy/exact.h"
#include "policy/model.h"

enum { ROUNDS_MAX = 20 };

struct optimiser {
	struct exact exact;
	struct model model;
};

/* Solve, split what cheats, solve again. Where that takes too long, everything is split that could
 * cheat, and the first answer is taken. Returns 0: proven, 1: not, or -errno. */
static int solve_rounds(struct model *m, const struct problem *p)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		model_build(m);
		int r = lp_solve(&m->lp, p->time_limit_s, p->good_gap);
		if (r < 0 || model_mark_cheats(m) == 0) {
			return r;
		}
	}
	return -ETIME;
}

/* Whether the model believed in the cost that its plan turns out to have. */
static bool costs_agree(const struct model *m, const struct plan *out)
{
	double believed = m->lp.objective - model_extra(m);
	double size = 1 + fabs(believed) + fabs(out->total_cost);
	return m->p->objective != OBJECTIVE_COST || fabs(out->total_cost - believed) < 1e-4 * size;
}

/* What the slots do and cost, checked. believed: whether to hold the model to the cost it believed
 * in (NULL: another method made the slots). */
static int account(const struct problem *p, const struct model *believed, struct plan *out)
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
	if (plan_check(p, out, why, sizeof(why)) < 0 || (believed && !costs_agree(believed, out))) {
		out->status = PLAN_FAILED;
		return -EPROTO;
	}
	return 0;
}

static int solve_exactly(struct optimiser *o, const struct problem *p, struct plan *out)
{
	int r = exact_solve(&o->exact, p, out);
	if (r < 0) {
		return r;
	}
	out->method = PLAN_DYNAMIC;
	out->status = PLAN_OPTIMAL;
	return account(p, NULL, out);
}

static int solve_generally(struct optimiser *o, const struct problem *p, struct plan *out)
{
	struct model *m = &o->model;
	model_start(m, p);
	int r = solve_rounds(m, p);
	if (r < 0) {
		return r;
	}
	out->method = model_is_split(m) ? PLAN_MILP : PLAN_LP;
	out->gap = fmax(m->lp.objective - m->lp.bound, 0) / (fabs(m->lp.objective) + 1e-9);
	out->status = r == 0 ? PLAN_OPTIMAL : PLAN_FEASIBLE;
	model_take(m, out);
	return account(p, m, out);
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
	int r = solve_exactly(o, p, out);
	return r < 0 ? solve_generally(o, p, out) : r;
}
