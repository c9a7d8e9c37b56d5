/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/site.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "daemon/base/tariff_conf.h"
#include "daemon/home/site_private.h"

static const char *const roles[] = { "home", "community", NULL };
static const char *const objectives[] = { "cost", "self-consumption", NULL };
static const char *const deciders[] = { "optimiser", "policy", "shadow", "rules", NULL };
static const char *const manners[] = { "off", "follow", "own", NULL };
static const char *const discoveries[] = { "none", "homeassistant", NULL };

static const char *parse_id(const char *text, void *field)
{
	return config_parse_name(text, field, sizeof(((struct site *)NULL)->id));
}

#define SITE(field) offsetof(struct site, field)
/* clang-format off */
static const struct option site_options[] = {
	CUSTOM("id", SITE(id), NULL, parse_id),
	CHOICE("role", SITE(role), roles, "home"),
	CUSTOM("community", SITE(community), "home", parse_id),
	CUSTOM("timezone", SITE(timezone), "UTC", timezone_parse),
	QUANTITY("latitude", DIMENSION_ANGLE, SITE(latitude), -66, 66, "52 deg"),
	QUANTITY("longitude", DIMENSION_ANGLE, SITE(longitude), -180, 180, "10 deg"),
	TEXT("profiles", struct site, profiles, LECD_DATA "/profiles"),
};

static const struct option control_options[] = {
	QUANTITY("cycle", DIMENSION_TIME, SITE(cycle_s), 0.1, 60, "1 s"),
	QUANTITY("interval", DIMENSION_TIME, SITE(interval_s), 300, 3600, "15 min"),
	QUANTITY("horizon", DIMENSION_TIME, SITE(horizon_s), 3600, 7 * 86400, "36 h"),
	CHOICE("objective", SITE(objective), objectives, "cost"),
	CHOICE("decide", SITE(decide), deciders, "optimiser"),
	BOOL("hedge", SITE(hedge), "yes"),
	QUANTITY("ramp", DIMENSION_POWER, SITE(ramp_w_per_s), 0, 1e6, "0 W"),
	TEXT("socket", struct site, socket, "/run/lecd/lecd.sock"),
};

static const struct option policy_options[] = {
	TEXT("actor", struct site, policy.actor, NULL),
	TEXT("meaning", struct site, policy.meaning, ""),
	QUANTITY("time-limit", DIMENSION_TIME, SITE(policy.time_limit_s), 1e-6, 0.5, "50 ms"),
	QUANTITY("regret-limit", DIMENSION_MONEY, SITE(policy.regret_limit), 0.01, 1e4, "1 EUR"),
	QUANTITY("regret-window", DIMENSION_TIME, SITE(policy.regret_window_s), 86400, 30 * 86400, "7 d"),
};

static const struct option grid_options[] = {
	QUANTITY("import-limit", DIMENSION_POWER, SITE(import_limit_w), 0, 1e8, ""),
	QUANTITY("export-limit", DIMENSION_POWER, SITE(export_limit_w), 0, 1e8, ""),
};

static const struct option community_options[] = {
	CHOICE("manager", SITE(manner), manners, "off"),
	QUANTITY("offer", DIMENSION_FRACTION, SITE(offer_share), 0, 1, "80 %"),
};

static const struct option mqtt_options[] = {
	MQTT_CONF_OPTIONS(struct site, mqtt),
	CHOICE("discovery", SITE(discovery), discoveries, "none"),
	BOOL("bid", SITE(bid), "yes"),
	QUANTITY("gate-closure", DIMENSION_TIME, SITE(gate_closure_s), 0, 3600, "2 min"),
};

static const struct option store_options[] = {
	TEXT("path", struct site, store, "/var/lib/lecd"),
};
/* clang-format on */

/* The sections that stand once and fill the site itself. */
static const struct {
	const char *kind;
	const struct option *options;
	int count;
	size_t target; /* the field they fill, or the site itself */
	bool required;
} sections[] = {
#define SECTION(kind, table, target, required)                                                     \
	{                                                                                          \
		kind, table, sizeof(table) / sizeof(*table), target, required                      \
	}
	SECTION("site", site_options, 0, true),
	SECTION("control", control_options, 0, false),
	SECTION("grid", grid_options, 0, false),
	SECTION("tariff", tariff_options, SITE(tariff), true),
	SECTION("policy", policy_options, 0, false), /* in the tariff's currency */
	SECTION("community", community_options, 0, false),
	SECTION("mqtt", mqtt_options, 0, false),
	SECTION("store", store_options, 0, false),
};

static void read_single(struct config *c, struct site *s, struct diag *d)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		int at = config_find(c, sections[i].kind);
		void *target = (char *)s + sections[i].target;
		if (at >= 0) {
			config_apply(c, at, sections[i].options, sections[i].count, target,
				     s->tariff.currency, d);
			continue;
		}
		config_apply_defaults(sections[i].options, sections[i].count, target);
		if (sections[i].required) {
			diag_error(d, c->path, 0, "has no section [%s], expected one",
				   sections[i].kind);
		}
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

static void check_subscription(const struct config *c, struct diag *d)
{
	int at = config_find(c, "tariff");
	if (at >= 0 &&
	    config_has(c, at, "subscribed-power") != config_has(c, at, "overuse-price")) {
		bool power = config_has(c, at, "subscribed-power");
		const char *given = power ? "subscribed-power" : "overuse-price";
		diag_error(d, c->path, config_line(c, at, given), "%s without %s, expected both",
			   given, power ? "overuse-price" : "subscribed-power");
	}
}

/* What the actor's numbers mean stands beside it under the same name, where nothing is said. */
static void find_meaning(struct site_policy *p)
{
	static const char model[] = ".onnx", meaning[] = ".conf";
	size_t length = strlen(p->actor), tail = sizeof(model) - 1;
	if (*p->meaning || !*p->actor) {
		return;
	}
	bool named = length > tail && strcmp(p->actor + length - tail, model) == 0;
	int stem = (int)(named ? length - tail : length);
	(void)snprintf(p->meaning, sizeof(p->meaning), "%.*s%s", stem, p->actor, meaning);
}

static void check_policy(const struct config *c, struct site *s, struct diag *d)
{
	int at = config_find(c, "control");
	int line = at >= 0 ? config_line(c, at, "decide") : 0;
	bool asked = s->decide == DECIDE_POLICY || s->decide == DECIDE_SHADOW;
	if (asked && config_find(c, "policy") < 0) {
		diag_error(d, c->path, line,
			   "decide = %s without an actor, expected a section "
			   "[policy]",
			   deciders[s->decide]);
	}
	if (asked && s->objective != OBJECTIVE_COST) {
		diag_error(d, c->path, line,
			   "decide = %s by objective = self-consumption, expected "
			   "objective = cost: regret is money",
			   deciders[s->decide]);
	}
	find_meaning(&s->policy);
}

int site_read(const char *path, struct site *out, struct diag *d)
{
	struct config c;
	int r = config_read(&c, path, d);
	if (r < 0) {
		config_free(&c);
		return r;
	}
	struct site s = { .import_limit_w = INFINITY,
			  .export_limit_w = INFINITY,
			  .tariff.subscribed_w = INFINITY };
	read_single(&c, &s, d);
	for (int i = 0; i < c.sections; i++) {
		site_read_asset(&c, i, &s, d);
		site_read_flexible(&c, i, &s, d);
		site_read_member(&c, i, &s, d);
	}
	config_refuse_unknown(&c,
			      "[site], [control], [grid], [tariff], [meter NAME], [pv NAME], "
			      "[battery NAME], [ev NAME], [load NAME], [tank NAME], "
			      "[heat-pump NAME], [member NAME], [policy], [community], [mqtt] or "
			      "[store]",
			      d);
	check_times(&c, &s, d);
	check_subscription(&c, d);
	check_policy(&c, &s, d);
	site_check_names(&c, &s, d);
	site_check_community(&c, &s, d);
	memcpy(s.path, c.path, sizeof(s.path));
	config_free(&c);
	if (d->errors) {
		return -EINVAL;
	}
	*out = s;
	return 0;
}
