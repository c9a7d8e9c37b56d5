/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market: the local market operator. Each command is a module of its own. */
#include "daemon/base/command.h"
#include "daemon/market/broker_config.h"
#include "daemon/market/clear.h"
#include "daemon/market/concentrate.h"
#include "daemon/market/negotiate_main.h"
#include "daemon/market/run.h"
#include "daemon/market/statement.h"
#include "daemon/market/verify.h"

static const struct command_entry commands[] = {
	{ "aggregate", concentrate_main, "a feeder as one curve, and one price back" },
	{ "clear", clear_main, "clear one book of orders" },
	{ "negotiate", negotiate_main, "homes, market and grid agree on a day, in one process" },
	{ "run", run_main, "the market operator as a service" },
	{ "statement", statement_main, "the bill of a home for a month" },
	{ "broker-config", broker_config_main, "who may do what on the broker" },
	{ "verify", verify_main, "prove a ledger's chain and balances" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-market", commands, count, argc, argv);
}
