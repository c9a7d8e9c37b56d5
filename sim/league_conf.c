/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_conf.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/base/isotime.h"
#include "daemon/base/series.h"
#include "daemon/base/tariff_conf.h"

static const double power_max_w = 1e9; /* of a community */

static const char *parse_start(const char *text, void *field)
{
	return isotime_parse(text, field) < 0 ? "a time in UTC, like 2026-06-15T00:00:00Z" : NULL;
}

#define OF(field)   offsetof(struct league_conf, field)
#define EACH(field) offsetof(struct league_community, field)
#define WIRE(field) offsetof(struct league_wire, field)

/* clang-format off */
static const struct option scenario_options[] = {
	CHOICE("framework", OF(framework), frameworks, NULL),
	TEXT("series", struct league_conf, series, NULL),
	CUSTOM("timezone", OF(timezone), "UTC", timezone_parse),
	CUSTOM("start", OF(start_s), NULL, parse_start),
	QUANTITY("horizon", DIMENSION_TIME, OF(horizon_s), 900, 4 * 86400, "24 h"),
	QUANTITY("step", DIMENSION_TIME, OF(step_s), 300, 4 * 3600, "60 min"),
	INTEGER("seed", OF(seed), 1, 1e15, "1"),
	QUANTITY("loss", DIMENSION_FRACTION, OF(loss), 0, 0.9, "0 %"),
};

static const struct option negotiation_options[] = {
	QUANTITY("penalty", DIMENSION_PER_KWH, OF(penalty), 1e-9, 1e3, "0.003 EUR/kWh"),
	QUANTITY("relaxation", DIMENSION_NUMBER, OF(relaxation), 1, 1.9, "1.6"),
	QUANTITY("tolerance", DIMENSION_POWER, OF(tolerance_w), 0.001, 1e6, "10 W"),
	INTEGER("rounds", OF(rounds), 1, LEAGUE_ROUNDS_MAX, "5000"),
	INTEGER("silence", OF(silence), 1, 1000, "30"),
	INTEGER("concessions", OF(concessions), 1, 1000, "8"),
};

static const struct option community_options[] = {
	TEXT("load", struct league_community, load, NULL),
	TEXT("pv", struct league_community, pv, ""),
	QUANTITY("capacity", DIMENSION_ENERGY, EACH(capacity_wh), 0, 1e9, "0 Wh"),
	QUANTITY("charge-limit", DIMENSION_POWER, EACH(charge_limit_w), 0, 1e9, "0 W"),
	QUANTITY("discharge-limit", DIMENSION_POWER, EACH(discharge_limit_w), 0, 1e9, "0 W"),
	QUANTITY("round-trip-efficiency", DIMENSION_FRACTION, EACH(efficiency), 0.1, 1, "90 %"),
	QUANTITY("soc-min", DIMENSION_FRACTION, EACH(soc_min), 0, 1, "10 %"),
	QUANTITY("soc-max", DIMENSION_FRACTION, EACH(soc_max), 0, 1, "95 %"),
	QUANTITY("soc-start", DIMENSION_FRACTION, EACH(soc_start), 0, 1, "50 %"),
	QUANTITY("wear", DIMENSION_PER_KWH, EACH(wear), 0, 10, "0.02 EUR/kWh"),
	QUANTITY("buy", DIMENSION_PER_KWH, EACH(buy), 0, 100, ""),
	QUANTITY("sell", DIMENSION_PER_KWH, EACH(sell), 0, 100, ""),
	QUANTITY("trade-limit", DIMENSION_POWER, EACH(trade_limit_w), 0, 1e9, "10 kW"),
	INTEGER("silent-from", EACH(silent_from), 0, LEAGUE_ROUNDS_MAX, ""),
	INTEGER("unsound-from", EACH(unsound_from), 0, LEAGUE_ROUNDS_MAX, ""),
};

static const struct option wire_options[] = {
	TEXT("from", struct league_wire, from, NULL),
	TEXT("to", struct league_wire, to, NULL),
	QUANTITY("capacity", DIMENSION_POWER, WIRE(capacity_w), 0, 1e9, ""),
	QUANTITY("fee", DIMENSION_PER_KWH, WIRE(fee), 0, 10, "0 EUR/kWh"),
};
/* clang-format on */

#define COUNT(table) ((int)(sizeof(table) / sizeof(*(table))))

/* --- the file -----------------------------------------------------------------------------------
 */

static void read_section(struct config *c, const char *kind, const struct option *table,
			 int options, struct league_conf *out, void *target, struct diag *d)
{
	int at = config_find(c, kind);
	if (at < 0) {
		(void)diag_error(d, c->path, 0, "has no section [%s], expected one", kind);
	} else {
		config_apply(c, at, table, options, target, out->tariff.currency, d);
	}
}

/* Whether section at has a name and there is room for it among most; says so if not. */
static bool can_take(struct config *c, int at, int count, int most, struct diag *d)
{
	const struct config_section *s = &c->section[at];
	c->section[at].known = true;
	if (!*s->name) {
		(void)diag_error(d, c->path, s->line, "a %s without a name, expected [%s NAME]",
				 s->kind, s->kind);
	} else if (count == most) {
		(void)diag_error(d, c->path, s->line, "too many sections [%s], expected %d at most",
				 s->kind, most);
	}
	return *s->name && count < most;
}

static void read_community(struct config *c, int at, struct league_conf *out, struct diag *d)
{
	struct league_community *m = &out->community[out->communities];
	if (!can_take(c, at, out->communities, LEAGUE_COMMUNITIES_MAX, d)) {
		return;
	}
	out->communities++;
	*m = (struct league_community){ .line = c->section[at].line,
					.buy = NAN,
					.sell = NAN,
					.silent_from = -1,
					.unsound_from = -1 };
	memcpy(m->name, c->section[at].name, sizeof(m->name));
	int before = d->errors;
	config_apply(c, at, community_options, COUNT(community_options), m, out->tariff.currency,
		     d);
	if (d->errors == before && !(m->soc_min <= m->soc_start && m->soc_start <= m->soc_max)) {
		(void)diag_error(d, c->path, config_line(c, at, "soc-start"),
				 "soc-start %g, expected one from soc-min %g to soc-max %g",
				 m->soc_start, m->soc_min, m->soc_max);
	}
}

static void read_wire(struct config *c, int at, struct league_conf *out, struct diag *d)
{
	struct league_wire *w = &out->wire[out->wires];
	if (can_take(c, at, out->wires, LEAGUE_LINES_MAX, d)) {
		out->wires++;
		*w = (struct league_wire){ .line = c->section[at].line, .capacity_w = INFINITY };
		memcpy(w->name, c->section[at].name, sizeof(w->name));
		config_apply(c, at, wire_options, COUNT(wire_options), w, out->tariff.currency, d);
	}
}

static void read_all(struct config *c, struct league_conf *out, struct diag *d)
{
	out->tariff.subscribed_w = INFINITY;
	read_section(c, "scenario", scenario_options, COUNT(scenario_options), out, out, d);
	read_section(c, "tariff", tariff_options, TARIFF_OPTIONS, out, &out->tariff, d);
	read_section(c, "negotiation", negotiation_options, COUNT(negotiation_options), out, out,
		     d);
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "community") == 0) {
			read_community(c, i, out, d);
		} else if (strcmp(c->section[i].kind, "line") == 0) {
			read_wire(c, i, out, d);
		}
	}
	config_refuse_unknown(
		c, "[scenario], [tariff], [negotiation], [community NAME] or [line NAME]", d);
}

/* --- what follows from it -----------------------------------------------------------------------
 */

static int find_end(const struct league_conf *c, const struct league_wire *w, const char *name,
		    struct diag *d)
{
	int i = league_conf_find(c, name);
	if (i < 0) {
		(void)diag_error(d, c->path, w->line,
				 "line %s leads to '%s', expected the name of a community", w->name,
				 name);
	}
	return i;
}

static void make_lines(struct league_conf *c, struct diag *d)
{
	int line[NEIGHBOURS_MAX], before = d->errors;
	for (int k = 0; k < c->wires; k++) {
		const struct league_wire *w = &c->wire[k];
		struct league_line *l = &c->league.line[c->league.lines++];
		l->terms = (struct line_terms){ w->capacity_w / 1000, w->fee };
		l->a = find_end(c, w, w->to, d);
		l->b = find_end(c, w, w->from, d);
		if (l->a == l->b && l->a >= 0) {
			(void)diag_error(d, c->path, w->line,
					 "line %s leads from %s to itself, expected two ends",
					 w->name, w->from);
		}
	}
	for (int i = 0; d->errors == before && i < c->communities; i++) {
		if (league_lines_of(&c->league, i, line) < 0) {
			(void)diag_error(d, c->path, c->community[i].line,
					 "%s has too many lines, expected %d at most",
					 c->community[i].name, NEIGHBOURS_MAX);
		}
	}
	int apart = d->errors == before && c->framework != FRAMEWORK_P2P
			    ? league_unreached(&c->league)
			    : -1;
	if (apart >= 0) {
		(void)diag_error(d, c->path, c->community[apart].line,
				 "no lines lead from %s to %s, expected a league that is connected",
				 c->community[0].name, c->community[apart].name);
	}
}

static int64_t time_of(const struct league_conf *c, int t)
{
	return c->start_s + (int64_t)(t * c->step_s);
}

/* The mean of a column in a step, kW; what is not there is complained about. */
static bool mean_of(const struct league_conf *c, const struct series *s, const char *name, int line,
		    int t, double *kw, struct diag *d)
{
	double w;
	char at[ISOTIME_SIZE];
	int column = series_column(s, name);
	if (column < 0) {
		(void)diag_error(d, c->path, line, "%s has no column %s, expected one in W",
				 c->series, name);
		return false;
	}
	if (series_mean(s, column, time_of(c, t), time_of(c, t + 1), &w) < 0 || w < 0 ||
	    w > power_max_w) {
		(void)diag_error(d, c->series, 0,
				 "%s from %s on, expected numbers from 0 to %g there", name,
				 isotime_format(time_of(c, t), at), power_max_w);
		return false;
	}
	*kw = w / 1000;
	return true;
}

static bool make_step(const struct league_conf *c, const struct series *s, int i, int t,
		      struct member_model *m, struct diag *d)
{
	const struct league_community *x = &c->community[i];
	double load_kw, pv_kw = 0;
	int64_t length_s = (int64_t)c->step_s;
	if (!mean_of(c, s, x->load, x->line, t, &load_kw, d) ||
	    (*x->pv && !mean_of(c, s, x->pv, x->line, t, &pv_kw, d))) {
		return false;
	}
	m->net_kw[t] = load_kw - pv_kw;
	m->buy[t] = isnan(x->buy) ? tariff_mean(&c->tariff.buy, time_of(c, t), length_s) : x->buy;
	m->buy[t] += tariff_mean(&c->tariff.network, time_of(c, t), length_s);
	m->sell[t] =
		isnan(x->sell) ? tariff_mean(&c->tariff.sell, time_of(c, t), length_s) : x->sell;
	if (m->sell[t] < 0 || m->sell[t] > m->buy[t]) {
		char at[ISOTIME_SIZE];
		(void)diag_error(d, c->path, x->line,
				 "%s is paid %g and asked %g at %s, expected prices >= 0 and the "
				 "first not above the second",
				 x->name, m->sell[t], m->buy[t], isotime_format(time_of(c, t), at));
		return false;
	}
	return true;
}

static void make_member(struct league_conf *c, const struct series *s, int i, struct diag *d)
{
	const struct league_community *x = &c->community[i];
	struct member_model *m = &c->member[i];
	double each_way = sqrt(x->efficiency), kwh = x->capacity_wh / 1000;
	*m = (struct member_model){ .steps = c->league.steps,
				    .hours = c->league.hours,
				    .capacity_kwh = kwh * (x->soc_max - x->soc_min),
				    .start_kwh = kwh * (x->soc_start - x->soc_min),
				    .charge_max_kw = x->charge_limit_w / 1000,
				    .discharge_max_kw = x->discharge_limit_w / 1000,
				    .charge_efficiency = each_way,
				    .discharge_efficiency = each_way,
				    .wear = x->wear };
	for (int t = 0; t < m->steps && make_step(c, s, i, t, m, d); t++) {
	}
}

static void check(const struct config *c, const struct league_conf *out, struct diag *d)
{
	double steps = out->horizon_s / out->step_s;
	if (steps != floor(steps) || steps < 1 || steps > LEAGUE_STEPS_MAX ||
	    out->step_s != floor(out->step_s)) {
		(void)diag_error(d, c->path, config_line(c, config_find(c, "scenario"), "horizon"),
				 "a horizon of %g steps, expected a whole number from 1 to %d",
				 steps, LEAGUE_STEPS_MAX);
	}
	if (out->communities < 2) {
		(void)diag_error(d, c->path, 0, "has %d communities, expected two or more",
				 out->communities);
	}
	if (out->tariff.demand_charge > 0 || isfinite(out->tariff.subscribed_w)) {
		(void)diag_error(
			d, c->path, c->section[config_find(c, "tariff")].line,
			"a demand charge or subscribed power, expected prices per kWh only");
	}
}

static void make(struct league_conf *c, struct diag *d)
{
	struct series s;
	c->league = (struct league){ .members = c->communities,
				     .steps = (int)(c->horizon_s / c->step_s),
				     .hours = c->step_s / 3600 };
	make_lines(c, d);
	if (series_read(&s, c->series, d) == 0) {
		for (int i = 0; i < c->communities; i++) {
			make_member(c, &s, i, d);
		}
	}
	series_free(&s);
}

int league_conf_read(const char *path, struct league_conf *out, struct diag *d)
{
	struct config c;
	int before = d->errors;
	*out = (struct league_conf){ .seed = 1 };
	int r = config_read(&c, path, d);
	c.manual = "lec-market(1)";
	if (r == 0) {
		memcpy(out->path, c.path, sizeof(out->path));
		read_all(&c, out, d);
		if (d->errors == before) {
			check(&c, out, d);
		}
	}
	config_free(&c);
	if (r == 0 && d->errors == before) {
		make(out, d);
	}
	return r == 0 && d->errors > before ? -EINVAL : r;
}

bool league_conf_is(const char *path)
{
	struct config c;
	struct diag silent = { .to = NULL };
	bool is = false;
	if (config_read(&c, path, &silent) == 0) {
		int at = config_find(&c, "scenario");
		is = at >= 0 && config_has(&c, at, "framework");
	}
	config_free(&c);
	return is;
}

int league_conf_find(const struct league_conf *c, const char *name)
{
	int i = 0;
	while (i < c->communities && strcmp(c->community[i].name, name) != 0) {
		i++;
	}
	return i < c->communities ? i : -1;
}

struct consensus_terms league_conf_terms(const struct league_conf *c)
{
	struct league_way w = league_conf_way(c);
	return league_consensus_terms(&c->league, &w);
}

struct league_way league_conf_way(const struct league_conf *c)
{
	struct league_way w = { .framework = c->framework,
				.penalty = c->penalty * c->league.hours,
				.relaxation = c->relaxation / 2,
				.tolerance_kw = c->tolerance_w / 1000,
				.rounds_max = c->rounds,
				.silence = c->silence,
				.loss = c->loss,
				.seed = (uint64_t)c->seed };
	for (int i = 0; i < c->communities; i++) {
		w.dies_at[i] = c->community[i].silent_from;
		w.raves_at[i] = c->community[i].unsound_from;
	}
	return w;
}

struct peers_way league_conf_peers(const struct league_conf *c)
{
	struct peers_way w = { .seed = (uint64_t)c->seed, .concessions = (int)c->concessions };
	for (int i = 0; i < c->communities; i++) {
		w.limit_kw[i] = c->community[i].trade_limit_w / 1000;
	}
	return w;
}
