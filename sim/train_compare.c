/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train compare: learn by several algorithms with several seeds, and judge all of it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sim/train.h"
#include "sim/train_judge.h"
#include "sim/train_spawn.h"

enum { EXIT_BAD = 2, PATH_SIZE = 512, TRAININGS_MAX = 10, TRAININGS = 3 };

static const char help[] =
	"Usage: lec-train compare COMMUNITY --out DIR [--trainings N] [--algorithms A,B]\n"
	"                         [--seeds N]\n"
	"Learn by each algorithm with seeds 1 to N, each into DIR/ALGORITHM-SEED, and judge all "
	"of\n"
	"them as lec-train evaluate does, with its files in DIR. What was learned there before is\n"
	"taken up where it stopped.\n"
	"  --out DIR         made where it is missing\n"
	"  --trainings N     of each algorithm, 1 to 10; default 3\n"
	"  --algorithms A,B  of maddpg, ddpg and matd3; default maddpg,ddpg\n"
	"  --seeds N         communities to judge in, 1 to 20; default 3\n"
	"  --help\n";

struct told {
	const char *file, *out;
	double trainings, seeds;
	int algorithms;
	const char *algorithm[ALGORITHM_COUNT];
};

static int find_algorithm(const char *name, size_t length)
{
	int k = 0;
	while (k < ALGORITHM_COUNT && (strlen(training_algorithms[k]) != length ||
				       strncmp(training_algorithms[k], name, length) != 0)) {
		k++;
	}
	return k;
}

static int take_algorithms(const char *list, struct told *t)
{
	t->algorithms = 0;
	for (const char *at = list;; at++) {
		size_t length = strcspn(at, ",");
		int k = find_algorithm(at, length);
		bool twice = false;
		for (int i = 0; i < t->algorithms; i++) {
			twice = twice || t->algorithm[i] == training_algorithms[k];
		}
		if (k == ALGORITHM_COUNT || twice) {
			return train_refuse_option("compare", "--algorithms", list,
						   "some of maddpg,ddpg,matd3, each once");
		}
		t->algorithm[t->algorithms++] = training_algorithms[k];
		at += length;
		if (!*at) {
			return 0;
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
	case 't':
		return train_number("compare", "--trainings", optarg, TRAININGS_MAX, &t->trainings);
	case 'a':
		return take_algorithms(optarg, t);
	default:
		return train_number("compare", "--seeds", optarg, EVALUATION_SEEDS_MAX, &t->seeds);
	}
}

static int parse(int argc, char **argv, struct told *t)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'o' },
						 { "trainings", required_argument, NULL, 't' },
						 { "algorithms", required_argument, NULL, 'a' },
						 { "seeds", required_argument, NULL, 's' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const struct train_command c = { "compare", help, options, take_option, t };
	int code = train_parse(&c, argc, argv, &t->file);
	return code == 0 && !t->out ? train_refuse("compare", "no folder", "--out DIR") : code;
}

/* All trainings, one after another. Returns 0 or the exit code. */
static int learn(const struct told *t, char folder[][PATH_SIZE])
{
	int k = 0;
	for (int a = 0; a < t->algorithms; a++) {
		for (int seed = 1; seed <= (int)t->trainings; seed++, k++) {
			if (snprintf(folder[k], PATH_SIZE, "%s/%s-%d", t->out, t->algorithm[a],
				     seed) >= PATH_SIZE) {
				return train_refuse_option("compare", "--out", t->out,
							   "a shorter path");
			}
			int code = train_learn(
				"compare", &(struct train_task){ .file = t->file,
								 .folder = folder[k],
								 .seed = seed,
								 .algorithm = t->algorithm[a] });
			if (code) {
				return code;
			}
		}
	}
	return 0;
}

int train_compare_main(int argc, char **argv)
{
	static struct evaluation v;
	static char folder[ALGORITHM_COUNT * TRAININGS_MAX][PATH_SIZE];
	struct told t = { .trainings = TRAININGS,
			  .seeds = 3,
			  .algorithms = 2,
			  .algorithm = { training_algorithms[ALGORITHM_MADDPG],
					 training_algorithms[ALGORITHM_DDPG] } };
	int code = parse(argc, argv, &t);
	if (code) {
		return code < 0 ? 0 : code;
	}
	code = train_read("compare", t.file, &v.conf);
	if (code) {
		return code;
	}
	code = train_make_folder("compare", t.out);
	code = code ? code : learn(&t, folder);
	const char *policy[ALGORITHM_COUNT * TRAININGS_MAX];
	int policies = t.algorithms * (int)t.trainings;
	for (int i = 0; i < policies; i++) {
		policy[i] = folder[i];
	}
	v.bounds = true;
	code = code ? code : train_judge("compare", &v, policy, policies, (int)t.seeds, t.out);
	community_conf_free(&v.conf);
	return code;
}
