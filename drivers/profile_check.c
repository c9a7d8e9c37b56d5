/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile_private.h"

#include <assert.h>
#include <string.h>

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

void profile_check_point(const struct config *c, int s, const struct point *p, struct diag *d)
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

void profile_check_enable(const struct config *c, int s, const struct point *p, struct diag *d)
{
	uint16_t words[POINT_WORDS_MAX];
	if (p->on == p->off) {
		diag_error(d, c->path, config_line(c, s, "off"),
			   "on and off are the same, expected two values");
	} else if (point_encode(p, p->on, words) < 0 || point_encode(p, p->off, words) < 0) {
		diag_error(d, c->path, config_line(c, s, "on"),
			   "on or off does not fit the type, expected a %s",
			   profile_types[p->type - POINT_U16]);
	}
}

/* What makes the profile as a whole usable. */
static void check_whole(const struct config *c, const struct profile *p, struct diag *d)
{
	int line = c->section[config_find(c, "profile")].line;
	enum quantity power = kinds[p->kind].power;
	int setpoint = kinds[p->kind].setpoint;
	if (p->reading[power].type == POINT_ABSENT) {
		diag_error(d, c->path, line, "a %s without its power, expected a [point %s]",
			   profile_kinds[p->kind], quantity_name(power));
	}
	for (int i = 0; i < CONTROL_COUNT; i++) {
		bool has = p->control[i].type != POINT_ABSENT;
		bool shared = i == CONTROL_REVERT_S || i == CONTROL_ENABLE;
		bool wanted = setpoint >= 0 && p->control[setpoint].type != POINT_ABSENT;
		if (has && i != setpoint && !(shared && wanted)) {
			diag_error(d, c->path, line, "a %s does not take %s here, expected none",
				   profile_kinds[p->kind], control_name((enum control)i));
		} else if (!has && shared && wanted) {
			diag_error(d, c->path, line, "%s without %s, expected both",
				   control_name((enum control)setpoint),
				   control_name((enum control)i));
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
	for (int s = 0; s < c->sections; s++) {
		if (strcmp(c->section[s].kind, "point") == 0 &&
		    profile_find_point(p, c->section[s].name) == point) {
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

void profile_make_blocks(struct profile *p)
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

void profile_check(const struct config *c, struct profile *p, struct diag *d)
{
	check_whole(c, p, d);
	check_overlap(c, p, d);
}
