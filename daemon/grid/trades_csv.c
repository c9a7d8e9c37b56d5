/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/trades_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/isotime.h"

enum { ROWS_MAX = 1000000, ERRORS_MAX = 50 };
enum column { TIME, BUYER, SELLER, KWH, PRICE, GAIN, COLUMNS };
static const char *const names[COLUMNS] = { "time", "buyer", "seller", "kwh", "price", "gain" };

struct reader {
	struct csv csv;
	const char *path;
	struct diag *d;
	const struct dso *o;
	int64_t interval_s;
	int field[COLUMNS]; /* -1: the file has no such column */
};

static void read_header(struct reader *r)
{
	for (int c = 0; c < COLUMNS; c++) {
		r->field[c] = -1;
		for (int f = 0; f < r->csv.fields; f++) {
			if (strcmp(r->csv.field[f], names[c]) == 0) {
				r->field[c] = f;
			}
		}
		if (r->field[c] < 0 && c != GAIN) {
			(void)diag_error(r->d, r->path, r->csv.line,
					 "no column %s, expected time,buyer,seller,kwh,price and "
					 "perhaps gain",
					 names[c]);
		}
	}
	for (int f = 0; f < r->csv.fields; f++) {
		bool known = false;
		for (int c = 0; c < COLUMNS; c++) {
			known |= r->field[c] == f;
		}
		if (!known) {
			(void)diag_error(r->d, r->path, r->csv.line,
					 "column \"%.40s\", expected each of time,buyer,seller,kwh,"
					 "price,gain at most once",
					 r->csv.field[f]);
		}
	}
}

static const char *text_of(const struct reader *r, enum column c)
{
	return r->csv.field[r->field[c]];
}

static bool number(struct reader *r, enum column c, double low, double high, double *out)
{
	if (csv_number(text_of(r, c), out) < 0 || *out < low || *out > high) {
		(void)diag_error(r->d, r->path, r->csv.line,
				 "%s is \"%.40s\", expected a number from %g to %g", names[c],
				 text_of(r, c), low, high);
		return false;
	}
	return true;
}

static bool side(struct reader *r, enum column c, int *out)
{
	const char *id = text_of(r, c);
	*out = *id == '\0' || strcmp(id, "utility") == 0 ? DSO_UTILITY : dso_find_home(r->o, id);
	if (*out == -ENOENT) {
		(void)diag_error(r->d, r->path, r->csv.line,
				 "%s is \"%.40s\", expected a home of dso.conf or utility",
				 names[c], id);
		return false;
	}
	return true;
}

static void read_row(struct reader *r, struct trades_file *f)
{
	struct trades_row row = { .line = r->csv.line, .trade.gain = -1 };
	bool sound = isotime_parse(text_of(r, TIME), &row.start_s) == 0;
	if (!sound || row.start_s % r->interval_s != 0) {
		(void)diag_error(
			r->d, r->path, r->csv.line,
			"time is \"%.40s\", expected a UTC time at which an interval begins",
			text_of(r, TIME));
		sound = false;
	}
	sound = side(r, BUYER, &row.trade.buyer) && sound;
	sound = side(r, SELLER, &row.trade.seller) && sound;
	sound = number(r, KWH, 0, 1e6, &row.trade.kwh) && sound;
	sound = number(r, PRICE, -1000, 1000, &row.price) && sound;
	if (r->field[GAIN] >= 0 && *text_of(r, GAIN)) {
		sound = number(r, GAIN, 0, 1000, &row.trade.gain) && sound;
	}
	if (sound && row.trade.buyer == row.trade.seller) {
		(void)diag_error(r->d, r->path, r->csv.line,
				 "buyer and seller are the same, expected two");
		sound = false;
	}
	if (sound) {
		f->row[f->rows++] = row;
	}
}

static int widen(struct trades_file *f)
{
	if (f->rows < f->room) {
		return 0;
	}
	int room = f->room ? 2 * f->room : 256;
	struct trades_row *wide =
		room > 2 * ROWS_MAX ? NULL : realloc(f->row, (size_t)room * sizeof(*wide));
	if (!wide) {
		return -ENOMEM;
	}
	f->row = wide;
	f->room = room;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct trades_row *x = a, *y = b;
	return x->start_s != y->start_s ? (x->start_s > y->start_s) - (x->start_s < y->start_s)
					: x->line - y->line;
}

/* One price of energy for an interval, and not too many trades. */
static void check_intervals(const struct reader *r, const struct trades_file *f)
{
	for (int i = 0, first = 0; i < f->rows; i++) {
		const struct trades_row *row = &f->row[i];
		first = row->start_s == f->row[first].start_s ? first : i;
		if (row->price != f->row[first].price) {
			(void)diag_error(
				r->d, r->path, row->line,
				"price is %g, expected %g as in line %d: energy has one in an "
				"interval",
				row->price, f->row[first].price, f->row[first].line);
		}
		if (i - first == DSO_TRADES_MAX) {
			(void)diag_error(r->d, r->path, row->line,
					 "too many trades, expected at most %d in an interval",
					 DSO_TRADES_MAX);
		}
	}
}

static int read_all(struct reader *r, struct trades_file *f)
{
	int got, errors = r->d->errors;
	if (csv_next(&r->csv) != 1) {
		return diag_error(r->d, r->path, 0, "is empty, expected a header and trades");
	}
	read_header(r);
	if (r->d->errors > errors) {
		return -EINVAL;
	}
	int fields = r->csv.fields;
	while ((got = csv_next(&r->csv)) != 0 && got != -EIO) {
		if (r->d->errors - errors >= ERRORS_MAX) {
			return -EINVAL;
		}
		if (got < 0 || r->csv.fields != fields) {
			(void)diag_error(r->d, r->path, r->csv.line,
					 "%d fields, expected %d as above", r->csv.fields, fields);
		} else if (widen(f) < 0) {
			return diag_error(r->d, r->path, r->csv.line,
					  "too many trades, expected %d", ROWS_MAX);
		} else {
			read_row(r, f);
		}
	}
	if (got == -EIO) {
		return diag_error(r->d, r->path, 0, "cannot be read");
	}
	if (f->rows > 0) {
		qsort(f->row, (size_t)f->rows, sizeof(*f->row), by_time);
	}
	check_intervals(r, f);
	return r->d->errors > errors ? -EINVAL : 0;
}

int trades_csv_read(struct trades_file *f, const char *path, const struct dso *o,
		    const struct dso_conf *c, struct diag *d)
{
	*f = (struct trades_file){ .rows = 0 };
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	r->path = path;
	r->d = d;
	r->o = o;
	r->interval_s = llround(c->interval_s);
	int e = csv_open(&r->csv, path);
	if (e < 0) {
		e = diag_error(d, path, 0, "cannot be read: %s", strerror(-e));
	} else {
		e = read_all(r, f);
		csv_close(&r->csv);
	}
	free(r);
	return e;
}

void trades_csv_free(struct trades_file *f)
{
	free(f->row);
	*f = (struct trades_file){ .rows = 0 };
}
