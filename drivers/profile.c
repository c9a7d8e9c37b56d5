/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile.h"

#include <assert.h>

static const char *const control_names[] = {
	[CONTROL_REVERT_S] = "revert_s",
	[CONTROL_BATTERY_SETPOINT_W] = "battery_setpoint_w",
	[CONTROL_PV_LIMIT_W] = "pv_limit_w",
	[CONTROL_ENABLE] = "control_enable",
};
static_assert(sizeof(control_names) / sizeof(*control_names) == CONTROL_COUNT, "name each control");

const char *control_name(enum control control)
{
	return (unsigned)control < CONTROL_COUNT ? control_names[control] : "?";
}
static enum quality decode(const struct point *p, const uint16_t *words, uint16_t address,
			   double *value)
{
	struct point scaled = *p;
	if (p->factored && point_rescale(p, words[p->factor_address - address], &scaled) < 0) {
		return QUALITY_NOT_IMPLEMENTED;
	}
	return point_decode(&scaled, words + (p->address - address), value);
}

/* Whether the device says that its PV is at rest. */
static bool is_asleep(const struct profile *p, const uint16_t *words, uint16_t address)
{
	double state;
	return p->sleep.type != POINT_ABSENT &&
	       decode(&p->sleep, words, address, &state) == QUALITY_GOOD &&
	       (state == p->sleep.off || state == p->sleep.on);
}

enum quality profile_decode(const struct profile *p, enum quantity quantity, const uint16_t *words,
			    uint16_t address, double *value)
{
	double sum = 0;
	enum quality quality = decode(&p->reading[quantity], words, address, &sum);
	for (int i = 0; i < p->terms && quality != QUALITY_OUT_OF_RANGE; i++) {
		double more = 0;
		if (p->term[i].quantity != quantity) {
			continue;
		}
		enum quality q = decode(&p->term[i].point, words, address, &more);
		quality = q == QUALITY_NOT_IMPLEMENTED ? quality : q;
		sum += more;
	}
	if (quality == QUALITY_NOT_IMPLEMENTED && quantity == PV_W &&
	    is_asleep(p, words, address)) {
		quality = QUALITY_GOOD;
		sum = 0;
	}
	if (quality == QUALITY_GOOD) {
		*value = sum;
	}
	return quality;
}

static void widen(struct block *b, int first, int words)
{
	int end = b->address + b->count;
	if (first < b->address) {
		b->address = (uint16_t)first;
	}
	b->count = (uint16_t)((first + words > end ? first + words : end) - b->address);
}

static void widen_by_point(struct block *b, const struct point *p)
{
	widen(b, p->address, point_words(p->type));
	if (p->factored) {
		widen(b, p->factor_address, 1);
	}
}

struct block profile_span(const struct profile *p, enum quantity quantity)
{
	const struct point *own = &p->reading[quantity];
	struct block b = { .table = own->table, .address = own->address };
	widen_by_point(&b, own);
	if (quantity == PV_W && p->sleep.type != POINT_ABSENT) {
		widen_by_point(&b, &p->sleep);
	}
	for (int i = 0; i < p->terms; i++) {
		if (p->term[i].quantity == quantity) {
			widen_by_point(&b, &p->term[i].point);
		}
	}
	return b;
}
