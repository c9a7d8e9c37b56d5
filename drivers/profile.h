/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device profile: which register of a make of device holds which quantity, and how to talk to it.
 *
 * Read from a file (etc/profiles/NAME.conf, see lecd-profile(5)), checked whole, and then plain
 * data: no pointers, nothing to free. The points are those of point.h. */
#ifndef LECD_DRIVERS_PROFILE_H
#define LECD_DRIVERS_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/reading.h"
#include "drivers/answers.h"
#include "drivers/device.h"
#include "drivers/point.h"

/* What happens at the device when nobody writes any more. */
enum liveness {
	LIVENESS_NONE,     /* it takes no commands */
	LIVENESS_TIMER,    /* A: it falls back when the revert timer written with a command ends */
	LIVENESS_FIXED,    /* B: it falls back a fixed time after the last write */
	LIVENESS_LATCHED,  /* C: it does as told for ever */
	LIVENESS_HEARTBEAT /* D: it falls back when a register stops changing */
};

enum { PRESETS_MAX = 8, COPIES_MAX = 4, GROUPS_MAX = 4 };

/* What can be written. All lie in the holding table. */
enum control {
	CONTROL_REVERT_S,                  /* revert timer: seconds until the device falls back */
	CONTROL_BATTERY_SETPOINT_W,        /* AC power to hold, + discharge */
	CONTROL_BATTERY_CHARGE_SETPOINT_W, /* in its stead two registers, both >= 0: ... */
	CONTROL_BATTERY_DISCHARGE_SETPOINT_W, /* ... the one not in use is 0, or its min */
	CONTROL_PV_LIMIT_W,                   /* AC power not to exceed, >= 0 */
	CONTROL_ENABLE,                       /* `on`... while we control, `off` to release */
	CONTROL_HEARTBEAT,                    /* changes each poll while we control */
	CONTROL_PRESET_1,                     /* has to hold `on`... while we control */
	CONTROL_COPY_1 = CONTROL_PRESET_1 + PRESETS_MAX, /* repeats a set-point's value */
	CONTROL_COUNT = CONTROL_COPY_1 + COPIES_MAX
};

enum {
	PROFILE_TERMS_MAX = 24,
	PROFILE_PARTS = QUANTITY_COUNT + PROFILE_TERMS_MAX + 1,
	REQUIREMENTS_MAX = 4,
	CONFLICTS_MAX = 4,
	DENIES_MAX = 8,
	RANGES_MAX = 16
};

/* Registers that are read in one request, without cutting a point. Between the points lies only
 * what the profile says can be read. */
struct block {
	int other_unit; /* as a point's */
	enum register_table table;
	uint16_t address;
	uint16_t count;
};

/* A further point of a reading: its value is added to, or multiplies, that of the reading's own. */
struct term {
	enum quantity quantity;
	bool multiplies;
	struct point point;
};

/* A register that has to hold a value before the device can be commanded. */
struct requirement {
	struct point point; /* POINT_ABSENT: none */
	double value;
	char hint[80]; /* what a person has to do about it */
};

/* Holding registers that must never be written, at any unit. */
struct deny {
	uint16_t first, last;
	char why[64];
};

/* Registers that can be read in one request, used or not. */
struct range {
	enum register_table table;
	uint16_t first, last;
};

struct profile {
	char name[48];    /* for people: "Eastron SDM630" */
	char source[128]; /* where the map comes from */
	enum device_kind kind;
	bool unverified; /* nobody has tried all of this map on such a device */
	enum liveness liveness;
	double revert_s; /* B, D: it falls back so long after the last write or heartbeat */
	int conflicts;   /* what else in a house may overwrite our commands, for people */
	char conflict[CONFLICTS_MAX][96];
	int denies;
	struct deny deny[DENIES_MAX];
	int unit;                 /* default unit (slave) address */
	int block_words;          /* largest read, 1..125 */
	int64_t connect_delay_us; /* silence the device wants after a connect */
	int64_t request_delay_us; /* silence between an answer and the next request */
	int64_t settle_us;        /* from a write's answer to the next read */
	int64_t timeout_us;       /* of a whole answer, and of a connect */
	int ranges;
	struct range readable[RANGES_MAX];
	struct point reading[QUANTITY_COUNT];
	struct point control[CONTROL_COUNT];
	int terms;
	struct term term[PROFILE_TERMS_MAX];
	struct requirement require[REQUIREMENTS_MAX];
	/* The operating state beside PV_W, POINT_ABSENT if there is none: while it reads `off` or
	 * `on`, asleep, PV power that is not implemented is 0. */
	struct point sleep;
	bool sunspec; /* the points are found out from the device itself (sunspec_profile.h) */
	int blocks;
	struct block block[PROFILE_BLOCKS_MAX]; /* of the readings */
};

/* Load path into p. Every error goes to d. Returns 0, or -errno and p is not to be used. */
int profile_load(const char *path, struct profile *p, struct diag *d);

/* A reading's value from what a poll brought: its own point times its factors plus its terms. One
 * part without a value leaves the whole without, unless it is optional and another one has; then it
 * adds nothing. min..max are those of the whole. Returns its quality; QUALITY_NEVER_SEEN where a
 * part was not answered in this poll: then what was read before only ages. *value is only touched
 * when good. *at_us is when the oldest part was answered, touched unless never seen. */
enum quality profile_decode(const struct profile *p, enum quantity quantity,
			    const struct answers *answers, double *value, int64_t *at_us);

/* The i-th point that is read, 0..PROFILE_PARTS - 1, or NULL; *quantity is what it is part of. */
const struct point *profile_part(const struct profile *p, int i, enum quantity *quantity);

/* The fewest registers that hold a point and its scale factor. */
struct block profile_span(const struct point *p);

/* Whether it takes commands. */
bool profile_controls(const struct profile *p);

/* What can be commanded, as one point in W by our signs, whatever registers it is made of: min,
 * max, step, flash and write_interval_us. Only of a profile that takes commands. */
struct point profile_setpoint(const struct profile *p);

/* Whether a write to holding registers is allowed: to whole control points, all of those it
 * touches, and to none that is denied. Every write to a device is asked for here. other_unit as a
 * point's. */
bool profile_may_write(const struct profile *p, int other_unit, int address, int count);

/* Whether set-points are shares of a rating that was not told yet. */
bool profile_needs_rating(const struct profile *p);

/* Tell the rating, in W, > 0: set-points are in W from now on. */
void profile_rate(struct profile *p, double rating_w);

/* "battery_setpoint_w": the control point's name in a profile. Never NULL. */
const char *control_name(enum control control);

/* The control point with that name, or -1. */
int control_by_name(const char *name);

/* 'A' to 'D', or '-'. */
char liveness_letter(enum liveness liveness);

#endif
