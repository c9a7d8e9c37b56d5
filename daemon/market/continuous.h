/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A continuous double auction with price-time priority: an order meets the best resting orders of
 * the other side at their prices, what is left of it rests. A replace at the same price and not
 * more energy keeps its place in time, any other goes to the end. Own orders are passed over and
 * keep their place where self-trade is forbidden.
 *
 * Orders and owners are numbers of the caller's, below the room it asked for. Each trade and each
 * event takes O(log orders + log owners), amortised, whoever's orders cross (see resting.h). */
#ifndef LECD_MARKET_CONTINUOUS_H
#define LECD_MARKET_CONTINUOUS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/book.h"
#include "daemon/market/result.h"

struct exchange;

/* One block of memory, to be given back with free(); NULL where there is none. */
struct exchange *exchange_new(int orders_max, int owners_max, bool self_trade);
bool exchange_has_room(const struct exchange *x, int orders, int owners);
void exchange_reset(struct exchange *x, bool self_trade);

/* Trade and rest. Trades are appended to r, and their volume and welfare added, by the limits of
 * that moment. Return 0 or -ENOMEM; -EINVAL: the order rests already, or there
 * is no room for it or its owner; -EOVERFLOW: 2^32 orders since
 * the reset. */
int exchange_add(struct exchange *x, int32_t order, const struct order *what, struct result *r);
/* Return what was still resting, mWh; 0: nothing. */
int64_t exchange_cancel(struct exchange *x, int32_t order);
/* Put what (same owner and side) in the place of what is left of order. Return 0 or as
 * exchange_add. */
int exchange_replace(struct exchange *x, int32_t order, const struct order *what, struct result *r);
/* What rests of an order, mWh. */
int64_t exchange_rests(const struct exchange *x, int32_t order);
/* The best resting order of a side, -1: none. */
int32_t exchange_best(const struct exchange *x, enum side side);

#endif
