/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market: the local market operator. Each command is a module of its own. */
#include "daemon/base/command.h"
#include "daemon/market/clear.h"

static const struct command_entry commands[] = {
	{ "clear", clear_main, "clear one book of orders" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-market", commands, count, argc, argv);
}
