/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_flow.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json_out.h"
#include "daemon/grid/dso_options.h"
#include "daemon/grid/dso_three.h"
#include "daemon/grid/flow.h"

#define TOLERANCE 1e-10 /* of the voltages, per unit */

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
	"  --out CSV             every bus with its voltage, load and branch\n"
	"  --help --version\n";

struct injection {
	int bus;
	double kw, kvar;
};

struct dso_flow {
	const char *out;
	double scale;
	double voltage; /* 0: the feeder's */
	int injections;
	const char *inject[DSO_REPEATED_MAX]; /* as given */
	int taps;
	const char *tap[DSO_REPEATED_MAX];
	char path[512];
	struct feeder f;
	struct network k;
	struct flow s;
	double *p, *q; /* loads by node, per unit, scaled and with what is fed in */
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
		} else if (o == 'i' || o == 't') {
			return dso_usage(o == 'i' ? "inject" : "tap", optarg, "at most 64 of them");
		} else {
			return DSO_USAGE;
		}
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

/* Read the feeder and do to it what the options say. Returns 0 or the exit code. */
static int prepare(struct dso_flow *c)
{
	struct diag d = { .to = stderr };
	int r = feeder_read(c->path, &c->f, &d);
	if (r < 0) {
		return r == -ENOMEM ? DSO_FAILED : DSO_USAGE;
	}
	c->p = calloc(2 * (size_t)c->f.buses, sizeof(*c->p));
	if (!c->p || network_init(&c->k, &c->f) < 0 || flow_init(&c->s, &c->k) < 0) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	c->q = c->p + c->f.buses;
	network_loads(&c->k, &c->f, c->scale, c->p, c->q);
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

static double source_v(const struct dso_flow *c)
{
	return c->voltage > 0 ? c->voltage : c->f.source_v;
}

/* The part of all loads that the feeder can just carry, by halving. */
static double carried(struct dso_flow *c)
{
	size_t n = (size_t)c->f.buses;
	double low = 0, high = 1;
	double *p = calloc(2 * n, sizeof(*p));
	for (int step = 0; p && step < STEPS_OF_HALVING; step++) {
		double middle = (low + high) / 2;
		for (size_t i = 0; i < n; i++) {
			p[i] = middle * c->p[i];
			p[n + i] = middle * c->q[i];
		}
		flow_start(&c->s, source_v(c));
		*(flow_solve(&c->s, &c->k, p, p + n, 1e-6) == 0 ? &low : &high) = middle;
	}
	free(p);
	return low;
}

static int solve(struct dso_flow *c)
{
	flow_start(&c->s, source_v(c));
	if (flow_solve(&c->s, &c->k, c->p, c->q, TOLERANCE) == 0) {
		return 0;
	}
	const char *name = c->f.bus[c->k.bus[flow_collapse(&c->s)]].name;
	fprintf(stderr,
		"%s: no power flow: the voltage collapses, first at bus %s; it can carry %.1f %% "
		"of these loads\n",
		c->path, name, 100 * carried(c));
	return DSO_FAILED;
}

static double kilo(const struct dso_flow *c, double part)
{
	return part * c->f.base_va / 1e3;
}

static void print_summary(const struct dso_flow *c)
{
	char text[1024];
	struct json_out o;
	double load_p = 0, load_q = 0, loss_p, loss_q, from_p, from_q;
	int outside = 0, overloads = 0;
	for (int n = 0; n < c->k.nodes; n++) {
		const struct feeder_bus *bus = &c->f.bus[c->k.bus[n]];
		double v = flow_voltage(&c->s, &c->k, n);
		load_p += c->p[n];
		load_q += c->q[n];
		outside += n > 0 && (v < bus->v_min || v > bus->v_max);
		double limit_va = n ? c->f.branch[c->k.branch[n]].limit_va : 0;
		overloads +=
			limit_va > 0 && flow_apparent(&c->s, &c->k, n) * c->f.base_va > limit_va;
	}
	flow_loss(&c->s, &c->k, &loss_p, &loss_q);
	flow_source(&c->s, &c->k, c->p, c->q, &from_p, &from_q);
	int low = flow_lowest(&c->s, &c->k), high = flow_highest(&c->s, &c->k);
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_number(&o, "load_kw", kilo(c, load_p), 6);
	json_put_number(&o, "load_kvar", kilo(c, load_q), 6);
	json_put_number(&o, "loss_kw", kilo(c, loss_p), 6);
	json_put_number(&o, "loss_kvar", kilo(c, loss_q), 6);
	json_put_number(&o, "source_kw", kilo(c, from_p), 6);
	json_put_number(&o, "source_kvar", kilo(c, from_q), 6);
	json_put_number(&o, "v_min", flow_voltage(&c->s, &c->k, low), 8);
	json_put_text(&o, "v_min_bus", c->f.bus[c->k.bus[low]].name);
	json_put_number(&o, "v_max", flow_voltage(&c->s, &c->k, high), 8);
	json_put_text(&o, "v_max_bus", c->f.bus[c->k.bus[high]].name);
	json_put_integer(&o, "buses_outside", outside);
	json_put_integer(&o, "overloads", overloads);
	json_put_integer(&o, "iterations", c->s.sweeps);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

static void write_bus(const struct dso_flow *c, int n, FILE *file)
{
	const struct feeder_bus *bus = &c->f.bus[c->k.bus[n]];
	double p, q, current_a = 0;
	flow_through(&c->s, n, &p, &q);
	if (bus->kv > 0) {
		current_a = hypot(c->s.i[n].re, c->s.i[n].im) / c->k.scale[n] * c->f.base_va /
			    (sqrt(3) * bus->kv * 1e3);
	}
	fprintf(file, "%s,%.8f,%.6f,%.6f,%.6f,%s,%.6f,%.6f,%.4f\n", bus->name,
		flow_voltage(&c->s, &c->k, n), atan2(c->s.v[n].im, c->s.v[n].re) * 180 / M_PI,
		kilo(c, c->p[n]), kilo(c, c->q[n]),
		n ? c->f.bus[c->k.bus[c->k.parent[n]]].name : "", kilo(c, p), kilo(c, q),
		current_a);
}

static int write_csv(const struct dso_flow *c)
{
	FILE *file = dso_open(c->out);
	if (!file) {
		return DSO_FAILED;
	}
	fputs("bus,v_pu,angle_deg,load_kw,load_kvar,from,through_kw,through_kvar,current_a\n",
	      file);
	for (int bus = 0; bus < c->f.buses; bus++) {
		write_bus(c, c->k.node[bus], file);
	}
	return dso_close(file, c->out);
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
	code = code ? code : solve(&c);
	if (!code && (!c.out || strcmp(c.out, "-") != 0)) {
		print_summary(&c);
	}
	if (!code && c.out) {
		code = write_csv(&c);
	}
	flow_free(&c.s);
	network_free(&c.k);
	feeder_free(&c.f);
	free(c.p);
	return code;
}
