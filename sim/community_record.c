/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_record.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/series.h"
#include "daemon/market/book.h"

/* A series while it is looked at. */
struct reading {
	const char *path;
	struct series s;
	struct diag *d;
};

/* --- what a series must be ----------------------------------------------------------------------
 */

static void check_columns(const struct reading *g, bool generates)
{
	const struct series *s = &g->s;
	for (int c = SERIES_IMPORT_LIMIT_W; c < s->columns; c++) {
		if (s->value[c]) {
			(void)diag_error(g->d, g->path, 1,
					 "column %s is not used here, expected time, load_w, pv_w, "
					 "buy_per_kwh and sell_per_kwh",
					 s->name[c]);
		}
	}
	if (!s->value[SERIES_LOAD_W]) {
		(void)diag_error(g->d, g->path, 1, "no column load_w, expected one");
	}
	if (generates && !s->value[SERIES_PV_W]) {
		(void)diag_error(g->d, g->path, 1,
				 "no column pv_w, expected one in a home that generates");
	}
	for (int i = 0; !generates && s->value[SERIES_PV_W] && i < s->rows; i++) {
		if (s->value[SERIES_PV_W][i] > 0) {
			(void)diag_error(g->d, g->path, s->line[i],
					 "pv_w is %g in a home of class consumer, expected 0",
					 s->value[SERIES_PV_W][i]);
			return;
		}
	}
}

static int64_t step_of(const struct series *s)
{
	return s->start_s[1] - s->start_s[0];
}

static void check_steps(const struct reading *g, int64_t interval_s)
{
	const struct series *s = &g->s;
	for (int i = 1; i < s->rows; i++) {
		int64_t step_s = s->start_s[i + 1] - s->start_s[i];
		if (step_s != step_of(s)) {
			(void)diag_error(g->d, g->path, s->line[i],
					 "lasts %lld s, expected %lld s as the first row does",
					 (long long)step_s, (long long)step_of(s));
			return;
		}
	}
	if (interval_s % step_of(s) != 0) {
		(void)diag_error(g->d, g->path, s->line[0],
				 "rows last %lld s, expected a divisor of the interval, %lld s",
				 (long long)step_of(s), (long long)interval_s);
	}
}

static void check_span(const struct reading *g, const struct community_record *r)
{
	const struct series *s = &g->s;
	int64_t end_s = r->start_s + r->steps * r->step_s;
	char from[ISOTIME_SIZE], to[ISOTIME_SIZE], first[ISOTIME_SIZE], last[ISOTIME_SIZE];
	if (s->start_s[0] > r->start_s || s->start_s[s->rows] < end_s) {
		(void)diag_error(g->d, g->path, 0, "goes from %s to %s, expected all of %s to %s",
				 isotime_format(s->start_s[0], from),
				 isotime_format(s->start_s[s->rows], to),
				 isotime_format(r->start_s, first), isotime_format(end_s, last));
	}
	if (*r->first && (s->rows != r->rows || s->start_s[0] != r->first_start_s ||
			  step_of(s) != r->first_step_s)) {
		(void)diag_error(g->d, g->path, 0,
				 "has %d rows of %lld s from %s, expected %d rows of %lld s from "
				 "%s as %s has",
				 s->rows, (long long)step_of(s),
				 isotime_format(s->start_s[0], from), r->rows,
				 (long long)r->first_step_s,
				 isotime_format(r->first_start_s, first), r->first);
	}
}

/* --- what is taken from it ----------------------------------------------------------------------
 */

static double mean_at(const struct community_record *r, const struct series *s, int column,
		      int64_t step)
{
	double mean = 0;
	int64_t at_s = r->start_s + step * r->step_s;
	(void)series_mean(s, column, at_s, at_s + r->step_s, &mean); /* it covers them all */
	return mean;
}

/* Take the utility's price, or hold it against what another series said. */
static int take_price(const struct community_record *r, const struct reading *g, int column,
		      int32_t **price, char from[256])
{
	bool first = !*price;
	if (first) {
		*price = malloc((size_t)r->steps * sizeof(**price));
		if (!*price) {
			return -ENOMEM;
		}
		memcpy(from, g->path, strlen(g->path) + 1);
	}
	for (int64_t i = 0; i < r->steps; i++) {
		double value = mean_at(r, &g->s, column, i);
		int row = series_row(&g->s, r->start_s + i * r->step_s);
		if (fabs(value) * 1e6 > PRICE_MAX) {
			return diag_error(g->d, g->path, g->s.line[row],
					  "%s is %g, expected at most %g", g->s.name[column], value,
					  PRICE_MAX / 1e6);
		}
		int32_t millionths = (int32_t)lround(value * 1e6);
		if (first) {
			(*price)[i] = millionths;
		} else if ((*price)[i] != millionths) {
			return diag_error(g->d, g->path, g->s.line[row],
					  "%s is %g, expected %g as in %s: the utility's prices "
					  "are one for all",
					  g->s.name[column], value, (*price)[i] / 1e6, from);
		}
	}
	return 0;
}

static int take_power(const struct community_record *r, const struct series *s, float **out)
{
	float *power = calloc(2 * (size_t)r->steps, sizeof(*power));
	if (!power) {
		return -ENOMEM;
	}
	for (int64_t i = 0; i < r->steps; i++) {
		power[i] = (float)mean_at(r, s, SERIES_LOAD_W, i);
		if (s->value[SERIES_PV_W]) {
			power[r->steps + i] = (float)mean_at(r, s, SERIES_PV_W, i);
		}
	}
	*out = power;
	return 0;
}

static int take(struct community_record *r, const struct reading *g, float **power)
{
	const struct series *s = &g->s;
	int e = 0;
	if (s->value[SERIES_BUY]) {
		e = take_price(r, g, SERIES_BUY, &r->buy, r->buy_from);
	}
	if (s->value[SERIES_SELL]) {
		int sell = take_price(r, g, SERIES_SELL, &r->sell, r->sell_from);
		e = e < 0 ? e : sell;
	}
	if (!*r->first) {
		memcpy(r->first, g->path, strlen(g->path) + 1);
		r->first_start_s = s->start_s[0];
		r->first_step_s = step_of(s);
		r->rows = s->rows;
	}
	return e < 0 ? e : take_power(r, s, power);
}

int community_record_read(struct community_record *r, const char *path, bool generates,
			  float **power, struct diag *d)
{
	struct reading g = { .path = path, .d = d };
	int before = d->errors;
	if (strlen(path) >= sizeof(r->first)) {
		return diag_error(d, path, 0, "is too long a path, expected at most %zu characters",
				  sizeof(r->first) - 1);
	}
	int e = series_read(&g.s, path, d);
	if (e == 0) {
		check_columns(&g, generates);
		check_steps(&g, r->step_s);
		check_span(&g, r);
		e = d->errors > before ? -EINVAL : take(r, &g, power);
	}
	series_free(&g.s);
	return e;
}

void community_record_free(struct community_record *r)
{
	free(r->buy);
	free(r->sell);
	*r = (struct community_record){ .rows = 0 };
}
