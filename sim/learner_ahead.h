/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a learner looks ahead from a step, by as many threads as it has: of learner.c and
 * learner_live.c alone. */
#ifndef LECD_SIM_LEARNER_AHEAD_H
#define LECD_SIM_LEARNER_AHEAD_H

#include "sim/learner.h"

/* Room to look ahead. Returns 0 or -ENOMEM; learner_ahead_free after it, always. */
int learner_ahead_init(struct learner *l);
void learner_ahead_free(struct learner *l);

/* Live through hours from where e is, as all would (l->would, on what is observed), and once for
 * each panel; keep what the panels saw, did and got. Trials go over the threads; what comes of them
 * is taken in their order, so it is the same for any number. e stays where it is, and nothing is
 * allocated. Returns 0, or as community_env_step of the first trial that failed, and then nothing
 * is kept. */
int learner_look_ahead(struct learner *l, const struct community_env *e, double noise);

/* What home i would have paid for the step just lived through, its battery at rest. */
double learner_idle_cost(const struct community_env *e, int i);

#endif
