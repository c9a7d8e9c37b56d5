/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/lp.h"

#include <errno.h>
#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>

enum { MEMORY_MIB_MAX = 40 }; /* of GLPK, per solve: below the service's own limit */
static const double mip_gap = 1e-6;

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

int lp_init(struct lp *lp, int columns_max, int rows_max, int entries_max)
{
	*lp = (struct lp){ .columns_max = columns_max,
			   .rows_max = rows_max,
			   .entries_max = entries_max };
	lp->column = calloc((size_t)columns_max, sizeof(*lp->column));
	lp->row = calloc((size_t)rows_max, sizeof(*lp->row));
	lp->entry_row = calloc((size_t)entries_max + 1, sizeof(*lp->entry_row));
	lp->entry_column = calloc((size_t)entries_max + 1, sizeof(*lp->entry_column));
	lp->entry = calloc((size_t)entries_max + 1, sizeof(*lp->entry));
	bool ok = lp->column && lp->row && lp->entry_row && lp->entry_column && lp->entry;
	return ok ? 0 : -ENOMEM;
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

int lp_column(struct lp *lp, double low, double high, double cost)
{
	if (lp->columns == lp->columns_max) {
		lp->overflow = true;
		return 0;
	}
	lp->column[lp->columns] = (struct lp_column){ .low = low, .high = high, .cost = cost };
	return lp->columns++;
}

int lp_binary(struct lp *lp)
{
	int j = lp_column(lp, 0, 1, 0);
	lp->column[j].binary = true;
	return j;
}

int lp_row(struct lp *lp, double low, double high)
{
	if (lp->rows == lp->rows_max) {
		lp->overflow = true;
		return 0;
	}
	lp->row[lp->rows] = (struct lp_row){ .low = low, .high = high };
	return lp->rows++;
}

void lp_entry(struct lp *lp, int row, int column, double coefficient)
{
	if (lp->entries == lp->entries_max) {
		lp->overflow = true;
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
	bool ok = !lp->overflow && lp->columns > 0 && lp->rows > 0;
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

static int limit_ms(double seconds)
{
	return seconds < 1e6 ? (int)ceil(seconds * 1e3) : INT_MAX;
}

static int solve_relaxed(glp_prob *g, double time_limit_s)
{
	glp_smcp parameters;
	glp_init_smcp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = GLP_ON;
	parameters.tm_lim = limit_ms(time_limit_s);
	int r = glp_simplex(g, &parameters);
	if (r == 0 && glp_get_status(g) == GLP_OPT) {
		return 0;
	}
	if (r == GLP_ETMLIM) {
		return -ETIME;
	}
	if (r != 0 && r != GLP_ENOPFS && r != GLP_ENODFS) {
		/* Numerical trouble in the presolved problem: once more as it stands. */
		parameters.presolve = GLP_OFF;
		glp_scale_prob(g, GLP_SF_AUTO);
		glp_adv_basis(g, 0);
		r = glp_simplex(g, &parameters);
		if (r == 0 && glp_get_status(g) == GLP_OPT) {
			return 0;
		}
	}
	return r == GLP_ETMLIM ? -ETIME : -EDOM;
}

static void on_branch(glp_tree *tree, void *info)
{
	double *gap = info;
	*gap = glp_ios_best_node(tree) ? glp_ios_mip_gap(tree) : 0;
}

/* Settle the binaries and fix them there, so that the LP that is left has duals. */
static int settle_binaries(const struct lp *lp, glp_prob *g, double time_limit_s, double *gap)
{
	glp_iocp parameters;
	glp_init_iocp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = GLP_ON;
	parameters.mip_gap = mip_gap;
	/* Measured on 30 random houses of 96 steps with wild prices: mean 507 ms without, 9 with.
	 */
	parameters.mir_cuts = GLP_ON;
	parameters.tm_lim = limit_ms(time_limit_s);
	parameters.cb_func = on_branch;
	parameters.cb_info = gap;
	int r = glp_intopt(g, &parameters);
	int status = glp_mip_status(g);
	if (status != GLP_OPT && status != GLP_FEAS) {
		return r == GLP_ETMLIM ? -ETIME : -EDOM;
	}
	for (int j = 0; j < lp->columns; j++) {
		if (lp->column[j].binary) {
			double at = glp_mip_col_val(g, j + 1) > 0.5 ? 1 : 0;
			glp_set_col_bnds(g, j + 1, GLP_FX, at, at);
		}
	}
	if (status == GLP_OPT || r == GLP_EMIPGAP) {
		*gap = 0;
		return 0;
	}
	return 1;
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

static int solve(struct lp *lp, double time_limit_s)
{
	glp_prob *g = glp_create_prob();
	bool binaries = load(lp, g);
	int settled = 0;
	lp->gap = 0;
	if (binaries) {
		settled = settle_binaries(lp, g, time_limit_s, &lp->gap);
	}
	int r = settled < 0 ? settled : solve_relaxed(g, time_limit_s);
	if (r == 0) {
		r = take_answer(lp, g);
	}
	return r < 0 ? r : settled;
}

int lp_solve(struct lp *lp, double time_limit_s)
{
	if (!sane(lp) || !(time_limit_s > 0)) {
		return -EINVAL;
	}
	volatile int r = -ENOTRECOVERABLE; /* it is, where GLPK jumps back */
	if (setjmp(way_out) == 0) {
		(void)glp_init_env();
		(void)glp_term_out(GLP_OFF);
		glp_term_hook(on_text, NULL); /* GLP_OFF does not silence errors */
		glp_error_hook(on_error, NULL);
		glp_mem_limit(MEMORY_MIB_MAX);
		r = solve(lp, time_limit_s);
	}
	(void)glp_free_env(); /* and with it every object, also those an error left behind */
	return r;
}
