/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/service.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/mqtt.h"

static int bad_usage(const char *command, const char *option, const char *expected,
		     const char *usage)
{
	fprintf(stderr, "%s: --%s, expected %s\n%s", command, option, expected, usage);
	return 2;
}

int service_options_parse(int argc, char **argv, const char *usage, struct service_options *out)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "speed", required_argument, NULL, 't' },
		{ "start", required_argument, NULL, 't' },
		{ "anchor", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct service_options o = { .clock = clock_options_none };
	optind = 1;
	for (int c, at = 0; (c = getopt_long(argc, argv, "", longs, &at)) >= 0;) {
		const char *expected = NULL;
		if (c == 'c') {
			o.config = optarg;
		} else if (c == 'k') {
			o.check = true;
		} else if (c == 't') {
			expected = clock_options_take(&o.clock, longs[at].name, optarg);
		} else if (c == 'V') {
			printf("%.*s " LECD_VERSION "\n", (int)strcspn(argv[0], " "), argv[0]);
			return 0;
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
		if (expected) {
			return bad_usage(argv[0], longs[at].name, expected, usage);
		}
	}
	if (optind < argc || !o.config) {
		return bad_usage(argv[0], "config", "a file, and options only", usage);
	}
	*out = o;
	return -1;
}

int parts_open(const struct part *parts, int count, int *opened)
{
	for (*opened = 0; *opened < count; (*opened)++) {
		int r = parts[*opened].open();
		if (r < 0) {
			log_error("%s: cannot start: %s", parts[*opened].name, strerror(-r));
			return r;
		}
	}
	return 0;
}

void parts_close(const struct part *parts, int opened)
{
	while (opened-- > 0) {
		if (parts[opened].close) {
			parts[opened].close();
		}
	}
}

void service_tell_away(struct mqtt_link *link, const char *name, bool *told)
{
	struct mqtt_status status;
	mqtt_status(link, &status);
	if (!*told && !status.connected && *status.error) {
		log_warning("%s: away: %s", name, status.error);
		*told = true;
	}
}
