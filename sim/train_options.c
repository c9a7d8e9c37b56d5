/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/workers.h"
#include "sim/community_conf.h"
#include "sim/train.h"

enum { EXIT_BAD = 2 };

static int refuse(const char *command, const char *option, const char *expected)
{
	fprintf(stderr, "lec-train %s: %s, expected %s\n", command, option, expected);
	return EXIT_BAD;
}

/* A whole number from 1 to most. */
static int take_number(const char *command, double most, double *out)
{
	double x;
	if (csv_number(optarg, &x) < 0 || x < 1 || x > most || x != floor(x)) {
		return refuse(command, optarg, "a whole number from 1 on");
	}
	*out = x;
	return 0;
}

int train_options(int argc, char **argv, const char *help, const char *folder, const char *number,
		  double most, struct train_options *out)
{
	const struct option long_options[] = { { folder, required_argument, NULL, 'f' },
					       { number, required_argument, NULL, 'n' },
					       { "help", no_argument, NULL, 'h' },
					       { "resume", no_argument, NULL, 'r' },
					       { "threads", required_argument, NULL, 't' },
					       { NULL, 0, NULL, 0 } };
	bool learns = strcmp(folder, "out") == 0;
	int c, r = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (!learns && (c == 'r' || c == 't')) {
			return refuse(argv[0], c == 'r' ? "--resume" : "--threads",
				      "it with maddpg only");
		}
		switch (c) {
		case 'f':
			out->folder = optarg;
			break;
		case 'n':
			r = take_number(argv[0], most, &out->seed);
			break;
		case 'r':
			out->resume = true;
			break;
		case 't':
			r = take_number(argv[0], WORKERS_MAX, &out->threads);
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		default:
			fputs(help, stderr);
			return EXIT_BAD;
		}
	}
	if (r) {
		return r;
	}
	if (optind != argc - 1) {
		return refuse(argv[0], argc > optind ? argv[optind + 1] : "nothing to read",
			      "one community file");
	}
	if (!out->folder) {
		return refuse(argv[0], "no folder", "--out DIR or --policy DIR");
	}
	out->file = argv[optind];
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
