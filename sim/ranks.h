/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes that a training is divided over: ranks, one or as many as mpirun has started. Two
 * files define this: sim/ranks.c for one process that knows of no other, and sim/mpi/ranks.c by MPI
 * (MPI Forum 2015, MPI: A Message-Passing Interface Standard, 3.1), which `make mpi` links in its
 * place.
 *
 * But for the first two and the last of them, all ranks call a function together and in the same
 * order, and get the same to the last bit: sums are made in the order of ranks, whatever the
 * network does. A rank that is lost ends all others, at the latest when they wait for it. */
#ifndef LECD_SIM_RANKS_H
#define LECD_SIM_RANKS_H

#include <stddef.h>

struct ranks {
	int rank, count;
	float *room; /* owned */
	size_t room_count;
};

/* Find out who there is, once in a process. Returns 0 or -EIO; ranks_end after it, always. */
int ranks_begin(struct ranks *r);
void ranks_end(struct ranks *r);

/* Put the mean over all ranks in the place of each number. context: a struct ranks, so that it can
 * be handed on as a callback. Returns 0 or -ENOMEM. */
int ranks_average(void *context, float *numbers, size_t count);

/* Put the sum, or the least, over all ranks in the place of each number. */
void ranks_sum(struct ranks *r, double *numbers, int count);
void ranks_least(struct ranks *r, double *numbers, int count);

/* Rank 0 gets what all have, rank after rank (all: room for it; elsewhere not looked at). */
void ranks_gather(struct ranks *r, const float *own, size_t count, float *all);

/* All get what rank 0 has. */
void ranks_hand_out(struct ranks *r, void *bytes, size_t size);

/* End all ranks with that exit code, where one cannot go on and the others would wait for it. Alone
 * it does nothing. */
void ranks_give_up(struct ranks *r, int code);

#endif
