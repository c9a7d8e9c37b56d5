/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pools have in common: members with a net energy each, which the community shares before
 * the utility delivers or takes the rest. Orders are firm here: their limits are not looked at, and
 * an owner's purchases and sales are one net. */
#ifndef LECD_MARKET_POOL_H
#define LECD_MARKET_POOL_H

#include "daemon/market/mechanism.h"

/* Net energies into r->member, totals into bought and sold (mWh of those who net buy and sell),
 * all orders filled; shared, imported and exported energy and the welfare: what the pool saves
 * against the utility. */
void pool_gather(const struct book *b, const struct terms *t, struct result *r, int64_t *bought,
		 int64_t *sold);

/* One price for who buys and one for who sells; amounts, and the residue of rounding: what is paid
 * less what is received, less what the utility gets. */
void pool_settle(const struct terms *t, int32_t buy_price, int32_t sell_price, struct result *r);

/* (a * x + b * y) / (x + y), rounded to the nearest; x + y > 0. */
int32_t pool_mean(int32_t a, int64_t x, int32_t b, int64_t y);

#endif
