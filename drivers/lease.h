/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is owed to a device that is under command: when a set-point is written, renewed, released.
 * Decides only; whoever talks to the device does what is decided and reports back. No I/O.
 *
 * Duplicates are suppressed: a set-point is written when it is new, when it changed by a step, when
 * it has to be renewed (half of a revert timer, a third of a fixed revert time; a latched device
 * and one with a heartbeat need none), and after anything that puts the device's state in doubt (a
 * new connection, a failed or ignored write; the latter three times in a row, then only when it is
 * due anyway). */
#ifndef LECD_DRIVERS_LEASE_H
#define LECD_DRIVERS_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/device.h"
#include "drivers/profile.h"

enum lease_state {
	LEASE_UNKNOWN, /* as at start: an earlier life may have left a command */
	LEASE_HELD,
	LEASE_RELEASED
};

struct lease {
	enum lease_state state;
	double w;           /* last written */
	double revert_s;    /* the device falls back so long after alive_us; INFINITY: never */
	double renew_s;     /* to be written again so long after written_us; INFINITY: never */
	int64_t written_us; /* when */
	int64_t changed_us; /* when it was last written with another value than before */
	int64_t alive_us;   /* when the device last saw that we live: a write or a heartbeat */
	bool confirmed;     /* the device showed what was written, or cannot show it */
	int failures;       /* writes in a row that failed or were ignored */
};

enum lease_action { LEASE_NOTHING, LEASE_WRITE, LEASE_RELEASE };

/* What to do now about command (NULL: none was given yet). */
enum lease_action lease_next(const struct lease *l, const struct command *command,
			     const struct point *setpoint, int64_t now_us);

/* The command's set-point within the point's range. */
double lease_setpoint_w(const struct command *command, const struct point *setpoint);

/* The revert time to program: what is left of the lease, rounded up to the point's step or a
 * second, within the point's range. */
double lease_revert_s(const struct command *command, const struct point *revert, int64_t now_us);

/* When a device of that class is to be told again, after falling back in revert_s: in s, or
 * INFINITY. */
double lease_renew_s(enum liveness liveness, double revert_s);

/* When the device will have fallen back by itself; INT64_MAX: never. */
int64_t lease_held_until_us(const struct lease *l);

/* Report back. */
void lease_written(struct lease *l, double w, double revert_s, double renew_s, int64_t now_us);
void lease_alive(struct lease *l, int64_t now_us); /* a heartbeat arrived */
void lease_released(struct lease *l);
void lease_confirmed(struct lease *l);
void lease_failed(struct lease *l);  /* a write was refused, ignored or overwritten */
void lease_doubted(struct lease *l); /* the connection was lost in between */

#endif
