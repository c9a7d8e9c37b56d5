/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/orders_csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/fees_csv.h"
#include "daemon/market/orders_private.h"

enum { ERRORS_MAX = 50, NAME_MAX_LENGTH = 63 };
static const double millionths = 1e6;

static const char *const column_name[COLUMNS] = {
	[ORDER] = "order",       [OWNER] = "owner",       [SIDE] = "side",
	[PRICE] = "price",       [QUANTITY] = "quantity", [ZONE] = "zone",
	[INTERVAL] = "interval", [BLOCK] = "block",       [MIN_RATIO] = "min_ratio",
	[ARRIVAL] = "arrival",   [ACTION] = "action",
};
static const char expected_columns[] =
	"order,owner,side,price,quantity and perhaps zone, interval, "
	"block, min_ratio, arrival, action";

/* --- header -------------------------------------------------------------------------------------
 */

static void read_header(struct orders_reader *r, bool fees)
{
	r->fields = r->csv.fields;
	for (int c = 0; c < COLUMNS; c++) {
		r->column[c] = -1;
	}
	for (int f = 0; f < r->fields; f++) {
		int c = 0;
		while (c < COLUMNS && strcmp(column_name[c], r->csv.field[f]) != 0) {
			c++;
		}
		if (c == COLUMNS) {
			COMPLAIN(r, r->csv.line, "column '%.40s' is not known, expected %s",
				 r->csv.field[f], expected_columns);
		} else if (r->column[c] >= 0) {
			COMPLAIN(r, r->csv.line, "column %s given twice", column_name[c]);
		} else {
			r->column[c] = f;
		}
	}
	for (int c = 0; c < REQUIRED; c++) {
		if (r->column[c] < 0) {
			COMPLAIN(r, r->csv.line, "no column %s, expected %s", column_name[c],
				 expected_columns);
		}
	}
	if (!fees && r->column[ZONE] >= 0) {
		COMPLAIN(r, r->csv.line, "column zone, expected the grid's fees with it (--fees)");
	}
	if (r->column[MIN_RATIO] >= 0 && r->column[BLOCK] < 0) {
		COMPLAIN(r, r->csv.line, "column min_ratio, expected a column block with it");
	}
}

/* --- rows ---------------------------------------------------------------------------------------
 */

/* The field of a column, "" where there is none. */
static const char *field(const struct orders_reader *r, enum column c)
{
	return r->column[c] >= 0 ? r->csv.field[r->column[c]] : "";
}

static void complain_field(struct orders_reader *r, enum column c, const char *expected)
{
	COMPLAIN(r, r->csv.line, "%s '%.40s', expected %s", column_name[c], field(r, c), expected);
}

static int take_name(struct orders_reader *r, enum column c, uint32_t *place)
{
	const char *name = field(r, c);
	if (strlen(name) > NAME_MAX_LENGTH || (*name == '\0' && c < REQUIRED)) {
		complain_field(r, c, "a name of 1 to 63 characters");
		name = "?";
	}
	return names_add(&r->text, name, place);
}

static int take_word(struct orders_reader *r, enum column c, const char *const *words, int count,
		     const char *expected)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], field(r, c)) == 0) {
			return i;
		}
	}
	complain_field(r, c, expected);
	return 0;
}

static void take_price(struct orders_reader *r, struct order *o)
{
	double price;
	char expected[80];
	snprintf(expected, sizeof(expected), "a price per kWh from %g to %g",
		 -(double)r->price_cap / millionths, (double)r->price_cap / millionths);
	if (csv_number(field(r, PRICE), &price) < 0 ||
	    fabs(price) * millionths > (double)r->price_cap + 0.5) {
		complain_field(r, PRICE, expected);
		return;
	}
	o->price = (int32_t)lround(price * millionths);
}

static void take_quantity(struct orders_reader *r, struct order *o)
{
	double kwh;
	if (csv_number(field(r, QUANTITY), &kwh) < 0 || !(kwh * millionths >= 0.5) ||
	    kwh * millionths > (double)QUANTITY_MAX) {
		complain_field(r, QUANTITY, "an energy from 0.000001 to 1000000 kWh");
		o->quantity = 1;
		return;
	}
	o->quantity = llround(kwh * millionths);
}

static void take_block(struct orders_reader *r, struct orders_row *row)
{
	double ratio = 1;
	row->in_block = *field(r, BLOCK) != '\0';
	if (*field(r, MIN_RATIO) &&
	    (csv_number(field(r, MIN_RATIO), &ratio) < 0 || !(ratio >= 1e-6) || ratio > 1)) {
		complain_field(r, MIN_RATIO, "a share above 0, up to 1");
		ratio = 1;
	} else if (*field(r, MIN_RATIO) && !row->in_block) {
		complain_field(r, MIN_RATIO, "none without a block");
	}
	row->least = (int32_t)lround(ratio * RATIO_WHOLE);
}

static void take_zone(struct orders_reader *r, struct order *o)
{
	const struct names *zones = &r->out->zones;
	for (int z = 0; r->column[ZONE] >= 0 && z < zones->count; z++) {
		if (strcmp(zones->name[z], field(r, ZONE)) == 0) {
			o->zone = (uint8_t)z;
			return;
		}
	}
	if (r->column[ZONE] >= 0) {
		complain_field(r, ZONE, "a zone of the file with the grid's fees");
	}
}

static int take_row(struct orders_reader *r, struct orders_row *row)
{
	static const char *const sides[] = { "buy", "sell" };
	static const char *const actions[] = { "new", "cancel", "replace" };
	static const enum column kinds[NAMES] = { ORDER, OWNER, INTERVAL, BLOCK };
	*row = (struct orders_row){ .line = r->csv.line, .order = { .block = -1, .quantity = 1 } };
	for (int k = 0; k < NAMES; k++) {
		int e = take_name(r, kinds[k], &row->place[k]);
		if (e < 0) {
			return e;
		}
	}
	if (*field(r, ACTION)) {
		row->order.action =
			(uint8_t)(take_word(r, ACTION, actions, 3, "new, cancel or replace") & 3);
	}
	row->order.side = (unsigned)take_word(r, SIDE, sides, 2, "buy or sell") & 1;
	if (row->order.action != ACTION_CANCEL) { /* which says nothing new */
		take_price(r, &row->order);
		take_quantity(r, &row->order);
	}
	take_block(r, row);
	take_zone(r, &row->order);
	row->arrival = r->rows;
	if (r->column[ARRIVAL] >= 0 && csv_number(field(r, ARRIVAL), &row->arrival) < 0) {
		complain_field(r, ARRIVAL, "a number that grows with time");
	}
	return 0;
}

static int read_row(struct orders_reader *r)
{
	if (r->csv.fields != r->fields) {
		COMPLAIN(r, r->csv.line, "%d fields, expected %d as in the header", r->csv.fields,
			 r->fields);
		return 0;
	}
	if (r->rows == ORDERS_MAX) {
		COMPLAIN(r, r->csv.line, "too many orders, expected at most %d", ORDERS_MAX);
		return -E2BIG;
	}
	if (r->rows == r->room) {
		int room = r->room ? 2 * r->room : 256;
		struct orders_row *wider = realloc(r->row, sizeof(*wider) * (size_t)room);
		if (!wider) {
			return -ENOMEM;
		}
		r->row = wider;
		r->room = room;
	}
	int e = take_row(r, &r->row[r->rows]);
	r->rows += e == 0;
	return e;
}

static int read_rows(struct orders_reader *r)
{
	int n, e = 0;
	while (e == 0 && (n = csv_next(&r->csv)) != 0) {
		if (n == -EIO) {
			return n;
		}
		if (n < 0) {
			COMPLAIN(r, r->csv.line, "%s", csv_wrong(n));
		} else {
			e = read_row(r);
		}
		if (r->errors >= ERRORS_MAX) {
			COMPLAIN(r, r->csv.line,
				 "and perhaps more: reading stopped after %d errors", ERRORS_MAX);
			return -EINVAL;
		}
	}
	return e;
}

/* --- the file -----------------------------------------------------------------------------------
 */

static int read_table(struct orders_reader *r, bool fees)
{
	int n = csv_next(&r->csv);
	if (n == -EIO) {
		return n;
	}
	if (n != 1) {
		if (n < 0) {
			COMPLAIN(r, r->csv.line, "%s", csv_wrong(n));
		} else {
			COMPLAIN(r, 0, "empty file, expected a header with %s", expected_columns);
		}
		return -EINVAL;
	}
	read_header(r, fees);
	if (r->errors) {
		return -EINVAL;
	}
	int e = read_rows(r);
	if (e == 0 && r->rows == 0 && r->errors == 0) {
		COMPLAIN(r, 0, "no orders, expected at least one row");
	}
	return e || r->errors ? e : orders_number(r);
}

static void finish(struct orders_reader *r)
{
	struct orders_file *f = r->out;
	struct book *b = &f->book;
	b->orders = r->rows;
	b->owners = f->owners.count;
	b->intervals = f->intervals.count;
	b->zones = f->zones.count > 1 ? f->zones.count : 1;
	b->order = f->order;
	b->block = f->block;
	b->fee = f->zones.count > 0 ? f->fee : NULL;
	if (book_quantity(b) > BOOK_QUANTITY_MAX) {
		COMPLAIN(r, 0, "all orders together are more than 1000 GWh, expected less");
	}
}

int orders_csv_read(struct orders_file *f, const char *path, const char *fees_path,
		    int32_t price_cap, struct diag *d)
{
	struct orders_reader r = { .path = path, .d = d, .price_cap = price_cap, .out = f };
	*f = (struct orders_file){ .book = { .orders = 0 } };
	int before = d->errors;
	int e = fees_path ? fees_csv_read(f, fees_path, price_cap, d) : 0;
	int opened = e ? e : csv_open(&r.csv, path);
	if (opened == 0) {
		e = read_table(&r, fees_path != NULL);
		csv_close(&r.csv);
	} else if (e == 0) {
		e = opened;
	}
	f->text = r.text.text;
	if (e < 0 && d->errors == before) {
		COMPLAIN(&r, 0, "%s", csv_wrong(e));
	}
	if (e == 0 && d->errors == before) {
		finish(&r);
	}
	free(r.row);
	return e ? e : d->errors > before ? -EINVAL : 0;
}

void orders_csv_free(struct orders_file *f)
{
	free(f->order);
	free(f->block);
	free(f->fee);
	free(f->name);
	free(f->owners.name);
	free(f->intervals.name);
	free(f->zones.name);
	free(f->text);
	free(f->fees_text);
	*f = (struct orders_file){ .book = { .orders = 0 } };
}
