/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A series of flows as a picture: voltages, load and losses over time. */
#include <math.h>
#include <stdlib.h>

#include "daemon/base/svg.h"
#include "daemon/grid/dso_series_private.h"

/* At most so many slots are drawn; each shows the extremes of its steps. */
enum { SLOTS_MAX = 400 };

struct slots {
	int count;
	double edge_s[SLOTS_MAX + 2];
	double low[SLOTS_MAX + 1], high[SLOTS_MAX + 1];           /* voltages */
	double load_low[SLOTS_MAX + 1], load_high[SLOTS_MAX + 1]; /* kW */
	double loss[SLOTS_MAX + 1], none[SLOTS_MAX + 1];          /* the highest, kW */
	double v_low, v_high, p_low, p_high, loss_high;           /* of all */
};

/* The length of a slot in whole parts of a day or days; 0: each step its own. */
static int64_t slot_length_s(const struct dso_run *r)
{
	static const int parts[] = { 60, 300, 900, 3600, 10800, 21600, 43200, 86400 };
	enum { PARTS = sizeof(parts) / sizeof(*parts) };
	int64_t span_s = r->loads.series.start_s[r->loads.series.rows] - r->loads.series.start_s[0];
	for (int i = 0; r->loads.series.rows > SLOTS_MAX && i < PARTS; i++) {
		if (span_s / parts[i] <= SLOTS_MAX) {
			return parts[i];
		}
	}
	return r->loads.series.rows > SLOTS_MAX ? (span_s / SLOTS_MAX / 86400 + 1) * 86400 : 0;
}

static void add_step(const struct dso_run *r, struct slots *d, int slot, const struct dso_step *s)
{
	double load = dso_kilo(r->c, s->sum.load_p), loss = dso_kilo(r->c, s->sum.loss_p);
	bool first = d->low[slot] == 0;
	d->low[slot] = first ? s->sum.v_min : fmin(d->low[slot], s->sum.v_min);
	d->high[slot] = fmax(d->high[slot], s->sum.v_max);
	d->load_low[slot] = first ? load : fmin(d->load_low[slot], load);
	d->load_high[slot] = first ? load : fmax(d->load_high[slot], load);
	d->loss[slot] = fmax(d->loss[slot], loss);
	d->v_low = fmin(d->v_low, s->sum.v_min);
	d->v_high = fmax(d->v_high, s->sum.v_max);
	d->p_low = fmin(d->p_low, load);
	d->p_high = fmax(d->p_high, load);
	d->loss_high = fmax(d->loss_high, loss);
}

static void fill_slots(const struct dso_run *r, struct slots *d)
{
	int64_t length_s = slot_length_s(r), begin_s = r->loads.series.start_s[0];
	d->v_low = INFINITY;
	d->v_high = -INFINITY;
	int64_t last = -1;
	for (int row = 0; row < r->loads.series.rows; row++) {
		int64_t at_s = r->loads.series.start_s[row];
		int64_t number = length_s ? (at_s - begin_s) / length_s : row;
		if (number != last) {
			last = number;
			d->edge_s[d->count++] = (double)at_s;
		}
		int slot = d->count - 1;
		d->edge_s[slot + 1] = (double)r->loads.series.start_s[row + 1];
		if (r->step[row].solved) {
			add_step(r, d, slot, &r->step[row]);
		}
	}
	for (int i = 0; i < d->count; i++) {
		if (d->low[i] == 0) { /* nothing was solved in it: a band of no height */
			d->low[i] = d->high[i] = d->v_low;
		}
	}
}

static void draw(const struct dso_run *r, const struct slots *d, FILE *file)
{
	static const struct pen band = { "#56B4E9", 0.6, false }, limit = { "#D55E00", 1, true };
	static const struct pen load = { "#0072B2", 0.7, false }, loss = { "#E69F00", 0.7, false };
	const struct feeder_bus *last = &r->c->f.bus[r->c->k.bus[r->c->k.nodes - 1]];
	double margin = fmax((d->v_high - d->v_low) / 20, 0.002);
	struct panel v = { 80, 330, d->v_low - margin, d->v_high + margin };
	struct panel p = { 450, 130, fmin(d->p_low, 0), 1.05 * fmax(d->p_high, 1e-3) };
	struct panel l = { 620, 130, 0, 1.05 * fmax(d->loss_high, 1e-3) };
	struct svg s;
	svg_begin(&s, file, d->edge_s, d->count);
	svg_text(&s, 70, 28, "start", 18, "%s through %d steps of %s", r->c->path,
		 r->loads.series.rows, r->c->series);
	if (r->unsolved) {
		svg_text(&s, 70, 48, "start", 12, "%d of them have no solution", r->unsolved);
	}
	svg_panel(&s, &v, "Lowest to highest voltage", "per unit", false);
	svg_area(&s, &v, d->low, d->high, &band);
	svg_legend(&s, &band, true, "of all buses");
	if (last->v_min > v.low || last->v_max < v.high) {
		if (last->v_min > v.low) {
			svg_level(&s, &v, last->v_min, &limit);
		}
		if (last->v_max < v.high) {
			svg_level(&s, &v, last->v_max, &limit);
		}
		svg_legend(&s, &limit, false, "limit");
	}
	svg_panel(&s, &p, "Load", "kW", false);
	if (d->count < r->loads.series.rows) {
		svg_area(&s, &p, d->load_low, d->load_high, &load);
		svg_legend(&s, &load, true, "lowest to highest");
	} else {
		svg_steps(&s, &p, d->load_high, &load);
	}
	svg_panel(&s, &l, "Losses", "kW", true);
	svg_area(&s, &l, d->none, d->loss, &loss);
	svg_end(&s);
}

int dso_series_plot(const struct dso_run *r)
{
	struct slots *d = calloc(1, sizeof(*d));
	FILE *file = d ? dso_open(r->c->plot) : NULL;
	if (d && r->unsolved < r->loads.series.rows) {
		fill_slots(r, d);
	}
	if (file && d->count) {
		draw(r, d, file);
	}
	free(d);
	return file ? dso_close(file, r->c->plot) : DSO_FAILED;
}
