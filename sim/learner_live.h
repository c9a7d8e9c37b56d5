/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a learner sees, acts and learns from what comes of it: of learner.c and its file alone. */
#ifndef LECD_SIM_LEARNER_LIVE_H
#define LECD_SIM_LEARNER_LIVE_H

#include "sim/learner.h"

/* How many share the training, and which of them this is. */
static inline int learner_ranks(const struct learner *l)
{
	return l->ranks ? l->ranks->count : 1;
}
static inline int learner_rank(const struct learner *l)
{
	return l->ranks ? l->ranks->rank : 0;
}

/* Widen what was seen of an observation. */
void learner_note(struct learner_view *v, int o, double x);

/* All homes' observations, by home; in training they widen what was seen. What a class has not is
 * 0, and its agent's weights on it do nothing. */
void learner_observe(struct learner *l, const struct community_env *e, float *out, bool training);

/* One step of all homes, and an update from what is kept. Where it is looked ahead, the step is
 * first lived through as they would and then once for each panel, under the same sky, for so many
 * hours: what differs is what the panel's doing is worth. Life goes on from the last panel. Adds
 * what the homes saved to *saving. Returns 0, or as community_env_step and maddpg_update. */
int learner_live(struct learner *l, struct community_env *e, double noise, double *saving);

#endif
