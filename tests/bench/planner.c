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
#include "policy/bid.h"
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

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* --- a full house -------------------------------------------------------------------------------
 */

enum { HOUSES = 50, HOUSE_NEXT = 2, HOUSE_STEPS = 144 };
static const double house_time_limit_s = 1;
static const double house_good_gap = 0.005;

/* A number that differs from quarter hour to quarter hour and from house to house. */
static double noise(int quarter, int house)
{
	return fmod(quarter * 0.618034 + house * 0.754878 + quarter * house * 0.0137, 1);
}

static bool is_between(double hour, double from, double to)
{
	return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

static void put_runs(struct load_model *l, int first, double from_h, double to_h, double duration_h)
{
	l->runs = 0;
	for (int t = 0; t < HOUSE_STEPS; t++) {
		bool in = is_between(fmod((first + t) / 4.0, 24), from_h, to_h);
		struct load_run *r = &l->run[l->runs];
		if (in && (l->runs == 0 || r[-1].end < t) && HOUSE_STEPS - t >= duration_h * 4) {
			*r = (struct load_run){ .first = t, .end = t, .duration_h = duration_h };
			l->runs++;
		}
		if (in && l->runs > 0 && l->run[l->runs - 1].end == t) {
			l->run[l->runs - 1].end = t + 1;
		}
	}
	for (int k = 0; k < l->runs; k++) {
		double hours = (l->run[k].end - l->run[k].first) / 4.0;
		l->run[k].duration_h = fmin(duration_h, hours);
	}
}

static void put_assets(int first, int house)
{
	struct problem *p = &problem;
	double size = 0.6 + 0.8 * noise(3, house);
	p->batteries = 2;
	p->battery[1] = p->battery[0];
	p->battery[1].capacity_wh = 5e3 * size;
	p->battery[1].charge_limit_w = p->battery[1].discharge_limit_w = 2500;
	p->battery[1].soc_start = noise(5, house) * 0.8 + 0.1;
	p->battery[0].soc_start = noise(6, house) * 0.8 + 0.1;
	p->evs = 1;
	p->ev[0] = (struct ev_model){ .capacity_wh = 60e3,
				      .charge_limit_w = 11e3,
				      .charge_min_w = 4140,
				      .charge_efficiency = 0.92,
				      .discharge_efficiency = 0.92,
				      .soc_max = 0.9,
				      .soc_start = 0.3 + 0.3 * noise(7, house),
				      .soc_target = 0.7,
				      .unmet_price = 1,
				      .trip_wh = 9e3 };
	p->loads = 3;
	p->load[0] = (struct load_model){
		.kind = LOAD_BLOCK, .power_w = 1100, .unmet_price = 2, .start_cost = 0.01
	};
	put_runs(&p->load[0], first, 8, 22, 1.75);
	p->load[1] = (struct load_model){ .kind = LOAD_BLOCK, .power_w = 1900, .unmet_price = 2 };
	put_runs(&p->load[1], first, 20, 6, 1.25);
	p->load[2] = (struct load_model){
		.kind = LOAD_INTERRUPTIBLE, .power_w = 900, .unmet_price = 1, .start_cost = 0.005
	};
	put_runs(&p->load[2], first, 0, 23.75, 5);
	p->thermals = 2;
	p->thermal[0] = (struct thermal_model){ .capacity_wh_per_k = 232,
						.loss_w_per_k = 1.6,
						.start_c = 48 + 8 * noise(8, house),
						.power_limit_w = 2000,
						.on_off = true,
						.discomfort = 0.1,
						.end_value = 0.1 };
	p->thermal[1] = (struct thermal_model){ .capacity_wh_per_k = 9e3 * size,
						.loss_w_per_k = 180,
						.start_c = 20.5,
						.power_limit_w = 2500,
						.discomfort = 0.5,
						.end_value = 0.03 };
}

static void put_weather(int first, int house)
{
	struct problem *p = &problem;
	for (int t = 0; t < HOUSE_STEPS; t++) {
		int quarter = first + t;
		double hour = fmod(quarter / 4.0, 24), n = noise(quarter, house);
		double spot = 0.16 + 0.07 * sin((hour - 5) * M_PI / 6) +
			      0.06 * noise((quarter / 4) * 7, house);
		p->step[t].buy = spot + 0.08;
		p->step[t].sell = spot - 0.04;
		p->step[t].import_limit_w = 17e3;
		p->step[t].export_limit_w = 8e3;
		p->ev[0].connected[t] = is_between(hour, 17.5, 7.25);
		p->thermal[0].low_c[t] = 45;
		p->thermal[0].high_c[t] = 65;
		p->thermal[0].ambient_c[t] = 18;
		p->thermal[0].cop[t] = 1;
		p->thermal[0].draw_w[t] =
			is_between(hour, 6, 8) || is_between(hour, 18, 21) ? 1500 * n : 60;
		double out_c = 4 + 5 * sin((hour - 9) * M_PI / 12);
		p->thermal[1].low_c[t] = is_between(hour, 6, 22) ? 20 : 18;
		p->thermal[1].high_c[t] = 22.5;
		p->thermal[1].ambient_c[t] = out_c;
		p->thermal[1].cop[t] = 3.2 + 0.07 * out_c;
		p->thermal[1].draw_w[t] = -(200 + problem.step[t].pv_w * 0.1);
	}
}

/* House k whose horizon begins a few quarter hours on: at any time of day. */
static void put_house(int k, int later)
{
	int first = k * 7 + later;
	look_ahead(first, HOUSE_STEPS);
	put_assets(first, k);
	put_weather(first, k);
	problem.pv_curtailable = true;
	problem.time_limit_s = house_time_limit_s;
	problem.good_gap = house_good_gap;
}

/* What is left of a load's run that is open still, after the first slot of its plan. */
static void put_rest(const struct load_model *before, double run_w, struct load_model *now)
{
	double rest_h = before->run[0].duration_h - 0.25 * run_w / before->power_w;
	bool open = before->runs > 0 && before->run[0].first == 0 && now->runs > 0 &&
		    now->run[0].first == 0;
	if (open && rest_h > 1e-6) {
		now->run[0].duration_h = rest_h;
		now->running = run_w > 0;
	} else if (open) {
		for (int k = 1; k < now->runs; k++) {
			now->run[k - 1] = now->run[k];
		}
		now->runs--;
	}
}

/* The same house a quarter hour later, having done what was planned. */
static void put_next(int k, int later)
{
	static struct problem before;
	const struct plan_slot *slot = &plan.slot[0];
	before = problem;
	put_house(k, later);
	for (int i = 0; i < problem.batteries; i++) {
		problem.battery[i].soc_start = slot->soc[i];
	}
	problem.ev[0].soc_start = slot->ev_soc[0];
	for (int i = 0; i < problem.thermals; i++) {
		problem.thermal[i].start_c = slot->heat_c[i];
	}
	for (int i = 0; i < problem.loads; i++) {
		put_rest(&before.load[i], slot->run_w[i], &problem.load[i]);
	}
}

struct house_figures {
	double ms[HOUSES * HOUSE_NEXT];
	int plans, unproven, failed;
	double worst_gap;
};

static void measure_house(struct optimiser *o, struct house_figures *f)
{
	int64_t from_us = clock_real_us();
	int r = optimiser_solve(o, &problem, &plan);
	f->ms[f->plans++] = (double)(clock_real_us() - from_us) / 1e3;
	f->failed += r < 0;
	f->unproven += plan.status == PLAN_FEASIBLE;
	f->worst_gap = fmax(f->worst_gap, plan.gap);
}

static int print_houses(const char *name, struct house_figures *f)
{
	qsort(f->ms, (size_t)f->plans, sizeof(*f->ms), by_size);
	printf("plan_house%s_median_ms %.1f ms\n", name, f->ms[f->plans / 2]);
	printf("plan_house%s_max_ms %.1f ms\n", name, f->ms[f->plans - 1]);
	printf("plan_house%s_worst_gap_percent %.2f %%\n", name, f->worst_gap * 100);
	printf("plan_house%s_good_gap %d of_%d\n", name, f->plans - f->unproven, f->plans);
	return f->failed > 0;
}

/* Each house from nothing, and then quarter hour after quarter hour from the plan before. */
static int measure_houses(void)
{
	static struct house_figures cold, warm;
	for (int k = 0; k < HOUSES; k++) {
		struct optimiser *o;
		if (optimiser_new(&o) < 0) {
			return 1;
		}
		put_house(k, 0);
		measure_house(o, &cold);
		for (int later = 1; later <= HOUSE_NEXT; later++) {
			put_next(k, later);
			measure_house(o, &warm);
		}
		optimiser_free(o);
	}
	return print_houses("", &cold) + print_houses("_warm", &warm);
}

/* --- the measurement ----------------------------------------------------------------------------
 */

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

/* --- the bid ------------------------------------------------------------------------------------
 */

/* A plan of a day ahead and the orders for its first interval. */
static int measure_bid(void)
{
	static double us[PLANS];
	struct bid_order order[BID_ORDERS_MAX];
	int orders = 0;
	for (int k = 0; k < PLANS; k++) {
		enum { REPEAT = 16 };
		look_ahead(k, 96);
		int64_t from_us = clock_real_us();
		for (int i = 0; i < REPEAT; i++) {
			if (exact_solve(&exact, &problem, &plan) < 0) {
				return 1;
			}
			orders += bid_for_slot(&plan, 0, problem.battery, plan.batteries,
					       &problem.battery[0].soc_start, order);
		}
		us[k] = (double)(clock_real_us() - from_us) / REPEAT;
	}
	qsort(us, PLANS, sizeof(*us), by_size);
	printf("bid_curve_us %.1f us\n", us[PLANS / 2]);
	return orders == 0;
}

int main(void)
{
	struct optimiser *o;
	if (optimiser_new(&o) < 0) {
		return 1;
	}
	(void)glp_term_out(GLP_OFF);
	int failed = measure(o, 96) + measure(o, 288);
	failed += measure_bid();
	failed += measure_houses();
	optimiser_free(o);
	model_free(&model);
	return failed > 0;
}
