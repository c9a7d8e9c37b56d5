/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device profile: which register of a make of device holds which quantity, and how to talk to it.
 *
 * Read from a file (etc/profiles/NAME.conf), checked whole, and then plain data: no pointers,
 * nothing to free. The points are those of point.h. */
#ifndef LECD_DRIVERS_PROFILE_H
#define LECD_DRIVERS_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/reading.h"
#include "drivers/device.h"
#include "drivers/point.h"

/* What can be written. All lie in the holding table. */
enum control {
	CONTROL_REVERT_S,           /* revert timer: seconds until the device falls back */
	CONTROL_BATTERY_SETPOINT_W, /* AC power to hold, + discharge */
	CONTROL_PV_LIMIT_W,         /* AC power not to exceed, >= 0 */
	CONTROL_ENABLE,             /* `on` while we control, `off` to release */
	CONTROL_COUNT
};

enum { PROFILE_BLOCKS_MAX = QUANTITY_COUNT, PROFILE_TERMS_MAX = 24, PROFILE_PRESETS_MAX = 2 };

/* Registers that are read in one request: without a gap, and no point is cut. */
struct block {
	enum register_table table;
	uint16_t address;
	uint16_t count;
};

/* A point whose value adds to a reading's. It lies in the same block. */
struct term {
	enum quantity quantity;
	struct point point;
};

struct profile {
	char name[48];    /* for people: "Eastron SDM630" */
	char source[128]; /* where the map comes from */
	enum device_kind kind;
	bool unverified;          /* nobody has tried all of this map on such a device */
	int unit;                 /* default unit (slave) address */
	int block_words;          /* largest read, 1..125 */
	int64_t connect_delay_us; /* silence the device wants after a connect */
	int64_t request_delay_us; /* silence between an answer and the next request */
	int64_t timeout_us;       /* of a whole answer, and of a connect */
	struct point reading[QUANTITY_COUNT];
	struct point control[CONTROL_COUNT];
	int terms;
	struct term term[PROFILE_TERMS_MAX];
	/* The operating state beside PV_W, POINT_ABSENT if there is none: while it reads `off` or
	 * `on`, asleep, PV power that is not implemented is 0. */
	struct point sleep;
	/* What lies right behind the set-point and is written with it in one request, with the same
	 * value; POINT_ABSENT: nothing. When released, both are left at their `off`. */
	struct point setpoint_tail;
	int presets; /* points that have to be `on` before a set-point is written */
	struct point preset[PROFILE_PRESETS_MAX];
	bool sunspec; /* the points are found out from the device itself (sunspec_profile.h) */
	int blocks;
	struct block block[PROFILE_BLOCKS_MAX]; /* of the readings */
};

/* Load path into p. Every error goes to d. Returns 0, or -errno and p is not to be used. */
int profile_load(const char *path, struct profile *p, struct diag *d);

/* A reading's value from words read from address on, which hold all of its points: its own and
 * those that add to it. Of these, what is not implemented adds nothing, as long as one is. *value
 * is only touched when good. */
enum quality profile_decode(const struct profile *p, enum quantity quantity, const uint16_t *words,
			    uint16_t address, double *value);

/* The fewest registers that hold all of a reading's points and their scale factors. */
struct block profile_span(const struct profile *p, enum quantity quantity);

/* "battery_setpoint_w": the control point's name in a profile. Never NULL. */
const char *control_name(enum control control);

#endif
