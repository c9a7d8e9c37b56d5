/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prices that hold an optimal flow in place: nobody is content with less or more than it trades,
 * no way is left that would pay, and over each flow the price rises by its fee. These are the dual
 * answers of the flow; they form a lattice, with a least and a most. */
#ifndef LECD_MARKET_ZONAL_PRICES_H
#define LECD_MARKET_ZONAL_PRICES_H

#include "daemon/market/transport.h"

struct zonal_prices {
	const struct transport *transport;
	const int *variable; /* which price is that of each source and then of each sink */
	int variables;
	const int *between; /* NULL, or for each variable another that lies below it, -1: none */
	const int32_t *between_by; /* by so much */
	bool traded_only;          /* who is left out and ways that are not used are not asked */
	int32_t *low, *high;       /* out, by variable; room for sources + sinks */
};

/* Return 0, or -ENOENT: there are no such prices. */
int zonal_prices_find(struct zonal_prices *p);

/* After it: keep a variable at or above a limit (or at or below), as far as the prices leave it
 * open. */
void zonal_prices_keep(struct zonal_prices *p, int variable, bool above, int32_t limit);

#endif
