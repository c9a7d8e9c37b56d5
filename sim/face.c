/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/face.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "drivers/sensors.h"
#include "sim/face_command.h"
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
	face_command_init(f);
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

/* A device's 0 where nothing is and everything can be read. */
static void claim_readable(const struct profile *p, struct window *w)
{
	for (int i = 0; i < p->ranges; i++) {
		for (int at = 0; at < w->count; at++) {
			int address = w->address + at;
			if (p->readable[i].table == w->table && address >= p->readable[i].first &&
			    address <= p->readable[i].last) {
				w->words[at] = 0;
				w->claimed[at] = true;
			}
		}
	}
}

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

/* Every scale factor is 10 to the power of 0. */
static void put_scale_factor(struct window *w, const struct point *p)
{
	const struct point factor = { .type = POINT_S16,
				      .table = p->table,
				      .address = p->factor_address };
	static const uint16_t zero = 0;
	if (p->type != POINT_ABSENT && p->factored && touches(w, &factor)) {
		put(w, &factor, &zero);
	}
}

/* Put a number, or what a device with these faults has where there is none. */
static void put_value(struct window *w, const struct faults *f, const struct point *p,
		      const double *value)
{
	uint16_t words[POINT_WORDS_MAX];
	put_scale_factor(w, p);
	if (!touches(w, p)) {
		return;
	}
	if (!value || point_encode(p, *value, words) < 0) {
		fault_encode_absent(f, p, words);
	}
	put(w, p, words);
}

/* The part of a value that a point takes: all that it can encode, else nothing. */
static double share(const struct point *p, double value)
{
	uint16_t words[POINT_WORDS_MAX];
	return point_encode(p, value, words) == 0 ? value : 0;
}

/* A quantity of several registers: the factor is what it always is, and the rest is given to the
 * first that takes it. */
static void put_parts(const struct face *f, struct window *w, enum quantity q, const double *value)
{
	const struct profile *p = f->profile;
	const struct faults *faults = &f->faults;
	static const double factor = FACE_FACTOR, nothing = 0;
	struct point own = p->reading[q];
	double left = value ? *value : 0;
	own.min = -HUGE_VAL; /* these are of the whole */
	own.max = HUGE_VAL;
	for (int i = 0; i < p->terms; i++) {
		if (p->term[i].quantity == q && p->term[i].multiplies) {
			put_value(w, faults, &p->term[i].point, &factor);
			left /= factor;
		}
	}
	double taken = share(&own, left);
	put_value(w, faults, &own, value ? &taken : NULL);
	left = taken == 0 ? left : 0;
	for (int i = 0; i < p->terms; i++) {
		const struct term *t = &p->term[i];
		if (t->quantity == q && !t->multiplies) {
			taken = share(&t->point, left);
			put_value(w, faults, &t->point, value ? &taken : &nothing);
			left -= taken;
		}
	}
}

/* Whether a part of the quantity is asked for. */
static bool touches_part(const struct window *w, const struct profile *p, enum quantity q)
{
	bool any = touches(w, &p->reading[q]);
	for (int i = 0; i < p->terms; i++) {
		any = any || (p->term[i].quantity == q && touches(w, &p->term[i].point));
	}
	return any;
}

static void put_measurement(struct face *f, struct window *w, enum quantity q)
{
	double value = 0;
	if (f->profile->reading[q].type == POINT_ABSENT || !touches_part(w, f->profile, q)) {
		return;
	}
	int r = f->faults.on[FAULT_SENTINEL] ? -ENOENT : measure(f, q, &value);
	if (r == 0) {
		value = fault_value(&f->faults, q, value);
	}
	put_parts(f, w, q, r == 0 ? &value : NULL);
}

static int face_read(void *device, int function, int address, int count, uint16_t *words)
{
	struct face *f = device;
	struct window w = { .table = (enum register_table)function,
			    .address = address,
			    .count = count,
			    .words = words };
	face_command_settle(f);
	claim_readable(f->profile, &w);
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		put_value(&w, &f->faults, &f->profile->require[i].point, &f->required[i]);
	}
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		put_measurement(f, &w, (enum quantity)q);
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		put_value(&w, &f->faults, &f->control[c], &f->value[c]);
	}
	return all_claimed(&w) ? 0 : EXCEPTION_ILLEGAL_ADDRESS;
}

/* --- writing ------------------------------------------------------------------------------- */

/* Whether a point takes this value from anybody: a switch knows only its own. */
static bool takes(const struct point *p, enum control control, double value)
{
	bool is_switch = control == CONTROL_ENABLE ||
			 (control >= CONTROL_PRESET_1 && control < CONTROL_COPY_1);
	return !is_switch || value == p->on || value == p->charge || value == p->discharge ||
	       (p->has_off && value == p->off);
}

/* Take a control point's new value out of the window. Return 0 or an exception. */
static int take(const struct face *f, struct window *w, int function, enum control control,
		struct change *out)
{
	const struct point *p = &f->control[control];
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
	if (point_decode(p, words, &value) != QUALITY_GOOD || !takes(p, control, value)) {
		return EXCEPTION_ILLEGAL_VALUE;
	}
	memset(w->claimed + (p->address - w->address), true, (size_t)point_words(p->type));
	*out = (struct change){ true, value };
	return 0;
}

/* Whether a group is written in part. */
static bool tears_group(const struct face *f, const struct change change[CONTROL_COUNT])
{
	bool written[GROUPS_MAX + 1] = { false }, left[GROUPS_MAX + 1] = { false };
	for (int c = 0; c < CONTROL_COUNT; c++) {
		int group = f->control[c].type == POINT_ABSENT ? 0 : f->control[c].group;
		written[group] = written[group] || change[c].on;
		left[group] = left[group] || !change[c].on;
	}
	for (int g = 1; g <= GROUPS_MAX; g++) {
		if (written[g] && left[g]) {
			return true;
		}
	}
	return false;
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
	if (!all_claimed(&w) || !face_command_of(f) || tears_group(f, change)) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	face_command_settle(f);
	if (!f->faults.on[FAULT_IGNORE_WRITES]) {
		face_command_change(f, change);
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (change[c].on && f->written) {
			f->written(f->context, f, (enum control)c, change[c].value);
		}
	}
	return 0;
}

const struct server_handler face_handler = { .read = face_read, .write = face_write };
