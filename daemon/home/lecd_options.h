/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of lecd. */
#ifndef LECD_HOME_LECD_OPTIONS_H
#define LECD_HOME_LECD_OPTIONS_H

#include <stdbool.h>

#include "daemon/base/clock_options.h"

struct lecd_options {
	const char *config;
	bool simulate;
	bool check;
	bool planner;
	struct clock_options clock;
};

/* Fill o. Returns -1 to go on, else the exit code, after a word on stderr or stdout. */
int lecd_options_parse(int argc, char **argv, struct lecd_options *o);

#endif
