/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Voltages along the feeder as a picture: each branch a line from its parent to its node, as many
 * steps to the right as it is branches away from the source. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/svg.h"
#include "daemon/grid/dso_flow_private.h"

enum { TOP = 80, HEIGHT = 640, MARGIN = 20 }; /* the last a part of the range */
enum { WORD_HEIGHT = 12, NAMES_SIZE = 128 };

struct profile {
	const struct dso_flow *c;
	int *depth;    /* branches from the source, by node */
	bool *inner;   /* something hangs on it */
	double *after; /* voltages */
	double *edge;
	int deepest;
	struct svg svg;
	struct panel panel;
};

static void measure(struct profile *p)
{
	const struct network *k = &p->c->k;
	double low = INFINITY, high = -INFINITY;
	for (int n = 0; n < k->nodes; n++) {
		p->depth[n] = n ? p->depth[k->parent[n]] + 1 : 0;
		p->deepest = p->depth[n] > p->deepest ? p->depth[n] : p->deepest;
		p->after[n] = flow_voltage(&p->c->s, k, n);
		if (n) {
			p->inner[k->parent[n]] = true;
		}
		double before = p->c->v_before[n] > 0 ? p->c->v_before[n] : p->after[n];
		low = fmin(low, fmin(p->after[n], before));
		high = fmax(high, fmax(p->after[n], before));
	}
	double margin = fmax((high - low) / MARGIN, 0.002);
	p->panel = (struct panel){ TOP, HEIGHT, low - margin, high + margin };
}

/* The voltage limits that most buses have, where they are in sight. */
static void draw_limits(struct profile *p)
{
	static const struct pen pen = { "#D55E00", 1, true };
	const struct feeder_bus *bus = &p->c->f.bus[p->c->k.bus[p->c->k.nodes - 1]];
	double limit[] = { bus->v_min, bus->v_max };
	bool seen = false;
	for (int i = 0; i < 2; i++) {
		if (limit[i] > p->panel.low && limit[i] < p->panel.high) {
			svg_level(&p->svg, &p->panel, limit[i], &pen);
			seen = true;
		}
	}
	if (seen) {
		svg_legend(&p->svg, &pen, false, "voltage limit");
	}
}

static void draw_tree(struct profile *p, const double *v, const struct pen *pen)
{
	const struct network *k = &p->c->k;
	for (int n = 1; n < k->nodes; n++) {
		int up = k->parent[n];
		svg_segment(&p->svg, &p->panel, p->depth[up], v[up], p->depth[n], v[n], pen);
	}
}

/* Whether both are ends of the feeder whose names would lie on each other. */
static bool overlap(const struct profile *p, int a, int b)
{
	double near = (p->panel.high - p->panel.low) * WORD_HEIGHT / HEIGHT;
	return !p->inner[a] && !p->inner[b] && p->depth[a] == p->depth[b] &&
	       fabs(p->after[a] - p->after[b]) < near;
}

/* The name of an end with those of later ones that would lie on it; NULL: it has none to itself. */
static const char *names_of(const struct profile *p, int n, char out[NAMES_SIZE])
{
	const struct network *k = &p->c->k;
	bool own = !p->inner[n];
	for (int m = 1; own && m < n; m++) {
		own = !overlap(p, m, n);
	}
	if (!own) {
		return NULL;
	}
	snprintf(out, NAMES_SIZE, "%s", p->c->f.bus[k->bus[n]].name);
	for (int m = n + 1; m < k->nodes; m++) {
		size_t length = strlen(out);
		if (overlap(p, m, n)) {
			snprintf(out + length, NAMES_SIZE - length, ", %s",
				 p->c->f.bus[k->bus[m]].name);
		}
	}
	return out;
}

/* The ends of the feeder by their names; buses outside their limits as red dots. */
static void draw_names(struct profile *p)
{
	static const struct pen fine = { "#0072B2", 1, false }, bad = { "#D55E00", 1, false };
	const struct network *k = &p->c->k;
	char names[NAMES_SIZE];
	bool outside = false;
	for (int n = 1; n < k->nodes; n++) {
		const struct feeder_bus *bus = &p->c->f.bus[k->bus[n]];
		bool out = p->after[n] < bus->v_min || p->after[n] > bus->v_max;
		const char *name = names_of(p, n, names);
		outside |= out;
		if (out || !p->inner[n]) {
			svg_dot(&p->svg, &p->panel, p->depth[n], p->after[n], out ? &bad : &fine,
				name);
		}
	}
	if (outside) {
		svg_legend(&p->svg, &bad, false, "outside its limits");
	}
}

static void draw(struct profile *p)
{
	static const struct pen before = { "#AAAAAA", 1, false }, after = { "#0072B2", 1, false };
	const struct dso_flow *c = p->c;
	struct summary sum;
	bool changed = false;
	summary_make(&sum, &c->s, &c->k, &c->f, c->p, c->q);
	for (int n = 0; n < c->k.nodes; n++) {
		changed |= c->v_before[n] > 0 && fabs(c->v_before[n] - p->after[n]) > 1e-9;
	}
	p->svg.numbers = true;
	svg_text(&p->svg, 70, 28, "start", 18, "%s: %.5f at bus %s to %.5f at bus %s", c->path,
		 sum.v_min, dso_bus(c, sum.lowest), sum.v_max, dso_bus(c, sum.highest));
	svg_text(&p->svg, 70, 48, "start", 12,
		 "%.1f kW of load, %.1f kW lost, %.1f kW from the source", dso_kilo(c, sum.load_p),
		 dso_kilo(c, sum.loss_p), dso_kilo(c, sum.source_p));
	svg_panel(&p->svg, &p->panel, "Voltage along the feeder", "per unit", true);
	if (changed) {
		draw_tree(p, c->v_before, &before);
		svg_legend(&p->svg, &before, false, "as in its file");
	}
	draw_tree(p, p->after, &after);
	svg_legend(&p->svg, &after, false, changed ? "with the options" : "voltage");
	draw_limits(p);
	draw_names(p);
	svg_text(&p->svg, 70, TOP + HEIGHT + 45, "start", 12,
		 "branches from the source; names: where a lateral ends");
}

static void draw_file(struct profile *p, FILE *file)
{
	measure(p);
	for (int i = 0; i <= p->deepest; i++) {
		p->edge[i] = i;
	}
	svg_begin(&p->svg, file, p->edge, p->deepest);
	draw(p);
	svg_end(&p->svg);
}

int dso_profile(const struct dso_flow *c)
{
	size_t n = (size_t)c->k.nodes;
	double *after = calloc(2 * n + 1, sizeof(*after));
	int *depth = calloc(n, sizeof(*depth));
	bool *inner = calloc(n, sizeof(*inner));
	bool room = after && depth && inner;
	int code = DSO_FAILED;
	FILE *file = room ? dso_open(c->plot) : NULL;
	if (!room) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
	}
	if (file) {
		struct profile p = {
			.c = c, .depth = depth, .inner = inner, .after = after, .edge = after + n
		};
		draw_file(&p, file);
		code = dso_close(file, c->plot);
	}
	free(after);
	free(depth);
	free(inner);
	return code;
}
