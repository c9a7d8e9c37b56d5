/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An update of all agents. The rows of a batch are divided into parts, always the same: each is one
 * thread's at a time, for all agents, and has gradients of its own, which are then added part after
 * part. So it is of no account how many threads there are, and no agent waits for another. Losses
 * go the way of gradients, so that peers agree on them, and on whether training diverges.
 *
 * First all critics step, then all actors, against the critics that have just stepped. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/workers.h"
#include "policy/train/maddpg_parts.h"

/* An update under way. In m->gradient lies of each part, of each agent, a block: the gradients of
 * its networks that step, and the mean loss. */
struct update {
	struct maddpg *m;
	const struct batch *batch;
	size_t block;
};

static size_t critic_block(const struct maddpg *m)
{
	return (size_t)m->critics * (size_t)mlp_parameters(&m->critic) + 1;
}

static size_t actor_block(const struct maddpg *m)
{
	return (size_t)mlp_parameters(&m->actor) + 1;
}

float *maddpg_make_gradients(const struct maddpg *m)
{
	size_t critic = critic_block(m), actor = actor_block(m);
	size_t blocks = (size_t)m->parts * (size_t)m->conf.agents;
	return calloc(blocks, (critic > actor ? critic : actor) * sizeof(float));
}

static float *block_of(const struct update *u, int part, int agent)
{
	size_t at = (size_t)part * (size_t)u->m->conf.agents + (size_t)agent;
	return u->m->gradient + at * u->block;
}

static float *loss_of(const struct update *u, int part, int agent)
{
	return block_of(u, part, agent) + u->block - 1;
}

/* --- gradients of a part ------------------------------------------------------------------------
 */

static void critics_part(void *argument, int part, int worker)
{
	struct update *u = argument;
	struct maddpg *m = u->m;
	struct maddpg_room *room = &m->room[worker];
	struct batch b = batch_part(u->batch, part, m->parts);
	int count = mlp_parameters(&m->critic);
	maddpg_next_actions(m, room, &b);
	for (int i = 0; i < m->conf.agents; i++) {
		double loss = 0;
		maddpg_targets(m, room, i, &b, room->target);
		for (int k = 0; k < m->critics; k++) {
			loss += maddpg_critic_gradient(m, room, i, k, &b, room->target,
						       block_of(u, part, i) + k * count) /
				m->critics;
		}
		*loss_of(u, part, i) = (float)loss;
	}
}

static void actors_part(void *argument, int part, int worker)
{
	struct update *u = argument;
	struct maddpg *m = u->m;
	struct batch b = batch_part(u->batch, part, m->parts);
	for (int i = 0; i < m->conf.agents; i++) {
		*loss_of(u, part, i) = (float)maddpg_actor_gradient(m, &m->room[worker], i, &b,
								    block_of(u, part, i));
	}
}

/* --- steps --------------------------------------------------------------------------------------
 */

/* Add a slice of all parts' gradients to the first one's: a slice for each part, as there are as
 * many of those as there is work for. */
static void add_slice(void *argument, int slice, int worker)
{
	struct update *u = argument;
	size_t all = u->block * (size_t)u->m->conf.agents, parts = (size_t)u->m->parts;
	size_t from = all * (size_t)slice / parts, to = all * (size_t)(slice + 1) / parts;
	float *restrict sum = u->m->gradient;
	(void)worker;
	for (size_t part = 1; part < parts; part++) {
		const float *restrict one = u->m->gradient + part * all;
		for (size_t i = from; i < to; i++) {
			sum[i] += one[i];
		}
	}
}

/* Cut an agent's gradients to their norm; one that is not finite makes its loss such. */
static void cut(const struct update *u, int agent, int networks, int count)
{
	double most = (double)u->m->conf.gradient_most;
	for (int k = 0; k < networks; k++) {
		if (!isfinite(gradient_cut(block_of(u, 0, agent) + k * count, count, most))) {
			*loss_of(u, 0, agent) = NAN;
		}
	}
}

static void cut_critics(void *argument, int agent, int worker)
{
	const struct update *u = argument;
	(void)worker;
	cut(u, agent, u->m->critics, mlp_parameters(&u->m->critic));
}

static void cut_actor(void *argument, int agent, int worker)
{
	const struct update *u = argument;
	(void)worker;
	cut(u, agent, 1, mlp_parameters(&u->m->actor));
}

static void step_critics(void *argument, int agent, int worker)
{
	const struct update *u = argument;
	struct maddpg *m = u->m;
	struct maddpg_agent *a = &m->agent[agent];
	(void)worker;
	for (int k = 0; k < m->critics; k++) {
		adam_step(&a->critic_adam[k], m->conf.critic_rate,
			  block_of(u, 0, agent) + k * mlp_parameters(&m->critic), a->critic[k]);
	}
	a->critic_loss = (double)*loss_of(u, 0, agent);
}

/* The actor, and then the targets of all. */
static void step_actor(void *argument, int agent, int worker)
{
	const struct update *u = argument;
	struct maddpg *m = u->m;
	struct maddpg_agent *a = &m->agent[agent];
	(void)worker;
	adam_step(&a->actor_adam, m->conf.actor_rate, block_of(u, 0, agent), a->actor);
	a->value = -(double)*loss_of(u, 0, agent);
	target_follow(a->actor_target, a->actor, mlp_parameters(&m->actor), m->conf.follow);
	for (int k = 0; k < m->critics; k++) {
		target_follow(a->critic_target[k], a->critic[k], mlp_parameters(&m->critic),
			      m->conf.follow);
	}
}

/* A step of all agents' networks of a kind. */
struct kind {
	void (*part)(void *update, int part, int worker);
	void (*cut)(void *update, int agent, int worker);
	void (*step)(void *update, int agent, int worker);
};
static const struct kind critics = { critics_part, cut_critics, step_critics };
static const struct kind actors = { actors_part, cut_actor, step_actor };

static int descend(struct update *u, const struct kind *kind, size_t block)
{
	struct maddpg *m = u->m;
	u->block = block;
	workers_run(m->workers, m->parts, kind->part, u);
	workers_run(m->workers, m->parts, add_slice, u);
	int r = m->peers.average ? m->peers.average(m->peers.context, m->gradient,
						    block * (size_t)m->conf.agents)
				 : 0;
	if (r < 0) {
		return r;
	}
	workers_run(m->workers, m->conf.agents, kind->cut, u);
	for (int i = 0; i < m->conf.agents; i++) {
		if (!isfinite(*loss_of(u, 0, i))) {
			return -EDOM;
		}
	}
	workers_run(m->workers, m->conf.agents, kind->step, u);
	return 0;
}

int maddpg_update(struct maddpg *m, struct batch *b)
{
	struct update u = { .m = m, .batch = b };
	int r = descend(&u, &critics, critic_block(m));
	if (r == 0 && (!m->conf.twin || (m->updates + 1) % m->conf.delay == 0)) {
		r = descend(&u, &actors, actor_block(m));
	}
	m->updates += r == 0;
	return r;
}
