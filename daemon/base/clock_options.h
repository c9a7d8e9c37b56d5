/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options --speed, --start and --anchor, which programs that share a clock take alike. */
#ifndef LECD_BASE_CLOCK_OPTIONS_H
#define LECD_BASE_CLOCK_OPTIONS_H

#include <stdint.h>

#include "daemon/base/clock.h"

struct clock_options {
	double speed;
	int64_t start_s; /* < 0: now */
	double anchor_s; /* < 0: now */
};

static const struct clock_options clock_options_none = { 1, -1, -1 };

/* Take the value of "speed", "start" or "anchor". Returns NULL, or what is expected. */
const char *clock_options_take(struct clock_options *o, const char *name, const char *value);

void clock_options_use(const struct clock_options *o, struct clock *out);

#endif
