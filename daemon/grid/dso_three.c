/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_three.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/dso_options.h"
#include "daemon/grid/opendss.h"
#include "daemon/grid/three_day.h"

#define TOLERANCE 1e-10 /* of the voltages, parts of nominal */

static const char help[] =
	"Usage: lec-dso flow SCRIPT.dss [OPTION]...\n"
	"\n"
	"Solve the AC power flow of a feeder of three phases, unbalanced, from a script of "
	"OpenDSS.\n"
	"\n"
	"  --day                 through all steps of its load shapes\n"
	"  --step N              in step N of them, from 1 (loads as they say by themselves)\n"
	"  --scale X             every load times X (1)\n"
	"  --inject BUS.PHASE=KW[,KVAR]  feed in at a phase, or alike at all of BUS; may repeat\n"
	"  --voltage V           of the source, per unit (as the script says)\n"
	"  --out CSV             every bus and phase; with --day every step\n"
	"  --plot SVG            with --day: the voltages at the loads, phase by phase\n"
	"  --help --version\n";

struct dso_three {
	const char *path, *out, *plot;
	double scale, voltage; /* voltage 0: the script's */
	int step;              /* from 1; 0: none */
	bool day;
	int injections;
	const char *inject[DSO_REPEATED_MAX]; /* as given */
	struct circuit c;
	struct three_phase s;
};

bool dso_three_takes(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t length = strlen(argv[i]);
		if (argv[i][0] != '-' && length > 4 &&
		    strcasecmp(argv[i] + length - 4, ".dss") == 0) {
			return true;
		}
	}
	return false;
}

static int take_option(struct dso_three *c, int option)
{
	double number;
	switch (option) {
	case 'd':
		c->day = true;
		return -1;
	case 'n':
		if (!dso_number(optarg, 1, 1100000, &number) || number != floor(number)) {
			return dso_usage("step", optarg, "a whole number from 1");
		}
		c->step = (int)number;
		return -1;
	case 's':
		return dso_number(optarg, 0, 1000, &c->scale)
			       ? -1
			       : dso_usage("scale", optarg, "a number from 0 to 1000");
	case 'v':
		return dso_number(optarg, 0.5, 1.5, &c->voltage)
			       ? -1
			       : dso_usage("voltage", optarg, "a number from 0.5 to 1.5");
	case 'i':
		if (c->injections == DSO_REPEATED_MAX) {
			return dso_usage("inject", optarg, "at most 64 of them");
		}
		c->inject[c->injections++] = optarg;
		return -1;
	case 't':
		return dso_usage("tap", optarg, "Taps= in the script: it is one of three phases");
	case 'o':
		c->out = optarg;
		return -1;
	case 'p':
		c->plot = optarg;
		return -1;
	default:
		return DSO_USAGE;
	}
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct dso_three *c)
{
	static const struct option longs[] = {
		{ "day", no_argument, NULL, 'd' },
		{ "step", required_argument, NULL, 'n' },
		{ "scale", required_argument, NULL, 's' },
		{ "inject", required_argument, NULL, 'i' },
		{ "voltage", required_argument, NULL, 'v' },
		{ "tap", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ "plot", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		if (o == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (o == 'V') {
			puts("lec-dso " LECD_VERSION);
			return 0;
		}
		int code = take_option(c, o);
		if (code >= 0) {
			return code;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "lec-dso flow: %d words, expected one feeder; see --help\n",
			argc - optind);
		return DSO_USAGE;
	}
	if (c->day && c->step > 0) {
		return dso_usage("step", "with --day", "one of the two");
	}
	if (c->plot && !c->day) {
		return dso_usage("plot", c->plot, "--day with it: it draws the day");
	}
	c->path = argv[optind];
	return -1;
}

/* "BUS.PHASE=KW[,KVAR]" as a load that takes as much less than nothing, or three of them. */
static int apply_injection(struct dso_three *c, const char *text)
{
	char name[FEEDER_NAME_SIZE];
	struct circuit_load l = { .fixed = true, .shape = -1, .v_max = 10, .file = c->path };
	double kw, kvar = 0;
	const char *equals = strchr(text, '=');
	if (!equals || !dso_injection(equals + 1, &kw, &kvar)) {
		return dso_usage("inject", text, "BUS.PHASE=KW[,KVAR], numbers from -1e6 to 1e6");
	}
	size_t length = strcspn(text, ".=");
	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	l.bus = feeder_find(&c->c.feeder, name);
	const char *phase = text + length;
	bool single = *phase == '.';
	if (l.bus < 0 || l.bus == c->c.feeder.source ||
	    (single && (phase[1] < '1' || phase[1] > '3' || phase + 2 != equals))) {
		fprintf(stderr, "lec-dso flow: --inject %s: %s has no such bus and phase\n", text,
			c->path);
		return DSO_USAGE;
	}
	l.base_v = c->c.feeder.bus[l.bus].kv * 1e3 / sqrt(3);
	l.p_w = -kw * 1e3 / (single ? 1 : PHASES);
	l.q_var = -kvar * 1e3 / (single ? 1 : PHASES);
	l.against = GROUND;
	for (int p = 0; p < PHASES; p++) {
		l.phase = single ? phase[1] - '1' : p;
		if ((single ? p == 0 : true) && circuit_add_load(&c->c, &l) < 0) {
			return DSO_FAILED;
		}
	}
	return 0;
}

/* Read the feeder and do to it what the options say. Returns 0 or the exit code. */
static int prepare(struct dso_three *c)
{
	struct diag d = { .to = stderr };
	int r = opendss_read(c->path, &c->c, &d);
	if (r < 0) {
		return r == -ENOMEM ? DSO_FAILED : DSO_USAGE;
	}
	for (int i = 0; i < c->injections; i++) {
		int code = apply_injection(c, c->inject[i]);
		if (code) {
			return code;
		}
	}
	if (c->injections > 0 && circuit_check(&c->c, &d) < 0) {
		return DSO_USAGE;
	}
	if (c->step > c->c.steps || (c->day && c->c.steps == 0)) {
		fprintf(stderr, "%s: its load shapes have %d steps, expected %s\n", c->path,
			c->c.steps, c->day ? "some for --day" : "at least as many as --step");
		return DSO_USAGE;
	}
	if (c->voltage > 0) {
		c->c.source_v *= c->voltage / c->c.feeder.source_v;
	}
	return three_phase_init(&c->s, &c->c) < 0 ? DSO_FAILED : 0;
}

static int collapsed(struct dso_three *c, int step)
{
	char when[32] = "";
	int phase, node;
	double part = three_phase_carried(&c->s, &node, &phase);
	if (step > 0) {
		snprintf(when, sizeof(when), " in step %d", step);
	}
	fprintf(stderr,
		"%s: no power flow%s: the voltage collapses, first at bus %s.%d; it can carry %.1f "
		"%% "
		"of these loads\n",
		c->path, when, c->c.feeder.bus[c->s.k.bus[node]].name, phase + 1, 100 * part);
	return DSO_FAILED;
}

static int run_once(struct dso_three *c)
{
	three_phase_loads(&c->s, &c->c, c->step - 1, c->scale);
	if (three_phase_solve(&c->s, TOLERANCE) < 0) {
		return collapsed(c, c->step);
	}
	if (!c->out || strcmp(c->out, "-") != 0) {
		dso_three_print(&c->c, &c->s);
	}
	FILE *file = c->out ? dso_open(c->out) : NULL;
	if (file) {
		dso_three_write(&c->c, &c->s, file);
		return dso_close(file, c->out);
	}
	return c->out ? DSO_FAILED : 0;
}

static int show_day(const struct dso_three *c, const struct three_day *day)
{
	if (!c->out || strcmp(c->out, "-") != 0) {
		dso_day_print(&c->c, day);
	}
	int code = 0;
	if (c->out) {
		FILE *file = dso_open(c->out);
		if (!file) {
			return DSO_FAILED;
		}
		dso_day_write(day, file);
		code = dso_close(file, c->out);
	}
	if (c->plot && !code) {
		FILE *file = dso_open(c->plot);
		if (!file) {
			return DSO_FAILED;
		}
		dso_day_draw(&c->c, day, file);
		code = dso_close(file, c->plot);
	}
	return code;
}

static int run_day(struct dso_three *c)
{
	struct three_day day;
	int failed, code = DSO_FAILED;
	if (three_day_init(&day, &c->c) == 0) {
		code = three_day_run(&day, &c->s, &c->c, c->scale, TOLERANCE, &failed) == 0
			       ? show_day(c, &day)
			       : collapsed(c, failed + 1);
	}
	three_day_free(&day);
	return code;
}

int dso_three_main(int argc, char **argv)
{
	struct dso_three c = { .scale = 1 };
	int code = parse_options(argc, argv, &c);
	if (code >= 0) {
		return code;
	}
	code = prepare(&c);
	if (!code) {
		code = c.day ? run_day(&c) : run_once(&c);
	}
	three_phase_free(&c.s);
	circuit_free(&c.c);
	return code;
}
