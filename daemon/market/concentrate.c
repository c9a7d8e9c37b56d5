/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/concentrate.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/json_out.h"
#include "daemon/market/aggregate.h"
#include "daemon/market/orders_csv.h"
#include "daemon/market/rounds.h"

enum { LINE_SIZE = 1024 };

static const char help[] =
	"Usage: lec-market aggregate ORDERS.csv [--steps N]\n"
	"       lec-market aggregate ORDERS.csv --price P --net KWH\n"
	"The orders of a feeder as one curve, what they would trade beyond each other, as the "
	"orders\n"
	"of a bid; or filled at the price of the market above, which gave that much of the curve.\n"
	"JSON on stdout.\n"
	"  --steps N    of the curve, 2 to 64; default 64\n"
	"  --price P    per kWh\n"
	"  --net KWH    bought above 0, sold below 0\n"
	"  --help\n";

struct options {
	const char *orders;
	double steps, price, net; /* NAN: not given */
};

static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "steps", offsetof(struct options, steps), 2, BID_STEPS_MAX },
	{ "price", offsetof(struct options, price), -1000, 1000 },
	{ "net", offsetof(struct options, net), -1e6, 1e6 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

static int refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-market aggregate: %s, expected %s\n", option, expected);
	return 2;
}

/* Returns -1 to go on, else the exit code. */
static int take_number(int i, struct options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max) {
		char option[16], range[64];
		snprintf(option, sizeof(option), "--%s", numbers[i].name);
		snprintf(range, sizeof(range), "a number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return refuse(option, range);
	}
	*(double *)(void *)((char *)o + numbers[i].offset) = value;
	return -1;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	struct option longs[NUMBERS + 2] = { [NUMBERS] = { "help", no_argument, NULL, NUMBERS } };
	for (int i = 0; i < NUMBERS; i++) {
		longs[i] = (struct option){ numbers[i].name, required_argument, NULL, i };
	}
	*o = (struct options){ .steps = BID_STEPS_MAX, .price = NAN, .net = NAN };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		int code = -1;
		if (c < NUMBERS) {
			code = take_number(c, o);
		} else {
			fputs(help, c == NUMBERS ? stdout : stderr);
			code = c == NUMBERS ? 0 : 2;
		}
		if (code >= 0) {
			return code;
		}
	}
	if (argc - optind != 1) {
		return refuse("no file", "one of orders");
	}
	if (isnan(o->price) != isnan(o->net)) {
		return refuse(isnan(o->price) ? "--net alone" : "--price alone", "both or neither");
	}
	o->orders = argv[optind];
	return -1;
}

static void put_line(const char *lead, struct json_out *o)
{
	json_close(o);
	if (json_finish(o) > 0) {
		printf("%s%s", lead, o->buffer);
	}
}

/* As the orders of a bid, docs/protocol.md. */
static int tell_curve(const struct book *b, int steps_max)
{
	struct curve_step step[BID_STEPS_MAX];
	char line[LINE_SIZE];
	int n = aggregate_curve(b, steps_max, step);
	if (n < 0) {
		return n;
	}
	fputs("{\"orders\":[", stdout);
	for (int i = 0; i < n; i++) {
		struct json_out o;
		json_begin(&o, line, sizeof(line));
		json_open_object(&o, NULL);
		json_put_text(&o, "side", step[i].side == SIDE_BUY ? "buy" : "sell");
		json_put_millionths(&o, "price", step[i].price);
		json_put_millionths(&o, "quantity", step[i].quantity);
		put_line(i ? "," : "", &o);
	}
	puts("]}");
	return 0;
}

static int tell_fills(const struct orders_file *f, int32_t price, int64_t net)
{
	struct result r = { .orders_max = 0 };
	char line[LINE_SIZE];
	int e = aggregate_fill(&f->book, price, net, &r);
	if (e == 0) {
		fputs("{\"fills\":[", stdout);
	}
	for (int i = 0; e == 0 && i < f->book.orders; i++) {
		struct json_out o;
		json_begin(&o, line, sizeof(line));
		json_open_object(&o, NULL);
		json_put_text(&o, "order", f->name[i]);
		json_put_text(&o, "owner", f->owners.name[f->book.order[i].owner]);
		json_put_millionths(&o, "quantity", r.filled[i]);
		json_put_millionths(&o, "amount", r.amount[i]);
		put_line(i ? "," : "", &o);
	}
	if (e == 0) {
		puts("]}");
	}
	result_free(&r);
	return e;
}

/* A curve is of one place and time, and of orders that stand as they are. */
static const char *lacks(const struct book *b)
{
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].action != ACTION_NEW) {
			return "cancel or replace";
		}
	}
	return b->zones > 1       ? "zones"
	       : b->intervals > 1 ? "intervals"
	       : b->blocks        ? "blocks"
				  : NULL;
}

static int aggregate(const struct options *o, struct orders_file *f)
{
	struct diag d = { .to = stderr };
	if (orders_csv_read(f, o->orders, NULL, PRICE_MAX, &d) < 0) {
		return 2;
	}
	const char *odd = lacks(&f->book);
	if (odd) {
		fprintf(stderr, "%s: %s, expected none in a book that is aggregated\n", o->orders,
			odd);
		return 2;
	}
	int e = isnan(o->price) ? tell_curve(&f->book, (int)o->steps)
				: tell_fills(f, (int32_t)lround(o->price * MILLION),
					     llround(o->net * MILLION));
	if (e == -ERANGE) {
		return refuse("--net", "no more than these orders trade at that price");
	}
	if (e < 0 || fflush(stdout)) {
		fprintf(stderr, "lec-market aggregate: %s\n",
			e < 0 ? strerror(-e) : "the result cannot be written whole");
		return 1;
	}
	return 0;
}

int concentrate_main(int argc, char **argv)
{
	struct options o;
	struct orders_file f = { .text = NULL };
	int code = parse_options(argc, argv, &o);
	if (code >= 0) {
		return code;
	}
	code = aggregate(&o, &f);
	orders_csv_free(&f);
	return code;
}
