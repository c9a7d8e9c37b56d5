/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Books with blocks, or with several intervals.
 *
 * Which blocks are taken, and by what share, is the best welfare of all: a mixed-integer program,
 * solved to proof within the terms' time. With the blocks held, each interval is cleared like any
 * other book, in one zone or in several, in whole numbers. The program knows the ban on self-trade
 * of those owners alone for whom it has turned out to bind: as long as there come to be more, it is
 * solved again.
 *
 * The price rule: an interval's price is that of its simple orders with the blocks given. Where
 * they leave it open, it comes to lie within the limits of the blocks too as far as it can. A block
 * that was taken and would lose at these prices is paid its loss (`uplift`), by all who gain and in
 * proportion to their gain: as welfare is not negative, nobody loses by trading. */
#ifndef LECD_MARKET_BLOCKS_H
#define LECD_MARKET_BLOCKS_H

#include "daemon/market/mechanism.h"

/* As mechanism_clear. */
int blocks_clear(const struct book *b, const struct terms *t, struct result *r);

/* Choose: into share[], for each block, from 0 to 1. apart[]: by owner, the zones as bits where it
 * is kept from trading with itself. *proven: nothing has more welfare than *bound, in currency, and
 * this has it, as far as numbers of the program's kind can tell: they take a binary for settled
 * within a millionth. Return 0 or -errno. */
int blocks_choose(const struct book *b, const struct terms *t, const uint64_t *apart, double *share,
		  double *bound, bool *proven);

/* Move money from who gains to the blocks that lose. price[]: of each order. */
int blocks_uplift(const struct book *b, const int32_t *price, struct result *r);

#endif
