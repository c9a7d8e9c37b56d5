/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feeder's book as one curve, and one price back to its orders: so that a market above clears
 * thousands of homes by one message of each feeder.
 *
 * The curve is what the owners of a book would buy and sell beyond each other: at any price its
 * filled steps are all demand that accepts the price less all supply that does. So a market of
 * curves finds the price, volume and welfare of the market of all orders (uniform price, one zone),
 * to the step at its margin. A curve of fewer steps than there are prices gives up welfare, and
 * never a limit: what is put together asks for the price that suits all of it. */
#ifndef LECD_MARKET_AGGREGATE_H
#define LECD_MARKET_AGGREGATE_H

#include <stdint.h>

#include "daemon/market/book.h"
#include "daemon/market/result.h"

struct curve_step {
	int64_t quantity; /* mWh, > 0 */
	int32_t price;    /* buy at most, sell at least */
	int32_t side;     /* enum side */
};

/* The curve of a book of one zone and interval, without blocks or events: sells first, the cheapest
 * first, then buys, the dearest first. step has room for steps_max, at least 2. Returns how many,
 * or -ENOMEM. */
int aggregate_curve(const struct book *b, int steps_max, struct curve_step *step);

/* Fill the orders of a book at one price, when the market above gave net mWh of the curve (bought
 * > 0, sold < 0): r->filled, r->amount, by result_begin. The best orders first; at the margin by
 * their places. Returns 0; -ERANGE: these orders would not trade that much at this price; -ENOMEM.
 */
int aggregate_fill(const struct book *b, int32_t price, int64_t net, struct result *r);

#endif
