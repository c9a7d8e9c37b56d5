/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan without a solver, for when it has found none in time: asset by asset, each the best it can
 * do (nearly) at what power then costs beside those before it. It keeps every hard limit; how far
 * it is from the best is not known. */
#ifndef LECD_POLICY_STAGED_H
#define LECD_POLICY_STAGED_H

#include "policy/heater.h"
#include "policy/model.h"
#include "policy/plan.h"
#include "policy/problem.h"
#include "policy/storage.h"

/* Working room. */
struct staged {
	const struct problem *p;
	struct weights weight;
	double net_kw[STEPS_MAX]; /* import so far, PV not curtailed */
	double price[STEPS_MAX];  /* of a kWh, for whom it is found */
	int order[STEPS_MAX];     /* of steps, the cheapest first */
	struct heater heater;
	struct heater_plan heater_plan;
	struct storage storage;
	struct storage_plan storage_plan;
};

/* Solve p, which passed problem_check, into out's slots. Does not allocate; takes some milliseconds
 * for each asset. */
void staged_solve(struct staged *s, const struct problem *p, struct plan *out);

#endif
