/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who decides as lecd's optimiser would: in every interval each home plans anew by the exact
 * dynamic programme (policy/exact.h) on its own forecasts, bids the curve that follows from the
 * plan (policy/bid.h), and its battery follows the plan at what load and generation are
 * (policy/follow.h). It knows the utility's prices, and nothing of its neighbours.
 *
 * In lecd the plan is made once more when the award is there; here the battery follows the plan
 * from before, with what was awarded. */
#ifndef LECD_SIM_JUDGE_PLAN_H
#define LECD_SIM_JUDGE_PLAN_H

#include "sim/judge.h"

struct judge_plan;

/* For the homes of e, which outlives it; horizon_h: how far ahead plans look, 1 to 48. Returns 0;
 * -EINVAL; -ENOMEM; judge_plan_free after it, always. */
int judge_plan_new(const struct community_env *e, int horizon_h, struct judge_plan **out);
void judge_plan_free(struct judge_plan *p); /* takes NULL */

/* Decides for e. It may be judged through one span of days after another: history is what lies
 * before the step that is decided. */
struct decider judge_optimiser(struct judge_plan *p);

#endif
