/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One process: what all have is what it has. */
#include "sim/ranks.h"

#include <string.h>

int ranks_begin(struct ranks *r)
{
	*r = (struct ranks){ .count = 1 };
	return 0;
}

void ranks_end(struct ranks *r)
{
	(void)r;
}

int ranks_average(void *context, float *numbers, size_t count)
{
	(void)context;
	(void)numbers;
	(void)count;
	return 0;
}

void ranks_sum(struct ranks *r, double *numbers, int count)
{
	(void)r;
	(void)numbers;
	(void)count;
}

void ranks_least(struct ranks *r, double *numbers, int count)
{
	(void)r;
	(void)numbers;
	(void)count;
}

void ranks_gather(struct ranks *r, const float *own, size_t count, float *all)
{
	(void)r;
	memcpy(all, own, count * sizeof(*own));
}

void ranks_hand_out(struct ranks *r, void *bytes, size_t size)
{
	(void)r;
	(void)bytes;
	(void)size;
}

void ranks_give_up(struct ranks *r, int code)
{
	(void)r;
	(void)code;
}
