/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a Modbus device: its blocks, and what is made of them. */
#include "drivers/modbus_private.h"

#include <errno.h>

#include "drivers/frame.h"

/* A block that was refused is read point by point for so many polls, then tried whole again. */
enum { SPLIT_POLLS = 60 };

int modbus_read(struct modbus_device *m, const struct block *block, uint16_t *words)
{
	m->client.unit = block->other_unit ? block->other_unit : m->unit;
	int r = bus_read(&m->client, block->table, block->address, block->count, words);
	m->client.unit = m->unit;
	return r;
}

/* "The device has no such register": not a failure that passes. */
static bool says_absent(int r)
{
	return r == EXCEPTION_FUNCTION || r == EXCEPTION_ADDRESS || r == EXCEPTION_VALUE;
}

/* Read the block's points one by one. Returns 0 if one was answered with data, an exception if none
 * was, -errno if the line failed. */
static int read_singly(struct modbus_device *m, int index)
{
	const struct block *b = &m->profile.block[index];
	int best = EXCEPTION_ADDRESS;
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity quantity;
		const struct point *p = profile_part(&m->profile, i, &quantity);
		uint16_t words[FRAME_REGISTERS_MAX];
		if (!p || p->block != index) {
			continue;
		}
		struct block span = profile_span(p);
		int r = modbus_read(m, &span, words);
		if (r < 0) {
			return r;
		}
		if (r == 0 || says_absent(r)) {
			answers_take(&m->answers, index, span.address - b->address, span.count,
				     r == 0 ? words : NULL, bus_now_us(&m->client));
		}
		if (r > 0) {
			modbus_note(m, r, "%s", quantity_name(quantity));
		}
		best = r == 0 ? 0 : best;
	}
	return best;
}

static int read_block(struct modbus_device *m, int index)
{
	const struct block *b = &m->profile.block[index];
	uint16_t words[FRAME_REGISTERS_MAX];
	if (m->split_polls[index] > 0) {
		m->split_polls[index]--;
		return read_singly(m, index);
	}
	int r = modbus_read(m, b, words);
	if (r == EXCEPTION_ADDRESS || r == EXCEPTION_VALUE) {
		m->split_polls[index] = SPLIT_POLLS;
		return read_singly(m, index);
	}
	if (r == 0 || says_absent(r)) {
		answers_take(&m->answers, index, 0, b->count, r == 0 ? words : NULL,
			     bus_now_us(&m->client));
	}
	if (r > 0) {
		modbus_note(m, r, "register %u", b->address);
	}
	return r;
}

/* Make readings of what was answered; the others only age. */
static void decode_all(struct modbus_device *m)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		struct reading *reading = &m->own.reading[q];
		enum quality quality = profile_decode(&m->profile, (enum quantity)q, &m->answers,
						      &reading->value, &reading->at_us);
		if (quality != QUALITY_NEVER_SEEN) {
			reading->quality = quality;
		}
	}
}

void modbus_read_all(struct modbus_device *m)
{
	bool data = false;
	m->own.up = true;
	answers_clear(&m->answers);
	for (int i = 0; i < m->profile.blocks && m->own.up; i++) {
		int r = read_block(m, i);
		data = data || r == 0;
		if (r < 0) {
			modbus_note(m, r, "reading");
			m->own.up = false;
		}
	}
	decode_all(m);
	if (m->own.up && data) {
		m->own.answered_us = bus_now_us(&m->client);
	}
}
