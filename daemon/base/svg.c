/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/svg.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/scale.h"
#include "daemon/base/tariff.h"

enum { LEFT = 70, RIGHT = 190, HOUR_S = 3600, QUARTER_S = 900, DAY_S = 86400, VALUES_MAX = 24 };

static double x_of(const struct svg *s, double at_s)
{
	double from_s = s->edge_s[0], to_s = s->edge_s[s->slots];
	return LEFT + (at_s - from_s) / (to_s - from_s) * (SVG_WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *p, double value)
{
	double part = (value - p->low) / (p->high - p->low);
	return p->top + p->height * (1 - fmin(fmax(part, 0), 1));
}

void svg_begin(struct svg *s, FILE *file, const double *edge_s, int slots)
{
	svg_begin_of(s, file, edge_s, slots, SVG_HEIGHT);
}

void svg_begin_of(struct svg *s, FILE *file, const double *edge_s, int slots, int height)
{
	*s = (struct svg){ .file = file, .slots = slots, .edge_s = edge_s };
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" font-family=\"sans-serif\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		SVG_WIDTH, height, SVG_WIDTH, height);
}

void svg_end(struct svg *s)
{
	fputs("</svg>\n", s->file);
}

void svg_text(struct svg *s, double x, double y, const char *anchor, int size, const char *format,
	      ...)
{
	char text[200];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(s->file,
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\" fill=\"#222\">", x,
		y, anchor, size);
	for (const char *c = text; *c; c++) {
		if (*c == '<' || *c == '>' || *c == '&') {
			fprintf(s->file, "&#%d;", *c);
		} else {
			fputc((unsigned char)*c < ' ' ? '?' : *c, s->file);
		}
	}
	fputs("</text>\n", s->file);
}

static void line(struct svg *s, double x1, double y1, double x2, double y2, const char *colour)
{
	fprintf(s->file, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
		x1, y1, x2, y2, colour);
}

/* --- axes ---------------------------------------------------------------------------------------
 */

/* The hours between two words below the axis, for that many hours in all. */
static int hours_between(double hours)
{
	static const int steps[] = { 1, 2, 3, 6, 12, 24 };
	int i = 0;
	while (i < 5 && hours / steps[i] > 16) {
		i++;
	}
	return steps[i];
}

/* Over weeks and years: the local midnights that are marked, as dates; the first of each month
 * where that is often enough. */
static void put_dates(struct svg *s, const struct panel *p, bool words)
{
	int64_t from_s = (int64_t)s->edge_s[0], to_s = (int64_t)s->edge_s[s->slots];
	int every = (int)((to_s - from_s) / DAY_S / 10) + 1, day = 0;
	for (int64_t at_s = from_s - timezone_day_second(from_s); at_s <= to_s;
	     at_s += DAY_S, day++) {
		char date[ISOTIME_SIZE];
		isotime_format(at_s + timezone_offset_s(at_s) + 3600, date);
		bool marked = every > 20 ? strncmp(date + 8, "01", 2) == 0 : day % every == 0;
		if (!marked || at_s < from_s) {
			continue;
		}
		double x = x_of(s, (double)at_s);
		line(s, x, p->top, x, p->top + p->height, "#e4e4e4");
		if (words && x < SVG_WIDTH - RIGHT - 30) {
			svg_text(s, x, p->top + p->height + 15, "middle", 11, "%.10s", date);
		}
	}
}

/* A mark at each so-many-th local hour; the date where a day begins, or the axis does. */
static void put_hours(struct svg *s, const struct panel *p, bool words)
{
	double from_s = s->edge_s[0], to_s = s->edge_s[s->slots];
	if (to_s - from_s > 16 * DAY_S) {
		put_dates(s, p, words);
		return;
	}
	int every = hours_between((to_s - from_s) / HOUR_S);
	double bottom = p->top + p->height;
	bool dated = false;
	int64_t first_s = (int64_t)ceil(from_s / QUARTER_S) * QUARTER_S;
	for (int64_t at_s = first_s; (double)at_s <= to_s; at_s += QUARTER_S) {
		int second = timezone_day_second(at_s);
		if (second % (every * HOUR_S) != 0) {
			continue;
		}
		double x = x_of(s, (double)at_s);
		char date[ISOTIME_SIZE];
		line(s, x, p->top, x, bottom, second ? "#e4e4e4" : "#999");
		if (!words) {
			continue;
		}
		svg_text(s, x, bottom + 15, "middle", 12, "%02d:00", second / HOUR_S);
		if (second == 0 || !dated) {
			isotime_format(at_s + timezone_offset_s(at_s), date);
			svg_text(s, x, bottom + 30, "middle", 12, "%.10s", date);
			dated = true;
		}
	}
}

/* How far apart round values stand where at most so many fit, and with how many decimals. */
static double step_of(double range, double most, int *decimals)
{
	double step = scale_round_up(range * 1e4 / fmax(2, most), 1) / 1e4;
	*decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
	return step;
}

/* A mark at each round number. */
static void put_numbers(struct svg *s, const struct panel *p, bool words)
{
	double from = s->edge_s[0], to = s->edge_s[s->slots];
	int decimals;
	double step = step_of(to - from, 12, &decimals), first = ceil(from / step - 1e-9);
	for (int k = 0; k < VALUES_MAX && (first + k) * step <= to * (1 + 1e-9); k++) {
		double value = (first + k) * step, x = x_of(s, value);
		line(s, x, p->top, x, p->top + p->height, "#e4e4e4");
		if (words) {
			svg_text(s, x, p->top + p->height + 15, "middle", 12, "%.*f", decimals,
				 value);
		}
	}
}

/* A few values at the left. */
static void put_values(struct svg *s, const struct panel *p)
{
	double range = p->high - p->low;
	int decimals;
	double step = step_of(range, floor(p->height / 24), &decimals);
	double first = ceil(p->low / step - 1e-9);
	for (int k = 0; k < VALUES_MAX && (first + k) * step <= p->high + range * 1e-6; k++) {
		double v = (first + k) * step;
		double y = y_of(p, v);
		bool zero = fabs(v) < step / 2;
		line(s, LEFT, y, SVG_WIDTH - RIGHT, y, zero ? "#999" : "#e4e4e4");
		svg_text(s, LEFT - 6, y + 4, "end", 12, "%.*f", decimals, zero ? 0 : v);
	}
}

void svg_panel(struct svg *s, struct panel *p, const char *title, const char *unit, bool hours)
{
	(s->numbers ? put_numbers : put_hours)(s, p, hours);
	if (!s->bare) {
		put_values(s, p);
	}
	fprintf(s->file,
		"<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"none\" "
		"stroke=\"#999\"/>\n",
		LEFT, p->top, SVG_WIDTH - LEFT - RIGHT, p->height);
	svg_text(s, LEFT, p->top - 6, "start", 13, "%s, %s", title, unit);
	s->legend_y = p->top + 11;
}

/* --- what stands in a panel ---------------------------------------------------------------------
 */

void svg_area(struct svg *s, const struct panel *p, const double *low, const double *high,
	      const struct pen *pen)
{
	fprintf(s->file, "<path fill=\"%s\" fill-opacity=\"%.2f\" d=\"M", pen->colour,
		pen->opacity);
	for (int t = 0; t < s->slots; t++) {
		fprintf(s->file, "%.1f %.1fH%.1fL", x_of(s, s->edge_s[t]), y_of(p, high[t]),
			x_of(s, s->edge_s[t + 1]));
	}
	for (int t = s->slots - 1; t >= 0; t--) {
		fprintf(s->file, "%.1f %.1fH%.1f%s", x_of(s, s->edge_s[t + 1]), y_of(p, low[t]),
			x_of(s, s->edge_s[t]), t ? "L" : "Z");
	}
	fputs("\"/>\n", s->file);
}

static void begin_line(struct svg *s, const struct pen *pen)
{
	fprintf(s->file, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s d=\"M",
		pen->colour, pen->dashed ? " stroke-dasharray=\"6 4\"" : "");
}

void svg_steps(struct svg *s, const struct panel *p, const double *value, const struct pen *pen)
{
	bool drawing = false, any = false;
	for (int t = 0; t < s->slots; t++) {
		bool gap = isnan(value[t]);
		if (!gap && !any) {
			begin_line(s, pen);
		}
		if (!gap) {
			fprintf(s->file, "%s%.1f %.1fH%.1f",
				drawing ? "L"
				: any   ? "M"
					: "",
				x_of(s, s->edge_s[t]), y_of(p, value[t]),
				x_of(s, s->edge_s[t + 1]));
		}
		drawing = !gap;
		any |= drawing;
	}
	fputs(any ? "\"/>\n" : "", s->file);
}

void svg_curve(struct svg *s, const struct panel *p, const double *value, const struct pen *pen)
{
	begin_line(s, pen);
	for (int t = 0; t < s->slots; t++) {
		fprintf(s->file, "%s%.1f %.1f", t ? "L" : "", x_of(s, s->edge_s[t + 1]),
			y_of(p, value[t]));
	}
	fputs("\"/>\n", s->file);
}

void svg_level(struct svg *s, const struct panel *p, double value, const struct pen *pen)
{
	fprintf(s->file,
		"<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-dasharray=\"2 4\"/>\n",
		LEFT, y_of(p, value), SVG_WIDTH - RIGHT, y_of(p, value), pen->colour);
}

void svg_segment(struct svg *s, const struct panel *p, double x1, double v1, double x2, double v2,
		 const struct pen *pen)
{
	begin_line(s, pen);
	fprintf(s->file, "%.1f %.1fL%.1f %.1f\"/>\n", x_of(s, x1), y_of(p, v1), x_of(s, x2),
		y_of(p, v2));
}

void svg_cell(struct svg *s, const struct panel *p, double x1, double x2, double low, double high,
	      const char *colour)
{
	/* A little over its edges, lest the white shines through between two. */
	fprintf(s->file,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		x_of(s, x1), y_of(p, high), x_of(s, x2) - x_of(s, x1) + 0.3,
		y_of(p, low) - y_of(p, high) + 0.3, colour);
}

void svg_dot(struct svg *s, const struct panel *p, double x, double value, const struct pen *pen,
	     const char *text)
{
	double at_x = x_of(s, x), at_y = y_of(p, value);
	fprintf(s->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", at_x, at_y,
		pen->colour);
	if (text) {
		svg_text(s, at_x + 5, at_y + 4, "start", 11, "%s", text);
	}
}

void svg_mark(struct svg *s, const struct panel *p, int slot, double value, const struct pen *pen)
{
	fprintf(s->file,
		"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"white\" stroke=\"%s\" "
		"stroke-width=\"2\"/>\n",
		x_of(s, s->edge_s[slot + 1]), y_of(p, value), pen->colour);
}

void svg_disc(struct svg *s, double x, double y, double radius, const char *colour)
{
	fprintf(s->file,
		"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" stroke=\"#444\"/>\n", x, y,
		radius, colour);
}

void svg_arrow(struct svg *s, double x1, double y1, double x2, double y2, double width,
	       const char *colour)
{
	double length = hypot(x2 - x1, y2 - y1), head = width < 1 ? 0 : 6 + 1.5 * width;
	double dx = (x2 - x1) / length, dy = (y2 - y1) / length;
	double x = (x1 + x2 + head * dx) / 2, y = (y1 + y2 + head * dy) / 2;
	fprintf(s->file,
		"<path stroke=\"%s\" stroke-width=\"%.1f\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n"
		"<path fill=\"%s\" d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fZ\"/>\n",
		colour, width, x1, y1, x2, y2, colour, x, y, -head * dx - head / 2 * dy,
		-head * dy + head / 2 * dx, head * dy, -head * dx);
}

void svg_beside(struct svg *s, const struct panel *p, double value, const char *text)
{
	svg_text(s, SVG_WIDTH - RIGHT + 10, y_of(p, value) + 4, "start", 12, "%s", text);
}

void svg_legend(struct svg *s, const struct pen *pen, bool area, const char *name)
{
	const double x = SVG_WIDTH - RIGHT + 14;
	if (area) {
		fprintf(s->file,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"16\" height=\"11\" fill=\"%s\" "
			"fill-opacity=\"%.2f\" stroke=\"#666\" stroke-width=\"0.5\"/>\n",
			x, s->legend_y - 9, pen->colour, pen->opacity);
	} else {
		begin_line(s, pen);
		fprintf(s->file, "%.1f %.1fh16\"/>\n", x, s->legend_y - 4);
	}
	svg_text(s, x + 22, s->legend_y, "start", 12, "%s", name);
	s->legend_y += 16;
}
