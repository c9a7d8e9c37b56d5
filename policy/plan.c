/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/plan.h"

#include <assert.h>
#include <stddef.h>

static const char *const method_names[] = {
	[PLAN_NONE] = "none", [PLAN_DYNAMIC] = "dp",    [PLAN_LP] = "lp",
	[PLAN_MILP] = "milp", [PLAN_STAGED] = "staged",
};
static const char *const status_names[] = {
	[PLAN_OPTIMAL] = "optimal",
	[PLAN_FEASIBLE] = "feasible",
	[PLAN_SOFT] = "soft",
	[PLAN_FAILED] = "failed",
};
static_assert(sizeof(method_names) / sizeof(*method_names) == PLAN_STAGED + 1, "name each method");
static_assert(sizeof(status_names) / sizeof(*status_names) == PLAN_FAILED + 1, "name each status");

const struct plan_slot *plan_at(const struct plan *p, int64_t wall_s)
{
	if (p->status == PLAN_FAILED) {
		return NULL;
	}
	for (int t = 0; t < p->slots && t < STEPS_MAX; t++) {
		const struct step *s = &p->slot[t].step;
		double since_s = (double)(wall_s - s->start_s);
		if (since_s >= 0 && since_s < s->hours * 3600) {
			return &p->slot[t];
		}
	}
	return NULL;
}

const char *plan_method_name(enum plan_method method)
{
	return (unsigned)method <= PLAN_STAGED ? method_names[method] : "?";
}

const char *plan_status_name(enum plan_status status)
{
	return (unsigned)status <= PLAN_FAILED ? status_names[status] : "?";
}
