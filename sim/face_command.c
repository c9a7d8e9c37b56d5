/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/face_command.h"

#include <math.h>

static bool has(const struct face *f, int control)
{
	return f->control[control].type != POINT_ABSENT;
}

struct plant_command *face_command_of(const struct face *f)
{
	return f->profile->kind == DEVICE_BATTERY ? &f->plant->battery[f->index].command
	       : f->profile->kind == DEVICE_PV    ? &f->plant->pv[f->index].command
						  : NULL;
}

bool face_enabled(const struct face *f)
{
	const struct plant_command *c = face_command_of(f);
	return c && c->active;
}

static double rating_w(const struct face *f)
{
	const struct plant_battery_conf *b = &f->plant->conf.battery[f->index];
	return f->profile->kind == DEVICE_PV ? f->plant->conf.pv[f->index].rating_w
					     : fmax(b->charge_limit_w, b->discharge_limit_w);
}

/* --- at rest ------------------------------------------------------------------------------------
 */

/* What is put back when a command ends. */
static void put_back(struct face *f)
{
	for (int c = CONTROL_ENABLE; c < CONTROL_COPY_1; c++) {
		if (has(f, c) && f->control[c].has_off) {
			f->value[c] = f->control[c].off;
		}
	}
	f->told = false;
	f->in_force = false;
}

void face_command_init(struct face *f)
{
	struct profile rated = *f->profile;
	profile_rate(&rated, rating_w(f));
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct point *p = &f->control[c];
		*p = rated.control[c];
		bool preset = c >= CONTROL_ENABLE && c < CONTROL_COPY_1;
		f->value[c] = fmin(fmax(preset ? p->on : 0, p->min), p->max);
	}
	f->value[CONTROL_REVERT_S] = f->revert_s;
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		f->required[i] = f->profile->require[i].value;
	}
	put_back(f);
}

void face_command_settle(struct face *f)
{
	if (f->in_force && !face_enabled(f)) {
		put_back(f);
	}
}

/* --- what is commanded --------------------------------------------------------------------------
 */

/* Whether a switch or preset holds something it has under command. */
static bool is_set(const struct face *f, int control)
{
	const struct point *p = &f->control[control];
	double v = f->value[control];
	return v == p->on || v == p->charge || v == p->discharge;
}

static bool is_commanded(const struct face *f)
{
	bool commanded = has(f, CONTROL_ENABLE) ? is_set(f, CONTROL_ENABLE) : f->told;
	for (int c = CONTROL_PRESET_1; c < CONTROL_COPY_1; c++) {
		commanded = commanded && (!has(f, c) || is_set(f, c));
	}
	for (int c = CONTROL_COPY_1; c < CONTROL_COUNT; c++) {
		const struct point *p = &f->control[c];
		double off_w = has(f, c) ? f->value[c] - f->value[p->follows] : 0;
		commanded = commanded && fabs(off_w) <= fabs(p->scale);
	}
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		commanded = commanded && f->required[i] == f->profile->require[i].value;
	}
	return commanded;
}

/* The direction a switch tells: -1 charge, 1 discharge, 0 none, 2: there is no such switch. */
static int direction(const struct face *f)
{
	for (int c = CONTROL_ENABLE; c < CONTROL_COPY_1; c++) {
		const struct point *p = &f->control[c];
		if (c != CONTROL_HEARTBEAT && has(f, c) && p->charge != p->discharge) {
			return f->value[c] == p->charge ? -1 : f->value[c] == p->discharge ? 1 : 0;
		}
	}
	return 2;
}

static double commanded_w(const struct face *f)
{
	const double *v = f->value;
	if (f->profile->kind == DEVICE_PV) {
		return v[CONTROL_PV_LIMIT_W];
	}
	bool one = has(f, CONTROL_BATTERY_SETPOINT_W);
	bool magnitude = f->control[CONTROL_BATTERY_SETPOINT_W].magnitude;
	double w = v[CONTROL_BATTERY_SETPOINT_W];
	double charge_w = !one ? v[CONTROL_BATTERY_CHARGE_SETPOINT_W] : magnitude ? w : fmax(-w, 0);
	double discharge_w = !one        ? v[CONTROL_BATTERY_DISCHARGE_SETPOINT_W]
			     : magnitude ? w
					 : fmax(w, 0);
	switch (direction(f)) {
	case -1:
		return -charge_w;
	case 0:
		return 0;
	case 1:
		return discharge_w;
	default:
		return discharge_w - charge_w;
	}
}

static int64_t expires_us(const struct face *f)
{
	double revert_s = f->profile->liveness == LIVENESS_TIMER ? f->value[CONTROL_REVERT_S]
								 : f->profile->revert_s;
	return f->profile->liveness == LIVENESS_LATCHED ? INT64_MAX
							: f->alive_us + (int64_t)(revert_s * 1e6);
}

/* Bring the plant's command in line with the registers. */
static void apply(struct face *f)
{
	bool was = f->in_force;
	f->in_force = is_commanded(f);
	if (!f->in_force) {
		face_command_of(f)->active = false;
		return;
	}
	f->alive_us = was ? f->alive_us : f->plant->now_us;
	if (f->profile->kind == DEVICE_BATTERY) {
		plant_battery_hold(f->plant, f->index, commanded_w(f), expires_us(f));
	} else {
		plant_pv_limit(f->plant, f->index, commanded_w(f), expires_us(f));
	}
}

void face_command_change(struct face *f, const struct change change[CONTROL_COUNT])
{
	bool beat = change[CONTROL_HEARTBEAT].on &&
		    change[CONTROL_HEARTBEAT].value != f->value[CONTROL_HEARTBEAT];
	if (beat || f->profile->liveness != LIVENESS_HEARTBEAT) {
		f->alive_us = f->plant->now_us;
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (change[c].on) {
			bool setpoint = c >= CONTROL_BATTERY_SETPOINT_W && c <= CONTROL_PV_LIMIT_W;
			f->value[c] = change[c].value;
			f->told = f->told || setpoint;
		}
	}
	apply(f);
}
