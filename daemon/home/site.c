/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/site.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "daemon/base/mqtt.h"
#include "daemon/home/site_private.h"

static const char *const roles[] = { "home", "community", NULL };
static const char *const objectives[] = { "cost", "self-consumption", NULL };
static const char *const deciders[] = { "optimiser", "policy", "shadow", "rules", NULL };
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

static const char *parse_network_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->network, t->currency);
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

#define SITE(field) offsetof(struct site, field)
#define TEXT(key, field, fallback)                                                                 \
	{                                                                                          \
		key, OPTION_TEXT, 0, SITE(field), 0, sizeof(((struct site *)NULL)->field),         \
			fallback, NULL, NULL                                                       \
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
	BOOL("hedge", SITE(hedge), "yes"),
	QUANTITY("ramp", DIMENSION_POWER, SITE(ramp_w_per_s), 0, 1e6, "0 W"),
	TEXT("socket", socket, "/run/lecd/lecd.sock"),
};

static const struct option policy_options[] = {
	TEXT("actor", policy.actor, NULL),
	TEXT("meaning", policy.meaning, ""),
	QUANTITY("time-limit", DIMENSION_TIME, SITE(policy.time_limit_s), 1e-6, 0.5, "50 ms"),
	QUANTITY("regret-limit", DIMENSION_MONEY, SITE(policy.regret_limit), 0.01, 1e4, "1 EUR"),
	QUANTITY("regret-window", DIMENSION_TIME, SITE(policy.regret_window_s), 86400, 30 * 86400, "7 d"),
};

static const struct option grid_options[] = {
	QUANTITY("import-limit", DIMENSION_POWER, SITE(import_limit_w), 0, 1e8, ""),
	QUANTITY("export-limit", DIMENSION_POWER, SITE(export_limit_w), 0, 1e8, ""),
};

static const struct option tariff_options[] = {
	CUSTOM("currency", SITE(tariff.currency), "", parse_currency),
	QUANTITY("buy", DIMENSION_PER_KWH, SITE(tariff.buy.base), -10, 10, NULL),
	REPEATED("buy-window", SITE(tariff), parse_buy_window),
	QUANTITY("network-charge", DIMENSION_PER_KWH, SITE(tariff.network.base), 0, 10, "0 EUR/kWh"),
	REPEATED("network-charge-window", SITE(tariff), parse_network_window),
	QUANTITY("sell", DIMENSION_PER_KWH, SITE(tariff.sell.base), -10, 10, "0 EUR/kWh"),
	REPEATED("sell-window", SITE(tariff), parse_sell_window),
	QUANTITY("demand-charge", DIMENSION_PER_KW, SITE(tariff.demand_charge), 0, 1000, "0 EUR/kW"),
	QUANTITY("demand-period", DIMENSION_TIME, SITE(tariff.demand_period_s), 900, 86400, "60 min"),
	QUANTITY("subscribed-power", DIMENSION_POWER, SITE(tariff.subscribed_w), 0, 1e8, ""),
	QUANTITY("overuse-price", DIMENSION_PER_KWH, SITE(tariff.overuse_price), 0, 10, "0 EUR/kWh"),
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
	SECTION("site", site_options, true),      SECTION("control", control_options, false),
	SECTION("grid", grid_options, false),     SECTION("tariff", tariff_options, true),
	SECTION("policy", policy_options, false), /* in the tariff's currency */
	SECTION("mqtt", mqtt_options, false),     SECTION("store", store_options, false),
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
	}
	config_refuse_unknown(&c,
			      "[site], [control], [grid], [tariff], [meter NAME], [pv NAME], "
			      "[battery NAME], [ev NAME], [load NAME], [tank NAME], "
			      "[heat-pump NAME], [policy], [mqtt] or [store]",
			      d);
	check_times(&c, &s, d);
	check_subscription(&c, d);
	check_policy(&c, &s, d);
	site_check_names(&c, &s, d);
	memcpy(s.path, c.path, sizeof(s.path));
	config_free(&c);
	if (d->errors) {
		return -EINVAL;
	}
	*out = s;
	return 0;
}
