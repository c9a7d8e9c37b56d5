/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The face of a simulated device: a meter, PV inverter or battery of the plant as the registers of
 * its profile, whichever that is. Measurements are encoded as the profile says: a quantity of
 * several registers is put into the first that takes it, and a factor never changes. Control
 * registers act on the plant:
 *
 * - A command is in force while control_enable does not hold `off`, or, without one, once a
 *   set-point was written; while every preset holds what it has to under command, every copy
 *   what it follows, and every requirement is met. The direction is that of the set-point, of
 *   the one of two registers that is not 0, or, where a switch has charge and discharge, of that
 *   switch.
 * - Class A falls back when the revert timer has run out since the last write to a control
 *   register, class B when the profile's `revert` has; class C never; class D when the heartbeat
 *   has not changed for `revert`. Then the enable and the presets hold their `off`, a set-point
 *   without an enable has to be written anew, and the device does what it does by default.
 * - A group that is written in part is refused, and so is a value no profile would write.
 *
 * A request that touches a register of no point is refused, as devices do with gaps, but for those
 * that the profile calls readable. A share of a rating is one of the plant's inverter, or of the
 * larger limit of its battery. All units are alike. */
#ifndef LECD_SIM_FACE_H
#define LECD_SIM_FACE_H

#include "drivers/plant.h"
#include "drivers/profile.h"
#include "sim/fault.h"
#include "sim/server.h"

/* What every factor of a product reads, in its unit. */
#define FACE_FACTOR 48.0

struct face {
	struct plant *plant;           /* not owned */
	const struct profile *profile; /* not owned */
	int index;                     /* of the inverter or battery */
	struct faults faults;
	double revert_s;                     /* of the timer until someone sets it */
	struct point control[CONTROL_COUNT]; /* the profile's, in W */
	double value[CONTROL_COUNT];         /* what the control registers hold */
	double required[REQUIREMENTS_MAX];   /* what the required ones do */
	bool told;                           /* a set-point was written since it fell back */
	bool in_force;                       /* a command was, when last looked at */
	int64_t alive_us;                    /* when it last saw that somebody commands it */
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
