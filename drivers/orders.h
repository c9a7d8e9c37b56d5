/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the control registers of a device have to hold, under command and released, and how they are
 * written: which go together in one request. Computes only, no I/O. */
#ifndef LECD_DRIVERS_ORDERS_H
#define LECD_DRIVERS_ORDERS_H

#include "drivers/frame.h"
#include "drivers/profile.h"

/* Registers written in one request. */
enum { GROUP_WORDS_MAX = FRAME_WRITE_MAX };

struct orders {
	double value[CONTROL_COUNT]; /* of every control point that is there */
	bool on[CONTROL_COUNT];      /* it is to be written */
};

/* A write of one control point, or of all of its group. */
struct request {
	int other_unit;
	int function;
	int address;
	int count;
	uint16_t words[GROUP_WORDS_MAX];
	bool holds[CONTROL_COUNT]; /* which control points are in it */
};

/* To hold w (by our signs; a PV inverter: not to exceed it) until the revert timer of revert_s
 * ends. Values are kept within the points' ranges. The heartbeat is not part of it. */
void orders_command(const struct profile *p, double w, double revert_s, struct orders *out);

/* To release a device that held `held`; what has no value for that stays as it is. */
void orders_release(const struct profile *p, const struct orders *held, struct orders *out);

/* The write that a control point is part of. Returns 0, or -ERANGE where a value does not fit, or
 * -EPERM where these registers are never written. */
int orders_request(const struct profile *p, const struct orders *o, enum control control,
		   struct request *out);

#endif
