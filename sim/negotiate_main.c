/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/negotiate_main.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/league.h"
#include "sim/league_conf.h"
#include "sim/negotiation_report.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, TEXT_SIZE = 8192 };

static const char help[] =
	"Usage: lec-market negotiate SCENARIO.conf [OPTION]...\n"
	"Homes, market and grid negotiate a day's net powers and prices in one process; or, where "
	"the\n"
	"scenario names a framework, communities do: by a platform, each with its neighbours, or "
	"as "
	"homes\n"
	"that trade with each other. JSON on stdout.\n"
	"  --trace CSV       each round: passes, residuals, penalty and who is off most\n"
	"  --plot SVG        residuals, net load, voltage, the price at each bus\n"
	"  --table           instead of JSON: penetrations from 30 % to 75 %, beside the paper's\n"
	"  --without-judge   do not look for the central optimum\n"
	"  --out CSV         of communities: who gave to whom\n"
	"  --help\n";

struct options {
	const char *scenario, *trace, *plot, *out;
	bool table, unjudged;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "trace", required_argument, NULL, 't' },
					       { "plot", required_argument, NULL, 'p' },
					       { "table", no_argument, NULL, 'T' },
					       { "without-judge", no_argument, NULL, 'j' },
					       { "out", required_argument, NULL, 'o' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	*o = (struct options){ .scenario = NULL };
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		switch (c) {
		case 't':
			o->trace = optarg;
			break;
		case 'p':
			o->plot = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'T':
			o->table = true;
			break;
		case 'j':
			o->unjudged = true;
			break;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EXIT_BAD;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "lec-market negotiate: %d words, expected one scenario\n",
			argc - optind);
		return EXIT_BAD;
	}
	if (o->table && (o->trace || o->plot || o->unjudged)) {
		fputs("lec-market negotiate: --table, expected no other option beside it\n",
		      stderr);
		return EXIT_BAD;
	}
	o->scenario = argv[optind];
	return -1;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "lec-market negotiate: %s: %s\n", what, strerror(-error));
	return EXIT_FAILED;
}

/* --- one negotiation ----------------------------------------------------------------------------
 */

static int write_file(const char *path, const struct negotiation_report *r,
		      int (*write)(const struct negotiation_report *, FILE *))
{
	FILE *file = fopen(path, "we");
	if (!file) {
		return fail(path, -errno);
	}
	int e = write(r, file);
	if (fclose(file) != 0 && e == 0) {
		e = -errno;
	}
	return e < 0 ? fail(path, e) : 0;
}

static int write_trace(const struct negotiation_report *r, FILE *to)
{
	negotiation_report_trace(r, to);
	return ferror(to) ? -EIO : 0;
}

static const char *verdict_text(int verdict)
{
	return verdict > 0              ? "the bound is as far as it came in time"
	       : verdict == -EDOM       ? "nothing that homes can do keeps all limits"
	       : verdict == -EOPNOTSUPP ? "a wholesale price is below 0, and no bound is known"
					: strerror(-verdict);
}

static int tell(const struct options *o, const struct negotiation_report *r)
{
	char text[TEXT_SIZE];
	int code = r->agreed ? 0 : EXIT_FAILED;
	if (negotiation_report_json(r, text, sizeof(text)) < 0) {
		return fail("the result", -ENOBUFS);
	}
	puts(text);
	if (!r->agreed) {
		fputs("lec-market negotiate: ", stderr);
		negotiation_report_why(r, stderr);
	}
	if (!o->unjudged && r->verdict != 0) {
		fprintf(stderr, "lec-market negotiate: no central optimum: %s\n",
			verdict_text(r->verdict));
	}
	code = o->trace && write_file(o->trace, r, write_trace) ? EXIT_FAILED : code;
	return o->plot && write_file(o->plot, r, negotiation_report_plot) ? EXIT_FAILED : code;
}

static int run_error(int error)
{
	if (error == -EDOM) {
		fputs("lec-market negotiate: no answer: a home cannot keep its limits, or the "
		      "voltage "
		      "collapses at any part of what homes take\n",
		      stderr);
		return EXIT_FAILED;
	}
	return fail("no answer", error);
}

static int negotiate_once(const struct options *o, const struct negotiation_conf *c)
{
	static struct negotiation w;
	struct diag d = { .to = stderr };
	struct negotiation_report r = { .rounds = 0 };
	int e = negotiation_make(&w, c, &d), code = EXIT_BAD;
	if (e == 0) {
		e = negotiation_report_make(&r, &w, !o->unjudged);
		code = e < 0 ? run_error(e) : tell(o, &r);
	} else if (d.errors == 0) {
		code = fail(c->path, e);
	}
	negotiation_report_free(&r);
	negotiation_free(&w);
	return code;
}

/* --- the table ----------------------------------------------------------------------------------
 */

/* Kabirifar et al. 2025, arXiv:2505.16070: money a day. Their price and load data are not
 * published; what can be compared is the shape. */
static const struct {
	double penetration, lmo_cost, home_cost; /* home_cost: of a prosumer */
} paper[] = {
	{ 0.30, 1550.12, 7.47 },
	{ 0.45, 1485, 6.72 },
	{ 0.60, 1432, 6.02 },
	{ 0.75, 1402, 5.73 },
};
static const double paper_alone = 1581.92, paper_central = 1548.14;
enum { PAPER = sizeof(paper) / sizeof(*paper) };

static void print_head(void)
{
	puts("             market pays, money a day    with wear                        by a kW    "
	     "  lost"
	     "   lowest voltage  limits broken      rounds passes\n"
	     "             agreed  each alone     agreed    central       gap   of homes       kWh"
	     "   agreed   alone  agreed  alone   cold warm a round    ms");
}

static double kilowatts(const struct negotiation *w)
{
	double sum = 0;
	for (int i = 0; i < w->homes; i++) {
		sum += w->home[i].peak_kw;
	}
	return sum;
}

static void print_row(const struct negotiation_report *r, double penetration)
{
	double gap = (r->with.cost - r->central.bound) / r->central.bound;
	printf("ours  %3.0f %% %8.2f    %8.2f   %8.2f   %8.2f  %6.4f %%  %8.3f  %8.1f   %.4f  %.4f "
	       "%7d %6d  %5d %4d %7d %6.0f\n",
	       100 * penetration, r->with.wholesale, r->alone.wholesale, r->with.cost,
	       r->central.bound, fabs(gap) < 5e-7 ? 0 : 100 * gap,
	       (r->bill + r->bill_wear) / kilowatts(r->w), r->with.loss_kwh, r->with.v_min,
	       r->alone.v_min, r->with.broken, r->alone.broken, r->rounds, r->warm_rounds,
	       r->passes_most, 1e3 * r->solve_s);
}

static void print_paper(int i)
{
	double gap = paper[0].lmo_cost / paper_central - 1;
	printf("paper %3.0f %% %8.2f", 100 * paper[i].penetration, paper[i].lmo_cost);
	if (i == 0) {
		printf("    %8.2f   %8.2f   %8.2f  %6.4f %%  %8.2f*%44s  %5d %11d  22270",
		       paper_alone, paper[i].lmo_cost, paper_central, 100 * gap, paper[i].home_cost,
		       "", 5, 3);
	} else {
		printf("%45s  %8.2f*", "", paper[i].home_cost);
	}
	putchar('\n');
}

/* A row of ours and the paper's. Returns 0 or the exit code. */
static int add_row(const struct negotiation_conf *c, int i)
{
	static struct negotiation w;
	struct negotiation_conf here = *c;
	struct diag d = { .to = stderr };
	struct negotiation_report r = { .rounds = 0 };
	here.penetration = paper[i].penetration;
	int e = negotiation_make(&w, &here, &d), code = 0;
	if (e == 0) {
		e = negotiation_report_make(&r, &w, true);
		e = e == 0 ? negotiation_report_warm(&r, &w, &d) : e;
		code = e < 0 ? run_error(e) : 0;
	} else {
		code = d.errors ? EXIT_BAD : fail(c->path, e);
	}
	if (code == 0) {
		print_row(&r, here.penetration);
		print_paper(i);
		code = r.agreed && r.judged ? 0 : EXIT_FAILED;
	}
	negotiation_report_free(&r);
	negotiation_free(&w);
	return code;
}

static int print_table(const struct negotiation_conf *c)
{
	int code = 0;
	printf("%lld prosumers on %s, %g steps of %g min; %s a day\n", (long long)c->count,
	       c->feeder, c->horizon_s / c->step_s, c->step_s / 60, c->tariff.currency);
	print_head();
	for (int i = 0; i < PAPER && code == 0; i++) {
		code = add_row(c, i);
	}
	puts("* of a prosumer, whose size is not published");
	return code;
}

/* Of communities. */
static int negotiate_league(const struct options *o)
{
	const struct league_files files = { .out = o->out, .trace = o->trace, .plot = o->plot };
	if (o->table || o->unjudged) {
		fprintf(stderr, "lec-market negotiate: --%s, expected none where communities do\n",
			o->table ? "table" : "without-judge");
		return EXIT_BAD;
	}
	return league_tell(o->scenario, &files);
}

int negotiate_main(int argc, char **argv)
{
	struct options o;
	struct negotiation_conf c;
	struct diag d = { .to = stderr };
	int code = parse_options(argc, argv, &o);
	if (code >= 0) {
		return code;
	}
	if (league_conf_is(o.scenario)) {
		return negotiate_league(&o);
	}
	if (o.out) {
		fprintf(stderr,
			"lec-market negotiate: --out, expected a scenario of communities\n");
		return EXIT_BAD;
	}
	int e = negotiation_conf_read(o.scenario, &c, &d);
	if (e < 0) {
		code = d.errors ? EXIT_BAD : fail(o.scenario, e);
	} else {
		code = o.table ? print_table(&c) : negotiate_once(&o, &c);
	}
	negotiation_conf_free(&c);
	if (fflush(stdout) != 0) {
		code = fail("the result", -errno);
	}
	return code;
}
