/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outlook that a file tells: for planning offline. */
#include "daemon/home/outlook.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a column may hold. */
struct rule {
	double min, max;
	bool flag; /* 0 or 1 only */
	const char *words;
};

static const struct rule connection = { 0, 1, true, "0 (away) or 1 (connected)" };
static const struct rule draw = { 0, 1e6, false, "a draw of 0 to 1e6 W" };
static const struct rule outdoor = { -60, 60, false, "-60 to 60 degC outside" };

/* The rule of a column named after an asset, or NULL. */
static const struct rule *rule_of(const struct site *site, const char *name)
{
	for (int i = 0; i < site->evs; i++) {
		if (strcmp(site->ev[i].link.name, name) == 0) {
			return &connection;
		}
	}
	for (int i = 0; i < site->thermals; i++) {
		if (strcmp(site->thermal[i].link.name, name) == 0) {
			return site->thermal[i].building ? &outdoor : &draw;
		}
	}
	return NULL;
}

bool outlook_uses(const struct site *site, const char *column)
{
	return rule_of(site, column) != NULL;
}

static void check_column(const struct series *s, int column, const struct rule *rule,
			 const char *path, struct diag *d)
{
	for (int i = 0; i < s->rows; i++) {
		double value = s->value[column][i];
		if (value < rule->min || value > rule->max ||
		    (rule->flag && value != rule->min && value != rule->max)) {
			diag_error(d, path, s->line[i], "%s %g, expected %s", s->name[column],
				   value, rule->words);
			return; /* the others of this column will be no better */
		}
	}
}

static int check(const struct site *site, const struct series *s, const char *path, struct diag *d)
{
	int before = d->errors;
	if (s->rows > STEPS_MAX) {
		return diag_error(d, path, 0, "has %d rows, expected at most %d", s->rows,
				  STEPS_MAX);
	}
	for (int i = 0; i < s->rows; i++) {
		double hours = (double)(s->start_s[i + 1] - s->start_s[i]) / 3600;
		if (hours > 24 || hours < 1 / 60.0) {
			diag_error(d, path, s->line[i],
				   "a row of %g h to the next, expected 1 min to 24 h", hours);
		}
	}
	for (int c = SERIES_OUTDOOR_C; c < s->columns; c++) {
		const struct rule *rule =
			c == SERIES_OUTDOOR_C ? &outdoor : rule_of(site, s->name[c]);
		if (rule && s->value[c]) {
			check_column(s, c, rule, path, d);
		}
	}
	return d->errors > before ? -EINVAL : 0;
}

static void set_step(const struct site *site, const struct series *series, int i, struct step *step)
{
	double *const *value = series->value;
	int64_t length_s = series->start_s[i + 1] - series->start_s[i];
	*step = (struct step){ .start_s = series->start_s[i],
			       .hours = (double)length_s / 3600,
			       .import_limit_w = site->import_limit_w,
			       .export_limit_w = site->export_limit_w };
	outlook_set_prices(site, step);
	step->load_w = value[SERIES_LOAD_W] ? value[SERIES_LOAD_W][i] : 0;
	step->pv_w = value[SERIES_PV_W] ? value[SERIES_PV_W][i] : 0;
	if (value[SERIES_BUY]) {
		step->buy = value[SERIES_BUY][i] +
			    tariff_mean(&site->tariff.network, step->start_s, length_s);
	}
	step->sell = value[SERIES_SELL] ? value[SERIES_SELL][i] : step->sell;
	if (value[SERIES_IMPORT_LIMIT_W]) {
		step->import_limit_w = fmin(step->import_limit_w, value[SERIES_IMPORT_LIMIT_W][i]);
	}
	if (value[SERIES_EXPORT_LIMIT_W]) {
		step->export_limit_w = fmin(step->export_limit_w, value[SERIES_EXPORT_LIMIT_W][i]);
	}
}

static void set_outdoor(const struct site_thermal *t, const double *outdoor_c, int steps,
			struct thermal_model *m)
{
	for (int i = 0; i < steps; i++) {
		m->ambient_c[i] = outdoor_c[i];
		m->cop[i] = outlook_cop(t, outdoor_c[i]);
	}
}

/* What the series says of cars and heat stands in for what the site says. */
static void set_assets(const struct site *site, const struct series *s, struct problem *p)
{
	for (int i = 0; i < p->evs; i++) {
		int c = series_column(s, site->ev[i].link.name);
		for (int t = 0; c >= 0 && t < p->steps; t++) {
			p->ev[i].connected[t] = s->value[c][t] > 0.5;
		}
	}
	for (int i = 0; i < p->thermals; i++) {
		const struct site_thermal *thermal = &site->thermal[i];
		int c = series_column(s, thermal->link.name);
		if (thermal->building) {
			c = c >= 0 ? c : series_column(s, "outdoor_c");
			if (c >= 0) {
				set_outdoor(thermal, s->value[c], p->steps, &p->thermal[i]);
			}
		} else if (c >= 0) {
			memcpy(p->thermal[i].draw_w, s->value[c],
			       (size_t)p->steps * sizeof(double));
		}
	}
}

int outlook_from_series(const struct site *site, const struct series *series, const char *path,
			struct diag *d, struct problem *p)
{
	int r = check(site, series, path, d);
	if (r < 0) {
		return r;
	}
	outlook_begin(site, p);
	p->steps = series->rows;
	for (int i = 0; i < series->rows; i++) {
		set_step(site, series, i, &p->step[i]);
	}
	for (int b = 0; b < site->batteries; b++) {
		if (!site->battery[b].has_end) {
			/* The energy at the end is the energy at the start. */
			p->battery[b].soc_end = p->battery[b].soc_start;
		}
	}
	outlook_assets(site, NULL, p);
	set_assets(site, series, p);
	return 0;
}
