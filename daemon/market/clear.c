/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/clear.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/csv.h"
#include "daemon/market/book_plot.h"
#include "daemon/market/mechanism.h"
#include "daemon/market/orders_csv.h"
#include "daemon/market/report.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2, GO_ON = -1 };

static const char help[] =
	"Usage: lec-market clear --mechanism M [OPTION]... ORDERS.csv\n"
	"Clear one book: the result as JSON on stdout.\n"
	"  --mechanism M        one of those below\n"
	"  --price RULE         equilibrium (default): where supply meets demand; pair: between "
	"the\n"
	"                       last accepted ask and bid\n"
	"  --k K                0 the sellers' end of the price's interval, 1 the buyers'; "
	"default\n"
	"                       0.5, of pay-as-bid 1\n"
	"  --ties T             equal orders at the margin share: pro-rata (default) or arrival\n"
	"  --self-trade S       forbid (default) or allow\n"
	"  --utility-buy P      what the utility asks per kWh; for pools\n"
	"  --utility-sell P     what it pays\n"
	"  --importer-fee P     of community: per kWh of the largest import; default 0\n"
	"  --fees FILE          the grid's fees between zones: from,to,fee\n"
	"  --price-cap P        no order beyond it, nor below -P; default 1000\n"
	"  --time-limit S       seconds to prove that the best blocks are taken; default 60\n"
	"  --out FILE           the trades as CSV\n"
	"  --plot FILE          demand, supply and price as SVG\n"
	"  --help\n"
	"\n";

struct options {
	const char *mechanism, *orders, *fees, *out, *plot;
	int price_rule, ties, self_trade;
	double k, utility_buy, utility_sell, importer_fee, price_cap, time_limit_s;
};

/* --- options ------------------------------------------------------------------------------------
 */

static int refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-market clear: --%s, expected %s\n", option, expected);
	return EXIT_BAD;
}

static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "k", offsetof(struct options, k), 0, 1 },
	{ "utility-buy", offsetof(struct options, utility_buy), -1000, 1000 },
	{ "utility-sell", offsetof(struct options, utility_sell), -1000, 1000 },
	{ "importer-fee", offsetof(struct options, importer_fee), 0, 1000 },
	{ "price-cap", offsetof(struct options, price_cap), 1e-6, 1000 },
	{ "time-limit", offsetof(struct options, time_limit_s), 0.01, 86400 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

static const struct {
	const char *name;
	size_t offset;
	const char *word[2];
} choices[] = {
	{ "price", offsetof(struct options, price_rule), { "equilibrium", "pair" } },
	{ "ties", offsetof(struct options, ties), { "pro-rata", "arrival" } },
	{ "self-trade", offsetof(struct options, self_trade), { "forbid", "allow" } },
};
enum { CHOICES = sizeof(choices) / sizeof(*choices) };

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "mechanism", offsetof(struct options, mechanism) },
	{ "fees", offsetof(struct options, fees) },
	{ "out", offsetof(struct options, out) },
	{ "plot", offsetof(struct options, plot) },
};
enum { TEXTS = sizeof(texts) / sizeof(*texts) };

enum {
	FIRST_CHOICE = NUMBERS,
	FIRST_TEXT = NUMBERS + CHOICES,
	OPTIONS = NUMBERS + CHOICES + TEXTS
};

static int take_number(int i, struct options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max) {
		char range[64];
		snprintf(range, sizeof(range), "a number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return refuse(numbers[i].name, range);
	}
	*(double *)(void *)((char *)o + numbers[i].offset) = value;
	return GO_ON;
}

static int take_choice(int i, struct options *o)
{
	for (int w = 0; w < 2; w++) {
		if (strcmp(optarg, choices[i].word[w]) == 0) {
			*(int *)(void *)((char *)o + choices[i].offset) = w;
			return GO_ON;
		}
	}
	char words[64];
	snprintf(words, sizeof(words), "%s or %s", choices[i].word[0], choices[i].word[1]);
	return refuse(choices[i].name, words);
}

static void tell_help(FILE *to)
{
	fputs(help, to);
	for (int i = 0; i < MECHANISMS; i++) {
		fprintf(to, "  %-20s %s\n", mechanisms[i].name, mechanisms[i].about);
	}
}

static int take_option(int c, struct options *o)
{
	if (c >= OPTIONS) { /* help, or what getopt does not know */
		tell_help(c == OPTIONS ? stdout : stderr);
		return c == OPTIONS ? EXIT_FINE : EXIT_BAD;
	}
	if (c < FIRST_CHOICE) {
		return take_number(c, o);
	}
	if (c < FIRST_TEXT) {
		return take_choice(c - FIRST_CHOICE, o);
	}
	*(const char **)(void *)((char *)o + texts[c - FIRST_TEXT].offset) = optarg;
	return GO_ON;
}

/* Fill o. Returns GO_ON, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	struct option longs[OPTIONS + 2] = { [OPTIONS] = { "help", no_argument, NULL, OPTIONS } };
	for (int i = 0; i < OPTIONS; i++) {
		longs[i] = (struct option){ i < FIRST_CHOICE ? numbers[i].name
					    : i < FIRST_TEXT ? choices[i - FIRST_CHOICE].name
							     : texts[i - FIRST_TEXT].name,
					    required_argument, NULL, i };
	}
	*o = (struct options){ .k = NAN,
			       .utility_buy = NAN,
			       .utility_sell = NAN,
			       .price_cap = 1000,
			       .time_limit_s = 60 };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		int code = take_option(c, o);
		if (code != GO_ON) {
			return code;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "lec-market clear: %d files of orders, expected one\n",
			argc - optind);
		return EXIT_BAD;
	}
	o->orders = argv[optind];
	return GO_ON;
}

/* --- clearing -----------------------------------------------------------------------------------
 */

static int32_t price_of(double value)
{
	return (int32_t)lround(value * MILLION);
}

/* Returns GO_ON, else the exit code. */
static int make_terms(const struct options *o, const struct mechanism *m, struct terms *t)
{
	*t = (struct terms){ .price_rule = (enum price_rule)o->price_rule,
			     .ties = (enum ties)o->ties,
			     .self_trade = o->self_trade,
			     .pairs = true,
			     .k = isnan(o->k) ? m->k : price_of(o->k),
			     .importer_fee = price_of(o->importer_fee) };
	t->solve_deadline_us = clock_real_us() + (int64_t)(o->time_limit_s * 1e6);
	if (!m->utility) {
		return GO_ON;
	}
	if (isnan(o->utility_buy) || isnan(o->utility_sell)) {
		return refuse(isnan(o->utility_buy) ? "utility-buy" : "utility-sell",
			      "the utility's price per kWh with this mechanism");
	}
	t->utility_buy = price_of(o->utility_buy);
	t->utility_sell = price_of(o->utility_sell);
	return t->utility_buy < t->utility_sell
		       ? refuse("utility-sell", "not more than --utility-buy")
		       : GO_ON;
}

/* What there is to write. */
struct outcome {
	const struct mechanism *m;
	const struct orders_file *f;
	const struct result *r;
};

static int write_trades(FILE *to, const struct outcome *o)
{
	report_trades(to, o->f, o->r);
	return 0;
}

static int write_plot(FILE *to, const struct outcome *o)
{
	return book_plot(to, o->m, &o->f->book, o->r);
}

/* Returns the exit code. path may be NULL: nothing. */
static int write_file(const char *path, int (*write)(FILE *to, const struct outcome *o),
		      const struct outcome *o)
{
	FILE *to = path ? fopen(path, "we") : NULL;
	if (path && !to) {
		fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
	}
	if (!to) {
		return path ? EXIT_FAILED : EXIT_FINE;
	}
	bool failed = write(to, o) < 0 || ferror(to);
	failed |= fclose(to) != 0;
	if (failed) {
		fprintf(stderr, "%s: cannot be written whole\n", path);
	}
	return failed ? EXIT_FAILED : EXIT_FINE;
}

static const char *reason_of(int e)
{
	switch (e) {
	case -E2BIG:
		return "too many orders for this mechanism";
	case -ERANGE:
		return "quantities of blocks too far apart, expected them nearer to each other";
	case -ETIME:
		return "no choice of blocks found in time, expected a longer --time-limit";
	default:
		return strerror(-e);
	}
}

static int fail(const struct options *o, const struct mechanism *m, const struct book *b, int e)
{
	if (e == -ENOTSUP) {
		fprintf(stderr, "%s: %s, expected none with %s\n", o->orders, mechanism_lacks(m, b),
			m->name);
		return EXIT_BAD;
	}
	fprintf(stderr, "%s: not cleared: %s\n", o->orders, reason_of(e));
	return EXIT_FAILED;
}

static int clear(const struct options *o, const struct mechanism *m, struct orders_file *f,
		 struct result *r)
{
	struct diag d = { .to = stderr };
	struct terms t;
	int code = make_terms(o, m, &t);
	if (code != GO_ON) {
		return code;
	}
	if (orders_csv_read(f, o->orders, o->fees, price_of(o->price_cap), &d) < 0) {
		return EXIT_BAD;
	}
	int e = mechanism_clear(m, &f->book, &t, r);
	if (e < 0) {
		return fail(o, m, &f->book, e);
	}
	const struct outcome outcome = { m, f, r };
	code = write_file(o->out, write_trades, &outcome);
	code = code ? code : write_file(o->plot, write_plot, &outcome);
	if (code == EXIT_FINE && (report_json(stdout, m, f, r) < 0 || fflush(stdout))) {
		fprintf(stderr, "lec-market clear: the result cannot be written whole\n");
		code = EXIT_FAILED;
	}
	return code;
}

int clear_main(int argc, char **argv)
{
	struct options o;
	struct orders_file f = { .text = NULL };
	struct result r = { .orders_max = 0 };
	int code = parse_options(argc, argv, &o);
	if (code != GO_ON) {
		return code;
	}
	const struct mechanism *m = o.mechanism ? mechanism_find(o.mechanism) : NULL;
	if (!m) {
		return refuse("mechanism", "one of those that lec-market clear --help lists");
	}
	code = clear(&o, m, &f, &r);
	result_free(&r);
	orders_csv_free(&f);
	return code;
}
