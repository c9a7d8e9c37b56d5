/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/upstream_conf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/market/broker_acl.h"
#include "daemon/market/market_conf.h"
#include "daemon/market/settle.h"

enum {
	ASK_S = 10,  /* at least, to ask above in */
	ASKINGS = 3, /* of the grid operator, each operator-wait at most, see asking.h */
	STEPS_MIN = 2,
};

struct section {
	struct upstream_conf conf;
	char round[ROUND_NAME_SIZE];
	double gate_s, answer_s; /* answer NAN: not given */
	int64_t steps;
};

static const char *parse_community(const char *text, void *field)
{
	return config_parse_name(text, field, UPSTREAM_COMMUNITY_SIZE);
}

static const char *parse_id(const char *text, void *field)
{
	const char *expected = config_parse_name(text, field, HOME_ID_SIZE);
	return expected                    ? expected
	       : broker_acl_reserved(text) ? "a name that no service on the broker has"
					   : NULL;
}

/* clang-format off */
static const struct option options[] = {
	CUSTOM("community", offsetof(struct section, conf.community), NULL, parse_community),
	CUSTOM("id", offsetof(struct section, conf.id), NULL, parse_id),
	TEXT("round", struct section, round, NULL),
	QUANTITY("gate-closure", DIMENSION_TIME, offsetof(struct section, gate_s), 1, 86400, NULL),
	QUANTITY("answer", DIMENSION_TIME, offsetof(struct section, answer_s), 1, 86400, ""),
	INTEGER("steps", offsetof(struct section, steps), STEPS_MIN, BID_STEPS_MAX, "32"),
	CUSTOM("broker", offsetof(struct section, conf.mqtt.broker), "", mqtt_conf_parse_broker),
	TEXT("user", struct section, conf.mqtt.user, ""),
	TEXT("password-file", struct section, conf.mqtt.password_file, ""),
	TEXT("ca-file", struct section, conf.mqtt.ca_file, ""),
	TEXT("certificate", struct section, conf.mqtt.certificate, ""),
	TEXT("key", struct section, conf.mqtt.key, ""),
};
/* clang-format on */

/* What a check needs, and where it complains. */
struct checked {
	const struct config *c;
	int at; /* the section */
	const struct market_conf *m;
	struct upstream_conf *up;
	struct diag *d;
};

static int line(const struct checked *x, const char *key)
{
	return config_line(x->c, x->at, key);
}

/* --- who is who ---------------------------------------------------------------------------------
 */

static void check_names(const struct checked *x)
{
	const struct upstream_conf *up = x->up;
	if (strcmp(up->community, x->m->community) == 0) {
		diag_error(x->d, x->c->path, line(x, "community"),
			   "community = %s, expected another than that of [market]: this one "
			   "would bid in itself",
			   up->community);
	}
	for (int i = 0; i < x->m->rounds.named; i++) {
		const struct named_limits *home = &x->m->home[i];
		if (strcmp(home->id, up->id) == 0) {
			diag_error(x->d, x->c->path, line(x, "id"),
				   "id = %s, expected another than that of the home of line %d: "
				   "one of them would push the other off the broker",
				   up->id, home->limits.line);
		}
	}
}

/* A broker knows clients by their certificates; one has its own key. */
static void check_certificate(const struct checked *x)
{
	const struct mqtt_conf *own = &x->m->mqtt, *up = &x->up->mqtt;
	bool certified = config_has(x->c, x->at, "certificate");
	if (certified != config_has(x->c, x->at, "key")) {
		diag_error(x->d, x->c->path, line(x, certified ? "certificate" : "key"),
			   "%s, expected a %s beside it", certified ? "certificate" : "key",
			   certified ? "key" : "certificate");
	}
	if (*up->certificate && strcmp(own->broker, up->broker) == 0 &&
	    strcmp(own->certificate, up->certificate) == 0) {
		diag_error(x->d, x->c->path, line(x, "certificate"),
			   "certificate = %s, expected another than that of [mqtt] on the same "
			   "broker: one issued to %s",
			   up->certificate, x->up->id);
	}
}

/* --- when ---------------------------------------------------------------------------------------
 */

static void check_round(const struct checked *x, const struct round_conf *r)
{
	const char *lacks = r->kind != ROUND_INTERVAL ? "of kind interval"
			    : strcmp(r->mechanism->name, "uniform") != 0
				    ? "with mechanism = uniform"
				    : NULL;
	if (lacks) {
		diag_error(x->d, x->c->path, line(x, "round"),
			   "round = %s, expected a round %s, that of line %d is not", r->name,
			   lacks, r->line);
	}
}

static void check_times(const struct checked *x, const struct round_conf *r)
{
	const struct upstream_conf *up = x->up;
	int64_t asking_s = ASKINGS * x->m->operator_wait_s;
	if (r->kind == ROUND_INTERVAL && up->gate_s + ASK_S > r->gate_s) {
		diag_error(x->d, x->c->path, line(x, "gate-closure"),
			   "gate-closure = %" PRId64 " s, expected at most %" PRId64
			   " s: [round %s] of line %d closes %" PRId64
			   " s before an interval, and asks above after that",
			   up->gate_s, r->gate_s - ASK_S, r->name, r->line, r->gate_s);
	}
	if (up->answer_s >= up->gate_s) {
		diag_error(x->d, x->c->path, line(x, "answer"),
			   "answer = %" PRId64 " s, expected less than gate-closure = %" PRId64
			   " s: nobody answers before the gate above is closed",
			   up->answer_s, up->gate_s);
	}
	if (up->answer_s <= asking_s) {
		diag_error(x->d, x->c->path, line(x, "answer"),
			   "answer = %" PRId64 " s, expected more than the %" PRId64
			   " s in which the grid operator may be asked, three times operator-wait",
			   up->answer_s, asking_s);
	}
}

/* What waits for an answer is as open as a round: another would not know what it comes to. */
static void check_others(const struct checked *x, const struct round_conf *r)
{
	struct round_conf longer = *r;
	longer.open_s += r->gate_s - x->up->answer_s;
	longer.gate_s = x->up->answer_s;
	for (int i = 0; i < x->m->rounds.rounds; i++) {
		const struct round_conf *other = &x->m->rounds.round[i];
		if (other != r && !rounds_overlap(r, other) && rounds_overlap(&longer, other)) {
			diag_error(x->d, x->c->path, other->line,
				   "[round %s] is open while [round %s] of line %d waits for the "
				   "market above, expected one after the other",
				   other->name, r->name, r->line);
		}
	}
}

static const struct round_conf *find_round(const struct checked *x, const char *name)
{
	const struct rounds_conf *r = &x->m->rounds;
	for (int i = 0; i < r->rounds; i++) {
		if (strcmp(r->round[i].name, name) == 0) {
			x->up->round = i;
			return &r->round[i];
		}
	}
	diag_error(x->d, x->c->path, line(x, "round"), "round = %s, expected a section [round %s]",
		   name, name);
	return NULL;
}

/* What was bought above is paid there, whoever takes it: who does not must be the one to pay. */
static void check_rule(const struct checked *x)
{
	int at = config_find(x->c, "settlement");
	if (x->m->settle_rule != SETTLE_TRADED) {
		diag_error(x->d, x->c->path,
			   at >= 0 ? config_line(x->c, at, "rule") : line(x, "community"),
			   "rule = %s, expected traded in [settlement] beside [upstream]: what is "
			   "traded above counts as it was made",
			   settle_rules[x->m->settle_rule]);
	}
}

/* --- the whole ----------------------------------------------------------------------------------
 */

void upstream_conf_read(struct config *c, struct market_conf *m, struct diag *d)
{
	int at = config_find(c, "upstream"), errors = d->errors;
	if (at < 0) {
		return;
	}
	struct section s = { .answer_s = NAN };
	if (!config_has(c, at, "broker")) {
		s.conf.mqtt = m->mqtt; /* what is not said is as it is there */
	}
	config_apply(c, at, options, sizeof(options) / sizeof(*options), &s, m->tariff.currency, d);
	s.conf.gate_s = llround(s.gate_s);
	s.conf.answer_s = isnan(s.answer_s) ? s.conf.gate_s / 2 : llround(s.answer_s);
	s.conf.steps = (int)s.steps;
	snprintf(s.conf.account, sizeof(s.conf.account), "%s/%s", s.conf.community, s.conf.id);
	m->upstream = s.conf;
	if (d->errors > errors) {
		return;
	}
	const struct checked x = { c, at, m, &m->upstream, d };
	const struct round_conf *r = find_round(&x, s.round);
	check_names(&x);
	check_certificate(&x);
	check_rule(&x);
	if (r) {
		check_round(&x, r);
		check_times(&x, r);
		check_others(&x, r);
	}
}

void upstream_conf_tell(const struct market_conf *m, char *out, size_t size)
{
	const struct upstream_conf *up = &m->upstream;
	const struct round_conf *r = &m->rounds.round[up->round];
	snprintf(out, size,
		 "[upstream]: [round %s] closes %" PRId64 " s before its interval, bids as %s in "
		 "%s until %" PRId64 " s, and clears with the answer, or alone at %" PRId64 " s",
		 r->name, r->gate_s, up->id, up->community, up->gate_s, up->answer_s);
}
