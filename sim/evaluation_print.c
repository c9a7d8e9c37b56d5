/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an evaluation found, for people and for machines. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/json_out.h"
#include "sim/evaluation.h"

enum { JSON_ROW_SIZE = 1600, JSON_HEAD_SIZE = 16384 };
static const char name_format[] = "%-18s";
const char *const evaluation_gain_words[] = {
	[GAIN_NONE] = " gains nothing over untrained that is more than chance: it is worth no more "
		      "than what its actions mean.",
	[GAIN_UNKNOWN] = " gains something over untrained, but is one training: whether that is "
			 "chance is not known.",
	[GAIN_SHOWN] = "",
};

#define FIELD(name) offsetof(struct evaluated, name)

const struct evaluation_column evaluation_columns[EVALUATION_COLUMNS] = {
	/* key, head, field, factor, decimals, deviates */
	{ "cost", "cost", FIELD(j.cost), 1, 2, true },
	{ "import_kwh", "import kWh", FIELD(j.import_kwh), 1, 1, false },
	{ "export_kwh", "export kWh", FIELD(j.export_kwh), 1, 1, false },
	{ "netted_import_kwh", NULL, FIELD(j.netted_import_kwh), 1, 1, false },
	{ "netted_export_kwh", NULL, FIELD(j.netted_export_kwh), 1, 1, false },
	{ "netted_cost", NULL, FIELD(j.netted_cost), 1, 2, false },
	{ "peak_kw", "peak kW", FIELD(j.peak_kw), 1, 2, false },
	{ "peak_export_kw", NULL, FIELD(j.peak_export_kw), 1, 2, false },
	{ "ramp_kw", "ramp kW", FIELD(j.ramp_kw), 1, 2, false },
	{ "local_share", "local %", FIELD(j.local_share), 100, 1, false },
	{ "jain", "Jain", FIELD(j.jain), 1, 3, false },
	{ "least_saving", "least %", FIELD(j.least_saving), 100, 1, false },
	{ "most_saving", "most %", FIELD(j.most_saving), 100, 1, false },
	{ "price_mean", NULL, FIELD(j.price_mean), 1, 4, false },
	{ "price_deviation", "price sd", FIELD(j.price_deviation), 1, 4, false },
	{ "volume_deviation_kwh", NULL, FIELD(j.volume_deviation_kwh), 1, 4, false },
	{ "gap_recovered", "gap %", FIELD(gap), 100, 1, true },
};

/* --- for people ---------------------------------------------------------------------------------
 */

static void print_number(FILE *f, double x, int decimals, int width)
{
	if (isfinite(x)) {
		fprintf(f, " %*.*f", width, decimals, x);
	} else {
		fprintf(f, " %*s", width, "");
	}
}

/* A mean, and behind the two figures that matter most their deviation. */
static void print_spread(FILE *f, int k, const struct spread *s)
{
	bool deviates = evaluation_columns[k].deviates;
	print_number(f, s->mean * evaluation_columns[k].factor, evaluation_columns[k].decimals,
		     deviates ? 9 : 10);
	if (deviates && isfinite(s->deviation)) {
		fprintf(f, " +-%-7.*f", evaluation_columns[k].decimals,
			s->deviation * evaluation_columns[k].factor);
	} else if (deviates) {
		fprintf(f, "%10s", "");
	}
}

static void print_bound(FILE *f, const struct evaluation *v, const char *name, size_t cost)
{
	double mean = evaluation_bound(v, cost);
	if (isfinite(mean)) {
		fprintf(f, name_format, name);
		print_number(f, mean, 2, 9);
		fputs("\n", f);
	}
}

struct class_shares evaluation_shares(const struct evaluation *v, const struct group *g, int class)
{
	size_t field =
		offsetof(struct evaluated, j.shares) + (size_t) class * sizeof(struct class_shares);
	return (struct class_shares){
		evaluation_spread(v, g, field + offsetof(struct class_shares, buy)).mean,
		evaluation_spread(v, g, field + offsetof(struct class_shares, sell)).mean,
		evaluation_spread(v, g, field + offsetof(struct class_shares, refrain)).mean
	};
}

static void print_shares(FILE *f, const struct evaluation *v)
{
	fputs("\nbuy / sell / refrain, % of a class's intervals\n", f);
	fprintf(f, name_format, "");
	for (int c = 0; c < CLASS_COUNT; c++) {
		if (v->conf.count[c] > 0) {
			fprintf(f, " %17s", class_models[c].name);
		}
	}
	fputs("\n", f);
	for (int i = ROW_UTILITY_ONLY + 1; i < v->groups; i++) {
		fprintf(f, name_format, v->group[i].name);
		for (int c = 0; c < CLASS_COUNT; c++) {
			struct class_shares s = evaluation_shares(v, &v->group[i], c);
			if (v->conf.count[c] > 0) {
				fprintf(f, "   %4.1f /%4.1f /%4.1f", 100 * s.buy, 100 * s.sell,
					100 * s.refrain);
			}
		}
		fputs("\n", f);
	}
}

/* Each algorithm against all others. */
static void print_duels(FILE *f, const struct evaluation *v)
{
	for (int i = ROW_LEARNED; i < v->groups; i++) {
		fprintf(f, "\n%s costs less than\n", v->group[i].name);
		for (int k = 0; k < v->groups; k++) {
			struct duel d = evaluation_duel(v, &v->group[i], &v->group[k]);
			if (k != i) {
				fprintf(f, "  %-18s in %2d of %2d, by %.2f %s in the mean\n",
					v->group[k].name, d.won, d.of, d.saved,
					v->conf.tariff.currency);
			}
		}
		enum gain gain = evaluation_gain(v, &v->group[i]);
		if (gain != GAIN_SHOWN) {
			fprintf(f, "%s%s\n", v->group[i].name, evaluation_gain_words[gain]);
		}
	}
}

int evaluation_print(const struct evaluation *v, FILE *f)
{
	fprintf(f, "%lld days held out, %d %s%s; +- over trainings\n\n",
		(long long)v->conf.test_days, v->trials,
		v->trials == 1 ? "community" : "communities",
		v->trials > 1 ? ": the homes learned with, and others" : "");
	fprintf(f, name_format, "");
	for (int k = 0; k < EVALUATION_COLUMNS; k++) {
		bool deviates = evaluation_columns[k].deviates;
		if (evaluation_columns[k].head) {
			fprintf(f, " %*s%*s", deviates ? 9 : 10, evaluation_columns[k].head,
				deviates ? 10 : 0, "");
		}
	}
	fputs("\n", f);
	for (int i = 0; i < v->groups; i++) {
		fprintf(f, name_format, v->group[i].name);
		for (int k = 0; k < EVALUATION_COLUMNS; k++) {
			struct spread s =
				evaluation_spread(v, &v->group[i], evaluation_columns[k].field);
			if (evaluation_columns[k].head) {
				print_spread(f, k, &s);
			}
		}
		fputs("\n", f);
	}
	print_bound(f, v, "foresight, alone", offsetof(struct trial, alone));
	print_bound(f, v, "foresight, as one", offsetof(struct trial, optimum));
	print_shares(f, v);
	print_duels(f, v);
	return ferror(f) ? -EIO : 0;
}

/* --- for machines -------------------------------------------------------------------------------
 */

static void put_spread(struct json_out *o, const char *key, const struct spread *s)
{
	json_open_object(o, key);
	json_put_number(o, "mean", s->mean, 6);
	json_put_number(o, "sd", s->deviation, 6);
	json_close(o);
}

static void put_shares(struct json_out *o, const struct evaluation *v, int class,
		       const struct class_shares *s)
{
	if (v->conf.count[class] > 0) {
		json_open_object(o, class_models[class].name);
		json_put_number(o, "buy", s->buy, 4);
		json_put_number(o, "sell", s->sell, 4);
		json_put_number(o, "refrain", s->refrain, 4);
		json_close(o);
	}
}

static void put_group(struct json_out *o, const struct evaluation *v, const struct group *g)
{
	json_open_object(o, NULL);
	json_put_text(o, "name", g->name);
	json_put_integer(o, "trainings", g->rows);
	for (int k = 0; k < EVALUATION_COLUMNS; k++) {
		struct spread s = evaluation_spread(v, g, evaluation_columns[k].field);
		put_spread(o, evaluation_columns[k].key, &s);
	}
	json_open_object(o, "shares");
	for (int c = 0; c < CLASS_COUNT; c++) {
		struct class_shares s = evaluation_shares(v, g, c);
		put_shares(o, v, c, &s);
	}
	json_close(o);
	enum gain gain = evaluation_gain(v, g);
	if (g >= &v->group[ROW_LEARNED] && gain != GAIN_UNKNOWN) {
		json_put_flag(o, "gains", gain == GAIN_SHOWN);
	}
	json_open_object(o, "costs_less_than");
	for (int i = 0; i < v->groups; i++) {
		struct duel d = evaluation_duel(v, g, &v->group[i]);
		if (&v->group[i] != g) {
			json_open_object(o, v->group[i].name);
			json_put_number(o, "by", d.saved, 6);
			json_put_integer(o, "times", d.won);
			json_put_integer(o, "of", d.of);
			json_close(o);
		}
	}
	json_close(o);
	json_close(o);
}

static void put_row(struct json_out *o, const struct evaluation *v, const struct trial *t, int row,
		    const char *key)
{
	const struct evaluated *e = &t->row[row];
	json_open_object(o, key);
	if (row >= ROW_LEARNED) {
		const struct evaluated_policy *p = &v->policy[row - ROW_LEARNED];
		json_put_text(o, "policy", p->folder);
		json_put_text(o, "algorithm", p->algorithm);
		json_put_number(o, "rules_in_place", e->in_place, 6);
	}
	for (int k = 0; k < EVALUATION_COLUMNS; k++) {
		json_put_number(o, evaluation_columns[k].key,
				*(const double *)(const void *)((const char *)e +
								evaluation_columns[k].field),
				6);
	}
	json_put_integer(o, "violations", e->j.violations);
	json_open_object(o, "shares");
	for (int c = 0; c < CLASS_COUNT; c++) {
		put_shares(o, v, c, &e->j.shares[c]);
	}
	json_close(o);
	json_close(o);
}

static void put_trial(struct json_out *o, const struct evaluation *v, const struct trial *t)
{
	json_open_object(o, NULL);
	json_put_integer(o, "seed", t->seed);
	json_put_flag(o, "unseen", t->unseen);
	json_put_integer(o, "homes", t->homes);
	json_put_number(o, "optimum", t->optimum, 6);
	json_put_number(o, "optimum_alone", t->alone, 6);
	json_put_number(o, "jain_alone", t->fair.jain, 6);
	for (int i = 0; i < ROW_LEARNED; i++) {
		put_row(o, v, t, i, v->group[i].name);
	}
	json_open_array(o, "policies");
	for (int i = 0; i < v->policies; i++) {
		put_row(o, v, t, ROW_LEARNED + i, NULL);
	}
	json_close(o);
	json_close(o);
}

static void put_all(struct json_out *o, const struct evaluation *v)
{
	json_open_object(o, NULL);
	json_put_integer(o, "days", v->conf.test_days);
	json_put_text(o, "currency", v->conf.tariff.currency);
	json_put_integer(o, "violations", evaluation_violations(v));
	json_open_array(o, "rows");
	for (int i = 0; i < v->groups; i++) {
		put_group(o, v, &v->group[i]);
	}
	json_close(o);
	json_open_array(o, "seeds");
	for (int k = 0; k < v->trials; k++) {
		put_trial(o, v, &v->trial[k]);
	}
	json_close(o);
	json_close(o);
}

int evaluation_json(const struct evaluation *v, FILE *to)
{
	int rows = ROW_LEARNED + v->policies;
	size_t size =
		JSON_HEAD_SIZE + (size_t)JSON_ROW_SIZE * (size_t)(rows * v->trials + 4 * v->groups);
	char *text = malloc(size);
	struct json_out o;
	if (!text) {
		return -ENOMEM;
	}
	json_begin(&o, text, size);
	put_all(&o, v);
	int r = json_finish(&o);
	r = r < 0 ? r : fprintf(to, "%s\n", text) < 0 ? -EIO : 0;
	free(text);
	return r;
}
