/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_check.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/grid/dso_check_private.h"
#include "daemon/grid/dso_options.h"
#include "daemon/grid/trades_csv.h"

static const int64_t solve_us = 60000000; /* an interval, at most */
static const int64_t quiet_us = 1000000;  /* before that there is no progress to show */

static const char usage[] =
	"Usage: lec-dso check --config FILE --trades CSV [OPTION]...\n"
	"\n"
	"What of a market's trades the feeder carries, interval by interval, and prices at its "
	"buses.\n"
	"\n"
	"  --config FILE   the feeder and its homes, see lec-dso(1); needs no [mqtt]\n"
	"  --trades CSV    time,buyer,seller,kwh,price[,gain]\n"
	"  --out CSV       each trade with what is permitted of it, and why not more\n"
	"  --prices CSV    the price at each bus in each interval, with its parts\n"
	"  --plot SVG      these as a picture\n"
	"  --help --version\n";

struct check {
	const char *config, *trades, *out, *prices, *plot;
	struct dso_conf conf;
	struct dso *dso;
	struct trades_file file;
	struct dso_trade *trade; /* of the interval at hand */
	struct price_map map;
	FILE *verdicts, *price_rows;
	/* Sums: */
	int reduced, intervals_broken, intervals_kept, refused;
	double wanted_kwh, permitted_kwh, loss_kwh;
	int64_t loss_cost, homes_cost, others_cost, residue, network_cost;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct check *c)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "trades", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ "prices", required_argument, NULL, 'p' },
		{ "plot", required_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		switch (o) {
		case 'c':
			c->config = optarg;
			break;
		case 't':
			c->trades = optarg;
			break;
		case 'o':
			c->out = optarg;
			break;
		case 'p':
			c->prices = optarg;
			break;
		case 'P':
			c->plot = optarg;
			break;
		case 'V':
			puts("lec-dso " LECD_VERSION);
			return 0;
		default:
			fputs(usage, o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : DSO_USAGE;
		}
	}
	if (optind < argc || !c->config || !c->trades) {
		fputs("lec-dso check: expected --config, --trades and options only\n", stderr);
		fputs(usage, stderr);
		return DSO_USAGE;
	}
	return -1;
}

/* --- an interval --------------------------------------------------------------------------------
 */

static const char *name_of(const struct check *c, int home)
{
	return home == DSO_UTILITY ? "utility" : c->conf.home[home].id;
}

static void write_verdicts(struct check *c, const struct dso_proposal *p)
{
	char at[ISOTIME_SIZE];
	isotime_format(p->start_s, at);
	for (int t = 0; t < p->trades; t++) {
		const struct dso_trade *trade = &p->trade[t];
		c->wanted_kwh += trade->kwh;
		c->permitted_kwh += trade->permitted_kwh;
		c->reduced += *trade->reason != '\0';
		if (c->verdicts) {
			fprintf(c->verdicts, "%s,%s,%s,%.6f,%.6f,%s\n", at,
				name_of(c, trade->buyer), name_of(c, trade->seller), trade->kwh,
				trade->permitted_kwh, trade->reason);
		}
	}
}

static void keep_prices(struct check *c, int64_t start_s)
{
	char at[ISOTIME_SIZE];
	struct price_map *m = &c->map;
	size_t buses = (size_t)c->conf.feeder.buses;
	isotime_format(start_s, at);
	for (int bus = 0; bus < c->conf.feeder.buses; bus++) {
		const struct permit_price *p = dso_price(c->dso, bus);
		m->price[(size_t)m->intervals * buses + (size_t)bus] = *p;
		if (c->price_rows) {
			fprintf(c->price_rows, "%s,%s,%.6f,%.6f,%.6f,%.6f,%.6f\n", at,
				c->conf.feeder.bus[bus].name,
				p->energy + p->loss + p->congestion + p->voltage, p->energy,
				p->loss, p->congestion, p->voltage);
		}
	}
	m->edge_s[m->intervals++] = (double)start_s;
	m->edge_s[m->intervals] = (double)start_s + c->conf.interval_s;
}

static void add_answer(struct check *c, const struct dso_answer *a)
{
	c->intervals_broken += a->wanted_excess > 1e-6;
	c->intervals_kept += a->worst_excess <= 1e-6;
	c->loss_kwh += a->loss_kwh;
	c->loss_cost += a->loss_cost;
	c->others_cost += a->others_loss_cost;
	c->residue += a->residue;
	for (int i = 0; i < c->conf.homes; i++) {
		c->homes_cost += a->home[i].loss_cost;
		c->network_cost += a->home[i].network_cost;
	}
}

static void judge(struct check *c, int first, int count)
{
	struct dso_answer a;
	char at[ISOTIME_SIZE];
	struct dso_proposal p = { .round = "file",
				  .start_s = c->file.row[first].start_s,
				  .price = c->file.row[first].price,
				  .trades = count,
				  .trade = c->trade };
	for (int t = 0; t < count; t++) {
		c->trade[t] = c->file.row[first + t].trade;
	}
	int r = dso_judge(c->dso, &p, clock_real_us() + solve_us, &a);
	write_verdicts(c, &p);
	dso_forget(c->dso, INT64_MAX);
	isotime_format(p.start_s, at);
	if (r < 0) {
		c->refused++;
		fprintf(stderr, "%s: nothing permitted: %s\n", at, c->trade[0].reason);
		return;
	}
	if (a.broken) {
		fprintf(stderr, "%s: the feeder's other loads alone break a limit: %s\n", at,
			a.why);
	}
	add_answer(c, &a);
	keep_prices(c, p.start_s);
}

static int count_intervals(const struct trades_file *f)
{
	int count = 0;
	for (int i = 0; i < f->rows; i++) {
		count += i == 0 || f->row[i].start_s != f->row[i - 1].start_s;
	}
	return count;
}

static void judge_all(struct check *c)
{
	bool watched = isatty(STDERR_FILENO), shown = false;
	int64_t start_us = clock_real_us();
	for (int first = 0, count; first < c->file.rows; first += count) {
		for (count = 1; first + count < c->file.rows &&
				c->file.row[first + count].start_s == c->file.row[first].start_s;
		     count++) {
		}
		judge(c, first, count);
		if (watched && clock_real_us() - start_us > quiet_us) {
			fprintf(stderr, "\rtrade %d of %d ", first + count, c->file.rows);
			shown = true;
		}
	}
	if (shown) {
		fprintf(stderr, "\r%40s\r", "");
	}
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static void put_money(struct json_out *o, const char *key, int64_t micro)
{
	json_put_number(o, key, (double)micro / MICRO, 6);
}

static void print_sums(const struct check *c)
{
	char text[1024];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "intervals", c->map.intervals + c->refused);
	json_put_integer(&o, "intervals_broken_before", c->intervals_broken + c->refused);
	json_put_integer(&o, "intervals_kept", c->intervals_kept);
	json_put_integer(&o, "trades", c->file.rows);
	json_put_integer(&o, "reduced", c->reduced);
	json_put_number(&o, "wanted_kwh", c->wanted_kwh, 6);
	json_put_number(&o, "permitted_kwh", c->permitted_kwh, 6);
	json_put_number(&o, "loss_kwh", c->loss_kwh, 6);
	json_put_text(&o, "currency", c->conf.currency);
	put_money(&o, "loss_cost", c->loss_cost);
	put_money(&o, "homes_loss_cost", c->homes_cost);
	put_money(&o, "others_loss_cost", c->others_cost);
	json_put_integer(&o, "residue_micro", c->residue);
	put_money(&o, "network_cost", c->network_cost);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

/* Open a file that was asked for, with its header. */
static int open_rows(const char *path, const char *header, FILE **out)
{
	if (!path) {
		return 0;
	}
	*out = dso_open(path);
	if (!*out) {
		return DSO_FAILED;
	}
	fputs(header, *out);
	return 0;
}

static int run(struct check *c)
{
	struct diag d = { .to = stderr };
	if (dso_conf_read(c->config, &c->conf, &d) < 0 || dso_new(&c->conf, &d, &c->dso) < 0 ||
	    trades_csv_read(&c->file, c->trades, c->dso, &c->conf, &d) < 0) {
		return d.errors ? DSO_USAGE : DSO_FAILED;
	}
	size_t n = (size_t)count_intervals(&c->file), buses = (size_t)c->conf.feeder.buses;
	c->map = (struct price_map){ .f = &c->conf.feeder,
				     .currency = c->conf.currency,
				     .edge_s = calloc(n + 1, sizeof(double)),
				     .price = calloc(n * buses + 1, sizeof(*c->map.price)) };
	c->trade = calloc(DSO_TRADES_MAX, sizeof(*c->trade));
	if (!c->map.edge_s || !c->map.price || !c->trade) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	int code = open_rows(c->out, "time,buyer,seller,kwh,permitted_kwh,reason\n", &c->verdicts);
	code = code ? code
		    : open_rows(c->prices, "time,bus,price,energy,loss,congestion,voltage\n",
				&c->price_rows);
	if (code) {
		return code;
	}
	judge_all(c);
	code = c->verdicts ? dso_close(c->verdicts, c->out) : 0;
	code = c->price_rows ? dso_close(c->price_rows, c->prices) | code : code;
	if (c->plot && c->map.intervals > 0) {
		code |= dso_check_plot(&c->map, c->plot);
	}
	print_sums(c);
	bool kept = c->refused == 0 && c->intervals_kept == c->map.intervals;
	return code ? code : kept ? 0 : DSO_FAILED;
}

int dso_check_main(int argc, char **argv)
{
	struct check c = { .config = NULL };
	int code = parse_options(argc, argv, &c);
	if (code >= 0) {
		return code;
	}
	code = run(&c);
	free(c.map.edge_s);
	free(c.map.price);
	free(c.trade);
	trades_csv_free(&c.file);
	dso_free(c.dso);
	dso_conf_free(&c.conf);
	return code;
}
