/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/train/maddpg.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "daemon/base/workers.h"
#include "policy/onnx_write.h"
#include "policy/train/maddpg_parts.h"
#include "policy/vector_math.h"

enum {
	STREAM_ACTOR = 1,       /* + the agent's number: what its networks begin with */
	STREAM_CRITIC = 100000, /* the same, + 100000 for each critic */
	STREAM_SMOOTH = 1002
};

struct maddpg_conf maddpg_defaults(int agents, int observations, int actions)
{
	return (struct maddpg_conf){
		.agents = agents,
		.observations = observations,
		.actions = actions,
		.hidden = 64,
		.between = ACTIVATION_RELU,
		.batch = 1024,
		.discount = 0.95f,
		.follow = 0.01f,
		.actor_rate = 1e-3f,
		.critic_rate = 1e-3f,
		.gradient_most = 0.5f,
		.logit_price = 1e-3f,
		.delay = 2,
		.smooth = 0.2f,
		.smooth_most = 0.5f,
		.seed = 1,
	};
}

static int check(const struct maddpg_conf *c)
{
	bool sound = c->agents >= 1 && c->agents <= 1000 && c->observations >= 1 &&
		     c->actions >= 1 && c->hidden >= 1 && c->batch >= 1 && c->batch <= 1 << 20;
	sound = sound && c->discount >= 0 && c->discount <= 1 && c->follow > 0 && c->follow <= 1 &&
		c->actor_rate > 0 && c->critic_rate > 0 && c->gradient_most > 0;
	sound = sound && c->between != ACTIVATION_NONE && c->logit_price >= 0 &&
		(!c->twin || c->delay >= 1) && c->smooth >= 0;
	return sound ? 0 : -EINVAL;
}

static int side_by_side(const struct maddpg *m)
{
	return m->conf.observations + m->conf.actions;
}

/* The columns of rows that an agent's critic sees, and its actor, and those with what it does. */
static struct matrix critic_view(const struct maddpg *m, int agent, const struct matrix *rows)
{
	int width = side_by_side(m);
	return m->conf.independent ? matrix_columns(rows, agent * width, width) : *rows;
}

static struct matrix actor_view(const struct maddpg *m, int agent, const struct matrix *rows)
{
	return matrix_columns(rows, agent * side_by_side(m), m->conf.observations);
}

static struct matrix action_view(const struct maddpg *m, int agent, const struct matrix *rows)
{
	return matrix_columns(rows, agent * side_by_side(m) + m->conf.observations,
			      m->conf.actions);
}

static float *take(float **next, int count)
{
	float *at = *next;
	*next += count;
	return at;
}

/* Where everything of an agent lies, and what it begins with. */
static void lay_out(struct maddpg *m)
{
	float *next = m->memory;
	int actor = mlp_parameters(&m->actor), critic = mlp_parameters(&m->critic);
	for (int i = 0; i < m->conf.agents; i++) {
		struct maddpg_agent *a = &m->agent[i];
		a->actor = take(&next, actor);
		a->actor_target = take(&next, actor);
		a->actor_adam.count = actor;
		a->actor_adam.mean = take(&next, actor);
		a->actor_adam.square = take(&next, actor);
		mlp_draw(&m->actor, m->conf.seed, STREAM_ACTOR + (uint32_t)i, 0.1f, a->actor);
		memcpy(a->actor_target, a->actor, (size_t)actor * sizeof(float));
		for (int k = 0; k < m->critics; k++) {
			uint32_t stream = (uint32_t)(STREAM_CRITIC * (k + 1) + i);
			a->critic[k] = take(&next, critic);
			a->critic_target[k] = take(&next, critic);
			a->critic_adam[k].count = critic;
			a->critic_adam[k].mean = take(&next, critic);
			a->critic_adam[k].square = take(&next, critic);
			mlp_draw(&m->critic, m->conf.seed, stream, 0.1f, a->critic[k]);
			memcpy(a->critic_target[k], a->critic[k], (size_t)critic * sizeof(float));
		}
	}
}

static void room_free(struct maddpg_room *room)
{
	mlp_trace_free(&room->actor_trace);
	mlp_trace_free(&room->critic_trace);
	free(room->memory);
}

static int room_init(struct maddpg_room *room, const struct maddpg *m)
{
	size_t part = (size_t)m->conf.batch / (size_t)m->parts + 1;
	size_t actions = (size_t)m->rows * (size_t)m->conf.actions;
	room->memory = calloc(part + 2 * actions, sizeof(float));
	if (!room->memory || mlp_trace_init(&room->actor_trace, &m->actor, m->rows) < 0 ||
	    mlp_trace_init(&room->critic_trace, &m->critic, m->rows) < 0) {
		return -ENOMEM;
	}
	room->target = room->memory;
	room->acted = room->target + part;
	room->change = room->acted + actions;
	return 0;
}

static void rooms_free(struct maddpg_room *room, int count)
{
	for (int i = 0; room && i < count; i++) {
		room_free(&room[i]);
	}
	free(room);
}

int maddpg_threads(struct maddpg *m, int threads)
{
	struct workers *workers = NULL;
	if (threads > 1 && !matrix_by_threads()) {
		return -ENOTSUP;
	}
	int r = workers_start(threads, &workers);
	struct maddpg_room *room = r == 0 ? calloc((size_t)threads, sizeof(*room)) : NULL;
	r = r == 0 && !room ? -ENOMEM : r;
	for (int i = 0; i < threads && r == 0; i++) {
		r = room_init(&room[i], m);
	}
	if (r < 0) {
		rooms_free(room, threads);
		workers_free(workers);
		return r;
	}
	rooms_free(m->room, m->workers ? workers_count(m->workers) : 0);
	workers_free(m->workers);
	m->room = room;
	m->workers = workers;
	return 0;
}

/* As many as keep some cores busy, where each has rows enough to be worth it; and the rows of one
 * in steps that are alike. */
static void divide(struct maddpg *m)
{
	enum { PARTS_MAX = 4, PART_LEAST = 64 };
	int most = mlp_rows_at_once(&m->critic);
	m->parts = m->conf.batch / PART_LEAST;
	m->parts = m->parts < 1 ? 1 : m->parts > PARTS_MAX ? PARTS_MAX : m->parts;
	int part = (m->conf.batch + m->parts - 1) / m->parts, steps = (part + most - 1) / most;
	m->rows = (part + steps - 1) / steps;
}

int maddpg_init(struct maddpg *m, const struct maddpg_conf *conf)
{
	*m = (struct maddpg){ .conf = *conf, .critics = conf->twin ? 2 : 1, .peers.count = 1 };
	if (check(conf) < 0) {
		return -EINVAL;
	}
	int seen = side_by_side(m) * (conf->independent ? 1 : conf->agents);
	m->actor = m->critic = (struct mlp){ .layers = 3, .hidden = conf->between };
	for (int i = 1; i < 3; i++) {
		m->actor.width[i] = m->critic.width[i] = conf->hidden;
	}
	m->actor.width[0] = conf->observations;
	m->actor.width[3] = conf->actions;
	m->critic.width[0] = seen;
	m->critic.width[3] = 1;
	if (mlp_check(&m->actor) < 0 || mlp_check(&m->critic) < 0) {
		return -EINVAL;
	}
	size_t actor = (size_t)mlp_parameters(&m->actor),
	       critic = (size_t)mlp_parameters(&m->critic);
	divide(m);
	m->numbers = 4 * (size_t)conf->agents * (actor + (size_t)m->critics * critic);
	m->memory = calloc(m->numbers, sizeof(float));
	m->agent = calloc((size_t)conf->agents, sizeof(*m->agent));
	m->gradient = maddpg_make_gradients(m);
	if (!m->memory || !m->agent || !m->gradient) {
		return -ENOMEM;
	}
	lay_out(m);
	return maddpg_threads(m, 1);
}

void maddpg_free(struct maddpg *m)
{
	free(m->memory);
	free(m->agent);
	free(m->gradient);
	rooms_free(m->room, m->workers ? workers_count(m->workers) : 0);
	workers_free(m->workers);
	*m = (struct maddpg){ 0 };
}

void maddpg_join(struct maddpg *m, const struct maddpg_peers *peers)
{
	m->peers = *peers;
}

void maddpg_act(const struct maddpg *m, struct maddpg_room *room, int agent, const float *observed,
		float *out)
{
	struct matrix in = matrix_of((float *)(uintptr_t)observed, 1, m->conf.observations);
	struct mlp_trace *t = &room->actor_trace;
	mlp_forward(&m->actor, m->agent[agent].actor, &in, t);
	vector_tanh(out, mlp_out(&m->actor, t).at, m->conf.actions);
}

/* The next rows of a part from `from` on; false at its end. */
static bool next_rows(const struct maddpg *m, const struct batch *b, int *from, int *rows)
{
	*from += *rows;
	*rows = b->rows - *from < m->rows ? b->rows - *from : m->rows;
	return *rows > 0;
}

/* --- what critics are to say --------------------------------------------------------------------
 */

/* Put tanh of an actor's outputs where the batch has its actions. */
static void put_actions(const struct matrix *logit, const struct matrix *out)
{
	vector_tanh(logit->at, logit->at, logit->rows * logit->columns);
	for (int r = 0; r < out->rows; r++) {
		for (int c = 0; c < out->columns; c++) {
			out->at[r * out->stride + c] = logit->at[r * logit->stride + c];
		}
	}
}

/* Noise on the actions of targets, so that a narrow peak of a critic is not believed. first: of the
 * batch's rows. */
static void smooth(const struct maddpg *m, int agent, const struct matrix *action, int first)
{
	int64_t update = m->updates * m->peers.count + m->peers.rank;
	int64_t index = (update * m->conf.agents + agent) * m->conf.batch + first;
	index *= action->columns;
	for (int r = 0; r < action->rows; r++) {
		for (int c = 0; c < action->columns; c++, index++) {
			float *at = action->at + r * action->stride + c;
			double noise = (double)m->conf.smooth *
				       chance_normal(m->conf.seed, STREAM_SMOOTH, index);
			double most = (double)m->conf.smooth_most;
			noise = fmax(-most, fmin(most, noise));
			*at = (float)fmax(-1, fmin(1, (double)*at + noise));
		}
	}
}

void maddpg_next_actions(const struct maddpg *m, struct maddpg_room *room, struct batch *b)
{
	for (int from = 0, rows = 0; next_rows(m, b, &from, &rows);) {
		struct matrix next = matrix_rows(&b->next, from, rows);
		for (int i = 0; i < m->conf.agents; i++) {
			struct matrix in = actor_view(m, i, &next), out = action_view(m, i, &next);
			mlp_forward(&m->actor, m->agent[i].actor_target, &in, &room->actor_trace);
			struct matrix logit = mlp_out(&m->actor, &room->actor_trace);
			put_actions(&logit, &out);
			if (m->conf.twin) {
				smooth(m, i, &out, b->first + from);
			}
		}
	}
}

void maddpg_targets(const struct maddpg *m, struct maddpg_room *room, int agent,
		    const struct batch *b, float *target)
{
	const struct maddpg_agent *a = &m->agent[agent];
	const float *reward = b->reward + (size_t)agent * (size_t)b->whole;
	for (int from = 0, rows = 0; next_rows(m, b, &from, &rows);) {
		struct matrix next = matrix_rows(&b->next, from, rows);
		struct matrix in = critic_view(m, agent, &next);
		for (int k = 0; k < m->critics; k++) {
			mlp_forward(&m->critic, a->critic_target[k], &in, &room->critic_trace);
			const float *q = mlp_out(&m->critic, &room->critic_trace).at;
			for (int r = 0, at = from; r < rows; r++, at++) {
				float y = reward[at] + m->conf.discount * b->goes_on[at] * q[r];
				target[at] = k == 0 || y < target[at] ? y : target[at];
			}
		}
	}
}

/* --- gradients ----------------------------------------------------------------------------------
 */

double maddpg_critic_gradient(const struct maddpg *m, struct maddpg_room *room, int agent, int k,
			      const struct batch *b, const float *target, float *gradient)
{
	const float *parameters = m->agent[agent].critic[k];
	struct mlp_trace *t = &room->critic_trace;
	double loss = 0;
	memset(gradient, 0, (size_t)mlp_parameters(&m->critic) * sizeof(*gradient));
	for (int from = 0, rows = 0; next_rows(m, b, &from, &rows);) {
		struct matrix now = matrix_rows(&b->now, from, rows);
		struct matrix in = critic_view(m, agent, &now);
		mlp_forward(&m->critic, parameters, &in, t);
		const float *q = mlp_out(&m->critic, t).at;
		float *change = mlp_change(&m->critic, t).at;
		for (int r = 0; r < rows; r++) {
			float off = q[r] - target[from + r];
			loss += (double)off * (double)off;
			change[r] = 2 * off / (float)b->whole;
		}
		mlp_backward(&m->critic, parameters, &in, t, gradient, 0, NULL);
	}
	return loss / b->whole;
}

/* Swap an agent's actions in rows of a batch with those put aside. */
static void swap_actions(const struct maddpg *m, int agent, const struct matrix *rows, float *acted)
{
	struct matrix at = action_view(m, agent, rows);
	for (int r = 0; r < at.rows; r++) {
		for (int c = 0; c < at.columns; c++) {
			float *one = at.at + r * at.stride + c, *other = acted + r * at.columns + c;
			float kept = *one;
			*one = *other;
			*other = kept;
		}
	}
}

/* How the value of what an actor would do, which is in the rows, changes with that, into
 * room->change. Returns the sum of the values. */
static double value_change(const struct maddpg *m, struct maddpg_room *room, int agent,
			   const struct matrix *now, int batch)
{
	const float *parameters = m->agent[agent].critic[0];
	struct mlp_trace *t = &room->critic_trace;
	int first = (m->conf.independent ? 0 : agent * side_by_side(m)) + m->conf.observations;
	struct matrix all = critic_view(m, agent, now);
	struct matrix change = matrix_of(room->change, now->rows, m->conf.actions);
	double value = 0;
	mlp_forward(&m->critic, parameters, &all, t);
	const float *q = mlp_out(&m->critic, t).at;
	float *down = mlp_change(&m->critic, t).at;
	for (int r = 0; r < now->rows; r++) {
		value += (double)q[r];
		down[r] = -1 / (float)batch;
	}
	mlp_backward(&m->critic, parameters, &all, t, NULL, first, &change);
	return value;
}

double maddpg_actor_gradient(const struct maddpg *m, struct maddpg_room *room, int agent,
			     const struct batch *b, float *gradient)
{
	const float *parameters = m->agent[agent].actor;
	struct mlp_trace *t = &room->actor_trace;
	double value = 0, square = 0, all = (double)b->whole * m->conf.actions;
	memset(gradient, 0, (size_t)mlp_parameters(&m->actor) * sizeof(*gradient));
	for (int from = 0, rows = 0; next_rows(m, b, &from, &rows);) {
		struct matrix now = matrix_rows(&b->now, from, rows);
		struct matrix in = actor_view(m, agent, &now);
		int count = rows * m->conf.actions;
		mlp_forward(&m->actor, parameters, &in, t);
		const float *logit = mlp_out(&m->actor, t).at;
		float *up = mlp_change(&m->actor, t).at;
		vector_tanh(room->acted, logit, count);
		swap_actions(m, agent, &now, room->acted);
		value += value_change(m, room, agent, &now, b->whole);
		swap_actions(m, agent, &now, room->acted);
		for (int i = 0; i < count; i++) {
			float y = room->acted[i];
			square += (double)logit[i] * (double)logit[i];
			up[i] = room->change[i] * (1 - y * y) +
				2 * m->conf.logit_price * logit[i] / (float)all;
		}
		mlp_backward(&m->actor, parameters, &in, t, gradient, 0, NULL);
	}
	return -value / b->whole + (double)m->conf.logit_price * square / all;
}

/* --- what comes of it ---------------------------------------------------------------------------
 */

int maddpg_export(const struct maddpg *m, int agent, const char *path)
{
	const float *parameters = m->agent[agent].actor;
	struct onnx_layer layer[MLP_LAYERS_MAX];
	for (int i = 0; i < m->actor.layers; i++) {
		bool relu = i < m->actor.layers - 1 && m->actor.hidden == ACTIVATION_RELU;
		layer[i] = (struct onnx_layer){
			.inputs = m->actor.width[i],
			.outputs = m->actor.width[i + 1],
			.weight = parameters + mlp_weights_at(&m->actor, i),
			.bias = parameters + mlp_biases_at(&m->actor, i),
			.activation = relu ? "Relu" : "Tanh",
		};
	}
	return onnx_write_layers(path, layer, m->actor.layers);
}
