/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random Modbus requests, and the right answer to any of them. */
#ifndef LECD_ANSWERS_H
#define LECD_ANSWERS_H

#include <string.h>

#include "test.h"

#include "drivers/frame.h"

/* The right answer to f, registers filled with random words. Returns its length. */
static inline int answer_well(const struct frame *f, uint64_t *seed, uint8_t *out)
{
	int body = f->count ? 1 + 2 * f->count : 4;
	int length = FRAME_HEADER + 1 + body;
	memcpy(out, f->bytes, FRAME_HEADER + 1);
	out[5] = (uint8_t)(length - 6);
	out[4] = (uint8_t)((length - 6) >> 8);
	if (f->count == 0) {
		memcpy(out + FRAME_HEADER + 1, f->bytes + FRAME_HEADER + 1, 4);
		return length;
	}
	out[FRAME_HEADER + 1] = (uint8_t)(2 * f->count);
	for (int i = 0; i < 2 * f->count; i++) {
		out[FRAME_HEADER + 2 + i] = (uint8_t)random_next(seed);
	}
	return length;
}

static inline struct frame random_request(uint64_t *seed)
{
	uint16_t words[POINT_WORDS_MAX] = { (uint16_t)random_next(seed), 2, 3, 4 };
	uint16_t id = (uint16_t)random_next(seed);
	int unit = (int)(random_next(seed) % 256), address = (int)(random_next(seed) % 65536);
	switch (random_next(seed) % 4) {
	case 0:
		return frame_write(id, unit, 6, address, 1, words);
	case 1:
		return frame_write(id, unit, 16, address, 1 + (int)(random_next(seed) % 4), words);
	default:
		return frame_read(id, unit, random_next(seed) % 2 ? TABLE_INPUT : TABLE_HOLDING,
				  address, 1 + (int)(random_next(seed) % FRAME_REGISTERS_MAX));
	}
}

/* Put the checksum behind size bytes. Returns their new number. */
static inline int seal_rtu(uint8_t *bytes, int size)
{
	uint16_t crc = frame_crc(bytes, size);
	bytes[size] = (uint8_t)crc;
	bytes[size + 1] = (uint8_t)(crc >> 8);
	return size + 2;
}

#endif
