/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a plan is as it is: one line for each slot, what binds in it and what that is worth. */
#ifndef LECD_HOME_PLAN_EXPLAIN_H
#define LECD_HOME_PLAN_EXPLAIN_H

#include <stdbool.h>

#include "daemon/base/json_out.h"
#include "daemon/home/site.h"
#include "policy/plan.h"
#include "policy/problem.h"

enum { PLAN_LINE_MAX = 440 };

/* Slot t in one line of at most size bytes, cut where it is longer; its time is local. p is the
 * problem that the plan answers, of that site. Returns whether a soft limit gives in it: one of the
 * connection, a car's target, a load's run, a comfort band. */
bool plan_explain(const struct site *site, const struct problem *p, const struct plan *plan, int t,
		  char *out, int size);

/* The whole plan in one line, then each slot, as the array "lines" of the object that is open. */
void plan_explain_put(const struct site *site, const struct problem *p, const struct plan *plan,
		      struct json_out *o);

#endif
