/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/fees_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/market/names.h"

enum { FEES_MAX = ZONES_MAX * ZONES_MAX, UNKNOWN = -1 };

struct reader {
	struct csv csv;
	const char *path;
	struct diag *d;
	int errors, rows;
	int32_t price_cap;
	struct name_text text;
	struct {
		uint32_t place[2]; /* from, to; neighbours of the next row's */
	} ends[FEES_MAX];
	int32_t fee[FEES_MAX];
	int line[FEES_MAX];
};

#define COMPLAIN(r, line, ...)                                                                     \
	((r)->errors++, (void)diag_error((r)->d, (r)->path, line, __VA_ARGS__))

static int read_row(struct reader *r)
{
	double fee = 0;
	if (r->csv.fields != 3) {
		COMPLAIN(r, r->csv.line, "%d fields, expected from,to,fee", r->csv.fields);
		return 0;
	}
	if (r->rows == FEES_MAX) {
		COMPLAIN(r, r->csv.line, "too many fees, expected at most %d", FEES_MAX);
		return -E2BIG;
	}
	if (csv_number(r->csv.field[2], &fee) < 0 || fee < 0 ||
	    fee * 1e6 > (double)r->price_cap + 0.5) {
		COMPLAIN(r, r->csv.line, "fee '%.40s', expected one per kWh from 0 to %g",
			 r->csv.field[2], r->price_cap / 1e6);
		fee = 0;
	}
	for (int i = 0; i < 2; i++) {
		if (*r->csv.field[i] == '\0') {
			COMPLAIN(r, r->csv.line, "no %s, expected a zone", i ? "to" : "from");
		}
		int e = names_add(&r->text, r->csv.field[i], &r->ends[r->rows].place[i]);
		if (e < 0) {
			return e;
		}
	}
	r->fee[r->rows] = (int32_t)lround(fee * 1e6);
	r->line[r->rows++] = r->csv.line;
	return 0;
}

static int read_rows(struct reader *r)
{
	int n = csv_next(&r->csv), e = 0;
	if (n < 0) {
		COMPLAIN(r, r->csv.line, "%s", csv_wrong(n));
		return -EINVAL;
	}
	if (n != 1 || r->csv.fields != 3 || strcmp(r->csv.field[0], "from") != 0 ||
	    strcmp(r->csv.field[1], "to") != 0 || strcmp(r->csv.field[2], "fee") != 0) {
		COMPLAIN(r, 1, "no header, expected from,to,fee");
		return -EINVAL;
	}
	while (e == 0 && (n = csv_next(&r->csv)) != 0) {
		if (n == -EIO) {
			return n;
		}
		if (n < 0) {
			COMPLAIN(r, r->csv.line, "%s", csv_wrong(n));
		} else {
			e = read_row(r);
		}
	}
	return e;
}

/* Both ways where one is given; nothing within a zone. */
static void complete(struct reader *r, struct orders_file *f)
{
	int n = f->zones.count;
	for (int from = 0; from < n; from++) {
		for (int to = 0; to < n; to++) {
			int32_t *fee = &f->fee[from * n + to], back = f->fee[to * n + from];
			if (*fee != UNKNOWN) {
				continue;
			}
			*fee = from == to ? 0 : back;
			if (*fee == UNKNOWN && from < to) {
				COMPLAIN(r, 0, "no fee from '%.40s' to '%.40s', expected one",
					 f->zones.name[from], f->zones.name[to]);
			}
		}
	}
}

static int number(struct reader *r, struct orders_file *f)
{
	static const int both = 2;
	int32_t rank[2 * FEES_MAX], sorted[2 * FEES_MAX];
	f->zones.name = malloc(sizeof(*f->zones.name) * (2 * (size_t)r->rows + 1));
	if (!f->zones.name) {
		return -ENOMEM;
	}
	int n = names_rank(r->text.text, r->ends[0].place, sizeof(r->ends[0].place[0]),
			   both * r->rows, rank, f->zones.name, sorted);
	f->zones.count = n;
	if (n > ZONES_MAX || n < 1) {
		COMPLAIN(r, 0, "%d zones, expected 1 to %d", n, ZONES_MAX);
		return -EINVAL;
	}
	f->fee = calloc((size_t)n * (size_t)n, sizeof(*f->fee));
	if (!f->fee) {
		return -ENOMEM;
	}
	for (int i = 0; i < n * n; i++) {
		f->fee[i] = UNKNOWN;
	}
	for (int i = 0; i < r->rows; i++) {
		int32_t *fee = &f->fee[rank[2 * i] * n + rank[2 * i + 1]];
		if (*fee != UNKNOWN) {
			COMPLAIN(r, r->line[i], "this pair of zones stands twice");
		}
		*fee = r->fee[i];
	}
	complete(r, f);
	return 0;
}

int fees_csv_read(struct orders_file *f, const char *path, int32_t price_cap, struct diag *d)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	r->path = path;
	r->d = d;
	r->price_cap = price_cap;
	int e = csv_open(&r->csv, path);
	if (e == 0) {
		e = read_rows(r);
		csv_close(&r->csv);
	}
	e = e ? e : r->errors ? -EINVAL : number(r, f);
	f->fees_text = r->text.text;
	if (e < 0 && r->errors == 0) {
		COMPLAIN(r, 0, "%s", csv_wrong(e));
	}
	e = e ? e : r->errors ? -EINVAL : 0;
	free(r);
	return e;
}
