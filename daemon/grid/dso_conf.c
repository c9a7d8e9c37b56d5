/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_conf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config_table.h"

struct dso_section {
	char feeder[256];
	double v_min, v_max; /* NAN: the feeder's */
	double import_w, export_w;
};

struct home_section {
	char bus[FEEDER_NAME_SIZE];
	double import_w, export_w; /* NAN: everybody's */
};

struct reading_conf {
	struct dso_conf conf;
	struct dso_section dso;
};

static const char *parse_community(const char *text, void *field)
{
	return config_parse_name(text, field, sizeof(((struct dso_conf *)NULL)->community));
}

#define CONF(field) offsetof(struct reading_conf, conf.field)
#define DSO(field)  offsetof(struct reading_conf, dso.field)
#define HOME(field) offsetof(struct home_section, field)

/* clang-format off */
static const struct option dso_options[] = {
	CUSTOM("community", CONF(community), NULL, parse_community),
	TEXT("feeder", struct reading_conf, dso.feeder, NULL),
	QUANTITY("interval", DIMENSION_TIME, CONF(interval_s), 60, 3600, "15 min"),
	QUANTITY("other-loads", DIMENSION_FRACTION, CONF(other_loads), 0, 10, "100 %"),
	TEXT("series", struct reading_conf, conf.series, ""),
	QUANTITY("voltage-min", DIMENSION_NUMBER, DSO(v_min), 0.5, 1.5, ""),
	QUANTITY("voltage-max", DIMENSION_NUMBER, DSO(v_max), 0.5, 1.5, ""),
	QUANTITY("price", DIMENSION_PER_KWH, CONF(price), -10, 10, NULL),
	QUANTITY("import-limit", DIMENSION_POWER, DSO(import_w), 0, 1e9, "17 kW"),
	QUANTITY("export-limit", DIMENSION_POWER, DSO(export_w), 0, 1e9, "17 kW"),
	QUANTITY("limits-stand", DIMENSION_TIME, CONF(stand_s), 60, 86400, "1 h"),
	QUANTITY("cautious-import", DIMENSION_POWER, CONF(cautious_import_w), 0, 1e9, "3 kW"),
	QUANTITY("cautious-export", DIMENSION_POWER, CONF(cautious_export_w), 0, 1e9, "0 W"),
	QUANTITY("margin", DIMENSION_NUMBER, CONF(margin), 0, 0.05, "0.0001"),
};
static const struct option home_options[] = {
	TEXT("bus", struct home_section, bus, NULL),
	QUANTITY("import-limit", DIMENSION_POWER, HOME(import_w), 0, 1e9, ""),
	QUANTITY("export-limit", DIMENSION_POWER, HOME(export_w), 0, 1e9, ""),
};
static const struct option mqtt_options[] = {
	MQTT_CONF_OPTIONS(struct reading_conf, conf.mqtt),
};
/* clang-format on */
enum {
	DSO_OPTIONS = sizeof(dso_options) / sizeof(*dso_options),
	HOME_OPTIONS = sizeof(home_options) / sizeof(*home_options),
	MQTT_OPTIONS = sizeof(mqtt_options) / sizeof(*mqtt_options),
};

static void read_feeder(const struct config *c, int at, struct reading_conf *r, struct diag *d)
{
	struct dso_conf *out = &r->conf;
	if (feeder_locate(r->dso.feeder, out->feeder_path, sizeof(out->feeder_path)) < 0) {
		diag_error(d, c->path, config_line(c, at, "feeder"),
			   "feeder = %s, expected a path or one of those we ship (looked for %s)",
			   r->dso.feeder, out->feeder_path);
		return;
	}
	if (feeder_read(out->feeder_path, &out->feeder, d) < 0) {
		return;
	}
	for (int i = 0; i < out->feeder.buses; i++) {
		struct feeder_bus *bus = &out->feeder.bus[i];
		bus->v_min = isnan(r->dso.v_min) ? bus->v_min : r->dso.v_min;
		bus->v_max = isnan(r->dso.v_max) ? bus->v_max : r->dso.v_max;
		if (i != out->feeder.source && bus->v_min >= bus->v_max) {
			diag_error(d, c->path, config_line(c, at, "voltage-min"),
				   "bus %s may have from %g to %g, expected the lower limit first",
				   bus->name, bus->v_min, bus->v_max);
			return;
		}
	}
}

static void read_dso(struct config *c, struct reading_conf *r, struct diag *d)
{
	int at = config_find(c, "dso"), errors = d->errors;
	if (at < 0) {
		diag_error(d, c->path, 0, "has no section [dso], expected one");
		return;
	}
	config_apply(c, at, dso_options, DSO_OPTIONS, r, r->conf.currency, d);
	if (d->errors == errors) {
		read_feeder(c, at, r, d);
	}
}

static void read_home(struct config *c, int at, struct reading_conf *r, struct diag *d)
{
	struct home_section s = { .import_w = NAN, .export_w = NAN };
	struct dso_home_conf *home = &r->conf.home[r->conf.homes];
	int errors = d->errors;
	config_apply(c, at, home_options, HOME_OPTIONS, &s, NULL, d);
	const char *expected = config_parse_name(c->section[at].name, home->id, sizeof(home->id));
	if (expected) {
		diag_error(d, c->path, c->section[at].line, "[home %s], expected an id of %s",
			   c->section[at].name, expected);
	}
	if (d->errors > errors || r->conf.feeder.buses == 0) {
		return;
	}
	home->line = c->section[at].line;
	home->bus = feeder_find(&r->conf.feeder, s.bus);
	home->import_w = isnan(s.import_w) ? r->dso.import_w : s.import_w;
	home->export_w = isnan(s.export_w) ? r->dso.export_w : s.export_w;
	if (home->bus < 0) {
		diag_error(d, c->path, config_line(c, at, "bus"), "bus = %s, expected one of %s",
			   s.bus, r->conf.feeder_path);
	} else if (home->bus == r->conf.feeder.source) {
		diag_error(d, c->path, config_line(c, at, "bus"),
			   "bus = %s is the source, expected one that it feeds", s.bus);
	} else {
		r->conf.homes++;
	}
}

static int read_sections(struct config *c, struct reading_conf *r, struct diag *d)
{
	read_dso(c, r, d);
	r->conf.home = calloc((size_t)c->sections + 1, sizeof(*r->conf.home));
	if (!r->conf.home) {
		return -ENOMEM;
	}
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "home") == 0) {
			read_home(c, i, r, d);
		}
	}
	int at = config_find(c, "mqtt");
	if (at >= 0) {
		config_apply(c, at, mqtt_options, MQTT_OPTIONS, r, NULL, d);
	}
	config_refuse_unknown(c, "[dso], [home ID] or [mqtt]", d);
	if (d->errors == 0 && r->conf.homes == 0) {
		diag_error(d, c->path, 0, "has no section [home ID], expected at least one");
	}
	return d->errors ? -EINVAL : 0;
}

int dso_conf_read(const char *path, struct dso_conf *out, struct diag *d)
{
	struct config c;
	struct reading_conf *r = calloc(1, sizeof(*r));
	*out = (struct dso_conf){ .homes = 0 };
	if (!r) {
		return -ENOMEM;
	}
	feeder_init(&r->conf.feeder, r->conf.feeder_path);
	r->dso.v_min = r->dso.v_max = NAN;
	int e = config_read(&c, path, d);
	c.manual = "lec-dso(1)";
	e = e < 0 ? e : read_sections(&c, r, d);
	e = e == 0 && d->errors ? -EINVAL : e;
	snprintf(r->conf.path, sizeof(r->conf.path), "%s", path);
	*out = r->conf;
	out->feeder.file = out->feeder_path;
	config_free(&c);
	free(r);
	return e;
}

void dso_conf_free(struct dso_conf *c)
{
	feeder_free(&c->feeder);
	free(c->home);
	*c = (struct dso_conf){ .homes = 0 };
}
