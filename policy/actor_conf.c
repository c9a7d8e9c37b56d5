/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/actor_conf.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "daemon/base/config.h"

enum need { NEEDS_NOTHING, NEEDS_PV, NEEDS_BATTERY, NEEDS_MARKET };

struct word {
	const char *name;
	enum dimension dimension;
	enum need need;
};

/* clang-format off */
static const struct word sources[] = {
	[SOURCE_HOUR_SIN]       = { "hour-sin",       DIMENSION_NUMBER,   NEEDS_NOTHING },
	[SOURCE_HOUR_COS]       = { "hour-cos",       DIMENSION_NUMBER,   NEEDS_NOTHING },
	[SOURCE_YEAR_SIN]       = { "year-sin",       DIMENSION_NUMBER,   NEEDS_NOTHING },
	[SOURCE_YEAR_COS]       = { "year-cos",       DIMENSION_NUMBER,   NEEDS_NOTHING },
	[SOURCE_LOAD]           = { "load",           DIMENSION_POWER,    NEEDS_NOTHING },
	[SOURCE_PV]             = { "pv",             DIMENSION_POWER,    NEEDS_PV },
	[SOURCE_NET]            = { "net",            DIMENSION_POWER,    NEEDS_NOTHING },
	[SOURCE_LOAD_NEXT]      = { "load-next",      DIMENSION_POWER,    NEEDS_NOTHING },
	[SOURCE_PV_NEXT]        = { "pv-next",        DIMENSION_POWER,    NEEDS_PV },
	[SOURCE_LOAD_6H]        = { "load-6h",        DIMENSION_POWER,    NEEDS_NOTHING },
	[SOURCE_LOAD_24H]       = { "load-24h",       DIMENSION_POWER,    NEEDS_NOTHING },
	[SOURCE_PV_6H]          = { "pv-6h",          DIMENSION_POWER,    NEEDS_PV },
	[SOURCE_PV_24H]         = { "pv-24h",         DIMENSION_POWER,    NEEDS_PV },
	[SOURCE_SOC]            = { "soc",            DIMENSION_FRACTION, NEEDS_BATTERY },
	[SOURCE_BUY]            = { "buy",            DIMENSION_PER_KWH,  NEEDS_NOTHING },
	[SOURCE_SELL]           = { "sell",           DIMENSION_PER_KWH,  NEEDS_NOTHING },
	[SOURCE_LOCAL_PRICE]    = { "local-price",    DIMENSION_PER_KWH,  NEEDS_MARKET },
	[SOURCE_LOCAL_QUANTITY] = { "local-quantity", DIMENSION_ENERGY,   NEEDS_MARKET },
};

static const struct word meanings[] = {
	[MEANING_BATTERY_POWER] = { "battery-power",  DIMENSION_POWER,    NEEDS_BATTERY },
	[MEANING_BATTERY_SHARE] = { "battery-share",  DIMENSION_FRACTION, NEEDS_BATTERY },
	[MEANING_VALUE_SHARE]   = { "value-share",    DIMENSION_FRACTION, NEEDS_BATTERY },
	[MEANING_SIDE]          = { "side",           DIMENSION_NUMBER,   NEEDS_MARKET },
	[MEANING_PRICE]         = { "price",          DIMENSION_PER_KWH,  NEEDS_MARKET },
	[MEANING_PRICE_SHARE]   = { "price-share",    DIMENSION_FRACTION, NEEDS_MARKET },
	[MEANING_QUANTITY]      = { "quantity",       DIMENSION_ENERGY,   NEEDS_MARKET },
	[MEANING_RESERVE]       = { "reserve",        DIMENSION_ENERGY,   NEEDS_MARKET },
	[MEANING_ERROR_SHARE]   = { "error-share",    DIMENSION_FRACTION, NEEDS_MARKET },
};
/* clang-format on */
static_assert(sizeof(sources) / sizeof(*sources) == SOURCE_COUNT, "a row for each source");
static_assert(sizeof(meanings) / sizeof(*meanings) == MEANING_COUNT, "a row for each meaning");

static const char *const need_names[] = {
	[NEEDS_PV] = "a [pv]",
	[NEEDS_BATTERY] = "a [battery]",
	[NEEDS_MARKET] = "[mqtt] with bid = yes",
};

const char *source_name(enum source source)
{
	return sources[source].name;
}

const char *meaning_name(enum meaning meaning)
{
	return meanings[meaning].name;
}

static int find_word(const struct word *word, int words, const char *name)
{
	for (int i = 0; i < words; i++) {
		if (strcmp(word[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

/* "expected one of a, b, c" */
static void refuse_name(const struct config *c, int at, const struct word *word, int words,
			struct diag *d)
{
	char all[512] = "";
	for (int i = 0; i < words; i++) {
		size_t used = strlen(all);
		(void)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "",
			       word[i].name);
	}
	(void)diag_error(d, c->path, c->section[at].line,
			 "[%s %s] is not known, expected one of %s", c->section[at].kind,
			 c->section[at].name, all);
}

/* One option; those of a dimension have its unit. */
#define QUANTITY(key, dimension, type, field, min, max, fallback)                                  \
	{                                                                                          \
		key, OPTION_QUANTITY, dimension, offsetof(struct type, field), min, max, fallback, \
			NULL, NULL                                                                 \
	}

static void check_order(const struct config *c, int at, const char *low_key, double low,
			const char *high_key, double high, struct diag *d)
{
	if (!(low < high)) {
		(void)diag_error(d, c->path, config_line(c, at, low_key),
				 "%s = %g and %s = %g, expected %s below %s", low_key, low,
				 high_key, high, low_key, high_key);
	}
}

static void read_observation(struct config *c, int at, struct actor_conf *out, struct diag *d)
{
	int source = find_word(sources, SOURCE_COUNT, c->section[at].name);
	c->section[at].known = true;
	if (source < 0) {
		refuse_name(c, at, sources, SOURCE_COUNT, d);
		return;
	}
	if (out->observations == OBSERVATIONS_MAX) {
		(void)diag_error(d, c->path, c->section[at].line,
				 "is one observation too many, expected at most %d",
				 OBSERVATIONS_MAX);
		return;
	}
	struct observation o = { .source = source, .line = c->section[at].line, .scale = 1 };
	enum dimension unit = sources[source].dimension;
	int before = d->errors;
	const struct option table[] = {
		QUANTITY("mean", unit, observation, mean, -1e9, 1e9, ""),
		QUANTITY("scale", unit, observation, scale, 1e-9, 1e9, ""),
		QUANTITY("low", unit, observation, low, -1e9, 1e9, NULL),
		QUANTITY("high", unit, observation, high, -1e9, 1e9, NULL),
	};
	config_apply(c, at, table, sizeof(table) / sizeof(*table), &o, out->currency, d);
	if (d->errors == before) {
		check_order(c, at, "low", o.low, "high", o.high, d);
	}
	out->observation[out->observations++] = o;
}

static void read_action(struct config *c, int at, struct actor_conf *out, struct diag *d)
{
	int meaning = find_word(meanings, MEANING_COUNT, c->section[at].name);
	c->section[at].known = true;
	if (meaning < 0) {
		refuse_name(c, at, meanings, MEANING_COUNT, d);
		return;
	}
	if (out->actions == ACTIONS_MAX) {
		(void)diag_error(d, c->path, c->section[at].line,
				 "is one action too many, expected at most %d", ACTIONS_MAX);
		return;
	}
	struct actor_action a = { .meaning = meaning, .line = c->section[at].line };
	enum dimension unit = meanings[meaning].dimension;
	bool error = meaning == MEANING_ERROR_SHARE, wide = error || meaning == MEANING_VALUE_SHARE;
	double most = wide ? 2 : unit == DIMENSION_FRACTION ? 1 : 1e9, least = error ? 0 : -most;
	int before = d->errors;
	const struct option table[] = {
		{ "output", OPTION_TEXT, 0, offsetof(struct actor_action, output), 0,
		  sizeof(a.output), "", NULL, NULL },
		{ "index", OPTION_INTEGER, 0, offsetof(struct actor_action, index), 0, 1e6, "0",
		  NULL, NULL },
		QUANTITY("from", DIMENSION_NUMBER, actor_action, from, -1e9, 1e9, "-1"),
		QUANTITY("to", DIMENSION_NUMBER, actor_action, to, -1e9, 1e9, "1"),
		QUANTITY("low", unit, actor_action, low, least, most, NULL),
		QUANTITY("high", unit, actor_action, high, least, most, NULL),
		QUANTITY("dead-band", unit, actor_action, dead_band, 0, 1e9, ""),
		QUANTITY("step", unit, actor_action, step, 0, 1e9, ""),
	};
	config_apply(c, at, table, sizeof(table) / sizeof(*table), &a, out->currency, d);
	if (d->errors == before) {
		check_order(c, at, "from", a.from, "to", a.to, d);
		check_order(c, at, "low", a.low, "high", a.high, d);
	}
	out->action[out->actions++] = a;
}

static void read_sections(struct config *c, struct actor_conf *out, struct diag *d)
{
	static const struct option table[] = {
		QUANTITY("interval", DIMENSION_TIME, actor_conf, interval_s, 60, 86400, NULL),
		{ "class", OPTION_TEXT, 0, offsetof(struct actor_conf, class), 0,
		  sizeof(out->class), "", NULL, NULL },
	};
	int at = config_find(c, "actor");
	if (at < 0) {
		(void)diag_error(d, c->path, 0, "has no section [actor], expected one");
	} else {
		config_apply(c, at, table, sizeof(table) / sizeof(*table), out, NULL, d);
		out->interval_line = config_line(c, at, "interval");
		out->class_line = config_line(c, at, "class");
	}
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "observation") == 0) {
			read_observation(c, i, out, d);
		} else if (strcmp(c->section[i].kind, "action") == 0) {
			read_action(c, i, out, d);
		}
	}
	config_refuse_unknown(c, "[actor], [observation NAME] or [action NAME]", d);
	if (out->observations == 0 || out->actions == 0) {
		(void)diag_error(d, c->path, 0, "has %d observations and %d actions, expected some",
				 out->observations, out->actions);
	}
}

static const struct actor_action *find_action(const struct actor_conf *c, enum meaning meaning)
{
	for (int i = 0; i < c->actions; i++) {
		if (c->action[i].meaning == (int)meaning) {
			return &c->action[i];
		}
	}
	return NULL;
}

/* One word on each thing, and a price of something. */
static void check_actions(const struct config *c, const struct actor_conf *read, struct diag *d)
{
	static const enum meaning either[][2] = {
		{ MEANING_BATTERY_POWER, MEANING_BATTERY_SHARE },
		{ MEANING_BATTERY_POWER, MEANING_VALUE_SHARE },
		{ MEANING_BATTERY_SHARE, MEANING_VALUE_SHARE },
		{ MEANING_PRICE, MEANING_PRICE_SHARE },
		/* It says itself what is bid, and at what price. */
		{ MEANING_VALUE_SHARE, MEANING_SIDE },
		{ MEANING_VALUE_SHARE, MEANING_QUANTITY },
		{ MEANING_VALUE_SHARE, MEANING_PRICE },
		{ MEANING_VALUE_SHARE, MEANING_PRICE_SHARE },
		{ MEANING_RESERVE, MEANING_SIDE },
		{ MEANING_RESERVE, MEANING_QUANTITY },
		{ MEANING_ERROR_SHARE, MEANING_SIDE },
		{ MEANING_ERROR_SHARE, MEANING_QUANTITY },
		{ MEANING_ERROR_SHARE, MEANING_PRICE },
		{ MEANING_ERROR_SHARE, MEANING_PRICE_SHARE },
		{ MEANING_ERROR_SHARE, MEANING_BATTERY_POWER },
		{ MEANING_ERROR_SHARE, MEANING_BATTERY_SHARE },
	};
	for (size_t i = 0; i < sizeof(either) / sizeof(*either); i++) {
		const struct actor_action *a = find_action(read, either[i][0]);
		const struct actor_action *b = find_action(read, either[i][1]);
		if (a && b) {
			(void)diag_error(d, c->path, a->line > b->line ? a->line : b->line,
					 "[action %s] and [action %s], expected one of them",
					 meaning_name(either[i][0]), meaning_name(either[i][1]));
		}
	}
	const struct actor_action *price = find_action(read, MEANING_PRICE);
	price = price ? price : find_action(read, MEANING_PRICE_SHARE);
	if (price && !find_action(read, MEANING_SIDE) && !find_action(read, MEANING_QUANTITY) &&
	    !find_action(read, MEANING_RESERVE) && !find_action(read, MEANING_VALUE_SHARE) &&
	    !find_action(read, MEANING_ERROR_SHARE)) {
		(void)diag_error(
			d, c->path, price->line,
			"[action %s] of no bid, expected [action side], [action quantity] or "
			"[action reserve]",
			meaning_name((enum meaning)price->meaning));
	}
}

int actor_conf_read(const char *path, struct actor_conf *out, struct diag *d)
{
	struct config c;
	struct actor_conf read = { 0 };
	int before = d->errors;
	int r = config_read(&c, path, d);
	if (r == 0) {
		read_sections(&c, &read, d);
		check_actions(&c, &read, d);
		memcpy(read.path, c.path, sizeof(read.path));
	}
	config_free(&c);
	if (r < 0 || d->errors > before) {
		return r < 0 ? r : -EINVAL;
	}
	*out = read;
	return 0;
}

/* --- against the actor, and against the house
 * ----------------------------------------------------- */

static void check_input(const struct actor_conf *c, const struct actor *a, struct diag *d)
{
	if (a->inputs != 1) {
		(void)diag_error(d, c->path, 0, "the actor has %d inputs, expected one", a->inputs);
	} else if (!tensor_is_real(a->input[0].tensor)) {
		(void)diag_error(d, c->path, 0, "the actor's input %s is of %s, expected float",
				 a->input[0].name, element_name(a->input[0].tensor->type));
	} else if (a->input[0].tensor->count != c->observations) {
		(void)diag_error(d, c->path, c->observation[c->observations - 1].line,
				 "names %d observations, the actor's input %s takes %d",
				 c->observations, a->input[0].name, a->input[0].tensor->count);
	}
}

static void refuse_output(const struct actor_conf *c, const struct actor_action *x,
			  const struct actor *a, struct diag *d)
{
	char all[512] = "";
	for (int i = 0; i < a->outputs && strlen(all) + sizeof(a->output[i].name) + 2 < sizeof(all);
	     i++) {
		size_t used = strlen(all);
		(void)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "",
			       a->output[i].name);
	}
	const char *name = meanings[x->meaning].name;
	if (*x->output) {
		(void)diag_error(d, c->path, x->line,
				 "[action %s] is of output \"%s\", expected one of %s", name,
				 x->output, all);
	} else {
		(void)diag_error(d, c->path, x->line,
				 "[action %s] names no output, expected one of %s", name, all);
	}
}

static void check_output(const struct actor_conf *c, struct actor_action *x, const struct actor *a,
			 struct diag *d)
{
	x->port = *x->output ? actor_port(a->output, a->outputs, x->output) : 0;
	if (x->port < 0 || (!*x->output && a->outputs != 1)) {
		refuse_output(c, x, a, d);
		x->port = 0;
	} else if (x->index >= a->output[x->port].tensor->count) {
		(void)diag_error(d, c->path, x->line,
				 "[action %s] is number %lld of output %s, which has %d",
				 meanings[x->meaning].name, (long long)x->index,
				 a->output[x->port].name, a->output[x->port].tensor->count);
	}
}

static bool has(const struct actor_house *h, enum need need)
{
	return need == NEEDS_NOTHING || (need == NEEDS_PV && h->has_pv) ||
	       (need == NEEDS_BATTERY && h->has_battery) || (need == NEEDS_MARKET && h->has_market);
}

static void check_house(const struct actor_conf *c, const struct actor_house *h, struct diag *d)
{
	if (fabs(c->interval_s - h->interval_s) > 1e-9) {
		(void)diag_error(d, c->path, c->interval_line,
				 "was trained for intervals of %g s, the house's are of %g s",
				 c->interval_s, h->interval_s);
	}
	if (*c->class && h->class && strcmp(c->class, h->class) != 0) {
		(void)diag_error(d, c->path, c->class_line,
				 "was trained for homes of class %s, expected %s", c->class,
				 h->class);
	}
	if (*c->currency && strcmp(c->currency, h->currency) != 0) {
		(void)diag_error(d, c->path, 0,
				 "was trained for prices in %s, the house's are in %s", c->currency,
				 h->currency);
	}
	for (int i = 0; i < c->observations; i++) {
		const struct word *w = &sources[c->observation[i].source];
		if (!has(h, w->need)) {
			(void)diag_error(d, c->path, c->observation[i].line,
					 "[observation %s] needs %s, which the house has not",
					 w->name, need_names[w->need]);
		}
	}
	for (int i = 0; i < c->actions; i++) {
		const struct actor_action *x = &c->action[i];
		const struct word *w = &meanings[x->meaning];
		if (!has(h, w->need)) {
			(void)diag_error(d, c->path, x->line,
					 "[action %s] needs %s, which the house has not", w->name,
					 need_names[w->need]);
		} else if (x->meaning == MEANING_BATTERY_POWER &&
			   (x->low < -h->charge_limit_w * 1.001 ||
			    x->high > h->discharge_limit_w * 1.001)) {
			(void)diag_error(
				d, c->path, x->line,
				"[action battery-power] goes from %g W to %g W, the house's "
				"batteries from %g W to %g W",
				x->low, x->high, -h->charge_limit_w, h->discharge_limit_w);
		}
	}
}

int actor_conf_check(struct actor_conf *c, const struct actor *a, const struct actor_house *house,
		     struct diag *d)
{
	int before = d->errors;
	check_input(c, a, d);
	for (int i = 0; i < c->actions; i++) {
		check_output(c, &c->action[i], a, d);
	}
	if (house) {
		check_house(c, house, d);
	}
	return d->errors > before ? -EINVAL : 0;
}

/* --- in a run
 * ------------------------------------------------------------------------------------- */

int actor_conf_observe(const struct actor_conf *c, const struct actor *a,
		       const double value[SOURCE_COUNT], int *which)
{
	for (int i = 0; i < c->observations; i++) {
		const struct observation *o = &c->observation[i];
		double x = value[o->source];
		if (!isfinite(x) || x < o->low || x > o->high) {
			*which = i;
			return isfinite(x) ? -ERANGE : -ENODATA;
		}
		a->input[0].tensor->real[i] = (float)((x - o->mean) / o->scale);
	}
	return 0;
}

/* "6000 W", "95 %", "0.2 EUR/kWh" */
static void put_quantity(enum dimension dimension, const char *currency, double x, char out[64])
{
	if (dimension == DIMENSION_PER_KWH) {
		(void)snprintf(out, 64, "%g %s/kWh", x, currency);
	} else if (dimension == DIMENSION_FRACTION) {
		(void)snprintf(out, 64, "%g %%", 100 * x);
	} else {
		(void)snprintf(out, 64, "%g%s", x,
			       dimension == DIMENSION_POWER    ? " W"
			       : dimension == DIMENSION_ENERGY ? " Wh"
							       : "");
	}
}

const char *actor_conf_tell(const struct actor_conf *c, int which, double value, char *text,
			    size_t size)
{
	const struct observation *o = &c->observation[which];
	const struct word *w = &sources[o->source];
	char is[64], low[64], high[64];
	put_quantity(w->dimension, c->currency, value, is);
	put_quantity(w->dimension, c->currency, o->low, low);
	put_quantity(w->dimension, c->currency, o->high, high);
	if (isfinite(value)) {
		(void)snprintf(text, size, "%s = %s, it was trained for %s to %s", w->name, is, low,
			       high);
	} else {
		(void)snprintf(text, size, "%s is not known", w->name);
	}
	return text;
}

/* The nearest of 0, step, 2 step ... up to most. */
static double in_steps(double x, double step, double most)
{
	return step > 0 ? step * fmin(round(x / step), floor(most / step + 1e-9)) : x;
}

int actor_conf_act(const struct actor_conf *c, const struct actor *a, double out[ACTIONS_MAX])
{
	double made[ACTIONS_MAX] = { 0 };
	for (int i = 0; i < c->actions; i++) {
		const struct actor_action *x = &c->action[i];
		const struct tensor *t = a->output[x->port].tensor;
		double number = t->real ? (double)t->real[x->index] : (double)t->whole[x->index];
		bool beyond = t->whole && (number < x->from || number > x->to);
		if (!isfinite(number) || beyond) {
			return -EDOM;
		}
		double share = fmin(1, fmax(0, (number - x->from) / (x->to - x->from)));
		double range = x->high - x->low;
		made[i] = x->low + in_steps(share * range, x->step, range);
		if (fabs(made[i]) < x->dead_band) {
			made[i] = 0;
		}
	}
	memcpy(out, made, (size_t)c->actions * sizeof(*out));
	return 0;
}
