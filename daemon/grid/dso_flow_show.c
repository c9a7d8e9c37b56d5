/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One flow as a JSON object, and bus by bus. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json_out.h"
#include "daemon/grid/dso_flow_private.h"
#include "daemon/grid/lindistflow.h"
#include "daemon/grid/sensitivity.h"

/* LinDistFlow of the same loads, and how far it is off. */
static void put_linear(const struct dso_flow *c, const struct summary *sum, struct json_out *o)
{
	int n = c->k.nodes, lowest = 0;
	double *v = calloc(3 * (size_t)n, sizeof(*v)), off = 0;
	if (!v) {
		return;
	}
	double *p = v + n, *q = p + n;
	lindistflow(&c->k, dso_source_v(c), c->p, c->q, v, p, q);
	for (int i = 0; i < n; i++) {
		lowest = v[i] < v[lowest] ? i : lowest;
		off = fmax(off, fabs(v[i] - flow_voltage(&c->s, &c->k, i)));
	}
	double loss = lindistflow_loss(&c->k, p, q);
	json_open_object(o, "linear");
	json_put_number(o, "v_min", v[lowest], 8);
	json_put_text(o, "v_min_bus", dso_bus(c, lowest));
	json_put_number(o, "v_error", off, 8);
	json_put_number(o, "loss_kw", dso_kilo(c, loss), 6);
	json_put_number(o, "loss_error_kw", dso_kilo(c, loss - sum->loss_p), 6);
	json_close(o);
	free(v);
}

void dso_flow_print(const struct dso_flow *c)
{
	char text[1024];
	struct json_out o;
	struct summary sum;
	summary_make(&sum, &c->s, &c->k, &c->f, c->p, c->q);
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_number(&o, "load_kw", dso_kilo(c, sum.load_p), 6);
	json_put_number(&o, "load_kvar", dso_kilo(c, sum.load_q), 6);
	json_put_number(&o, "loss_kw", dso_kilo(c, sum.loss_p), 6);
	json_put_number(&o, "loss_kvar", dso_kilo(c, sum.loss_q), 6);
	json_put_number(&o, "source_kw", dso_kilo(c, sum.source_p), 6);
	json_put_number(&o, "source_kvar", dso_kilo(c, sum.source_q), 6);
	json_put_number(&o, "v_min", sum.v_min, 8);
	json_put_text(&o, "v_min_bus", dso_bus(c, sum.lowest));
	json_put_number(&o, "v_max", sum.v_max, 8);
	json_put_text(&o, "v_max_bus", dso_bus(c, sum.highest));
	json_put_integer(&o, "buses_outside", sum.outside);
	json_put_integer(&o, "overloads", sum.overloads);
	json_put_integer(&o, "iterations", c->s.sweeps);
	if (c->linear) {
		put_linear(c, &sum, &o);
	}
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

/* What is written of the sensitivities, by node; NULL: not asked for. */
struct columns {
	double *loss_p, *loss_q, *v_p, *v_q;
};

static void write_bus(const struct dso_flow *c, const struct columns *d, int n, FILE *file)
{
	const struct feeder_bus *bus = &c->f.bus[c->k.bus[n]];
	double p, q, current_a = 0;
	flow_through(&c->s, n, &p, &q);
	if (bus->kv > 0) {
		current_a = hypot(c->s.i[n].re, c->s.i[n].im) / c->k.scale[n] * c->f.base_va /
			    (sqrt(3) * bus->kv * 1e3);
	}
	fprintf(file, "%s,%.8f,%.6f,%.6f,%.6f,%s,%.6f,%.6f,%.4f,%.6f,%.6f", bus->name,
		flow_voltage(&c->s, &c->k, n), atan2(c->s.v[n].im, c->s.v[n].re) * 180 / M_PI,
		dso_kilo(c, c->p[n]), dso_kilo(c, c->q[n]),
		n ? c->f.bus[c->k.bus[c->k.parent[n]]].name : "", dso_kilo(c, p), dso_kilo(c, q),
		current_a, d->loss_p[n], d->loss_q[n]);
	if (d->v_p) { /* per unit of base_va -> per MW, and of what is fed in */
		double mega = -1e6 / c->f.base_va;
		fprintf(file, ",%.8f,%.8f", mega * d->v_p[n], mega * d->v_q[n]);
	}
	putc('\n', file);
}

/* The losses of one more kW or kvar of load at each bus, and how a bus's voltage moves. Returns 0
 * or the exit code. */
static int find_sensitivities(const struct dso_flow *c, struct columns *d)
{
	struct sensitivity a;
	int code = 0, bus = c->sensitivity ? feeder_find(&c->f, c->sensitivity) : 0;
	if (bus < 0) {
		fprintf(stderr, "lec-dso flow: --sensitivity: %s has no bus \"%s\"\n", c->path,
			c->sensitivity);
		return DSO_USAGE;
	}
	if (sensitivity_init(&a, &c->k) < 0) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	sensitivity_at(&a, &c->s, c->p, c->q);
	int r = sensitivity_loss(&a, &c->s, &c->k, d->loss_p, d->loss_q);
	if (r == 0 && c->sensitivity) {
		r = sensitivity_voltage(&a, &c->s, &c->k, c->k.node[bus], d->v_p, d->v_q);
	}
	if (r < 0) {
		fprintf(stderr, "%s: no sensitivities: the feeder is about to collapse\n", c->path);
		code = DSO_FAILED;
	}
	sensitivity_free(&a);
	return code;
}

int dso_flow_write(const struct dso_flow *c)
{
	size_t n = (size_t)c->k.nodes;
	double *room = calloc(4 * n, sizeof(*room));
	struct columns d = { .loss_p = room, .loss_q = room + n };
	if (c->sensitivity) {
		d.v_p = room + 2 * n;
		d.v_q = room + 3 * n;
	}
	int code = room ? find_sensitivities(c, &d) : DSO_FAILED;
	FILE *file = code ? NULL : dso_open(c->out);
	code = code ? code : file ? 0 : DSO_FAILED;
	if (file) {
		fputs("bus,v_pu,angle_deg,load_kw,load_kvar,from,through_kw,through_kvar,current_a,"
		      "loss_per_kw,loss_per_kvar",
		      file);
		fputs(c->sensitivity ? ",dv_per_mw,dv_per_mvar\n" : "\n", file);
		for (int bus = 0; bus < c->f.buses; bus++) {
			write_bus(c, &d, c->k.node[bus], file);
		}
		code = dso_close(file, c->out);
	}
	free(room);
	return code;
}
