/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train: policies that are learned, and judged on days they were not learned from. It stands
 * with the simulators, since it needs the market, the guard's limits and the trainer alike. */
#include "daemon/base/command.h"
#include "sim/train.h"

static const struct command_entry commands[] = {
	{ "maddpg", train_main, "let the homes of a community learn to act and to bid" },
	{ "evaluate", train_evaluate_main,
	  "judge what they learned beside others, on days held out" },
	{ "compare", train_compare_main,
	  "learn by several algorithms and seeds, and judge it all" },
	{ "sizes", train_sizes_main, "tell whether more homes trade more steadily and fairly" },
	{ "deviate", train_deviate_main, "tell what a class gains that alone learns on" },
};

int main(int argc, char **argv)
{
	int count = sizeof(commands) / sizeof(*commands);
	return command_main("lec-train", commands, count, argc, argv);
}
