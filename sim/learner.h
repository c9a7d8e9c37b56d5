/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Homes that learn to act in their community: one agent for each class of homes, whose homes all
 * act by its actor.
 *
 * What is learned from is a panel: one home of each class, drawn anew each step, as if they were
 * all there is. So a critic sees as many homes as there are classes, however large the community;
 * what the others do it sees by the market's last price and quantity. (Parameter sharing within
 * classes: Qiu et al. 2021, Applied Energy 292, 116940; the panel is ours.)
 *
 * Where it is looked ahead, a step is lived through for some hours as all actors would, and once
 * more for each panel with the homes of one class doing otherwise, under the same load, sky and
 * neighbours: the panel's reward is the difference, what is stored counted in at a mean price. So a
 * critic learns what an action is worth beside the actors' own, and what chance brings to both
 * falls out (common random numbers, as in the vine of Schulman et al. 2015, arXiv:1502.05477).
 * Where it is not, a reward is what the home pays less than it would with a battery at rest and the
 * utility alone, and critics look from step to step. A part of each reward may be the mean of all
 * homes. */
#ifndef LECD_SIM_LEARNER_H
#define LECD_SIM_LEARNER_H

#include "daemon/base/moments.h"
#include "policy/train/maddpg.h"
#include "sim/community_order.h"
#include "sim/community_world.h"
#include "sim/judge.h"
#include "sim/ranks.h"

enum { LEARNER_OBSERVATIONS = 17, LEARNER_ACTIONS = 2 }; /* at most; always */

/* What the actions mean at -1 and 1: the worth of a stored kWh over the utility's prices, 0 where
 * it sells to it and 1 where it buys; and how much of what its forecasts were off by a home allows
 * for in its bid, from nothing to this. */
static const double learner_value_low = 0.2, learner_value_high = 1.0, learner_value_step = 0.4;
static const double learner_error_most = 2;

struct learner_range {
	double low[LEARNER_OBSERVATIONS], high[LEARNER_OBSERVATIONS];
};

/* What a class observes: the first so many of the learner's sources, as (value - mean) / scale. */
struct learner_view {
	int observations;
	double mean[LEARNER_OBSERVATIONS], scale[LEARNER_OBSERVATIONS];
	struct learner_range range; /* seen in training */
};

/* Where a thread lets homes live. */
struct learner_stage {
	int number;
	struct community_env env; /* to look ahead in */
	float *acted, *next;      /* by home; room, owned, as what follows */
	struct community_act *act;
	struct community_intent *intent;
};

/* Some hours lived through as all would, or with a panel doing otherwise. */
struct learner_trial {
	int home[CLASS_COUNT];                  /* of the panel, by agent */
	struct learner_range seen[CLASS_COUNT]; /* by agent */
	float *acted, *next;                    /* of the panel, by agent; owned */
	double *got;                            /* by home; owned */
	int result;
};

struct learner {
	struct training_conf conf;
	uint64_t seed;
	char currency[4];
	struct community_world *world; /* the one it was given */
	struct community_world *other; /* owned: communities of other homes to learn in, too */
	int others;
	double worth;              /* of a stored kWh, by the mean price */
	const enum source *source; /* what may be observed */
	int observations; /* so many, of which what a class has comes first; a row's length */
	int agents;
	int class[CLASS_COUNT];                     /* of each agent */
	int agent[CLASS_COUNT];                     /* of each class; -1: there is no such home */
	int first[CLASS_COUNT], count[CLASS_COUNT]; /* an agent's homes */
	struct learner_view view[CLASS_COUNT];      /* by agent */
	struct maddpg m;
	struct experience seen;
	struct batch batch;
	struct ranks *ranks;    /* who shares the training; NULL: nobody */
	int64_t steps, episode; /* of this rank; of all */
	int only;               /* the agent that learns, the others left as they are; -1: all */
	float *left;            /* all parameters then; owned, NULL before */
	struct moments price, volume_kwh; /* of the episode so far */
	float *best;                      /* parameters that did best when they were checked */
	double best_cost;                 /* INFINITY: not checked yet */
	double begun_cost;                /* of what it began with; NaN: not checked yet */
	struct learner_stage *stage;      /* of each thread, owned; [0] for life itself, too */
	int stages;
	struct learner_trial *trial; /* [0] as all would, then panels; owned */
	int trials;
	/* Room, owned. */
	float *observed, *would;        /* by home; without noise */
	float *reward, *panel_observed; /* by agent */
};

/* How an episode went. */
struct learner_episode {
	double saving;      /* money for a home and day, against resting batteries */
	double critic_loss; /* mean of the agents, last update; NaN: none yet */
	double noise;
	double checked_cost; /* through the days to learn from, without noise; NaN */
	/* While exploring: of the local price where there was trade, and of what a home on average
	 * trades in an interval. NaN: none. */
	double price_deviation, volume_deviation_kwh;
};

/* The world outlives it. Returns 0 or -errno; learner_free after it, always. */
int learner_init(struct learner *l, struct community_world *w, const struct community_conf *c,
		 uint64_t seed);
void learner_free(struct learner *l);

/* Divide looking ahead and updates over so many threads; 1 at first. What is learned is the same to
 * the last bit for any number. Returns 0, or as maddpg_threads, which is not to be called for a
 * learner's own, and then it has as many as before. */
int learner_threads(struct learner *l, int threads);

/* Divide the training over ranks, who outlive it; before its first episode, by all of them with the
 * same seed. Each lives every so-manieth episode, and a step of all is followed by as many updates
 * as there are ranks, each from `batch` rows of every rank: what is lived and learned is as much as
 * by one, with `batch` and `replay` of the conf divided by the ranks. */
void learner_join(struct learner *l, struct ranks *ranks);

/* One more episode, of each rank. Returns 0; -EDOM: training diverges, as a loss is not finite or
 * critics promise more than can be, and the parameters are those that did best so far; -EPROTO:
 * ranks have come to other parameters than each other, as their machines reckon otherwise; or as
 * community_env_step. */
int learner_run_episode(struct learner *l, struct learner_episode *out);

/* Take the parameters that did best. */
void learner_take_best(struct learner *l);

/* From now on this agent alone learns, for itself, for so many episodes as explore least, and all
 * others act as they do now; what does best is what costs its own homes least. Returns 0, -ENOMEM,
 * or as community_env_step. Not where ranks share the training. */
int learner_leave_to(struct learner *l, int agent, int64_t episodes);

/* Decides as the agents would, without noise. */
struct decider learner_decider(struct learner *l);

/* Write an agent's actor and its .conf. Returns 0 or -errno. */
int learner_export(const struct learner *l, int agent, const char *onnx, const char *conf);

#endif
