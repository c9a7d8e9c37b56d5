/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding out what a Modbus device is, by questions alone: SunSpec first, else every profile there
 * is, at the unit of its address or at those that are usual. Blocks, and never writes. */
#ifndef LECD_HOME_HUNT_H
#define LECD_HOME_HUNT_H

#include <stdbool.h>

#include "daemon/base/clock.h"
#include "daemon/base/diag.h"
#include "daemon/home/profiles.h"
#include "drivers/address.h"
#include "drivers/bus.h"
#include "drivers/probe.h"
#include "drivers/profile.h"
#include "drivers/sunspec.h"
#include "drivers/survey.h"

enum { HUNT_UNITS_MAX = 32, HUNT_PATIENCE_S = 90 };

/* A profile that was held against the device. */
struct trial {
	char name[PROFILES_NAME_SIZE]; /* of the profile; "sunspec" */
	struct profile profile;
	struct survey survey;
	bool fits;
	bool chosen; /* named by the caller, found out by SunSpec, or clearly the best of its kind
		      */
};

struct hunt {
	/* Set before: */
	struct modbus_address address;
	double rating_w;    /* of devices that tell shares of it; 0: not known */
	int64_t timeout_us; /* of an answer; 0: as each profile has it */
	void (*progress)(int unit, const char *what); /* NULL: nobody looks */

	/* What came out: */
	int unit; /* at which the rest was found; -1: nobody answered */
	bool found;
	bool gave_up; /* there was more to try than there was patience */
	int units;
	struct {
		int unit;
		int result; /* as probe_read: of the last question there */
		bool answers;
	} tried[HUNT_UNITS_MAX];
	bool is_sunspec;
	struct sunspec sunspec;
	int trials; /* the best one first */
	struct trial trial[PROFILES_MAX];
	struct probe_tally tally;

	/* Its own: */
	struct clock clock;
	struct bus_hub hub;
	int64_t end_us;
	bool dead; /* there is no connection to be had */
};

/* Load the profile of that name as the only one to try, or, with name NULL, all there are; what is
 * wrong with any goes to d. "sunspec" is a name too. Returns 0, or -ENOENT: no such profile, or
 * -EINVAL: it is a bad one. */
int hunt_load(struct hunt *h, const char *folder, const char *name, struct diag *d);

/* Go and find out. */
void hunt_run(struct hunt *h, bool named);

/* Hold a profile against the device again, at the unit where it was found. */
void hunt_again(struct hunt *h, struct trial *t);

/* The kinds' names: "meter", "pv", "battery". */
const char *hunt_kind_name(enum device_kind kind);

#endif
