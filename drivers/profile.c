/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* --- names --------------------------------------------------------------------------------------
 */

static const char *const control_names[] = {
	[CONTROL_REVERT_S] = "revert_s",
	[CONTROL_BATTERY_SETPOINT_W] = "battery_setpoint_w",
	[CONTROL_BATTERY_CHARGE_SETPOINT_W] = "battery_charge_setpoint_w",
	[CONTROL_BATTERY_DISCHARGE_SETPOINT_W] = "battery_discharge_setpoint_w",
	[CONTROL_PV_LIMIT_W] = "pv_limit_w",
	[CONTROL_ENABLE] = "control_enable",
	[CONTROL_HEARTBEAT] = "heartbeat",
	[CONTROL_PRESET_1] = "preset_1",
	"preset_2",
	"preset_3",
	"preset_4",
	"preset_5",
	"preset_6",
	"preset_7",
	"preset_8",
	[CONTROL_COPY_1] = "copy_1",
	"copy_2",
	"copy_3",
	"copy_4",
};
static_assert(sizeof(control_names) / sizeof(*control_names) == CONTROL_COUNT, "name each control");

const char *control_name(enum control control)
{
	return (unsigned)control < CONTROL_COUNT ? control_names[control] : "?";
}

int control_by_name(const char *name)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (strcmp(name, control_names[c]) == 0) {
			return c;
		}
	}
	return -1;
}

char liveness_letter(enum liveness liveness)
{
	static const char letters[] = {
		[LIVENESS_NONE] = '-',    [LIVENESS_TIMER] = 'A',     [LIVENESS_FIXED] = 'B',
		[LIVENESS_LATCHED] = 'C', [LIVENESS_HEARTBEAT] = 'D',
	};
	return (unsigned)liveness < sizeof(letters) ? letters[liveness] : '-';
}

/* --- what is read -------------------------------------------------------------------------------
 */

const struct point *profile_part(const struct profile *p, int i, enum quantity *quantity)
{
	const struct point *point = &p->sleep;
	*quantity = PV_W;
	if (i < QUANTITY_COUNT) {
		*quantity = (enum quantity)i;
		point = &p->reading[i];
	} else if (i < QUANTITY_COUNT + p->terms) {
		*quantity = p->term[i - QUANTITY_COUNT].quantity;
		point = &p->term[i - QUANTITY_COUNT].point;
	} else if (i < PROFILE_PARTS - 1) {
		return NULL;
	}
	return point->type == POINT_ABSENT ? NULL : point;
}

struct block profile_span(const struct point *p)
{
	int first = p->address, end = p->address + point_words(p->type);
	if (p->factored && p->factor_address < first) {
		first = p->factor_address;
	}
	if (p->factored && p->factor_address >= end) {
		end = p->factor_address + 1;
	}
	return (struct block){ .other_unit = p->other_unit,
			       .table = p->table,
			       .address = (uint16_t)first,
			       .count = (uint16_t)(end - first) };
}

/* What has been made of a quantity so far. */
struct sum {
	double value;
	bool any;    /* a part has a value */
	bool absent; /* one that is not optional has none */
	bool missed; /* one was not answered */
	int64_t at_us;
};

/* A part's value. */
static enum quality decode_part(const struct profile *p, const struct point *point,
				const struct answers *answers, double *value)
{
	const uint16_t *words = answers->block[point->block].words;
	const uint8_t *answer = answers->block[point->block].answer;
	int first = p->block[point->block].address;
	struct point scaled;
	if (answer[point->address - first] != ANSWER_DATA) {
		return answer[point->address - first] == ANSWER_ABSENT ? QUALITY_NOT_IMPLEMENTED
								       : QUALITY_NEVER_SEEN;
	}
	if (!point->factored) {
		return point_value(point, words + (point->address - first), value);
	}
	if (answer[point->factor_address - first] != ANSWER_DATA ||
	    point_rescale(point, words[point->factor_address - first], &scaled) < 0) {
		return QUALITY_NOT_IMPLEMENTED;
	}
	return point_value(&scaled, words + (point->address - first), value);
}

static void add_part(const struct profile *p, const struct point *point, bool multiplies,
		     const struct answers *answers, struct sum *sum)
{
	double value = 0;
	enum quality quality = decode_part(p, point, answers, &value);
	int64_t at_us = answers->block[point->block].at_us;
	sum->missed = sum->missed || quality == QUALITY_NEVER_SEEN;
	sum->at_us = at_us < sum->at_us ? at_us : sum->at_us;
	if (quality != QUALITY_GOOD) {
		sum->absent = sum->absent || !point->optional;
		return;
	}
	sum->value = multiplies ? sum->value * value : sum->value + value;
	sum->any = true;
}

/* Whether the device says that its PV is at rest. */
static bool is_asleep(const struct profile *p, const struct answers *answers)
{
	double state;
	return p->sleep.type != POINT_ABSENT &&
	       decode_part(p, &p->sleep, answers, &state) == QUALITY_GOOD &&
	       (state == p->sleep.off || state == p->sleep.on);
}

/* The factors first: terms are added to the product. */
static void add_terms(const struct profile *p, enum quantity quantity, bool multiplies,
		      const struct answers *answers, struct sum *sum)
{
	for (int i = 0; i < p->terms; i++) {
		const struct term *t = &p->term[i];
		if (t->quantity == quantity && t->multiplies == multiplies) {
			add_part(p, &t->point, multiplies, answers, sum);
		}
	}
}

enum quality profile_decode(const struct profile *p, enum quantity quantity,
			    const struct answers *answers, double *value, int64_t *at_us)
{
	const struct point *own = &p->reading[quantity];
	struct sum sum = { .at_us = INT64_MAX };
	if (own->type == POINT_ABSENT) {
		return QUALITY_NEVER_SEEN;
	}
	add_part(p, own, false, answers, &sum);
	add_terms(p, quantity, true, answers, &sum);
	add_terms(p, quantity, false, answers, &sum);
	if (sum.missed) {
		return QUALITY_NEVER_SEEN;
	}
	*at_us = sum.at_us;
	if (sum.absent || !sum.any) {
		if (quantity != PV_W || !is_asleep(p, answers)) {
			return QUALITY_NOT_IMPLEMENTED;
		}
		sum.value = 0;
	}
	if (!point_plausible(own, sum.value)) {
		return QUALITY_OUT_OF_RANGE;
	}
	*value = sum.value;
	return QUALITY_GOOD;
}

/* --- what is written ----------------------------------------------------------------------------
 */

/* Which control points are set-points, by kind of device; the first that is there counts. */
static const enum control setpoints[] = { CONTROL_BATTERY_SETPOINT_W,
					  CONTROL_BATTERY_CHARGE_SETPOINT_W, CONTROL_PV_LIMIT_W };

bool profile_controls(const struct profile *p)
{
	for (size_t i = 0; i < sizeof(setpoints) / sizeof(*setpoints); i++) {
		if (p->control[setpoints[i]].type != POINT_ABSENT) {
			return true;
		}
	}
	return false;
}

/* Charging and discharging of a battery that has a register for each. */
static struct point join(const struct point *charge, const struct point *discharge)
{
	struct point both = *charge;
	both.min = -charge->max;
	both.max = discharge->max;
	both.step = fmin(charge->step, discharge->step);
	both.flash = charge->flash || discharge->flash;
	if (discharge->write_interval_us > both.write_interval_us) {
		both.write_interval_us = discharge->write_interval_us;
	}
	return both;
}

struct point profile_setpoint(const struct profile *p)
{
	const struct point *c = p->control;
	struct point setpoint = c[CONTROL_PV_LIMIT_W];
	if (c[CONTROL_BATTERY_SETPOINT_W].type != POINT_ABSENT) {
		setpoint = c[CONTROL_BATTERY_SETPOINT_W];
	} else if (c[CONTROL_BATTERY_CHARGE_SETPOINT_W].type != POINT_ABSENT) {
		setpoint = join(&c[CONTROL_BATTERY_CHARGE_SETPOINT_W],
				&c[CONTROL_BATTERY_DISCHARGE_SETPOINT_W]);
	}
	if (setpoint.magnitude) {
		setpoint.min = -setpoint.max;
	}
	return setpoint;
}

static bool is_denied(const struct profile *p, int address, int count)
{
	for (int i = 0; i < p->denies; i++) {
		if (address <= p->deny[i].last && address + count > p->deny[i].first) {
			return true;
		}
	}
	return false;
}

/* The control point that begins at a register, or NULL. */
static const struct point *control_at(const struct profile *p, int other_unit, int address)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &p->control[c];
		if (point->type != POINT_ABSENT && point->other_unit == other_unit &&
		    point->address == address) {
			return point;
		}
	}
	return NULL;
}

bool profile_may_write(const struct profile *p, int other_unit, int address, int count)
{
	int at = address;
	while (at < address + count) {
		const struct point *point = control_at(p, other_unit, at);
		if (!point) {
			return false;
		}
		at += point_words(point->type);
	}
	return count > 0 && at == address + count && !is_denied(p, address, count);
}

bool profile_needs_rating(const struct profile *p)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (p->control[c].of_rating) {
			return true;
		}
	}
	return false;
}

void profile_rate(struct profile *p, double rating_w)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct point *point = &p->control[c];
		if (point->of_rating) {
			point->scale *= rating_w;
			point->offset *= rating_w;
			point->min *= rating_w;
			point->max *= rating_w;
			point->step *= rating_w;
			point->off *= rating_w;
			point->of_rating = false;
		}
	}
}
