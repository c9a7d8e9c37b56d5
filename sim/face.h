/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The face of a simulated device: a meter, PV inverter or battery of the plant as the registers of
 * its profile. Measurements are encoded as the profile says; control registers act on the plant
 * with a revert timer, as the generic profiles describe:
 *
 * - enable and power limit or set-point: while enabled, the plant holds the value. Where the
 * profile has no enable register, writing the value enables.
 * - each write to a control register restarts the revert timer; when it has run out, enable reads
 *   `off` and the device does what it does by default.
 *
 * A request that touches a register of no point is refused, as devices do with gaps. */
#ifndef LECD_SIM_FACE_H
#define LECD_SIM_FACE_H

#include "drivers/plant.h"
#include "drivers/profile.h"
#include "sim/fault.h"
#include "sim/server.h"

struct face {
	struct plant *plant;           /* not owned */
	const struct profile *profile; /* not owned */
	int index;                     /* of the inverter or battery */
	struct faults faults;
	double value_w; /* the set-point or limit register */
	double revert_s;
	/* Told of every accepted write, once per control point; may be NULL. */
	void (*written)(void *context, const struct face *f, enum control control, double value);
	void *context;
};

/* For server_add(); the device is a struct face. */
extern const struct server_handler face_handler;

/* revert_s: what the revert timer is set to until someone sets it. */
void face_init(struct face *f, struct plant *plant, const struct profile *profile, int index,
	       double revert_s);

/* Switch a fault on, as in fault_set(). */
const char *face_fault(struct face *f, const char *text);
void face_heal(struct face *f);

/* Whether a command is in force. */
bool face_enabled(const struct face *f);

#endif
