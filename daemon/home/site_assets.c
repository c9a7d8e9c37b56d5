/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site's assets that are reached by a driver: meter, PV, batteries. */
#include "daemon/home/site_private.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "drivers/address.h"

static const char *const drivers[] = { "none", "modbus", "simulated", NULL };

static const char *parse_address(const char *text, void *field)
{
	struct modbus_address address;
	const char *expected = modbus_address_parse(text, &address);
	if (!expected && strlen(text) >= sizeof(((struct site_link *)NULL)->address)) {
		expected = "an address of at most 127 characters";
	}
	if (!expected) {
		memcpy(field, text, strlen(text) + 1);
	}
	return expected;
}

/* clang-format off */
#define LINK(type) \
	CHOICE("driver", offsetof(type, link.driver), drivers, "none"), \
	CUSTOM("address", offsetof(type, link.address), "", parse_address), \
	{ "profile", OPTION_TEXT, 0, offsetof(type, link.profile), 0, 48, "", NULL, NULL }

static const struct option meter_options[] = {
	LINK(struct site_meter),
};

static const struct option pv_options[] = {
	LINK(struct site_pv),
	QUANTITY("rating", DIMENSION_POWER, offsetof(struct site_pv, link.rating_w), 1, 1e8, ""),
	QUANTITY("peak", DIMENSION_POWER, offsetof(struct site_pv, peak_w), 1, 1e8, NULL),
	BOOL("curtailable", offsetof(struct site_pv, curtailable), "no"),
};

#define BATTERY(field) offsetof(struct site_battery, field)
static const struct option battery_options[] = {
	LINK(struct site_battery),
	QUANTITY("rating", DIMENSION_POWER, BATTERY(link.rating_w), 1, 1e8, ""),
	QUANTITY("capacity", DIMENSION_ENERGY, BATTERY(model.capacity_wh), 100, 1e9, NULL),
	QUANTITY("charge-limit", DIMENSION_POWER, BATTERY(model.charge_limit_w), 0, 1e8, NULL),
	QUANTITY("discharge-limit", DIMENSION_POWER, BATTERY(model.discharge_limit_w), 0, 1e8, NULL),
	QUANTITY("round-trip-efficiency", DIMENSION_FRACTION, BATTERY(round_trip), 0.3, 1, ""),
	QUANTITY("charge-efficiency", DIMENSION_FRACTION, BATTERY(model.charge_efficiency), 0.5, 1, ""),
	QUANTITY("discharge-efficiency", DIMENSION_FRACTION, BATTERY(model.discharge_efficiency), 0.5, 1, ""),
	QUANTITY("loss-rise", DIMENSION_FRACTION, BATTERY(loss_rise), 0, 0.3, "0 %"),
	QUANTITY("awake-loss", DIMENSION_POWER, BATTERY(model.awake_w), 0, 1e6, "0 W"),
	QUANTITY("soc-min", DIMENSION_FRACTION, BATTERY(model.soc_min), 0, 1, "0 %"),
	QUANTITY("soc-max", DIMENSION_FRACTION, BATTERY(model.soc_max), 0, 1, "100 %"),
	QUANTITY("soc-start", DIMENSION_FRACTION, BATTERY(model.soc_start), 0, 1, "50 %"),
	QUANTITY("soc-end", DIMENSION_FRACTION, BATTERY(model.soc_end), 0, 1, ""),
	QUANTITY("end-value", DIMENSION_PER_KWH, BATTERY(model.end_value), 0, 10, ""),
	QUANTITY("wear", DIMENSION_PER_KWH, BATTERY(model.wear), 0, 10, "0 EUR/kWh"),
	QUANTITY("reserve", DIMENSION_FRACTION, BATTERY(reserve), 0, 1, "0 %"),
	BOOL("grid-charging", BATTERY(model.grid_charging), "yes"),
	BOOL("grid-discharging", BATTERY(model.grid_discharging), "yes"),
};
/* clang-format on */

static void check_link(const struct config *c, int at, const struct site_link *l, struct diag *d)
{
	if (l->driver != DRIVER_MODBUS) {
		return;
	}
	if (!config_has(c, at, "address")) {
		diag_error(d, c->path, l->line,
			   "[%s %s] has driver = modbus but no address, expected "
			   "one like tcp://HOST:PORT/UNIT",
			   c->section[at].kind, l->name);
	}
	if (!config_has(c, at, "profile")) {
		diag_error(d, c->path, l->line,
			   "[%s %s] has driver = modbus but no profile, expected "
			   "one",
			   c->section[at].kind, l->name);
	}
}

void site_set_efficiencies(const struct config *c, int at, double round_trip, double *charge,
			   double *discharge, struct diag *d)
{
	bool each_way =
		config_has(c, at, "charge-efficiency") || config_has(c, at, "discharge-efficiency");
	if (each_way && round_trip > 0) {
		diag_error(d, c->path, config_line(c, at, "round-trip-efficiency"),
			   "round-trip-efficiency stands beside charge- or discharge-efficiency, "
			   "expected one or the other");
	}
	double way = round_trip > 0 ? sqrt(round_trip) : sqrt(0.9);
	*charge = *charge > 0 ? *charge : way;
	*discharge = *discharge > 0 ? *discharge : way;
}

static void check_battery(const struct config *c, int at, struct site_battery *b, struct diag *d)
{
	struct battery_model *m = &b->model;
	site_set_efficiencies(c, at, b->round_trip, &m->charge_efficiency, &m->discharge_efficiency,
			      d);
	double most_kw = fmax(m->charge_limit_w, m->discharge_limit_w) / 1e3;
	m->loss_per_kw = most_kw > 0 ? b->loss_rise / most_kw : 0;
	if (m->soc_min > m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "soc-min"),
			   "soc-min is above soc-max, expected at most %g %%", m->soc_max * 100);
	}
	if (b->reserve > m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "reserve"),
			   "reserve is above soc-max, expected at most %g %%", m->soc_max * 100);
	}
	if (m->soc_end > m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "soc-end"),
			   "soc-end is above soc-max, expected at most %g %%", m->soc_max * 100);
	}
	if (config_has(c, at, "soc-end") && config_has(c, at, "end-value")) {
		diag_error(d, c->path, config_line(c, at, "end-value"),
			   "end-value stands beside soc-end, expected one or the other");
	}
	b->has_end = config_has(c, at, "soc-end") || config_has(c, at, "end-value");
	m->soc_min = fmax(m->soc_min, b->reserve);
}

void site_read_asset(struct config *c, int at, struct site *s, struct diag *d)
{
	struct config_section *section = &c->section[at];
	char *currency = s->tariff.currency;
	struct site_link *link = NULL;
	if (strcmp(section->kind, "meter") == 0) {
		if (s->has_meter) {
			diag_error(
				d, c->path, section->line,
				"a second [meter], expected the one at the connection point only");
		}
		config_apply(c, at, meter_options, sizeof(meter_options) / sizeof(*meter_options),
			     &s->meter, currency, d);
		s->has_meter = true;
		link = &s->meter.link;
	} else if (strcmp(section->kind, "pv") == 0 && s->pvs < PVS_MAX) {
		struct site_pv *pv = &s->pv[s->pvs++];
		config_apply(c, at, pv_options, sizeof(pv_options) / sizeof(*pv_options), pv,
			     currency, d);
		link = &pv->link;
	} else if (strcmp(section->kind, "battery") == 0 && s->batteries < BATTERIES_MAX) {
		struct site_battery *b = &s->battery[s->batteries++];
		b->model.soc_end = -1;
		config_apply(c, at, battery_options,
			     sizeof(battery_options) / sizeof(*battery_options), b, currency, d);
		check_battery(c, at, b, d);
		link = &b->link;
	}
	if (link) {
		memcpy(link->name, section->name, sizeof(link->name));
		link->line = section->line;
		check_link(c, at, link, d);
	} else if (strcmp(section->kind, "pv") == 0 || strcmp(section->kind, "battery") == 0) {
		section->known = true;
		diag_error(d, c->path, section->line, "one [%s] too many, expected at most %d",
			   section->kind, section->kind[0] == 'p' ? PVS_MAX : BATTERIES_MAX);
	}
}

static void check_named(const struct config *c, const struct site_link *l, const char *kind,
			int count, struct diag *d)
{
	if (!*l->name && count > 1) {
		diag_error(d, c->path, l->line,
			   "a [%s] without a name beside another one, expected [%s NAME]", kind,
			   kind);
	}
}

/* What is planned with energy has columns of its own in a plan and in a series. */
static int list_columns(const struct site *s, const struct site_link **link, const char **kind)
{
	int count = 0;
#define LIST(array, members, what)                                                                 \
	for (int i = 0; i < (members); i++) {                                                      \
		link[count] = &(array)[i].link;                                                    \
		kind[count++] = what;                                                              \
	}
	LIST(s->battery, s->batteries, "battery")
	LIST(s->ev, s->evs, "ev")
	LIST(s->load, s->loads, "load")
	LIST(s->thermal, s->thermals, s->thermal[i].building ? "heat-pump" : "tank")
	return count;
}

static void check_columns(const struct config *c, const struct site *s, struct diag *d)
{
	enum { MOST = BATTERIES_MAX + EVS_MAX + LOADS_MAX + THERMALS_MAX };
	const struct site_link *link[MOST];
	const char *kind[MOST];
	int count = list_columns(s, link, kind);
	for (int i = s->batteries; i < count; i++) {
		const char *name = link[i]->name;
		if (!*name) {
			diag_error(d, c->path, link[i]->line,
				   "a [%s] without a name, expected [%s NAME]", kind[i], kind[i]);
		} else if (strcmp(name, "load") == 0 || strcmp(name, "pv") == 0 ||
			   strcmp(name, "grid") == 0) {
			diag_error(d, c->path, link[i]->line,
				   "[%s %s] has the name of a column of every plan, expected "
				   "another one",
				   kind[i], name);
		}
		for (int k = 0; k < i && *name; k++) {
			if (strcmp(link[k]->name, name) == 0 && strcmp(kind[k], kind[i]) != 0) {
				diag_error(d, c->path, link[i]->line,
					   "[%s %s] has the name of [%s %s], expected another one",
					   kind[i], name, kind[k], name);
			}
		}
	}
}

/* Other sections of different kinds may share a name; on the wire assets are told apart by kind. */
void site_check_names(const struct config *c, const struct site *s, struct diag *d)
{
	for (int i = 0; i < s->pvs; i++) {
		check_named(c, &s->pv[i].link, "pv", s->pvs, d);
	}
	for (int b = 0; b < s->batteries; b++) {
		check_named(c, &s->battery[b].link, "battery", s->batteries, d);
	}
	check_columns(c, s, d);
}

/* A driver, and a simulated one where the meter's is: half a house cannot be simulated. */
static void check_driver(const struct site *s, const struct site_link *l, const char *kind,
			 struct diag *d)
{
	bool simulated = s->meter.link.driver == DRIVER_SIMULATED;
	if (l->driver == DRIVER_NONE) {
		diag_error(d, s->path, l->line, "[%s %s] has no driver, expected %s", kind, l->name,
			   simulated ? "simulated" : "modbus or simulated");
	} else if ((l->driver == DRIVER_SIMULATED) != simulated) {
		diag_error(d, s->path, l->line,
			   "[%s %s] has driver = %s, expected %s as the meter has", kind, l->name,
			   drivers[l->driver], drivers[s->meter.link.driver]);
	}
}

void site_check_runnable(const struct site *s, bool simulate, struct diag *d)
{
	if (!s->has_meter) {
		diag_error(d, s->path, 0, "has no [meter grid], expected one to control by");
		return;
	}
	if (simulate) {
		return;
	}
	check_driver(s, &s->meter.link, "meter", d);
	for (int i = 0; i < s->pvs; i++) {
		check_driver(s, &s->pv[i].link, "pv", d);
	}
	for (int b = 0; b < s->batteries; b++) {
		check_driver(s, &s->battery[b].link, "battery", d);
	}
}
