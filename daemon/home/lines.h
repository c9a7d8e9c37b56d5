/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines a site's devices share, as they are configured: which are set in two ways, and which
 * could not keep up with the cycle. */
#ifndef LECD_HOME_LINES_H
#define LECD_HOME_LINES_H

#include "daemon/base/diag.h"
#include "daemon/home/site.h"
#include "drivers/bus.h"
#include "drivers/load.h"

/* A line that is busier than this with polls alone has no room for writes and second tries. */
#define LINE_SHARE_MAX 0.7

struct profile;

struct line {
	struct modbus_address address; /* its first device's */
	int at;                        /* line of the first device's section in the site file */
	struct load load;
};

struct lines {
	int count;
	struct line line[BUSES_MAX]; /* more cannot be opened either */
};

/* Note a device. Returns 0, or -EINVAL and a word in d when its line is set otherwise before. */
int lines_add(struct lines *l, const struct site *site, const struct site_link *link,
	      const struct modbus_address *address, const struct profile *profile, struct diag *d);

/* Refuse every line that is too busy, and warn of serial ports whose name will not last. */
void lines_check(const struct lines *l, const struct site *site, struct diag *d);

#endif
