/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one poll of a device brought: the words of its profile's blocks, as far as they were
 * answered. Filled by who talks to the device, decoded by profile_decode(). A zeroed one is empty.
 */
#ifndef LECD_DRIVERS_ANSWERS_H
#define LECD_DRIVERS_ANSWERS_H

#include <stdint.h>

enum { PROFILE_BLOCKS_MAX = 24, BLOCK_WORDS_MAX = 125 };

enum answer {
	ANSWER_NONE,   /* not asked, or the line failed */
	ANSWER_ABSENT, /* the device says that it has no such register */
	ANSWER_DATA
};

struct answers {
	struct {
		int64_t at_us; /* of the last answer in it */
		uint16_t words[BLOCK_WORDS_MAX];
		uint8_t answer[BLOCK_WORDS_MAX]; /* enum answer */
	} block[PROFILE_BLOCKS_MAX];
};

/* Forget everything. */
void answers_clear(struct answers *a);

/* Take count words from offset on in a block; NULL: the device has none of them. */
void answers_take(struct answers *a, int block, int offset, int count, const uint16_t *words,
		  int64_t now_us);

#endif
