/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile_private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a section is about. */
struct place {
	unsigned where;
	enum dimension dimension;
	struct point *point; /* NULL: there is no such point */
	struct requirement *require;
};

static int64_t us(double s)
{
	return (int64_t)llround(s * 1e6);
}

static enum dimension dimension_of(enum quantity quantity)
{
	static const struct {
		const char *unit;
		enum dimension dimension;
	} map[] = { { "W", DIMENSION_POWER }, { "Wh", DIMENSION_ENERGY } };
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (strcmp(quantity_unit(quantity), map[i].unit) == 0) {
			return map[i].dimension;
		}
	}
	return quantity == BATTERY_SOC ? DIMENSION_FRACTION : DIMENSION_NUMBER;
}

static unsigned where_is(enum control control)
{
	switch (control) {
	case CONTROL_REVERT_S:
		return IN_TIMER;
	case CONTROL_ENABLE:
		return IN_ENABLE;
	case CONTROL_HEARTBEAT:
		return IN_BEAT;
	default:
		return control >= CONTROL_COPY_1     ? IN_COPY
		       : control >= CONTROL_PRESET_1 ? IN_PRESET
						     : IN_SETPOINT;
	}
}

/* The index of "require_1"...; -1: none. */
static int requirement_index(const char *name)
{
	static const char *const names[REQUIREMENTS_MAX] = { "require_1", "require_2", "require_3",
							     "require_4" };
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		if (strcmp(name, names[i]) == 0) {
			return i;
		}
	}
	return -1;
}

static bool says_yes(const struct config *c, int s, const char *key)
{
	for (int i = 0; i < c->entries; i++) {
		if (c->entry[i].section == s && strcmp(c->entry[i].key, key) == 0) {
			return strcmp(c->entry[i].value, "yes") == 0;
		}
	}
	return false;
}

/* What a [point NAME] is about. */
static struct place find_point(struct profile *p, const struct config *c, int s)
{
	const char *name = c->section[s].name;
	int quantity = quantity_by_name(name), control = control_by_name(name);
	int require = requirement_index(name);
	if (quantity >= 0) {
		return (struct place){ .where = IN_READING,
				       .dimension = dimension_of((enum quantity)quantity),
				       .point = &p->reading[quantity] };
	}
	if (require >= 0) {
		return (struct place){ .where = IN_REQUIRE,
				       .point = &p->require[require].point,
				       .require = &p->require[require] };
	}
	if (control < 0) {
		return (struct place){ 0 };
	}
	return (struct place){ .where = where_is((enum control)control),
			       .dimension = control == CONTROL_REVERT_S   ? DIMENSION_TIME
					    : says_yes(c, s, "of-rating") ? DIMENSION_FRACTION
									  : DIMENSION_POWER,
			       .point = &p->control[control] };
}

/* What a [term QUANTITY] or [factor QUANTITY] is about. */
static struct place add_term(struct profile *p, const struct config *c, int s, struct diag *d)
{
	int quantity = quantity_by_name(c->section[s].name);
	bool multiplies = strcmp(c->section[s].kind, "factor") == 0;
	if (quantity < 0) {
		return (struct place){ 0 };
	}
	if (p->terms == PROFILE_TERMS_MAX) {
		diag_error(d, c->path, c->section[s].line,
			   "one [%s] too many, expected at most %d terms and factors",
			   c->section[s].kind, PROFILE_TERMS_MAX);
		return (struct place){ 0 };
	}
	struct term *term = &p->term[p->terms++];
	*term = (struct term){ .quantity = (enum quantity)quantity, .multiplies = multiplies };
	return (struct place){ .where = IN_PART,
			       .dimension = multiplies ? DIMENSION_NUMBER
						       : dimension_of((enum quantity)quantity),
			       .point = &term->point };
}

/* One value for all directions, or one for each. */
static void finish_switch(const struct config *c, int s, double idle, bool enable, struct point *p,
			  struct diag *d)
{
	bool on = config_has(c, s, "on"), charge = config_has(c, s, "charge");
	bool split = charge || config_has(c, s, "discharge") || config_has(c, s, "idle");
	p->has_off = config_has(c, s, "off");
	if (on == split || (split && !(charge && config_has(c, s, "discharge")))) {
		diag_error(d, c->path, c->section[s].line,
			   "what to write under command is not clear, expected either on, or "
			   "charge and discharge and maybe idle");
		return;
	}
	if (on) {
		p->charge = p->discharge = p->on;
	} else {
		p->on = config_has(c, s, "idle") ? idle : p->charge;
	}
	p->min = fmin(fmin(p->charge, p->discharge), p->on);
	p->max = fmax(fmax(p->charge, p->discharge), p->on);
	if (p->has_off) {
		p->min = fmin(p->min, p->off);
		p->max = fmax(p->max, p->off);
	}
	profile_check_switch(c, s, p, enable, d);
}

static void finish_heartbeat(const struct config *c, int s, struct point *p, struct diag *d)
{
	bool range = config_has(c, s, "min") || config_has(c, s, "max");
	if (p->toggles) {
		p->min = fmin(p->on, p->off);
		p->max = fmax(p->on, p->off);
	} else if (!config_has(c, s, "max")) {
		p->max = 65534; /* the largest of 16 bits that is no sentinel */
	}
	if ((range && p->toggles) || p->min >= p->max) {
		diag_error(d, c->path, c->section[s].line,
			   "a heartbeat of no range, expected min and max, or values");
	}
}

/* Make a point of what its section says. */
static void finish_point(const struct config *c, int s, const struct point_section *raw,
			 unsigned where, struct point *p)
{
	*p = raw->point;
	p->line = config_line(c, s, "register");
	p->type = (enum point_type)(raw->type + POINT_U16);
	p->order = (enum word_order)raw->order;
	p->other_unit = (int)raw->other_unit;
	p->scale = raw->invert ? -raw->point.scale : raw->point.scale;
	p->table =
		where & IN_READ ? (enum register_table)(raw->table + TABLE_HOLDING) : TABLE_HOLDING;
	p->factored = config_has(c, s, "scale-factor");
	if (where & (IN_PART | IN_REQUIRE)) {
		p->min = -HUGE_VAL;
		p->max = HUGE_VAL;
	}
	if (where & IN_CONTROL) {
		p->write_function = raw->write ? 16 : 6;
		p->group = (int)raw->group;
		p->write_interval_us = us(raw->write_interval_s);
		p->writes_per_day = p->flash ? (int)raw->writes_per_day : 0;
		p->has_off = config_has(c, s, "off");
		p->follows = CONTROL_BATTERY_SETPOINT_W + raw->follows;
	}
}

static void load_point(struct config *c, int s, const struct bus_section *bus,
		       const struct place *at, struct diag *d)
{
	struct point_section raw = { .table = bus->table, .order = bus->order, .point.scale = 1 };
	struct point *point = at->point;
	int errors = d->errors;
	profile_apply_point(c, s, at->where, at->dimension, &raw, d);
	if (d->errors > errors) {
		return;
	}
	finish_point(c, s, &raw, at->where, point);
	if (at->where & IN_SWITCH) {
		finish_switch(c, s, raw.idle, at->where == IN_ENABLE, point, d);
	} else if (at->where & IN_BEAT) {
		finish_heartbeat(c, s, point, d);
	} else if (point->min >= point->max) {
		diag_error(d, c->path, config_line(c, s, "max"),
			   "max is not above min, expected a range");
	}
	if (at->require) {
		at->require->value = raw.value;
		memcpy(at->require->hint, raw.hint, sizeof(raw.hint));
	}
	profile_check_point(c, s, point, d);
}

static void load_any_point(struct config *c, int s, const struct bus_section *bus,
			   struct profile *p, struct diag *d)
{
	struct config_section *section = &c->section[s];
	bool part = strcmp(section->kind, "term") == 0 || strcmp(section->kind, "factor") == 0;
	int errors = d->errors;
	if (!part && strcmp(section->kind, "point") != 0) {
		return;
	}
	section->repeats = strcmp(section->kind, "term") == 0;
	struct place at = part ? add_term(p, c, s, d) : find_point(p, c, s);
	if (at.point) {
		load_point(c, s, bus, &at, d);
		return;
	}
	section->known = true;
	if (d->errors == errors) {
		diag_error(d, c->path, section->line,
			   "unknown point \"%s\", expected a quantity like grid_w%s", section->name,
			   part ? ""
				: ", or revert_s, battery_setpoint_w, "
				  "battery_charge_setpoint_w, battery_discharge_setpoint_w, "
				  "pv_limit_w, control_enable, heartbeat, preset_1 to _8, copy_1 "
				  "to _4, require_1 to _4");
	}
}

static void load_bus(struct config *c, int s, struct bus_section *bus, struct profile *p,
		     struct diag *d)
{
	profile_apply_bus(c, s, bus, d);
	p->unit = (int)bus->unit;
	p->block_words = (int)bus->block;
	p->connect_delay_us = us(bus->connect_delay_s);
	p->request_delay_us = us(bus->request_delay_s);
	p->settle_us = us(bus->settle_s);
	p->timeout_us = us(bus->timeout_s);
	for (int i = 0; i < p->ranges; i++) {
		if (p->readable[i].table == 0) {
			p->readable[i].table = (enum register_table)(bus->table + TABLE_HOLDING);
		}
	}
}

static void load_sections(struct config *c, struct profile *p, struct diag *d)
{
	struct bus_section bus = { .profile = p };
	int head = config_find(c, "profile"), wire = config_find(c, "bus");
	if (head < 0 || wire < 0) {
		diag_error(d, c->path, 0, "no [%s] section, expected one",
			   head < 0 ? "profile" : "bus");
		return;
	}
	profile_apply_head(c, head, p, d);
	load_bus(c, wire, &bus, p, d);
	for (int s = 0; s < c->sections; s++) {
		load_any_point(c, s, &bus, p, d);
	}
	config_refuse_unknown(
		c, "[profile], [bus], [point NAME], [term QUANTITY] and [factor QUANTITY]", d);
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
			profile_make_blocks(&c, &loaded, d);
		}
		r = d->errors > before ? -EINVAL : 0;
	}
	if (r == 0) {
		*p = loaded;
	}
	config_free(&c);
	return r;
}
