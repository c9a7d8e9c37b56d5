/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sunspec_parts.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/point.h"

static const double SECOND_US = 1e6;

enum { NO_TIMER = TIMER_COUNT, HEART };
enum { NO_FACTOR = 100 };

/* Points of 704 that no controller of ours has a use for. */
static const struct sunspec_point more[] = {
	{ 704, 704, 16, 1, SUNSPEC_U16, 54, true, "Pct", "WMaxLimPctRvrt" },
	{ 704, 704, 20, 2, SUNSPEC_U32, 0, false, "Secs", "WMaxLimPctRvrtRem" },
	{ 704, 704, 26, 2, SUNSPEC_S32, 55, true, "W", "WSetRvrt" },
	{ 704, 704, 33, 2, SUNSPEC_U32, 0, false, "Secs", "WSetRvrtRem" },
};

/* What can be written: what it is at first, what it may be, and which timer that restarts. */
static const struct control_row {
	uint16_t model;
	const char *name;
	int factor;
	double first, min, max;
	int timer;
	enum device_kind kind; /* whose it is */
} controls[] = {
	{ 123, "WMaxLimPct", -2, 100, 0, 100, TIMER_LIMIT, DEVICE_PV },
	{ 123, "WMaxLimPct_RvrtTms", NO_FACTOR, 0, 0, 65534, TIMER_LIMIT, DEVICE_PV },
	{ 123, "WMaxLim_Ena", NO_FACTOR, 0, 0, 1, TIMER_LIMIT, DEVICE_PV },
	{ 124, "StorCtl_Mod", NO_FACTOR, 0, 0, 3, TIMER_STORAGE, DEVICE_BATTERY },
	{ 124, "OutWRte", -2, 100, -100, 100, TIMER_STORAGE, DEVICE_BATTERY },
	{ 124, "InWRte", -2, 100, -100, 100, TIMER_STORAGE, DEVICE_BATTERY },
	{ 124, "InOutWRte_RvrtTms", NO_FACTOR, 0, 0, 65534, TIMER_STORAGE, DEVICE_BATTERY },
	{ 124, "ChaGriSet", NO_FACTOR, 0, 0, 1, TIMER_STORAGE, DEVICE_BATTERY },
	{ 704, "WMaxLimPctEna", NO_FACTOR, 0, 0, 1, TIMER_LIMIT_704, DEVICE_PV },
	{ 704, "WMaxLimPct", -2, 100, 0, 100, TIMER_LIMIT_704, DEVICE_PV },
	{ 704, "WMaxLimPctRvrt", -2, 100, 0, 100, TIMER_LIMIT_704, DEVICE_PV },
	{ 704, "WMaxLimPctEnaRvrt", NO_FACTOR, 0, 0, 1, TIMER_LIMIT_704, DEVICE_PV },
	{ 704, "WMaxLimPctRvrtTms", NO_FACTOR, 0, 0, 1e6, TIMER_LIMIT_704, DEVICE_PV },
	{ 704, "WSetEna", NO_FACTOR, 0, 0, 1, TIMER_SET_704, DEVICE_BATTERY },
	{ 704, "WSetMod", NO_FACTOR, 1, 1, 1, TIMER_SET_704, DEVICE_BATTERY },
	{ 704, "WSet", 0, 0, -1e6, 1e6, TIMER_SET_704, DEVICE_BATTERY },
	{ 704, "WSetRvrt", 0, 0, -1e6, 1e6, TIMER_SET_704, DEVICE_BATTERY },
	{ 704, "WSetEnaRvrt", NO_FACTOR, 0, 0, 1, TIMER_SET_704, DEVICE_BATTERY },
	{ 704, "WSetRvrtTms", NO_FACTOR, 0, 0, 1e6, TIMER_SET_704, DEVICE_BATTERY },
	{ 715, "ControllerHb", NO_FACTOR, 0, 0, 4294967294.0, HEART, DEVICE_BATTERY },
};
enum { CONTROLS = sizeof(controls) / sizeof(*controls) };

/* What a timer ends: its model, switch, seconds and, in 704, what they go back to. */
static const struct timer_row {
	uint16_t model;
	const char *enable, *seconds, *enable_after, *value, *value_after, *remaining;
} timers[TIMER_COUNT] = {
	[TIMER_LIMIT] = { 123, "WMaxLim_Ena", "WMaxLimPct_RvrtTms", NULL, NULL, NULL, NULL },
	[TIMER_STORAGE] = { 124, "StorCtl_Mod", "InOutWRte_RvrtTms", NULL, NULL, NULL, NULL },
	[TIMER_LIMIT_704] = { 704, "WMaxLimPctEna", "WMaxLimPctRvrtTms", "WMaxLimPctEnaRvrt",
			      "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctRvrtRem" },
	[TIMER_SET_704] = { 704, "WSetEna", "WSetRvrtTms", "WSetEnaRvrt", "WSet", "WSetRvrt",
			    "WSetRvrtRem" },
};

/* --- points ------------------------------------------------------------------------------------
 */

/* A point of the standard; there is one of that name. */
static const struct sunspec_point *standard(int model, const char *name)
{
	const struct sunspec_point *p = sunspec_point(model, name);
	for (size_t i = 0; !p && i < sizeof(more) / sizeof(*more); i++) {
		p = strcmp(more[i].name, name) == 0 ? &more[i] : NULL;
	}
	assert(p);
	return p;
}

/* A control point of a model with its scale. */
static struct point point_of(struct sunspec_face *f, const struct sunspec_found *found,
			     const char *name)
{
	const struct sunspec_point *s = standard(found->model, name);
	bool is_signed = s->type == SUNSPEC_S16 || s->type == SUNSPEC_S32;
	struct point p = { .type = s->words == 2 ? (is_signed ? POINT_S32 : POINT_U32)
						 : (is_signed ? POINT_S16 : POINT_U16),
			   .table = TABLE_HOLDING,
			   .address = (uint16_t)(found->address + s->offset),
			   .scale = 1,
			   .min = -HUGE_VAL,
			   .max = HUGE_VAL };
	if (s->factor > 0) {
		(void)point_rescale(&p, *sunspec_at(f, found->address + s->factor), &p);
	}
	return p;
}

/* A control's value; 0 where the device has no such model. */
static double get(struct sunspec_face *f, int model, const char *name)
{
	const struct sunspec_found *found = sunspec_face_find(f, model);
	double value = 0;
	if (found) {
		struct point p = point_of(f, found, name);
		(void)point_decode(&p, sunspec_at(f, p.address), &value);
	}
	return value;
}

static void set(struct sunspec_face *f, int model, const char *name, double value)
{
	const struct sunspec_found *found = sunspec_face_find(f, model);
	if (found) {
		struct point p = point_of(f, found, name);
		(void)point_encode(&p, value, sunspec_at(f, p.address));
	}
}

/* A device without battery or PV has none of their controls. */
static bool has_control(const struct sunspec_face *f, const struct control_row *c)
{
	return c->timer == HEART || f->index[c->kind] >= 0;
}

static void reset_row(struct sunspec_face *f, const struct sunspec_found *found,
		      const struct control_row *c)
{
	if (c->model != found->model || !has_control(f, c)) {
		return;
	}
	if (c->factor != NO_FACTOR) {
		int at = found->address + standard(c->model, c->name)->factor;
		*sunspec_at(f, at) = (uint16_t)c->factor;
	}
	set(f, c->model, c->name, c->first);
}

void sunspec_command_reset(struct sunspec_face *f, const struct sunspec_found *found)
{
	for (int i = 0; i < CONTROLS; i++) {
		reset_row(f, found, &controls[i]);
	}
	/* Without PV of its own, what charges a battery can only be the grid. */
	if (found->model == 124 && f->index[DEVICE_PV] < 0) {
		set(f, 124, "ChaGriSet", 1);
	}
}

/* --- what the plant does -----------------------------------------------------------------------
 */

static void command_pv(struct sunspec_face *f)
{
	int index = f->index[DEVICE_PV];
	double limit_w = HUGE_VAL, rating_w = sunspec_pv_rating_w(f);
	int64_t ends_us = INT64_MAX;
	static const enum sunspec_timer both[] = { TIMER_LIMIT, TIMER_LIMIT_704 };
	for (int i = 0; i < 2; i++) {
		const struct timer_row *t = &timers[both[i]];
		if (get(f, t->model, t->enable) == 1) {
			limit_w = fmin(limit_w, get(f, t->model, "WMaxLimPct") / 100 * rating_w);
			ends_us = f->ends_us[both[i]] < ends_us ? f->ends_us[both[i]] : ends_us;
		}
	}
	if (isfinite(limit_w)) {
		plant_pv_limit(f->plant, index, limit_w, ends_us);
	} else {
		plant_pv_release(f->plant, index);
	}
}

/* What the battery would do within the bounds of model 124. */
static double bounded_w(struct sunspec_face *f, int mode)
{
	const struct plant *p = f->plant;
	int index = f->index[DEVICE_BATTERY], pv = f->index[DEVICE_PV];
	const struct plant_battery_conf *c = &p->conf.battery[index];
	double share_w = sunspec_storage_w(f) / 100;
	double low_w = mode & 1 ? -get(f, 124, "InWRte") * share_w : -c->charge_limit_w;
	double high_w = mode & 2 ? get(f, 124, "OutWRte") * share_w : c->discharge_limit_w;
	bool own = c->own_default == PLANT_SELF_CONSUMPTION;
	double w = own ? p->grid_w + p->battery[index].w : 0;
	w = fmin(fmax(w, low_w), high_w);
	return get(f, 124, "ChaGriSet") == 1 ? w : fmax(w, pv >= 0 ? -p->pv[pv].w : 0);
}

static void command_battery(struct sunspec_face *f)
{
	int index = f->index[DEVICE_BATTERY], pv = f->index[DEVICE_PV];
	int mode = (int)get(f, 124, "StorCtl_Mod");
	if (get(f, 704, "WSetEna") == 1) {
		double pv_w = pv >= 0 ? f->plant->pv[pv].w : 0;
		plant_battery_hold(f->plant, index, get(f, 704, "WSet") - pv_w,
				   f->ends_us[TIMER_SET_704]);
	} else if (mode != 0) {
		plant_battery_hold(f->plant, index, bounded_w(f, mode), f->ends_us[TIMER_STORAGE]);
	} else {
		plant_battery_release(f->plant, index);
	}
}

/* --- time --------------------------------------------------------------------------------------
 */

static void show_remaining(struct sunspec_face *f, int timer)
{
	const struct timer_row *t = &timers[timer];
	bool runs = get(f, t->model, t->enable) > 0 && f->ends_us[timer] < INT64_MAX;
	int64_t left_us = runs ? f->ends_us[timer] - f->plant->now_us : 0;
	bool has = f->index[timer == TIMER_SET_704 ? DEVICE_BATTERY : DEVICE_PV] >= 0;
	if (t->remaining && has) {
		set(f, t->model, t->remaining, floor((double)left_us / SECOND_US));
	}
}

/* End a command: what it switches goes back to what is to be after it. */
static void fall_back(struct sunspec_face *f, int timer)
{
	const struct timer_row *t = &timers[timer];
	set(f, t->model, t->enable, t->enable_after ? get(f, t->model, t->enable_after) : 0);
	if (t->value) {
		set(f, t->model, t->value, get(f, t->model, t->value_after));
	}
	f->ends_us[timer] = INT64_MAX;
}

void sunspec_face_step(struct sunspec_face *f)
{
	int64_t now_us = f->plant->now_us;
	bool dead = f->heard_us > 0 && now_us - f->heard_us >= (int64_t)(f->revert_s * SECOND_US);
	for (int i = 0; i < TIMER_COUNT; i++) {
		const struct timer_row *t = &timers[i];
		if (get(f, t->model, t->enable) > 0 && (dead || now_us >= f->ends_us[i])) {
			fall_back(f, i);
		}
		show_remaining(f, i);
	}
	if (f->index[DEVICE_PV] >= 0) {
		command_pv(f);
	}
	if (f->index[DEVICE_BATTERY] >= 0) {
		command_battery(f);
	}
}

void sunspec_face_release(struct sunspec_face *f)
{
	for (int i = 0; i < f->models; i++) {
		sunspec_command_reset(f, &f->model[i]);
	}
	sunspec_face_step(f);
}

/* --- writing -----------------------------------------------------------------------------------
 */

struct change {
	const struct control_row *row;
	double value;
};

/* Find the points that a write is about. Returns how many, or -exception. */
static int parse(struct sunspec_face *f, int address, int count, const uint16_t *words,
		 struct change *change)
{
	int changes = 0, claimed = 0;
	for (int i = 0; i < CONTROLS; i++) {
		const struct control_row *c = &controls[i];
		const struct sunspec_found *found = sunspec_face_find(f, c->model);
		if (!found || !has_control(f, c)) {
			continue;
		}
		struct point p = point_of(f, found, c->name);
		int size = point_words(p.type), at = p.address - address;
		if (at < 0 || at + size > count) {
			continue; /* half a value is none */
		}
		double value;
		if (point_decode(&p, words + at, &value) != QUALITY_GOOD || value < c->min ||
		    value > c->max) {
			return -EXCEPTION_ILLEGAL_VALUE;
		}
		change[changes++] = (struct change){ c, value };
		claimed += size;
	}
	return claimed == count ? changes : -EXCEPTION_ILLEGAL_ADDRESS;
}

static void take_effect(struct sunspec_face *f, const struct change *change, int changes)
{
	for (int i = 0; i < changes; i++) {
		const struct control_row *c = change[i].row;
		if (c->timer == HEART && get(f, c->model, c->name) != change[i].value) {
			f->heard_us = f->plant->now_us;
		}
		set(f, c->model, c->name, change[i].value);
	}
	for (int i = 0; i < changes; i++) {
		int timer = change[i].row->timer;
		if (timer < TIMER_COUNT) {
			double s = get(f, timers[timer].model, timers[timer].seconds);
			f->ends_us[timer] =
				s > 0 ? f->plant->now_us + (int64_t)(s * SECOND_US) : INT64_MAX;
		}
	}
	sunspec_face_step(f);
}

int sunspec_command_write(struct sunspec_face *f, int address, int count, const uint16_t *words)
{
	struct change change[CONTROLS];
	int changes = parse(f, address, count, words, change);
	if (changes < 0) {
		return -changes;
	}
	if (!f->faults.on[FAULT_IGNORE_WRITES]) {
		take_effect(f, change, changes);
	}
	for (int i = 0; i < changes && f->written; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%d.%s", change[i].row->model, change[i].row->name);
		f->written(f->context, f, change[i].row->kind, name, change[i].value);
	}
	return 0;
}
