/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid's fees between zones: `from,to,fee`, per kWh. A pair that stands once holds both ways,
 * each pair of zones must stand; within a zone the fee is 0 unless it is given. */
#ifndef LECD_MARKET_FEES_CSV_H
#define LECD_MARKET_FEES_CSV_H

#include "daemon/market/orders_csv.h"

/* Fill f's zones, fee and fees_text. Return 0 or -errno; what is wrong goes to d. */
int fees_csv_read(struct orders_file *f, const char *path, int32_t price_cap, struct diag *d);

#endif
