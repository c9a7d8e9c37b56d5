/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a plan takes: the exact dynamic programme beside the solvers of linear programs that
 * others use, for the same house in one run, quarter hour after quarter hour as in operation.
 * Prints `name value unit`; ends with 1 where the optima differ. */
#include <coin/Clp_C_Interface.h>
#include <float.h>
#include <glpk.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "policy/exact.h"
#include "policy/model.h"
#include "policy/optimiser.h"

enum { PLANS = 200 };

static struct exact exact;
static struct model model;
static struct plan plan;
static struct problem problem;

/* A house under two prices, its load and PV noisy: the horizon begins with quarter hour `first`. */
static void look_ahead(int first, int steps)
{
	problem = (struct problem){
		.batteries = 1, .subscribed_w = INFINITY, .time_limit_s = 60, .steps = steps
	};
	problem.battery[0] = (struct battery_model){ .capacity_wh = 13500,
						     .charge_limit_w = 5000,
						     .discharge_limit_w = 5000,
						     .charge_efficiency = 0.95,
						     .discharge_efficiency = 0.95,
						     .soc_min = 0.1,
						     .soc_max = 0.95,
						     .soc_start = 0.3 + 0.001 * (first % 300),
						     .soc_end = -1,
						     .end_value = 0.1,
						     .wear = 0.02,
						     .grid_charging = true,
						     .grid_discharging = true };
	for (int t = 0; t < steps; t++) {
		int quarter = first + t;
		double hour = fmod(quarter / 4.0, 24), noise = fmod(quarter * 0.618034, 1);
		double sun = fmax(0, sin(M_PI * (hour - 6) / 12));
		bool dear = hour >= 3 && hour < 15.5;
		problem.step[t] = (struct step){ .start_s = 900 * (int64_t)quarter,
						 .hours = 0.25,
						 .import_limit_w = INFINITY,
						 .export_limit_w = INFINITY,
						 .load_w = 300 + 900 * noise,
						 .pv_w = 4500 * sun * (0.5 + noise / 2),
						 .buy = dear ? 0.1907 : 0.1419,
						 .sell = 0.065 };
	}
}

/* --- the peers: the same linear program, kept and changed from plan to plan ---------------------
 */

static int bound_kind(double low, double high)
{
	return isinf(low) ? (isinf(high) ? GLP_FR : GLP_UP)
			  : (isinf(high)  ? GLP_LO
			     : low < high ? GLP_DB
					  : GLP_FX);
}

static void set_glpk(glp_prob *g, const struct lp *lp)
{
	for (int i = 0; i < lp->rows; i++) {
		const struct lp_row *r = &lp->row[i];
		glp_set_row_bnds(g, i + 1, bound_kind(r->low, r->high), r->low, r->high);
	}
	for (int j = 0; j < lp->columns; j++) {
		const struct lp_column *c = &lp->column[j];
		glp_set_obj_coef(g, j + 1, c->cost);
		glp_set_col_bnds(g, j + 1, bound_kind(c->low, c->high), c->low, c->high);
	}
}

static double solve_glpk(glp_prob **kept, const struct lp *lp, bool warm)
{
	glp_smcp parameters;
	glp_init_smcp(&parameters);
	parameters.msg_lev = GLP_MSG_OFF;
	parameters.presolve = warm ? GLP_OFF : GLP_ON;
	bool first = !*kept;
	if (first) {
		*kept = glp_create_prob();
		(void)glp_add_rows(*kept, lp->rows);
		(void)glp_add_cols(*kept, lp->columns);
	}
	set_glpk(*kept, lp);
	if (first) {
		glp_load_matrix(*kept, lp->entries, lp->entry_row, lp->entry_column, lp->entry);
		glp_adv_basis(*kept, 0);
	}
	if (glp_simplex(*kept, &parameters) != 0 || glp_get_status(*kept) != GLP_OPT) {
		return NAN;
	}
	double objective = glp_get_obj_val(*kept);
	if (!warm) {
		glp_delete_prob(*kept);
		*kept = NULL;
	}
	return objective;
}

static struct {
	double row_low[8192], row_high[8192], low[8192], high[8192], cost[8192];
	int start[8193], row[65536];
	double entry[65536];
} clp;

static double clp_bound(double x)
{
	return isinf(x) ? copysign(DBL_MAX, x) : x;
}

static void set_clp(const struct lp *lp)
{
	for (int i = 0; i < lp->rows; i++) {
		clp.row_low[i] = clp_bound(lp->row[i].low);
		clp.row_high[i] = clp_bound(lp->row[i].high);
	}
	for (int j = 0; j < lp->columns; j++) {
		clp.low[j] = clp_bound(lp->column[j].low);
		clp.high[j] = clp_bound(lp->column[j].high);
		clp.cost[j] = lp->column[j].cost;
	}
}

/* The matrix by columns. */
static void set_clp_matrix(const struct lp *lp)
{
	int at = 0;
	for (int j = 0; j < lp->columns; j++) {
		clp.start[j] = at;
		for (int e = 1; e <= lp->entries; e++) {
			if (lp->entry_column[e] == j + 1) {
				clp.row[at] = lp->entry_row[e] - 1;
				clp.entry[at++] = lp->entry[e];
			}
		}
	}
	clp.start[lp->columns] = at;
}

static double solve_clp(Clp_Simplex *c, const struct lp *lp, bool first)
{
	set_clp(lp);
	if (first) {
		set_clp_matrix(lp);
		Clp_loadProblem(c, lp->columns, lp->rows, clp.start, clp.row, clp.entry, clp.low,
				clp.high, clp.cost, clp.row_low, clp.row_high);
		(void)Clp_initialSolve(c);
	} else {
		Clp_chgRowLower(c, clp.row_low);
		Clp_chgRowUpper(c, clp.row_high);
		Clp_chgColumnLower(c, clp.low);
		Clp_chgColumnUpper(c, clp.high);
		Clp_chgObjCoefficients(c, clp.cost);
		(void)Clp_primal(c, 0);
	}
	return Clp_objectiveValue(c);
}

/* --- the measurement ----------------------------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void print_median(const char *name, int steps, double *us)
{
	qsort(us, PLANS, sizeof(*us), by_size);
	printf("plan_%s_%d_us %.1f us\n", name, steps, us[PLANS / 2]);
}

static double own_cost(struct optimiser *o)
{
	return optimiser_solve(o, &problem, &plan) == 0 ? plan.total_cost : NAN;
}

static int measure(struct optimiser *o, int steps)
{
	static double dp[PLANS], cold[PLANS], warm[PLANS], coin[PLANS];
	glp_prob *kept = NULL, *none = NULL;
	Clp_Simplex *c = Clp_newModel();
	double worst = 0;
	Clp_setLogLevel(c, 0);
	for (int k = 0; k < PLANS; k++) {
		look_ahead(k, steps);
		int64_t from_us = clock_real_us();
		enum { REPEAT = 16 }; /* a clock of microseconds is too coarse for one */
		int r = 0;
		for (int i = 0; i < REPEAT; i++) {
			r |= exact_solve(&exact, &problem, &plan);
		}
		dp[k] = (double)(clock_real_us() - from_us) / REPEAT;
		double cost = own_cost(o);
		model_start(&model, &problem);
		model_build(&model);
		from_us = clock_real_us();
		double cold_cost = solve_glpk(&none, &model.lp, false);
		int64_t cold_us = clock_real_us();
		double warm_cost = solve_glpk(&kept, &model.lp, true);
		int64_t warm_us = clock_real_us();
		double coin_cost = solve_clp(c, &model.lp, k == 0);
		coin[k] = (double)(clock_real_us() - warm_us);
		warm[k] = (double)(warm_us - cold_us);
		cold[k] = (double)(cold_us - from_us);
		double gap = fmax(fabs(cold_cost - warm_cost), fabs(cold_cost - coin_cost));
		gap = fmax(gap, fabs(cold_cost - cost)); /* but for the price between equals */
		worst = r == 0 && isfinite(gap) ? fmax(worst, gap / (1 + fabs(cost))) : INFINITY;
	}
	Clp_deleteModel(c);
	glp_delete_prob(kept);
	print_median("dp", steps, dp);
	print_median("glpk_cold", steps, cold);
	print_median("glpk_warm", steps, warm);
	print_median("clp_warm", steps, coin);
	printf("plan_dp_%d_speedup %.0f of glpk_cold\n", steps, cold[PLANS / 2] / dp[PLANS / 2]);
	if (!(worst < 1e-4)) {
		fprintf(stderr, "planner: the optima differ by %g\n", worst);
		return 1;
	}
	return 0;
}

int main(void)
{
	struct optimiser *o;
	if (optimiser_new(&o) < 0) {
		return 1;
	}
	(void)glp_term_out(GLP_OFF);
	int failed = measure(o, 96) + measure(o, 288);
	optimiser_free(o);
	model_free(&model);
	return failed > 0;
}
