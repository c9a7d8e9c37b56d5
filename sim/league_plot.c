/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two pictures. Lines: the communities in a circle, what went over each line as an arrow, and how
 * far apart the ends were from round to round. Homes: traded energy and its price beside the
 * pool's. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/svg.h"
#include "sim/league_report.h"

enum { CENTRE_X = 480, CENTRE_Y = 305, RADIUS = 195, ROUNDS_TOP = 610, ROUNDS_HEIGHT = 140 };
static const double widest = 9; /* pixels */
static const char *const gives = "#E69F00", *const takes = "#56B4E9", *const neither = "#DDDDDD";

struct place {
	double x, y, angle;
};

static struct place place_of(const struct league_result *r, int member)
{
	double angle = 2 * M_PI * member / r->conf->communities - M_PI / 2;
	return (struct place){ CENTRE_X + 1.5 * RADIUS * cos(angle), CENTRE_Y + RADIUS * sin(angle),
			       angle };
}

/* --- the graph ----------------------------------------------------------------------------------
 */

/* What went over a line from b to a in the end, kWh. */
static double net_of(const struct league_result *r, int line)
{
	double kwh = 0;
	for (int t = 0; t < r->conf->league.steps; t++) {
		kwh += (double)r->lines->book[line].end[0].taken_mwh[t] / 1e6;
	}
	return r->lines->settled.line[line].counts ? kwh : 0;
}

static void draw_line(struct svg *s, const struct league_result *r, int k, double most)
{
	const struct league_line *l = &r->conf->league.line[k];
	double kwh = net_of(r, k), traded = (double)r->lines->settled.line[k].traded_mwh / 1e6;
	struct place from = place_of(r, kwh > 0 ? l->b : l->a);
	struct place to = place_of(r, kwh > 0 ? l->a : l->b);
	if (traded <= 0) {
		svg_arrow(s, from.x, from.y, to.x, to.y, 0.7, "#BBBBBB");
		return;
	}
	/* As wide as what went either way; the arrow is the way more of it went. */
	svg_arrow(s, from.x, from.y, to.x, to.y, 1 + widest * traded / most, "#999999");
	svg_text(s, (from.x + to.x) / 2 + 12, (from.y + to.y) / 2 - 8, "start", 11, "%.0f", traded);
}

static void draw_member(struct svg *s, const struct league_result *r, int i)
{
	struct place p = place_of(r, i);
	double kwh = (double)r->lines->settled.member[i].taken_mwh / 1e6;
	svg_disc(s, p.x, p.y, 11, kwh < -0.5 ? gives : kwh > 0.5 ? takes : neither);
	double x = p.x + 19 * cos(p.angle), y = p.y + 29 * sin(p.angle) + 4;
	const char *anchor = fabs(cos(p.angle)) < 0.1 ? "middle"
			     : cos(p.angle) > 0       ? "start"
						      : "end";
	svg_text(s, x, y - 6, anchor, 13, "%s", r->conf->community[i].name);
	svg_text(s, x, y + 8, anchor, 11, r->lines->member[i].gone ? "gone" : "%+.0f kWh", kwh);
}

static void draw_graph(struct svg *s, const struct league_result *r)
{
	double most = 1e-9;
	for (int k = 0; k < r->conf->league.lines; k++) {
		most = fmax(most, (double)r->lines->settled.line[k].traded_mwh / 1e6);
	}
	for (int k = 0; k < r->conf->league.lines; k++) {
		draw_line(s, r, k, most);
	}
	for (int i = 0; i < r->conf->communities; i++) {
		draw_member(s, r, i);
	}
	const struct pen pens[] = { { gives, 1, false },
				    { takes, 1, false },
				    { neither, 1, false } };
	s->legend_y = 80;
	svg_legend(s, &pens[0], true, "gives in all");
	svg_legend(s, &pens[1], true, "takes in all");
	svg_legend(s, &pens[2], true, "neither");
	svg_legend(s, &(struct pen){ "#999999", 1, false }, false, "kWh over a line,");
	svg_text(s, 1046, s->legend_y, "start", 12, "arrow: more of it");
}

/* --- rounds -------------------------------------------------------------------------------------
 */

static void draw_rounds(struct svg *s, const struct league_result *r, const double *power)
{
	static const struct pen residual = { "#0072B2", 1, false }, level = { "#D55E00", 1, true };
	double goal = log10(r->conf->tolerance_w), low = goal, high = goal;
	for (int64_t n = 0; n < r->lines->rounds;
	     n++) { /* NaN, not all were heard, is passed over */
		low = fmin(low, power[n]);
		high = fmax(high, power[n]);
	}
	struct panel p = { ROUNDS_TOP, ROUNDS_HEIGHT, low - 0.3, high + 0.3 };
	s->numbers = true;
	svg_panel(s, &p, "How far the two ends of any line are apart, over the rounds",
		  "log10 of W", true);
	svg_steps(s, &p, power, &residual);
	svg_level(s, &p, goal, &level);
	svg_legend(s, &residual, false, "residual");
	svg_legend(s, &level, false, "tolerance");
}

static int plot_lines(FILE *to, const struct league_result *r)
{
	size_t rounds = (size_t)r->lines->rounds;
	double *edge = calloc(2 * rounds + 1, sizeof(*edge));
	struct svg s;
	if (!edge) {
		return -ENOMEM;
	}
	double *power = edge + rounds + 1;
	for (size_t n = 0; n <= rounds; n++) {
		edge[n] = (double)n;
		if (n < rounds) {
			double w = r->lines->residual[n] * 1000;
			power[n] = isfinite(w) ? log10(fmax(w, 1e-3)) : NAN;
		}
	}
	svg_begin(&s, to, edge, (int)rounds);
	svg_text(&s, 70, 28, "start", 18, "%s, %s: %.2f %s, %.2f alone, %.2f at best",
		 r->conf->path, frameworks[r->conf->framework], r->lines->cost,
		 r->conf->tariff.currency, r->lines->alone, r->central);
	draw_graph(&s, r);
	draw_rounds(&s, r, power);
	svg_end(&s);
	free(edge);
	return ferror(to) ? -EIO : 0;
}

/* --- homes --------------------------------------------------------------------------------------
 */

static void draw_pair(struct svg *s, struct panel *p, const char *title, const char *unit,
		      const double *own, const double *pool, int steps)
{
	static const struct pen pens[] = { { "#0072B2", 1, false }, { "#D55E00", 1, true } };
	for (int t = 0; t < steps; t++) {
		p->high = fmax(p->high, 1.1 * fmax(own[t], pool[t])); /* NaN is passed over */
	}
	svg_panel(s, p, title, unit, true);
	svg_steps(s, p, own, &pens[0]);
	svg_steps(s, p, pool, &pens[1]);
	svg_legend(s, &pens[0], false, "bilateral");
	svg_legend(s, &pens[1], false, "pool");
}

static int plot_peers(FILE *to, const struct league_result *r)
{
	double edge_s[LEAGUE_STEPS_MAX + 1];
	int steps = r->conf->league.steps;
	struct panel energy = { 80, 300, 0, 1e-3 }, price = { 440, 300, 0, 1e-3 };
	struct svg s;
	for (int t = 0; t <= steps; t++) {
		edge_s[t] = (double)r->conf->start_s + t * r->conf->step_s;
	}
	svg_begin(&s, to, edge_s, steps);
	svg_text(&s, 70, 28, "start", 18,
		 "%s, p2p: %.2f %s, %.2f alone, %.2f in a pool, %.2f at best", r->conf->path,
		 r->peers->cost, r->conf->tariff.currency, r->peers->alone, r->pool->cost,
		 r->central);
	draw_pair(&s, &energy, "Traded", "kW", r->peers->traded_kw, r->pool->traded_kw, steps);
	draw_pair(&s, &price, "Mean price", "per kWh", r->peers->price, r->pool->price, steps);
	svg_end(&s);
	return ferror(to) ? -EIO : 0;
}

int league_plot(FILE *to, const struct league_result *r)
{
	return r->lines ? plot_lines(to, r) : plot_peers(to, r);
}
