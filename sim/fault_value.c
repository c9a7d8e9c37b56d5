/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/fault_value.h"

#include <stddef.h>

static bool is_power(enum quantity q)
{
	return q == GRID_W || q == PV_W || q == BATTERY_W;
}

double fault_value(struct faults *f, enum quantity q, double value)
{
	bool soc = q == BATTERY_SOC;
	if (f->on[FAULT_FROZEN] || (soc && f->on[FAULT_FROZEN_SOC])) {
		value = f->frozen[q];
	}
	if (soc && f->on[FAULT_SOC_STEP]) {
		value = f->value[FAULT_SOC_STEP] / 100.0;
	}
	if (f->on[FAULT_INVERTED] && is_power(q)) {
		value = -value;
	}
	if (f->on[FAULT_SCALE_JUMP] && f->jumps[q] > 0) {
		f->jumps[q]--;
		value *= 10;
	}
	return value;
}

/* The high register and those behind it; of a float only where it is one. */
static const struct {
	bool is_float;
	uint16_t high, low;
} patterns[SENTINEL_COUNT] = {
	[SENTINEL_8000] = { false, 0x8000, 0 },       [SENTINEL_7FFF] = { false, 0x7FFF, 0xFFFF },
	[SENTINEL_FFFF] = { false, 0xFFFF, 0xFFFF },  [SENTINEL_NAN] = { true, 0x7FC0, 0 },
	[SENTINEL_FLTMAX] = { true, 0xFF7F, 0xFFFF },
};

void fault_encode_absent(const struct faults *f, const struct point *p, uint16_t *words)
{
	int which = f->on[FAULT_SENTINEL] ? f->value[FAULT_SENTINEL] : SENTINEL_OWN;
	if (which == SENTINEL_OWN || which == SENTINEL_SF ||
	    (patterns[which].is_float && p->type != POINT_F32)) {
		point_encode_absent(p, words);
		return;
	}
	int count = point_words(p->type);
	for (int i = 0; i < count; i++) {
		bool high = i == (p->order == WORDS_HIGH_FIRST ? 0 : count - 1);
		words[i] = high ? patterns[which].high : patterns[which].low;
	}
}
