/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso: the distribution grid of a community. Each subcommand is a module of its own. */
#include <stdio.h>
#include <string.h>

#include "daemon/grid/dso_flow.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{ "flow", dso_flow_main, "the power flow of a feeder: voltages, currents, losses" },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void help(FILE *to)
{
	fputs("Usage: lec-dso COMMAND [OPTION]...\n"
	      "       lec-dso COMMAND --help | --help | --version\n\n",
	      to);
	for (int i = 0; i < COMMANDS; i++) {
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		printf("lec-dso %s\n", LECD_VERSION);
		return 0;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "lec-dso: \"%s\" is no command, expected one of these\n", name);
	help(stderr);
	return 2;
}
