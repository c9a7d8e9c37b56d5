/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults of what a device says: exceptions it gives instead of an answer, and answers spoilt before
 * they are sent. Frames are those of codec.h. */
#ifndef LECD_SIM_FAULT_FRAME_H
#define LECD_SIM_FAULT_FRAME_H

#include "sim/codec.h"
#include "sim/fault.h"

/* What a unit's faults remember from answer to answer; zeroed at first. */
struct fault_memory {
	uint64_t seed;
	int64_t answers;
	int length; /* of the answer before; 0: there was none */
	uint8_t before[CODEC_FRAME_MAX];
};

/* The exception a request gets instead of its answer, 0 for none. Counts down `busy`. */
int fault_exception(struct faults *f, const uint8_t *request, int length);

/* Spoil an answer of length bytes. Returns its new length. */
int fault_answer(const struct faults *f, struct fault_memory *m, uint8_t answer[CODEC_FRAME_MAX],
		 int length);

/* Flip a bit in some of length bytes, as FAULT_BIT_ERRORS with permille says; *count counts the
 * bytes of the line. */
void fault_bits(int permille, uint64_t seed, int64_t *count, uint8_t *bytes, int length);

#endif
