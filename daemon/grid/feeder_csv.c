/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own format: one row for each thing, its kind in the first field. # begins a comment.
 *
 *   source,BUS,kv,v                             v: per unit
 *   bus,NAME,p_kw,q_kvar[,v_min,v_max]          load, and limits in per unit
 *   line,FROM,TO,r_ohm,x_ohm[,limit_a[,STATE[,b_us]]]
 *                              STATE: closed or open; b_us: charging of the whole line, uS
 *   transformer,FROM,TO,kva,from_kv,to_kv,r_percent,x_percent[,ratio]
 *
 * Buses stand before what joins them. Nominal voltages follow from the source's through the
 * transformers. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/grid/feeder_private.h"

#define BASE_VA 1e6

struct reader {
	struct csv csv;
	struct feeder *f;
	struct diag *d;
	double source_kv;
};

struct row {
	const char *kind;
	int least, most; /* fields */
	const char *expected;
	void (*take)(struct reader *r);
};

static bool number(struct reader *r, int field, const char *what, double min, double max,
		   double *out)
{
	double value;
	if (csv_number(r->csv.field[field], &value) < 0 || value < min || value > max) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "%s is \"%.40s\", expected a number from %g to %g", what,
			   r->csv.field[field], min, max);
		return false;
	}
	*out = value;
	return true;
}

static int bus_named(struct reader *r, int field)
{
	int bus = feeder_find(r->f, r->csv.field[field]);
	if (bus < 0) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "there is no bus \"%.40s\", expected one of the bus rows above",
			   r->csv.field[field]);
	}
	return bus;
}

static void take_source(struct reader *r)
{
	double kv = 0, v = 0;
	int bus = bus_named(r, 1);
	bool sound = number(r, 2, "kv", 1e-3, 1e3, &kv);
	if (!number(r, 3, "v", 0.5, 1.5, &v) || !sound || bus < 0) {
		return;
	}
	if (r->f->source >= 0) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "bus %s is a second source, expected one: bus %s feeds already",
			   r->f->bus[bus].name, r->f->bus[r->f->source].name);
		return;
	}
	r->f->source = bus;
	r->f->source_v = v;
	r->source_kv = kv;
}

static void take_bus(struct reader *r)
{
	double p = 0, q = 0, v_min = 0.9, v_max = 1.1;
	const char *name = r->csv.field[1];
	if (*name == '\0' || strlen(name) >= FEEDER_NAME_SIZE) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "a bus is named \"%.40s\", expected 1 to %d letters", name,
			   FEEDER_NAME_SIZE - 1);
		return;
	}
	bool sound = number(r, 2, "p_kw", -1e6, 1e6, &p);
	sound = number(r, 3, "q_kvar", -1e6, 1e6, &q) && sound;
	sound = (r->csv.fields < 5 || number(r, 4, "v_min", 0.1, 2, &v_min)) && sound;
	sound = (r->csv.fields < 6 || number(r, 5, "v_max", v_min, 2, &v_max)) && sound;
	int bus = feeder_add_bus(r->f, name, r->csv.line);
	if (bus == -EEXIST) {
		const struct feeder_bus *first = &r->f->bus[feeder_find(r->f, name)];
		diag_error(r->d, r->f->file, r->csv.line,
			   "bus %s is there twice, first in line %d: expected each bus once", name,
			   first->line);
	} else if (bus < 0) {
		diag_error(r->d, r->f->file, r->csv.line, "too many buses, expected at most %d",
			   FEEDER_BUSES_MAX);
	} else if (sound) {
		struct feeder_bus *b = &r->f->bus[bus];
		b->p_w = p * 1e3;
		b->q_var = q * 1e3;
		b->v_min = v_min;
		b->v_max = v_max;
	}
}

static void add_branch(struct reader *r, const struct feeder_branch *b)
{
	if (feeder_add_branch(r->f, b) < 0) {
		diag_error(r->d, r->f->file, r->csv.line, "too many branches");
	}
}

static void take_line(struct reader *r)
{
	struct feeder_branch b = { .line = r->csv.line, .closed = true, .ratio = 1 };
	double limit_a = 0;
	b.from = bus_named(r, 1);
	b.to = bus_named(r, 2);
	bool sound = b.from >= 0 && b.to >= 0;
	sound = number(r, 3, "r_ohm", 0, 1e6, &b.r) && sound;
	sound = number(r, 4, "x_ohm", -1e6, 1e6, &b.x) && sound;
	sound = (r->csv.fields < 6 || *r->csv.field[5] == '\0' ||
		 number(r, 5, "limit_a", 0, 1e6, &limit_a)) &&
		sound;
	const char *state = r->csv.fields > 6 ? r->csv.field[6] : "";
	b.closed = strcmp(state, "open") != 0;
	if (b.closed && *state && strcmp(state, "closed") != 0) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "the state is \"%.40s\", expected open or closed", state);
		sound = false;
	}
	sound = (r->csv.fields < 8 || number(r, 7, "b_us", 0, 1e6, &b.b)) && sound;
	b.b *= 1e-6;          /* in S until the voltage is known */
	b.limit_va = limit_a; /* in A until the voltage is known */
	if (sound) {
		add_branch(r, &b);
	}
}

static void take_transformer(struct reader *r)
{
	struct feeder_branch b = {
		.line = r->csv.line, .closed = true, .ratio = 1, .tapped = true
	};
	double kva = 0, from_kv = 0, to_kv = 0, percent_r = 0, percent_x = 0;
	b.from = bus_named(r, 1);
	b.to = bus_named(r, 2);
	bool sound = b.from >= 0 && b.to >= 0;
	sound = number(r, 3, "kva", 1e-3, 1e6, &kva) && sound;
	sound = number(r, 4, "from_kv", 1e-3, 1e3, &from_kv) && sound;
	sound = number(r, 5, "to_kv", 1e-3, 1e3, &to_kv) && sound;
	sound = number(r, 6, "r_percent", 0, 100, &percent_r) && sound;
	sound = number(r, 7, "x_percent", 0, 100, &percent_x) && sound;
	sound = (r->csv.fields < 9 || number(r, 8, "ratio", 0.5, 2, &b.ratio)) && sound;
	if (!sound) {
		return;
	}
	b.r = percent_r / 100 * BASE_VA / (kva * 1e3);
	b.x = percent_x / 100 * BASE_VA / (kva * 1e3);
	b.limit_va = kva * 1e3;
	if (r->f->bus[b.from].kv == 0) {
		r->f->bus[b.from].kv = from_kv;
	}
	if (r->f->bus[b.to].kv == 0) {
		r->f->bus[b.to].kv = to_kv;
	}
	if (fabs(r->f->bus[b.from].kv / from_kv - 1) > 1e-6 ||
	    fabs(r->f->bus[b.to].kv / to_kv - 1) > 1e-6) {
		diag_error(r->d, r->f->file, r->csv.line,
			   "%g/%g kV, expected %g/%g kV as another transformer tells of bus %s or "
			   "%s",
			   from_kv, to_kv, r->f->bus[b.from].kv, r->f->bus[b.to].kv,
			   r->f->bus[b.from].name, r->f->bus[b.to].name);
		return;
	}
	add_branch(r, &b);
}

static const struct row rows[] = {
	{ "source", 4, 4, "source,BUS,kv,v", take_source },
	{ "bus", 4, 6, "bus,NAME,p_kw,q_kvar[,v_min,v_max]", take_bus },
	{ "line", 5, 8, "line,FROM,TO,r_ohm,x_ohm[,limit_a[,STATE[,b_us]]]", take_line },
	{ "transformer", 8, 9, "transformer,FROM,TO,kva,from_kv,to_kv,r_percent,x_percent[,ratio]",
	  take_transformer },
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void take_row(struct reader *r)
{
	const char *kind = r->csv.field[0];
	for (int i = 0; i < ROWS; i++) {
		if (strcmp(kind, rows[i].kind) != 0) {
			continue;
		}
		if (r->csv.fields < rows[i].least || r->csv.fields > rows[i].most) {
			diag_error(r->d, r->f->file, r->csv.line, "%d fields, expected %s",
				   r->csv.fields, rows[i].expected);
		} else {
			rows[i].take(r);
		}
		return;
	}
	diag_error(r->d, r->f->file, r->csv.line,
		   "\"%.40s\" is no kind of row, expected source, bus, line or transformer", kind);
}

/* Lines hand the voltage of one end on to the other, in as many passes as it takes. */
static void hand_on(struct feeder *f)
{
	bool more = true;
	for (int pass = 0; more && pass < f->buses; pass++) {
		more = false;
		for (int i = 0; i < f->branches; i++) {
			const struct feeder_branch *b = &f->branch[i];
			struct feeder_bus *from = &f->bus[b->from], *to = &f->bus[b->to];
			if (b->tapped || (from->kv == 0) == (to->kv == 0)) {
				continue;
			}
			*(from->kv == 0 ? &from->kv : &to->kv) = fmax(from->kv, to->kv);
			more = true;
		}
	}
}

static void scale_lines(struct reader *r)
{
	struct feeder *f = r->f;
	for (int i = 0; i < f->branches; i++) {
		struct feeder_branch *b = &f->branch[i];
		double kv = f->bus[b->from].kv;
		if (b->tapped || kv == 0) { /* the latter is an island: feeder_check says so */
			continue;
		}
		if (fabs(kv / f->bus[b->to].kv - 1) > 1e-6) {
			diag_error(r->d, f->file, b->line,
				   "a line joins %g kV (bus %s) and %g kV (bus %s), expected a "
				   "transformer",
				   kv, f->bus[b->from].name, f->bus[b->to].kv, f->bus[b->to].name);
			continue;
		}
		double ohm = kv * 1e3 * kv * 1e3 / BASE_VA;
		b->r /= ohm;
		b->x /= ohm;
		b->b *= ohm;
		b->limit_va *= sqrt(3) * kv * 1e3;
	}
}

static void place_source(struct reader *r)
{
	struct feeder *f = r->f;
	if (f->source < 0) {
		return;
	}
	struct feeder_bus *bus = &f->bus[f->source];
	if (bus->kv != 0 && fabs(bus->kv / r->source_kv - 1) > 1e-6) {
		diag_error(r->d, f->file, bus->line,
			   "bus %s has %g kV by the source and %g kV by a transformer, expected "
			   "one voltage",
			   bus->name, r->source_kv, bus->kv);
	}
	bus->kv = r->source_kv;
}

int feeder_read_csv(const char *path, struct feeder *out, struct diag *d)
{
	static const char too_long[] = "the line is too long, expected less than 4096 characters";
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	r->f = out;
	r->d = d;
	int errors = d->errors;
	int got = csv_open(&r->csv, path);
	if (got < 0) {
		free(r);
		return diag_error(d, path, 0, "cannot be read: %s", strerror(-got));
	}
	out->base_va = BASE_VA;
	while ((got = csv_next(&r->csv)) != 0 && got != -EIO) {
		if (got < 0) {
			diag_error(d, path, r->csv.line, "%s",
				   got == -E2BIG ? too_long : csv_wrong(got));
		} else if (r->csv.field[0][0] != '#') {
			take_row(r);
		}
	}
	if (got < 0) {
		diag_error(d, path, 0, "cannot be read: %s", strerror(-got));
	}
	csv_close(&r->csv);
	place_source(r);
	hand_on(out);
	scale_lines(r);
	free(r);
	return d->errors > errors ? -EINVAL : 0;
}
