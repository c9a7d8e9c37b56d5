/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train evaluate: see evaluation.h. */
#include <getopt.h>
#include <stdio.h>

#include "sim/train.h"
#include "sim/train_judge.h"

enum { EXIT_BAD = 2, YEAR_DAYS = 365, DAY_S = 86400, SEEDS = 3 };

static const char help[] =
	"Usage: lec-train evaluate COMMUNITY [--policy DIR]... [OPTION]...\n"
	"Judge learned actors on days they were not learned from, beside homes without control,\n"
	"with self-consumption rules (with the utility alone, on the market, and at prices by\n"
	"chance), lecd's own optimiser, and the least that is possible where everything is known\n"
	"before, for each home alone and for the community. A table on stderr, JSON on stdout.\n"
	"  --policy DIR      where lec-train maddpg wrote its actors; may repeat: those of an\n"
	"                    algorithm are told together\n"
	"  --seeds N         communities: the one that was learned with, and N - 1 of homes never\n"
	"                    seen; 1 to 20, default 3\n"
	"  --homes N         so many homes, shared out among the classes as the file's are\n"
	"  --out DIR         write evaluation.html and evaluation.json there; made where it is\n"
	"                    missing\n"
	"  --without-optima  leave out what everything known would cost, which takes longest\n"
	"  --year            a year behind the days to learn from in place of test-days, without\n"
	"                    optima; by default of one community\n"
	"  --help\n";

struct told {
	const char *file, *out;
	const char *policy[EVALUATION_POLICIES_MAX];
	int policies;
	double seeds, homes; /* 0: not told */
	bool year, without_optima;
};

static int take_option(int c, void *told)
{
	struct told *t = told;
	switch (c) {
	case 'p':
		if (t->policies == EVALUATION_POLICIES_MAX) {
			return train_refuse("evaluate", "one --policy too many", "at most 40");
		}
		t->policy[t->policies++] = optarg;
		return 0;
	case 's':
		return train_number("evaluate", "--seeds", optarg, EVALUATION_SEEDS_MAX, &t->seeds);
	case 'm':
		return train_number("evaluate", "--homes", optarg, COMMUNITY_HOMES_MAX, &t->homes);
	case 'o':
		t->out = optarg;
		return 0;
	case 'y':
		t->year = true;
		return 0;
	default:
		t->without_optima = true;
		return 0;
	}
}

/* Returns 0 or the exit code, and -1 where the help was printed. */
static int parse(int argc, char **argv, struct told *t)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "seeds", required_argument, NULL, 's' },
						 { "homes", required_argument, NULL, 'm' },
						 { "out", required_argument, NULL, 'o' },
						 { "year", no_argument, NULL, 'y' },
						 { "without-optima", no_argument, NULL, 'w' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const struct train_command c = { "evaluate", help, options, take_option, t };
	return train_parse(&c, argc, argv, &t->file);
}

/* A year of days held out: homes that are measured have no more days than they have. */
static int lengthen(struct community_conf *c)
{
	for (int i = 0; i < c->residents.count; i++) {
		if (c->residents.resident[i].power) {
			return train_refuse("evaluate", "--year of homes that are measured",
					    "homes made up by [homes CLASS] and count");
		}
	}
	c->test_days = YEAR_DAYS;
	if ((double)community_conf_days(c) * DAY_S / c->interval_s > COMMUNITY_STEPS_MAX) {
		return train_refuse("evaluate", "--year of so short an interval", "a longer one");
	}
	return 0;
}

int train_evaluate_main(int argc, char **argv)
{
	static struct evaluation v;
	struct told t = { .seeds = 0 };
	int code = parse(argc, argv, &t);
	if (code) {
		return code < 0 ? 0 : code;
	}
	code = train_read("evaluate", t.file, &v.conf);
	if (code) {
		return code;
	}
	v.bounds = !t.year && !t.without_optima;
	int seeds = t.seeds > 0 ? (int)t.seeds : t.year ? 1 : SEEDS;
	code = train_override("evaluate", NULL, t.homes, &v.conf);
	code = code == 0 && t.year ? lengthen(&v.conf) : code;
	code = code ? code : train_judge("evaluate", &v, t.policy, t.policies, seeds, t.out);
	community_conf_free(&v.conf);
	return code;
}
