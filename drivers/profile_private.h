/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading a profile from inside: profile_load.c reads sections by the tables of profile_keys.c,
 * profile_check.c says what is wrong with the whole, profile_blocks.c lays out what is read. */
#ifndef LECD_DRIVERS_PROFILE_PRIVATE_H
#define LECD_DRIVERS_PROFILE_PRIVATE_H

#include "daemon/base/config.h"
#include "drivers/orders.h"

/* Which points a key may stand in. */
enum {
	IN_READING = 1,   /* [point] of a quantity */
	IN_PART = 2,      /* [term] and [factor] */
	IN_REQUIRE = 4,   /* require_N */
	IN_TIMER = 8,     /* revert_s */
	IN_SETPOINT = 16, /* powers */
	IN_COPY = 32,
	IN_ENABLE = 64,
	IN_PRESET = 128,
	IN_BEAT = 256, /* heartbeat */
	IN_MEASURED = IN_READING | IN_PART,
	IN_READ = IN_MEASURED | IN_REQUIRE,
	IN_POWER = IN_SETPOINT | IN_COPY,
	IN_NUMBER = IN_TIMER | IN_POWER,
	IN_SWITCH = IN_ENABLE | IN_PRESET,
	IN_CONTROL = IN_NUMBER | IN_SWITCH | IN_BEAT,
	IN_ALL = IN_READ | IN_CONTROL
};

enum { POINT_KEYS_MAX = 40 };

/* The sections of a file, as they stand there. */
struct bus_section {
	int table, order;
	int64_t unit, block;
	double connect_delay_s, request_delay_s, settle_s, timeout_s;
	struct profile *profile; /* of `readable` */
};

struct point_section {
	struct point point;
	int table, type, order, write, follows;
	int64_t other_unit, group, writes_per_day;
	bool invert;
	double write_interval_s;
	double idle;
	double value; /* of a requirement */
	char hint[sizeof(((struct requirement *)0)->hint)];
};

/* "meter", "pv", "battery", NULL; "u16"... from POINT_U16 on, NULL. */
extern const char *const profile_kinds[];
extern const char *const profile_types[];

/* Apply the keys of [profile], [bus] or a point that stands `where`, measured in a dimension. */
void profile_apply_head(struct config *c, int s, struct profile *p, struct diag *d);
void profile_apply_bus(struct config *c, int s, struct bus_section *bus, struct diag *d);
void profile_apply_point(struct config *c, int s, unsigned where, enum dimension dimension,
			 struct point_section *raw, struct diag *d);

/* Check one point of section s. */
void profile_check_point(const struct config *c, int s, const struct point *p, struct diag *d);
void profile_check_switch(const struct config *c, int s, const struct point *p, bool enable,
			  struct diag *d);

/* Check what makes the profile as a whole usable. */
void profile_check(const struct config *c, const struct profile *p, struct diag *d);

/* Put what is read into blocks, or say why not; check that no register belongs to two points. */
void profile_make_blocks(const struct config *c, struct profile *p, struct diag *d);

#endif
