/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/fault.h"

#include <stdlib.h>
#include <string.h>

/* The default holds where no value is given; max 0: takes no value. */
static const struct {
	const char *name;
	int fallback, min, max;
	const char *expected;
} kinds[FAULT_COUNT] = {
	[FAULT_SILENCE] = { "silence", 0, 0, 0, "silence" },
	[FAULT_DELAY] = { "delay", 1000, 1, 60000, "delay=MILLISECONDS (1 to 60000)" },
	[FAULT_DRIP] = { "drip", 400, 1, 60000, "drip=MILLISECONDS (1 to 60000)" },
	[FAULT_EXCEPTION] = { "exception", 4, 1, 11, "exception=CODE (1 to 11)" },
	[FAULT_SENTINEL] = { "sentinel", 0, 0, 0, "sentinel" },
	[FAULT_FROZEN] = { "frozen", 0, 0, 0, "frozen" },
	[FAULT_REFUSE] = { "refuse", 0, 0, 0, "refuse" },
	[FAULT_IGNORE_WRITES] = { "ignore-writes", 0, 0, 0, "ignore-writes" },
	[FAULT_WRONG_TID] = { "wrong-tid", 0, 0, 0, "wrong-tid" },
};
static const char EXPECTED[] =
	"silence, delay=MS, drip=MS, exception=CODE, sentinel, frozen, refuse, "
	"ignore-writes or wrong-tid";

static int kind_by_name(const char *text, size_t length)
{
	for (int k = 0; k < FAULT_COUNT; k++) {
		if (strlen(kinds[k].name) == length && strncmp(kinds[k].name, text, length) == 0) {
			return k;
		}
	}
	return -1;
}

const char *fault_set(struct faults *f, const char *text, enum fault_kind *kind)
{
	size_t length = strcspn(text, "=");
	int k = kind_by_name(text, length);
	if (k < 0) {
		return EXPECTED;
	}
	long value = kinds[k].fallback;
	if (text[length] == '=') {
		char *end;
		value = strtol(text + length + 1, &end, 10);
		if (end == text + length + 1 || *end || value < kinds[k].min ||
		    value > kinds[k].max || kinds[k].max == 0) {
			return kinds[k].expected;
		}
	}
	f->on[k] = true;
	f->value[k] = (int)value;
	if (kind) {
		*kind = (enum fault_kind)k;
	}
	return NULL;
}

const char *fault_name(enum fault_kind kind)
{
	return kinds[kind].name;
}
