/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranks by MPI. What it reports as an error ends all of them, as is its default: there is nothing
 * to do about it here. */
#include "sim/ranks.h"

#include <errno.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MOST = 1 << 24, TAG = 1 }; /* counts of MPI are ints */

int ranks_begin(struct ranks *r)
{
	int level;
	*r = (struct ranks){ .count = 1 };
	if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS ||
	    level < MPI_THREAD_FUNNELED) {
		return -EIO;
	}
	MPI_Comm_rank(MPI_COMM_WORLD, &r->rank);
	MPI_Comm_size(MPI_COMM_WORLD, &r->count);
	return 0;
}

void ranks_end(struct ranks *r)
{
	int begun;
	MPI_Initialized(&begun);
	if (begun) {
		MPI_Finalize();
	}
	free(r->room);
	*r = (struct ranks){ .count = 1 };
}

static int make_room(struct ranks *r, size_t count)
{
	if (count > r->room_count) {
		float *room = realloc(r->room, count * sizeof(*room));
		if (!room) {
			return -ENOMEM;
		}
		r->room = room;
		r->room_count = count;
	}
	return 0;
}

/* The mean of a piece that all have, of a multiple of as many numbers as there are ranks: each rank
 * gets its share of it from all, adds in the order of ranks, and hands that out. */
static void average_piece(const struct ranks *r, float *numbers, int share)
{
	float *from_all = r->room, *sum = r->room + (ptrdiff_t)share * r->count;
	MPI_Alltoall(numbers, share, MPI_FLOAT, from_all, share, MPI_FLOAT, MPI_COMM_WORLD);
	memcpy(sum, from_all, (size_t)share * sizeof(*sum));
	for (int k = 1; k < r->count; k++) {
		for (int i = 0; i < share; i++) {
			sum[i] += from_all[(ptrdiff_t)k * share + i];
		}
	}
	for (int i = 0; i < share; i++) {
		sum[i] /= (float)r->count;
	}
	MPI_Allgather(sum, share, MPI_FLOAT, numbers, share, MPI_FLOAT, MPI_COMM_WORLD);
}

/* What does not divide: fewer numbers than there are ranks. */
static void average_rest(struct ranks *r, float *numbers, int count)
{
	float *from_all = r->room;
	MPI_Allgather(numbers, count, MPI_FLOAT, from_all, count, MPI_FLOAT, MPI_COMM_WORLD);
	for (int i = 0; i < count; i++) {
		float sum = from_all[i];
		for (int k = 1; k < r->count; k++) {
			sum += from_all[k * count + i];
		}
		numbers[i] = sum / (float)r->count;
	}
}

int ranks_average(void *context, float *numbers, size_t count)
{
	struct ranks *r = context;
	size_t ranks = (size_t)r->count, most = MESSAGE_MOST / ranks, largest = count / ranks;
	largest = largest < most ? largest : most;
	int error = make_room(r, (ranks + 1) * largest + ranks * ranks);
	if (error < 0) {
		return error;
	}
	while (count >= ranks) {
		size_t share = count / ranks < largest ? count / ranks : largest;
		average_piece(r, numbers, (int)share);
		numbers += share * ranks;
		count -= share * ranks;
	}
	average_rest(r, numbers, (int)count);
	return 0;
}

void ranks_sum(struct ranks *r, double *numbers, int count)
{
	for (int i = 0; i < count; i++) {
		double own = numbers[i], sum = 0;
		for (int k = 0; k < r->count; k++) {
			double one = own;
			MPI_Bcast(&one, 1, MPI_DOUBLE, k, MPI_COMM_WORLD);
			sum += one;
		}
		numbers[i] = sum;
	}
}

void ranks_least(struct ranks *r, double *numbers, int count)
{
	(void)r;
	MPI_Allreduce(MPI_IN_PLACE, numbers, count, MPI_DOUBLE, MPI_MIN, MPI_COMM_WORLD);
}

/* As one message, or more where it is too long for that. */
void ranks_gather(struct ranks *r, const float *own, size_t count, float *all)
{
	for (size_t at = 0; at < count; at += MESSAGE_MOST) {
		int part = count - at < MESSAGE_MOST ? (int)(count - at) : MESSAGE_MOST;
		if (r->rank > 0) {
			MPI_Send(own + at, part, MPI_FLOAT, 0, TAG, MPI_COMM_WORLD);
			continue;
		}
		memcpy(all + at, own + at, (size_t)part * sizeof(*own));
		for (int k = 1; k < r->count; k++) {
			MPI_Recv(all + (size_t)k * count + at, part, MPI_FLOAT, k, TAG,
				 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		}
	}
}

void ranks_hand_out(struct ranks *r, void *bytes, size_t size)
{
	(void)r;
	for (size_t at = 0; at < size; at += MESSAGE_MOST) {
		int part = size - at < MESSAGE_MOST ? (int)(size - at) : MESSAGE_MOST;
		MPI_Bcast((char *)bytes + at, part, MPI_BYTE, 0, MPI_COMM_WORLD);
	}
}

void ranks_give_up(struct ranks *r, int code)
{
	if (r->count > 1) {
		MPI_Abort(MPI_COMM_WORLD, code);
	}
}
