/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/hash.h"
#include "daemon/base/workers.h"
#include "sim/community_conf.h"
#include "sim/train.h"

enum { EXIT_BAD = 2 };

int train_refuse(const char *command, const char *what, const char *expected)
{
	fprintf(stderr, "lec-train %s: %s, expected %s\n", command, what, expected);
	return EXIT_BAD;
}

int train_refuse_option(const char *command, const char *option, const char *text,
			const char *expected)
{
	fprintf(stderr, "lec-train %s: %s %s, expected %s\n", command, option, text, expected);
	return EXIT_BAD;
}

int train_number(const char *command, const char *option, const char *text, double most,
		 double *out)
{
	double x;
	if (csv_number(text, &x) < 0 || x < 1 || x > most || x != floor(x)) {
		char expected[64];
		(void)snprintf(expected, sizeof(expected), "a whole number from 1 to %.0f", most);
		return train_refuse_option(command, option, text, expected);
	}
	*out = x;
	return 0;
}

int train_parse(const struct train_command *c, int argc, char **argv, const char **file)
{
	int code = 0, o;
	while (code == 0 && (o = getopt_long(argc, argv, "", c->options, NULL)) != -1) {
		if (o == 'h' || o == '?') {
			fputs(c->help, o == 'h' ? stdout : stderr);
			return o == 'h' ? -1 : EXIT_BAD;
		}
		code = c->take(o, c->told);
	}
	if (code) {
		return code;
	}
	if (optind != argc - 1) {
		return train_refuse(c->name, argc > optind ? argv[optind + 1] : "nothing to read",
				    "one community file");
	}
	*file = argv[optind];
	return 0;
}

static int take_option(int c, void *told)
{
	struct train_options *out = told;
	switch (c) {
	case 'f':
		out->folder = optarg;
		return 0;
	case 'n':
		return train_number("maddpg", "--seed", optarg, 1e15, &out->seed);
	case 'r':
		out->resume = true;
		return 0;
	case 't':
		return train_number("maddpg", "--threads", optarg, WORKERS_MAX, &out->threads);
	case 'a':
		out->algorithm = optarg;
		return 0;
	default:
		return train_number("maddpg", "--homes", optarg, COMMUNITY_HOMES_MAX, &out->homes);
	}
}

int train_options(int argc, char **argv, const char *help, struct train_options *out)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'f' },
						 { "seed", required_argument, NULL, 'n' },
						 { "resume", no_argument, NULL, 'r' },
						 { "threads", required_argument, NULL, 't' },
						 { "algorithm", required_argument, NULL, 'a' },
						 { "homes", required_argument, NULL, 'm' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const struct train_command c = { "maddpg", help, options, take_option, out };
	int code = train_parse(&c, argc, argv, &out->file);
	if (code) {
		return code;
	}
	if (!out->folder) {
		return train_refuse("maddpg", "no folder", "--out DIR");
	}
	return 0;
}

int train_read(const char *command, const char *path, struct community_conf *out)
{
	struct diag d = { .to = stderr };
	int r = community_conf_read(path, out, &d);
	if (r < 0 && d.errors == 0) {
		fprintf(stderr, "lec-train %s: %s cannot be read\n", command, path);
	}
	return r < 0 ? EXIT_BAD : 0;
}

int train_override(const char *command, const char *algorithm, double homes,
		   struct community_conf *c)
{
	int k = 0;
	while (algorithm && k < ALGORITHM_COUNT && strcmp(algorithm, training_algorithms[k]) != 0) {
		k++;
	}
	if (k == ALGORITHM_COUNT) {
		return train_refuse_option(command, "--algorithm", algorithm,
					   "maddpg, ddpg or matd3");
	}
	c->training.algorithm = algorithm ? k : c->training.algorithm;
	int r = homes > 0 ? community_conf_resize(c, (int)homes) : 0;
	char told[32];
	(void)snprintf(told, sizeof(told), "%.0f", homes);
	const char *expected = r == -ERANGE    ? "at least one home of each class"
			       : r == -ENOTSUP ? "it where all homes are made up, not measured"
					       : "more memory";
	return r < 0 ? train_refuse_option(command, "--homes", told, expected) : 0;
}

static uint64_t hash_if(uint64_t hash, const void *numbers, size_t size)
{
	return numbers ? hash_on(hash, numbers, size) : hash;
}

uint64_t train_identity(const char *path, const struct community_conf *c)
{
	char text[4096];
	FILE *f = fopen(path, "r");
	uint64_t hash = hash_bytes(text, 0);
	for (size_t size; f && (size = fread(text, 1, sizeof(text), f)) > 0;) {
		hash = hash_on(hash, text, size);
	}
	if (f) {
		(void)fclose(f);
	}
	const int64_t told[2] = { c->training.algorithm, c->residents.count };
	hash = hash_on(hash, (const char *)told, sizeof(told));
	size_t steps = (size_t)c->record.steps;
	for (int i = 0; i < c->residents.count; i++) {
		hash = hash_if(hash, c->residents.resident[i].power, 2 * steps * sizeof(float));
	}
	hash = hash_if(hash, c->record.buy, steps * sizeof(*c->record.buy));
	return hash_if(hash, c->record.sell, steps * sizeof(*c->record.sell));
}
