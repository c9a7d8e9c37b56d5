/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/profile_private.h"

#include <assert.h>
#include <string.h>

/* What a kind of device must tell, and which set-points it may take; -1: none. */
static const struct {
	enum quantity power;
	int setpoint[3]; /* enum control; the second and third stand for the first */
} kinds[] = {
	[DEVICE_METER] = { GRID_W, { -1, -1, -1 } },
	[DEVICE_PV] = { PV_W, { CONTROL_PV_LIMIT_W, -1, -1 } },
	[DEVICE_BATTERY] = { BATTERY_W,
			     { CONTROL_BATTERY_SETPOINT_W, CONTROL_BATTERY_CHARGE_SETPOINT_W,
			       CONTROL_BATTERY_DISCHARGE_SETPOINT_W } },
};
static_assert(sizeof(kinds) / sizeof(*kinds) == DEVICE_KIND_COUNT, "describe each kind");

/* A file under check. */
struct check {
	const struct config *c;
	const struct profile *p;
	struct diag *d;
	int head; /* the [profile] section */
	int line; /* and its line */
};

static bool has(const struct check *k, int control)
{
	return control >= 0 && k->p->control[control].type != POINT_ABSENT;
}

/* --- single points ------------------------------------------------------------------------------
 */

static void check_flash(const struct config *c, int s, const struct point *p, struct diag *d)
{
	if (p->flash && p->write_interval_us == 0) {
		diag_error(d, c->path, config_line(c, s, "flash"),
			   "flash = yes wears out, expected a write-interval as well");
	}
	if (!p->flash && config_has(c, s, "writes-per-day")) {
		diag_error(d, c->path, config_line(c, s, "writes-per-day"),
			   "writes-per-day of a point that does not wear, expected flash = yes");
	}
}

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
	if (p->write_function == 6 && p->group) {
		diag_error(d, c->path, config_line(c, s, "group"),
			   "write-function = 6 writes one register, expected 16 in a group");
	}
	if (p->magnitude && p->min < 0) {
		diag_error(d, c->path, config_line(c, s, "min"),
			   "a magnitude below 0, expected min = 0 W or more");
	}
	if (p->has_off && (p->off < p->min || p->off > p->max)) {
		diag_error(d, c->path, config_line(c, s, "off"),
			   "off is not within min and max, expected a value in between");
	}
	check_flash(c, s, p, d);
}

void profile_check_switch(const struct config *c, int s, const struct point *p, bool enable,
			  struct diag *d)
{
	const double values[] = { p->on, p->charge, p->discharge, p->has_off ? p->off : p->on };
	uint16_t words[POINT_WORDS_MAX];
	if (enable && (p->on == p->off || p->charge == p->off || p->discharge == p->off)) {
		diag_error(d, c->path, config_line(c, s, "off"),
			   "on and off are the same, expected two values");
		return;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (point_encode(p, values[i], words) < 0) {
			diag_error(d, c->path, c->section[s].line,
				   "a value of %s does not fit the type, expected a %s",
				   c->section[s].name, profile_types[p->type - POINT_U16]);
			return;
		}
	}
}

/* --- which points go together -------------------------------------------------------------------
 */

static void check_power(const struct check *k)
{
	enum quantity power = kinds[k->p->kind].power;
	if (k->p->reading[power].type == POINT_ABSENT) {
		diag_error(k->d, k->c->path, k->line,
			   "a %s without its power, expected a [point %s]",
			   profile_kinds[k->p->kind], quantity_name(power));
	}
	for (int i = 0; i < k->p->terms; i++) {
		const struct term *t = &k->p->term[i];
		if (k->p->reading[t->quantity].type == POINT_ABSENT) {
			diag_error(k->d, k->c->path, t->point.line,
				   "a part of a quantity that is not there, expected a [point %s]",
				   quantity_name(t->quantity));
		}
	}
}

static bool is_setpoint(const struct check *k, int control)
{
	const int *setpoint = kinds[k->p->kind].setpoint;
	return control == setpoint[0] || control == setpoint[1] || control == setpoint[2];
}

static bool is_any_setpoint(int control)
{
	return control >= CONTROL_BATTERY_SETPOINT_W && control <= CONTROL_PV_LIMIT_W;
}

/* Which control points this kind of device takes. */
static void check_kind(const struct check *k)
{
	bool controls = profile_controls(k->p);
	for (int i = 0; i < CONTROL_COUNT; i++) {
		bool fits = is_any_setpoint(i) ? is_setpoint(k, i) : controls;
		if (has(k, i) && !fits) {
			diag_error(k->d, k->c->path, k->line,
				   "a %s does not take %s here, expected none",
				   profile_kinds[k->p->kind], control_name((enum control)i));
		}
	}
	for (int i = 0; i < REQUIREMENTS_MAX && !controls; i++) {
		if (k->p->require[i].point.type != POINT_ABSENT) {
			diag_error(k->d, k->c->path, k->p->require[i].point.line,
				   "require_%d without anything to command, expected a set-point",
				   i + 1);
		}
	}
}

/* A battery's two registers stand for one. */
static void check_pair(const struct check *k)
{
	bool one = has(k, CONTROL_BATTERY_SETPOINT_W);
	bool charge = has(k, CONTROL_BATTERY_CHARGE_SETPOINT_W);
	bool discharge = has(k, CONTROL_BATTERY_DISCHARGE_SETPOINT_W);
	if (charge != discharge || (one && charge)) {
		diag_error(k->d, k->c->path, k->line,
			   "set-points that do not go together, expected battery_setpoint_w, or "
			   "battery_charge_setpoint_w and battery_discharge_setpoint_w");
	}
	for (int i = CONTROL_BATTERY_CHARGE_SETPOINT_W; i <= CONTROL_PV_LIMIT_W; i++) {
		if (has(k, i) && k->p->control[i].min < 0) {
			diag_error(k->d, k->c->path, k->p->control[i].line,
				   "%s below 0, expected min = 0 W or more",
				   control_name((enum control)i));
		}
	}
}

/* What tells a direction, where the set-point does not. */
static void check_direction(const struct check *k)
{
	bool told = false;
	for (int i = CONTROL_ENABLE; i < CONTROL_COPY_1; i++) {
		const struct point *p = &k->p->control[i];
		bool split = i != CONTROL_HEARTBEAT && has(k, i) && p->charge != p->discharge;
		if (split && k->p->kind != DEVICE_BATTERY) {
			diag_error(k->d, k->c->path, p->line,
				   "charge and discharge of a %s, expected on",
				   profile_kinds[k->p->kind]);
		}
		told = told || split;
	}
	for (int i = 0; i < CONTROL_COUNT; i++) {
		if (has(k, i) && k->p->control[i].magnitude && !told) {
			diag_error(k->d, k->c->path, k->p->control[i].line,
				   "magnitude = yes and nothing tells the direction, expected "
				   "charge and discharge of control_enable or a preset");
		}
	}
}

static void check_copies(const struct check *k)
{
	for (int i = CONTROL_COPY_1; i < CONTROL_COPY_1 + COPIES_MAX; i++) {
		const struct point *p = &k->p->control[i];
		if (has(k, i) && !has(k, p->follows)) {
			diag_error(k->d, k->c->path, p->line,
				   "%s follows %s, which is not there, expected another",
				   control_name((enum control)i),
				   control_name((enum control)p->follows));
		}
	}
}

/* --- ranges -------------------------------------------------------------------------------------
 */

static const double revert_min_s = 3600; /* at most: as long as it holds on when we are gone */

/* Nothing may be commanded that nobody asked for: what is asked for is moved into the range. */
static void check_ranges(const struct check *k)
{
	const struct point *timer = &k->p->control[CONTROL_REVERT_S];
	for (int i = CONTROL_BATTERY_SETPOINT_W; i <= CONTROL_PV_LIMIT_W; i++) {
		const struct point *p = &k->p->control[i];
		bool has_sign = i == CONTROL_BATTERY_SETPOINT_W && !p->magnitude;
		bool rests = has_sign ? p->min <= 0 && p->max >= 0 : p->min <= p->step;
		if (has(k, i) && i != CONTROL_PV_LIMIT_W && !rests) {
			diag_error(k->d, k->c->path, p->line,
				   "%s cannot be told to rest, expected %s",
				   control_name((enum control)i),
				   has_sign ? "0 W between min and max" : "min = 0 W");
		}
		if (has(k, i) && p->step > p->max - p->min) {
			diag_error(k->d, k->c->path, p->line,
				   "%s has a step beyond its range, expected a smaller one",
				   control_name((enum control)i));
		}
	}
	if (has(k, CONTROL_REVERT_S) && timer->min > revert_min_s) {
		diag_error(k->d, k->c->path, timer->line,
			   "revert_s is never below %g s, expected min = 1 h at most", timer->min);
	}
}

/* --- liveness -----------------------------------------------------------------------------------
 */

/* The set-point that is there, for messages. */
static const char *setpoint_name(const struct check *k)
{
	for (int i = CONTROL_BATTERY_SETPOINT_W; i <= CONTROL_PV_LIMIT_W; i++) {
		if (has(k, i)) {
			return control_name((enum control)i);
		}
	}
	return "?";
}

/* Whether something written ends a command at once. */
static bool can_release(const struct check *k)
{
	bool off = true;
	for (int i = CONTROL_BATTERY_SETPOINT_W; i <= CONTROL_PV_LIMIT_W; i++) {
		off = off && (!has(k, i) || k->p->control[i].has_off);
	}
	return off || has(k, CONTROL_ENABLE);
}

/* A part of a class: there where it has to be, and only there. */
static void check_part(const struct check *k, const char *part, bool there, bool needed)
{
	if (there && !needed) {
		diag_error(k->d, k->c->path, config_line(k->c, k->head, "liveness"),
			   "liveness = %c has no %s, expected none or another class",
			   liveness_letter(k->p->liveness), part);
	} else if (!there && needed) {
		diag_error(k->d, k->c->path, k->line, "%s without %s, expected both",
			   setpoint_name(k), part);
	}
}

/* A latched device is given back what its registers held: all of them must tell. */
static void check_readable(const struct check *k)
{
	for (int i = 0; i < CONTROL_COUNT; i++) {
		if (has(k, i) && i != CONTROL_HEARTBEAT && !k->p->control[i].readback) {
			diag_error(
				k->d, k->c->path, k->p->control[i].line,
				"%s cannot be read back, expected readback = yes with liveness = C",
				control_name((enum control)i));
		}
	}
}

static void check_liveness(const struct check *k)
{
	enum liveness class = k->p->liveness;
	if (!profile_controls(k->p)) {
		if (class != LIVENESS_NONE || k->p->revert_s > 0) {
			diag_error(k->d, k->c->path, config_line(k->c, k->head, "liveness"),
				   "liveness or revert of a device that takes no commands, "
				   "expected neither");
		}
		return;
	}
	if (class == LIVENESS_NONE) {
		diag_error(k->d, k->c->path, k->line,
			   "%s without liveness, expected liveness = A, B, C or D",
			   setpoint_name(k));
		return;
	}
	check_part(k, "revert_s", has(k, CONTROL_REVERT_S), class == LIVENESS_TIMER);
	check_part(k, "revert", k->p->revert_s > 0,
		   class == LIVENESS_FIXED || class == LIVENESS_HEARTBEAT);
	if (class == LIVENESS_HEARTBEAT) {
		check_part(k, "heartbeat", has(k, CONTROL_HEARTBEAT), true);
	}
	if (class == LIVENESS_TIMER || class == LIVENESS_LATCHED) {
		check_part(k, "control_enable", can_release(k), true);
	}
	if (class == LIVENESS_LATCHED) {
		check_readable(k);
	}
}

/* --- registers ----------------------------------------------------------------------------------
 */

static void check_denied(const struct check *k)
{
	for (int i = 0; i < CONTROL_COUNT; i++) {
		const struct point *p = &k->p->control[i];
		for (int j = 0; j < k->p->denies && has(k, i); j++) {
			const struct deny *deny = &k->p->deny[j];
			if (p->address <= deny->last &&
			    p->address + point_words(p->type) > deny->first) {
				diag_error(k->d, k->c->path, p->line,
					   "register %u lies in %u-%u, which is never written "
					   "(%s), expected another",
					   p->address, deny->first, deny->last, deny->why);
			}
		}
	}
}

/* The members of a group by address. Returns their number. */
static int sort_group(const struct profile *p, int group, const struct point **out)
{
	int count = 0;
	for (int i = 0; i < CONTROL_COUNT; i++) {
		if (p->control[i].type == POINT_ABSENT || p->control[i].group != group) {
			continue;
		}
		int at = count++;
		for (; at > 0 && out[at - 1]->address > p->control[i].address; at--) {
			out[at] = out[at - 1];
		}
		out[at] = &p->control[i];
	}
	return count;
}

static void check_group(const struct check *k, int group)
{
	const struct point *member[CONTROL_COUNT];
	int count = sort_group(k->p, group, member), words = 0;
	for (int i = 0; i < count; i++) {
		words += point_words(member[i]->type);
		if (i > 0 && (member[i]->other_unit != member[0]->other_unit ||
			      member[i - 1]->address + point_words(member[i - 1]->type) !=
				      member[i]->address)) {
			diag_error(k->d, k->c->path, member[i]->line,
				   "group %d has a gap before register %u, expected registers in "
				   "a row at one unit",
				   group, member[i]->address);
		}
	}
	if (count == 1 || words > GROUP_WORDS_MAX) {
		diag_error(k->d, k->c->path, member[0]->line,
			   "group %d has %d points of %d registers, expected at least 2 points and "
			   "at most %d registers",
			   group, count, words, GROUP_WORDS_MAX);
	}
}

void profile_check(const struct config *c, const struct profile *p, struct diag *d)
{
	int head = config_find(c, "profile");
	struct check k = { .c = c, .p = p, .d = d, .head = head, .line = c->section[head].line };
	check_power(&k);
	check_kind(&k);
	check_pair(&k);
	check_direction(&k);
	check_copies(&k);
	check_ranges(&k);
	check_liveness(&k);
	check_denied(&k);
	for (int g = 1; g <= GROUPS_MAX; g++) {
		check_group(&k, g);
	}
}
