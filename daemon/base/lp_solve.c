/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/lp.h"
#include "daemon/base/lp_task.h"

enum { MEMORY_MIB_MAX = 40 }; /* of GLPK: below the service's own limit */

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

int lp_take_answer(struct lp *lp, glp_prob *g)
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

int lp_left_ms(const struct lp_task *task)
{
	int64_t ms = (task->deadline_us - clock_real_us()) / 1000;
	return ms > 1 ? (ms < INT_MAX ? (int)ms : INT_MAX) : 1;
}

/* GLPK goes round in circles now and then: it has only so many steps. */
static int simplex(const struct lp_task *task, int method, int presolve, int steps_max)
{
	glp_smcp parameters;
	glp_init_smcp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = presolve;
	parameters.meth = method;
	parameters.tm_lim = lp_left_ms(task);
	parameters.it_lim = steps_max;
	int r = glp_simplex(task->g, &parameters);
	if (r == 0 && glp_get_status(task->g) == GLP_OPT) {
		return 0;
	}
	return r == GLP_ETMLIM ? -ETIME : r == GLP_ENOPFS || r == GLP_ENODFS ? -EDOM : -EPROTO;
}

/* From the pairs. */
static int solve_paired(const struct lp_task *task)
{
	const struct lp *lp = task->lp;
	for (int i = 0; i < lp->rows; i++) {
		glp_set_row_stat(task->g, i + 1, lp->row[i].paired ? GLP_NU : GLP_BS);
	}
	for (int j = 0; j < lp->columns; j++) {
		const struct lp_column *c = &lp->column[j];
		int rest = c->rests_high ? GLP_NU : GLP_NL;
		glp_set_col_stat(task->g, j + 1, c->pairs ? GLP_BS : rest);
	}
	return simplex(task, GLP_PRIMAL, GLP_OFF, 1000 + lp->rows + lp->columns);
}

/* With the presolver, and on from its answer without: it calls optimal what at times is not, as
 * where coefficients are tiny. Of 8,483 random houses' programs 10 were, by at most 2e-7 of the
 * objective. Where all is well the second takes no step. */
static int solve_presolved(const struct lp_task *task, int method, int steps_max)
{
	int r = simplex(task, method, GLP_ON, steps_max);
	return r < 0 ? r : simplex(task, GLP_PRIMAL, GLP_OFF, steps_max);
}

/* From nothing; after numerical trouble or a circle in another way. */
static int solve_cold(const struct lp_task *task)
{
	int steps_max = 1000 + 5 * (task->lp->rows + task->lp->columns);
	int r = solve_presolved(task, GLP_PRIMAL, steps_max);
	r = r == -EPROTO ? solve_presolved(task, GLP_DUALP, steps_max) : r;
	if (r == -EPROTO) {
		glp_scale_prob(task->g, GLP_SF_AUTO);
		glp_adv_basis(task->g, 0);
		r = simplex(task, GLP_PRIMAL, GLP_OFF, steps_max);
	}
	return r == -EPROTO ? -EDOM : r;
}

/* From the last answer, which additions or held binaries have made impossible. */
int lp_solve_warm(const struct lp_task *task)
{
	return simplex(task, GLP_DUALP, GLP_OFF, 200 + task->lp->rows);
}

static int relax(struct lp_task *task)
{
	bool warm = task->lp->solver && task->lp->environment == environment;
	hand_over(task->lp);
	task->g = task->lp->solver;
	int r = warm ? lp_solve_warm(task) : task->lp->starts ? solve_paired(task) : -EPROTO;
	r = r < 0 && r != -ETIME ? solve_cold(task) : r;
	r = r == 0 ? lp_take_answer(task->lp, task->g) : r;
	if (r == 0) {
		task->lp->bound = task->lp->objective;
	}
	return r;
}

/* --- the way in and out -------------------------------------------------------------------------
 */

static int solve(struct lp_task *task, int (*how)(struct lp_task *))
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
	struct lp_task task = { .lp = lp, .deadline_us = deadline_us };
	return solve(&task, relax);
}

int lp_settle(struct lp *lp, int64_t deadline_us, double good_gap)
{
	struct lp_task task = { .lp = lp, .deadline_us = deadline_us, .good_gap = good_gap };
	if (!lp->solver || lp->environment != environment) {
		return -ENOTRECOVERABLE;
	}
	return solve(&task, lp_settle_task);
}
