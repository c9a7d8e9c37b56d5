/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registers of a SunSpec device, put together by a test from the table of models. */
#ifndef LECD_SUNSPEC_IMAGE_H
#define LECD_SUNSPEC_IMAGE_H

#include <string.h>

#include "test.h"

#include "drivers/sunspec_models.h"

enum { IMAGE_REGISTERS = 65536 };

struct image {
	bool strict; /* a request that touches what is not there gets exception 2 */
	uint16_t word[IMAGE_REGISTERS];
	bool there[IMAGE_REGISTERS];
	int end; /* where the next model goes */
	int reads;
	int fail_at, fail_with; /* this read (from 1) returns that */
};

static inline void image_put(struct image *m, int address, int word)
{
	m->word[address] = (uint16_t)word;
	m->there[address] = true;
}

static inline void image_text(struct image *m, int address, int words, const char *text)
{
	size_t length = strlen(text);
	for (int i = 0; i < words; i++) {
		size_t at = 2 * (size_t)i;
		int high = at < length ? (unsigned char)text[at] : 0;
		int low = at + 1 < length ? (unsigned char)text[at + 1] : 0;
		image_put(m, address + i, high << 8 | low);
	}
}

/* Put a model at the end, all of its points not implemented; returns its address. */
static inline int image_model(struct image *m, int model, int length)
{
	int address = m->end;
	image_put(m, address, model);
	image_put(m, address + 1, length);
	for (int i = 0; i < length; i++) {
		image_put(m, address + 2 + i, 0xFFFF);
	}
	m->end = address + 2 + length;
	return address;
}

/* The address of a point in a model; of a repeating group's in its index-th. */
static inline int image_at(const struct image *m, int address, const char *name, int index)
{
	const struct sunspec_point *p = sunspec_point(m->word[address], name);
	assert_non_null(p);
	return address + p->offset + index * sunspec_layout(m->word[address])->repeat;
}

static inline void image_set(struct image *m, int address, const char *name, int index,
			     int64_t value)
{
	const struct sunspec_point *p = sunspec_point(m->word[address], name);
	int at = image_at(m, address, name, index);
	for (int i = 0; i < p->words; i++) {
		image_put(m, at + i, (int)((uint64_t)value >> 16 * (p->words - 1 - i) & 0xFFFF));
	}
}

static inline void image_set_float(struct image *m, int address, const char *name, float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	image_set(m, address, name, 0, bits);
}

static inline void image_begin(struct image *m, int base, const char *manufacturer)
{
	memset(m, 0, sizeof(*m));
	m->strict = true;
	m->end = base;
	image_text(m, base, 2, "SunS");
	m->end += 2;
	int common = image_model(m, 1, 66);
	image_text(m, common + 2, 16, manufacturer);
	image_text(m, common + 18, 16, "Model 7");
	image_text(m, common + 34, 8, "");
	image_text(m, common + 42, 8, "1.2.3");
	image_text(m, common + 50, 16, "S/N 0815");
}

static inline void image_end(struct image *m)
{
	image_put(m, m->end, 0xFFFF);
	image_put(m, m->end + 1, 0);
}

static inline int image_read(void *context, int address, int count, uint16_t *words)
{
	struct image *m = context;
	assert_true(address >= 0 && count >= 1 && count <= 125 &&
		    address + count <= IMAGE_REGISTERS);
	if (++m->reads == m->fail_at) {
		return m->fail_with;
	}
	for (int i = 0; i < count; i++) {
		if (m->strict && !m->there[address + i]) {
			return 2;
		}
		words[i] = m->word[address + i];
	}
	return 0;
}

#endif
