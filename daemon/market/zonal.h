/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Markets between zones, where what is sold from one to another pays the grid's fee: the delivered
 * price, ask plus fee, decides who sells, and of equal ones the nearer.
 *
 * The ban on self-trade: the orders of a zone are one node of the flow, whoever's they are, and
 * what flows is paired; an owner that is paired with itself changes partners along the ways that
 * are used. Who still trades with itself gets nodes of its own where it does, between which there
 * is no way, and the flow is found anew. So the flow is always the best of at least all that is
 * allowed, and the one that can be paired is the best of what is. On a way at most one owner has
 * more than half of what flows there, which is why few are set apart, however many stand on both
 * sides. */
#ifndef LECD_MARKET_ZONAL_H
#define LECD_MARKET_ZONAL_H

#include "daemon/market/mechanism.h"

/* What books with blocks need beside. A block's order has a price beyond PRICE_MAX: it comes before
 * all others, and says nothing of the prices. */
struct zonal_given {
	uint64_t *apart; /* by owner: the zones, as bits, where it has nodes of its own; more may
			    come to it */
	const int32_t *limit; /* by order: what a block wants its price to keep, or NULL */
	int32_t *price;       /* out, by order; or NULL */
};

/* Clear with one price in each zone, or as_bid: each pair at delivered + k * (bid - delivered).
 * A zone's price is k of the way between the least and the most that keeps every order content,
 * with no trade left out that would pay and each flow paying its fee exactly. By the price rule
 * "pair" only those that trade are asked. Where the ban on self-trade leaves no such prices, who is
 * set apart has prices of its own. given may be NULL. Return 0, -ENOMEM, or -E2BIG. */
static inline bool zonal_is_apart(const uint64_t *apart, const struct order *o)
{
	return apart[o->owner] >> o->zone & 1;
}

int zonal_clear(const struct book *b, const struct terms *t, struct result *r, bool as_bid,
		const struct zonal_given *given);

#endif
