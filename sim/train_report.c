/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/train_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/csv.h"
#include "daemon/base/svg.h"

enum { COLUMNS = 6, TOP = 90, HEIGHT = 180, GAP = 60, SMOOTHED = 20 };

/* What is drawn, a panel each: a column of the file. */
static const struct {
	int column;
	const char *title, *unit;
	bool marks; /* known in some episodes only */
} drawn[] = {
	{ 2, "saved by a home in a day, while exploring; mean of the last 20 episodes", "money",
	  false },
	{ 5, "what the community pays without exploring, on the last days to learn from", "money",
	  true },
	{ 3, "the critics' loss, mean of the last 20 episodes", "scaled money squared", false },
};
enum { PANELS = sizeof(drawn) / sizeof(*drawn) };

struct curves {
	int rows, room;
	double *edge;            /* rows + 1 */
	double *column[COLUMNS]; /* NaN: not known */
	double *smooth;
};

static void curves_free(struct curves *c)
{
	free(c->edge);
	for (int i = 0; i < COLUMNS; i++) {
		free(c->column[i]);
	}
	free(c->smooth);
}

static int curves_init(struct curves *c, int room)
{
	size_t count = (size_t)room + 1;
	bool all = true;
	*c = (struct curves){ .room = room };
	c->edge = calloc(count, sizeof(double));
	c->smooth = calloc(count, sizeof(double));
	for (int i = 0; i < COLUMNS; i++) {
		c->column[i] = calloc(count, sizeof(double));
		all = all && c->column[i];
	}
	return c->edge && c->smooth && all ? 0 : -ENOMEM;
}

static void take_row(struct curves *c, const struct csv *f)
{
	for (int i = 0; i < COLUMNS; i++) {
		double *at = &c->column[i][c->rows];
		if (csv_number(f->field[i], at) < 0) {
			*at = NAN;
		}
	}
	c->rows++;
	c->edge[c->rows] = c->rows;
}

/* Rows of the file, its header not counted. */
static int count_rows(struct csv *f)
{
	int rows = -1;
	while (csv_next(f) > 0) {
		rows++;
	}
	csv_rewind(f);
	return rows;
}

static int curves_read(struct curves *c, const char *path)
{
	struct csv f;
	int r = csv_open(&f, path);
	*c = (struct curves){ .rows = 0 };
	if (r < 0) {
		return r;
	}
	int rows = count_rows(&f);
	r = rows < 1 ? -ENODATA : curves_init(c, rows);
	r = r < 0 ? r : csv_next(&f);
	while (r >= 0 && c->rows < rows && (r = csv_next(&f)) > 0) {
		r = f.fields == COLUMNS ? r : -EBADMSG;
		if (r > 0) {
			take_row(c, &f);
		}
	}
	csv_close(&f);
	return r < 0 ? r : 0;
}

/* The mean of the last so many values that are known. */
static void smooth(struct curves *c, const double *value, int window)
{
	for (int i = 0; i < c->rows; i++) {
		double sum = 0;
		int count = 0;
		for (int k = i; k >= 0 && k > i - window; k--) {
			if (isfinite(value[k])) {
				sum += value[k];
				count++;
			}
		}
		c->smooth[i] = count > 0 ? sum / count : NAN;
	}
}

static struct panel panel_of(const struct curves *c, int k)
{
	struct panel p = { .top = TOP + k * (HEIGHT + GAP),
			   .height = HEIGHT,
			   .low = INFINITY,
			   .high = -INFINITY };
	for (int i = 0; i < c->rows; i++) {
		if (isfinite(c->smooth[i])) {
			p.low = fmin(p.low, c->smooth[i]);
			p.high = fmax(p.high, c->smooth[i]);
		}
	}
	if (!(p.low < p.high)) {
		p.low = isfinite(p.low) ? p.low - 1 : 0;
		p.high = p.low + 2;
	}
	double margin = 0.05 * (p.high - p.low);
	p.low -= margin;
	p.high += margin;
	return p;
}

static void draw(struct svg *s, struct curves *c, int k)
{
	static const struct pen pen = { "#0072B2", 1, false };
	const double *value = c->column[drawn[k].column];
	smooth(c, value, drawn[k].marks ? 1 : SMOOTHED);
	struct panel p = panel_of(c, k);
	svg_panel(s, &p, drawn[k].title, drawn[k].unit, k == PANELS - 1);
	if (!drawn[k].marks) {
		svg_steps(s, &p, c->smooth, &pen);
		return;
	}
	for (int i = 0; i < c->rows; i++) {
		if (isfinite(value[i])) {
			svg_mark(s, &p, i, value[i], &pen);
		}
	}
}

int train_report_write(const char *csv, const char *html, const char *title)
{
	struct curves c;
	struct svg s;
	int r = curves_read(&c, csv);
	FILE *f = r == 0 ? fopen(html, "w") : NULL;
	if (!f) {
		curves_free(&c);
		return r < 0 ? r : -errno;
	}
	fputs("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>lec-train</title>\n", f);
	svg_begin(&s, f, c.edge, c.rows);
	s.numbers = true;
	svg_text(&s, 70, 40, "start", 20, "%s", title);
	svg_text(&s, 70, 62, "start", 13, "over episodes");
	for (int k = 0; k < PANELS; k++) {
		draw(&s, &c, k);
	}
	svg_end(&s);
	r = ferror(f) ? -EIO : 0;
	r = fclose(f) != 0 ? -EIO : r;
	curves_free(&c);
	return r;
}
