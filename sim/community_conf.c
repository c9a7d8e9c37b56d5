/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_conf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/base/isotime.h"
#include "daemon/base/tariff_conf.h"

enum { DAY_S = 86400 };

static const char *const algorithms[] = { "maddpg", "ddpg", "matd3", NULL };

static const char *parse_mechanism(const char *text, void *field)
{
	const struct mechanism *m = mechanism_find(text);
	if (!m) {
		return "one of those that lec-market clear --help lists";
	}
	*(const struct mechanism **)field = m;
	return NULL;
}

static const char *parse_start(const char *text, void *field)
{
	int64_t at_s;
	if (isotime_parse(text, &at_s) < 0 || at_s % DAY_S != 0) {
		return "the beginning of a day in UTC, like 2026-04-01T00:00:00Z";
	}
	*(int64_t *)field = at_s;
	return NULL;
}

#define OF(field)       offsetof(struct community_conf, field)
#define LEARNING(field) offsetof(struct training_conf, field)

/* clang-format off */
static const struct option community_options[] = {
	INTEGER("seed", OF(seed), 1, 1e15, "1"),
	CUSTOM("timezone", OF(timezone), "UTC", timezone_parse),
	CUSTOM("start", OF(start_s), "2025-04-01T00:00:00Z", parse_start),
	QUANTITY("interval", DIMENSION_TIME, OF(interval_s), 300, 3600, "60 min"),
	INTEGER("warm-up-days", OF(warm_up_days), 1, 60, "7"),
	INTEGER("train-days", OF(train_days), 1, 500, "56"),
	INTEGER("test-days", OF(test_days), 1, 100, "14"),
	CUSTOM("mechanism", OF(mechanism), "uniform", parse_mechanism),
	QUANTITY("dead-band", DIMENSION_ENERGY, OF(dead_band_wh), 0, 1e5, "10 Wh"),
};

static const struct option training_options[] = {
	CHOICE("algorithm", LEARNING(algorithm), algorithms, "maddpg"),
	INTEGER("episodes", LEARNING(episodes), 1, 1e6, "240"),
	INTEGER("episode-days", LEARNING(episode_days), 1, 30, "2"),
	INTEGER("hidden", LEARNING(hidden), 4, 512, "32"),
	INTEGER("batch", LEARNING(batch), 8, 65536, "512"),
	INTEGER("replay", LEARNING(replay), 100, 1e7, "200000"),
	INTEGER("update-every", LEARNING(update_every), 1, 1e6, "2"),
	INTEGER("panels", LEARNING(panels), 1, 100, "10"),
	QUANTITY("discount", DIMENSION_NUMBER, LEARNING(discount), 0, 1, "0.97"),
	QUANTITY("follow", DIMENSION_NUMBER, LEARNING(follow), 1e-6, 1, "0.01"),
	QUANTITY("actor-rate", DIMENSION_NUMBER, LEARNING(actor_rate), 1e-8, 1, "0.00001"),
	QUANTITY("critic-rate", DIMENSION_NUMBER, LEARNING(critic_rate), 1e-8, 1, "0.001"),
	QUANTITY("noise-start", DIMENSION_NUMBER, LEARNING(noise_start), 0, 2, "0.4"),
	QUANTITY("noise-end", DIMENSION_NUMBER, LEARNING(noise_end), 0, 2, "0.3"),
	QUANTITY("reward-scale", DIMENSION_NUMBER, LEARNING(reward_scale), 1e-6, 1e6, "20"),
	INTEGER("ahead", LEARNING(ahead), 0, 48, "12"),
	INTEGER("communities", LEARNING(communities), 1, 100, "4"),
	INTEGER("calm-updates", LEARNING(calm_updates), 0, 1e9, "600"),
	QUANTITY("cooperation", DIMENSION_NUMBER, LEARNING(cooperation), 0, 1, "1"),
};
/* clang-format on */

enum {
	COMMUNITY_OPTIONS = sizeof(community_options) / sizeof(*community_options),
	TRAINING_OPTIONS = sizeof(training_options) / sizeof(*training_options)
};

static int find_class(const char *name)
{
	int class = 0;
	while (class < CLASS_COUNT && strcmp(class_models[class].name, name) != 0) {
		class ++;
	}
	return class;
}

static void read_homes(struct config *c, int at, struct community_conf *out, struct diag *d)
{
	static const struct option table[] = { INTEGER("count", 0, 1, COMMUNITY_HOMES_MAX, NULL) };
	int class = find_class(c->section[at].name);
	c->section[at].known = true;
	if (class == CLASS_COUNT) {
		(void)diag_error(d, c->path, c->section[at].line,
				 "[homes %s] is no class, expected consumer, pv, pv-battery, "
				 "pv-battery-ev or wind-battery",
				 c->section[at].name);
		return;
	}
	config_apply(c, at, table, 1, &out->count[class], NULL, d);
}

/* What the environment does not charge must not be in the file. */
static void check_tariff(const struct config *c, const struct tariff *t, struct diag *d)
{
	int at = config_find(c, "tariff");
	if (t->demand_charge > 0 || isfinite(t->subscribed_w)) {
		const char *key = t->demand_charge > 0 ? "demand-charge" : "subscribed-power";
		(void)diag_error(d, c->path, config_line(c, at, key),
				 "%s is not charged in training, expected prices per kWh only",
				 key);
	}
}

static void check_days(const struct config *c, const struct community_conf *out, struct diag *d)
{
	int64_t homes = 0;
	for (int i = 0; i < CLASS_COUNT; i++) {
		homes += out->count[i];
	}
	if (homes < 1 || homes > COMMUNITY_HOMES_MAX) {
		(void)diag_error(d, c->path, 0, "has %lld homes, expected 1 to %d by [homes CLASS]",
				 (long long)homes, COMMUNITY_HOMES_MAX);
	}
	if (fmod(DAY_S, out->interval_s) != 0) {
		(void)diag_error(d, c->path,
				 config_line(c, config_find(c, "community"), "interval"),
				 "interval is %g s, expected a divisor of a day", out->interval_s);
	}
	if (out->training.episode_days > out->train_days) {
		(void)diag_error(d, c->path, 0,
				 "episode-days are %lld, expected at most train-days, %lld",
				 (long long)out->training.episode_days, (long long)out->train_days);
	}
}

static void read_section(struct config *c, const char *kind, const struct option *table,
			 int options, void *target, char *currency, struct diag *d)
{
	int at = config_find(c, kind);
	if (at < 0) {
		config_apply_defaults(table, options, target);
	} else {
		config_apply(c, at, table, options, target, currency, d);
	}
}

static void read_all(struct config *c, struct community_conf *out, struct diag *d)
{
	int before = d->errors, tariff = config_find(c, "tariff");
	read_section(c, "community", community_options, COMMUNITY_OPTIONS, out, NULL, d);
	read_section(c, "training", training_options, TRAINING_OPTIONS, &out->training, NULL, d);
	out->tariff.subscribed_w = INFINITY;
	if (tariff < 0) {
		(void)diag_error(d, c->path, 0, "has no section [tariff], expected one");
	} else {
		config_apply(c, tariff, tariff_options, TARIFF_OPTIONS, &out->tariff,
			     out->tariff.currency, d);
	}
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "homes") == 0) {
			read_homes(c, i, out, d);
		}
	}
	config_refuse_unknown(c, "[community], [tariff], [homes CLASS] or [training]", d);
	if (d->errors == before) {
		check_tariff(c, &out->tariff, d);
		check_days(c, out, d);
	}
}

int community_conf_read(const char *path, struct community_conf *out, struct diag *d)
{
	struct config c;
	struct community_conf read = { .seed = 0 };
	int before = d->errors, r = config_read(&c, path, d);
	if (r == 0) {
		read_all(&c, &read, d);
		memcpy(read.path, c.path, sizeof(read.path));
	}
	config_free(&c);
	if (r < 0 || d->errors > before) {
		return r < 0 ? r : -EINVAL;
	}
	*out = read;
	return 0;
}

/* --- the world ----------------------------------------------------------------------------------
 */

static int32_t millionths(double price)
{
	return (int32_t)lround(price * 1e6);
}

static void fill_prices(struct community_world *w, const struct tariff *t)
{
	for (int i = 0; i < w->series.steps; i++) {
		int64_t at_s = community_time_s(&w->series, i), length_s = w->series.step_s;
		w->buy[i] = millionths(tariff_mean(&t->buy, at_s, length_s) +
				       tariff_mean(&t->network, at_s, length_s));
		w->sell[i] = millionths(tariff_mean(&t->sell, at_s, length_s));
		/* Who is paid more than is asked would be paid for a wire in a circle. */
		w->sell[i] = w->sell[i] < w->buy[i] ? w->sell[i] : w->buy[i];
	}
}

static int make_env(struct community_world *w, const struct community_conf *c)
{
	struct community_env_conf conf = { .home = w->home,
					   .series = &w->series,
					   .buy = w->buy,
					   .sell = w->sell,
					   .mechanism = c->mechanism,
					   .terms = { .k = c->mechanism->k },
					   .rule = SETTLE_METERED,
					   .dead_band_wh = c->dead_band_wh };
	return community_env_init(&w->env, &conf);
}

int community_world_make(struct community_world *w, const struct community_conf *c)
{
	int64_t day = DAY_S / (int64_t)c->interval_s, homes = 0;
	int64_t steps = day * (c->warm_up_days + c->train_days + c->test_days);
	*w = (struct community_world){ .first = (int)(day * c->warm_up_days),
				       .test = (int)(day * (c->warm_up_days + c->train_days)) };
	for (int i = 0; i < CLASS_COUNT; i++) {
		homes += c->count[i];
	}
	int r = community_series_init(&w->series, (int)homes, (int)steps, c->start_s,
				      (int)c->interval_s);
	if (r < 0) {
		return r;
	}
	w->home = calloc((size_t)homes, sizeof(*w->home));
	w->buy = calloc(2 * (size_t)steps, sizeof(*w->buy));
	if (!w->home || !w->buy) {
		return -ENOMEM;
	}
	w->sell = w->buy + steps;
	for (int class = 0, i = 0; class < CLASS_COUNT; class ++) {
		for (int64_t k = 0; k < c->count[class]; k++, i++) {
			community_generate(&w->series, i, (enum home_class) class,
					   (uint64_t)c->seed, &w->home[i]);
		}
	}
	fill_prices(w, &c->tariff);
	r = community_forecast(&w->series);
	return r < 0 ? r : make_env(w, c);
}

void community_world_free(struct community_world *w)
{
	community_env_free(&w->env);
	community_series_free(&w->series);
	free(w->home);
	free(w->buy);
	*w = (struct community_world){ .first = 0 };
}
