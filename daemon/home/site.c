/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/site.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "daemon/base/config.h"
#include "daemon/base/mqtt.h"
#include "drivers/address.h"

static const char *const roles[] = { "home", "community", NULL };
static const char *const objectives[] = { "cost", "self-consumption", NULL };
static const char *const deciders[] = { "optimiser", "rules", NULL };
static const char *const drivers[] = { "none", "modbus", "simulated", NULL };
static const char *const discoveries[] = { "none", "homeassistant", NULL };

static const char *parse_identifier(const char *text, char *field, size_t size)
{
	size_t length = strlen(text);
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_", *p)) {
			length = 0;
		}
	}
	if (length == 0 || length >= size) {
		return "1 to 31 letters, digits, - and _";
	}
	memcpy(field, text, length + 1);
	return NULL;
}

static const char *parse_id(const char *text, void *field)
{
	return parse_identifier(text, field, sizeof(((struct site *)NULL)->id));
}

static const char *parse_timezone(const char *text, void *field)
{
	if (strlen(text) >= sizeof(((struct site *)NULL)->timezone) || timezone_use(text) < 0) {
		return "a time zone like Europe/Oslo";
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

static const char *parse_buy_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->buy, t->currency);
}

static const char *parse_sell_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->sell, t->currency);
}

static const char *parse_currency(const char *text, void *field)
{
	char *currency = field;
	bool known = strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
	if (!known || (*currency && strcmp(currency, text) != 0)) {
		return "three capital letters like EUR, the same as in the prices";
	}
	memcpy(currency, text, 4);
	return NULL;
}

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

static const char *parse_broker(const char *text, void *field)
{
	const char *expected;
	if (mqtt_check_broker(text, &expected) < 0) {
		return expected;
	}
	if (strlen(text) >= sizeof(((struct site *)NULL)->broker)) {
		return "a broker of at most 127 characters";
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

/* One line per option: key, type, dimension, field, range, default, choices, parser. */
#define SITE(field) offsetof(struct site, field)
#define TEXT(key, field, fallback)                                                                 \
	{                                                                                          \
		key, OPTION_TEXT, 0, SITE(field), 0, sizeof(((struct site *)NULL)->field),         \
			fallback, NULL, NULL                                                       \
	}
#define QUANTITY(key, dimension, offset, min, max, fallback)                                       \
	{                                                                                          \
		key, OPTION_QUANTITY, dimension, offset, min, max, fallback, NULL, NULL            \
	}
#define CHOICE(key, offset, choices, fallback)                                                     \
	{                                                                                          \
		key, OPTION_CHOICE, 0, offset, 0, 0, fallback, choices, NULL                       \
	}
#define BOOL(key, offset, fallback)                                                                \
	{                                                                                          \
		key, OPTION_BOOL, 0, offset, 0, 0, fallback, NULL, NULL                            \
	}
#define CUSTOM(key, offset, fallback, parse)                                                       \
	{                                                                                          \
		key, OPTION_CUSTOM, 0, offset, 0, 0, fallback, NULL, parse                         \
	}
#define REPEATED(key, offset, parse)                                                               \
	{                                                                                          \
		key, OPTION_REPEATED, 0, offset, 0, 0, "", NULL, parse                             \
	}

/* clang-format off */
static const struct option site_options[] = {
	CUSTOM("id", SITE(id), NULL, parse_id),
	CHOICE("role", SITE(role), roles, "home"),
	CUSTOM("community", SITE(community), "home", parse_id),
	CUSTOM("timezone", SITE(timezone), "UTC", parse_timezone),
	QUANTITY("latitude", DIMENSION_ANGLE, SITE(latitude), -66, 66, "52 deg"),
	QUANTITY("longitude", DIMENSION_ANGLE, SITE(longitude), -180, 180, "10 deg"),
	TEXT("profiles", profiles, LECD_DATA "/profiles"),
};

static const struct option control_options[] = {
	QUANTITY("cycle", DIMENSION_TIME, SITE(cycle_s), 0.1, 60, "1 s"),
	QUANTITY("interval", DIMENSION_TIME, SITE(interval_s), 300, 3600, "15 min"),
	QUANTITY("horizon", DIMENSION_TIME, SITE(horizon_s), 3600, 7 * 86400, "36 h"),
	CHOICE("objective", SITE(objective), objectives, "cost"),
	CHOICE("decide", SITE(decide), deciders, "optimiser"),
	QUANTITY("ramp", DIMENSION_POWER, SITE(ramp_w_per_s), 0, 1e6, "0 W"),
	TEXT("socket", socket, "/run/lecd/lecd.sock"),
};

static const struct option grid_options[] = {
	QUANTITY("import-limit", DIMENSION_POWER, SITE(import_limit_w), 0, 1e8, ""),
	QUANTITY("export-limit", DIMENSION_POWER, SITE(export_limit_w), 0, 1e8, ""),
};

static const struct option tariff_options[] = {
	CUSTOM("currency", SITE(tariff.currency), "", parse_currency),
	QUANTITY("buy", DIMENSION_PER_KWH, SITE(tariff.buy.base), -10, 10, NULL),
	REPEATED("buy-window", SITE(tariff), parse_buy_window),
	QUANTITY("sell", DIMENSION_PER_KWH, SITE(tariff.sell.base), -10, 10, "0 EUR/kWh"),
	REPEATED("sell-window", SITE(tariff), parse_sell_window),
	QUANTITY("demand-charge", DIMENSION_PER_KW, SITE(tariff.demand_charge), 0, 1000, "0 EUR/kW"),
	QUANTITY("demand-period", DIMENSION_TIME, SITE(tariff.demand_period_s), 900, 86400, "60 min"),
};

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

static const struct option mqtt_options[] = {
	CUSTOM("broker", SITE(broker), NULL, parse_broker),
	TEXT("user", mqtt_user, ""),
	TEXT("password-file", password_file, ""),
	TEXT("ca-file", ca_file, ""),
	TEXT("certificate", certificate, ""),
	TEXT("key", key, ""),
	CHOICE("discovery", SITE(discovery), discoveries, "none"),
	BOOL("bid", SITE(bid), "yes"),
	QUANTITY("gate-closure", DIMENSION_TIME, SITE(gate_closure_s), 0, 3600, "2 min"),
};

static const struct option store_options[] = {
	TEXT("path", store, "/var/lib/lecd"),
};
/* clang-format on */

/* The sections that stand once and fill the site itself. */
static const struct {
	const char *kind;
	const struct option *options;
	int count;
	bool required;
} sections[] = {
#define SECTION(kind, table, required)                                                             \
	{                                                                                          \
		kind, table, sizeof(table) / sizeof(*table), required                              \
	}
	SECTION("site", site_options, true),  SECTION("control", control_options, false),
	SECTION("grid", grid_options, false), SECTION("tariff", tariff_options, true),
	SECTION("mqtt", mqtt_options, false), SECTION("store", store_options, false),
};

/* Give every field its default where the section does not stand: an empty section says so. */
static void apply_defaults(const struct option *table, int count, struct site *s)
{
	struct config_section section = { .kind = "defaults" };
	struct config none = { .sections = 1, .section = &section };
	struct diag ignore = { 0 }; /* required keys of an absent section are not missed */
	config_apply(&none, 0, table, count, s, NULL, &ignore);
}

static void read_single(struct config *c, struct site *s, struct diag *d)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		int at = config_find(c, sections[i].kind);
		if (at >= 0) {
			config_apply(c, at, sections[i].options, sections[i].count, s,
				     s->tariff.currency, d);
			continue;
		}
		apply_defaults(sections[i].options, sections[i].count, s);
		if (sections[i].required) {
			diag_error(d, c->path, 0, "has no section [%s], expected one",
				   sections[i].kind);
		}
	}
}

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

static void check_battery(const struct config *c, int at, struct site_battery *b, struct diag *d)
{
	struct battery_model *m = &b->model;
	bool each_way =
		config_has(c, at, "charge-efficiency") || config_has(c, at, "discharge-efficiency");
	if (each_way && b->round_trip > 0) {
		diag_error(d, c->path, config_line(c, at, "round-trip-efficiency"),
			   "round-trip-efficiency stands beside charge- or discharge-efficiency, "
			   "expected one or the other");
	}
	double way = b->round_trip > 0 ? sqrt(b->round_trip) : sqrt(0.9);
	if (m->charge_efficiency <= 0) {
		m->charge_efficiency = way;
	}
	if (m->discharge_efficiency <= 0) {
		m->discharge_efficiency = way;
	}
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

static void read_asset(struct config *c, int at, struct site *s, struct diag *d)
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

static bool divides(double part, double whole)
{
	return fabs(whole / part - round(whole / part)) < 1e-9;
}

static void check_times(const struct config *c, const struct site *s, struct diag *d)
{
	int at = config_find(c, "control");
	int line = at >= 0 ? config_line(c, at, "interval") : 0;
	if (!divides(s->interval_s, 3600) || !divides(1, s->interval_s)) {
		diag_error(d, c->path, line,
			   "interval = %g s, expected whole seconds that divide an hour",
			   s->interval_s);
	}
	if (!divides(s->cycle_s, s->interval_s)) {
		diag_error(d, c->path, at >= 0 ? config_line(c, at, "cycle") : 0,
			   "cycle = %g s, expected one that divides the interval of %g s",
			   s->cycle_s, s->interval_s);
	}
	if (s->horizon_s / s->interval_s > STEPS_MAX || s->horizon_s < s->interval_s) {
		diag_error(d, c->path, at >= 0 ? config_line(c, at, "horizon") : 0,
			   "horizon = %g h, expected 1 to %d intervals", s->horizon_s / 3600,
			   STEPS_MAX);
	}
	at = config_find(c, "tariff");
	/* Import is remembered by quarters of an hour. */
	if (s->tariff.demand_charge > 0 && (!divides(s->interval_s, s->tariff.demand_period_s) ||
					    !divides(900, s->tariff.demand_period_s))) {
		diag_error(d, c->path, at >= 0 ? config_line(c, at, "demand-period") : 0,
			   "demand-period = %g s, expected a multiple of 15 min and of the "
			   "interval of %g s",
			   s->tariff.demand_period_s, s->interval_s);
	}
	at = config_find(c, "mqtt");
	if (at >= 0 && s->gate_closure_s >= s->interval_s) {
		diag_error(d, c->path, config_line(c, at, "gate-closure"),
			   "gate-closure = %g s, expected less than the interval of %g s",
			   s->gate_closure_s, s->interval_s);
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

/* Sections of different kinds may share a name; on the wire assets are told apart by kind. */
static void check_unique_names(const struct config *c, const struct site *s, struct diag *d)
{
	for (int i = 0; i < s->pvs; i++) {
		check_named(c, &s->pv[i].link, "pv", s->pvs, d);
	}
	for (int b = 0; b < s->batteries; b++) {
		check_named(c, &s->battery[b].link, "battery", s->batteries, d);
	}
}

int site_read(const char *path, struct site *out, struct diag *d)
{
	struct config c;
	int r = config_read(&c, path, d);
	if (r < 0) {
		config_free(&c);
		return r;
	}
	struct site s = { .import_limit_w = INFINITY, .export_limit_w = INFINITY };
	read_single(&c, &s, d);
	for (int i = 0; i < c.sections; i++) {
		read_asset(&c, i, &s, d);
	}
	config_refuse_unknown(&c,
			      "[site], [control], [grid], [tariff], [meter NAME], [pv NAME], "
			      "[battery NAME], [mqtt] or [store]",
			      d);
	check_times(&c, &s, d);
	check_unique_names(&c, &s, d);
	memcpy(s.path, c.path, sizeof(s.path));
	config_free(&c);
	if (d->errors) {
		return -EINVAL;
	}
	*out = s;
	return 0;
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
