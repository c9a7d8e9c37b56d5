/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sunspec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
	MARK_HIGH = 0x5375, /* "Su" */
	MARK_LOW = 0x6E53,  /* "nS" */
	HEAD_WORDS = 2,     /* ID and L */
	MODEL_COMMON = 1,
	MODEL_END = 0xFFFF,
	REGISTERS = 65536,
	EXCEPTION_ILLEGAL_LAST = 3, /* 1 to 3: there is no such thing */
	EXCEPTION_FAILURE = 4,      /* what some say instead */
	BASES = 3,
};

static const uint16_t bases[BASES] = { 40000, 0, 50000 };

static int read_words(const struct sunspec_reader *r, int address, int count, uint16_t *words)
{
	return address + count > REGISTERS ? -EPROTO : r->read(r->context, address, count, words);
}

static bool is_illegal(int r)
{
	return r > 0 && r <= EXCEPTION_ILLEGAL_LAST;
}

/* Find where "SunS" stands. */
static int find_base(const struct sunspec_reader *reader, unsigned turn, uint16_t *base)
{
	for (unsigned i = 0; i < BASES; i++) {
		uint16_t at = bases[(turn + i) % BASES];
		uint16_t mark[2] = { 0 };
		int r = read_words(reader, at, 2, mark);
		if (r < 0 || (r > 0 && !is_illegal(r) && r != EXCEPTION_FAILURE)) {
			return r;
		}
		if (r == 0 && mark[0] == MARK_HIGH && mark[1] == MARK_LOW) {
			*base = at;
			return 0;
		}
	}
	return -ENODEV;
}

/* Read a model's ID and L. Some devices have no L at the end: then ID is asked for alone. */
static int read_head(const struct sunspec_reader *reader, int address, uint16_t *head)
{
	int r = read_words(reader, address, HEAD_WORDS, head);
	if (is_illegal(r) || r == -EPROTO) {
		head[1] = 0;
		r = read_words(reader, address, 1, head);
		if (r == 0 && head[0] != MODEL_END) {
			return -EPROTO;
		}
	}
	return r;
}

/* Text of count registers; what is no printable character of ASCII becomes a question mark. */
static void copy_text(const uint16_t *words, int count, char *out)
{
	int length = 0;
	for (int i = 0; i < 2 * count; i++) {
		char c = (char)(words[i / 2] >> (i % 2 ? 0 : 8) & 0xFF);
		if (c == '\0') {
			break;
		}
		out[length++] = c >= ' ' && c <= '~' ? c : '?';
	}
	while (length > 0 && out[length - 1] == ' ') {
		length--;
	}
	out[length] = '\0';
}

/* Take the device's names from its common model, the first of the chain. */
static int read_common(const struct sunspec_reader *reader, struct sunspec *s)
{
	int count = 2 + HEAD_WORDS + s->found[0].length;
	int r = read_words(reader, s->base, count, s->common);
	if (r != 0) {
		return r;
	}
	const uint16_t *model = s->common + 2;
	if (model[0] != MODEL_COMMON || model[1] != s->found[0].length) {
		return -EPROTO; /* it changes under our eyes */
	}
	s->common_words = count;
	copy_text(model + 2, 16, s->manufacturer);
	copy_text(model + 18, 16, s->product);
	copy_text(model + 42, 8, s->version);
	copy_text(model + 50, 16, s->serial);
	return 0;
}

static void keep(struct sunspec *s, int address, const uint16_t *head)
{
	const struct sunspec_layout *layout = sunspec_layout(head[0]);
	bool known = layout && sunspec_length_fits(layout, head[1]);
	int *count = known ? &s->count : &s->others;
	if (*count < SUNSPEC_FOUND_MAX) {
		struct sunspec_found *f = known ? &s->found[*count] : &s->other[*count];
		*f = (struct sunspec_found){ .model = head[0],
					     .address = (uint16_t)address,
					     .length = head[1] };
		++*count;
	}
}

/* Go along the chain. An address only ever grows, so the walk ends. */
static int walk_models(const struct sunspec_reader *reader, struct sunspec *s)
{
	int address = s->base + 2;
	for (int step = 0; step < SUNSPEC_STEPS_MAX; step++) {
		uint16_t head[HEAD_WORDS] = { 0 };
		int r = read_head(reader, address, head);
		if (is_illegal(r) && s->count > 1) {
			return 0; /* the end was left out */
		}
		if (r != 0) {
			return is_illegal(r) ? -EPROTO : r;
		}
		if (head[0] == MODEL_END) {
			return s->count > 0 ? 0 : -EPROTO;
		}
		if (head[0] == 0 || address + HEAD_WORDS + head[1] > REGISTERS) {
			return -EPROTO;
		}
		keep(s, address, head);
		if (s->count == 0 || s->found[0].model != MODEL_COMMON) {
			return -EPROTO; /* the common model comes first */
		}
		address += HEAD_WORDS + head[1];
	}
	return -EPROTO;
}

int sunspec_walk(const struct sunspec_reader *reader, unsigned turn, struct sunspec *out)
{
	struct sunspec s = { 0 };
	int r = find_base(reader, turn, &s.base);
	if (r == 0) {
		r = walk_models(reader, &s);
	}
	if (r == 0) {
		r = read_common(reader, &s);
	}
	if (r == 0) {
		*out = s;
	}
	return r;
}

int sunspec_same(const struct sunspec *s, const struct sunspec_reader *reader)
{
	uint16_t now[SUNSPEC_COMMON_WORDS] = { 0 };
	int r = read_words(reader, s->base, s->common_words, now);
	if (r != 0) {
		return r < 0 ? r : -EIO;
	}
	return memcmp(now, s->common, sizeof(*now) * (size_t)s->common_words) == 0;
}

const struct sunspec_found *sunspec_find(const struct sunspec *s, int first, int last, int number)
{
	for (int i = 0; i < s->count; i++) {
		const struct sunspec_found *f = &s->found[i];
		if (f->model >= first && f->model <= last && number-- == 0) {
			return f;
		}
	}
	return NULL;
}

int sunspec_repeats(const struct sunspec_found *f)
{
	const struct sunspec_layout *layout = sunspec_layout(f->model);
	return layout && layout->repeat > 0 ? (f->length - layout->length) / layout->repeat : 0;
}
