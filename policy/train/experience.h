/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What agents saw, did and got, the last so many steps of it, and batches drawn from them.
 *
 * A row of a batch has of each agent its observations, then its actions, agent after agent: what
 * one agent knows and does lies side by side. */
#ifndef LECD_TRAIN_EXPERIENCE_H
#define LECD_TRAIN_EXPERIENCE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/train/matrix.h"

struct experience {
	int agents, observations, actions; /* of each agent */
	int room, count, next;             /* steps */
	float *step;                       /* owned: room of them, see experience.c */
};

struct batch {
	int rows;
	int first, whole; /* of the batch that it is a part of: where it begins, and all its rows */
	struct matrix now;  /* agents * (observations + actions) columns */
	struct matrix next; /* the same, with room for actions */
	float *reward;  /* of each agent `whole` of them, agent after agent; this part's first */
	float *goes_on; /* by row: 1; 0 where the episode ended */
	float *memory;  /* owned; NULL: the batch's that it is a part of */
};

/* Returns 0; -EINVAL: a size is not sound; -ENOMEM. */
int experience_init(struct experience *e, int agents, int observations, int actions, int room);
void experience_free(struct experience *e);

/* The floats of the steps kept, from e->step on: what a checkpoint has to keep beside count and
 * next. */
size_t experience_numbers(const struct experience *e);

/* Keep a step, in place of the oldest where it is full. All by agent, agent after agent. */
void experience_add(struct experience *e, const float *observed, const float *acted,
		    const float *reward, const float *observed_next, int ended);

/* The largest reward or loss of any agent in the steps kept; 0 where there is none. */
double experience_reward_most(const struct experience *e);

/* Room for a batch of an experience. Returns 0 or -ENOMEM. */
int batch_init(struct batch *b, const struct experience *e, int rows);
void batch_free(struct batch *b);

/* Of so many parts of a batch that are alike but for a row, the given one: it lives in the batch.
 */
struct batch batch_part(const struct batch *b, int part, int parts);

/* Draw the batch of that index: rows uniform among the steps kept (at least one), the same for the
 * same seed, index and steps. */
void experience_draw(const struct experience *e, uint64_t seed, int64_t index, struct batch *b);

#endif
