/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step lies as: of each agent observations and actions; of each its next observations; rewards;
 * whether it goes on. */
#include "policy/train/experience.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"

enum { STREAM_DRAW = 1001, SIZE_MAX_OF = 4096 };

static int joint(const struct experience *e)
{
	return e->agents * (e->observations + e->actions);
}

static size_t step_size(const struct experience *e)
{
	size_t agents = (size_t)e->agents;
	return (size_t)joint(e) + agents * (size_t)e->observations + agents + 1;
}

int experience_init(struct experience *e, int agents, int observations, int actions, int room)
{
	*e = (struct experience){
		.agents = agents, .observations = observations, .actions = actions, .room = room
	};
	if (agents < 1 || observations < 1 || actions < 1 || room < 1 || agents > SIZE_MAX_OF ||
	    observations > SIZE_MAX_OF || actions > SIZE_MAX_OF) {
		return -EINVAL;
	}
	e->step = calloc((size_t)room, step_size(e) * sizeof(float));
	return e->step ? 0 : -ENOMEM;
}

void experience_free(struct experience *e)
{
	free(e->step);
	*e = (struct experience){ 0 };
}

size_t experience_numbers(const struct experience *e)
{
	return (size_t)e->count * step_size(e);
}

void experience_add(struct experience *e, const float *observed, const float *acted,
		    const float *reward, const float *observed_next, int ended)
{
	size_t o = (size_t)e->observations, a = (size_t)e->actions, n = (size_t)e->agents;
	float *at = e->step + (size_t)e->next * step_size(e);
	for (size_t i = 0; i < n; i++, at += o + a) {
		memcpy(at, observed + i * o, o * sizeof(float));
		memcpy(at + o, acted + i * a, a * sizeof(float));
	}
	memcpy(at, observed_next, n * o * sizeof(float));
	memcpy(at + n * o, reward, n * sizeof(float));
	at[n * o + n] = ended ? 0 : 1;
	e->next = (e->next + 1) % e->room;
	e->count += e->count < e->room;
}

double experience_reward_most(const struct experience *e)
{
	size_t agents = (size_t)e->agents, size = step_size(e), at = size - agents - 1;
	double most = 0;
	for (size_t step = 0; step < (size_t)e->count; step++) {
		for (size_t i = 0; i < agents; i++) {
			most = fmax(most, fabs((double)e->step[step * size + at + i]));
		}
	}
	return most;
}

int batch_init(struct batch *b, const struct experience *e, int rows)
{
	size_t columns = (size_t)joint(e), n = (size_t)rows;
	*b = (struct batch){ .rows = rows, .whole = rows };
	b->memory = calloc(n * (2 * columns + (size_t)e->agents + 1), sizeof(float));
	if (!b->memory) {
		return -ENOMEM;
	}
	b->now = matrix_of(b->memory, rows, joint(e));
	b->next = matrix_of(b->memory + n * columns, rows, joint(e));
	b->reward = b->memory + 2 * n * columns;
	b->goes_on = b->reward + n * (size_t)e->agents;
	return 0;
}

void batch_free(struct batch *b)
{
	free(b->memory);
	*b = (struct batch){ 0 };
}

struct batch batch_part(const struct batch *b, int part, int parts)
{
	int from = (int)((int64_t)b->rows * part / parts);
	int rows = (int)((int64_t)b->rows * (part + 1) / parts) - from;
	return (struct batch){
		.rows = rows,
		.first = b->first + from,
		.whole = b->whole,
		.now = matrix_rows(&b->now, from, rows),
		.next = matrix_rows(&b->next, from, rows),
		.reward = b->reward + from,
		.goes_on = b->goes_on + from,
	};
}

void experience_draw(const struct experience *e, uint64_t seed, int64_t index, struct batch *b)
{
	size_t o = (size_t)e->observations, a = (size_t)e->actions, n = (size_t)e->agents;
	for (int row = 0; row < b->rows; row++) {
		uint64_t bits = chance_bits(seed, STREAM_DRAW, index * b->rows + row);
		const float *at = e->step + bits % (uint64_t)e->count * step_size(e);
		float *next = b->next.at + (size_t)row * n * (o + a);
		memcpy(b->now.at + (size_t)row * n * (o + a), at, n * (o + a) * sizeof(float));
		at += n * (o + a);
		for (size_t i = 0; i < n; i++, at += o) {
			memcpy(next + i * (o + a), at, o * sizeof(float));
		}
		for (size_t i = 0; i < n; i++) {
			b->reward[i * (size_t)b->rows + (size_t)row] = at[i];
		}
		b->goes_on[row] = at[n];
	}
}
