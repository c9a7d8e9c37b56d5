/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contract between the control cycle and anything it measures or moves.
 *
 * A device is a meter, a PV inverter or a battery. The cycle asks for its latest snapshot and posts
 * commands; both return at once, whatever the device does: the talking happens elsewhere (on the
 * bus thread, or nowhere in a simulated plant). Drivers do not log: what went wrong is in the
 * snapshot.
 *
 * Every command is a lease: after expires_us the driver stops renewing it, and the device falls
 * back to its own default by its revert timer. Signs and units are those of reading.h. */
#ifndef LECD_DRIVERS_DEVICE_H
#define LECD_DRIVERS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/reading.h"

enum device_kind { DEVICE_METER, DEVICE_PV, DEVICE_BATTERY, DEVICE_KIND_COUNT };

/* Counters of a link since start; they only grow. */
struct link_stats {
	uint64_t requests; /* sent */
	uint64_t answers;  /* complete and valid */
	uint64_t timeouts;
	uint64_t exceptions; /* Modbus exceptions */
	uint64_t rejected;   /* answers that failed a check */
	uint64_t connects;   /* connections made */
	uint64_t writes;     /* registers written (each group counts once) */
	uint64_t skipped;    /* polls asked for while the one before was under way */
	int64_t latency_us;  /* of the last answer, real time */
};

struct snapshot {
	struct reading reading[QUANTITY_COUNT];
	bool up;             /* the last poll was answered */
	int64_t answered_us; /* time of the last complete answer; 0: never */
	struct link_stats stats;
	bool engaged; /* the driver holds a command, or owes the device its release */
	/* The command the device last accepted, as the driver knows it (for deviation checks). */
	bool commanded;
	double commanded_w;
	bool conflict;    /* somebody else commands the device, and we give way */
	int flash_writes; /* of today (UTC), where the device keeps what it is told in flash */
	int flash_budget; /* a day; 0: it does not */
	char error[128];  /* why the last poll or write failed, "" if it did not */
};

enum command_kind {
	COMMAND_RELEASE,   /* back to the device's own default */
	COMMAND_BATTERY_W, /* hold this AC power, + discharge */
	COMMAND_PV_LIMIT_W /* generate at most this, >= 0 */
};

struct command {
	enum command_kind kind;
	double w;
	int64_t expires_us; /* the lease: not renewed after this */
	uint32_t insist;    /* a person's words so far: a new one ends giving way in a conflict */
	unsigned again;     /* another number than before: write it though nothing changed */
};

struct device;

struct device_methods {
	const char *driver; /* "modbus", "simulated" */
	/* Copy the latest state. Never blocks. Thread: the cycle's. */
	void (*snapshot)(struct device *d, int64_t now_us, struct snapshot *out);
	/* Post a command; the newest replaces the one before. Never blocks. A meter ignores it. */
	void (*command)(struct device *d, const struct command *c);
	/* Start the next poll (a device that is polled elsewhere). NULL where there is none. */
	void (*poll)(struct device *d, int64_t now_us);
	/* Release what the device holds. Blocks at most for its bus to end its current request. */
	void (*close)(struct device *d);
};

/* The head of every driver's own struct. */
struct device {
	const struct device_methods *methods;
	enum device_kind kind;
};

#endif
