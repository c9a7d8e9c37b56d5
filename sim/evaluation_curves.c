/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How policies were learned: a line for each training. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/svg.h"
#include "sim/evaluation_charts.h"
#include "sim/training_log.h"

enum { PATH_SIZE = 512, TOP = 26, BELOW = 40, PANEL_HEIGHT = 250, GAP = 50, SMOOTHED = 20 };
static const double margin = 0.06;

struct curves {
	struct training_log log[EVALUATION_POLICIES_MAX]; /* rows 0: there is none */
	int longest;                                      /* log with most rows; -1: none */
	double *line;                                     /* room for so many rows */
};

static int curves_read(struct curves *c, const struct evaluation *v)
{
	int rows = 0;
	*c = (struct curves){ .longest = -1 };
	for (int i = 0; i < v->policies; i++) {
		char path[PATH_SIZE];
		int n = snprintf(path, PATH_SIZE, "%s/training.csv", v->policy[i].folder);
		if (n >= PATH_SIZE || training_log_read(&c->log[i], path) < 0) {
			training_log_free(&c->log[i]); /* a policy without its history is fine */
		}
		if (c->log[i].rows > rows) {
			rows = c->log[i].rows;
			c->longest = i;
		}
	}
	c->line = malloc(((size_t)rows + 1) * sizeof(double));
	return c->line ? 0 : -ENOMEM;
}

static void curves_free(struct curves *c)
{
	for (int i = 0; i < EVALUATION_POLICIES_MAX; i++) {
		training_log_free(&c->log[i]);
	}
	free(c->line);
}

/* A column through all episodes into c->line: smoothed; what is known now and then only is held. */
static bool make_line(struct curves *c, int i, const char *name, bool holds)
{
	const struct training_log *t = &c->log[i];
	int column = training_log_column(t, name);
	if (column < 0) {
		return false;
	}
	training_log_smooth(t, column, holds ? 1 : SMOOTHED, c->line);
	for (int k = 1; k < t->rows && holds; k++) {
		c->line[k] = isnan(c->line[k]) ? c->line[k - 1] : c->line[k];
	}
	for (int k = t->rows; k < c->log[c->longest].rows; k++) {
		c->line[k] = NAN;
	}
	return true;
}

static void find_height(struct curves *c, const struct evaluation *v, const char *name, bool holds,
			struct panel *p)
{
	p->low = INFINITY;
	p->high = -INFINITY;
	for (int i = 0; i < v->policies; i++) {
		int rows = make_line(c, i, name, holds) ? c->log[i].rows : 0;
		for (int k = 0; k < rows; k++) {
			if (isfinite(c->line[k])) {
				p->low = fmin(p->low, c->line[k]);
				p->high = fmax(p->high, c->line[k]);
			}
		}
	}
	if (!(p->low < p->high)) {
		p->low = isfinite(p->low) ? p->low - 1 : 0;
		p->high = p->low + 2;
	}
	double more = margin * (p->high - p->low);
	p->low -= more;
	p->high += more;
}

static void draw_curve(struct svg *s, struct curves *c, const struct evaluation *v,
		       const char *name, bool holds, struct panel *p, const char *title, bool last)
{
	find_height(c, v, name, holds, p);
	svg_panel(s, p, title, v->conf.tariff.currency, last);
	for (int g = ROW_LEARNED; g < v->groups; g++) {
		struct pen pen = { evaluation_colour(g), 1, false };
		for (int i = 0; i < v->group[g].rows; i++) {
			if (make_line(c, v->group[g].first - ROW_LEARNED + i, name, holds)) {
				svg_steps(s, p, c->line, &pen);
			}
		}
		svg_legend(s, &pen, false, v->group[g].name);
	}
}

int evaluation_put_curves(FILE *f, const struct evaluation *v)
{
	static struct curves c;
	int r = curves_read(&c, v);
	if (r == 0 && c.longest >= 0) {
		const struct training_log *t = &c.log[c.longest];
		struct svg s;
		struct panel cost = { .top = TOP, .height = PANEL_HEIGHT },
			     saved = { .top = TOP + PANEL_HEIGHT + GAP, .height = PANEL_HEIGHT };
		fputs("<h2>How it was learned</h2>\n<p>A line for each training, over "
		      "episodes.</p>\n",
		      f);
		svg_begin_of(&s, f, t->edge, t->rows, TOP + 2 * PANEL_HEIGHT + GAP + BELOW);
		s.numbers = true;
		draw_curve(&s, &c, v, "checked_cost", true, &cost,
			   "what the community pays without exploring, through the days to learn "
			   "from",
			   false);
		draw_curve(&s, &c, v, "saving_per_home_day", false, &saved,
			   "saved by a home in a day while exploring, mean of the last 20 episodes",
			   true);
		svg_end(&s);
	}
	curves_free(&c);
	return r;
}
