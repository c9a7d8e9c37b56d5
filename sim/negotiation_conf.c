/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/negotiation_conf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/base/isotime.h"
#include "daemon/base/tariff_conf.h"
#include "daemon/market/negotiate.h"

static const char *const classes[] = { "battery", "car", NULL };

static const char *parse_start(const char *text, void *field)
{
	return isotime_parse(text, field) < 0 ? "a time in UTC, like 2026-06-15T12:00:00Z" : NULL;
}

#define OF(field)   offsetof(struct negotiation_conf, field)
#define EACH(field) offsetof(struct negotiation_prosumer, field)

/* clang-format off */
static const struct option scenario_options[] = {
	TEXT("feeder", struct negotiation_conf, feeder, NULL),
	TEXT("series", struct negotiation_conf, series, NULL),
	CUSTOM("timezone", OF(timezone), "UTC", timezone_parse),
	CUSTOM("start", OF(start_s), NULL, parse_start),
	QUANTITY("horizon", DIMENSION_TIME, OF(horizon_s), 900, 4 * 86400, "24 h"),
	QUANTITY("step", DIMENSION_TIME, OF(step_s), 300, 4 * 3600, "60 min"),
	INTEGER("seed", OF(seed), 1, 1e15, "1"),
	QUANTITY("load-scale", DIMENSION_NUMBER, OF(load_scale), 0.001, 10, "1"),
	QUANTITY("source-voltage", DIMENSION_NUMBER, OF(source_v), 0.8, 1.2, "1"),
	QUANTITY("voltage-min", DIMENSION_NUMBER, OF(v_min), 0.5, 1.2, "0.95"),
	QUANTITY("voltage-max", DIMENSION_NUMBER, OF(v_max), 0.8, 1.5, "1.05"),
	QUANTITY("source-limit", DIMENSION_POWER, OF(source_limit_w), 0, 1e12, ""),
};

static const struct option negotiation_options[] = {
	QUANTITY("penalty", DIMENSION_PER_KWH, OF(penalty), 1e-9, 1e6, "0.01 EUR/kWh"),
	QUANTITY("relaxation", DIMENSION_NUMBER, OF(relaxation), 1, 1.9, "1.2"),
	QUANTITY("tolerance", DIMENSION_NUMBER, OF(tolerance), 1e-9, 0.1, "0.001"),
	QUANTITY("inner-tolerance", DIMENSION_NUMBER, OF(inner), 1e-12, 0.1, "0.0001"),
	QUANTITY("margin", DIMENSION_NUMBER, OF(margin), 0, 0.05, "0.0001"),
	INTEGER("rounds", OF(rounds), 1, 100000, "300"),
	INTEGER("passes", OF(passes), 1, 1000, "10"),
	BOOL("balance", OF(balance), "yes"),
};

static const struct option homes_options[] = {
	INTEGER("count", OF(count), 0, NEGOTIATE_PARTIES_MAX, "0"),
	QUANTITY("penetration", DIMENSION_FRACTION, OF(penetration), 0.001, 1, "30 %"),
	QUANTITY("cars", DIMENSION_FRACTION, OF(cars), 0, 1, "50 %"),
	QUANTITY("pv", DIMENSION_NUMBER, OF(pv), 0, 10, "1"),
	QUANTITY("battery", DIMENSION_TIME, OF(battery_s), 0, 86400, "2 h"),
	QUANTITY("battery-power", DIMENSION_NUMBER, OF(battery_power), 0, 10, "0.5"),
	QUANTITY("car", DIMENSION_TIME, OF(car_s), 0, 86400, "2 h"),
	QUANTITY("car-power", DIMENSION_NUMBER, OF(car_power), 0, 10, "0.8"),
	QUANTITY("efficiency", DIMENSION_FRACTION, OF(efficiency), 0.5, 1, "95 %"),
	QUANTITY("wear", DIMENSION_PER_KWH, OF(wear), 0, 10, "0.01 EUR/kWh"),
};

static const struct option prosumer_options[] = {
	TEXT("bus", struct negotiation_prosumer, bus, NULL),
	CHOICE("class", EACH(class), classes, NULL),
	QUANTITY("peak", DIMENSION_POWER, EACH(peak_w), 1, 1e9, NULL),
};
/* clang-format on */

#define COUNT(table) ((int)(sizeof(table) / sizeof(*(table))))

static void read_section(struct config *c, const char *kind, const struct option *table,
			 int options, void *target, char *currency, struct diag *d)
{
	int at = config_find(c, kind);
	if (at < 0) {
		(void)diag_error(d, c->path, 0, "has no section [%s], expected one", kind);
	} else {
		config_apply(c, at, table, options, target, currency, d);
	}
}

static void read_prosumer(struct config *c, int at, struct negotiation_conf *out, struct diag *d)
{
	struct negotiation_prosumer *p = &out->prosumer[out->prosumers++];
	memcpy(p->name, c->section[at].name, sizeof(p->name));
	config_apply(c, at, prosumer_options, COUNT(prosumer_options), p, NULL, d);
	p->line = config_line(c, at, "bus");
	if (!*p->name) {
		(void)diag_error(d, c->path, c->section[at].line,
				 "a prosumer without a name, expected [prosumer NAME]");
	}
}

static void check(const struct config *c, const struct negotiation_conf *out, struct diag *d)
{
	int scenario = config_find(c, "scenario");
	double steps = out->horizon_s / out->step_s;
	if (steps != floor(steps) || steps < 2 || steps > NEGOTIATE_STEPS_MAX) {
		(void)diag_error(d, c->path, config_line(c, scenario, "horizon"),
				 "a horizon of %g steps, expected a whole number from 2 to %d",
				 steps, NEGOTIATE_STEPS_MAX);
	}
	if (out->v_min >= out->v_max) {
		(void)diag_error(d, c->path, config_line(c, scenario, "voltage-min"),
				 "voltage-min %g, expected one below voltage-max %g", out->v_min,
				 out->v_max);
	}
	if (out->source_v < out->v_min || out->source_v > out->v_max) {
		(void)diag_error(d, c->path, config_line(c, scenario, "source-voltage"),
				 "source-voltage %g, expected one that buses may have, %g to %g",
				 out->source_v, out->v_min, out->v_max);
	}
	if (out->count + out->prosumers < 1 ||
	    out->count + out->prosumers > NEGOTIATE_PARTIES_MAX) {
		(void)diag_error(d, c->path, 0,
				 "has %lld prosumers, expected 1 to %d by count in [homes] and "
				 "[prosumer NAME]",
				 (long long)out->count + out->prosumers, NEGOTIATE_PARTIES_MAX);
	}
	if (out->tariff.demand_charge > 0 || isfinite(out->tariff.subscribed_w)) {
		(void)diag_error(
			d, c->path, c->section[config_find(c, "tariff")].line,
			"a demand charge or subscribed power, expected prices per kWh only");
	}
}

static void read_all(struct config *c, struct negotiation_conf *out, struct diag *d)
{
	int before = d->errors;
	out->tariff.subscribed_w = INFINITY;
	out->source_limit_w = INFINITY;
	read_section(c, "scenario", scenario_options, COUNT(scenario_options), out, NULL, d);
	read_section(c, "tariff", tariff_options, TARIFF_OPTIONS, &out->tariff,
		     out->tariff.currency, d);
	read_section(c, "negotiation", negotiation_options, COUNT(negotiation_options), out,
		     out->tariff.currency, d);
	read_section(c, "homes", homes_options, COUNT(homes_options), out, out->tariff.currency, d);
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "prosumer") == 0) {
			read_prosumer(c, i, out, d);
		}
	}
	config_refuse_unknown(c, "[scenario], [tariff], [negotiation], [homes] or [prosumer NAME]",
			      d);
	if (d->errors == before) {
		check(c, out, d);
	}
}

int negotiation_conf_read(const char *path, struct negotiation_conf *out, struct diag *d)
{
	struct config c;
	int before = d->errors;
	*out = (struct negotiation_conf){ .seed = 1 };
	int r = config_read(&c, path, d);
	c.manual = "lec-market(1)";
	if (r == 0) {
		out->prosumer = calloc((size_t)c.sections + 1, sizeof(*out->prosumer));
		r = out->prosumer ? 0 : -ENOMEM;
	}
	if (r == 0) {
		read_all(&c, out, d);
		memcpy(out->path, c.path, sizeof(out->path));
	}
	config_free(&c);
	return r == 0 && d->errors > before ? -EINVAL : r;
}

void negotiation_conf_free(struct negotiation_conf *c)
{
	free(c->prosumer);
	*c = (struct negotiation_conf){ .seed = 0 };
}
