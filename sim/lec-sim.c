/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-sim: simulated devices, homes and communities. Each subcommand is a module of its own. */
#include "daemon/base/command.h"
#include "sim/bidders.h"
#include "sim/device.h"
#include "sim/home.h"
#include "sim/neighbour.h"
#include "sim/prosumer_run.h"

static const struct command_entry commands[] = {
	{ "bidders", bidders_main, "the bids of many homes, to load a market and time it" },
	{ "device", device_main, "a house behind Modbus TCP on loopback, with faults on request" },
	{ "home", home_main,
	  "a house in simulated time, judged beside rules and perfect foresight" },
	{ "neighbour", neighbour_main,
	  "one community of a league, which negotiates with its neighbours over a broker" },
	{ "prosumer", prosumer_main, "one home of a scenario that negotiates over MQTT" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-sim", commands, count, argc, argv);
}
