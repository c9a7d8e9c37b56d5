/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing to a Modbus device: what is needed of it, in whole groups, and nothing that is denied. */
#include "drivers/modbus_private.h"

#include <errno.h>
#include <string.h>

int modbus_write(struct modbus_device *m, const struct request *request)
{
	if (!profile_may_write(&m->profile, request->other_unit, request->address,
			       request->count)) {
		return -EPERM;
	}
	m->client.unit = request->other_unit ? request->other_unit : m->unit;
	int r = bus_write(&m->client, request->function, request->address, request->count,
			  request->words);
	m->client.unit = m->unit;
	return r;
}

struct block modbus_block_of(const struct request *r)
{
	return (struct block){ .other_unit = r->other_unit,
			       .table = TABLE_HOLDING,
			       .address = (uint16_t)r->address,
			       .count = (uint16_t)r->count };
}

uint16_t *modbus_words_of(const struct modbus_device *m, int control, const struct request *r,
			  uint16_t *words)
{
	return words + (m->profile.control[control].address - r->address);
}

size_t modbus_bytes_of(const struct point *p)
{
	return sizeof(uint16_t) * (size_t)point_words(p->type);
}

/* Whether a control point is only written where it does not hold its value already. */
static bool is_kept(const struct point *p, int control)
{
	return p->flash || (control >= CONTROL_PRESET_1 && control < CONTROL_COPY_1);
}

bool modbus_was_written(const struct modbus_device *m, int control, const struct request *r)
{
	const struct point *p = &m->profile.control[control];
	const struct kept *k = &m->kept[control];
	return p->flash && k->known &&
	       memcmp(k->words, r->words + (p->address - r->address), modbus_bytes_of(p)) == 0;
}

/* Whether a request is of presets only, that the last poll showed to hold what it has for them. */
static bool was_seen(struct modbus_device *m, struct request *r)
{
	bool all = m->sure;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *p = &m->profile.control[c];
		const struct kept *k = &m->kept[c];
		bool preset = c >= CONTROL_PRESET_1 && c < CONTROL_COPY_1;
		all = all && (!r->holds[c] || (preset && !p->flash && k->known &&
					       memcmp(k->words, modbus_words_of(m, c, r, r->words),
						      modbus_bytes_of(p)) == 0));
	}
	return all;
}

/* Whether all that a request would write is there already: read, unless the last poll did, or,
 * where that cannot be, known of what is in flash. Returns 1, 0, or -errno. */
static int holds_already(struct modbus_device *m, struct request *r)
{
	uint16_t have[GROUP_WORDS_MAX];
	const struct block block = modbus_block_of(r);
	bool kept = true, readable = true, written = true;
	if (was_seen(m, r)) {
		return 1;
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (r->holds[c]) {
			kept = kept && is_kept(&m->profile.control[c], c);
			readable = readable && m->profile.control[c].readback;
			written = written && modbus_was_written(m, c, r);
		}
	}
	if (!kept || !readable) {
		return kept && written;
	}
	int result = modbus_read(m, &block, have);
	if (result != 0) {
		modbus_note(m, result, "reading register %d", r->address);
		return result < 0 ? result : -EIO;
	}
	return memcmp(have, r->words, sizeof(*have) * (size_t)r->count) == 0;
}

static void keep(struct modbus_device *m, struct request *r, bool written)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct kept *k = &m->kept[c];
		if (r->holds[c]) {
			const uint16_t *words = modbus_words_of(m, c, r, r->words);
			k->known = true;
			memcpy(k->words, words, modbus_bytes_of(&m->profile.control[c]));
			k->written_us = written ? bus_now_us(&m->client) : k->written_us;
		}
	}
}

/* Write a control point and what goes with it, if that is needed. Returns as bus_write. */
static int write_control(struct modbus_device *m, enum control control, const struct orders *o,
			 struct request *r)
{
	int result = orders_request(&m->profile, o, control, r);
	int held = result == 0 ? holds_already(m, r) : 0;
	if (held < 0) {
		return held;
	}
	if (result == 0 && !held) {
		modbus_count_flash(m, r);
		result = modbus_write(m, r);
	}
	if (result == 0) {
		keep(m, r, !held);
	} else {
		modbus_note(m, result, "writing %s", control_name(control));
	}
	return result;
}

int modbus_write_orders(struct modbus_device *m, const struct orders *o, const struct run *run,
			int runs)
{
	bool done[CONTROL_COUNT] = { false };
	for (int i = 0; i < runs; i++) {
		for (int c = (int)run[i].first; c <= (int)run[i].last; c++) {
			struct request r;
			if (!o->on[c] || done[c]) {
				continue;
			}
			int result = write_control(m, (enum control)c, o, &r);
			if (result != 0) {
				return result;
			}
			for (int other = 0; other < CONTROL_COUNT; other++) {
				done[other] = done[other] || r.holds[other];
			}
		}
	}
	return 0;
}
