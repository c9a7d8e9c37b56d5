/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/statement.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/tariff.h"
#include "daemon/market/bill.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2, GO_ON = -1 };

static const char help[] =
	"Usage: lec-market statement HOME --month YYYY-MM --ledger FILE [OPTION]...\n"
	"The bill of a home for a month, for a person to read.\n"
	"  --month YYYY-MM    the month, in the time zone\n"
	"  --ledger FILE      of lec-market run; it may be running\n"
	"  --timezone ZONE    as Europe/Oslo; default UTC\n"
	"  --csv              its intervals instead, as CSV\n"
	"  --json             its sums instead, as one JSON object\n"
	"  --help\n";

struct options {
	const char *home, *month, *ledger, *timezone;
	bool csv, json;
};

static int refuse(const char *what)
{
	fprintf(stderr, "lec-market statement: %s\n", what);
	return EXIT_BAD;
}

/* The first second of a month, so many months on; false where text is none. */
static bool month_start(const char *text, int further, int64_t *out)
{
	char day[ISOTIME_SIZE];
	static const char digits[] = "0123456789";
	if (strlen(text) != 7 || strspn(text, digits) != 4 || text[4] != '-' ||
	    strspn(text + 5, digits) != 2 || strcmp(text + 5, "01") < 0 ||
	    strcmp(text + 5, "12") > 0) {
		return false;
	}
	int64_t month = strtol(text, NULL, 10) * 12 + strtol(text + 5, NULL, 10) - 1 + further;
	snprintf(day, sizeof(day), "%04d-%02d-01T00:00:00Z", (int)(month / 12 % 10000),
		 (int)(month % 12 + 1));
	int64_t utc_s;
	if (isotime_parse(day, &utc_s) < 0) {
		return false;
	}
	/* Local midnight: the second step is right where the first crossed a change of the clock.
	 */
	int64_t at_s = utc_s - timezone_offset_s(utc_s);
	*out = utc_s - timezone_offset_s(at_s);
	return true;
}

/* Fill o. Returns GO_ON, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "month", required_argument, NULL, 'm' },
					       { "ledger", required_argument, NULL, 'l' },
					       { "timezone", required_argument, NULL, 't' },
					       { "csv", no_argument, NULL, 'c' },
					       { "json", no_argument, NULL, 'j' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		switch (c) {
		case 'm':
			o->month = optarg;
			break;
		case 'l':
			o->ledger = optarg;
			break;
		case 't':
			o->timezone = optarg;
			break;
		case 'c':
			o->csv = true;
			break;
		case 'j':
			o->json = true;
			break;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_FINE : EXIT_BAD;
		}
	}
	if (argc - optind != 1) {
		return refuse("expected one home");
	}
	o->home = argv[optind];
	if (!o->ledger || !o->month) {
		return refuse(o->ledger ? "expected --month YYYY-MM" : "expected --ledger FILE");
	}
	return o->csv && o->json ? refuse("--csv and --json, expected one of them") : GO_ON;
}

static int print(const struct options *o, const struct bill *b)
{
	int r = 0;
	if (o->json) {
		r = bill_print_json(stdout, b);
	} else if (o->csv) {
		bill_print_csv(stdout, b);
	} else {
		bill_print(stdout, b, o->month, o->timezone);
	}
	if (r < 0 || fflush(stdout) != 0 || ferror(stdout)) {
		fputs("lec-market statement: it cannot be written whole\n", stderr);
		return EXIT_FAILED;
	}
	if (b->broken > 0) {
		fprintf(stderr, "%s: entry %lld was changed after it was made; lec-market verify\n",
			o->ledger, (long long)b->broken);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

static int state(const struct options *o, struct ledger *l)
{
	struct bill b = { .rows = 0 };
	char why[200] = "";
	int64_t from_s, to_s;
	if (!month_start(o->month, 0, &from_s) || !month_start(o->month, 1, &to_s)) {
		return refuse("--month, expected a month like 2026-06");
	}
	int r = bill_read(l, o->home, from_s, to_s, &b, why, sizeof(why));
	int code = EXIT_FAILED;
	if (r == -ENOENT) {
		fprintf(stderr, "%s: nothing of %s is settled in %s\n", o->ledger, o->home,
			o->month);
	} else if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", o->ledger, why, strerror(-r));
	} else {
		code = print(o, &b);
	}
	bill_free(&b);
	return code;
}

int statement_main(int argc, char **argv)
{
	struct options o = { .timezone = "UTC" };
	struct ledger *l = NULL;
	char why[200] = "";
	int code = parse_options(argc, argv, &o);
	if (code != GO_ON) {
		return code;
	}
	if (timezone_use(o.timezone) < 0) {
		return refuse("--timezone, expected one that this machine knows, like Europe/Oslo");
	}
	if (ledger_open_reading(o.ledger, &l, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s: %s, expected a ledger of lec-market run\n", o.ledger, why);
		return EXIT_BAD;
	}
	code = state(&o, l);
	ledger_close(l);
	return code;
}
