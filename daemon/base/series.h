/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A series: load, PV and prices over time, from a CSV file.
 *
 *   time,load_w,pv_w,buy_per_kwh,sell_per_kwh
 *   2026-06-01T00:00:00Z,412,0,0.1907,0.065
 *
 * A row holds the mean from its time to the next row's; the last row lasts as long as the one
 * before it. Steps may be irregular. Columns stand in any order, all but time may be missing, and
 * further ones (named after assets) are kept under their names. A file is taken whole or not at
 * all. */
#ifndef LECD_BASE_SERIES_H
#define LECD_BASE_SERIES_H

#include <stdint.h>

#include "daemon/base/diag.h"

enum series_column {
	SERIES_LOAD_W,         /* >= 0 */
	SERIES_PV_W,           /* >= 0 */
	SERIES_BUY,            /* per kWh */
	SERIES_SELL,           /* per kWh */
	SERIES_IMPORT_LIMIT_W, /* >= 0 */
	SERIES_EXPORT_LIMIT_W, /* >= 0 */
	SERIES_OUTDOOR_C,
	SERIES_OTHERS, /* the first of the others, in the file's order */
	SERIES_COLUMNS_MAX = 500
};
enum { SERIES_ROWS_MAX = 1100000 }; /* two years of minutes */

struct series {
	int rows;    /* at least 2 */
	int columns; /* SERIES_OTHERS + others */
	char name[SERIES_COLUMNS_MAX][32];
	int *line;        /* of each row in the file; owned with start_s */
	int64_t *start_s; /* rows + 1 of them: the last is the series' end. Owned. */
	double *value[SERIES_COLUMNS_MAX]; /* by column; NULL where the file has no such column */
};

/* Read path into s (to be freed with series_free, also after an error). What is wrong with it goes
 * to d, all of it at once as far as it is useful. Return 0, or -errno. */
int series_read(struct series *s, const char *path, struct diag *d);
void series_free(struct series *s);

/* The column of that name with values in it, or -1. */
int series_column(const struct series *s, const char *name);

/* The row that holds at_s, or -1 before the first and after the last. */
int series_row(const struct series *s, int64_t at_s);

/* The time-weighted mean of a column from from_s to to_s, into *out. Return 0, or -ENOENT where the
 * column is missing or the series does not cover that time. */
int series_mean(const struct series *s, int column, int64_t from_s, int64_t to_s, double *out);

#endif
