/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Markets between zones, where what is sold from one to another pays the grid's fee: the delivered
 * price, ask plus fee, decides who sells, and of equal ones the nearer. */
#ifndef LECD_MARKET_ZONAL_H
#define LECD_MARKET_ZONAL_H

#include "daemon/market/mechanism.h"

/* Clear with one price in each zone, or as_bid: each pair at delivered + k * (bid - delivered).
 * A zone's price is k of the way between the least and the most that keeps every order content,
 * with no trade left out that would pay and each flow paying its fee exactly. Where the ban on
 * self-trade leaves no such prices, who stands on both sides of the book has prices of its own.
 * Return 0, -ENOMEM, or -E2BIG: too many owners stand on both sides. */
int zonal_clear(const struct book *b, const struct terms *t, struct result *r, bool as_bid);

#endif
