/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/fault_frame.h"

#include <string.h>

#include "daemon/base/chance.h"
#include "drivers/frame.h"

/* Uses of the seed. */
enum { STREAM_GARBAGE = 400, STREAM_BITS, STREAM_WHICH };

enum {
	UNIT = CODEC_HEADER - 1,
	FUNCTION = CODEC_HEADER,
	BYTES = FUNCTION + 1, /* the byte count of a read's answer */
	WRITE_ONE = 6,
	WRITE_MANY = 16,
	REQUEST_MIN = 12
};

static int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static bool is_write(int function)
{
	return function == WRITE_ONE || function == WRITE_MANY;
}

static bool touches(const uint8_t *request, int length, int address)
{
	if (length < REQUEST_MIN) {
		return false;
	}
	int first = get16(request + 8);
	int count = request[FUNCTION] == WRITE_ONE ? 1 : get16(request + 10);
	return address >= first && address < first + count;
}

int fault_exception(struct faults *f, const uint8_t *request, int length)
{
	if (f->on[FAULT_EXCEPTION]) {
		return f->value[FAULT_EXCEPTION];
	}
	if (f->on[FAULT_BUSY]) {
		f->on[FAULT_BUSY] = --f->value[FAULT_BUSY] > 0;
		return EXCEPTION_BUSY;
	}
	if (f->on[FAULT_EXCEPTION_AT] && touches(request, length, f->value[FAULT_EXCEPTION_AT])) {
		return f->code;
	}
	return f->on[FAULT_REFUSE_WRITES] && is_write(request[FUNCTION])
		       ? f->value[FAULT_REFUSE_WRITES]
		       : 0;
}

/* Let the header say how long the frame is. */
static int set_length(uint8_t *answer, int length)
{
	answer[4] = (uint8_t)((length - 6) >> 8);
	answer[5] = (uint8_t)(length - 6);
	return length;
}

static int make_short(uint8_t *answer, int length)
{
	if (length < BYTES + 3) {
		return set_length(answer, length - 1); /* an exception without its code */
	}
	answer[BYTES] = (uint8_t)(is_write(answer[FUNCTION]) ? answer[BYTES] : answer[BYTES] - 2);
	return set_length(answer, length - 2);
}

static int make_oversize(uint8_t *answer, int length)
{
	memset(answer + length, 0, (size_t)(CODEC_FRAME_MAX - length));
	answer[BYTES] = 0xFF;
	return set_length(answer, CODEC_FRAME_MAX);
}

static int make_garbage(const struct fault_memory *m, uint8_t *answer)
{
	int64_t at = m->answers * CODEC_FRAME_MAX;
	int length = 1 + (int)(chance_bits(m->seed, STREAM_GARBAGE, at) % CODEC_FRAME_MAX);
	for (int i = 0; i < length; i++) {
		answer[i] = (uint8_t)chance_bits(m->seed, STREAM_GARBAGE, at + 1 + i);
	}
	return length;
}

/* Swap the answer's body for that of the one before. */
static int make_late(struct fault_memory *m, uint8_t *answer, int length)
{
	uint8_t now[CODEC_FRAME_MAX];
	int before = m->length;
	memcpy(now, answer, (size_t)length);
	if (before > 0) {
		memcpy(answer + UNIT, m->before + UNIT, (size_t)(before - UNIT));
		(void)set_length(answer, before);
	}
	memcpy(m->before, now, (size_t)length);
	m->length = length;
	return before > 0 ? before : length;
}

int fault_answer(const struct faults *f, struct fault_memory *m, uint8_t answer[CODEC_FRAME_MAX],
		 int length)
{
	m->answers++;
	if (f->on[FAULT_LATE_BY_ONE]) {
		length = make_late(m, answer, length);
	} else {
		memcpy(m->before, answer, (size_t)length);
		m->length = length;
	}
	answer[0] ^= f->on[FAULT_WRONG_TID] ? 0x55 : 0;
	answer[UNIT] = (uint8_t)(answer[UNIT] + f->on[FAULT_WRONG_UNIT]);
	answer[FUNCTION] ^= f->on[FAULT_WRONG_FUNCTION] ? 7 : 0;
	length = f->on[FAULT_SHORT] ? make_short(answer, length) : length;
	length = f->on[FAULT_OVERSIZE] ? make_oversize(answer, length) : length;
	return f->on[FAULT_GARBAGE] ? make_garbage(m, answer) : length;
}

void fault_bits(int permille, uint64_t seed, int64_t *count, uint8_t *bytes, int length)
{
	for (int i = 0; i < length; i++, ++*count) {
		if (chance_uniform(seed, STREAM_BITS, *count) * 1000 < permille) {
			bytes[i] ^= (uint8_t)(1 << chance_bits(seed, STREAM_WHICH, *count) % 8);
		}
	}
}
