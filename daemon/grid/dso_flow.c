/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_flow.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/dso_flow_private.h"
#include "daemon/grid/dso_three.h"

enum { STEPS_OF_HALVING = 30 };

static const char help[] =
	"Usage: lec-dso flow FEEDER [OPTION]...\n"
	"\n"
	"Solve the AC power flow of a feeder: a file, or the name of one we ship. A script of "
	"OpenDSS\n"
	"(NAME.dss) is one of three phases; see the options there with lec-dso flow NAME.dss "
	"--help.\n"
	"\n"
	"  --scale X             every load times X (1)\n"
	"  --inject BUS=KW[,KVAR]  feed in at a bus; below 0 it is a load; may repeat\n"
	"  --voltage V           of the source, per unit (as the feeder says)\n"
	"  --tap BUS=RATIO       the ratio of the transformer that feeds a bus; may repeat\n"
	"  --out CSV             every bus with its voltage, load and branch, and what more load "
	"costs\n"
	"  --sensitivity BUS     in it also: how the voltage of this bus moves with each load\n"
	"  --linear              LinDistFlow beside it, with its errors\n"
	"  --series CSV          a flow for each row: time,scale,BUS,BUS.kvar... (kW)\n"
	"  --plot SVG            voltages along the feeder, before and after; of a series over "
	"time\n"
	"  --help --version\n";

struct injection {
	int bus;
	double kw, kvar;
};

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct dso_flow *c)
{
	static const struct option longs[] = {
		{ "scale", required_argument, NULL, 's' },
		{ "inject", required_argument, NULL, 'i' },
		{ "voltage", required_argument, NULL, 'v' },
		{ "tap", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ "sensitivity", required_argument, NULL, 'n' },
		{ "linear", no_argument, NULL, 'l' },
		{ "series", required_argument, NULL, 'S' },
		{ "plot", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	c->scale = 1;
	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		if (o == 'h') {
			fputs(help, stdout);
			return 0;
		} else if (o == 'V') {
			puts("lec-dso " LECD_VERSION);
			return 0;
		} else if (o == 's') {
			if (!dso_number(optarg, 0, 1000, &c->scale)) {
				return dso_usage("scale", optarg, "a number from 0 to 1000");
			}
		} else if (o == 'v') {
			if (!dso_number(optarg, 0.5, 1.5, &c->voltage)) {
				return dso_usage("voltage", optarg, "a number from 0.5 to 1.5");
			}
		} else if (o == 'i' && c->injections < DSO_REPEATED_MAX) {
			c->inject[c->injections++] = optarg;
		} else if (o == 't' && c->taps < DSO_REPEATED_MAX) {
			c->tap[c->taps++] = optarg;
		} else if (o == 'o') {
			c->out = optarg;
		} else if (o == 'n') {
			c->sensitivity = optarg;
		} else if (o == 'l') {
			c->linear = true;
		} else if (o == 'S') {
			c->series = optarg;
		} else if (o == 'p') {
			c->plot = optarg;
		} else if (o == 'i' || o == 't') {
			return dso_usage(o == 'i' ? "inject" : "tap", optarg, "at most 64 of them");
		} else {
			return DSO_USAGE;
		}
	}
	if (c->series && (c->linear || c->sensitivity)) {
		return dso_usage("series", c->series, "no --linear and no --sensitivity beside it");
	}
	if (c->sensitivity && !c->out) {
		return dso_usage("sensitivity", c->sensitivity, "--out with it");
	}
	if (argc - optind != 1) {
		fprintf(stderr, "lec-dso flow: %d words, expected one feeder; see --help\n",
			argc - optind);
		return DSO_USAGE;
	}
	if (feeder_locate(argv[optind], c->path, sizeof(c->path)) < 0) {
		fprintf(stderr,
			"lec-dso flow: \"%s\" is no feeder we ship (looked for %s), expected its "
			"name or a path\n",
			argv[optind], c->path);
		return DSO_USAGE;
	}
	return -1;
}

/* Split "BUS=REST" and find the bus. Returns it, or -1 having said why. */
static int split(const struct dso_flow *c, const char *option, const char *text, const char **rest)
{
	char name[FEEDER_NAME_SIZE];
	const char *equals = strchr(text, '=');
	if (!equals) {
		dso_usage(option, text, "BUS=NUMBER");
		return -1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	int bus = feeder_find(&c->f, name);
	if (bus < 0) {
		fprintf(stderr, "lec-dso flow: --%s %s: %s has no bus \"%s\"\n", option, text,
			c->path, name);
	}
	*rest = equals + 1;
	return bus;
}

static int apply_tap(struct dso_flow *c, const char *text)
{
	const char *rest;
	double ratio;
	int bus = split(c, "tap", text, &rest);
	if (bus < 0) {
		return DSO_USAGE;
	}
	if (!dso_number(rest, 0.5, 2, &ratio)) {
		return dso_usage("tap", text, "BUS=RATIO, a number from 0.5 to 2");
	}
	int branch = c->k.branch[c->k.node[bus]];
	if (branch < 0 || !c->f.branch[branch].tapped) {
		return dso_usage("tap", text, "a bus that a transformer feeds");
	}
	c->f.branch[branch].ratio = ratio;
	return 0;
}

static int apply_injection(struct dso_flow *c, const char *text)
{
	const char *rest;
	double p, q = 0;
	int bus = split(c, "inject", text, &rest);
	if (bus < 0) {
		return DSO_USAGE;
	}
	if (!dso_injection(rest, &p, &q)) {
		return dso_usage("inject", text, "BUS=KW[,KVAR], numbers from -1e6 to 1e6");
	}
	c->p[c->k.node[bus]] -= p * 1e3 / c->f.base_va;
	c->q[c->k.node[bus]] -= q * 1e3 / c->f.base_va;
	return 0;
}

/* The voltages of the feeder as it is in its file. */
static void solve_before(struct dso_flow *c)
{
	network_loads(&c->k, &c->f, 1, c->p, c->q);
	flow_start(&c->s, c->f.source_v);
	if (flow_solve(&c->s, &c->k, c->p, c->q, DSO_TOLERANCE) == 0) {
		for (int n = 0; n < c->k.nodes; n++) {
			c->v_before[n] = flow_voltage(&c->s, &c->k, n);
		}
	}
}

/* Read the feeder and do to it what the options say. Returns 0 or the exit code. */
static int prepare(struct dso_flow *c)
{
	struct diag d = { .to = stderr };
	int r = feeder_read(c->path, &c->f, &d);
	if (r < 0) {
		return r == -ENOMEM ? DSO_FAILED : DSO_USAGE;
	}
	size_t n = (size_t)c->f.buses;
	c->p = calloc(5 * n + 1, sizeof(*c->p));
	if (!c->p || network_init(&c->k, &c->f) < 0 || flow_init(&c->s, &c->k) < 0) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	assert(c->k.node);
	c->q = c->p + n;
	c->base_p = c->q + n;
	c->base_q = c->base_p + n;
	c->v_before = c->base_q + n;
	if (c->plot && !c->series) {
		solve_before(c);
	}
	network_loads(&c->k, &c->f, c->scale, c->base_p, c->base_q);
	memcpy(c->p, c->base_p, 2 * n * sizeof(*c->p));
	int code = 0;
	for (int i = 0; i < c->taps && !code; i++) {
		code = apply_tap(c, c->tap[i]);
	}
	for (int i = 0; i < c->injections && !code; i++) {
		code = apply_injection(c, c->inject[i]);
	}
	network_update(&c->k, &c->f);
	return code;
}

double dso_source_v(const struct dso_flow *c)
{
	return c->voltage > 0 ? c->voltage : c->f.source_v;
}

double dso_kilo(const struct dso_flow *c, double part)
{
	return part * c->f.base_va / 1e3;
}

const char *dso_bus(const struct dso_flow *c, int node)
{
	return c->f.bus[c->k.bus[node]].name;
}

/* Solve for a part of the loads, into the room p. */
static bool carries(struct dso_flow *c, double part, double *p)
{
	size_t n = (size_t)c->f.buses;
	for (size_t i = 0; i < 2 * n; i++) { /* q stands behind p, in both */
		p[i] = part * c->p[i];
	}
	flow_start(&c->s, dso_source_v(c));
	return flow_solve(&c->s, &c->k, p, p + n, 1e-6) == 0;
}

int dso_collapse(struct dso_flow *c, double *part)
{
	double low = 0, high = 1, most = -1;
	double *p = calloc(2 * (size_t)c->f.buses, sizeof(*p));
	int worst = 0;
	for (int step = 0; p && step < STEPS_OF_HALVING; step++) {
		double middle = (low + high) / 2;
		*(carries(c, middle, p) ? &low : &high) = middle;
	}
	/* What a feeder does beyond its edge means little; where it is at the edge tells. */
	bool found = p && carries(c, low, p);
	for (int n = 0; found && n < c->k.nodes; n++) {
		double off = fabs(hypot(c->s.v[n].re, c->s.v[n].im) - dso_source_v(c));
		worst = off > most ? n : worst;
		most = fmax(most, off);
	}
	free(p);
	*part = low;
	return worst;
}

static int solve(struct dso_flow *c)
{
	double part;
	flow_start(&c->s, dso_source_v(c));
	if (flow_solve(&c->s, &c->k, c->p, c->q, DSO_TOLERANCE) == 0) {
		return 0;
	}
	const char *name = dso_bus(c, dso_collapse(c, &part));
	fprintf(stderr,
		"%s: no power flow: the voltage collapses, first at bus %s; it can carry %.1f %% "
		"of these loads\n",
		c->path, name, 100 * part);
	return DSO_FAILED;
}

static int show(struct dso_flow *c)
{
	int code = solve(c);
	if (!code && (!c->out || strcmp(c->out, "-") != 0)) {
		dso_flow_print(c);
	}
	if (!code && c->out) {
		code = dso_flow_write(c);
	}
	return !code && c->plot ? dso_profile(c) : code;
}

int dso_flow_main(int argc, char **argv)
{
	if (dso_three_takes(argc, argv)) {
		return dso_three_main(argc, argv);
	}
	struct dso_flow c = { .f.source = -1 };
	int code = parse_options(argc, argv, &c);
	if (code >= 0) {
		return code;
	}
	code = prepare(&c);
	code = code ? code : c.series ? dso_series(&c) : show(&c);
	flow_free(&c.s);
	network_free(&c.k);
	feeder_free(&c.f);
	free(c.p);
	return code;
}
