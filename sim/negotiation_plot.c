/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A negotiation as a picture. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/scale.h"
#include "daemon/base/svg.h"
#include "sim/negotiation_report.h"

enum { RESIDUALS_TOP = 72, RESIDUALS = 130, SOURCE_TOP = 262, SOURCE = 140 };
enum { LOW_TOP = 432, LOW = 90, PRICE_TOP = 552, PRICE = 200 };
enum { SHADES = 6 };

static const struct pen with = { "#0072B2", 1, false }, alone = { "#D55E00", 1, false };
static const struct pen limit = { "#CC3311", 1, true };

/* Light to dark, readable without colours too. */
static const unsigned char shade[SHADES][3] = { { 247, 251, 255 }, { 208, 225, 242 },
						{ 148, 196, 223 }, { 74, 152, 201 },
						{ 23, 100, 171 },  { 8, 48, 107 } };

/* The colour of a part 0..1 of the range: "#0a1b2c". */
static void colour_of(double part, char out[8])
{
	double at = fmin(fmax(part, 0), 1) * (SHADES - 1);
	int from = (int)fmin(at, SHADES - 2);
	int mixed[3];
	for (int i = 0; i < 3; i++) {
		mixed[i] =
			(int)(shade[from][i] + (at - from) * (shade[from + 1][i] - shade[from][i]));
	}
	snprintf(out, 8, "#%02x%02x%02x", mixed[0] & 255, mixed[1] & 255, mixed[2] & 255);
}

/* An end of an axis that is not far beyond the value. */
static double axis_end(double value)
{
	double step = scale_round_up(value, 1) / 10;
	return ceil(value / step) * step;
}

/* Residuals over what they must come down to, as powers of ten. */
static int draw_residuals(struct svg *s, const struct negotiation_report *r)
{
	double *edge = calloc(3 * (size_t)r->rounds + 3, sizeof(*edge));
	if (!edge) {
		return -ENOMEM;
	}
	double *primal = edge + r->rounds + 1, *dual = primal + r->rounds;
	struct panel p = { RESIDUALS_TOP, RESIDUALS, -1, 1 };
	for (int i = 0; i < r->rounds; i++) {
		const struct negotiation_round *n = &r->round[i];
		edge[i + 1] = i + 1;
		primal[i] = log10(fmax(n->primal / n->primal_most, 1e-6));
		dual[i] = log10(fmax(n->dual / n->dual_most, 1e-6));
		p.high = fmax(p.high, ceil(fmax(primal[i], dual[i])));
		p.low = fmin(p.low, floor(fmin(primal[i], dual[i])));
	}
	s->edge_s = edge;
	s->slots = r->rounds;
	s->numbers = true;
	svg_panel(s, &p, "Residuals over rounds", "powers of ten of what is agreed at", true);
	svg_level(s, &p, 0, &limit);
	svg_curve(s, &p, primal, &with);
	svg_curve(s, &p, dual, &alone);
	svg_legend(s, &with, false, "primal: net powers");
	svg_legend(s, &alone, false, "dual: prices");
	svg_legend(s, &limit, false, "agreed below");
	free(edge);
	return 0;
}

static void draw_source(struct svg *s, const struct negotiation_report *r)
{
	double high = 0, low = 0;
	for (int t = 0; t < r->w->steps; t++) {
		high = fmax(high, fmax(r->source_kw[t], r->source_alone_kw[t]));
		low = fmin(low, fmin(r->source_kw[t], r->source_alone_kw[t]));
	}
	struct panel p = { SOURCE_TOP, SOURCE, low < 0 ? -axis_end(-low) : 0, axis_end(high) };
	svg_panel(s, &p, "Net load of the feeder", "kW", false);
	svg_steps(s, &p, r->source_alone_kw, &alone);
	svg_steps(s, &p, r->source_kw, &with);
	svg_legend(s, &alone, false, "each alone");
	svg_legend(s, &with, false, "as agreed");
}

static void draw_low(struct svg *s, const struct negotiation_report *r)
{
	double low = r->w->conf->v_min, high = low;
	for (int t = 0; t < r->w->steps; t++) {
		low = fmin(low, fmin(r->low[t], r->low_alone[t]));
		high = fmax(high, fmax(r->low[t], r->low_alone[t]));
	}
	struct panel p = { LOW_TOP, LOW, floor(low * 100) / 100, ceil(high * 100) / 100 };
	svg_panel(s, &p, "Lowest voltage", "per unit", false);
	svg_level(s, &p, r->w->conf->v_min, &limit);
	svg_steps(s, &p, r->low_alone, &alone);
	svg_steps(s, &p, r->low, &with);
	svg_legend(s, &alone, false, "each alone");
	svg_legend(s, &with, false, "as agreed");
	svg_legend(s, &limit, false, "limit");
}

/* A row for each bus, in the file's order. */
static void draw_prices(struct svg *s, const struct negotiation_report *r)
{
	const struct network *k = &r->w->k;
	struct panel p = { PRICE_TOP, PRICE, 0, k->nodes };
	double low = INFINITY, high = -INFINITY;
	for (long i = 0; i < (long)r->w->steps * k->nodes; i++) {
		low = fmin(low, r->map[i]);
		high = fmax(high, r->map[i]);
	}
	double wide = fmax(high - low, 1e-9);
	svg_panel(s, &p, "Price at each bus", "buses in the order of the file", true);
	for (int t = 0; t < r->w->steps; t++) {
		for (int bus = 0; bus < k->nodes; bus++) {
			double price = r->map[(long)t * k->nodes + k->node[bus]];
			char colour[8];
			colour_of((price - low) / wide, colour);
			svg_cell(s, &p, s->edge_s[t], s->edge_s[t + 1], bus, bus + 1, colour);
		}
	}
	for (int i = 0; i < SHADES; i++) {
		char words[32], colour[8];
		struct pen pen = { colour, 1, false };
		colour_of((double)i / (SHADES - 1), colour);
		snprintf(words, sizeof(words), "%.4f", low + wide * i / (SHADES - 1));
		svg_legend(s, &pen, true, words);
	}
	svg_text(s, SVG_WIDTH - 176, s->legend_y, "start", 12, "%s per kWh",
		 r->w->conf->tariff.currency);
}

int negotiation_report_plot(const struct negotiation_report *r, FILE *to)
{
	struct svg s;
	double *edge_s = calloc((size_t)r->w->steps + 1, sizeof(*edge_s));
	if (!edge_s) {
		return -ENOMEM;
	}
	for (int t = 0; t <= r->w->steps; t++) {
		edge_s[t] = (double)r->w->start_s + t * r->w->conf->step_s;
	}
	svg_begin(&s, to, edge_s, r->w->steps);
	svg_text(&s, 70, 28, "start", 18, "%d prosumers on %s: %s in %d rounds", r->w->homes,
		 r->w->conf->feeder, r->agreed ? "agreed" : "not agreed", r->rounds);
	svg_text(&s, 70, 46, "start", 12, "the market pays %.2f %s, %.2f if each acts alone",
		 r->with.wholesale, r->w->conf->tariff.currency, r->alone.wholesale);
	int e = draw_residuals(&s, r);
	s.edge_s = edge_s;
	s.slots = r->w->steps;
	s.numbers = false;
	draw_source(&s, r);
	draw_low(&s, r);
	draw_prices(&s, r);
	svg_end(&s);
	free(edge_s);
	return e;
}
