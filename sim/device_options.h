/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of `lec-sim device`. */
#ifndef LECD_SIM_DEVICE_OPTIONS_H
#define LECD_SIM_DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_FAULTS_MAX = 16, EXIT_USAGE = 2 };

struct device_options {
	const char *config;
	const char *profiles;
	const char *port_file;
	const char *log;
	int faults;
	const char *fault[DEVICE_FAULTS_MAX];
	double speed;
	int64_t start_s; /* -1: not given */
	double anchor_s; /* < 0: not given */
	double for_s;    /* 0: for ever */
	bool ephemeral;
	bool until_eof;
	bool check;
	bool help;
};

extern const char DEVICE_HELP[];

/* Fill *o from the arguments behind argv[0]; texts stay argv's. Return 0, or EXIT_USAGE after a
 * word on stderr about what is wrong. */
int device_options_parse(int argc, char **argv, struct device_options *o);

#endif
