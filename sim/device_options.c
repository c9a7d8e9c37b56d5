/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/device_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/base/units.h"

const char DEVICE_HELP[] =
	"Usage: lec-sim device --config FILE [OPTION]...\n"
	"\n"
	"Serve the devices of a simulated house over Modbus TCP and RTU.\n"
	"\n"
	"  --config FILE         the house, see etc/examples/plant.conf\n"
	"  --profiles DIR        device profiles (etc/profiles, " LECD_DATA "/profiles)\n"
	"  --ephemeral           take a free port for each one the file names\n"
	"  --port-file FILE      write the devices and their addresses there, as on stdout\n"
	"  --speed N             seconds of the house in a real second (1)\n"
	"  --start TIME          the house's time at the anchor, ISO 8601 (now)\n"
	"  --anchor SECONDS      the anchor, in real Unix time (now)\n"
	"  --fault NAME:KIND[=V] begin with a fault, like main:silence; may repeat; see "
	"lec-sim(1)\n"
	"  --log FILE            a CSV of writes and of each second's state\n"
	"  --for DURATION        end by itself, like --for 60s (real time)\n"
	"  --until-eof           end when standard input does\n"
	"  --check               read the files, report what is wrong, and end\n"
	"\n"
	"Standard input steers it: fault NAME KIND[=V], heal NAME, read NAME QUANTITY, quit.\n";

enum {
	OPT_CONFIG = 1,
	OPT_PROFILES,
	OPT_EPHEMERAL,
	OPT_PORT_FILE,
	OPT_SPEED,
	OPT_START,
	OPT_ANCHOR,
	OPT_FAULT,
	OPT_LOG,
	OPT_FOR,
	OPT_UNTIL_EOF,
	OPT_CHECK,
	OPT_HELP
};

static const struct option_names {
	const char *name;
	int has_argument;
	int code;
	const char *expected; /* where the argument can be wrong */
} option_names[] = {
	{ "config", 1, OPT_CONFIG, NULL },
	{ "profiles", 1, OPT_PROFILES, NULL },
	{ "ephemeral", 0, OPT_EPHEMERAL, NULL },
	{ "port-file", 1, OPT_PORT_FILE, NULL },
	{ "speed", 1, OPT_SPEED, "a number over 0, up to 100000" },
	{ "start", 1, OPT_START, "a time like 2026-06-15T00:00:00Z" },
	{ "anchor", 1, OPT_ANCHOR, "seconds since 1970" },
	{ "fault", 1, OPT_FAULT, "at most 16 faults" },
	{ "log", 1, OPT_LOG, NULL },
	{ "for", 1, OPT_FOR, "a duration like 60s or 10min" },
	{ "until-eof", 0, OPT_UNTIL_EOF, NULL },
	{ "check", 0, OPT_CHECK, NULL },
	{ "help", 0, OPT_HELP, NULL },
};
enum { OPTIONS = sizeof(option_names) / sizeof(*option_names) };

static int parse_double(const char *text, double low, double high, double *out)
{
	double value;
	if (units_parse(text, DIMENSION_NUMBER, &value, NULL) < 0 || value < low || value > high) {
		return -EINVAL;
	}
	*out = value;
	return 0;
}

static int take_option(struct device_options *o, int code, const char *argument)
{
	switch (code) {
	case OPT_CONFIG:
		o->config = argument;
		return 0;
	case OPT_PROFILES:
		o->profiles = argument;
		return 0;
	case OPT_PORT_FILE:
		o->port_file = argument;
		return 0;
	case OPT_LOG:
		o->log = argument;
		return 0;
	case OPT_EPHEMERAL:
		o->ephemeral = true;
		return 0;
	case OPT_UNTIL_EOF:
		o->until_eof = true;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_HELP:
		o->help = true;
		return 0;
	case OPT_SPEED:
		return parse_double(argument, 1e-3, 1e5, &o->speed);
	case OPT_START:
		return isotime_parse(argument, &o->start_s);
	case OPT_ANCHOR:
		return parse_double(argument, 0, 1e11, &o->anchor_s);
	case OPT_FOR:
		return units_parse(argument, DIMENSION_TIME, &o->for_s, NULL);
	case OPT_FAULT:
		if (o->faults == DEVICE_FAULTS_MAX) {
			return -E2BIG;
		}
		o->fault[o->faults++] = argument;
		return 0;
	default:
		return -EINVAL;
	}
}

int device_options_parse(int argc, char **argv, struct device_options *o)
{
	struct option names[OPTIONS + 1] = { 0 };
	for (int i = 0; i < OPTIONS; i++) {
		names[i] = (struct option){ option_names[i].name, option_names[i].has_argument,
					    NULL, option_names[i].code };
	}
	int index, code;
	*o = (struct device_options){ .speed = 1, .start_s = -1, .anchor_s = -1 };
	optind = 1;
	while ((code = getopt_long(argc, argv, "", names, &index)) != -1) {
		if (code == '?') {
			return EXIT_USAGE;
		}
		if (take_option(o, code, optarg) < 0) {
			fprintf(stderr, "lec-sim device: --%s %s, expected %s\n",
				option_names[index].name, optarg, option_names[index].expected);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lec-sim device: \"%s\" is no option, see --help\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (!o->config && !o->help) {
		fprintf(stderr, "lec-sim device: no --config, expected --config FILE\n");
		return EXIT_USAGE;
	}
	return 0;
}
