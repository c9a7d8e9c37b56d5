/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any registers by any point: a value that is told lies within the point's range, and what can be
 * written reads back. */
#include <math.h>

#include "fuzz.h"

static double take_double(struct bytes *b)
{
	double value;
	take(b, &value, sizeof(value));
	return value;
}

/* Of a point, what profile_load lets through: ranges are in order, a scale is a number. */
static bool take_point(struct bytes *b, struct point *p)
{
	int flags = take_below(b, 256);
	*p = (struct point){ .table = TABLE_HOLDING,
			     .order = flags & 1 ? WORDS_LOW_FIRST : WORDS_HIGH_FIRST,
			     .counter = flags & 2,
			     .factored = flags & 4 };
	p->type = (enum point_type)(1 + take_below(b, POINT_TYPE_COUNT - 1));
	p->address = (uint16_t)take_below(b, 60);
	p->factor_address = (uint16_t)take_below(b, 60);
	p->scale = take_double(b);
	p->offset = take_double(b);
	p->min = take_double(b);
	p->max = take_double(b);
	return isfinite(p->scale) && p->scale != 0 && isfinite(p->offset) && p->min <= p->max;
}

static void check_point(const struct point *p, const uint16_t *words, double want)
{
	double value = -1.5, back = -1.5, half = fabs(p->scale) / 2;
	uint16_t written[POINT_WORDS_MAX];
	enum quality quality = point_decode(p, words, &value);
	double slack = (p->type >= POINT_F32 ? fabs(value) * 1e-6 : half) * 1.001;
	assert(quality == QUALITY_GOOD
		       ? isfinite(value) && value >= p->min - slack && value <= p->max + slack
		       : value == -1.5);
	if (point_encode(p, want, written) == 0) {
		assert(want >= p->min && want <= p->max);
		assert(point_decode(p, written, &back) == QUALITY_GOOD);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	struct profile p = { .terms = 1, .term[0].quantity = GRID_W };
	struct point rescaled;
	static struct answers answers;
	uint16_t words[128];
	int64_t at_us = 0;
	double value = -1.5, want = take_double(&b);
	if (!take_point(&b, &p.reading[GRID_W]) || !take_point(&b, &p.term[0].point)) {
		return 0;
	}
	take(&b, words, sizeof(words));
	check_point(&p.reading[GRID_W], words, want);
	if (point_rescale(&p.reading[GRID_W], words[0], &rescaled) == 0 &&
	    isfinite(rescaled.scale) && rescaled.scale != 0) {
		check_point(&rescaled, words + 1, want);
	}
	p.blocks = 1;
	p.block[0] = (struct block){ .table = TABLE_HOLDING, .count = BLOCK_WORDS_MAX };
	answers_clear(&answers, p.blocks);
	answers_take(&answers, 0, 0, BLOCK_WORDS_MAX, words, 1);
	enum quality quality = profile_decode(&p, GRID_W, &answers, &value, &at_us);
	assert(quality == QUALITY_GOOD || value == -1.5);
	return 0;
}
