/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "policy/lp.h"

enum { MEMORY_MIB_MAX = 40 }; /* of GLPK: below the service's own limit */
static const double integer_slack = 1e-6;

/* GLPK's environment is per thread, and so is the way out of it. Each has a number: what was made
 * in another is gone. */
static _Thread_local jmp_buf way_out;
static _Thread_local uint64_t environment = 1;

static void on_error(void *info)
{
	(void)info;
	longjmp(way_out, 1);
}

static int on_text(void *info, const char *text)
{
	(void)info;
	(void)text;
	return 1; /* swallowed */
}

static void open_environment(void)
{
	(void)glp_init_env();
	(void)glp_term_out(GLP_OFF);
	glp_term_hook(on_text, NULL); /* GLP_OFF does not silence errors */
	glp_error_hook(on_error, NULL);
	glp_mem_limit(MEMORY_MIB_MAX);
}

static void close_environment(void)
{
	(void)glp_free_env(); /* and with it every object, also those an error left behind */
	environment++;
}

void lp_forget(struct lp *lp)
{
	if (lp->solver && lp->environment == environment) {
		glp_delete_prob(lp->solver);
	}
	lp->solver = NULL;
	lp->known_columns = lp->known_rows = 0;
}

void lp_free(struct lp *lp)
{
	lp_forget(lp);
	close_environment();
	free(lp->column);
	free(lp->row);
	free(lp->entry_row);
	free(lp->entry_column);
	free(lp->entry);
	*lp = (struct lp){ .columns = 0 };
}

static bool bounds_sane(double low, double high)
{
	return low <= high && low < INFINITY && high > -INFINITY; /* false for NaN */
}

static bool sane(const struct lp *lp)
{
	bool ok = lp->columns > 0 && lp->rows > 0;
	for (int j = 0; ok && j < lp->columns; j++) {
		const struct lp_column *c = &lp->column[j];
		ok = bounds_sane(c->low, c->high) && isfinite(c->cost);
	}
	for (int i = 0; ok && i < lp->rows; i++) {
		ok = bounds_sane(lp->row[i].low, lp->row[i].high);
	}
	for (int e = 1; ok && e <= lp->entries; e++) {
		ok = isfinite(lp->entry[e]);
	}
	return ok;
}

/* --- handing the program over -------------------------------------------------------------------
 */

/* What is to be solved, and until when. */
struct task {
	struct lp *lp;
	glp_prob *g;    /* what is worked on */
	glp_prob *best; /* answer so far, or NULL */
	int64_t deadline_us;
	double good_gap;
	int64_t branch_until_us;
	bool offered; /* the best so far was told to the branching */
	bool whole;   /* g has all answers: its bound holds */
};

static int bound_kind(double low, double high)
{
	if (isinf(low)) {
		return isinf(high) ? GLP_FR : GLP_UP;
	}
	if (isinf(high)) {
		return GLP_LO;
	}
	return low < high ? GLP_DB : GLP_FX;
}

static void hand_over_bounds(struct lp *lp, glp_prob *g)
{
	for (int i = lp->known_rows; i < lp->rows; i++) {
		const struct lp_row *r = &lp->row[i];
		glp_set_row_bnds(g, i + 1, bound_kind(r->low, r->high), r->low, r->high);
	}
	for (int j = lp->known_columns; j < lp->columns; j++) {
		const struct lp_column *c = &lp->column[j];
		glp_set_obj_coef(g, j + 1, c->cost);
		glp_set_col_bnds(g, j + 1, bound_kind(c->low, c->high), c->low, c->high);
	}
}

/* GLPK takes a matrix as a whole, and keeps its basis. */
static void hand_over(struct lp *lp)
{
	glp_prob *g = lp->solver;
	if (!g || lp->environment != environment) {
		g = lp->solver = glp_create_prob();
		lp->environment = environment;
		lp->known_columns = lp->known_rows = 0;
		glp_set_obj_dir(g, GLP_MIN);
	}
	if (lp->rows > lp->known_rows) {
		(void)glp_add_rows(g, lp->rows - lp->known_rows);
	}
	if (lp->columns > lp->known_columns) {
		(void)glp_add_cols(g, lp->columns - lp->known_columns);
	}
	hand_over_bounds(lp, g);
	glp_load_matrix(g, lp->entries, lp->entry_row, lp->entry_column, lp->entry);
	lp->known_columns = lp->columns;
	lp->known_rows = lp->rows;
}

static int take_answer(struct lp *lp, glp_prob *g)
{
	bool finite = isfinite(glp_get_obj_val(g));
	for (int j = 0; j < lp->columns; j++) {
		lp->column[j].x = glp_get_col_prim(g, j + 1);
		finite &= isfinite(lp->column[j].x);
	}
	for (int i = 0; i < lp->rows; i++) {
		lp->row[i].dual = glp_get_row_dual(g, i + 1);
		finite &= isfinite(lp->row[i].dual);
	}
	lp->objective = glp_get_obj_val(g);
	return finite ? 0 : -EPROTO;
}

/* --- the relaxation -----------------------------------------------------------------------------
 */

static int left_ms(const struct task *task)
{
	int64_t ms = (task->deadline_us - clock_real_us()) / 1000;
	return ms > 1 ? (ms < INT_MAX ? (int)ms : INT_MAX) : 1;
}

/* GLPK goes round in circles now and then: it has only so many steps. */
static int simplex(const struct task *task, int method, int presolve, int steps_max)
{
	glp_smcp parameters;
	glp_init_smcp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = presolve;
	parameters.meth = method;
	parameters.tm_lim = left_ms(task);
	parameters.it_lim = steps_max;
	int r = glp_simplex(task->g, &parameters);
	if (r == 0 && glp_get_status(task->g) == GLP_OPT) {
		return 0;
	}
	return r == GLP_ETMLIM ? -ETIME : r == GLP_ENOPFS || r == GLP_ENODFS ? -EDOM : -EPROTO;
}

/* From nothing; after numerical trouble or a circle in another way. */
static int solve_cold(const struct task *task)
{
	int steps_max = 1000 + 5 * (task->lp->rows + task->lp->columns);
	int r = simplex(task, GLP_PRIMAL, GLP_ON, steps_max);
	r = r == -EPROTO ? simplex(task, GLP_DUALP, GLP_ON, steps_max) : r;
	if (r == -EPROTO) {
		glp_scale_prob(task->g, GLP_SF_AUTO);
		glp_adv_basis(task->g, 0);
		r = simplex(task, GLP_PRIMAL, GLP_OFF, steps_max);
	}
	return r == -EPROTO ? -EDOM : r;
}

/* From the last answer, which additions or held binaries have made impossible. */
static int solve_warm(const struct task *task)
{
	return simplex(task, GLP_DUALP, GLP_OFF, 200 + task->lp->rows);
}

static int relax(struct task *task)
{
	bool warm = task->lp->solver && task->lp->environment == environment;
	hand_over(task->lp);
	task->g = task->lp->solver;
	int r = warm ? solve_warm(task) : -EPROTO;
	r = r < 0 && r != -ETIME ? solve_cold(task) : r;
	r = r == 0 ? take_answer(task->lp, task->g) : r;
	if (r == 0) {
		task->lp->bound = task->lp->objective;
	}
	return r;
}

/* --- binaries -----------------------------------------------------------------------------------
 */

static double distance(double x)
{
	return fabs(x - round(x));
}

bool lp_is_settled(const struct lp *lp)
{
	for (int j = 0; j < lp->columns; j++) {
		if (lp->column[j].group && distance(lp->column[j].x) > integer_slack) {
			return false;
		}
	}
	return true;
}

/* The binary that is furthest on its way from 0 to 1; -1: none is between. */
static int foremost(const struct task *task)
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

static void hold(const struct task *task, int j, double at)
{
	glp_set_col_bnds(task->g, j + 1, GLP_FX, at, at);
}

static bool is_held(const struct task *task, int j)
{
	return glp_get_col_type(task->g, j + 1) == GLP_FX;
}

/* Hold at 0, or let go, those of a group that are not held at 1. */
static void hold_group(const struct task *task, int group, bool held)
{
	for (int j = 0; j < task->lp->columns; j++) {
		bool in = task->lp->column[j].group == group;
		if (in && !(is_held(task, j) && glp_get_col_lb(task->g, j + 1) == 1)) {
			glp_set_col_bnds(task->g, j + 1, held ? GLP_FX : GLP_DB, 0, held ? 0 : 1);
		}
	}
}

/* How much of a group lies between 0 and 1. */
static double sum_between(const struct task *task, int group)
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
static int step_up(const struct task *task, int next)
{
	int group = task->lp->column[next].group;
	double without = INFINITY;
	if (sum_between(task, group) < 0.7 && glp_get_col_prim(task->g, next + 1) < 0.7) {
		hold_group(task, group, true);
		without = solve_warm(task) == 0 ? glp_get_obj_val(task->g) : INFINITY;
		hold_group(task, group, false);
	}
	hold(task, next, 1);
	int r = solve_warm(task);
	if (r == 0 && glp_get_obj_val(task->g) <= without) {
		return 0;
	}
	hold(task, next, 0);
	if (isfinite(without)) {
		hold_group(task, group, true);
	}
	return solve_warm(task);
}

/* Hold the binaries that are 1 and the next there, and so on until none is between: a good
 * answer soon. */
static int dive(struct task *task)
{
	int r = 0, next = foremost(task);
	for (int k = 0; r == 0 && next >= 0 && k < task->lp->columns; k++) {
		for (int j = 0; j < task->lp->columns; j++) {
			if (task->lp->column[j].group > 0 &&
			    glp_get_col_prim(task->g, j + 1) > 1 - integer_slack) {
				hold(task, j, 1);
			}
		}
		r = step_up(task, next);
		next = foremost(task);
	}
	return next >= 0 ? -ETIME : r;
}

/* Tell GLPK the best answer so far, so that it need not look at what cannot be better. */
static void offer_best(glp_tree *tree, const struct task *task)
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
	struct task *task = info;
	if (glp_ios_reason(tree) == GLP_IHEUR && task->best && !task->offered) {
		task->offered = true;
		offer_best(tree, task);
	}
	int best = glp_ios_best_node(tree);
	if (best && task->whole) {
		task->lp->bound = fmax(task->lp->bound, glp_ios_node_bound(tree, best));
	}
	if (clock_real_us() > task->branch_until_us) {
		glp_ios_terminate(tree);
	}
}

/* Branch and cut for at most a share of the time that is left, and hold the binaries at its answer.
 * Returns 0, 1 or -errno as lp_settle. */
static int branch(struct task *task, double share)
{
	glp_iocp parameters;
	glp_init_iocp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.mip_gap = task->whole ? task->good_gap : task->good_gap / 4;
	/* Pseudo-costs prove the best soonest; a good answer is there before they are learnt. */
	parameters.br_tech = task->good_gap == 0 ? GLP_BR_PCH : GLP_BR_DTH;
	parameters.mir_cuts = GLP_ON;
	parameters.tm_lim = (int)ceil(share * left_ms(task));
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
	return solve_warm(task);
}

/* Branch on those binaries alone that the best answer has further from the relaxation than near. */
static int improve(struct task *task, double near)
{
	for (int j = 0; j < task->lp->columns; j++) {
		double x = task->best ? glp_get_col_prim(task->best, j + 1) : 0;
		if (task->lp->column[j].group && fabs(task->lp->column[j].x - x) < near) {
			hold(task, j, round(x));
		}
	}
	int r = solve_warm(task);
	return r < 0 ? r : branch(task, 0.3);
}

static int improve_little(struct task *task)
{
	return improve(task, 0.3);
}

static int improve_more(struct task *task)
{
	return improve(task, 0.1);
}

static int branch_on(struct task *task)
{
	task->whole = true;
	return branch(task, 0.8);
}

static bool is_good(const struct task *task)
{
	if (!task->best) {
		return false;
	}
	double objective = glp_get_obj_val(task->best);
	double above = objective - task->lp->bound;
	return above <= task->good_gap * fabs(objective) + 1e-9 * (1 + fabs(objective));
}

/* Find an answer in some way from the relaxation on; keep the best. */
static int attempt(struct task *task, int (*how)(struct task *task))
{
	task->g = glp_create_prob();
	glp_copy_prob(task->g, task->lp->solver, GLP_OFF);
	int r = how(task);
	bool better =
		r == 0 && (!task->best || glp_get_obj_val(task->g) < glp_get_obj_val(task->best));
	glp_prob *worse = better ? task->best : task->g;
	task->best = better ? task->g : task->best;
	if (worse) {
		glp_delete_prob(worse);
	}
	return r;
}

static int settle(struct task *task)
{
	int (*const ways[])(struct task *) = { dive, improve_little, improve_more, branch_on };
	int r = 0;
	for (int k = 0; k < 4 && !is_good(task); k++) {
		r = attempt(task, ways[k]);
	}
	if (task->best) {
		r = take_answer(task->lp, task->best);
		r = r < 0 || is_good(task) ? r : 1;
		glp_delete_prob(task->best);
	}
	return r;
}

/* --- the way in and out -------------------------------------------------------------------------
 */

static int solve(struct task *task, int (*how)(struct task *))
{
	if (task->lp->lacking) {
		return -ENOMEM;
	}
	if (!sane(task->lp)) {
		return -EINVAL;
	}
	volatile int r = -ENOTRECOVERABLE; /* it is, where GLPK jumps back */
	if (setjmp(way_out) == 0) {
		open_environment();
		r = how(task);
	} else {
		close_environment();
	}
	return r;
}

int lp_relax(struct lp *lp, int64_t deadline_us)
{
	struct task task = { .lp = lp, .deadline_us = deadline_us };
	return solve(&task, relax);
}

int lp_settle(struct lp *lp, int64_t deadline_us, double good_gap)
{
	struct task task = { .lp = lp, .deadline_us = deadline_us, .good_gap = good_gap };
	if (!lp->solver || lp->environment != environment) {
		return -ENOTRECOVERABLE;
	}
	return solve(&task, settle);
}
