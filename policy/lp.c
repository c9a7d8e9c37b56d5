/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/lp.h"

#include <errno.h>
#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>

#include "daemon/base/clock.h"

enum { MEMORY_MIB_MAX = 40 }; /* of GLPK, per solve: below the service's own limit */
enum { ROOM_MIN = 1 << 10, ROOM_MAX = 1 << 20 };

/* GLPK's environment is per thread, and so is the way out of it. */
static _Thread_local jmp_buf way_out;

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

void lp_clear(struct lp *lp)
{
	lp->columns = lp->rows = lp->entries = 0;
	lp->lacking = false;
}

void lp_free(struct lp *lp)
{
	free(lp->column);
	free(lp->row);
	free(lp->entry_row);
	free(lp->entry_column);
	free(lp->entry);
	*lp = (struct lp){ .columns = 0 };
}

/* The array, with room for one more than used; NULL where there is none, and it stays as it is. */
static void *widen(void *array, size_t size, int used, int *room)
{
	if (used < *room) {
		return array;
	}
	int wider = *room > 0 ? 2 * *room : ROOM_MIN;
	void *new = wider <= ROOM_MAX ? realloc(array, size * (size_t)wider) : NULL;
	*room = new ? wider : *room;
	return new;
}

int lp_column(struct lp *lp, double low, double high, double cost)
{
	void *wide = widen(lp->column, sizeof(*lp->column), lp->columns, &lp->columns_max);
	lp->lacking |= !wide;
	if (!wide) {
		return 0;
	}
	lp->column = wide;
	lp->column[lp->columns] = (struct lp_column){ .low = low, .high = high, .cost = cost };
	return lp->columns++;
}

int lp_binary(struct lp *lp)
{
	int j = lp_column(lp, 0, 1, 0);
	if (!lp->lacking) {
		lp->column[j].binary = true;
	}
	return j;
}

int lp_row(struct lp *lp, double low, double high)
{
	void *wide = widen(lp->row, sizeof(*lp->row), lp->rows, &lp->rows_max);
	lp->lacking |= !wide;
	if (!wide) {
		return 0;
	}
	lp->row = wide;
	lp->row[lp->rows] = (struct lp_row){ .low = low, .high = high };
	return lp->rows++;
}

static bool widen_entries(struct lp *lp)
{
	int room[] = { lp->entries_max, lp->entries_max, lp->entries_max };
	int used = lp->entries + 1; /* entry 0 is unused */
	int *row = widen(lp->entry_row, sizeof(*row), used, &room[0]);
	int *column = widen(lp->entry_column, sizeof(*column), used, &room[1]);
	double *entry = widen(lp->entry, sizeof(*entry), used, &room[2]);
	lp->entry_row = row ? row : lp->entry_row;
	lp->entry_column = column ? column : lp->entry_column;
	lp->entry = entry ? entry : lp->entry;
	lp->entries_max = row && column && entry ? room[0] : lp->entries_max;
	return row && column && entry;
}

void lp_entry(struct lp *lp, int row, int column, double coefficient)
{
	if (lp->entries + 1 >= lp->entries_max && !widen_entries(lp)) {
		lp->lacking = true;
		return;
	}
	int e = ++lp->entries;
	lp->entry_row[e] = row + 1;
	lp->entry_column[e] = column + 1;
	lp->entry[e] = coefficient;
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

/* Returns whether there are binaries. */
static bool load(const struct lp *lp, glp_prob *g)
{
	bool binaries = false;
	glp_set_obj_dir(g, GLP_MIN);
	(void)glp_add_rows(g, lp->rows);
	(void)glp_add_cols(g, lp->columns);
	for (int i = 0; i < lp->rows; i++) {
		const struct lp_row *r = &lp->row[i];
		glp_set_row_bnds(g, i + 1, bound_kind(r->low, r->high), r->low, r->high);
	}
	for (int j = 0; j < lp->columns; j++) {
		const struct lp_column *c = &lp->column[j];
		glp_set_obj_coef(g, j + 1, c->cost);
		if (c->binary) {
			glp_set_col_kind(g, j + 1, GLP_BV);
			binaries = true;
		} else {
			glp_set_col_bnds(g, j + 1, bound_kind(c->low, c->high), c->low, c->high);
		}
	}
	glp_load_matrix(g, lp->entries, lp->entry_row, lp->entry_column, lp->entry);
	return binaries;
}

/* What is to be solved, and until when. */
struct task {
	struct lp *lp;
	glp_prob *g;
	int64_t deadline_us;
	double good_gap;
};

static int left_ms(const struct task *task)
{
	int64_t ms = (task->deadline_us - clock_real_us()) / 1000;
	return ms > 1 ? (ms < INT_MAX ? (int)ms : INT_MAX) : 1;
}

static int simplex(const struct task *task, int presolve)
{
	glp_smcp parameters;
	glp_init_smcp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = presolve;
	parameters.tm_lim = left_ms(task);
	int r = glp_simplex(task->g, &parameters);
	if (r == 0 && glp_get_status(task->g) == GLP_OPT) {
		return 0;
	}
	return r == GLP_ETMLIM ? -ETIME : r == GLP_ENOPFS || r == GLP_ENODFS ? -EDOM : -EPROTO;
}

static int solve_relaxed(const struct task *task)
{
	int r = simplex(task, GLP_ON);
	if (r == -EPROTO) {
		/* Numerical trouble in the presolved problem: once more as it stands. */
		glp_scale_prob(task->g, GLP_SF_AUTO);
		glp_adv_basis(task->g, 0);
		r = simplex(task, GLP_OFF);
	}
	return r == -EPROTO ? -EDOM : r;
}

static void on_branch(glp_tree *tree, void *info)
{
	struct task *task = info;
	int best = glp_ios_best_node(tree);
	if (best) {
		task->lp->bound = fmax(task->lp->bound, glp_ios_node_bound(tree, best));
	}
}

/* Settle the binaries and fix them there, so that the LP that is left has duals. */
static int settle_binaries(struct task *task)
{
	glp_iocp parameters;
	glp_init_iocp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.mip_gap = task->good_gap;
	/* Measured on 30 random houses of 96 steps with wild prices: mean 507 ms without, 9 with.
	 */
	parameters.mir_cuts = GLP_ON;
	parameters.tm_lim = left_ms(task);
	parameters.cb_func = on_branch;
	parameters.cb_info = task;
	int r = glp_intopt(task->g, &parameters);
	int status = glp_mip_status(task->g);
	if (status != GLP_OPT && status != GLP_FEAS) {
		return r == GLP_ETMLIM ? -ETIME : -EDOM;
	}
	if (r == 0 && status == GLP_OPT) {
		task->lp->bound = glp_mip_obj_val(task->g);
	}
	for (int j = 0; j < task->lp->columns; j++) {
		if (task->lp->column[j].binary) {
			double at = glp_mip_col_val(task->g, j + 1) > 0.5 ? 1 : 0;
			glp_set_col_bnds(task->g, j + 1, GLP_FX, at, at);
		}
	}
	return status == GLP_OPT || r == GLP_EMIPGAP ? 0 : 1;
}

static int take_answer(struct lp *lp, glp_prob *g)
{
	lp->objective = glp_get_obj_val(g);
	bool finite = isfinite(lp->objective);
	for (int j = 0; j < lp->columns; j++) {
		lp->column[j].x = glp_get_col_prim(g, j + 1);
		finite &= isfinite(lp->column[j].x);
	}
	for (int i = 0; i < lp->rows; i++) {
		lp->row[i].dual = glp_get_row_dual(g, i + 1);
		finite &= isfinite(lp->row[i].dual);
	}
	return finite ? 0 : -EPROTO;
}

static int solve(struct task *task)
{
	task->g = glp_create_prob();
	bool binaries = load(task->lp, task->g);
	int settled = 0;
	int r = solve_relaxed(task);
	task->lp->bound = r == 0 ? glp_get_obj_val(task->g) : -INFINITY;
	if (r == 0 && binaries) {
		settled = settle_binaries(task);
		r = settled < 0 ? settled : simplex(task, GLP_OFF);
		r = r < 0 && settled >= 0 ? solve_relaxed(task) : r;
	}
	if (r == 0) {
		r = take_answer(task->lp, task->g);
	}
	return r < 0 ? r : settled;
}

int lp_solve(struct lp *lp, double time_limit_s, double good_gap)
{
	if (lp->lacking) {
		return -ENOMEM;
	}
	if (!sane(lp) || !(time_limit_s > 0 && time_limit_s < 1e9)) {
		return -EINVAL;
	}
	struct task task = { .lp = lp,
			     .deadline_us = clock_real_us() + (int64_t)(time_limit_s * 1e6),
			     .good_gap = good_gap };
	volatile int r = -ENOTRECOVERABLE; /* it is, where GLPK jumps back */
	if (setjmp(way_out) == 0) {
		(void)glp_init_env();
		(void)glp_term_out(GLP_OFF);
		glp_term_hook(on_text, NULL); /* GLP_OFF does not silence errors */
		glp_error_hook(on_error, NULL);
		glp_mem_limit(MEMORY_MIB_MAX);
		r = solve(&task);
	}
	(void)glp_free_env(); /* and with it every object, also those an error left behind */
	return r;
}
