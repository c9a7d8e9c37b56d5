/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program that is a table of commands: its main says who it is and hands on to one of them. */
#ifndef LECD_BASE_COMMAND_H
#define LECD_BASE_COMMAND_H

struct command_entry {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0]: program and command; the exit code */
	const char *about;                 /* one line of help */
};

/* Run what the first word names, or answer --help and --version. Returns the exit code: 2 where no
 * command has that name, 1 where it went well and its standard output could not be written. */
int command_main(const char *program, const struct command_entry *commands, int count, int argc,
		 char **argv);

#endif
