/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A community (or a home) as a party to a negotiation: what it uses and generates, a battery, and
 * the utility behind it, which sells and buys what neighbours do not. Its answers are exact, by the
 * dynamic programme of policy/storage.h: where a power taken from neighbours costs a quadratic
 * beside it, one more kWh of net load costs what the utility asks or pays, or what neighbours do
 * in between, which rises evenly. */
#ifndef LECD_POLICY_MEMBER_H
#define LECD_POLICY_MEMBER_H

#include "policy/storage.h"

/* What a member has. Nothing of this leaves it. */
struct member_model {
	int steps;
	double hours;
	double net_kw[STEPS_MAX];               /* load - generation */
	double buy[STEPS_MAX], sell[STEPS_MAX]; /* the utility's; buy >= sell >= 0 */
	/* The battery, capacity 0: none. It ends as full as it began, at least. */
	double capacity_kwh, start_kwh;
	double charge_max_kw, discharge_max_kw;
	double charge_efficiency, discharge_efficiency; /* 0..1 */
	double wear;                                    /* per kWh discharged, >= 0 */
};

/* A member, and the room its answers take. Any number may share one room in one thread. */
struct member_room {
	struct storage storage;
	struct storage_plan plan;
};
struct member_agent {
	const struct member_model *model;
	struct member_room *room;
};

/* For each step the power taken from neighbours, kW, + in, that costs least where a power p costs
 * (stiffness / 2) * (p - centre_kw)^2 beside: as a market's party answers it. self is a struct
 * member_agent. Returns 0 or -errno as storage_solve; only 0 writes. */
int member_respond(void *self, const double *centre_kw, double stiffness, double *taken_kw);

/* The least that it costs to take exactly that from neighbours, without what they are paid;
 * grid_kw[]: what the utility then delivers (+ import), may be NULL. Returns 0 or -errno. */
int member_cost(const struct member_agent *a, const double *taken_kw, double *cost,
		double *grid_kw);

/* One step by itself, with that much stored as it begins; what follows is met by the utility. */
struct member_moment {
	int step;
	double stored_kwh;
};

/* The net load of the step, kW, that is best where each kWh of it costs that, either way; price
 * >= 0. It falls as the price rises. Returns 0 or -errno. */
int member_wants(const struct member_agent *a, const struct member_moment *at, double price,
		 double *net_kw);

/* Go through the step at least cost with that taken from neighbours: *grid_kw is what the utility
 * delivers, *cost what that and wear cost, and *at becomes the next step's. Returns 0 or -errno. */
int member_step(const struct member_agent *a, double taken_kw, struct member_moment *at,
		double *grid_kw, double *cost);

#endif
