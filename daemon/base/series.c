/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/series.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/isotime.h"

enum { ERRORS_MAX = 50 }; /* a file of the wrong kind is wrong in every line */

static const struct {
	const char *name;
	bool negative; /* whether it may be below zero */
} known[SERIES_OTHERS] = {
	[SERIES_LOAD_W] = { "load_w", false },
	[SERIES_PV_W] = { "pv_w", false },
	[SERIES_BUY] = { "buy_per_kwh", true },
	[SERIES_SELL] = { "sell_per_kwh", true },
	[SERIES_IMPORT_LIMIT_W] = { "import_limit_w", false },
	[SERIES_EXPORT_LIMIT_W] = { "export_limit_w", false },
	[SERIES_OUTDOOR_C] = { "outdoor_c", true },
};

struct reader {
	struct csv csv;
	const char *path;
	struct diag *d;
	int errors;
	int fields;
	int column[CSV_FIELDS_MAX]; /* of each field; -1: the time */
};

#define COMPLAIN(r, line, ...)                                                                     \
	((r)->errors++, (void)diag_error((r)->d, (r)->path, line, __VA_ARGS__))

static bool enough(const struct reader *r)
{
	return r->errors >= ERRORS_MAX;
}

/* The column a header's field names, -1 for the time, or -2: complained about. */
static int name_column(struct reader *r, struct series *s, const char *name)
{
	if (strcmp(name, "time") == 0) {
		return -1;
	}
	for (int c = 0; c < SERIES_OTHERS; c++) {
		if (strcmp(name, known[c].name) == 0) {
			return c;
		}
	}
	if (*name == '\0' || strlen(name) >= sizeof(s->name[0])) {
		COMPLAIN(r, r->csv.line, "column name '%.40s', expected 1 to 31 characters", name);
		return -2;
	}
	if (s->columns == SERIES_COLUMNS_MAX) {
		COMPLAIN(r, r->csv.line, "too many columns at %s, expected at most %d", name,
			 SERIES_COLUMNS_MAX + 1);
		return -2;
	}
	strcpy(s->name[s->columns], name);
	return s->columns++;
}

static void read_header(struct reader *r, struct series *s)
{
	bool seen_time = false;
	for (int c = 0; c < SERIES_OTHERS; c++) {
		strcpy(s->name[c], known[c].name);
	}
	s->columns = SERIES_OTHERS;
	r->fields = r->csv.fields;
	for (int f = 0; f < r->fields; f++) {
		r->column[f] = name_column(r, s, r->csv.field[f]);
		seen_time |= r->column[f] == -1;
		for (int g = 0; g < f; g++) {
			if (strcmp(r->csv.field[f], r->csv.field[g]) == 0) {
				COMPLAIN(r, r->csv.line, "column %s given twice", r->csv.field[f]);
			}
		}
	}
	if (!seen_time) {
		COMPLAIN(r, r->csv.line,
			 "no column time, expected time,load_w,pv_w,buy_per_kwh,sell_per_kwh");
	}
}

/* How many rows follow the header, at most SERIES_ROWS_MAX + 1. */
static int count_rows(struct csv *c)
{
	int rows = 0;
	for (int n; rows <= SERIES_ROWS_MAX; rows++) {
		n = csv_next(c);
		if (n == 0 || n == -EIO) {
			break;
		}
	}
	return rows;
}

static void name_table(struct series *s, const struct reader *r, int rows, double *values)
{
	for (int f = 0; f < r->fields; f++) {
		if (r->column[f] >= 0) {
			s->value[r->column[f]] = values;
			values += rows;
		}
	}
}

/* One block holds the times, the columns the file has, and the lines. */
static int allocate(struct series *s, const struct reader *r, int rows)
{
	size_t cells = (size_t)rows * (size_t)(r->fields - 1);
	char *block = malloc(((size_t)rows + 1) * sizeof(int64_t) + cells * sizeof(double) +
			     (size_t)rows * sizeof(int));
	if (!block) {
		return -ENOMEM;
	}
	s->start_s = (int64_t *)(void *)block;
	double *values = (double *)(void *)(s->start_s + rows + 1);
	name_table(s, r, rows, values);
	s->line = (int *)(void *)(values + cells);
	return 0;
}

static void read_time(struct reader *r, struct series *s, const char *text)
{
	int64_t at_s;
	if (isotime_parse(text, &at_s) < 0) {
		COMPLAIN(r, r->csv.line,
			 "time '%.40s', expected ISO 8601 as in 2026-06-01T00:00:00Z", text);
		at_s = s->rows > 0 ? s->start_s[s->rows - 1] + 1 : 0;
	} else if (s->rows > 0 && at_s <= s->start_s[s->rows - 1]) {
		COMPLAIN(r, r->csv.line, "time %s %s, expected each row later than the one before",
			 text, at_s == s->start_s[s->rows - 1] ? "stands twice" : "goes back");
	}
	s->start_s[s->rows] = at_s;
}

static void read_value(struct reader *r, struct series *s, int column, const char *text)
{
	double value = 0;
	if (csv_number(text, &value) < 0) {
		COMPLAIN(r, r->csv.line, "%s '%.40s', expected a finite number", s->name[column],
			 text);
	} else if (column < SERIES_OTHERS && !known[column].negative && value < 0) {
		COMPLAIN(r, r->csv.line, "%s %s, expected a number >= 0", s->name[column], text);
	}
	s->value[column][s->rows] = value;
}

static void read_row(struct reader *r, struct series *s)
{
	if (r->csv.fields != r->fields) {
		COMPLAIN(r, r->csv.line, "%d fields, expected %d as in the header", r->csv.fields,
			 r->fields);
		return;
	}
	for (int f = 0; f < r->fields; f++) {
		if (r->column[f] < 0) {
			read_time(r, s, r->csv.field[f]);
		} else {
			read_value(r, s, r->column[f], r->csv.field[f]);
		}
	}
	s->line[s->rows++] = r->csv.line;
}

/* At most the rows that were counted: the file may have grown since. */
static int read_rows(struct reader *r, struct series *s, int rows)
{
	int n;
	while ((n = csv_next(&r->csv)) != 0 && n != -EIO && s->rows < rows && !enough(r)) {
		if (n < 0) {
			COMPLAIN(r, r->csv.line, "%s", csv_wrong(n));
		} else {
			read_row(r, s);
		}
	}
	if (enough(r)) {
		COMPLAIN(r, r->csv.line, "and perhaps more: reading stopped after %d errors",
			 ERRORS_MAX);
	}
	return n == -EIO ? -EIO : 0;
}

/* The last row lasts as long as the one before it. */
static void close_last_row(struct series *s)
{
	int n = s->rows;
	s->start_s[n] = 2 * s->start_s[n - 1] - s->start_s[n - 2];
}

static int read_table(struct reader *r, struct series *s)
{
	int n = csv_next(&r->csv);
	if (n == -EIO) {
		return n;
	}
	if (n != 1) {
		COMPLAIN(r, r->csv.line, "%s",
			 n < 0 ? csv_wrong(n) : "empty file, expected a header line");
		return -EINVAL;
	}
	read_header(r, s);
	if (r->errors) {
		return -EINVAL;
	}
	int rows = count_rows(&r->csv);
	if (r->csv.ended) {
		COMPLAIN(r, r->csv.line, "%s", csv_wrong(-EILSEQ));
		return -EINVAL;
	}
	if (rows < 2 || rows > SERIES_ROWS_MAX) {
		COMPLAIN(r, 0, "%d rows, expected 2 to %d", rows, SERIES_ROWS_MAX);
		return -EINVAL;
	}
	int e = allocate(s, r, rows);
	if (e < 0) {
		return e;
	}
	csv_rewind(&r->csv);
	(void)csv_next(&r->csv);
	return read_rows(r, s, rows);
}

int series_read(struct series *s, const char *path, struct diag *d)
{
	struct reader r = { .path = path, .d = d };
	*s = (struct series){ .rows = 0 };
	int e = csv_open(&r.csv, path);
	if (e == 0) {
		e = read_table(&r, s);
		csv_close(&r.csv);
	}
	if (e < 0 && r.errors == 0) {
		COMPLAIN(&r, 0, "%s", csv_wrong(e));
	}
	if (r.errors) {
		return e < 0 ? e : -EINVAL;
	}
	close_last_row(s);
	return 0;
}

void series_free(struct series *s)
{
	free(s->start_s);
	*s = (struct series){ .rows = 0 };
}

int series_column(const struct series *s, const char *name)
{
	for (int c = 0; c < s->columns; c++) {
		if (s->value[c] && strcmp(s->name[c], name) == 0) {
			return c;
		}
	}
	return -1;
}

int series_row(const struct series *s, int64_t at_s)
{
	if (s->rows == 0 || at_s < s->start_s[0] || at_s >= s->start_s[s->rows]) {
		return -1;
	}
	int low = 0, high = s->rows; /* start_s[low] <= at_s < start_s[high] */
	while (high - low > 1) {
		int middle = low + (high - low) / 2;
		if (s->start_s[middle] <= at_s) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return low;
}

int series_mean(const struct series *s, int column, int64_t from_s, int64_t to_s, double *out)
{
	int row = series_row(s, from_s);
	if (row < 0 || to_s <= from_s || to_s > s->start_s[s->rows] || column < 0 ||
	    column >= s->columns || !s->value[column]) {
		return -ENOENT;
	}
	double sum = 0;
	for (; row < s->rows && s->start_s[row] < to_s; row++) {
		int64_t from = s->start_s[row] > from_s ? s->start_s[row] : from_s;
		int64_t to = s->start_s[row + 1] < to_s ? s->start_s[row + 1] : to_s;
		sum += s->value[column][row] * (double)(to - from);
	}
	*out = sum / (double)(to_s - from_s);
	return 0;
}
