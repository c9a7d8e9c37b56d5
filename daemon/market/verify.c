/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/verify.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json_out.h"
#include "daemon/base/isotime.h"
#include "daemon/base/progress.h"
#include "daemon/market/audit.h"
#include "daemon/market/overdue.h"

enum { EXIT_FINE = 0, EXIT_BROKEN = 1, EXIT_BAD = 2, EXIT_OVERDUE = 3, GO_ON = -1 };

static const char help[] =
	"Usage: lec-market verify --ledger FILE [--head SEQUENCE:HASH]\n"
	"Prove that nothing of a ledger was changed, and that every interval balances: as JSON.\n"
	"  --ledger FILE          of lec-market run; it may be running\n"
	"  --head SEQUENCE:HASH   an end of the chain as it was told before: it must be part of "
	"it\n"
	"  --help\n"
	"Exit status: 0 sound, 1 broken, 2 bad usage, 3 sound, and intervals were never settled\n";

struct options {
	const char *ledger;
	int64_t head; /* 0: none */
	unsigned char hash[DIGEST_SIZE];
};

static int parse_head(const char *text, struct options *o)
{
	char *end;
	errno = 0;
	long long sequence = strtoll(text, &end, 10);
	if (errno || end == text || sequence < 1 || *end != ':' ||
	    digest_parse(end + 1, o->hash) < 0) {
		fputs("lec-market verify: --head, expected SEQUENCE:HASH, a number from 1 and 64 "
		      "hexadecimal digits\n",
		      stderr);
		return EXIT_BAD;
	}
	o->head = sequence;
	return GO_ON;
}

/* Fill o. Returns GO_ON, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "ledger", required_argument, NULL, 'l' },
					       { "head", required_argument, NULL, 'H' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		if (c == 'l') {
			o->ledger = optarg;
		} else if (c == 'H') {
			int code = parse_head(optarg, o);
			if (code != GO_ON) {
				return code;
			}
		} else {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_FINE : EXIT_BAD;
		}
	}
	if (!o->ledger || argc != optind) {
		fputs("lec-market verify: expected --ledger FILE and nothing else\n", stderr);
		return EXIT_BAD;
	}
	return GO_ON;
}

/* The head that was told stands where it stood. */
static int check_head(struct ledger *l, const struct options *o, struct ledger_fault *fault)
{
	int r = o->head > 0 ? ledger_holds(l, o->head, o->hash) : 0;
	if (r < 0) {
		fault->sequence = o->head;
		snprintf(fault->what, sizeof(fault->what), "%s",
			 r == -ENOENT
				 ? "the ledger ends before the head that was told"
				 : "its hash is not the head that was told: all was made anew");
	}
	return r == -ENOENT ? -EBADMSG : r;
}

static int prove(struct ledger *l, const struct options *o, struct audit *sums,
		 struct overdue *overdue, struct ledger_fault *fault)
{
	struct progress p;
	progress_begin(&p, "following the chain");
	int r = ledger_verify(l, progress_show, &p, fault);
	progress_end(&p);
	r = r ? r : check_head(l, o, fault);
	if (r == 0) {
		progress_begin(&p, "settling again");
		r = audit_balances(l, progress_show, &p, sums, fault);
		progress_end(&p);
	}
	return r < 0 ? r : overdue_find(l, overdue, fault);
}

/* What is late is named for who reads, and told to machines. */
static void name_overdue(const char *ledger, const struct overdue *late)
{
	char at[ISOTIME_SIZE], by[ISOTIME_SIZE];
	for (int i = 0; i < late->named; i++) {
		fprintf(stderr,
			"%s: interval %s: traded and not settled by %s, expected %" PRId64
			" s after its end\n",
			ledger, isotime_format(late->interval_s[i], at),
			isotime_format(late->by_s, by), late->wait_s);
	}
	if (late->intervals > late->named) {
		fprintf(stderr, "%s: and %" PRId64 " more intervals\n", ledger,
			late->intervals - late->named);
	}
}

static void put_overdue(struct json_out *o, const struct overdue *late)
{
	char at[ISOTIME_SIZE];
	json_put_integer(o, "unsettled", late->intervals);
	json_open_array(o, "unsettled_intervals");
	for (int i = 0; i < late->named; i++) {
		json_put_text(o, NULL, isotime_format(late->interval_s[i], at));
	}
	json_close(o);
}

static void tell(struct ledger *l, const struct audit *sums, const struct overdue *late,
		 const struct ledger_fault *fault, bool sound)
{
	char text[2048], digits[DIGEST_TEXT_SIZE];
	struct json_out o;
	int64_t sequence = 0;
	unsigned char hash[DIGEST_SIZE] = { 0 };
	(void)ledger_head(l, &sequence, hash);
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_flag(&o, "sound", sound);
	json_put_integer(&o, "entries", sequence);
	json_put_text(&o, "head", digest_text(hash, digits));
	if (sound) {
		json_put_integer(&o, "intervals", sums->intervals);
		json_put_integer(&o, "corrections", sums->corrections);
		json_put_integer(&o, "estimated", sums->estimated);
		json_put_millionths(&o, "traded_kwh", sums->traded);
		json_put_millionths(&o, "residue", sums->residue);
		json_put_millionths(&o, "from_above_kwh", sums->from_above);
		json_put_millionths(&o, "to_above_kwh", sums->to_above);
		json_put_millionths(&o, "paid_above", sums->paid_above);
		put_overdue(&o, late);
	} else {
		json_put_integer(&o, "sequence", fault->sequence);
		json_put_text(&o, "reason", fault->what);
	}
	json_close(&o);
	puts(json_finish(&o) > 0 ? text : "");
}

int verify_main(int argc, char **argv)
{
	struct options o = { .ledger = NULL };
	struct ledger *l = NULL;
	struct audit sums = { 0 };
	struct overdue late = { 0 };
	struct ledger_fault fault = { 0 };
	char why[200] = "";
	int code = parse_options(argc, argv, &o);
	if (code != GO_ON) {
		return code;
	}
	if (ledger_open_reading(o.ledger, &l, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s: %s, expected a ledger of lec-market run\n", o.ledger, why);
		return EXIT_BAD;
	}
	int r = prove(l, &o, &sums, &late, &fault);
	if (r < 0) {
		fprintf(stderr, "%s: entry %" PRId64 ": %s\n", o.ledger, fault.sequence,
			fault.what);
	}
	name_overdue(o.ledger, &late);
	tell(l, &sums, &late, &fault, r == 0);
	ledger_close(l);
	if (r < 0 || fflush(stdout) != 0) {
		return EXIT_BROKEN;
	}
	return late.intervals > 0 ? EXIT_OVERDUE : EXIT_FINE;
}
