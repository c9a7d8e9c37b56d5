/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the binaries of a linear program are settled: by diving from its relaxation, by branching on
 * those that the best answer has elsewhere, by branching on all. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "daemon/base/clock.h"
#include "daemon/base/lp_task.h"

static const double integer_slack = 1e-6;

/* The binary that is furthest on its way from 0 to 1; -1: none is between. */
static int foremost(const struct lp_task *task)
{
	double most = integer_slack;
	int found = -1;
	for (int j = 0; j < task->lp->columns; j++) {
		double x = glp_get_col_prim(task->g, j + 1);
		if (task->lp->column[j].group && x > most && x < 1 - integer_slack) {
			most = x;
			found = j;
		}
	}
	return found;
}

static void hold(const struct lp_task *task, int j, double at)
{
	glp_set_col_bnds(task->g, j + 1, GLP_FX, at, at);
}

static bool is_held(const struct lp_task *task, int j)
{
	return glp_get_col_type(task->g, j + 1) == GLP_FX;
}

/* Hold at 0, or let go, those of a group that are not held at 1. */
static void hold_group(const struct lp_task *task, int group, bool held)
{
	for (int j = 0; j < task->lp->columns; j++) {
		bool in = task->lp->column[j].group == group;
		if (in && !(is_held(task, j) && glp_get_col_lb(task->g, j + 1) == 1)) {
			glp_set_col_bnds(task->g, j + 1, held ? GLP_FX : GLP_DB, 0, held ? 0 : 1);
		}
	}
}

/* How much of a group lies between 0 and 1. */
static double sum_between(const struct lp_task *task, int group)
{
	double sum = 0;
	for (int j = 0; j < task->lp->columns; j++) {
		double x = glp_get_col_prim(task->g, j + 1);
		sum += task->lp->column[j].group == group && x < 1 - integer_slack ? x : 0;
	}
	return sum;
}

/* Solve with one more of its group at 1, or where little of it is left with no more of them: leave
 * the better. */
static int step_up(const struct lp_task *task, int next)
{
	int group = task->lp->column[next].group;
	double without = INFINITY;
	if (sum_between(task, group) < 0.7 && glp_get_col_prim(task->g, next + 1) < 0.7) {
		hold_group(task, group, true);
		without = lp_solve_warm(task) == 0 ? glp_get_obj_val(task->g) : INFINITY;
		hold_group(task, group, false);
	}
	hold(task, next, 1);
	int r = lp_solve_warm(task);
	if (r == 0 && glp_get_obj_val(task->g) <= without) {
		return 0;
	}
	hold(task, next, 0);
	if (isfinite(without)) {
		hold_group(task, group, true);
	}
	return lp_solve_warm(task);
}

static bool is_late(int64_t us)
{
	return clock_real_us() > us;
}

/* Hold the binaries that are 1, or all as they are nearest to. */
static void hold_done(const struct lp_task *task, bool all)
{
	for (int j = 0; j < task->lp->columns; j++) {
		double x = glp_get_col_prim(task->g, j + 1);
		if (task->lp->column[j].group && (all || x > 1 - integer_slack)) {
			hold(task, j, x > 0.5 + integer_slack ? 1 : 0);
		}
	}
}

/* Hold the binaries that are 1 and the next there, and so on until none is between, or half of the
 * time is up: then all that are left at once. A good answer soon. */
static int dive(struct lp_task *task)
{
	int64_t half_us = clock_real_us() + INT64_C(500) * lp_left_ms(task);
	int r = 0, next = foremost(task);
	while (r == 0 && next >= 0) {
		bool late = is_late(half_us);
		hold_done(task, late);
		r = late ? lp_solve_warm(task) : step_up(task, next);
		next = foremost(task);
	}
	return r;
}

/* Tell GLPK the best answer so far, so that it need not look at what cannot be better. */
static void offer_best(glp_tree *tree, const struct lp_task *task)
{
	double *x = glp_alloc(task->lp->columns + 1, sizeof(*x));
	for (int j = 1; j <= task->lp->columns; j++) {
		double at = glp_get_col_prim(task->best, j);
		x[j] = task->lp->column[j - 1].group ? round(at) : at;
	}
	(void)glp_ios_heur_sol(tree, x);
	glp_free(x);
}

/* GLPK looks at its own time limit between nodes only. */
static void on_branch(glp_tree *tree, void *info)
{
	struct lp_task *task = info;
	if (glp_ios_reason(tree) == GLP_IHEUR && task->best && !task->offered) {
		task->offered = true;
		offer_best(tree, task);
	}
	int best = glp_ios_best_node(tree);
	if (best && task->whole) {
		task->lp->bound = fmax(task->lp->bound, glp_ios_node_bound(tree, best));
	}
	if (is_late(task->branch_until_us)) {
		glp_ios_terminate(tree);
	}
}

/* Branch and cut for at most a share of the time that is left, and hold the binaries at its answer.
 */
static int branch(struct lp_task *task, double share)
{
	glp_iocp parameters;
	glp_init_iocp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.mip_gap = task->whole ? task->good_gap : task->good_gap / 4;
	/* Pseudo-costs prove the best soonest; a good answer is there before they are learnt. */
	parameters.br_tech = task->good_gap == 0 ? GLP_BR_PCH : GLP_BR_DTH;
	parameters.mir_cuts = GLP_ON;
	parameters.tm_lim = (int)ceil(share * lp_left_ms(task));
	parameters.cb_func = on_branch;
	parameters.cb_info = task;
	task->offered = false;
	task->branch_until_us = clock_real_us() + INT64_C(1000) * parameters.tm_lim;
	for (int j = 0; j < task->lp->columns; j++) {
		if (task->lp->column[j].group) {
			glp_set_col_kind(task->g, j + 1, GLP_IV);
		}
	}
	int r = glp_intopt(task->g, &parameters);
	int status = glp_mip_status(task->g);
	if (status != GLP_OPT && status != GLP_FEAS) {
		return r == GLP_ETMLIM || r == GLP_ESTOP ? -ETIME : -EDOM;
	}
	if (task->whole && r == 0 && status == GLP_OPT) {
		task->lp->bound = fmax(task->lp->bound, glp_mip_obj_val(task->g));
	}
	for (int j = 0; j < task->lp->columns; j++) {
		if (task->lp->column[j].group) {
			hold(task, j, round(glp_mip_col_val(task->g, j + 1)));
		}
	}
	return lp_solve_warm(task);
}

/* Hold the binaries that the best answer has nearer to the relaxation than that, and branch on the
 * others. */
static int improve(struct lp_task *task, double near, double share)
{
	for (int j = 0; j < task->lp->columns; j++) {
		double x = task->best ? glp_get_col_prim(task->best, j + 1) : 0;
		if (task->lp->column[j].group && fabs(task->lp->column[j].x - x) < near) {
			hold(task, j, round(x));
		}
	}
	int r = lp_solve_warm(task);
	return r < 0 ? r : branch(task, share);
}

static bool is_good(const struct lp_task *task)
{
	if (!task->best) {
		return false;
	}
	double objective = glp_get_obj_val(task->best);
	double above = objective - task->lp->bound;
	return above <= task->good_gap * fabs(objective) + 1e-9 * (1 + fabs(objective));
}

/* How to look for an answer: by diving, from a guess (1..) or from nothing (0); or by branching on
 * the binaries that the best answer has this far from the relaxation (0: on all, which also
 * proves), for a share of the time left. */
struct way {
	bool dives;
	int guess;
	double near, share;
};

/* Hold the binaries that are guessed where they are; return how many. */
static int hold_guess(const struct lp_task *task, int guess)
{
	int held = 0;
	for (int j = 0; guess >= 0 && j < task->lp->columns; j++) {
		const struct lp_column *c = &task->lp->column[j];
		if (c->group && c->guess[guess] != LP_ANYWHERE) {
			hold(task, j, c->guess[guess] == LP_ON ? 1 : 0);
			held++;
		}
	}
	return held;
}

static int dive_from(struct lp_task *task, int guess)
{
	int held = hold_guess(task, guess);
	if (guess >= 0 && held == 0) {
		return -EDOM;
	}
	int r = held > 0 ? lp_solve_warm(task) : 0;
	return r < 0 ? r : dive(task);
}

/* From the relaxation on; keep the best. */
static int attempt(struct lp_task *task, const struct way *way)
{
	task->g = glp_create_prob();
	glp_copy_prob(task->g, task->lp->solver, GLP_OFF);
	task->whole = !way->dives && way->near == 0;
	int r = way->dives ? dive_from(task, way->guess - 1) : improve(task, way->near, way->share);
	bool better =
		r == 0 && (!task->best || glp_get_obj_val(task->g) < glp_get_obj_val(task->best));
	glp_prob *worse = better ? task->best : task->g;
	task->best = better ? task->g : task->best;
	if (worse) {
		glp_delete_prob(worse);
	}
	return r;
}

int lp_settle_task(struct lp_task *task)
{
	/* Measured on 250 full houses of 144 steps: the guess from prices suffices for 242 to
	 * within 0.5 %, that pulled nearer to the relaxation for 4, a short branching for the
	 * others. */
	static const struct way ways[] = {
		{ .dives = true, .guess = 1 },
		{ .dives = true, .guess = 2 },
		{ .dives = true, .guess = 3 },
		{ .dives = true, .guess = 4 },
		{ .dives = true },
		{ .near = 0.3, .share = 0.2 },
		{ .near = 0, .share = 0.1 },
		{ .near = 0.1, .share = 0.3 },
		{ .near = 0, .share = 0.8 },
	};
	int r = 0;
	for (size_t k = 0; k < sizeof(ways) / sizeof(*ways) && !is_good(task); k++) {
		r = attempt(task, &ways[k]);
	}
	if (task->best) {
		r = lp_take_answer(task->lp, task->best);
		r = r < 0 || is_good(task) ? r : 1;
		glp_delete_prob(task->best);
	}
	return r;
}
