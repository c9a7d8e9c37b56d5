/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trying out whether a battery obeys: its power by itself, under a command of a few seconds, and
 * after it was given back. The command is a lease through the device's driver, so that the device
 * falls back by itself should this program die. Blocks for as long as it says. */
#ifndef LECD_HOME_TRYOUT_H
#define LECD_HOME_TRYOUT_H

#include <stdbool.h>

#include "daemon/base/clock.h"
#include "drivers/bus.h"
#include "drivers/device.h"

struct modbus_address;
struct profile;

/* The lease is longer than the command by this, for the release to come in time. */
enum { TRYOUT_MARGIN_S = 3 };

struct tryout_power {
	bool known;
	double w; /* + discharge */
};

struct tryout {
	/* Called with each second's power; NULL: nobody looks. why is the device's error. */
	void (*progress)(double after_s, const struct tryout_power *power, const char *why);

	struct tryout_power before, during, after; /* during: of the last third */
	bool interrupted;                          /* by a signal */
	bool accepted;                             /* the device took the command */
	char trouble[sizeof(((struct snapshot *)NULL)->error)];

	/* Its own: */
	struct clock clock;
	struct bus_hub hub;
	struct device *device;
	struct snapshot seen;
	int64_t seen_us; /* of the last power */
};

/* Open the device and see what it does by itself. From here on SIGINT, SIGTERM and SIGHUP end what
 * is under way instead of the program. Returns 0; -EINTR; -ENODATA: its power is not to be had, see
 * trouble; or -errno. On an error it is closed again. */
int tryout_open(struct tryout *t, const struct modbus_address *address, const struct profile *p);

/* Let it hold that power for so many seconds, or until a signal, and give it back. */
void tryout_run(struct tryout *t, double w, double seconds);

void tryout_close(struct tryout *t);

#endif
