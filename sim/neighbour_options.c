/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/neighbour_options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/base/csv.h"
#include "daemon/base/mqtt.h"

static const char help[] =
	"Usage: lec-sim neighbour SCENARIO.conf --name NAME --broker URL [OPTION]...\n"
	"Be one community of a league: negotiate with the neighbours over the broker, each a "
	"process of\n"
	"its own, and tell as JSON what was agreed.\n"
	"  --name NAME      of the community\n"
	"  --broker URL     mqtt://host[:port]\n"
	"  --patience MS    so long it waits for a neighbour's word in a round; default 50\n"
	"  --meet S         so long it waits for neighbours that were not there yet; default 30\n"
	"  --deadline S     from then on lines are put down as they are; default 60\n"
	"  --help\n";

static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "patience", offsetof(struct neighbour_options, patience_ms), 1, 60000 },
	{ "meet", offsetof(struct neighbour_options, meet_s), 0, 3600 },
	{ "deadline", offsetof(struct neighbour_options, deadline_s), 0.1, 86400 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

int neighbour_refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-sim neighbour: --%s, expected %s\n", option, expected);
	return 2;
}

static int take_number(int i, struct neighbour_options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max) {
		char range[64];
		snprintf(range, sizeof(range), "a number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return neighbour_refuse(numbers[i].name, range);
	}
	*(double *)(void *)((char *)o + numbers[i].offset) = value;
	return -1;
}

int neighbour_options_parse(int argc, char **argv, struct neighbour_options *o)
{
	enum { NAME = NUMBERS, BROKER, HELP, OPTIONS };
	struct option longs[OPTIONS + 1] = {
		[NAME] = { "name", required_argument, NULL, NAME },
		[BROKER] = { "broker", required_argument, NULL, BROKER },
		[HELP] = { "help", no_argument, NULL, HELP },
	};
	for (int i = 0; i < NUMBERS; i++) {
		longs[i] = (struct option){ numbers[i].name, required_argument, NULL, i };
	}
	*o = (struct neighbour_options){ .patience_ms = 50, .meet_s = 30, .deadline_s = 60 };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		int code = -1;
		if (c < NUMBERS) {
			code = take_number(c, o);
		} else if (c == NAME) {
			o->name = optarg;
		} else if (c == BROKER) {
			o->broker = optarg;
		} else {
			fputs(help, c == HELP ? stdout : stderr);
			code = c == HELP ? 0 : 2;
		}
		if (code >= 0) {
			return code;
		}
	}
	if (argc - optind != 1 || !o->name || !o->broker) {
		return neighbour_refuse(!o->name ? "name" : "broker", "one, and one scenario");
	}
	const char *why = NULL;
	if (mqtt_check_broker(o->broker, &why) < 0) {
		return neighbour_refuse("broker", why);
	}
	o->scenario = argv[optind];
	return -1;
}
