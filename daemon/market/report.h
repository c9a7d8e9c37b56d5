/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clearing a book from a file came to: as JSON, and its trades as CSV. */
#ifndef LECD_MARKET_REPORT_H
#define LECD_MARKET_REPORT_H

#include <stdio.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/orders_csv.h"

/* One JSON object and a newline. Return 0 or -errno. */
int report_json(FILE *to, const struct mechanism *m, const struct orders_file *f,
		const struct result *r);

/* buy_order,sell_order,quantity,price,fee; of a pool owner,quantity,price,amount. */
void report_trades(FILE *to, const struct orders_file *f, const struct result *r);

#endif
