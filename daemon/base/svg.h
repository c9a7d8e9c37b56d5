/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Charts as SVG: panels over a common axis of local time, or of plain numbers, with areas, steps
 * and lines in them. */
#ifndef LECD_BASE_SVG_H
#define LECD_BASE_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SVG_WIDTH = 1200, SVG_HEIGHT = 800 };

/* How something is drawn. */
struct pen {
	const char *colour; /* "#0072B2" */
	double opacity;     /* of an area, 0 to 1 */
	bool dashed;        /* of a line */
};

/* The axis that all panels share: edge[0] to edge[slots], Unix seconds where it is one of time. */
struct svg {
	FILE *file;
	int slots;
	const double *edge_s;
	bool numbers;    /* the axis is one of numbers: to be set after svg_begin */
	bool bare;       /* panels from now on have no values at the left */
	double legend_y; /* where the next word beside the panel goes */
};

/* A panel: pixels from the top, and the values at its upper and lower edge. */
struct panel {
	double top, height;
	double low, high;
};

void svg_begin(struct svg *s, FILE *file, const double *edge_s, int slots);
/* The same, of another height than SVG_HEIGHT. */
void svg_begin_of(struct svg *s, FILE *file, const double *edge_s, int slots, int height);
void svg_end(struct svg *s);

/* Any text: what SVG would take for markup is escaped. anchor: start, middle, end. */
__attribute__((format(printf, 6, 7))) void
svg_text(struct svg *s, double x, double y, const char *anchor, int size, const char *format, ...);

/* The frame with its values at the left, `unit` above them, and marks of the hours or numbers; with
 * these (and dates) written below it. */
void svg_panel(struct svg *s, struct panel *p, const char *title, const char *unit, bool hours);

/* Between two values in each slot, as an area of steps. */
void svg_area(struct svg *s, const struct panel *p, const double *low, const double *high,
	      const struct pen *pen);
/* One value in each slot; NaN: a gap. */
void svg_steps(struct svg *s, const struct panel *p, const double *value, const struct pen *pen);
/* A value at each slot's end. */
void svg_curve(struct svg *s, const struct panel *p, const double *value, const struct pen *pen);
/* A level across the panel. */
void svg_level(struct svg *s, const struct panel *p, double value, const struct pen *pen);
/* Between two points, told on the axis and in the panel's values. */
void svg_segment(struct svg *s, const struct panel *p, double x1, double v1, double x2, double v2,
		 const struct pen *pen);
/* A filled rectangle between two edges of the axis and two values. */
void svg_cell(struct svg *s, const struct panel *p, double x1, double x2, double low, double high,
	      const char *colour);
/* A small dot with a word beside it; text may be NULL. */
void svg_dot(struct svg *s, const struct panel *p, double x, double value, const struct pen *pen,
	     const char *text);
/* A mark at the end of a slot. */
void svg_mark(struct svg *s, const struct panel *p, int slot, double value, const struct pen *pen);

/* Of a graph, by pixels: a disc; and a line of that width with its head in the middle, a thin one
 * (below 1) without. */
void svg_disc(struct svg *s, double x, double y, double radius, const char *colour);
void svg_arrow(struct svg *s, double x1, double y1, double x2, double y2, double width,
	       const char *colour);

/* A word at the right of the panel, at the height of a value. */
void svg_beside(struct svg *s, const struct panel *p, double value, const char *text);

/* A word beside the panel, with what it is drawn like: an area or a line. */
void svg_legend(struct svg *s, const struct pen *pen, bool area, const char *name);

#endif
