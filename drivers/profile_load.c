/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile_private.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const profile_kinds[] = { "meter", "pv", "battery", NULL };
static const char *const table_choices[] = { "holding", "input", NULL }; /* from TABLE_HOLDING on */
static const char *const order_choices[] = { "high-first", "low-first", NULL };
const char *const profile_types[] = { /* from POINT_U16 on */
				      "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", NULL
};
static_assert(sizeof(profile_types) / sizeof(*profile_types) == POINT_TYPE_COUNT, "name each type");
static const char *const write_choices[] = { "6", "16", NULL };

/* --- the file's sections, as they stand there ---------------------------------------------------
 */

struct bus_section {
	int table, order;
	int64_t unit, block;
	double connect_delay_s, request_delay_s, timeout_s;
};

struct point_section {
	struct point point;
	int table, type, order, write;
	bool invert;
	double write_interval_s;
};

static const char *parse_register(const char *text, void *target)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || value > UINT16_MAX) {
		return "a zero-based register address from 0 to 65535, or 0x0 to 0xFFFF";
	}
	*(uint16_t *)target = (uint16_t)value;
	return NULL;
}

#define TEXT(key, field)                                                                           \
	{                                                                                          \
		key, OPTION_TEXT, 0, offsetof(struct profile, field), 0,                           \
			sizeof(((struct profile *)0)->field), NULL, NULL, NULL                     \
	}
#define CHOICE(of, key, field, choices, fallback)                                                  \
	{                                                                                          \
		key, OPTION_CHOICE, 0, offsetof(struct of, field), 0, 0, fallback, choices, NULL   \
	}
#define INTEGER(of, key, field, min, max, fallback)                                                \
	{                                                                                          \
		key, OPTION_INTEGER, 0, offsetof(struct of, field), min, max, fallback, NULL, NULL \
	}
#define BOOL(of, key, field, fallback)                                                             \
	{                                                                                          \
		key, OPTION_BOOL, 0, offsetof(struct of, field), 0, 0, fallback, NULL, NULL        \
	}
#define NUMBER(of, key, field, dimension, min, max, fallback)                                      \
	{                                                                                          \
		key, OPTION_QUANTITY, dimension, offsetof(struct of, field), min, max, fallback,   \
			NULL, NULL                                                                 \
	}

static const struct option profile_options[] = {
	TEXT("name", name),
	TEXT("source", source),
	CHOICE(profile, "kind", kind, profile_kinds, NULL),
	BOOL(profile, "unverified", unverified, "no"),
};

/* clang-format off */
static const struct option bus_options[] = {
	CHOICE(bus_section, "function", table, table_choices, NULL),
	CHOICE(bus_section, "word-order", order, order_choices, "high-first"),
	INTEGER(bus_section, "unit", unit, 0, 255, "1"),
	INTEGER(bus_section, "block", block, POINT_WORDS_MAX, 125, "125"),
	NUMBER(bus_section, "connect-delay", connect_delay_s, DIMENSION_TIME, 0, 10, "0 s"),
	NUMBER(bus_section, "request-delay", request_delay_s, DIMENSION_TIME, 0, 5, "0 s"),
	NUMBER(bus_section, "timeout", timeout_s, DIMENSION_TIME, 0.05, 10, "1 s"),
};

/* Which points a key may stand in. A quantity whose dimension is OWN has that of its point. */
enum { IN_READING = 1, IN_SETTING = 2, IN_ENABLE = 4, IN_CONTROL = IN_SETTING | IN_ENABLE, IN_ALL = 7 };
#define OWN DIMENSION_COUNT

static const struct {
	unsigned where;
	struct option option;
} point_options[] = {
	{ IN_ALL,     { "register", OPTION_CUSTOM, 0, offsetof(struct point_section, point.address),
			0, 0, NULL, NULL, parse_register } },
	{ IN_ALL,     CHOICE(point_section, "type", type, profile_types, NULL) },
	{ IN_READING, CHOICE(point_section, "function", table, table_choices, "") },
	{ IN_ALL,     CHOICE(point_section, "word-order", order, order_choices, "") },
	{ IN_ALL,     BOOL(point_section, "unverified", point.unverified, "no") },
	{ IN_READING | IN_SETTING, NUMBER(point_section, "scale", point.scale, DIMENSION_NUMBER, 1e-9, 1e9, "1") },
	{ IN_READING | IN_SETTING, BOOL(point_section, "invert", invert, "no") },
	{ IN_READING | IN_SETTING, NUMBER(point_section, "offset", point.offset, OWN, -1e15, 1e15, "") },
	{ IN_READING | IN_SETTING, NUMBER(point_section, "min", point.min, OWN, -1e15, 1e15, NULL) },
	{ IN_READING | IN_SETTING, NUMBER(point_section, "max", point.max, OWN, -1e15, 1e15, NULL) },
	{ IN_CONTROL, CHOICE(point_section, "write-function", write, write_choices, "16") },
	{ IN_CONTROL, BOOL(point_section, "readback", point.readback, "yes") },
	{ IN_CONTROL, BOOL(point_section, "flash", point.flash, "no") },
	{ IN_CONTROL, NUMBER(point_section, "write-interval", write_interval_s, DIMENSION_TIME, 0, 86400, "0 s") },
	{ IN_SETTING, NUMBER(point_section, "step", point.step, OWN, 0, 1e15, "") },
	{ IN_ENABLE,  NUMBER(point_section, "on", point.on, DIMENSION_NUMBER, -1e9, 1e9, NULL) },
	{ IN_ENABLE,  NUMBER(point_section, "off", point.off, DIMENSION_NUMBER, -1e9, 1e9, NULL) },
};
/* clang-format on */
enum { POINT_OPTIONS = sizeof(point_options) / sizeof(*point_options) };

/* --- loading ------------------------------------------------------------------------------------
 */

static int64_t us(double s)
{
	return (int64_t)llround(s * 1e6);
}

static enum dimension dimension_of_unit(const char *unit, const char *name)
{
	static const struct {
		const char *unit;
		enum dimension dimension;
	} map[] = { { "W", DIMENSION_POWER }, { "Wh", DIMENSION_ENERGY } };
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (strcmp(unit, map[i].unit) == 0) {
			return map[i].dimension;
		}
	}
	return strcmp(name, quantity_name(BATTERY_SOC)) == 0 ? DIMENSION_FRACTION
							     : DIMENSION_NUMBER;
}

/* The point a section names, what it is measured in and which keys it may have; NULL: no such
 * point. */
static struct point *find_point(struct profile *p, const char *name, enum dimension *dimension,
				unsigned *where)
{
	int quantity = quantity_by_name(name);
	if (quantity >= 0) {
		*where = IN_READING;
		*dimension = dimension_of_unit(quantity_unit((enum quantity)quantity), name);
		return &p->reading[quantity];
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (strcmp(name, control_name((enum control)c)) == 0) {
			*where = c == CONTROL_ENABLE ? IN_ENABLE : IN_SETTING;
			*dimension = c == CONTROL_REVERT_S ? DIMENSION_TIME : DIMENSION_POWER;
			return &p->control[c];
		}
	}
	return NULL;
}

struct point *profile_find_point(struct profile *p, const char *name)
{
	enum dimension dimension;
	unsigned where;
	return find_point(p, name, &dimension, &where);
}

static int collect_options(unsigned where, enum dimension dimension, struct option *out)
{
	int count = 0;
	for (int i = 0; i < POINT_OPTIONS; i++) {
		if (point_options[i].where & where) {
			out[count] = point_options[i].option;
			if (out[count].dimension == OWN) {
				out[count].dimension = dimension;
			}
			count++;
		}
	}
	return count;
}

static void load_point(struct config *c, int s, const struct bus_section *bus, struct profile *p,
		       struct diag *d)
{
	struct option options[POINT_OPTIONS];
	enum dimension dimension;
	unsigned where;
	struct point *point = find_point(p, c->section[s].name, &dimension, &where);
	if (!point) {
		c->section[s].known = true;
		diag_error(d, c->path, c->section[s].line,
			   "unknown point \"%s\", expected a quantity like grid_w, or revert_s, "
			   "battery_setpoint_w, pv_limit_w, control_enable",
			   c->section[s].name);
		return;
	}
	struct point_section raw = { .table = bus->table, .order = bus->order, .point.scale = 1 };
	int count = collect_options(where, dimension, options);
	int errors = d->errors;
	config_apply(c, s, options, count, &raw, NULL, d);
	if (d->errors > errors) {
		return;
	}
	*point = raw.point;
	point->type = (enum point_type)(raw.type + POINT_U16);
	point->order = (enum word_order)raw.order;
	point->scale = raw.invert ? -raw.point.scale : raw.point.scale;
	point->write_interval_us = us(raw.write_interval_s);
	point->table = TABLE_HOLDING;
	if (where & IN_READING) {
		point->table = (enum register_table)(raw.table + TABLE_HOLDING);
	} else {
		point->write_function = raw.write ? 16 : 6;
	}
	if (where & IN_ENABLE) {
		point->min = fmin(point->on, point->off);
		point->max = fmax(point->on, point->off);
		profile_check_enable(c, s, point, d);
	} else if (point->min >= point->max) {
		diag_error(d, c->path, config_line(c, s, "max"),
			   "max is not above min, expected a range");
	}
	profile_check_point(c, s, point, d);
}

static void load_sections(struct config *c, struct profile *p, struct diag *d)
{
	struct bus_section bus = { 0 };
	int head = config_find(c, "profile"), wire = config_find(c, "bus");
	if (head < 0 || wire < 0) {
		diag_error(d, c->path, 0, "no [%s] section, expected one",
			   head < 0 ? "profile" : "bus");
		return;
	}
	config_apply(c, head, profile_options, sizeof(profile_options) / sizeof(*profile_options),
		     p, NULL, d);
	config_apply(c, wire, bus_options, sizeof(bus_options) / sizeof(*bus_options), &bus, NULL,
		     d);
	p->unit = (int)bus.unit;
	p->block_words = (int)bus.block;
	p->connect_delay_us = us(bus.connect_delay_s);
	p->request_delay_us = us(bus.request_delay_s);
	p->timeout_us = us(bus.timeout_s);
	for (int s = 0; s < c->sections; s++) {
		if (strcmp(c->section[s].kind, "point") == 0) {
			load_point(c, s, &bus, p, d);
		}
	}
	config_refuse_unknown(c, "[profile], [bus] and [point NAME]", d);
}

int profile_load(const char *path, struct profile *p, struct diag *d)
{
	struct config c;
	struct profile loaded = { 0 };
	int before = d->errors;
	int r = config_read(&c, path, d);
	if (r == 0) {
		load_sections(&c, &loaded, d);
		if (d->errors == before) {
			profile_check(&c, &loaded, d);
		}
		r = d->errors > before ? -EINVAL : 0;
	}
	if (r == 0) {
		profile_make_blocks(&loaded);
		*p = loaded;
	}
	config_free(&c);
	return r;
}
