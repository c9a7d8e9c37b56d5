/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train sizes: whether trading becomes steadier and fairer with the number of homes. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json_out.h"
#include "daemon/base/moments.h"
#include "sim/train.h"
#include "sim/train_judge.h"
#include "sim/train_spawn.h"
#include "sim/training_log.h"
#include "sim/trend.h"

enum {
	EXIT_FAILED = 1,
	EXIT_BAD = 2,
	PATH_SIZE = 512,
	JSON_SIZE = 65536,
	SIZES_MAX = TREND_GROUPS_MAX,
	TRAININGS_MAX = 10,
	VALUES_MAX = EVALUATION_SEEDS_MAX, /* of a size: its trainings, or communities */
	LAST = 10                          /* a training's last so-manieth part */
};

static const char help[] =
	"Usage: lec-train sizes COMMUNITY --out DIR [--homes N,N] [--trainings N] [--seeds N]\n"
	"Learn with each number of homes, and tell whether price and trade become steadier and\n"
	"savings fairer with it. A table on stderr, JSON on stdout. What was learned in DIR "
	"before\n"
	"is taken up where it stopped.\n"
	"  --out DIR      made where it is missing\n"
	"  --homes N,N    up to 16 numbers that rise; default 5,10,20,50\n"
	"  --trainings N  of each number, with seeds 1 to N, 1 to 10; default 1\n"
	"  --seeds N      communities to judge in, 1 to 20; default 3\n"
	"  --help\n";

struct told {
	const char *file, *out;
	double trainings, seeds;
	int sizes, size[SIZES_MAX];
};

/* What is looked at: while learning, and of who decides on days held out. */
static const struct {
	const char *key, *head;
	int row;            /* of an evaluation; -1: of the training */
	size_t field;       /* of struct evaluated */
	const char *column; /* of training.csv */
	int claimed;        /* -1: it falls, 1: it rises, 0: nothing is claimed of it */
} looked[] = {
	{ "training_price_deviation", "price sd, learning", -1, 0, "price_deviation", -1 },
	{ "training_volume_deviation", "trade sd, learning", -1, 0, "volume_deviation_kwh", -1 },
#define HELD_OUT(key, head, row)                                                                   \
	{ key "_price_deviation",                                                                  \
	  "price sd, " head,                                                                       \
	  row,                                                                                     \
	  offsetof(struct evaluated, j.price_deviation),                                           \
	  NULL,                                                                                    \
	  -1 },                                                                                    \
		{ key "_volume_deviation",                                                         \
		  "trade sd, " head,                                                               \
		  row,                                                                             \
		  offsetof(struct evaluated, j.volume_deviation_kwh),                              \
		  NULL,                                                                            \
		  -1 },                                                                            \
		{ key "_jain", "Jain, " head, row, offsetof(struct evaluated, j.jain), NULL, 1 },  \
	{                                                                                          \
		key "_local_share", "local share, " head, row,                                     \
			offsetof(struct evaluated, j.local_share), NULL, 0                         \
	}
	HELD_OUT("learned", "learned", ROW_LEARNED),
	HELD_OUT("rules", "rules", ROW_RULES),
	HELD_OUT("optimiser", "optimiser", ROW_OPTIMISER),
};
enum { LOOKED = sizeof(looked) / sizeof(*looked) };

/* Of all that is looked at, by size: a value for each training while it learns, and for each
 * community on days held out, there the mean over all trainings. NaN: none. */
struct found {
	int trainings, communities;
	double value[LOOKED][SIZES_MAX][VALUES_MAX];
};
static_assert((int)TRAININGS_MAX <= (int)VALUES_MAX, "room for a value of each training");

static int values_of(const struct found *f, int k)
{
	return looked[k].row < 0 ? f->trainings : f->communities;
}

/* --- the command line ---------------------------------------------------------------------------
 */

static int refuse_sizes(const char *list)
{
	return train_refuse_option("sizes", "--homes", list,
				   "2 to 16 numbers that rise, as 5,10,20");
}

static int take_sizes(const char *list, struct told *t)
{
	t->sizes = 0;
	for (const char *at = list;; at++) {
		char *end;
		long size = strtol(at, &end, 10);
		if (end == at || (*end && *end != ',') || size < 1 || size > COMMUNITY_HOMES_MAX ||
		    t->sizes == SIZES_MAX || (t->sizes > 0 && size <= t->size[t->sizes - 1])) {
			return refuse_sizes(list);
		}
		t->size[t->sizes++] = (int)size;
		at = end;
		if (!*at) {
			return t->sizes > 1 ? 0 : refuse_sizes(list);
		}
	}
}

static int take_option(int c, void *told)
{
	struct told *t = told;
	switch (c) {
	case 'o':
		t->out = optarg;
		return 0;
	case 'm':
		return take_sizes(optarg, t);
	case 't':
		return train_number("sizes", "--trainings", optarg, TRAININGS_MAX, &t->trainings);
	default:
		return train_number("sizes", "--seeds", optarg, EVALUATION_SEEDS_MAX, &t->seeds);
	}
}

static int parse(int argc, char **argv, struct told *t)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'o' },
						 { "homes", required_argument, NULL, 'm' },
						 { "trainings", required_argument, NULL, 't' },
						 { "seeds", required_argument, NULL, 's' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const struct train_command c = { "sizes", help, options, take_option, t };
	int code = train_parse(&c, argc, argv, &t->file);
	return code == 0 && !t->out ? train_refuse("sizes", "no folder", "--out DIR") : code;
}

/* --- a size -------------------------------------------------------------------------------------
 */

/* The mean of a column over the end of a training. */
static int mean_at_end(const char *folder, const char *column, double *out)
{
	char path[PATH_SIZE];
	struct training_log log;
	if (snprintf(path, sizeof(path), "%s/training.csv", folder) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	int r = training_log_read(&log, path);
	int c = r == 0 ? training_log_column(&log, column) : -1;
	if (c >= 0) {
		struct moments m = { .count = 0 };
		int last = log.rows >= LAST ? log.rows / LAST : 1;
		for (int i = log.rows - last; i < log.rows; i++) {
			if (isfinite(log.value[c][i])) {
				moments_add(&m, log.value[c][i]);
			}
		}
		*out = moments_mean(&m);
	}
	training_log_free(&log);
	return r < 0 ? r : c < 0 ? -EBADMSG : 0;
}

/* What a size's communities came to by who decides, the trainings one after another. */
static void take_judged(const struct evaluation *v, int k, double *out)
{
	int row = looked[k].row, rows = row == ROW_LEARNED ? v->policies : 1;
	for (int c = 0; c < v->trials; c++) {
		out[c] = 0;
		for (int i = row; i < row + rows; i++) {
			out[c] += evaluation_value(&v->trial[c].row[i], looked[k].field) / rows;
		}
	}
}

static int take_size(const struct evaluation *v, int size, struct found *f)
{
	int r = 0;
	f->communities = v->trials;
	for (int k = 0; k < LOOKED && r == 0; k++) {
		double *out = f->value[k][size];
		if (looked[k].row >= 0) {
			take_judged(v, k, out);
		}
		for (int i = 0; i < f->trainings && looked[k].row < 0 && r == 0; i++) {
			r = mean_at_end(v->policy[i].folder, looked[k].column, &out[i]);
		}
	}
	return r;
}

static int judge_size(const struct told *t, int size, char folder[][PATH_SIZE], struct found *f)
{
	static struct evaluation v;
	const char *policy[TRAININGS_MAX];
	struct diag d = { .to = stderr };
	for (int i = 0; i < f->trainings; i++) {
		policy[i] = folder[i];
	}
	int code = train_read("sizes", t->file, &v.conf);
	if (code) {
		return code;
	}
	code = train_override("sizes", NULL, t->size[size], &v.conf);
	if (code == 0 && evaluation_load(&v, policy, f->trainings, &d) < 0) {
		code = EXIT_BAD;
	}
	int r = code ? 0 : evaluation_run(&v, (int)t->seeds);
	r = r < 0 || code ? r : take_size(&v, size, f);
	if (r < 0) {
		fprintf(stderr, "lec-train sizes: %d homes: %s\n", t->size[size], strerror(-r));
		code = EXIT_FAILED;
	}
	evaluation_free(&v);
	community_conf_free(&v.conf);
	return code;
}

static int run_size(const struct told *t, int size, struct found *f)
{
	static char folder[TRAININGS_MAX][PATH_SIZE];
	for (int i = 0; i < f->trainings; i++) {
		if (snprintf(folder[i], PATH_SIZE, "%s/homes-%d-%d", t->out, t->size[size],
			     i + 1) >= PATH_SIZE) {
			return train_refuse_option("sizes", "--out", t->out, "a shorter path");
		}
		struct train_task task = {
			.file = t->file, .folder = folder[i], .seed = i + 1, .homes = t->size[size]
		};
		int code = train_learn("sizes", &task);
		if (code) {
			return code;
		}
	}
	return judge_size(t, size, folder, f);
}

/* --- telling ------------------------------------------------------------------------------------
 */

static double mean_of(const struct found *f, int k, int size)
{
	struct moments m = { .count = 0 };
	for (int i = 0; i < values_of(f, k); i++) {
		if (isfinite(f->value[k][size][i])) {
			moments_add(&m, f->value[k][size][i]);
		}
	}
	return moments_mean(&m);
}

/* Of what is known everywhere. */
static struct trend trend_of(const struct told *t, const struct found *f, int k)
{
	double value[SIZES_MAX * VALUES_MAX];
	int count[SIZES_MAX], values = 0;
	for (int s = 0; s < t->sizes; s++) {
		count[s] = values_of(f, k);
		for (int i = 0; i < count[s]; i++) {
			double x = f->value[k][s][i];
			if (!isfinite(x)) {
				return (struct trend){ NAN, NAN };
			}
			value[values++] = x;
		}
	}
	return trend_test(value, count, t->sizes);
}

/* In a word what a trend says of the claim. */
static const char *verdict(const struct trend *d, int claimed)
{
	const double certain = 0.05;
	if (!isfinite(d->tau)) {
		return "not known";
	}
	if (claimed == 0) {
		return d->p < certain ? "no claim" : "no claim, may be chance";
	}
	if (d->tau * claimed <= 0) {
		return "the claim does not hold";
	}
	return d->p < certain ? "as claimed" : "as claimed, but may be chance";
}

static void print_table(const struct told *t, const struct found *f)
{
	fprintf(stderr, "%-24s", "homes");
	for (int s = 0; s < t->sizes; s++) {
		fprintf(stderr, " %8d", t->size[s]);
	}
	fprintf(stderr, " %7s %7s\n", "tau", "p");
	for (int k = 0; k < LOOKED; k++) {
		struct trend d = trend_of(t, f, k);
		fprintf(stderr, "%-24s", looked[k].head);
		for (int s = 0; s < t->sizes; s++) {
			fprintf(stderr, " %8.4f", mean_of(f, k, s));
		}
		fprintf(stderr, " %7.2f %7.3f  %s: %s\n", d.tau, d.p,
			d.tau > 0   ? "rises"
			: d.tau < 0 ? "falls"
				    : "stays",
			verdict(&d, looked[k].claimed));
	}
}

static int print_json(const struct told *t, const struct found *f)
{
	static char text[JSON_SIZE];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_open_array(&o, "homes");
	for (int s = 0; s < t->sizes; s++) {
		json_put_integer(&o, NULL, t->size[s]);
	}
	json_close(&o);
	for (int k = 0; k < LOOKED; k++) {
		struct trend d = trend_of(t, f, k);
		json_open_object(&o, looked[k].key);
		json_open_array(&o, "mean");
		for (int s = 0; s < t->sizes; s++) {
			json_put_number(&o, NULL, mean_of(f, k, s), 6);
		}
		json_close(&o);
		json_put_number(&o, "tau", d.tau, 4);
		json_put_number(&o, "p", d.p, 6);
		json_put_text(&o, "verdict", verdict(&d, looked[k].claimed));
		json_close(&o);
	}
	json_close(&o);
	return json_finish(&o) < 0 || puts(text) < 0 ? EXIT_FAILED : 0;
}

/* Refuse what is no size before hours of learning, and tell where sizes are not of one kind. */
static int check_sizes(const struct told *t)
{
	static struct community_conf conf;
	static int64_t count[SIZES_MAX][CLASS_COUNT];
	int code = 0, last = t->sizes - 1;
	for (int s = 0; s < t->sizes && code == 0; s++) {
		code = train_read("sizes", t->file, &conf);
		if (code) {
			return code;
		}
		code = train_override("sizes", NULL, t->size[s], &conf);
		memcpy(count[s], conf.count, sizeof(count[s]));
		community_conf_free(&conf);
	}
	for (int s = 0; s < last && code == 0; s++) {
		bool alike = true;
		for (int k = 0; k < CLASS_COUNT; k++) {
			alike &= count[s][k] * t->size[last] == count[last][k] * t->size[s];
		}
		if (!alike) {
			fprintf(stderr,
				"lec-train sizes: %d homes have other shares of classes than %d: "
				"what differs may be of that, and not of their number\n",
				t->size[s], t->size[last]);
		}
	}
	return code;
}

int train_sizes_main(int argc, char **argv)
{
	static struct found f;
	struct told t = { .trainings = 1, .seeds = 3, .sizes = 4, .size = { 5, 10, 20, 50 } };
	int code = parse(argc, argv, &t);
	if (code) {
		return code < 0 ? 0 : code;
	}
	code = check_sizes(&t);
	code = code ? code : train_make_folder("sizes", t.out);
	f.trainings = (int)t.trainings;
	for (int s = 0; s < t.sizes && code == 0; s++) {
		code = run_size(&t, s, &f);
	}
	if (code == 0) {
		print_table(&t, &f);
		code = print_json(&t, &f);
	}
	return code;
}
