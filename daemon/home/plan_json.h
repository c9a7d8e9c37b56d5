/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan as one JSON document, made the same way for the broker, for lecctl and offline: see
 * docs/protocol.md. */
#ifndef LECD_HOME_PLAN_JSON_H
#define LECD_HOME_PLAN_JSON_H

#include "daemon/base/json_out.h"
#include "daemon/home/site.h"
#include "policy/plan.h"
#include "policy/problem.h"

/* Members of the object that is open: what is planned with, and the slots, at most slots_max. p is
 * the problem that the plan answers, of that site. */
void plan_json_put(const struct site *site, const struct problem *p, const struct plan *plan,
		   int slots_max, struct json_out *o);

#endif
