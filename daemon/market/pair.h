/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who trades with whom, once it is known how much of each order is filled. */
#ifndef LECD_MARKET_PAIR_H
#define LECD_MARKET_PAIR_H

#include "daemon/market/merit.h"

/* The owner that cannot but trade with itself: what it buys and sells is more than the whole
 * volume. -1 where there is none. There is never more than one: all owners' purchases and sales
 * together are twice the volume. */
int32_t pair_crowded(const struct book *b, struct result *r, int64_t volume);

/* Pair a part's filled orders, each trade at price. Nobody is paired with itself where the part has
 * no crowded owner: purchases are laid round a circle owner by owner, sales outside of it in the
 * same order of owners, turned as far as the owner needs that must be turned the most. That is
 * enough for all of them. At most one trade for each order and one more. Return 0 or -ENOMEM. */
int pair_round(const struct book *b, const struct part *p, int32_t price, struct result *r);

/* Pair all filled orders, the best bid with the best ask. The trades have no price yet. */
int pair_by_merit(const struct book *b, struct result *r);

#endif
