/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feeder from a MATPOWER case: one reference bus, loads of constant power, generators of constant
 * power beside it. Columns as in the format's description, version 2. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "daemon/grid/feeder_private.h"
#include "daemon/grid/matpower.h"

enum { BUS_I = 1, BUS_TYPE, PD, QD, GS, BS, BASE_KV = 10, VMAX = 12, VMIN };
enum { GEN_BUS = 1, PG, QG, VG = 6, GEN_STATUS = 8 };
enum { F_BUS = 1, T_BUS, BR_R, BR_X, BR_B, RATE_A, TAP = 9, SHIFT, BR_STATUS };
enum { TYPE_LOAD = 1, TYPE_REFERENCE = 3 };

struct case_reader {
	struct matpower m;
	struct feeder *f;
	struct diag *d;
};

/* One number of a row, with its range; false where it is outside, which is said. */
struct row {
	const struct case_reader *c;
	const struct matpower_rows *of;
	int row;
	bool sound;
};

static double number(struct row *r, int column, const char *what, double min, double max)
{
	double value = matpower_at(r->of, r->row, column);
	if (!(value >= min && value <= max)) {
		(void)diag_error(r->c->d, r->c->f->file, r->of->line[r->row],
				 "%s is %g, expected a number from %g to %g", what, value, min,
				 max);
		r->sound = false;
		return min;
	}
	return value;
}

static int whole(struct row *r, int column, const char *what, int min, int max)
{
	double value = number(r, column, what, min, max);
	if (value != floor(value)) {
		(void)diag_error(r->c->d, r->c->f->file, r->of->line[r->row],
				 "%s is %g, expected a whole number", what, value);
		r->sound = false;
	}
	return (int)value;
}

static int bus_numbered(struct row *r, int column, const char *what)
{
	char name[FEEDER_NAME_SIZE];
	snprintf(name, sizeof(name), "%d", whole(r, column, what, 1, 1 << 30));
	int bus = r->sound ? feeder_find(r->c->f, name) : -1;
	if (r->sound && bus < 0) {
		(void)diag_error(r->c->d, r->c->f->file, r->of->line[r->row],
				 "there is no bus %s, expected one of mpc.bus", name);
		r->sound = false;
	}
	return bus;
}

static void take_bus(struct case_reader *c, struct row *r)
{
	char name[FEEDER_NAME_SIZE];
	struct feeder *f = c->f;
	int line = r->of->line[r->row];
	snprintf(name, sizeof(name), "%d", whole(r, BUS_I, "bus_i", 1, 1 << 30));
	bool named = r->sound; /* it is added then, lest each branch to it is an error too */
	int type = whole(r, BUS_TYPE, "type", 1, 4);
	double p = number(r, PD, "Pd", -1e6, 1e6), q = number(r, QD, "Qd", -1e6, 1e6);
	double g = number(r, GS, "Gs", -1e6, 1e6), b = number(r, BS, "Bs", -1e6, 1e6);
	double kv = number(r, BASE_KV, "baseKV", 1e-3, 1e4);
	double v_min = number(r, VMIN, "Vmin", 0, 2), v_max = number(r, VMAX, "Vmax", v_min, 2);
	if (!named) {
		return;
	}
	if (r->sound && type != TYPE_LOAD && type != TYPE_REFERENCE) {
		(void)diag_error(c->d, f->file, line,
				 "bus %s is of type %d, expected 1 (a load) or 3 (the source)",
				 name, type);
	}
	int bus = feeder_add_bus(f, name, line);
	if (bus == -EEXIST) {
		(void)diag_error(c->d, f->file, line,
				 "bus %s is there twice, first in line %d: expected each bus once",
				 name, f->bus[feeder_find(f, name)].line);
		return;
	}
	if (bus < 0) {
		(void)diag_error(c->d, f->file, line, "too many buses, expected at most %d",
				 FEEDER_BUSES_MAX);
		return;
	}
	struct feeder_bus *at = &f->bus[bus];
	at->kv = kv;
	at->p_w = p * 1e6;
	at->q_var = q * 1e6;
	at->g_w = g * 1e6;
	at->b_var = b * 1e6;
	at->v_min = v_min;
	at->v_max = v_max;
	if (type == TYPE_REFERENCE && f->source >= 0) {
		(void)diag_error(c->d, f->file, line,
				 "bus %s is a second source, expected one: bus %s feeds already",
				 name, f->bus[f->source].name);
	} else if (type == TYPE_REFERENCE) {
		f->source = bus;
		f->source_v = 0; /* until a generator tells */
	}
}

static void take_gen(struct case_reader *c, struct row *r)
{
	struct feeder *f = c->f;
	int bus = bus_numbered(r, GEN_BUS, "a generator's bus");
	double p = number(r, PG, "Pg", -1e6, 1e6), q = number(r, QG, "Qg", -1e6, 1e6);
	double status = number(r, GEN_STATUS, "status", -1e6, 1e6);
	if (!r->sound || status <= 0) {
		return;
	}
	if (bus != f->source) {
		f->bus[bus].p_w -= p * 1e6;
		f->bus[bus].q_var -= q * 1e6;
		return;
	}
	double v = number(r, VG, "Vg", 0.5, 1.5);
	if (r->sound && f->source_v != 0 && f->source_v != v) {
		(void)diag_error(c->d, f->file, r->of->line[r->row],
				 "Vg is %g and %g in another generator at bus %s, expected one "
				 "voltage",
				 v, f->source_v, f->bus[bus].name);
	}
	f->source_v = v;
}

static void take_branch(struct case_reader *c, struct row *r)
{
	struct feeder *f = c->f;
	struct feeder_branch b = { .line = r->of->line[r->row] };
	b.from = bus_numbered(r, F_BUS, "fbus");
	b.to = bus_numbered(r, T_BUS, "tbus");
	b.r = number(r, BR_R, "r", 0, 1e9);
	b.x = number(r, BR_X, "x", -1e9, 1e9);
	b.b = number(r, BR_B, "b", -1e9, 1e9);
	b.limit_va = number(r, RATE_A, "rateA", 0, 1e9) * 1e6;
	double tap = number(r, TAP, "ratio", 0, 10);
	double shift = number(r, SHIFT, "angle", -360, 360);
	b.closed = whole(r, BR_STATUS, "status", 0, 1) == 1;
	if (!r->sound) {
		return;
	}
	if (shift != 0) {
		(void)diag_error(c->d, f->file, b.line,
				 "a transformer turns by %g degrees, expected 0: behind it all "
				 "angles turn and nothing else",
				 shift);
		return;
	}
	b.ratio = tap == 0 ? 1 : tap;
	b.tapped = tap != 0 || f->bus[b.from].kv != f->bus[b.to].kv;
	if (feeder_add_branch(f, &b) < 0) {
		(void)diag_error(c->d, f->file, b.line, "too many branches");
	}
}

static void take_rows(struct case_reader *c, enum matpower_matrix which,
		      void (*take)(struct case_reader *c, struct row *r))
{
	const struct matpower_rows *of = &c->m.matrix[which];
	for (int i = 0; i < of->rows; i++) {
		struct row r = { .c = c, .of = of, .row = i, .sound = true };
		take(c, &r);
	}
}

int feeder_read_matpower(const char *path, struct feeder *out, struct diag *d)
{
	struct case_reader c = { .f = out, .d = d };
	int errors = d->errors;
	int r = matpower_read(path, &c.m, d);
	if (r == 0) {
		out->base_va = c.m.base_mva * 1e6;
		take_rows(&c, MATPOWER_BUS, take_bus);
		take_rows(&c, MATPOWER_GEN, take_gen);
		take_rows(&c, MATPOWER_BRANCH, take_branch);
		if (out->source >= 0 && out->source_v == 0) {
			(void)diag_error(d, path, out->bus[out->source].line,
					 "no generator is on at the source, bus %s, expected one "
					 "with its voltage",
					 out->bus[out->source].name);
		}
		r = d->errors > errors ? -EINVAL : 0;
	}
	matpower_free(&c.m);
	return r;
}
