/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sunspec_profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "drivers/sunspec_control.h"
#include "drivers/sunspec_point.h"

enum {
	BLOCK_WORDS = 125,
	UNIT_DEFAULT = 1,
	TIMEOUT_US = 2000000, /* the slowest known want a second */
	MODULE_NAME_WORDS = 8,
	/* Repetitions that can be read in one request with their scale factors: */
	MODULES_MAX = 6, /* of 160 */
	PORTS_MAX = 4,   /* of 714 */
};

/* What cannot be true, per quantity, in our units. An inverter at night may take a little. */
static const struct {
	double min, max;
} limits[] = {
	[GRID_W] = { -1e6, 1e6 },
	[GRID_IMPORT_WH] = { 0, 1e12 },
	[GRID_EXPORT_WH] = { 0, 1e12 },
	[GRID_V] = { 0, 1000 },
	[GRID_HZ] = { 40, 70 },
	[PV_W] = { -1e3, 1e6 },
	[PV_WH] = { 0, 1e12 },
	[BATTERY_W] = { -1e6, 1e6 },
	[BATTERY_SOC] = { 0, 1 },
	[BATTERY_CHARGE_MAX_W] = { 0, 1e6 },
	[BATTERY_DISCHARGE_MAX_W] = { 0, 1e6 },
	[BATTERY_CHARGE_WH] = { 0, 1e12 },
	[BATTERY_DISCHARGE_WH] = { 0, 1e12 },
};

/* What a DC module or port is for. */
enum role { ROLE_PV, ROLE_CHARGE, ROLE_DISCHARGE, ROLE_STORAGE, ROLE_OTHER };

struct parts {
	const struct sunspec_found *found; /* NULL: the device does not part its DC side */
	int count;
	enum role role[MODULES_MAX];
	bool storage; /* one of them is not PV */
};

struct builder {
	const struct sunspec *s;
	const struct sunspec_reader *reader;
	struct profile *p;
	struct parts modules, ports;
	bool has_storage; /* there is a battery behind this device */
};

/* --- points -------------------------------------------------------------------------------------
 */

/* Let a quantity be told, or be told in part, by a model's point. Returns whether it is there. */
static bool add(struct builder *b, enum quantity q, const struct sunspec_found *f, const char *name,
		int index, double scale)
{
	struct profile *p = b->p;
	struct point made;
	if (!f || sunspec_make_point(f, name, index, &made) < 0) {
		return false;
	}
	made.scale = scale;
	made.optional = true;
	made.min = limits[q].min;
	made.max = limits[q].max;
	if (p->reading[q].type == POINT_ABSENT) {
		p->reading[q] = made;
	} else if (p->terms < PROFILE_TERMS_MAX) {
		p->term[p->terms++] = (struct term){ .quantity = q, .point = made };
	}
	return true;
}

/* Sum up a point of all parts that have a role. Returns whether there is one. */
static bool add_parts(struct builder *b, enum quantity q, const struct parts *parts, enum role role,
		      const char *name, double scale)
{
	bool any = false;
	for (int i = 0; i < parts->count; i++) {
		if (parts->role[i] == role) {
			any = add(b, q, parts->found, name, i, scale) || any;
		}
	}
	return any;
}

/* Let a state tell whether PV rests: off, or off + 1, sleeping. */
static void add_sleep(struct builder *b, const struct sunspec_found *f, const char *name, int index,
		      int off)
{
	struct point *p = &b->p->sleep;
	if (sunspec_make_point(f, name, index, p) == 0) {
		p->off = off;
		p->on = off + 1;
	}
}

static const struct sunspec_found *find(const struct builder *b, int first, int last)
{
	return sunspec_find(b->s, first, last, 0);
}

/* The inverter's measurement of its AC side. */
static const struct sunspec_found *find_inverter(const struct builder *b)
{
	const struct sunspec_found *f = find(b, 101, 103);
	return f ? f : find(b, 111, 113);
}

/* --- the DC side --------------------------------------------------------------------------------
 */

static bool starts_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

/* Learn a DC module's role from its name: Fronius calls the battery's two StCha and StDisCha. */
static int module_role(struct builder *b, const struct sunspec_found *f, int index, enum role *role)
{
	uint16_t words[MODULE_NAME_WORDS];
	char name[2 * MODULE_NAME_WORDS + 1] = { 0 };
	int address = f->address + sunspec_point(f->model, "IDStr")->offset +
		      index * sunspec_layout(f->model)->repeat;
	int r = b->reader->read(b->reader->context, address, MODULE_NAME_WORDS, words);
	for (int i = 0; r == 0 && i < 2 * MODULE_NAME_WORDS; i++) {
		name[i] = (char)(words[i / 2] >> (i % 2 ? 0 : 8) & 0xFF);
	}
	*role = starts_with(name, "StDisCha") ? ROLE_DISCHARGE
		: starts_with(name, "StCha")  ? ROLE_CHARGE
					      : ROLE_PV;
	return r;
}

static int find_modules(struct builder *b)
{
	const struct sunspec_found *f = find(b, 160, 160);
	struct parts *m = &b->modules;
	int count = f ? sunspec_repeats(f) : 0, r = 0;
	if (count == 0 || count > MODULES_MAX) {
		return 0;
	}
	for (int i = 0; i < count && r == 0; i++) {
		r = module_role(b, f, i, &m->role[i]);
		m->storage = m->storage || m->role[i] != ROLE_PV;
	}
	if (!m->storage && count == 4 && find(b, 124, 124)) { /* without names: as is usual */
		m->role[2] = ROLE_CHARGE;
		m->role[3] = ROLE_DISCHARGE;
		m->storage = true;
	}
	m->found = f;
	m->count = count;
	return r;
}

static int find_ports(struct builder *b)
{
	static const enum role roles[] = { ROLE_PV, ROLE_STORAGE }; /* by PrtTyp */
	const struct sunspec_found *f = find(b, 714, 714);
	struct parts *m = &b->ports;
	int count = f ? sunspec_repeats(f) : 0;
	if (count == 0 || count > PORTS_MAX) {
		return 0;
	}
	for (int i = 0; i < count; i++) {
		double type = -1;
		int r = sunspec_read_value(b->reader, f, "PrtTyp", i, &type);
		if (r != 0 && r != -ENODATA) {
			return r;
		}
		m->role[i] = type >= 0 && type < 2 ? roles[(int)type] : ROLE_OTHER;
		m->storage = m->storage || m->role[i] == ROLE_STORAGE;
	}
	m->found = f;
	m->count = count;
	return 0;
}

/* --- by kind ------------------------------------------------------------------------------------
 */

static bool build_meter(struct builder *b)
{
	const struct sunspec_found *f = find(b, 201, 204);
	f = f ? f : find(b, 211, 214);
	/* SolarEdge's meters count export positive, against the standard. */
	double sign = starts_with(b->s->manufacturer, "SolarEdge") ? -1 : 1;
	add(b, GRID_IMPORT_WH, f, "TotWhImp", 0, 1);
	add(b, GRID_EXPORT_WH, f, "TotWhExp", 0, 1);
	add(b, GRID_V, f, "PhVphA", 0, 1);
	add(b, GRID_HZ, f, "Hz", 0, 1);
	return add(b, GRID_W, f, "W", 0, sign);
}

/* Tell PV power by a point of f, and rest by a state of it that is off or sleeping. */
static bool add_pv(struct builder *b, const struct sunspec_found *f, const char *state, int off)
{
	if (!add(b, PV_W, f, "W", 0, 1)) {
		return false;
	}
	add_sleep(b, f, state, 0, off);
	return true;
}

static bool build_pv(struct builder *b)
{
	if (b->ports.storage) {
		add_parts(b, PV_WH, &b->ports, ROLE_PV, "DCWhInj", 1);
		return add_parts(b, PV_W, &b->ports, ROLE_PV, "DCW", 1);
	}
	if (b->modules.storage) {
		add_parts(b, PV_WH, &b->modules, ROLE_PV, "DCWH", 1);
		add_sleep(b, b->modules.found, "DCSt", 0, 1);
		return add_parts(b, PV_W, &b->modules, ROLE_PV, "DCW", 1);
	}
	if (b->has_storage) {
		return false; /* its AC power is not that of its PV */
	}
	const struct sunspec_found *f = find(b, 701, 701), *inverter = find_inverter(b);
	(void)(add(b, PV_WH, f, "TotWhInj", 0, 1) || add(b, PV_WH, inverter, "WH", 0, 1));
	return add_pv(b, f, "InvSt", 0) || add_pv(b, inverter, "St", 1);
}

static bool build_battery_power(struct builder *b)
{
	if (b->ports.storage) {
		add_parts(b, BATTERY_CHARGE_WH, &b->ports, ROLE_STORAGE, "DCWhAbs", 1);
		add_parts(b, BATTERY_DISCHARGE_WH, &b->ports, ROLE_STORAGE, "DCWhInj", 1);
		return add_parts(b, BATTERY_W, &b->ports, ROLE_STORAGE, "DCW", 1);
	}
	if (b->modules.storage) {
		add_parts(b, BATTERY_CHARGE_WH, &b->modules, ROLE_CHARGE, "DCWH", 1);
		add_parts(b, BATTERY_DISCHARGE_WH, &b->modules, ROLE_DISCHARGE, "DCWH", 1);
		bool in = add_parts(b, BATTERY_W, &b->modules, ROLE_CHARGE, "DCW", -1);
		bool out = add_parts(b, BATTERY_W, &b->modules, ROLE_DISCHARGE, "DCW", 1);
		return in && out;
	}
	if (add_parts(b, BATTERY_W, &b->modules, ROLE_STORAGE, "DCW", 1) ||
	    add(b, BATTERY_W, find(b, 802, 802), "W", 0, 1)) {
		return true;
	}
	if (!b->has_storage || b->modules.found) {
		return false; /* there is PV behind its AC side */
	}
	const struct sunspec_found *f = find(b, 701, 701);
	add(b, BATTERY_CHARGE_WH, f, "TotWhAbs", 0, 1);
	add(b, BATTERY_DISCHARGE_WH, f, "TotWhInj", 0, 1);
	return add(b, BATTERY_W, f, "W", 0, 1) || add(b, BATTERY_W, find_inverter(b), "W", 0, 1);
}

struct choice {
	uint16_t model;
	const char *name;
};

/* Take the first source that is implemented now; else the first that is there. Returns 0, or the
 * line's failure. */
static int choose(struct builder *b, enum quantity q, double scale, const struct choice *choices,
		  int count)
{
	const struct choice *first = NULL, *best = NULL;
	for (int i = 0; i < count && !best; i++) {
		const struct sunspec_found *f = find(b, choices[i].model, choices[i].model);
		double value;
		if (!f) {
			continue;
		}
		first = first ? first : &choices[i];
		int r = sunspec_read_value(b->reader, f, choices[i].name, 0, &value);
		if (r == 0) {
			best = &choices[i];
		} else if (r != -ENODATA && !(r > 0 && r <= 3)) {
			return r;
		}
	}
	best = best ? best : first;
	if (best) {
		add(b, q, find(b, best->model, best->model), best->name, 0, scale);
	}
	return 0;
}

static int build_battery_state(struct builder *b)
{
	static const struct choice soc[] = { { 713, "SoC" }, { 802, "SoC" }, { 124, "ChaState" } };
	static const struct choice charge[] = { { 802, "WChaRteMax" },
						{ 702, "WChaRteMax" },
						{ 124, "WChaMax" } };
	static const struct choice discharge[] = { { 802, "WDisChaRteMax" },
						   { 702, "WDisChaRteMax" },
						   { 124, "WChaMax" } };
	int r = choose(b, BATTERY_SOC, 0.01, soc, 3);
	r = r ? r : choose(b, BATTERY_CHARGE_MAX_W, 1, charge, 3);
	return r ? r : choose(b, BATTERY_DISCHARGE_MAX_W, 1, discharge, 3);
}

/* --- blocks -------------------------------------------------------------------------------------
 */

/* A point that is read, if it lies in that model. */
static struct point *part_of(struct profile *p, int i, const struct sunspec_found *f)
{
	enum quantity quantity;
	const struct point *found = profile_part(p, i, &quantity);
	bool inside = found && found->address >= f->address &&
		      found->address < f->address + f->length + 2;
	return inside ? (struct point *)found : NULL; /* p may be changed */
}

/* One block a model: from its first point that is read to its last one. What does not fit is not
 * read. */
static void make_blocks(const struct sunspec *s, struct profile *p)
{
	for (int i = 0; i < s->count && p->blocks < PROFILE_BLOCKS_MAX; i++) {
		const struct sunspec_found *f = &s->found[i];
		int low = f->address + f->length + 2, high = 0;
		for (int j = 0; j < PROFILE_PARTS; j++) {
			const struct point *part = part_of(p, j, f);
			if (part) {
				struct block span = profile_span(part);
				int end = span.address + span.count;
				low = span.address < low ? span.address : low;
				high = end > high ? end : high;
			}
		}
		for (int j = 0; j < PROFILE_PARTS; j++) {
			struct point *part = part_of(p, j, f);
			if (part && high - low > BLOCK_WORDS) {
				part->type = POINT_ABSENT;
			} else if (part) {
				part->block = p->blocks;
			}
		}
		if (high > low && high - low <= BLOCK_WORDS) {
			p->block[p->blocks++] = (struct block){ .table = TABLE_HOLDING,
								.address = (uint16_t)low,
								.count = (uint16_t)(high - low) };
		}
	}
}

/* --- public -------------------------------------------------------------------------------------
 */

void sunspec_profile_init(enum device_kind kind, struct profile *p)
{
	*p = (struct profile){
		.name = "SunSpec",
		.source = "SunSpec information models",
		.kind = kind,
		.unit = UNIT_DEFAULT,
		.block_words = BLOCK_WORDS,
		.timeout_us = TIMEOUT_US,
		.sunspec = true,
	};
}

static int build(struct builder *b)
{
	int r = find_modules(b);
	r = r ? r : find_ports(b);
	if (r != 0 || b->p->kind == DEVICE_METER) {
		return r ? r : (build_meter(b) ? 0 : -ENODEV);
	}
	if (b->p->kind == DEVICE_PV) {
		return build_pv(b) ? 0 : -ENODEV;
	}
	return build_battery_power(b) ? build_battery_state(b) : -ENODEV;
}

int sunspec_profile(const struct sunspec *s, const struct sunspec_reader *reader, struct profile *p)
{
	struct profile made = *p;
	sunspec_profile_init(p->kind, &made);
	struct builder b = { .s = s, .reader = reader, .p = &made };
	b.has_storage = find(&b, 124, 124) || find(&b, 713, 713) || find(&b, 802, 803);
	snprintf(made.name, sizeof(made.name), "%.20s %.24s", s->manufacturer, s->product);
	int r = build(&b);
	r = r ? r : sunspec_control(s, reader, &made);
	if (r == 0) {
		made.unit = p->unit;
		made.connect_delay_us = p->connect_delay_us;
		made.request_delay_us = p->request_delay_us;
		made.timeout_us = p->timeout_us;
		make_blocks(s, &made);
		*p = made;
	}
	return r;
}
