/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/orders.h"

#include <errno.h>
#include <math.h>

static double within(const struct point *p, double value)
{
	return fmin(fmax(value, p->min), p->max);
}

static double by_direction(const struct point *p, double w)
{
	return w < 0 ? p->charge : w > 0 ? p->discharge : p->on;
}

static double value_of(const struct profile *p, enum control c, double w, double revert_s)
{
	const struct point *point = &p->control[c];
	switch (c) {
	case CONTROL_REVERT_S:
		return within(point, revert_s);
	case CONTROL_BATTERY_SETPOINT_W:
	case CONTROL_PV_LIMIT_W:
		return within(point, point->magnitude ? fabs(w) : w);
	case CONTROL_BATTERY_CHARGE_SETPOINT_W:
		return within(point, fmax(-w, 0));
	case CONTROL_BATTERY_DISCHARGE_SETPOINT_W:
		return within(point, fmax(w, 0));
	case CONTROL_HEARTBEAT:
		return point->min;
	default:
		break;
	}
	if (c >= CONTROL_COPY_1) {
		return within(point, value_of(p, (enum control)point->follows, w, revert_s));
	}
	return by_direction(point, w);
}

void orders_command(const struct profile *p, double w, double revert_s, struct orders *out)
{
	*out = (struct orders){ 0 };
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (p->control[c].type != POINT_ABSENT) {
			out->value[c] = value_of(p, (enum control)c, w, revert_s);
			out->on[c] = c != CONTROL_HEARTBEAT;
		}
	}
}

void orders_release(const struct profile *p, const struct orders *held, struct orders *out)
{
	*out = *held;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &p->control[c];
		out->on[c] = point->type != POINT_ABSENT && point->has_off;
		if (out->on[c]) {
			out->value[c] = point->off;
		}
	}
}

/* Put a point's words at their place in the request, which begins at the group's first. */
static int put(const struct profile *p, const struct orders *o, int c, struct request *r)
{
	const struct point *point = &p->control[c];
	int at = point->address - r->address;
	r->holds[c] = true;
	return point_encode(point, o->value[c], r->words + at);
}

/* Whether a control point is written together with another. */
static bool goes_with(const struct point *a, const struct point *b)
{
	return b->type != POINT_ABSENT && (a == b || (a->group && a->group == b->group));
}

int orders_request(const struct profile *p, const struct orders *o, enum control control,
		   struct request *out)
{
	const struct point *lead = &p->control[control];
	*out = (struct request){ .other_unit = lead->other_unit,
				 .function = lead->write_function,
				 .address = lead->address };
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &p->control[c];
		if (goes_with(lead, point)) {
			out->count += point_words(point->type);
			out->address =
				point->address < out->address ? point->address : out->address;
		}
	}
	if (out->count > GROUP_WORDS_MAX ||
	    !profile_may_write(p, out->other_unit, out->address, out->count)) {
		return -EPERM;
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (goes_with(lead, &p->control[c]) && put(p, o, c, out) < 0) {
			return -ERANGE;
		}
	}
	return 0;
}
