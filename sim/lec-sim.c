/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-sim: simulated devices, homes and communities. Each subcommand is a module of its own. */
#include <stdio.h>
#include <string.h>

#include "sim/device.h"
#include "sim/home.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{ "device", device_main, "a house behind Modbus TCP on loopback, with faults on request" },
	{ "home", home_main,
	  "a house in simulated time, judged beside rules and perfect foresight" },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void help(FILE *to)
{
	fputs("Usage: lec-sim COMMAND [OPTION]...\n"
	      "       lec-sim COMMAND --help | --help | --version\n\n",
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
		printf("lec-sim %s\n", LECD_VERSION);
		return 0;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "lec-sim: \"%s\" is no command, expected one of these\n", name);
	help(stderr);
	return 2;
}
