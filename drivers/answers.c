/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/answers.h"

#include <assert.h>
#include <string.h>

void answers_clear(struct answers *a)
{
	for (int b = 0; b < PROFILE_BLOCKS_MAX; b++) {
		memset(a->block[b].answer, ANSWER_NONE, sizeof(a->block[b].answer));
	}
}

void answers_take(struct answers *a, int block, int offset, int count, const uint16_t *words,
		  int64_t now_us)
{
	assert(block >= 0 && block < PROFILE_BLOCKS_MAX && offset >= 0 && count >= 0 &&
	       offset + count <= BLOCK_WORDS_MAX);
	a->block[block].at_us = now_us;
	memset(a->block[block].answer + offset, words ? ANSWER_DATA : ANSWER_ABSENT, (size_t)count);
	if (words) {
		memcpy(a->block[block].words + offset, words, (size_t)count * sizeof(*words));
	}
}
