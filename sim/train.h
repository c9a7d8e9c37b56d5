/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of lec-train. */
#ifndef LECD_SIM_TRAIN_H
#define LECD_SIM_TRAIN_H

#include <stdbool.h>

struct community_conf;

/* Return the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int train_main(int argc, char **argv);
int train_evaluate_main(int argc, char **argv);

/* What both are told: FILE and options, of which
 * the folder must be given. --resume and --threads are maddpg's alone. */
struct train_options {
	const char *file;
	const char *folder; /* --out, --policy */
	double seed;        /* --seed, --seeds */
	bool resume;        /* --resume */
	double threads;     /* --threads; 0: not given */
};

/* Parse argv. Returns 0 or the exit code, and -1 where the help was printed. */
int train_options(int argc, char **argv, const char *help, const char *folder, const char *number,
		  double most, struct train_options *out);

/* Read the community; returns 0 or the exit code. */
int train_read(const char *command, const char *path, struct community_conf *out);

#endif
