/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market: the local market operator. Each command is a module of its own. */
#include "daemon/base/command.h"
#include "daemon/market/clear.h"
#include "daemon/market/run.h"

static const struct command_entry commands[] = {
	{ "clear", clear_main, "clear one book of orders" },
	{ "run", run_main, "the market operator as a service" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-market", commands, count, argc, argv);
}
