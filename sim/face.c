/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/face.h"

#include <string.h>

#include "drivers/sensors.h"
#include "sim/fault_value.h"

/* Registers under way, with a mark for each that some point has claimed. */
struct window {
	enum register_table table;
	int address;
	int count;
	uint16_t *words;
	bool claimed[125];
};

void face_init(struct face *f, struct plant *plant, const struct profile *profile, int index,
	       double revert_s)
{
	*f = (struct face){
		.plant = plant, .profile = profile, .index = index, .revert_s = revert_s
	};
}

static struct plant_command *command_of(const struct face *f)
{
	return f->profile->kind == DEVICE_BATTERY ? &f->plant->battery[f->index].command
	       : f->profile->kind == DEVICE_PV    ? &f->plant->pv[f->index].command
						  : NULL;
}

bool face_enabled(const struct face *f)
{
	const struct plant_command *c = command_of(f);
	return c && c->active;
}

static int measure(const struct face *f, enum quantity q, double *out)
{
	return sensors_measure(f->plant, f->profile->kind, f->index, q, out);
}

const char *face_fault(struct face *f, const char *text)
{
	enum fault_kind kind;
	const char *expected = fault_set(&f->faults, text, &kind);
	if (!expected && (kind == FAULT_FROZEN || kind == FAULT_FROZEN_SOC)) {
		for (int q = 0; q < QUANTITY_COUNT; q++) {
			(void)measure(f, (enum quantity)q, &f->faults.frozen[q]);
		}
	}
	return expected;
}

void face_heal(struct face *f)
{
	f->faults = (struct faults){ 0 };
}

/* --- reading ------------------------------------------------------------------------------- */

static bool all_claimed(const struct window *w)
{
	for (int i = 0; i < w->count; i++) {
		if (!w->claimed[i]) {
			return false;
		}
	}
	return true;
}

static bool touches(const struct window *w, const struct point *p)
{
	return p->type != POINT_ABSENT && p->table == w->table &&
	       p->address < w->address + w->count && p->address + point_words(p->type) > w->address;
}

/* Put a point's registers into the part of the window they share. */
static void put(struct window *w, const struct point *p, const uint16_t *words)
{
	for (int i = 0; i < point_words(p->type); i++) {
		int at = p->address + i - w->address;
		if (at >= 0 && at < w->count) {
			w->words[at] = words[i];
			w->claimed[at] = true;
		}
	}
}

static void put_measurement(struct face *f, struct window *w, enum quantity q)
{
	const struct point *p = &f->profile->reading[q];
	uint16_t words[POINT_WORDS_MAX];
	double value;
	if (!touches(w, p)) {
		return;
	}
	int r = measure(f, q, &value);
	fault_encode(&f->faults, q, p, r < 0 ? NULL : &value, words);
	put(w, p, words);
}

static double control_value(const struct face *f, enum control control)
{
	const struct point *p = &f->profile->control[control];
	switch (control) {
	case CONTROL_ENABLE:
		return face_enabled(f) ? p->on : p->off;
	case CONTROL_REVERT_S:
		return f->revert_s;
	default:
		return f->value_w;
	}
}

static void put_control(const struct face *f, struct window *w, enum control control)
{
	const struct point *p = &f->profile->control[control];
	uint16_t words[POINT_WORDS_MAX];
	if (!touches(w, p)) {
		return;
	}
	if (point_encode(p, control_value(f, control), words) < 0) {
		point_encode_absent(p, words);
	}
	put(w, p, words);
}

static int face_read(void *device, int function, int address, int count, uint16_t *words)
{
	struct face *f = device;
	struct window w = { .table = (enum register_table)function,
			    .address = address,
			    .count = count,
			    .words = words };
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		put_measurement(f, &w, (enum quantity)q);
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		put_control(f, &w, (enum control)c);
	}
	return all_claimed(&w) ? 0 : EXCEPTION_ILLEGAL_ADDRESS;
}

/* --- writing ------------------------------------------------------------------------------- */

struct change {
	bool on;
	double value;
};

/* Take a control point's new value out of the window. Return 0 or an exception. */
static int take(const struct face *f, struct window *w, int function, enum control control,
		struct change *out)
{
	const struct point *p = &f->profile->control[control];
	double value;
	if (!touches(w, p)) {
		return 0;
	}
	if (function != p->write_function) {
		return EXCEPTION_ILLEGAL_FUNCTION;
	}
	if (p->address < w->address || p->address + point_words(p->type) > w->address + w->count) {
		return EXCEPTION_ILLEGAL_ADDRESS; /* half a value */
	}
	const uint16_t *words = w->words + (p->address - w->address);
	if (point_decode(p, words, &value) != QUALITY_GOOD ||
	    (control == CONTROL_ENABLE && value != p->on && value != p->off)) {
		return EXCEPTION_ILLEGAL_VALUE;
	}
	memset(w->claimed + (p->address - w->address), true, (size_t)point_words(p->type));
	*out = (struct change){ true, value };
	return 0;
}

/* Bring the plant's command in line with the registers and restart the revert timer. */
static void apply(struct face *f, bool enable)
{
	if (!enable) {
		command_of(f)->active = false;
		return;
	}
	/* Without a revert register nothing ever reverts. */
	bool reverts = f->profile->control[CONTROL_REVERT_S].type != POINT_ABSENT;
	int64_t expires_us = reverts ? f->plant->now_us + (int64_t)(f->revert_s * 1e6) : INT64_MAX;
	if (f->profile->kind == DEVICE_BATTERY) {
		plant_battery_hold(f->plant, f->index, f->value_w, expires_us);
	} else {
		plant_pv_limit(f->plant, f->index, f->value_w, expires_us);
	}
}

static void take_effect(struct face *f, const struct change change[CONTROL_COUNT])
{
	enum control power = f->profile->kind == DEVICE_BATTERY ? CONTROL_BATTERY_SETPOINT_W
								: CONTROL_PV_LIMIT_W;
	const struct point *switch_point = &f->profile->control[CONTROL_ENABLE];
	bool enable = face_enabled(f);
	if (change[power].on) {
		f->value_w = change[power].value;
		enable |= switch_point->type == POINT_ABSENT;
	}
	if (change[CONTROL_REVERT_S].on) {
		f->revert_s = change[CONTROL_REVERT_S].value;
	}
	if (change[CONTROL_ENABLE].on) {
		enable = change[CONTROL_ENABLE].value == switch_point->on;
	}
	apply(f, enable);
}

static int face_write(void *device, int function, int address, int count, const uint16_t *words)
{
	struct face *f = device;
	struct change change[CONTROL_COUNT] = { 0 };
	uint16_t copy[125];
	memcpy(copy, words, (size_t)count * sizeof(*words));
	struct window w = {
		.table = TABLE_HOLDING, .address = address, .count = count, .words = copy
	};
	for (int c = 0; c < CONTROL_COUNT; c++) {
		int exception = take(f, &w, function, (enum control)c, &change[c]);
		if (exception) {
			return exception;
		}
	}
	if (!all_claimed(&w) || !command_of(f)) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	if (!f->faults.on[FAULT_IGNORE_WRITES]) {
		take_effect(f, change);
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (change[c].on && f->written) {
			f->written(f->context, f, (enum control)c, change[c].value);
		}
	}
	return 0;
}

const struct server_handler face_handler = { .read = face_read, .write = face_write };
