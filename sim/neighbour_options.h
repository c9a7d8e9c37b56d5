/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of lec-sim neighbour. */
#ifndef LECD_SIM_NEIGHBOUR_OPTIONS_H
#define LECD_SIM_NEIGHBOUR_OPTIONS_H

struct neighbour_options {
	const char *scenario, *name, *broker;
	double patience_ms; /* so long it waits for a word in a round */
	double meet_s;      /* and for neighbours that were not there yet */
	double deadline_s;  /* from then on lines are put down as they are */
};

/* Returns -1 to go on, else the exit code; help and errors are told. */
int neighbour_options_parse(int argc, char **argv, struct neighbour_options *o);

/* Say what an option is expected to be. Returns the exit code. */
int neighbour_refuse(const char *option, const char *expected);

#endif
