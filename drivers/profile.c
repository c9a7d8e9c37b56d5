/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config.h"

static const char *const control_names[] = {
	[CONTROL_REVERT_S] = "revert_s",
	[CONTROL_BATTERY_SETPOINT_W] = "battery_setpoint_w",
	[CONTROL_PV_LIMIT_W] = "pv_limit_w",
	[CONTROL_ENABLE] = "control_enable",
};
static_assert(sizeof(control_names) / sizeof(*control_names) == CONTROL_COUNT, "name each control");

const char *control_name(enum control control)
{
	return (unsigned)control < CONTROL_COUNT ? control_names[control] : "?";
}

/* What a kind of device must tell, and which set-point it may take. */
static const struct {
	enum quantity power;
	int setpoint; /* enum control, or -1 */
} kinds[] = {
	[DEVICE_METER] = { GRID_W, -1 },
	[DEVICE_PV] = { PV_W, CONTROL_PV_LIMIT_W },
	[DEVICE_BATTERY] = { BATTERY_W, CONTROL_BATTERY_SETPOINT_W },
};
static_assert(sizeof(kinds) / sizeof(*kinds) == DEVICE_KIND_COUNT, "describe each kind");

static const char *const kind_choices[] = { "meter", "pv", "battery", NULL };
static const char *const table_choices[] = { "holding", "input", NULL }; /* from TABLE_HOLDING on */
static const char *const order_choices[] = { "high-first", "low-first", NULL };
static const char *const type_choices[] = { /* from POINT_U16 on */
					    "u16", "s16", "u32", "s32", "u64",
					    "s64", "f32", "f64", NULL
};
static_assert(sizeof(type_choices) / sizeof(*type_choices) == POINT_TYPE_COUNT, "name each type");
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
	CHOICE(profile, "kind", kind, kind_choices, NULL),
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
	{ IN_ALL,     CHOICE(point_section, "type", type, type_choices, NULL) },
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
		if (strcmp(name, control_names[c]) == 0) {
			*where = c == CONTROL_ENABLE ? IN_ENABLE : IN_SETTING;
			*dimension = c == CONTROL_REVERT_S ? DIMENSION_TIME : DIMENSION_POWER;
			return &p->control[c];
		}
	}
	return NULL;
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

static void check_point(const struct config *c, int s, const struct point *p, struct diag *d)
{
	if (p->address + point_words(p->type) - 1 > UINT16_MAX) {
		diag_error(d, c->path, config_line(c, s, "register"),
			   "the point ends beyond register 65535, expected a lower one");
	}
	if (p->write_function == 6 && point_words(p->type) > 1) {
		diag_error(
			d, c->path, config_line(c, s, "write-function"),
			"write-function = 6 writes one register and the type has %d, expected 16",
			point_words(p->type));
	}
	if (p->flash && p->write_interval_us == 0) {
		diag_error(d, c->path, config_line(c, s, "flash"),
			   "flash = yes wears out, expected a write-interval as well");
	}
}

static void check_enable(const struct config *c, int s, const struct point *p, struct diag *d)
{
	uint16_t words[POINT_WORDS_MAX];
	if (p->on == p->off) {
		diag_error(d, c->path, config_line(c, s, "off"),
			   "on and off are the same, expected two values");
	} else if (point_encode(p, p->on, words) < 0 || point_encode(p, p->off, words) < 0) {
		diag_error(d, c->path, config_line(c, s, "on"),
			   "on or off does not fit the type, expected a %s",
			   type_choices[p->type - POINT_U16]);
	}
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
		check_enable(c, s, point, d);
	} else if (point->min >= point->max) {
		diag_error(d, c->path, config_line(c, s, "max"),
			   "max is not above min, expected a range");
	}
	check_point(c, s, point, d);
}

/* What makes the profile as a whole usable. */
static void check_profile(const struct config *c, const struct profile *p, struct diag *d)
{
	int line = c->section[config_find(c, "profile")].line;
	enum quantity power = kinds[p->kind].power;
	int setpoint = kinds[p->kind].setpoint;
	if (p->reading[power].type == POINT_ABSENT) {
		diag_error(d, c->path, line, "a %s without its power, expected a [point %s]",
			   kind_choices[p->kind], quantity_name(power));
	}
	for (int i = 0; i < CONTROL_COUNT; i++) {
		bool has = p->control[i].type != POINT_ABSENT;
		bool shared = i == CONTROL_REVERT_S || i == CONTROL_ENABLE;
		bool wanted = setpoint >= 0 && p->control[setpoint].type != POINT_ABSENT;
		if (has && i != setpoint && !(shared && wanted)) {
			diag_error(d, c->path, line, "a %s does not take %s here, expected none",
				   kind_choices[p->kind], control_names[i]);
		} else if (!has && shared && wanted) {
			diag_error(d, c->path, line, "%s without %s, expected both",
				   control_names[setpoint], control_names[i]);
		}
	}
}

/* All points that are there, by table and address. Returns their number. */
static int sort_points(const struct profile *p, const struct point **out)
{
	int count = 0;
	for (int i = 0; i < QUANTITY_COUNT + CONTROL_COUNT; i++) {
		const struct point *point =
			i < QUANTITY_COUNT ? &p->reading[i] : &p->control[i - QUANTITY_COUNT];
		if (point->type == POINT_ABSENT) {
			continue;
		}
		int at = count++;
		while (at > 0 && (out[at - 1]->table > point->table ||
				  (out[at - 1]->table == point->table &&
				   out[at - 1]->address > point->address))) {
			out[at] = out[at - 1];
			at--;
		}
		out[at] = point;
	}
	return count;
}

/* The line that places a point. */
static int point_line(const struct config *c, struct profile *p, const struct point *point)
{
	enum dimension dimension;
	unsigned where;
	for (int s = 0; s < c->sections; s++) {
		if (strcmp(c->section[s].kind, "point") == 0 &&
		    find_point(p, c->section[s].name, &dimension, &where) == point) {
			return config_line(c, s, "register");
		}
	}
	return 0;
}

static void check_overlap(const struct config *c, struct profile *p, struct diag *d)
{
	const struct point *sorted[QUANTITY_COUNT + CONTROL_COUNT];
	int count = sort_points(p, sorted);
	for (int i = 1; i < count; i++) {
		const struct point *a = sorted[i - 1], *b = sorted[i];
		if (a->table == b->table && a->address + point_words(a->type) > b->address) {
			diag_error(d, c->path, point_line(c, p, b),
				   "register %u belongs to another point too, expected no overlap",
				   b->address);
		}
	}
}

static void make_blocks(struct profile *p)
{
	const struct point *sorted[QUANTITY_COUNT + CONTROL_COUNT];
	int count = sort_points(p, sorted);
	struct block *block = NULL;
	for (int i = 0; i < count; i++) {
		const struct point *point = sorted[i];
		int words = point_words(point->type);
		if (point->write_function != 0) {
			continue; /* control points are read one by one, after they were written */
		}
		if (!block || block->table != point->table ||
		    block->address + block->count != point->address ||
		    block->count + words > p->block_words) {
			block = &p->block[p->blocks++];
			*block = (struct block){ .table = point->table, .address = point->address };
		}
		block->count = (uint16_t)(block->count + words);
	}
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
			check_profile(&c, &loaded, d);
			check_overlap(&c, &loaded, d);
		}
		r = d->errors > before ? -EINVAL : 0;
	}
	if (r == 0) {
		make_blocks(&loaded);
		*p = loaded;
	}
	config_free(&c);
	return r;
}

static enum quality decode(const struct point *p, const uint16_t *words, uint16_t address,
			   double *value)
{
	struct point scaled = *p;
	if (p->factored && point_rescale(p, words[p->factor_address - address], &scaled) < 0) {
		return QUALITY_NOT_IMPLEMENTED;
	}
	return point_decode(&scaled, words + (p->address - address), value);
}

/* Whether the device says that its PV is at rest. */
static bool is_asleep(const struct profile *p, const uint16_t *words, uint16_t address)
{
	double state;
	return p->sleep.type != POINT_ABSENT &&
	       decode(&p->sleep, words, address, &state) == QUALITY_GOOD &&
	       (state == p->sleep.off || state == p->sleep.on);
}

enum quality profile_decode(const struct profile *p, enum quantity quantity, const uint16_t *words,
			    uint16_t address, double *value)
{
	double sum = 0;
	enum quality quality = decode(&p->reading[quantity], words, address, &sum);
	for (int i = 0; i < p->terms && quality != QUALITY_OUT_OF_RANGE; i++) {
		double more = 0;
		if (p->term[i].quantity != quantity) {
			continue;
		}
		enum quality q = decode(&p->term[i].point, words, address, &more);
		quality = q == QUALITY_NOT_IMPLEMENTED ? quality : q;
		sum += more;
	}
	if (quality == QUALITY_NOT_IMPLEMENTED && quantity == PV_W &&
	    is_asleep(p, words, address)) {
		quality = QUALITY_GOOD;
		sum = 0;
	}
	if (quality == QUALITY_GOOD) {
		*value = sum;
	}
	return quality;
}

static void widen(struct block *b, int first, int words)
{
	int end = b->address + b->count;
	if (first < b->address) {
		b->address = (uint16_t)first;
	}
	b->count = (uint16_t)((first + words > end ? first + words : end) - b->address);
}

static void widen_by_point(struct block *b, const struct point *p)
{
	widen(b, p->address, point_words(p->type));
	if (p->factored) {
		widen(b, p->factor_address, 1);
	}
}

struct block profile_span(const struct profile *p, enum quantity quantity)
{
	const struct point *own = &p->reading[quantity];
	struct block b = { .table = own->table, .address = own->address };
	widen_by_point(&b, own);
	if (quantity == PV_W && p->sleep.type != POINT_ABSENT) {
		widen_by_point(&b, &p->sleep);
	}
	for (int i = 0; i < p->terms; i++) {
		if (p->term[i].quantity == quantity) {
			widen_by_point(&b, &p->term[i].point);
		}
	}
	return b;
}
