/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/point.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static const struct {
	int words;
	bool is_signed;
	bool is_float;
	int sentinels;
	uint64_t sentinel[2]; /* of a float: besides every NaN */
} types[] = {
	[POINT_ABSENT] = { 0 },
	[POINT_U16] = { 1, false, false, 1, { 0xFFFF } },
	[POINT_S16] = { 1, true, false, 2, { 0x8000, 0x7FFF } },
	[POINT_U32] = { 2, false, false, 1, { 0xFFFFFFFF } },
	[POINT_S32] = { 2, true, false, 2, { 0x80000000, 0x7FFFFFFF } },
	[POINT_U64] = { 4, false, false, 1, { UINT64_MAX } },
	[POINT_S64] = { 4, true, false, 2, { UINT64_C(1) << 63, INT64_MAX } },
	[POINT_F32] = { 2, true, true, 2, { 0x7FC00000, 0xFF7FFFFF } },
	[POINT_F64] = { 4, true, true, 2, { 0x7FF8000000000000, 0xFFEFFFFFFFFFFFFF } },
};
static_assert(sizeof(types) / sizeof(*types) == POINT_TYPE_COUNT, "describe each type");

int point_words(enum point_type type)
{
	return (unsigned)type < POINT_TYPE_COUNT ? types[type].words : 0;
}

static uint64_t join_words(const struct point *p, const uint16_t *words)
{
	int count = types[p->type].words;
	uint64_t bits = 0;
	for (int i = 0; i < count; i++) {
		bits = bits << 16 | words[p->order == WORDS_HIGH_FIRST ? i : count - 1 - i];
	}
	return bits;
}

static void split_words(const struct point *p, uint64_t bits, uint16_t *words)
{
	int count = types[p->type].words;
	for (int i = 0; i < count; i++) {
		words[p->order == WORDS_HIGH_FIRST ? count - 1 - i : i] =
			(uint16_t)(bits >> 16 * i);
	}
}

static double float_of_bits(enum point_type type, uint64_t bits)
{
	if (type == POINT_F64) {
		double value;
		memcpy(&value, &bits, sizeof(value));
		return value;
	}
	uint32_t low = (uint32_t)bits;
	float value;
	memcpy(&value, &low, sizeof(value));
	return (double)value;
}

static uint64_t bits_of_float(enum point_type type, double raw)
{
	uint64_t bits = 0;
	if (type == POINT_F64) {
		memcpy(&bits, &raw, sizeof(raw));
		return bits;
	}
	float narrow = (float)raw;
	uint32_t low;
	memcpy(&low, &narrow, sizeof(low));
	return low;
}

static double integer_of_bits(enum point_type type, uint64_t bits)
{
	if (!types[type].is_signed) {
		return (double)bits;
	}
	int unused = 64 - 16 * types[type].words;
	return (double)((int64_t)(bits << unused) >> unused);
}

static bool is_one_of(uint64_t bits, const uint64_t *list, int count)
{
	for (int i = 0; i < count; i++) {
		if (bits == list[i]) {
			return true;
		}
	}
	return false;
}

static bool is_sentinel(const struct point *p, uint64_t bits)
{
	return is_one_of(bits, types[p->type].sentinel, types[p->type].sentinels) ||
	       is_one_of(bits, p->sentinel, p->sentinels) || (p->counter && bits == 0) ||
	       (types[p->type].is_float && isnan(float_of_bits(p->type, bits)));
}

/* How far rounding alone may carry a value beyond min or max. */
static double slack(const struct point *p, double value)
{
	return types[p->type].is_float ? fabs(value) * 1e-6 : fabs(p->scale) / 2;
}

bool point_plausible(const struct point *p, double value)
{
	return isfinite(value) && value >= p->min - slack(p, value) &&
	       value <= p->max + slack(p, value);
}

enum quality point_value(const struct point *p, const uint16_t *words, double *value)
{
	uint64_t bits = join_words(p, words);
	if (is_sentinel(p, bits)) {
		return QUALITY_NOT_IMPLEMENTED;
	}
	double raw = types[p->type].is_float ? float_of_bits(p->type, bits)
					     : integer_of_bits(p->type, bits);
	*value = raw * p->scale + p->offset;
	return QUALITY_GOOD;
}

enum quality point_decode(const struct point *p, const uint16_t *words, double *value)
{
	double v = 0;
	enum quality quality = point_value(p, words, &v);
	if (quality == QUALITY_GOOD && !point_plausible(p, v)) {
		return QUALITY_OUT_OF_RANGE;
	}
	if (quality == QUALITY_GOOD) {
		*value = v;
	}
	return quality;
}

bool point_commands(const struct point *p, double value)
{
	return !(p->has_off && value == p->off) &&
	       (value == p->on || value == p->charge || value == p->discharge);
}

int point_rescale(const struct point *p, uint16_t factor, struct point *out)
{
	static const double powers[] = { 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4,
					 1e-3,  1e-2, 1e-1, 1,    1e1,  1e2,  1e3,
					 1e4,   1e5,  1e6,  1e7,  1e8,  1e9,  1e10 };
	int power = (int16_t)factor;
	if (power < -10 || power > 10) {
		return -ERANGE;
	}
	*out = *p;
	out->scale *= powers[power + 10];
	out->factored = false;
	return 0;
}

/* The bits of a raw number, if the type has them. */
static int encode_bits(enum point_type type, double raw, uint64_t *bits)
{
	if (types[type].is_float) {
		*bits = bits_of_float(type, raw);
		return 0;
	}
	int width = 16 * types[type].words - (types[type].is_signed ? 1 : 0);
	double limit = ldexp(1, width); /* first that does not fit */
	double rounded = rint(raw);
	if (rounded >= limit || rounded < (types[type].is_signed ? -limit : 0)) {
		return -ERANGE;
	}
	*bits = rounded < 0 ? (uint64_t)(int64_t)rounded : (uint64_t)rounded;
	*bits &= UINT64_MAX >> (64 - 16 * types[type].words);
	return 0;
}

int point_encode(const struct point *p, double value, uint16_t *words)
{
	uint64_t bits;
	uint16_t trial[POINT_WORDS_MAX];
	double back;
	if (p->of_rating || !isfinite(value) || value < p->min || value > p->max ||
	    encode_bits(p->type, (value - p->offset) / p->scale, &bits) < 0) {
		return -ERANGE;
	}
	split_words(p, bits, trial);
	if (point_decode(p, trial, &back) != QUALITY_GOOD) {
		return -ERANGE;
	}
	memcpy(words, trial, sizeof(*words) * (size_t)types[p->type].words);
	return 0;
}

void point_encode_absent(const struct point *p, uint16_t *words)
{
	split_words(p, types[p->type].sentinel[0], words);
}
