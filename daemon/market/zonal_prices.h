/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prices that hold an optimal flow in place: nobody is content with less or more than it trades,
 * no way is left that would pay, and over each flow the price rises by its fee. These are the dual
 * answers of the flow; they form a lattice, with a least and a most. */
#ifndef LECD_MARKET_ZONAL_PRICES_H
#define LECD_MARKET_ZONAL_PRICES_H

#include "daemon/market/transport.h"

struct zonal_prices {
	int32_t *low, *high; /* by variable; room for sources + sinks */
};

/* variable[]: which price is that of each source and then of each sink, below variables. apart[]:
 * NULL, or for each variable another that lies by apart_by[] below it, -1: none. Return 0, or
 * -ENOENT: there are no such prices. */
int zonal_prices_find(const struct transport *t, const int *variable, int variables,
		      const int *apart, const int32_t *apart_by, struct zonal_prices *out);

#endif
