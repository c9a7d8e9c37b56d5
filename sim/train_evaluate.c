/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train evaluate: see evaluation.h. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/csv.h"
#include "sim/evaluation.h"
#include "sim/train.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, PATH_SIZE = 512, YEAR_DAYS = 365, SEEDS = 3 };

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
	"  --out DIR         write evaluation.html and evaluation.json there; made where it is\n"
	"                    missing\n"
	"  --without-optima  leave out what everything known would cost, which takes longest\n"
	"  --year            a year behind the days to learn from in place of test-days, without\n"
	"                    optima; by default of one community\n"
	"  --help\n";

struct told {
	const char *file, *out;
	const char *policy[EVALUATION_POLICIES_MAX];
	int policies, seeds; /* seeds 0: not told */
	bool year, without_optima;
};

static int refuse(const char *what, const char *expected)
{
	fprintf(stderr, "lec-train evaluate: %s, expected %s\n", what, expected);
	return EXIT_BAD;
}

static int take_option(int c, struct told *t)
{
	double seeds;
	switch (c) {
	case 'p':
		if (t->policies == EVALUATION_POLICIES_MAX) {
			return refuse("one --policy too many", "at most 40");
		}
		t->policy[t->policies++] = optarg;
		return 0;
	case 's':
		if (csv_number(optarg, &seeds) < 0 || seeds < 1 || seeds > EVALUATION_SEEDS_MAX ||
		    seeds != floor(seeds)) {
			return refuse(optarg, "a whole number from 1 to 20");
		}
		t->seeds = (int)seeds;
		return 0;
	case 'o':
		t->out = optarg;
		return 0;
	case 'y':
		t->year = true;
		return 0;
	case 'w':
		t->without_optima = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	default:
		fputs(help, stderr);
		return EXIT_BAD;
	}
}

/* Returns 0 or the exit code, and -1 where the help was printed. */
static int parse(int argc, char **argv, struct told *t)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "seeds", required_argument, NULL, 's' },
						 { "out", required_argument, NULL, 'o' },
						 { "year", no_argument, NULL, 'y' },
						 { "without-optima", no_argument, NULL, 'w' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	int c, code = 0;
	while (code == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		code = take_option(c, t);
	}
	if (code == 0 && optind != argc - 1) {
		return refuse(argc > optind ? argv[optind + 1] : "nothing to read",
			      "one community file");
	}
	t->file = code == 0 ? argv[optind] : NULL;
	return code;
}

/* A year of days held out: homes that are measured have no more days than they have. */
static int lengthen(struct community_conf *c)
{
	for (int i = 0; i < c->residents.count; i++) {
		if (c->residents.resident[i].power) {
			return refuse("--year of homes that are measured",
				      "homes made up by [homes CLASS] and count");
		}
	}
	c->test_days = YEAR_DAYS;
	return 0;
}

static int write_files(const struct evaluation *v, const char *folder)
{
	char json[PATH_SIZE], page[PATH_SIZE];
	if (snprintf(json, PATH_SIZE, "%s/evaluation.json", folder) >= PATH_SIZE ||
	    snprintf(page, PATH_SIZE, "%s/evaluation.html", folder) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
		return -errno;
	}
	FILE *f = fopen(json, "w");
	if (!f) {
		return -errno;
	}
	int r = evaluation_json(v, f);
	r = fclose(f) != 0 && r == 0 ? -EIO : r;
	return r < 0 ? r : evaluation_page(v, page);
}

static int judge_and_tell(struct evaluation *v, const struct told *t)
{
	int r = evaluation_run(v, t->seeds ? t->seeds : t->year ? 1 : SEEDS);
	r = r < 0 ? r : evaluation_print(v, stderr);
	r = r < 0 ? r : evaluation_json(v, stdout);
	r = r < 0 || !t->out ? r : write_files(v, t->out);
	if (r < 0) {
		fprintf(stderr, "lec-train evaluate: %s\n", strerror(-r));
		return EXIT_FAILED;
	}
	int64_t violations = evaluation_violations(v);
	if (violations > 0) {
		fprintf(stderr, "lec-train evaluate: limits were broken %lld times, expected 0\n",
			(long long)violations);
	}
	return violations > 0 ? EXIT_FAILED : 0;
}

int train_evaluate_main(int argc, char **argv)
{
	static struct evaluation v;
	struct told t = { .seeds = 0 };
	struct diag d = { .to = stderr };
	int code = parse(argc, argv, &t);
	if (code) {
		return code < 0 ? 0 : code;
	}
	code = train_read("evaluate", t.file, &v.conf);
	if (code) {
		return code;
	}
	v.bounds = !t.year && !t.without_optima;
	code = t.year ? lengthen(&v.conf) : 0;
	if (code == 0 && evaluation_load(&v, t.policy, t.policies, &d) < 0) {
		code = EXIT_BAD;
	}
	code = code ? code : judge_and_tell(&v, &t);
	evaluation_free(&v);
	community_conf_free(&v.conf);
	return code;
}
