/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/train_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/svg.h"
#include "sim/training_log.h"

enum { TOP = 112, HEIGHT = 180, GAP = 60, SMOOTHED = 20 };

/* What is drawn, a panel each: a column of the file, and its unit. */
static const struct {
	const char *column, *title, *scaled, *power; /* before and behind the currency */
	bool marks;                                  /* known in some episodes only */
} drawn[] = {
	{ "saving_per_home_day",
	  "saved by a home in a day, while exploring; mean of the last 20 episodes", "", "",
	  false },
	{ "checked_cost",
	  "what the community pays without exploring, through the days to learn from", "", "",
	  true },
	{ "critic_loss", "the critics' loss, mean of the last 20 episodes", "scaled ", " squared",
	  false },
};
enum { PANELS = sizeof(drawn) / sizeof(*drawn) };

struct curves {
	struct training_log log;
	double *smooth; /* room for a row each */
};

static int curves_read(struct curves *c, const char *path)
{
	int r = training_log_read(&c->log, path);
	c->smooth = r == 0 ? calloc((size_t)c->log.rows, sizeof(double)) : NULL;
	for (int k = 0; k < PANELS && r == 0; k++) {
		r = training_log_column(&c->log, drawn[k].column) < 0 ? -EBADMSG : 0;
	}
	return r < 0 ? r : c->smooth ? 0 : -ENOMEM;
}

static void curves_free(struct curves *c)
{
	training_log_free(&c->log);
	free(c->smooth);
}

static struct panel panel_of(const struct curves *c, int k)
{
	struct panel p = { .top = TOP + k * (HEIGHT + GAP),
			   .height = HEIGHT,
			   .low = INFINITY,
			   .high = -INFINITY };
	for (int i = 0; i < c->log.rows; i++) {
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

static void draw(struct svg *s, struct curves *c, int k, const char *currency)
{
	char unit[32];
	static const struct pen pen = { "#0072B2", 1, false };
	int column = training_log_column(&c->log, drawn[k].column);
	const double *value = c->log.value[column];
	training_log_smooth(&c->log, column, drawn[k].marks ? 1 : SMOOTHED, c->smooth);
	struct panel p = panel_of(c, k);
	(void)snprintf(unit, sizeof(unit), "%s%s%s", drawn[k].scaled,
		       *currency ? currency : "money", drawn[k].power);
	svg_panel(s, &p, drawn[k].title, unit, k == PANELS - 1);
	if (!drawn[k].marks) {
		svg_steps(s, &p, c->smooth, &pen);
		return;
	}
	for (int i = 0; i < c->log.rows; i++) {
		if (isfinite(value[i])) {
			svg_mark(s, &p, i, value[i], &pen);
		}
	}
}

int train_report_write(const char *csv, const char *html, const struct train_report *told)
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
	svg_begin(&s, f, c.log.edge, c.log.rows);
	s.numbers = true;
	svg_text(&s, 70, 40, "start", 20, "%s", told->title);
	svg_text(&s, 70, 62, "start", 13, "%s", told->outcome);
	svg_text(&s, 70, 82, "start", 13, "over episodes");
	for (int k = 0; k < PANELS; k++) {
		draw(&s, &c, k, told->currency);
	}
	svg_end(&s);
	r = ferror(f) ? -EIO : 0;
	r = fclose(f) != 0 ? -EIO : r;
	curves_free(&c);
	return r;
}
