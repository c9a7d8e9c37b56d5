/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_conf.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/base/config_table.h"
#include "daemon/base/isotime.h"
#include "daemon/base/tariff_conf.h"

enum { DAY_S = 86400 };

const char *const training_algorithms[ALGORITHM_COUNT + 1] = { "maddpg", "ddpg", "matd3", NULL };

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
	INTEGER("test-days", OF(test_days), 1, 366, "14"),
	CUSTOM("mechanism", OF(mechanism), "uniform", parse_mechanism),
	QUANTITY("dead-band", DIMENSION_ENERGY, OF(dead_band_wh), 0, 1e5, "10 Wh"),
};

static const struct option training_options[] = {
	CHOICE("algorithm", LEARNING(algorithm), training_algorithms, "maddpg"),
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
	if (fmod(DAY_S, out->interval_s) != 0) {
		(void)diag_error(d, c->path,
				 config_line(c, config_find(c, "community"), "interval"),
				 "interval is %g s, expected a divisor of a day", out->interval_s);
	}
	int64_t days = community_conf_days(out);
	if ((double)days * DAY_S / out->interval_s > COMMUNITY_STEPS_MAX) {
		(void)diag_error(d, c->path,
				 config_line(c, config_find(c, "community"), "interval"),
				 "%lld days are more than %d intervals of %g s, expected fewer "
				 "days or a longer interval",
				 (long long)days, COMMUNITY_STEPS_MAX, out->interval_s);
	}
	if (out->training.episode_days > out->train_days) {
		(void)diag_error(d, c->path, 0,
				 "episode-days are %lld, expected at most train-days, %lld",
				 (long long)out->training.episode_days, (long long)out->train_days);
	}
}

/* Who is paid more than is asked would be paid for a wire in a circle. A tariff is alike every day;
 * the first such interval is told. */
static void check_prices(const struct config *c, const struct community_conf *out, struct diag *d)
{
	const struct community_record *r = &out->record;
	int64_t step_s = (int64_t)out->interval_s;
	int64_t steps = r->buy || r->sell ? r->steps : DAY_S / step_s;
	int line = config_line(c, config_find(c, "tariff"), "sell");
	for (int64_t i = 0; i < steps; i++) {
		int32_t buy, sell;
		char time[ISOTIME_SIZE];
		community_conf_prices(out, i, &buy, &sell);
		if (sell > buy) {
			(void)diag_error(d, r->sell ? r->sell_from : c->path, r->sell ? 0 : line,
					 "sells for %g from %s on, expected at most the %g that "
					 "the utility then asks",
					 sell / 1e6,
					 isotime_format(out->start_s + i * step_s, time),
					 buy / 1e6);
			return;
		}
	}
}

/* Updates begin when so many batches have been seen. */
static void check_replay(const struct config *c, const struct training_conf *t, struct diag *d)
{
	if (t->replay < TRAINING_BATCHES_SEEN * t->batch) {
		int at = config_find(c, "training");
		const char *key = config_has(c, at, "replay") ? "replay" : "batch";
		(void)diag_error(d, c->path, config_line(c, at, key),
				 "replay is %lld, expected at least %d times batch, %lld",
				 (long long)t->replay, TRAINING_BATCHES_SEEN,
				 TRAINING_BATCHES_SEEN * (long long)t->batch);
	}
}

/* What the homes' series are held against. */
static void begin_record(struct community_conf *out)
{
	int64_t days = community_conf_days(out), step_s = (int64_t)out->interval_s;
	out->record = (struct community_record){ .start_s = out->start_s,
						 .step_s = step_s,
						 .steps = days * DAY_S / step_s };
}

/* An actor is for a class: there must be homes to learn it from. */
static void count_residents(const struct config *c, struct community_conf *out, struct diag *d)
{
	int64_t held[CLASS_COUNT] = { 0 };
	for (int i = 0; i < out->residents.count; i++) {
		const struct resident *m = &out->residents.resident[i];
		out->count[m->class] += !m->held_out;
		held[m->class] += m->held_out;
		out->held_out += m->held_out;
	}
	if (out->residents.count == 0) {
		(void)diag_error(d, c->path, 0,
				 "has no homes, expected 1 to %d by [homes CLASS] or [home NAME]",
				 COMMUNITY_HOMES_MAX);
	}
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (held[i] > 0 && out->count[i] == 0) {
			(void)diag_error(d, c->path, 0,
					 "holds out all homes of class %s, expected one to learn "
					 "from",
					 class_models[i].name);
		}
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

static int read_all(struct config *c, struct community_conf *out, struct diag *d)
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
	begin_record(out);
	int r = residents_read(c, &out->residents, &out->record, out->tariff.currency, d);
	config_refuse_unknown(c, "[community], [tariff], [homes CLASS], [home NAME] or [training]",
			      d);
	if (d->errors == before) {
		check_tariff(c, &out->tariff, d);
		check_days(c, out, d);
		check_replay(c, &out->training, d);
		check_prices(c, out, d);
		count_residents(c, out, d);
	}
	return r;
}

int community_conf_read(const char *path, struct community_conf *out, struct diag *d)
{
	struct config c;
	struct community_conf read = { .seed = 0 };
	int before = d->errors, r = config_read(&c, path, d);
	if (r == 0) {
		c.manual = "lec-train(1)";
		r = read_all(&c, &read, d);
		memcpy(read.path, c.path, sizeof(read.path));
	}
	config_free(&c);
	if (r < 0 || d->errors > before) {
		community_conf_free(&read);
		return r < 0 ? r : -EINVAL;
	}
	*out = read;
	return 0;
}

static int32_t millionths(double price)
{
	return (int32_t)lround(price * 1e6);
}

void community_conf_prices(const struct community_conf *c, int64_t interval, int32_t *buy,
			   int32_t *sell)
{
	const struct tariff *t = &c->tariff;
	int64_t length_s = (int64_t)c->interval_s, at_s = c->start_s + interval * length_s;
	*buy = c->record.buy ? c->record.buy[interval]
			     : millionths(tariff_mean(&t->buy, at_s, length_s));
	*buy += millionths(tariff_mean(&t->network, at_s, length_s));
	*sell = c->record.sell ? c->record.sell[interval]
			       : millionths(tariff_mean(&t->sell, at_s, length_s));
}

int64_t community_conf_days(const struct community_conf *c)
{
	return c->warm_up_days + c->train_days + c->test_days;
}

void community_conf_free(struct community_conf *c)
{
	residents_free(&c->residents);
	community_record_free(&c->record);
}

int community_conf_resize(struct community_conf *c, int homes)
{
	int r = residents_resize(&c->residents, homes);
	if (r < 0) {
		return r;
	}
	memset(c->count, 0, sizeof(c->count));
	for (int i = 0; i < c->residents.count; i++) {
		c->count[c->residents.resident[i].class]++;
	}
	return 0;
}
