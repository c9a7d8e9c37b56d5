/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files that read orders share: rows as they come, and their numbers. */
#ifndef LECD_MARKET_ORDERS_PRIVATE_H
#define LECD_MARKET_ORDERS_PRIVATE_H

#include "daemon/base/csv.h"
#include "daemon/market/names.h"
#include "daemon/market/orders_csv.h"

enum column {
	ORDER,
	OWNER,
	SIDE,
	PRICE,
	QUANTITY,
	ZONE,
	INTERVAL,
	BLOCK,
	MIN_RATIO,
	ARRIVAL,
	ACTION,
	COLUMNS,
	REQUIRED = ZONE /* those before it */
};
enum name_kind { NAME_ORDER, NAME_OWNER, NAME_INTERVAL, NAME_BLOCK, NAMES };

struct orders_row {
	uint32_t place[NAMES];
	int line;
	bool in_block;
	double arrival;
	int32_t least;
	struct order order; /* its numbers come later */
};

struct orders_reader {
	struct csv csv;
	const char *path;
	struct diag *d;
	int errors;
	int fields;
	int column[COLUMNS]; /* the field of each, -1: the file has none */
	int32_t price_cap;
	struct name_text text;
	struct orders_row *row;
	int rows, room;
	struct orders_file *out;
};

#define COMPLAIN(r, line, ...)                                                                     \
	((r)->errors++, (void)diag_error((r)->d, (r)->path, line, __VA_ARGS__))

/* Give names their numbers and put the orders into r->out by them; complain of what does not fit
 * together. At least one row. Return 0 or -ENOMEM. */
int orders_number(struct orders_reader *r);

#endif
