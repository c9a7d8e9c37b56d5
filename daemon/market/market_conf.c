/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/market_conf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/base/tariff_conf.h"
#include "daemon/market/settle.h"

enum { DAY_S = 86400, MWH_PER_WH = 1000 };
static const size_t memory_max = (size_t)4 << 30; /* of rounds */

static const char *const member_words[] = { "any", "listed", NULL };
static const char *const price_rules[] = { "equilibrium", "pair", NULL };
static const char *const tie_words[] = { "pro-rata", "arrival", NULL };

/* What a section says, before it is checked and made whole numbers. */
struct market_section {
	double interval_s, import_w, export_w, price_min, price_max, operator_wait_s;
	int64_t homes, orders, messages, revisions;
	int members; /* index into member_words */
};

struct round_section {
	int kind, price_rule, ties;
	double gate_closure_s, open_s, k, importer_fee;
	int64_t gate_s; /* < 0: not given */
	const struct mechanism *mechanism;
};

struct home_section {
	double import_w, export_w, price_min, price_max; /* NAN: everybody's */
};

/* The whole file while it is read. */
struct reading_conf {
	struct market_conf conf;
	struct market_section market;
};

static const char *parse_community(const char *text, void *field)
{
	return config_parse_name(text, field, sizeof(((struct market_conf *)NULL)->community));
}

static const char *parse_mechanism(const char *text, void *field)
{
	bool negotiated = strcmp(text, negotiation_mechanism.name) == 0;
	const struct mechanism *m = negotiated ? &negotiation_mechanism : mechanism_find(text);
	if (!m) {
		return "negotiation, or one of those that lec-market clear --help lists";
	}
	*(const struct mechanism **)field = m;
	return NULL;
}

/* Two digits up to most, or -1. */
static int two_digits(const char *text, int most)
{
	if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1])) {
		return -1;
	}
	int value = (text[0] - '0') * 10 + text[1] - '0';
	return value <= most ? value : -1;
}

static const char *parse_gate(const char *text, void *field)
{
	bool whole = strlen(text) == 5 && text[2] == ':';
	int hour = whole ? two_digits(text, 23) : -1,
	    minute = whole ? two_digits(text + 3, 59) : -1;
	if (hour < 0 || minute < 0) {
		return "a local time like 12:00";
	}
	*(int64_t *)field = hour * 3600 + minute * 60;
	return NULL;
}

#define CONF(field)   offsetof(struct reading_conf, conf.field)
#define MARKET(field) offsetof(struct reading_conf, market.field)
#define ROUND(field)  offsetof(struct round_section, field)
#define HOME(field)   offsetof(struct home_section, field)

/* clang-format off */
static const struct option market_options[] = {
	CUSTOM("community", CONF(community), NULL, parse_community),
	CUSTOM("timezone", CONF(timezone), "UTC", timezone_parse),
	QUANTITY("interval", DIMENSION_TIME, MARKET(interval_s), INTERVAL_MIN_S, 3600, "15 min"),
	TEXT("ledger", struct reading_conf, conf.ledger, "/var/lib/lec-market/ledger.db"),
	QUANTITY("operator-wait", DIMENSION_TIME, MARKET(operator_wait_s), 1, 3600, "10 s"),
	INTEGER("homes", MARKET(homes), 1, SETTLE_HOMES_MAX, "1000"),
	INTEGER("orders", MARKET(orders), 1, BID_STEPS_MAX, "32"),
	INTEGER("messages", MARKET(messages), 10, 1000000, "1000"),
	INTEGER("revisions", MARKET(revisions), 1, 100000, "100"),
	CHOICE("members", MARKET(members), member_words, "any"),
	QUANTITY("import-limit", DIMENSION_POWER, MARKET(import_w), 0, 1e8, "17 kW"),
	QUANTITY("export-limit", DIMENSION_POWER, MARKET(export_w), 0, 1e8, "17 kW"),
	QUANTITY("price-min", DIMENSION_PER_KWH, MARKET(price_min), -10, 10, "-1 EUR/kWh"),
	QUANTITY("price-max", DIMENSION_PER_KWH, MARKET(price_max), -10, 10, "2 EUR/kWh"),
};

static const struct option settlement_options[] = {
	CHOICE("rule", CONF(settle_rule), settle_rules, "metered"),
	QUANTITY("local-network-charge", DIMENSION_PER_KWH, CONF(local_charge), 0, 10, "0 EUR/kWh"),
	QUANTITY("penalty", DIMENSION_PER_KWH, CONF(penalty), 0, 10, "0 EUR/kWh"),
	QUANTITY("meter-wait", DIMENSION_TIME, CONF(meter_wait_s), 0, 7 * DAY_S, "1 h"),
};

static const struct option round_options[] = {
	CHOICE("kind", ROUND(kind), round_kinds, "interval"),
	QUANTITY("gate-closure", DIMENSION_TIME, ROUND(gate_closure_s), 1, DAY_S, ""),
	CUSTOM("gate", ROUND(gate_s), "", parse_gate),
	QUANTITY("opens", DIMENSION_TIME, ROUND(open_s), 60, 7 * DAY_S, "1 h"),
	CUSTOM("mechanism", ROUND(mechanism), NULL, parse_mechanism),
	CHOICE("price", ROUND(price_rule), price_rules, "equilibrium"),
	CHOICE("ties", ROUND(ties), tie_words, "pro-rata"),
	QUANTITY("k", DIMENSION_NUMBER, ROUND(k), 0, 1, ""),
	QUANTITY("importer-fee", DIMENSION_PER_KWH, ROUND(importer_fee), 0, 10, "0 EUR/kWh"),
};

static const struct option negotiation_options[] = {
	QUANTITY("penalty", DIMENSION_PER_KWH, CONF(negotiation.penalty), 1e-9, 1e6, "0.01 EUR/kWh"),
	QUANTITY("relaxation", DIMENSION_NUMBER, CONF(negotiation.relaxation), 1, 1.9, "1.2"),
	QUANTITY("tolerance", DIMENSION_NUMBER, CONF(negotiation.tolerance), 1e-9, 0.1, "0.001"),
	QUANTITY("inner-tolerance", DIMENSION_NUMBER, CONF(negotiation.inner), 1e-12, 0.1, "0.0001"),
	INTEGER("rounds", CONF(negotiation.rounds), 1, 100000, "300"),
	INTEGER("passes", CONF(negotiation.passes), 1, 1000, "10"),
	BOOL("balance", CONF(negotiation.balance), "yes"),
	QUANTITY("answer-wait", DIMENSION_TIME, CONF(negotiation.wait_s), 1, 600, "5 s"),
	QUANTITY("deadline", DIMENSION_TIME, CONF(negotiation.deadline_s), 1, DAY_S, "10 min"),
};

static const struct option home_options[] = {
	QUANTITY("import-limit", DIMENSION_POWER, HOME(import_w), 0, 1e8, ""),
	QUANTITY("export-limit", DIMENSION_POWER, HOME(export_w), 0, 1e8, ""),
	QUANTITY("price-min", DIMENSION_PER_KWH, HOME(price_min), -10, 10, ""),
	QUANTITY("price-max", DIMENSION_PER_KWH, HOME(price_max), -10, 10, ""),
};

static const struct option mqtt_options[] = {
	MQTT_CONF_OPTIONS(struct reading_conf, conf.mqtt),
};
/* clang-format on */

/* The sections that stand once. */
static const struct {
	const char *kind;
	const struct option *options;
	int count;
	size_t target;
	bool required;
} sections[] = {
#define SECTION(kind, table, target, required)                                                     \
	{                                                                                          \
		kind, table, sizeof(table) / sizeof(*table), target, required                      \
	}
	SECTION("market", market_options, 0, true),
	SECTION("tariff", tariff_options, CONF(tariff), true),
	SECTION("settlement", settlement_options, 0, false),
	SECTION("negotiation", negotiation_options, 0, false),
	SECTION("mqtt", mqtt_options, 0, true),
};

static void read_single(struct config *c, struct reading_conf *r, struct diag *d)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		int at = config_find(c, sections[i].kind);
		void *target = (char *)r + sections[i].target;
		if (at >= 0) {
			config_apply(c, at, sections[i].options, sections[i].count, target,
				     r->conf.tariff.currency, d);
			continue;
		}
		config_apply_defaults(sections[i].options, sections[i].count, target);
		if (sections[i].required) {
			diag_error(d, c->path, 0, "has no section [%s], expected one",
				   sections[i].kind);
		}
	}
}

static int32_t money_from(double price)
{
	return (int32_t)lround(price * MILLION);
}

/* What a power carries in an interval, mWh. */
static int64_t carried(double w, int64_t interval_s)
{
	return llround(w * (double)interval_s / 3600 * MWH_PER_WH);
}

/* --- rounds ------------------------------------------------------------------------------------
 */

static void check_gate(const struct config *c, int at, const struct round_section *s,
		       struct diag *d)
{
	bool day = s->kind == ROUND_DAY;
	const char *missed = day ? "gate" : "gate-closure", *other = day ? "gate-closure" : "gate";
	if (!config_has(c, at, missed)) {
		diag_error(d, c->path, c->section[at].line, "[round %s] has no %s, expected %s",
			   c->section[at].name, missed,
			   day ? "a local time of the day before" : "a time like 2 min");
	}
	if (config_has(c, at, other)) {
		diag_error(d, c->path, config_line(c, at, other),
			   "%s, expected none in a round of kind %s", other, round_kinds[s->kind]);
	}
}

static void read_round(struct config *c, int at, struct market_conf *m, struct diag *d)
{
	struct round_section s = { .gate_s = -1, .k = NAN };
	struct rounds_conf *r = &m->rounds;
	int errors = d->errors;
	config_apply(c, at, round_options, sizeof(round_options) / sizeof(*round_options), &s,
		     m->tariff.currency, d);
	check_gate(c, at, &s, d);
	if (r->rounds == ROUNDS_MAX) {
		diag_error(d, c->path, c->section[at].line,
			   "[round %s], expected at most %d rounds", c->section[at].name,
			   ROUNDS_MAX);
	}
	if (!*c->section[at].name) {
		diag_error(d, c->path, c->section[at].line,
			   "[round] has no name, expected one like [round intraday]");
	}
	if (d->errors > errors) {
		return;
	}
	struct round_conf *round = &r->round[r->rounds++];
	*round = (struct round_conf){
		.kind = s.kind,
		.gate_s = s.kind == ROUND_DAY ? s.gate_s : llround(s.gate_closure_s),
		.open_s = llround(s.open_s),
		.mechanism = s.mechanism,
		.negotiated = s.mechanism == &negotiation_mechanism,
		.terms = { .price_rule = (enum price_rule)s.price_rule,
			   .ties = (enum ties)s.ties,
			   .k = isnan(s.k) ? s.mechanism->k : money_from(s.k),
			   .importer_fee = money_from(s.importer_fee) },
		.line = c->section[at].line,
	};
	snprintf(round->name, sizeof(round->name), "%s", c->section[at].name);
}

static void check_rounds(const struct config *c, const struct rounds_conf *r, struct diag *d)
{
	if (r->rounds == 0 && d->errors == 0) {
		diag_error(d, c->path, 0, "has no section [round NAME], expected at least one");
	}
	for (int i = 0; i < r->rounds; i++) {
		if (r->round[i].negotiated && r->named == 0) {
			diag_error(d, c->path, r->round[i].line,
				   "[round %s] negotiates, expected a section [home ID] for each "
				   "home that takes part",
				   r->round[i].name);
		}
		for (int k = 0; k < i; k++) {
			const struct round_conf *a = &r->round[i], *b = &r->round[k];
			if (strcmp(a->name, b->name) != 0 && rounds_overlap(a, b)) {
				diag_error(d, c->path, a->line,
					   "[round %s] and [round %s] of line %d are open for the "
					   "same interval together, expected one after the other",
					   a->name, b->name, b->line);
			}
		}
	}
}

/* Nor does what is agreed on by then, which the operator has still to judge. */
static void check_deadline(const struct config *c, const struct market_conf *m,
			   const struct round_conf *r, int64_t left_s, struct diag *d)
{
	int at = config_find(c, "negotiation");
	bool given = at >= 0 && config_has(c, at, "deadline");
	if (m->negotiation.deadline_s + (double)m->operator_wait_s >= (double)left_s) {
		diag_error(d, c->path, given ? config_line(c, at, "deadline") : r->line,
			   "deadline = %g s%s, expected with operator-wait = %d s less than the %d "
			   "s from the gate of [round %s] to its interval",
			   m->negotiation.deadline_s, given ? "" : " where none is given",
			   (int)m->operator_wait_s, (int)left_s, r->name);
	}
}

/* A verdict that comes when its interval has begun binds nothing. */
static void check_wait(const struct config *c, const struct market_conf *m, struct diag *d)
{
	int at = config_find(c, "market");
	bool given = at >= 0 && config_has(c, at, "operator-wait");
	for (int i = 0; i < m->rounds.rounds; i++) {
		const struct round_conf *r = &m->rounds.round[i];
		int64_t left_s = r->kind == ROUND_DAY ? DAY_S - r->gate_s : r->gate_s;
		if (m->operator_wait_s >= left_s) {
			diag_error(d, c->path,
				   given ? config_line(c, at, "operator-wait") : r->line,
				   "operator-wait = %d s%s, expected less than the %d s from the "
				   "gate of [round %s] to its interval",
				   (int)m->operator_wait_s, given ? "" : " where none is given",
				   (int)left_s, r->name);
		} else if (r->negotiated) {
			check_deadline(c, m, r, left_s, d);
		}
	}
}

/* --- homes --------------------------------------------------------------------------------------
 */

static void check_prices(const struct config *c, int at, const struct home_limits *l,
			 struct diag *d)
{
	if (l->price_min > l->price_max) {
		diag_error(d, c->path, config_line(c, at, "price-min"),
			   "price-min = %g, expected at most price-max = %g",
			   l->price_min / (double)MILLION, l->price_max / (double)MILLION);
	}
}

static void read_home(struct config *c, int at, struct market_conf *m, struct diag *d)
{
	struct home_section s = { NAN, NAN, NAN, NAN };
	const struct home_limits *all = &m->rounds.limits;
	config_apply(c, at, home_options, sizeof(home_options) / sizeof(*home_options), &s,
		     m->tariff.currency, d);
	struct named_limits *home = &m->home[m->rounds.named++];
	home->limits = (struct home_limits){
		.import = isnan(s.import_w) ? all->import : carried(s.import_w, m->interval_s),
		.export = isnan(s.export_w) ? all->export : carried(s.export_w, m->interval_s),
		.price_min = isnan(s.price_min) ? all->price_min : money_from(s.price_min),
		.price_max = isnan(s.price_max) ? all->price_max : money_from(s.price_max),
		.line = c->section[at].line,
	};
	const char *expected = config_parse_name(c->section[at].name, home->id, sizeof(home->id));
	if (expected) {
		diag_error(d, c->path, home->limits.line, "[home %s], expected an id of %s",
			   c->section[at].name, expected);
	}
	check_prices(c, at, &home->limits, d);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static void take_market(const struct config *c, struct reading_conf *r, struct diag *d)
{
	const struct market_section *s = &r->market;
	struct market_conf *m = &r->conf;
	int at = config_find(c, "market");
	double hour = 3600 / s->interval_s;
	if (at >= 0 && (fabs(hour - round(hour)) > 1e-9 || s->interval_s != round(s->interval_s))) {
		diag_error(d, c->path, config_line(c, at, "interval"),
			   "interval = %g s, expected whole seconds that divide an hour",
			   s->interval_s);
	}
	m->interval_s = llround(s->interval_s);
	m->rounds.interval_s = m->interval_s;
	m->operator_wait_s = llround(s->operator_wait_s);
	m->rounds.homes_max = (int)s->homes;
	m->rounds.steps_max = (int)s->orders;
	m->rounds.revisions_max = (int)s->revisions;
	m->messages = (int)s->messages;
	m->rounds.listed = s->members == 1;
	m->rounds.limits = (struct home_limits){ .import = carried(s->import_w, m->interval_s),
						 .export = carried(s->export_w, m->interval_s),
						 .price_min = money_from(s->price_min),
						 .price_max = money_from(s->price_max) };
	if (at >= 0) {
		check_prices(c, at, &m->rounds.limits, d);
	}
}

/* A market that needs the demand of months and other homes' meters is none. */
static void refuse_peaks(const struct config *c, const struct tariff *t, struct diag *d)
{
	static const char *const keys[] = { "demand-charge", "subscribed-power", "overuse-price" };
	(void)t;
	int at = config_find(c, "tariff");
	for (size_t i = 0; at >= 0 && i < sizeof(keys) / sizeof(*keys); i++) {
		if (config_has(c, at, keys[i])) {
			diag_error(
				d, c->path, config_line(c, at, keys[i]),
				"%s, expected prices per kWh only: what a home pays for power is "
				"between it and the utility",
				keys[i]);
		}
	}
}

static void check_room(const struct config *c, const struct rounds_conf *r, struct diag *d)
{
	int at = config_find(c, "market");
	if (at >= 0 && r->named > r->homes_max) {
		diag_error(d, c->path, config_line(c, at, "homes"),
			   "homes = %d, expected at least the %d that have a section [home ID]",
			   r->homes_max, r->named);
	}
}

static void check_memory(const struct config *c, const struct rounds_conf *r, struct diag *d)
{
	size_t bytes = d->errors ? 0 : rounds_memory(r);
	if (bytes > memory_max) {
		int at = config_find(c, "market");
		diag_error(
			d, c->path, config_line(c, at, "homes"),
			"homes, orders and rounds need %zu MB of memory, expected at most %zu MB",
			bytes >> 20, memory_max >> 20);
	}
}

static int read_sections(struct config *c, struct reading_conf *r, struct diag *d)
{
	read_single(c, r, d);
	take_market(c, r, d);
	r->conf.home = calloc((size_t)c->sections + 1, sizeof(*r->conf.home));
	if (!r->conf.home) {
		return -ENOMEM;
	}
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "round") == 0) {
			read_round(c, i, &r->conf, d);
		} else if (strcmp(c->section[i].kind, "home") == 0) {
			read_home(c, i, &r->conf, d);
		}
	}
	r->conf.rounds.home = r->conf.home;
	upstream_conf_read(c, &r->conf, d);
	config_refuse_unknown(c,
			      "[market], [tariff], [round NAME], [settlement], [negotiation], "
			      "[home ID], [mqtt] or [upstream]",
			      d);
	check_rounds(c, &r->conf.rounds, d);
	check_wait(c, &r->conf, d);
	refuse_peaks(c, &r->conf.tariff, d);
	check_room(c, &r->conf.rounds, d);
	check_memory(c, &r->conf.rounds, d);
	return d->errors ? -EINVAL : 0;
}

int market_conf_read(const char *path, struct market_conf *out, struct diag *d)
{
	struct config c;
	int e = config_read(&c, path, d);
	struct reading_conf r = { .conf.tariff.subscribed_w = INFINITY };
	c.manual = "lec-market.conf(5)";
	e = e < 0 ? e : read_sections(&c, &r, d);
	memcpy(r.conf.path, c.path, sizeof(c.path));
	config_free(&c);
	if (e < 0) {
		market_conf_free(&r.conf);
		return e;
	}
	*out = r.conf;
	return 0;
}

void market_conf_free(struct market_conf *c)
{
	free(c->home);
	c->home = NULL;
}
