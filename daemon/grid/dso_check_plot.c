/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prices over bus and time: a row of cells for each bus, in the feeder's order, its colour the
 * price; below it the dearest and the cheapest bus beside the energy's price. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/svg.h"
#include "daemon/grid/dso_check_private.h"
#include "daemon/grid/dso_options.h"

enum { TOP = 70, HEIGHT = 480, LINE_TOP = 590, LINE_HEIGHT = 150, NAMES_MAX = 24, COLOURS = 5 };

/* From cheap to dear. */
static const double stops[COLOURS][3] = {
	{ 68, 1, 84 }, { 59, 82, 139 }, { 33, 145, 140 }, { 94, 201, 98 }, { 253, 231, 37 },
};

struct picture {
	const struct price_map *m;
	struct svg svg;
	double low, high; /* of all prices */
	double *cheap, *dear, *energy;
};

static double price_at(const struct price_map *m, int interval, int bus)
{
	const struct permit_price *p = &m->price[interval * m->f->buses + bus];
	return p->energy + p->loss + p->congestion + p->voltage;
}

static void colour_of(double part, char out[8])
{
	double at = fmin(fmax(part, 0), 1) * (COLOURS - 1);
	int i = at >= COLOURS - 1 ? COLOURS - 2 : (int)at;
	int rgb[3];
	for (int k = 0; k < 3; k++) {
		rgb[k] = (int)lround(stops[i][k] + (at - i) * (stops[i + 1][k] - stops[i][k]));
	}
	snprintf(out, 8, "#%02X%02X%02X", (unsigned)rgb[0] & 255, (unsigned)rgb[1] & 255,
		 (unsigned)rgb[2] & 255);
}

static void measure(struct picture *p)
{
	const struct price_map *m = p->m;
	p->low = INFINITY;
	p->high = -INFINITY;
	for (int t = 0; t < m->intervals; t++) {
		p->cheap[t] = INFINITY;
		p->dear[t] = -INFINITY;
		p->energy[t] = m->price[t * m->f->buses].energy;
		for (int bus = 0; bus < m->f->buses; bus++) {
			p->cheap[t] = fmin(p->cheap[t], price_at(m, t, bus));
			p->dear[t] = fmax(p->dear[t], price_at(m, t, bus));
		}
		p->low = fmin(p->low, p->cheap[t]);
		p->high = fmax(p->high, p->dear[t]);
	}
	double least = fmax(1e-6, 1e-3 * fabs(p->high)); /* all alike is one colour, not noise */
	if (p->high - p->low < least) {
		p->high = p->low + least;
	}
}

static void draw_cells(struct picture *p)
{
	const struct price_map *m = p->m;
	struct panel panel = { TOP, HEIGHT, 0, m->f->buses };
	char colour[8];
	p->svg.bare = true; /* buses have names, not values */
	svg_panel(&p->svg, &panel, "Price at each bus", "per kWh", false);
	p->svg.bare = false;
	for (int t = 0; t < m->intervals; t++) {
		for (int bus = 0; bus < m->f->buses; bus++) {
			double top = m->f->buses - bus; /* the first bus on top */
			colour_of((price_at(m, t, bus) - p->low) / (p->high - p->low), colour);
			svg_cell(&p->svg, &panel, m->edge_s[t], m->edge_s[t + 1], top - 1, top,
				 colour);
		}
	}
	int every = (m->f->buses + NAMES_MAX - 1) / NAMES_MAX;
	for (int bus = 0; bus < m->f->buses; bus += every) {
		double y = TOP + HEIGHT * (bus + 0.5) / m->f->buses + 4;
		svg_text(&p->svg, 64, y, "end", 11, "%s", m->f->bus[bus].name);
	}
	for (int i = 2 * (COLOURS - 1); i >= 0; i--) {
		char text[32];
		double part = i / (2.0 * (COLOURS - 1));
		colour_of(part, colour);
		struct pen pen = { colour, 1, false };
		snprintf(text, sizeof(text), "%.4f", p->low + part * (p->high - p->low));
		svg_legend(&p->svg, &pen, true, text);
	}
}

static void draw_lines(struct picture *p)
{
	static const struct pen band = { "#56B4E9", 0.5, false }, energy = { "#222222", 1, false };
	double margin = (p->high - p->low) / 15;
	double low = fmin(p->low, p->energy[0]), high = p->high;
	for (int t = 0; t < p->m->intervals; t++) {
		low = fmin(low, p->energy[t]);
		high = fmax(high, p->energy[t]);
	}
	struct panel panel = { LINE_TOP, LINE_HEIGHT, low - margin, high + margin };
	svg_panel(&p->svg, &panel, "Cheapest to dearest bus", "per kWh", true);
	svg_area(&p->svg, &panel, p->cheap, p->dear, &band);
	svg_steps(&p->svg, &panel, p->energy, &energy);
	svg_legend(&p->svg, &band, true, "all buses");
	svg_legend(&p->svg, &energy, false, "energy alone");
}

static void draw(struct picture *p, FILE *file)
{
	measure(p);
	svg_begin(&p->svg, file, p->m->edge_s, p->m->intervals);
	svg_text(&p->svg, 70, 28, "start", 18,
		 "%s: price of a kWh over bus and time, %.4f to %.4f %s", p->m->f->file, p->low,
		 p->high, p->m->currency);
	draw_cells(p);
	draw_lines(p);
	svg_end(&p->svg);
}

int dso_check_plot(const struct price_map *m, const char *path)
{
	size_t n = (size_t)m->intervals;
	struct picture p = { .m = m, .cheap = calloc(3 * n, sizeof(double)) };
	FILE *file = p.cheap ? dso_open(path) : NULL;
	if (!p.cheap) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
	}
	if (!file) {
		free(p.cheap);
		return DSO_FAILED;
	}
	p.dear = p.cheap + n;
	p.energy = p.dear + n;
	draw(&p, file);
	free(p.cheap);
	return dso_close(file, path);
}
