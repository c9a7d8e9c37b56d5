/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sunspec_point.h"

#include <errno.h>
#include <math.h>

static const struct {
	enum point_type type;
	bool counter;
} types[] = {
	[SUNSPEC_S16] = { POINT_S16, false },    [SUNSPEC_U16] = { POINT_U16, false },
	[SUNSPEC_S32] = { POINT_S32, false },    [SUNSPEC_U32] = { POINT_U32, false },
	[SUNSPEC_U64] = { POINT_U64, false },    [SUNSPEC_ACC32] = { POINT_U32, true },
	[SUNSPEC_ACC64] = { POINT_U64, true },   [SUNSPEC_F32] = { POINT_F32, false },
	[SUNSPEC_ENUM16] = { POINT_U16, false }, [SUNSPEC_BITS16] = { POINT_U16, false },
	[SUNSPEC_BITS32] = { POINT_U32, false }, [SUNSPEC_STRING] = { POINT_ABSENT, false },
	[SUNSPEC_FACTOR] = { POINT_S16, false },
};

int sunspec_make_point(const struct sunspec_found *f, const char *name, int index,
		       struct point *out)
{
	const struct sunspec_point *p = sunspec_point(f->model, name);
	const struct sunspec_layout *layout = sunspec_layout(f->model);
	if (!p || !layout || types[p->type].type == POINT_ABSENT) {
		return -ENOENT;
	}
	int offset = p->offset + index * layout->repeat;
	if (offset + p->words > f->length + 2) {
		return -ENOENT;
	}
	*out = (struct point){
		.type = types[p->type].type,
		.counter = types[p->type].counter,
		.table = TABLE_HOLDING,
		.address = (uint16_t)(f->address + offset),
		.scale = 1,
		.min = -HUGE_VAL,
		.max = HUGE_VAL,
		.factored = p->factor > 0,
		.factor_address = (uint16_t)(f->address + p->factor),
	};
	return 0;
}

int sunspec_fix_factor(const struct sunspec_reader *reader, struct point *p)
{
	uint16_t factor;
	struct point scaled;
	if (!p->factored) {
		return 0;
	}
	int r = reader->read(reader->context, p->factor_address, 1, &factor);
	if (r == 0 && point_rescale(p, factor, &scaled) < 0) {
		r = -ENODATA;
	}
	if (r == 0) {
		*p = scaled;
	}
	return r;
}

int sunspec_read_value(const struct sunspec_reader *reader, const struct sunspec_found *f,
		       const char *name, int index, double *value)
{
	uint16_t words[POINT_WORDS_MAX];
	struct point p;
	int r = sunspec_make_point(f, name, index, &p);
	if (r == 0) {
		r = sunspec_fix_factor(reader, &p);
	}
	if (r == 0) {
		r = reader->read(reader->context, p.address, point_words(p.type), words);
	}
	if (r == 0 && point_decode(&p, words, value) != QUALITY_GOOD) {
		r = -ENODATA;
	}
	return r;
}
