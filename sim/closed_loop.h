/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A house in closed loop, in simulated time: the very cycle that runs on hardware, the plant behind
 * simulated devices, every second of it costed by the plant's own exact counters. */
#ifndef LECD_SIM_CLOSED_LOOP_H
#define LECD_SIM_CLOSED_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/home.h"
#include "drivers/plant.h"
#include "sim/limits.h"

enum { LOOP_DAYS_MAX = 400 };

enum loop_policy {
	LOOP_NOTHING,   /* no battery at all */
	LOOP_RULES,     /* self-consumption rules */
	LOOP_OPTIMISED, /* the optimiser, whatever the site says */
	LOOP_CONTROLLED /* as the site says */
};

/* What a day cost and moved. */
struct loop_day {
	double energy_cost; /* paid for import less earned by export */
	double wear_cost;   /* of what was discharged */
	double import_wh, export_wh;
	double discharge_wh;
	double soc_end; /* of all batteries together */
};

struct loop_conf {
	const struct site *site;
	const struct plant_conf *plant;
	struct store *store; /* NULL; not started, flushed as time goes */
	int64_t start_s;
	int days;
	/* Called once a simulated day; NULL: silent. */
	void (*progress)(void *context, int day);
	void *context;
	/* What the controlled house knows of the time ahead, beside its history. */
	bool knows_load, knows_pv;
};

struct loop_result {
	double soc_start;
	struct loop_day day[LOOP_DAYS_MAX];
	uint64_t cycles;
	uint64_t by[DECIDER_COUNT]; /* cycles that each decided */
	struct limits limits;
	/* Of the learned policy, where the site asks for one. */
	double regret, regret_decided; /* of all its orders, and of those it carried out */
	double regret_most;            /* of one interval that it decided */
	int taken_over;                /* how often it became too costly */
	uint64_t left_out;             /* cycles that it was so */
};

/* Run days of the house under a policy. Returns 0 or -errno. */
int closed_loop_run(const struct loop_conf *conf, enum loop_policy policy, struct loop_result *out);

/* What a day-by-day series of optimal plans with perfect foresight costs, for the same house from
 * soc_start to soc_end: by the planner's own model of the battery, on true means of each interval,
 * looking six days ahead. Of the battery that stands there it asks what that cannot, or could do
 * better: see bound.h. first: how many days of conf are left out before (warm-up). */
int closed_loop_foresight(const struct loop_conf *conf, int first, double soc_start, double soc_end,
			  struct loop_day *day);

#endif
