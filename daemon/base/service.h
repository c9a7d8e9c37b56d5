/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs that run as a service share: the options of `PROGRAM run`, the parts that are
 * opened one after the other and closed the other way round, and the word on a broker that is away.
 */
#ifndef LECD_BASE_SERVICE_H
#define LECD_BASE_SERVICE_H

#include <stdbool.h>

#include "daemon/base/clock_options.h"

struct service_options {
	const char *config; /* the file, never NULL; of argv */
	bool check;
	struct clock_options clock;
};

/* Read --config FILE [--check] [--speed N [--start TIME] [--anchor S]], or answer --help and
 * --version. argv[0]: program and command. Returns -1 to go on, else the exit code. */
int service_options_parse(int argc, char **argv, const char *usage, struct service_options *out);

struct part {
	const char *name;    /* in the log, where it cannot start */
	int (*open)(void);   /* 0 or -errno */
	void (*close)(void); /* NULL: nothing to do */
};

/* Open them in their order up to the first that cannot. *opened: how many to close. Returns 0 or
 * that one's -errno, which is in the log. */
int parts_open(const struct part *parts, int count, int *opened);
void parts_close(const struct part *parts, int opened);

struct mqtt_link;

/* Say in the log that a broker is away, also one that was never reached, once until it is back.
 * name: of the broker, for the log; *told: false at first, and whenever it is back. */
void service_tell_away(struct mqtt_link *link, const char *name, bool *told);

#endif
