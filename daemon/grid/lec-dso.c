/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso: the distribution grid of a community. Each subcommand is a module of its own. */
#include "daemon/base/command.h"
#include "daemon/grid/dso_check.h"
#include "daemon/grid/dso_flow.h"
#include "daemon/grid/dso_run.h"

static const struct command_entry commands[] = {
	{ "flow", dso_flow_main, "the power flow of a feeder: voltages, currents, losses" },
	{ "check", dso_check_main,
	  "what of a day's trades a feeder carries, and prices at its buses" },
	{ "run", dso_run_main, "the grid operator as a service: limits, prices, verdicts" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-dso", commands, count, argc, argv);
}
