/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of lec-train. */
#ifndef LECD_SIM_TRAIN_H
#define LECD_SIM_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct community_conf;
struct option; /* of <getopt.h> */

/* Return the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int train_main(int argc, char **argv);
int train_evaluate_main(int argc, char **argv);
int train_compare_main(int argc, char **argv);
int train_sizes_main(int argc, char **argv);
int train_deviate_main(int argc, char **argv);

/* How a command reads its options. */
struct train_command {
	const char *name, *help;
	const struct option *options;   /* long ones; 'h' is the help */
	int (*take)(int c, void *told); /* one of them, with optarg: 0 or the exit code */
	void *told;
};

/* Parse the options and the one community file. Returns 0 or the exit code, and -1 where the help
 * was printed. */
int train_parse(const struct train_command *c, int argc, char **argv, const char **file);

/* What maddpg is told: FILE and options, of which the folder must be given. */
struct train_options {
	const char *file;
	const char *folder;    /* --out */
	double seed;           /* --seed */
	bool resume;           /* --resume */
	double threads;        /* --threads; 0: not given */
	const char *algorithm; /* --algorithm: in place of the file's; NULL: not given */
	double homes;          /* --homes: likewise; 0: not given */
};

/* Parse argv. Returns 0 or the exit code, and -1 where the help was printed. */
int train_options(int argc, char **argv, const char *help, struct train_options *out);

/* Parse what an option was given, a whole number from 1 to most; option: its name, "--seeds".
 * Returns 0 or the exit code: it was told what is expected. */
int train_number(const char *command, const char *option, const char *text, double most,
		 double *out);

/* Put an algorithm (NULL: none) and a number of homes (0: none) in place of the file's. Returns 0
 * or the exit code. */
int train_override(const char *command, const char *algorithm, double homes,
		   struct community_conf *c);

/* What a checkpoint must agree with: a hash of the file, which was read before, and of what stands
 * in place of it. */
uint64_t train_identity(const char *path, const struct community_conf *c);

/* Say what is wrong with a command line, or with what an option was given. Returns the exit code.
 */
int train_refuse(const char *command, const char *what, const char *expected);
int train_refuse_option(const char *command, const char *option, const char *text,
			const char *expected);

/* Read the community; returns 0 or the exit code. */
int train_read(const char *command, const char *path, struct community_conf *out);

#endif
