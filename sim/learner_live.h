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

/* The number of a step, of all that the ranks live. */
static inline int64_t learner_step_number(const struct learner *l)
{
	return l->steps * learner_ranks(l) + learner_rank(l);
}

/* Ranges by agent: nothing yet, one more value, and into what was seen in training. */
void learner_range_begin(struct learner_range seen[CLASS_COUNT]);
void learner_note(struct learner_range *r, int o, double x);
void learner_widen(struct learner *l, const struct learner_range seen[CLASS_COUNT]);

/* All homes' observations, by home; what is observed widens seen, by agent, unless that is NULL.
 * What a class has not is 0, and its agent's weights on it do nothing. */
void learner_observe(const struct learner *l, const struct community_env *e, float *out,
		     struct learner_range seen[CLASS_COUNT]);

/* What the homes observe when a step of their training begins. */
void learner_see(struct learner *l, const struct community_env *e);

/* What the homes do on what they observe, without noise, into s->acted. */
void learner_act(const struct learner *l, struct learner_stage *s, const struct community_env *e,
		 const float *observed);

/* Let the homes of one class, another for each panel, do other than their actor would: all alike,
 * as they will when it changes. Where one alone learns, it is that one. */
void learner_explore(const struct learner *l, struct learner_stage *s, int64_t panel, double noise);

/* What s->acted says, into s->act: for e's next step. */
void learner_wish(struct learner_stage *s, const struct community_env *e);

/* One step of all homes, and an update from what is kept. Where it is looked ahead, the step is
 * first lived through as they would and for each panel, under the same sky, for so many hours: what
 * differs is what the panel's doing is worth. Life goes on from the last panel. Adds what the homes
 * saved to *saving. Returns 0, or as community_env_step and maddpg_update. */
int learner_live(struct learner *l, struct community_env *e, double noise, double *saving);

#endif
