/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the cars, the loads that can wait and the heat of a plan really do, step by step from the
 * problem's data and the plan's powers alone. Shares no code with the model that made the plan.
 *
 * Each returns what asset i costs beside its energy: wear, starts, what is missing, discomfort,
 * less what is left at the end. *soft is set where a soft limit gave. Where the plan breaks a limit
 * or says of itself what its powers do not lead to, v is refused. */
#ifndef LECD_POLICY_REPLAY_H
#define LECD_POLICY_REPLAY_H

#include <stdbool.h>

#include "policy/plan.h"
#include "policy/problem.h"
#include "policy/verdict.h"

double replay_ev(const struct problem *p, const struct plan *plan, int i, bool *soft,
		 struct verdict *v);
double replay_load(const struct problem *p, const struct plan *plan, int i, bool *soft,
		   struct verdict *v);
double replay_thermal(const struct problem *p, const struct plan *plan, int i, bool *soft,
		      struct verdict *v);
/* A shift has no soft limit. */
double replay_shift(const struct problem *p, const struct plan *plan, int i, struct verdict *v);

#endif
