/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program that is a table of commands: its main says who it is and hands on to one of them. */
#ifndef LECD_BASE_COMMAND_H
#define LECD_BASE_COMMAND_H

struct command_entry {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; the exit code */
	const char *about;                 /* one line of help */
};

/* Run what the first word names, or answer --help and --version. Returns the exit code: 2 where no
 * command has that name. */
int command_main(const char *program, const struct command_entry *commands, int count, int argc,
		 char **argv);

#endif
