/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/lecd_options.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"usage: lecd --config FILE [--check] [--simulate] [--speed N [--start TIME] [--anchor S]]\n"
	"Run the controller of a home: read, decide, act every second; plan, bid every interval.\n"
	"  --config FILE   the site, see lecd.conf(5)\n"
	"  --check         read and check the configuration and its profiles, then exit\n"
	"  --simulate      a simulated house stands in for every device\n"
	"  --speed N       time runs N times faster, 0.1 to 100000\n"
	"  --start TIME    the UTC time the house begins at, like 2026-06-15T00:00:00Z\n"
	"  --anchor S      the Unix time at which it was TIME, to share a clock with lec-sim\n"
	"  --help --version\n"
	"Signals: TERM and INT release the devices and end; HUP reads the policy's actor again.\n";

static int bad_usage(const char *option, const char *expected)
{
	fprintf(stderr, "lecd: %s, expected %s\n%s", option, expected, usage);
	return 2;
}

int lecd_options_parse(int argc, char **argv, struct lecd_options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "simulate", no_argument, NULL, 's' },
		{ "check", no_argument, NULL, 'k' },
		{ "speed", required_argument, NULL, 't' },
		{ "start", required_argument, NULL, 't' },
		{ "anchor", required_argument, NULL, 't' },
		{ "planner", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *expected;
	*o = (struct lecd_options){ .clock = clock_options_none };
	for (int c, at = 0; (c = getopt_long(argc, argv, "c:h", longs, &at)) >= 0;) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->simulate = true;
			break;
		case 'k':
			o->check = true;
			break;
		case 'p':
			o->planner = true;
			break;
		case 't':
			expected = clock_options_take(&o->clock, longs[at].name, optarg);
			if (expected) {
				char option[16];
				snprintf(option, sizeof(option), "--%s", longs[at].name);
				return bad_usage(option, expected);
			}
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("lecd " LECD_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		return bad_usage(argv[optind], "options only");
	}
	if (!o->config && !o->planner) {
		return bad_usage("no --config", "the site's file");
	}
	return -1;
}
