/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/house.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/config.h"
#include "daemon/base/tariff.h"
#include "drivers/sunspec_profile.h"

/* What a section says, before it is split into plant and device. */
struct section {
	struct modbus_address listen;
	bool throttle;
	struct house_models models;
	char profile[48];
	double revert_s;
	double pv_rating_w; /* 0: as the peak */
	struct plant_pv_conf pv;
	struct plant_battery_conf battery;
};

struct head {
	int64_t seed;
	char timezone[64];
	char series[256];
	struct plant_conf conf;
};

static const char *parse_timezone(const char *text, void *field)
{
	if (strlen(text) >= sizeof(((struct head *)NULL)->timezone) || timezone_use(text) < 0) {
		return "a time zone like Europe/Oslo";
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

/* An address to listen on: as any, and port 0 is one that happens to be free. */
static const char *parse_listen(const char *text, void *field)
{
	struct modbus_address *a = field;
	char copy[160];
	snprintf(copy, sizeof(copy), "%s", text);
	char *zero = strstr(copy, ":0");
	bool any = zero && (zero[2] == '/' || zero[2] == '\0');
	if (any) {
		zero[1] = '1';
	}
	const char *expected = modbus_address_parse(copy, a);
	if (!expected && any) {
		memcpy(a->port, "0", 2);
	}
	return expected;
}

/* Numbers, with commas between. */
static const char *parse_models(const char *text, void *field)
{
	struct house_models m = { 0 };
	for (char *end; *text; text = *end ? end + 1 : end) {
		long model = strtol(text, &end, 10);
		if (end == text || (*end && (*end != ',' || !end[1])) || model < 1 ||
		    model > 65534 || m.count == SUNSPEC_MODELS_MAX) {
			return "numbers of SunSpec models, like 1,103,120,123";
		}
		m.model[m.count++] = (int)model;
	}
	*(struct house_models *)field = m;
	return NULL;
}

static const char *const defaults[] = {
	[PLANT_IDLE] = "idle", [PLANT_SELF_CONSUMPTION] = "self-consumption", NULL
};

/* clang-format off */
#define QUANTITY(key, dimension, type, field, min, max, fallback) \
	{ key, OPTION_QUANTITY, dimension, offsetof(type, field), min, max, fallback, NULL, NULL }
#define TEXT(key, type, field, fallback) \
	{ key, OPTION_TEXT, 0, offsetof(type, field), 0, sizeof(((type *)NULL)->field), fallback, \
	  NULL, NULL }
#define LINK \
	{ "listen", OPTION_CUSTOM, 0, offsetof(struct section, listen), 0, 0, "", NULL, \
	  parse_listen }, \
	{ "throttle", OPTION_BOOL, 0, offsetof(struct section, throttle), 0, 0, "yes", NULL, NULL }, \
	{ "models", OPTION_CUSTOM, 0, offsetof(struct section, models), 0, 0, "", NULL, \
	  parse_models }, \
	TEXT("profile", struct section, profile, "")
#define REVERT QUANTITY("revert", DIMENSION_TIME, struct section, revert_s, 1, 3600, "60 s")

static const struct option plant_options[] = {
	{ "seed", OPTION_INTEGER, 0, offsetof(struct head, seed), 0, 1e15, "1", NULL, NULL },
	QUANTITY("latitude", DIMENSION_ANGLE, struct head, conf.latitude_deg, -90, 90, NULL),
	QUANTITY("longitude", DIMENSION_ANGLE, struct head, conf.longitude_deg, -180, 180, NULL),
	{ "timezone", OPTION_CUSTOM, 0, offsetof(struct head, timezone), 0, 0, "UTC", NULL,
	  parse_timezone },
	QUANTITY("annual-load", DIMENSION_ENERGY, struct head, conf.annual_load_wh, 1e5, 1e9,
		 "4200 kWh"),
	QUANTITY("meter-noise", DIMENSION_POWER, struct head, conf.meter_noise_w, 0, 1000, "3 W"),
	TEXT("series", struct head, series, ""),
};

static const struct option meter_options[] = { LINK };

static const struct option pv_options[] = {
	LINK,
	REVERT,
	QUANTITY("peak", DIMENSION_POWER, struct section, pv.peak_w, 1, 1e8, NULL),
	QUANTITY("rating", DIMENSION_POWER, struct section, pv.rating_w, 1, 1e8, ""),
	QUANTITY("tilt", DIMENSION_ANGLE, struct section, pv.tilt_deg, 0, 90, "35 deg"),
	QUANTITY("azimuth", DIMENSION_ANGLE, struct section, pv.azimuth_deg, 0, 360, "180 deg"),
};

#define BATTERY(key, dimension, field, min, max, fallback) \
	QUANTITY(key, dimension, struct section, battery.field, min, max, fallback)
static const struct option battery_options[] = {
	LINK,
	REVERT,
	BATTERY("capacity", DIMENSION_ENERGY, capacity_wh, 10, 1e9, NULL),
	BATTERY("charge-limit", DIMENSION_POWER, charge_limit_w, 1, 1e8, NULL),
	BATTERY("discharge-limit", DIMENSION_POWER, discharge_limit_w, 1, 1e8, NULL),
	BATTERY("round-trip-efficiency", DIMENSION_FRACTION, round_trip_efficiency, 0.5, 1, "90 %"),
	BATTERY("self-discharge", DIMENSION_FRACTION, self_discharge, 0, 0.2, "0.1 %"),
	BATTERY("lag", DIMENSION_TIME, lag_s, 0, 60, "1 s"),
	BATTERY("soc-start", DIMENSION_FRACTION, soc_start, 0, 1, "50 %"),
	{ "default", OPTION_CHOICE, 0, offsetof(struct section, battery.own_default), 0, 0, "idle",
	  defaults, NULL },
};

static const struct {
	const char *kind;
	const struct option *options;
	int count;
	int max; /* sections of that kind */
} kinds[DEVICE_KIND_COUNT] = {
#define OPTIONS(table) table, sizeof(table) / sizeof(*(table))
	[DEVICE_METER]	 = { "meter",	OPTIONS(meter_options),	  HOUSE_METERS_MAX },
	[DEVICE_PV]	 = { "pv",	OPTIONS(pv_options),	  PLANT_PVS_MAX },
	[DEVICE_BATTERY] = { "battery", OPTIONS(battery_options), PLANT_BATTERIES_MAX },
};
/* clang-format on */

static int kind_of(const char *kind)
{
	for (int k = 0; k < DEVICE_KIND_COUNT; k++) {
		if (strcmp(kind, kinds[k].kind) == 0) {
			return k;
		}
	}
	return -1;
}

/* Names go into logs, JSON and commands as they are. */
static bool plain_name(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
			return false;
		}
	}
	return *name != '\0';
}

static int load_profile(struct house_device *dev, const char *folder, struct diag *d)
{
	static const char *const folders[] = { "etc/profiles", LECD_DATA "/profiles" };
	char path[320];
	for (size_t i = 0; !folder && i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s.conf", folders[i], dev->profile_name);
		if (access(path, R_OK) == 0) {
			folder = folders[i];
		}
	}
	snprintf(path, sizeof(path), "%s/%s.conf", folder ? folder : folders[0], dev->profile_name);
	return profile_load(path, &dev->profile, d);
}

/* What makes a device one on Modbus: where it listens, and a profile of its kind. */
static void serve(struct house *h, const struct config *c, int s, struct house_device *dev,
		  const char *profiles, struct diag *d)
{
	dev->line = config_line(c, s, "listen");
	int line = config_line(c, s, "profile");
	if (dev->listen.line != LINE_SERIAL && server_check_host(dev->listen.host) < 0) {
		diag_error(d, h->path, dev->line,
			   "%s listens on %s, expected a loopback address like 127.0.0.1",
			   dev->name, dev->listen.host);
	}
	if (!config_has(c, s, "profile")) {
		diag_error(d, h->path, dev->line, "%s listens without a profile, expected one",
			   dev->name);
		return;
	}
	if (!plain_name(dev->profile_name)) {
		diag_error(d, h->path, line, "profile = \"%s\", expected the name of a profile",
			   dev->profile_name);
		return;
	}
	bool sunspec = strcmp(dev->profile_name, "sunspec") == 0;
	if (dev->models.count > 0 && !sunspec) {
		diag_error(d, h->path, config_line(c, s, "models"),
			   "models of a device by registers, expected profile = sunspec");
	}
	if (sunspec) {
		sunspec_profile_init(dev->kind, &dev->profile);
	} else if (load_profile(dev, profiles, d) < 0) {
		diag_error(d, h->path, line, "profile %s cannot be used, expected a sound one",
			   dev->profile_name);
		return;
	}
	if (dev->profile.kind != dev->kind) {
		diag_error(d, h->path, line, "profile %s is of a %s, expected one of a %s",
			   dev->profile_name, kinds[dev->profile.kind].kind, kinds[dev->kind].kind);
	}
	dev->listen.unit = dev->listen.unit < 0 ? dev->profile.unit : dev->listen.unit;
	if (dev->listen.unit < 1 || dev->listen.unit > 247) {
		diag_error(d, h->path, dev->line, "unit %d, expected 1 to 247", dev->listen.unit);
	}
	dev->served = true;
}

/* Give the physics of a section its place in the plant. Return the index. */
static int add_physics(struct plant_conf *p, enum device_kind kind, const struct section *raw)
{
	switch (kind) {
	case DEVICE_PV:
		p->pv[p->pvs] = raw->pv;
		if (raw->pv.rating_w <= 0) {
			p->pv[p->pvs].rating_w = raw->pv.peak_w;
		}
		return p->pvs++;
	case DEVICE_BATTERY:
		p->battery[p->batteries] = raw->battery;
		return p->batteries++;
	default:
		return 0;
	}
}

static void add_device(struct house *h, struct config *c, int s, const char *profiles,
		       struct diag *d)
{
	const struct config_section *title = &c->section[s];
	enum device_kind kind = (enum device_kind)kind_of(title->kind);
	struct section raw = { .listen.unit = -1 };
	config_apply(c, s, kinds[kind].options, kinds[kind].count, &raw, NULL, d);
	int before = 0;
	for (int i = 0; i < h->devices; i++) {
		before += h->device[i].kind == kind;
	}
	if (before == kinds[kind].max) {
		diag_error(d, h->path, title->line, "one [%s] too many, expected at most %d",
			   title->kind, kinds[kind].max);
		return;
	}
	if (!plain_name(title->name) || house_device(h, title->name)) {
		diag_error(d, h->path, title->line,
			   "[%s %s], expected a name of its own of letters, digits, - and _",
			   title->kind, title->name);
		return;
	}
	struct house_device *dev = &h->device[h->devices++];
	*dev = (struct house_device){
		.kind = kind, .listen = raw.listen, .throttle = raw.throttle, .models = raw.models
	};
	memcpy(dev->name, title->name, sizeof(dev->name));
	memcpy(dev->profile_name, raw.profile, sizeof(dev->profile_name));
	dev->index = add_physics(&h->conf, kind, &raw);
	dev->face.revert_s = raw.revert_s;
	if (config_has(c, s, "listen")) {
		serve(h, c, s, dev, profiles, d);
	}
}

static void read_head(struct house *h, struct config *c, struct diag *d)
{
	struct head head = { .seed = 1 };
	int s = config_find(c, "plant");
	if (s < 0) {
		diag_error(d, h->path, 0, "no [plant], expected one with latitude and longitude");
		return;
	}
	config_apply(c, s, plant_options, sizeof(plant_options) / sizeof(*plant_options), &head,
		     NULL, d);
	h->conf = head.conf;
	h->conf.seed = (uint64_t)head.seed;
	h->conf.utc_offset_s = timezone_offset_s;
	memcpy(h->timezone, head.timezone, sizeof(h->timezone));
	if (*head.series && series_read(&h->series, head.series, d) == 0) {
		h->conf.series = (struct plant_series){ .rows = h->series.rows,
							.start_s = h->series.start_s,
							.load_w = h->series.value[SERIES_LOAD_W],
							.pv_w = h->series.value[SERIES_PV_W] };
	}
}

/* The parts point at each other only once they stay where they are. */
static int assemble(struct house *h, struct diag *d)
{
	plant_init(&h->plant, &h->conf);
	for (int i = 0; i < h->devices; i++) {
		struct house_device *dev = &h->device[i];
		face_init(&dev->face, &h->plant, &dev->profile, dev->index, dev->face.revert_s);
	}
	return house_join_sunspec(h, d);
}

int house_read(struct house *h, const char *path, const char *profiles, struct diag *d)
{
	int errors = d->errors;
	*h = (struct house){ 0 };
	snprintf(h->path, sizeof(h->path), "%s", path);
	struct config c;
	int r = config_read(&c, path, d);
	if (r == 0) {
		read_head(h, &c, d);
		for (int s = 0; s < c.sections; s++) {
			if (kind_of(c.section[s].kind) >= 0) {
				add_device(h, &c, s, profiles, d);
			}
		}
		config_refuse_unknown(&c, "[plant], [meter NAME], [pv NAME] or [battery NAME]", d);
		r = d->errors > errors ? -EINVAL : 0;
	}
	config_free(&c);
	return r < 0 ? r : assemble(h, d);
}

void house_free(struct house *h)
{
	series_free(&h->series);
}
