/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every key of a profile, where it may stand and what it may be. */
#include "drivers/profile_private.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const profile_kinds[] = { "meter", "pv", "battery", NULL };
const char *const profile_types[] = { /* from POINT_U16 on */
				      "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", NULL
};
static_assert(sizeof(profile_types) / sizeof(*profile_types) == POINT_TYPE_COUNT, "name each type");
static const char *const liveness_choices[] = { "none", "A", "B", "C", "D", NULL };
static const char *const table_choices[] = { "holding", "input", NULL }; /* from TABLE_HOLDING on */
static const char *const order_choices[] = { "high-first", "low-first", NULL };
static const char *const write_choices[] = { "6", "16", NULL };
static const char *const follow_choices[] = { /* from CONTROL_BATTERY_SETPOINT_W on */
					      "battery_setpoint_w", "battery_charge_setpoint_w",
					      "battery_discharge_setpoint_w", "pv_limit_w", NULL
};

/* --- values of our own --------------------------------------------------------------------------
 */

/* A whole number, also in hex, at the start of text. Returns what is behind it, or NULL. */
static const char *parse_whole(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || errno || value > max) {
		return NULL;
	}
	*out = value;
	return end;
}

static const char *parse_register(const char *text, void *target)
{
	uint64_t value;
	const char *end = parse_whole(text, UINT16_MAX, &value);
	if (!end || *end) {
		return "a zero-based register address from 0 to 65535, or 0x0 to 0xFFFF";
	}
	*(uint16_t *)target = (uint16_t)value;
	return NULL;
}

/* FIRST-LAST. Returns what is behind it, or NULL. */
static const char *parse_span(const char *text, uint16_t *first, uint16_t *last)
{
	uint64_t from, to;
	const char *end = parse_whole(text, UINT16_MAX, &from);
	end = end && *end == '-' ? parse_whole(end + 1, UINT16_MAX, &to) : NULL;
	if (!end || to < from) {
		return NULL;
	}
	*first = (uint16_t)from;
	*last = (uint16_t)to;
	return end;
}

/* Words after a space, into a field of that size. */
static bool take_words(const char *text, char *field, size_t size)
{
	const char *words = text + strspn(text, " \t");
	if (!*words || strlen(words) >= size) {
		return false;
	}
	memcpy(field, words, strlen(words) + 1);
	return true;
}

static const char *parse_conflict(const char *text, void *target)
{
	struct profile *p = target;
	if (p->conflicts == CONFLICTS_MAX ||
	    !take_words(text, p->conflict[p->conflicts], sizeof(*p->conflict))) {
		return "1 to 95 characters of words, at most 4 times";
	}
	p->conflicts++;
	return NULL;
}

static const char *parse_deny(const char *text, void *target)
{
	struct profile *p = target;
	struct deny deny;
	const char *rest = parse_span(text, &deny.first, &deny.last);
	if (!rest || p->denies == DENIES_MAX || !isspace((unsigned char)*rest) ||
	    !take_words(rest, deny.why, sizeof(deny.why))) {
		return "FIRST-LAST and why in 1 to 63 characters, like 40200-40212 grid code, at "
		       "most 8 times";
	}
	p->deny[p->denies++] = deny;
	return NULL;
}

static const char *parse_readable(const char *text, void *target)
{
	struct bus_section *bus = target;
	struct profile *p = bus->profile;
	struct range range;
	bool input = strncmp(text, "input ", 6) == 0;
	bool holding = strncmp(text, "holding ", 8) == 0;
	const char *rest = parse_span(text + (input     ? 6
					      : holding ? 8
							: 0),
				      &range.first, &range.last);
	if (!rest || *rest || p->ranges == RANGES_MAX) {
		return "FIRST-LAST, or input or holding and FIRST-LAST, at most 16 times";
	}
	/* 0: as `function` says, which may stand below. */
	range.table = input ? TABLE_INPUT : holding ? TABLE_HOLDING : (enum register_table)0;
	p->readable[p->ranges++] = range;
	return NULL;
}

static const char *parse_sentinel(const char *text, void *target)
{
	struct point *p = target;
	uint64_t value;
	const char *end = parse_whole(text, UINT64_MAX, &value);
	if (!end || *end || p->sentinels == POINT_SENTINELS_MAX) {
		return "a raw number like 0x00FFFFFD, at most 2 times";
	}
	p->sentinel[p->sentinels++] = value;
	return NULL;
}

static const char *parse_toggle(const char *text, void *target)
{
	struct point *p = target;
	uint64_t a, b;
	const char *end = parse_whole(text, UINT32_MAX, &a);
	end = end && isspace((unsigned char)*end)
		      ? parse_whole(end + strspn(end, " \t"), UINT32_MAX, &b)
		      : NULL;
	if (!end || *end || a == b) {
		return "two numbers that differ, like 0x00FF 0xFF00";
	}
	p->toggles = true;
	p->on = (double)a;
	p->off = (double)b;
	return NULL;
}

/* --- tables -------------------------------------------------------------------------------------
 */

/* clang-format off */
#define TEXT(of, key, field, fallback) \
	{ key, OPTION_TEXT, 0, offsetof(struct of, field), 0, sizeof(((struct of *)0)->field), fallback, NULL, NULL }
#define CHOICE(of, key, field, choices, fallback) \
	{ key, OPTION_CHOICE, 0, offsetof(struct of, field), 0, 0, fallback, choices, NULL }
#define INTEGER(of, key, field, min, max, fallback) \
	{ key, OPTION_INTEGER, 0, offsetof(struct of, field), min, max, fallback, NULL, NULL }
#define BOOL(of, key, field, fallback) \
	{ key, OPTION_BOOL, 0, offsetof(struct of, field), 0, 0, fallback, NULL, NULL }
#define NUMBER(of, key, field, dimension, min, max, fallback) \
	{ key, OPTION_QUANTITY, dimension, offsetof(struct of, field), min, max, fallback, NULL, NULL }
#define CUSTOM(key, offset, parse, fallback) \
	{ key, OPTION_CUSTOM, 0, offset, 0, 0, fallback, NULL, parse }
#define REPEATED(key, offset, parse) \
	{ key, OPTION_REPEATED, 0, offset, 0, 0, "", NULL, parse }

static const struct option head_options[] = {
	TEXT(profile, "name", name, NULL),
	TEXT(profile, "source", source, NULL),
	CHOICE(profile, "kind", kind, profile_kinds, NULL),
	BOOL(profile, "unverified", unverified, "no"),
	CHOICE(profile, "liveness", liveness, liveness_choices, "none"),
	NUMBER(profile, "revert", revert_s, DIMENSION_TIME, 1, 3600, ""),
	REPEATED("conflict", 0, parse_conflict),
	REPEATED("deny", 0, parse_deny),
};

static const struct option bus_options[] = {
	CHOICE(bus_section, "function", table, table_choices, NULL),
	CHOICE(bus_section, "word-order", order, order_choices, "high-first"),
	INTEGER(bus_section, "unit", unit, 0, 255, "1"),
	INTEGER(bus_section, "block", block, POINT_WORDS_MAX, 125, "125"),
	REPEATED("readable", 0, parse_readable),
	NUMBER(bus_section, "connect-delay", connect_delay_s, DIMENSION_TIME, 0, 10, "0 s"),
	NUMBER(bus_section, "request-delay", request_delay_s, DIMENSION_TIME, 0, 5, "0 s"),
	NUMBER(bus_section, "settle", settle_s, DIMENSION_TIME, 0, 5, "0 s"),
	NUMBER(bus_section, "timeout", timeout_s, DIMENSION_TIME, 0.05, 10, "1 s"),
};

/* A number whose dimension is OWN has that of its point. */
#define OWN DIMENSION_COUNT
#define POINT(field) offsetof(struct point_section, point.field)

static const struct {
	unsigned where;
	struct option option;
} point_options[] = {
	{ IN_ALL,      CUSTOM("register", POINT(address), parse_register, NULL) },
	{ IN_ALL,      CHOICE(point_section, "type", type, profile_types, NULL) },
	{ IN_READ,     CHOICE(point_section, "function", table, table_choices, "") },
	{ IN_ALL,      CHOICE(point_section, "word-order", order, order_choices, "") },
	{ IN_ALL,      INTEGER(point_section, "unit", other_unit, 1, 255, "") },
	{ IN_ALL,      BOOL(point_section, "unverified", point.unverified, "no") },
	{ IN_MEASURED | IN_NUMBER, NUMBER(point_section, "scale", point.scale, DIMENSION_NUMBER, 1e-9, 1e9, "1") },
	{ IN_MEASURED, CUSTOM("scale-factor", POINT(factor_address), parse_register, "") },
	{ IN_MEASURED | IN_POWER,  BOOL(point_section, "invert", invert, "no") },
	{ IN_MEASURED | IN_NUMBER, NUMBER(point_section, "offset", point.offset, OWN, -1e15, 1e15, "") },
	{ IN_MEASURED, REPEATED("sentinel", offsetof(struct point_section, point), parse_sentinel) },
	{ IN_MEASURED, BOOL(point_section, "optional", point.optional, "no") },
	{ IN_READING | IN_NUMBER,  NUMBER(point_section, "min", point.min, OWN, -1e15, 1e15, NULL) },
	{ IN_READING | IN_NUMBER,  NUMBER(point_section, "max", point.max, OWN, -1e15, 1e15, NULL) },
	{ IN_CONTROL,  CHOICE(point_section, "write-function", write, write_choices, "16") },
	{ IN_CONTROL & ~IN_BEAT, INTEGER(point_section, "group", group, 1, GROUPS_MAX, "") },
	{ IN_CONTROL & ~IN_BEAT, BOOL(point_section, "readback", point.readback, "yes") },
	{ IN_CONTROL & ~IN_BEAT, BOOL(point_section, "flash", point.flash, "no") },
	{ IN_CONTROL & ~IN_BEAT, NUMBER(point_section, "write-interval", write_interval_s, DIMENSION_TIME, 0, 86400, "0 s") },
	{ IN_CONTROL & ~IN_BEAT, INTEGER(point_section, "writes-per-day", writes_per_day, 1, 200, "20") },
	{ IN_NUMBER,   NUMBER(point_section, "step", point.step, OWN, 1e-9, 1e15, NULL) },
	{ IN_POWER,    BOOL(point_section, "of-rating", point.of_rating, "no") },
	{ IN_SETPOINT, BOOL(point_section, "magnitude", point.magnitude, "no") },
	{ IN_COPY,     CHOICE(point_section, "follows", follows, follow_choices, NULL) },
	{ IN_POWER,    NUMBER(point_section, "off", point.off, OWN, -1e15, 1e15, "") },
	{ IN_SWITCH,   NUMBER(point_section, "on", point.on, DIMENSION_NUMBER, -1e9, 1e10, "") },
	{ IN_SWITCH,   NUMBER(point_section, "charge", point.charge, DIMENSION_NUMBER, -1e9, 1e10, "") },
	{ IN_SWITCH,   NUMBER(point_section, "discharge", point.discharge, DIMENSION_NUMBER, -1e9, 1e10, "") },
	{ IN_SWITCH,   NUMBER(point_section, "idle", idle, DIMENSION_NUMBER, -1e9, 1e10, "") },
	{ IN_ENABLE,   NUMBER(point_section, "off", point.off, DIMENSION_NUMBER, -1e9, 1e10, NULL) },
	{ IN_PRESET,   NUMBER(point_section, "off", point.off, DIMENSION_NUMBER, -1e9, 1e10, "") },
	{ IN_BEAT,     NUMBER(point_section, "min", point.min, DIMENSION_NUMBER, 0, 1e10, "") },
	{ IN_BEAT,     NUMBER(point_section, "max", point.max, DIMENSION_NUMBER, 0, 1e10, "") },
	{ IN_BEAT,     CUSTOM("values", offsetof(struct point_section, point), parse_toggle, "") },
	{ IN_REQUIRE,  NUMBER(point_section, "value", value, DIMENSION_NUMBER, -1e9, 1e10, NULL) },
	{ IN_REQUIRE,  TEXT(point_section, "hint", hint, NULL) },
};
/* clang-format on */
#define COUNT(table) ((int)(sizeof(table) / sizeof(*(table))))
static_assert(COUNT(point_options) <= POINT_KEYS_MAX, "room for each key");

void profile_apply_head(struct config *c, int s, struct profile *p, struct diag *d)
{
	config_apply(c, s, head_options, COUNT(head_options), p, NULL, d);
}

void profile_apply_bus(struct config *c, int s, struct bus_section *bus, struct diag *d)
{
	config_apply(c, s, bus_options, COUNT(bus_options), bus, NULL, d);
}

void profile_apply_point(struct config *c, int s, unsigned where, enum dimension dimension,
			 struct point_section *raw, struct diag *d)
{
	struct option options[POINT_KEYS_MAX];
	int count = 0;
	for (int i = 0; i < COUNT(point_options); i++) {
		if (point_options[i].where & where) {
			options[count] = point_options[i].option;
			if (options[count].dimension == OWN) {
				options[count].dimension = dimension;
			}
			count++;
		}
	}
	config_apply(c, s, options, count, raw, NULL, d);
}
