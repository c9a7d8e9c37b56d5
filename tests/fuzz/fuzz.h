/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each fuzz target includes: its one function, and bytes taken one after the other. A promise
 * that does not hold is an assert, which ends the run like a fault that a sanitizer finds. */
#ifndef LECD_FUZZ_H
#define LECD_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "drivers/profile.h"

/* Run once on size bytes. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *data;
	size_t size;
};

/* The next size bytes, zeros behind the end. */
static inline void take(struct bytes *b, void *out, size_t size)
{
	size_t have = size < b->size ? size : b->size;
	memset(out, 0, size);
	if (have > 0) {
		memcpy(out, b->data, have);
		b->data += have;
		b->size -= have;
	}
}

static inline int take_below(struct bytes *b, int limit)
{
	uint16_t number;
	take(b, &number, sizeof(number));
	return number % limit;
}

/* Read every block of p by words (65536 of them, as registers lie). */
static inline void read_all(const struct profile *p, const uint16_t *words, struct answers *a)
{
	answers_clear(a, p->blocks);
	for (int i = 0; i < p->blocks; i++) {
		const struct block *b = &p->block[i];
		answers_take(a, i, 0, b->count, words + b->address, 1);
	}
}

/* Hold p to what the driver relies on: a block fits one request, and each point that is read lies
 * whole in one, with its scale factor; and decode what words hold. */
static inline void decode_all(const struct profile *p, const uint16_t *words)
{
	static struct answers answers;
	assert(p->blocks >= 0 && p->blocks <= PROFILE_BLOCKS_MAX);
	for (int i = 0; i < p->blocks; i++) {
		const struct block *b = &p->block[i];
		assert(b->count >= 1 && b->count <= 125 && b->address + b->count <= 65536);
	}
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity quantity;
		const struct point *part = profile_part(p, i, &quantity);
		if (!part || part->type == POINT_ABSENT) {
			continue;
		}
		bool inside = false;
		struct block span = profile_span(part);
		for (int k = 0; k < p->blocks; k++) {
			const struct block *b = &p->block[k];
			inside = inside || (b->table == span.table && span.address >= b->address &&
					    span.address + span.count <= b->address + b->count);
		}
		assert(inside);
	}
	read_all(p, words, &answers);
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		double value = -1.5;
		int64_t at_us = 0;
		if (p->reading[q].type != POINT_ABSENT) {
			enum quality quality =
				profile_decode(p, (enum quantity)q, &answers, &value, &at_us);
			assert(quality == QUALITY_GOOD || value == -1.5);
		}
	}
}

#endif
