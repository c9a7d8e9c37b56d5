/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents that learn to act with one another: each has an actor, which sees what it observes alone,
 * and a critic, which sees in training what all observe and do. MADDPG: Lowe et al. 2017,
 * arXiv:1706.02275; as switches independent DDPG (Lillicrap et al. 2016, arXiv:1509.02971: a critic
 * sees its own agent alone) and MATD3 (Ackermann et al. 2019, arXiv:1910.01465, after Fujimoto et
 * al. 2018, arXiv:1802.09477: two critics, the lower one believed; targets smoothed; actors
 * updated every so many times).
 *
 * Actions are tanh of what the actor's network gives, so that they lie within -1..1. All numbers
 * follow from the seed. A learner belongs to one thread, and may divide its updates over more: what
 * comes of them is the same to the last bit for any number of them, as the rows of a batch are
 * divided alike and sums are made in one order. */
#ifndef LECD_TRAIN_MADDPG_H
#define LECD_TRAIN_MADDPG_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/train/adam.h"
#include "policy/train/experience.h"
#include "policy/train/mlp.h"

enum { MADDPG_CRITICS_MAX = 2 };
struct workers;

struct maddpg_conf {
	int agents, observations, actions; /* of each agent */
	int hidden;                        /* the width of both hidden layers */
	enum activation between;           /* behind them: ReLU, or tanh where all is smooth */
	int batch;
	float discount; /* of what comes a step later */
	float follow;   /* the part by which targets come closer in an update */
	float actor_rate, critic_rate;
	float gradient_most; /* the norm that gradients are cut to */
	float logit_price;   /* on the mean square of what is put into tanh: keeps it from edges */
	bool independent;    /* DDPG */
	bool twin;           /* MATD3, with these: */
	int delay;           /* updates of critics for one of actors */
	float smooth, smooth_most; /* deviation, and bound, of the noise on targets' actions */
	uint64_t seed;
};

struct maddpg_agent {
	float *actor, *critic[MADDPG_CRITICS_MAX];
	float *actor_target, *critic_target[MADDPG_CRITICS_MAX];
	struct adam actor_adam, critic_adam[MADDPG_CRITICS_MAX];
	double critic_loss; /* of the last update: the mean of both */
	double value; /* that the critic gives to what the actor would do, mean of the batch */
};

/* Learners in several processes that learn as one: each updates from its part of every batch, and
 * their gradients are averaged. They are alike at first, and stay so to the last bit. */
struct maddpg_peers {
	int rank, count;
	/* Put the mean over all peers in the place of each number, the same for each of them.
	 * Returns 0 or -errno. */
	int (*average)(void *context, float *numbers, size_t count);
	void *context;
};

/* What a thread needs for itself: some rows at a time. */
struct maddpg_room {
	struct mlp_trace actor_trace, critic_trace;
	float *target; /* a critic's, by row of a part */
	float *acted;  /* columns put aside */
	float *change; /* of the loss with actions */
	float *memory; /* owned */
};

struct maddpg {
	struct maddpg_conf conf;
	struct mlp actor, critic;  /* the same for all agents */
	int critics;               /* of each: 1 or 2 */
	int64_t updates;           /* so far */
	struct maddpg_peers peers; /* its own count is 1 where there is no other */
	struct maddpg_agent *agent;
	float *memory;            /* owned: all parameters and what Adam keeps, agent after agent */
	size_t numbers;           /* in it */
	int parts;                /* of a batch, each of which is one thread's at a time */
	int rows;                 /* of a part that are taken at a time */
	struct workers *workers;  /* owned */
	struct maddpg_room *room; /* of each of them, owned */
	float *gradient;          /* of each part, of each agent, see maddpg_update.c; owned */
};

/* The defaults of the literature for so many agents, see maddpg.c. */
struct maddpg_conf maddpg_defaults(int agents, int observations, int actions);

/* Returns 0; -EINVAL: something in conf is not sound; -ENOMEM. maddpg_free after it, always. */
int maddpg_init(struct maddpg *m, const struct maddpg_conf *conf);
void maddpg_free(struct maddpg *m);

/* Divide updates over so many threads; 1 at first. Returns 0, or what workers_start returns,
 * -ENOMEM or -ENOTSUP (more than one, but see matrix_by_threads), and then it has as many as
 * before. */
int maddpg_threads(struct maddpg *m, int threads);

/* From now on it is one of these. Each update is all peers' together, each with a batch of its own,
 * of as many rows, drawn otherwise. */
void maddpg_join(struct maddpg *m, const struct maddpg_peers *peers);

/* What an agent does on what it observes, without noise; room: one of m->room, a thread's own. */
void maddpg_act(const struct maddpg *m, struct maddpg_room *room, int agent, const float *observed,
		float *out);

/* One update of all agents from a batch (whose next actions are filled in). Returns 0; -EDOM: a
 * loss or a gradient is not finite, training diverges: no agent's was stepped on, but a checkpoint
 * from before is better; or what the peers' average returns. */
int maddpg_update(struct maddpg *m, struct batch *b);

/* Write an agent's actor as an ONNX file, tanh with it. Returns 0 or -errno. */
int maddpg_export(const struct maddpg *m, int agent, const char *path);

/* What an update is made of, for a part of a batch. Fill in the actions that the target actors
 * would do next; a critic's targets from them; the part's share of the mean loss of critic number k
 * against these, and its gradient; the same of minus the mean value of what the actor would do
 * (with the price on logits): of these rows alone, divided by those of the whole batch. The rows
 * are used while it lasts, and left as they were. */
void maddpg_next_actions(const struct maddpg *m, struct maddpg_room *room, struct batch *b);
void maddpg_targets(const struct maddpg *m, struct maddpg_room *room, int agent,
		    const struct batch *b, float *target);
double maddpg_critic_gradient(const struct maddpg *m, struct maddpg_room *room, int agent, int k,
			      const struct batch *b, const float *target, float *gradient);
double maddpg_actor_gradient(const struct maddpg *m, struct maddpg_room *room, int agent,
			     const struct batch *b, float *gradient);

#endif
