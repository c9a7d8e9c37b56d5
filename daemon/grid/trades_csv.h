/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trades from a CSV file: time,buyer,seller,kwh,price[,gain], columns in any order. A buyer or
 * seller that is empty or `utility` is the utility; price is that of energy in that interval. */
#ifndef LECD_GRID_TRADES_CSV_H
#define LECD_GRID_TRADES_CSV_H

#include "daemon/base/diag.h"
#include "daemon/grid/dso.h"

struct trades_row {
	int64_t start_s;
	int line;
	double price;
	struct dso_trade trade;
};

struct trades_file {
	int rows, room;
	struct trades_row *row; /* by time, then as in the file; owned */
};

/* Read path. What is wrong goes to d, all of it; to be freed in any case. Returns 0 or -errno. */
int trades_csv_read(struct trades_file *f, const char *path, const struct dso *o,
		    const struct dso_conf *c, struct diag *d);
void trades_csv_free(struct trades_file *f);

#endif
