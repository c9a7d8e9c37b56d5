/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/command.h"

#include <stdio.h>
#include <string.h>

static void help(FILE *to, const char *program, const struct command_entry *commands, int count)
{
	fprintf(to,
		"Usage: %s COMMAND [OPTION]...\n       %s COMMAND --help | --help | --version\n\n",
		program, program);
	for (int i = 0; i < count; i++) {
		fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].about);
	}
}

/* Errors name the whole command, getopt's too. Output that is lost is a failure, whatever the
 * command took it for. */
static int run(const char *program, const struct command_entry *command, int argc, char **argv)
{
	char name[64];
	snprintf(name, sizeof(name), "%s %s", program, command->name);
	argv[0] = name;
	int code = command->run(argc, argv);
	if (code == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		fprintf(stderr, "%s: its output cannot be written whole\n", name);
		return 1;
	}
	return code;
}

int command_main(const char *program, const struct command_entry *commands, int count, int argc,
		 char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0) {
		help(stdout, program, commands, count);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		printf("%s %s\n", program, LECD_VERSION);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return run(program, &commands[i], argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "%s: \"%s\" is no command, expected one of these\n", program, name);
	help(stderr, program, commands, count);
	return 2;
}
