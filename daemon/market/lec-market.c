/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market: the local market operator. Each command is a module of its own. */
#include <stdio.h>
#include <string.h>

#include "daemon/market/clear.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{ "clear", clear_main, "clear one book of orders" },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void help(FILE *to)
{
	fputs("Usage: lec-market COMMAND [OPTION]...\n"
	      "       lec-market COMMAND --help | --help | --version\n\n",
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
		printf("lec-market %s\n", LECD_VERSION);
		return 0;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "lec-market: \"%s\" is no command, expected one of these\n", name);
	help(stderr);
	return 2;
}
