/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/clock_options.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/isotime.h"

const char *clock_options_take(struct clock_options *o, const char *name, const char *value)
{
	double number;
	if (strcmp(name, "start") == 0) {
		return isotime_parse(value, &o->start_s) < 0 ? "a time like 2026-06-15T00:00:00Z"
							     : NULL;
	}
	bool known = csv_number(value, &number) == 0;
	if (strcmp(name, "speed") == 0) {
		if (!known || number < 0.1 || number > 1e5) {
			return "a number from 0.1 to 100000";
		}
		o->speed = number;
		return NULL;
	}
	assert(strcmp(name, "anchor") == 0);
	if (!known || number < 0) {
		return "a Unix time in seconds";
	}
	o->anchor_s = number;
	return NULL;
}

void clock_options_use(const struct clock_options *o, struct clock *out)
{
	clock_init(out, o->speed, o->start_s, o->anchor_s);
}
