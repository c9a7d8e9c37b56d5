/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book from a CSV file.
 *
 *   order,owner,side,price,quantity[,zone][,interval][,block][,min_ratio][,arrival][,action]
 *   1,home-1,buy,0.21,1.5
 *
 * price per kWh and quantity in kWh are rounded to their millionth. Columns stand in any order.
 * Orders come to stand in the book by their names (numbers by their value), owners, zones and
 * intervals too: the order of the rows tells only the arrival, and that only where no column does.
 * A file is taken whole or not at all. */
#ifndef LECD_MARKET_ORDERS_CSV_H
#define LECD_MARKET_ORDERS_CSV_H

#include "daemon/base/diag.h"
#include "daemon/market/book.h"

struct names {
	int count;
	const char **name; /* owned; the texts lie in the file's text */
};

struct orders_file {
	struct book book; /* its arrays are owned by this struct */
	struct order *order;
	struct block_order *block;
	int32_t *fee;
	const char **name;              /* of each order */
	struct names owners, intervals; /* as numbered in the book */
	struct names zones;
	char *text;
	char *fees_text;
};

/* Read path, and the grid's fees from fees_path (NULL: one zone, no column zone). price_cap: the
 * highest price there may be, and the lowest below zero. f is to be freed, also after an error. All
 * that is wrong goes to d, with row and column. Return 0 or -errno. */
int orders_csv_read(struct orders_file *f, const char *path, const char *fees_path,
		    int32_t price_cap, struct diag *d);
void orders_csv_free(struct orders_file *f);

#endif
