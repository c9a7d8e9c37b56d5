/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan: what a house intends to do, slot by slot. Plain data, like the problem it answers. */
#ifndef LECD_POLICY_PLAN_H
#define LECD_POLICY_PLAN_H

#include <stdint.h>

#include "policy/problem.h"

enum { WORTH_POINTS_MAX = 128, WORTH_SLOTS = 2 };

enum plan_method { PLAN_NONE, PLAN_DYNAMIC, PLAN_LP, PLAN_MILP, PLAN_STAGED };
enum plan_status {
	PLAN_OPTIMAL,  /* proven */
	PLAN_FEASIBLE, /* the best found within the time limit */
	PLAN_SOFT,     /* optimal, but a soft limit had to give */
	PLAN_FAILED
};

struct plan_slot {
	struct step step;                /* what the plan was made for */
	double pv_w;                     /* generated after curtailment */
	double grid_w;                   /* + import */
	double battery_w[BATTERIES_MAX]; /* AC, + discharge */
	double soc[BATTERIES_MAX];       /* at the slot's end */
	/* Marginal value of stored energy at the slot's end, per kWh in the battery: what one more
	 * stored kWh would save (money; under OBJECTIVE_SELF_CONSUMPTION imported kWh). */
	double value[BATTERIES_MAX];
	double ev_w[EVS_MAX];        /* AC, + discharge */
	double ev_soc[EVS_MAX];      /* at the slot's end; while away: as it left, or will come */
	double run_w[LOADS_MAX];     /* what each load that can wait takes, >= 0 */
	double heat_w[THERMALS_MAX]; /* electric, >= 0 */
	double heat_c[THERMALS_MAX]; /* at the slot's end */
	double shift_w[SHIFTS_MAX];  /* what others are to take less (> 0) or more (< 0) */
	/* Where this slot helps to set the demand charge's peak: what importing more than grid_w
	 * costs on top of the price, per kWh. Else 0. */
	double peak_price;
};

/* What one more kWh in the battery is worth when a slot ends, per kWh, over what is stored then: a
 * falling polyline. From it follows what the house does in the slot at any price. */
struct plan_worth {
	int points;   /* 0: not known beyond the slot's value */
	double rise;  /* what one more W of power costs more on top, per kWh: losses that rise */
	double awake; /* what being awake costs per kWh discharged */
	struct {
		double kwh, value;
	} point[WORTH_POINTS_MAX];
};

struct plan {
	uint64_t id; /* of the problem */
	enum plan_method method;
	enum plan_status status;
	enum objective objective;
	int slots;
	int batteries, evs, loads, thermals, shifts; /* as the problem's */
	double energy_cost; /* what the utility is paid, net; what was traded is paid already */
	/* + wear, demand charge, over-use, starts, prices of soft limits and of what is missing
	 * (to a car's target, of a load's run, to the comfort band) - end values */
	double total_cost;
	double import_wh;
	double export_wh;
	double peak_import_w; /* highest slot mean */
	double gap;           /* proven relative gap, 0 for an LP; INFINITY: none is proven */
	double solve_ms;
	/* Of the first slots, where one battery is all that stores. */
	struct plan_worth worth[WORTH_SLOTS];
	struct plan_slot slot[STEPS_MAX];
};

/* The slot that holds wall_s, or NULL: before, after, or no plan. */
const struct plan_slot *plan_at(const struct plan *p, int64_t wall_s);

/* Names on the wire: "dp", "lp", "milp", "staged"; "optimal", "feasible", "soft", "failed". */
const char *plan_method_name(enum plan_method method);
const char *plan_status_name(enum plan_status status);

#endif
