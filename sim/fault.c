/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/fault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const sentinels[SENTINEL_COUNT] = { "own", "0x8000", "0x7FFF", "0xFFFF",
						       "nan", "fltmax", "sf" };

enum lines { ANY_LINE, RTU_LINE, SERIAL_LINE };

/* The default holds where no value is given; max 0: takes no value. */
/* clang-format off */
static const struct {
	const char *name;
	int fallback, min, max;
	enum lines lines;
	const char *expected;
} kinds[FAULT_COUNT] = {
	/*			    name	    default min max    lines */
	[FAULT_REFUSE]		= { "refuse",		0, 0, 0,     ANY_LINE, "refuse" },
	[FAULT_RESET]		= { "reset",		0, 0, 0,     ANY_LINE, "reset" },
	[FAULT_UNPLUG]		= { "unplug",		0, 0, 0,     SERIAL_LINE,
				    "unplug, of a device at a serial port" },
	[FAULT_STUCK_LINE]	= { "stuck-line",	0, 0, 0,     RTU_LINE,
				    "stuck-line, of a device at an RTU line" },
	[FAULT_BIT_ERRORS]	= { "bit-errors",	10, 1, 1000, RTU_LINE,
				    "bit-errors=PERMILLE (1 to 1000), of a device at an RTU line" },
	[FAULT_SILENCE]		= { "silence",		0, 0, 0,     ANY_LINE, "silence" },
	[FAULT_DELAY]		= { "delay",		1000, 1, 60000, ANY_LINE,
				    "delay=MILLISECONDS (1 to 60000)" },
	[FAULT_LATE]		= { "late",		110, 1, 1000, ANY_LINE,
				    "late=PERCENT (1 to 1000) of the profile's timeout" },
	[FAULT_DRIP]		= { "drip",		400, 1, 60000, ANY_LINE,
				    "drip=MILLISECONDS (1 to 60000)" },
	[FAULT_WRONG_TID]	= { "wrong-tid",	0, 0, 0,     ANY_LINE, "wrong-tid" },
	[FAULT_WRONG_UNIT]	= { "wrong-unit",	0, 0, 0,     ANY_LINE, "wrong-unit" },
	[FAULT_WRONG_FUNCTION]	= { "wrong-function",	0, 0, 0,     ANY_LINE, "wrong-function" },
	[FAULT_SHORT]		= { "short",		0, 0, 0,     ANY_LINE, "short" },
	[FAULT_OVERSIZE]	= { "oversize",		0, 0, 0,     ANY_LINE, "oversize" },
	[FAULT_GARBAGE]		= { "garbage",		0, 0, 0,     ANY_LINE, "garbage" },
	[FAULT_LATE_BY_ONE]	= { "late-by-one",	0, 0, 0,     ANY_LINE, "late-by-one" },
	[FAULT_EXCEPTION]	= { "exception",	4, 1, 11,    ANY_LINE,
				    "exception=CODE (1 to 11)" },
	[FAULT_EXCEPTION_AT]	= { "exception-at",	-1, 0, 65535, ANY_LINE,
				    "exception-at=REGISTER:CODE (0 to 65535, 1 to 11)" },
	[FAULT_BUSY]		= { "busy",		1, 1, 1000000, ANY_LINE,
				    "busy=TIMES (1 to 1000000)" },
	[FAULT_REFUSE_WRITES]	= { "refuse-writes",	3, 1, 11,    ANY_LINE,
				    "refuse-writes=CODE (1 to 11)" },
	[FAULT_IGNORE_WRITES]	= { "ignore-writes",	0, 0, 0,     ANY_LINE, "ignore-writes" },
	[FAULT_OVERWRITE]	= { "overwrite",	30, 1, 86400, ANY_LINE,
				    "overwrite=SECONDS (1 to 86400)" },
	[FAULT_SENTINEL]	= { "sentinel",		0, 0, SENTINEL_COUNT - 1, ANY_LINE,
				    "sentinel=own, 0x8000, 0x7FFF, 0xFFFF, nan, fltmax or sf" },
	[FAULT_FROZEN]		= { "frozen",		0, 0, 0,     ANY_LINE, "frozen" },
	[FAULT_FROZEN_SOC]	= { "frozen-soc",	0, 0, 0,     ANY_LINE, "frozen-soc" },
	[FAULT_SOC_STEP]	= { "soc-step",		5, 0, 100,   ANY_LINE,
				    "soc-step=PERCENT (0 to 100)" },
	[FAULT_SCALE_JUMP]	= { "scale-jump",	1, 1, 1000000, ANY_LINE,
				    "scale-jump=TIMES (1 to 1000000)" },
	[FAULT_INVERTED]	= { "inverted",		0, 0, 0,     ANY_LINE, "inverted" },
};
/* clang-format on */
static_assert(FAULT_COUNT == sizeof(kinds) / sizeof(*kinds), "describe each fault");

static int kind_by_name(const char *text, size_t length)
{
	for (int k = 0; k < FAULT_COUNT; k++) {
		if (strlen(kinds[k].name) == length && strncmp(kinds[k].name, text, length) == 0) {
			return k;
		}
	}
	return -1;
}

static bool parse_number(const char *text, char end, int min, int max, int *out, const char **rest)
{
	char *stop;
	long value = strtol(text, &stop, 10);
	if (stop == text || *stop != end || value < min || value > max) {
		return false;
	}
	*out = (int)value;
	*rest = stop;
	return true;
}

/* Parse what stands behind the = of a fault. */
static bool parse_value(int kind, const char *text, int *value, int *code)
{
	if (kind == FAULT_SENTINEL) {
		for (int i = 0; i < SENTINEL_COUNT; i++) {
			if (strcmp(text, sentinels[i]) == 0) {
				*value = i;
				return true;
			}
		}
		return false;
	}
	bool pair = kind == FAULT_EXCEPTION_AT;
	return kinds[kind].max > 0 &&
	       parse_number(text, pair ? ':' : '\0', kinds[kind].min, kinds[kind].max, value,
			    &text) &&
	       (!pair || parse_number(text + 1, '\0', 1, 11, code, &text));
}

const char *fault_set(struct faults *f, const char *text, enum fault_kind *kind)
{
	size_t length = strcspn(text, "=");
	int k = kind_by_name(text, length);
	if (k < 0) {
		return "a fault of FAULTS in lec-sim(1), like silence";
	}
	int value = kinds[k].fallback, code = f->code;
	if (text[length] == '=' ? !parse_value(k, text + length + 1, &value, &code)
				: value < kinds[k].min) {
		return kinds[k].expected;
	}
	f->on[k] = true;
	f->value[k] = value;
	f->code = code;
	for (int q = 0; k == FAULT_SCALE_JUMP && q < QUANTITY_COUNT; q++) {
		f->jumps[q] = value;
	}
	if (kind) {
		*kind = (enum fault_kind)k;
	}
	return NULL;
}

const char *fault_name(enum fault_kind kind)
{
	return kinds[kind].name;
}

const char *fault_misplaced(enum fault_kind kind, enum modbus_line line)
{
	bool fits = kinds[kind].lines == ANY_LINE || line == LINE_SERIAL ||
		    (kinds[kind].lines == RTU_LINE && line == LINE_RTU_TCP);
	return fits ? NULL : kinds[kind].expected;
}
