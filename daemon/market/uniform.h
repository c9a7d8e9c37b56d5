/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The welfare-optimal volume of a book in one zone and one interval, under the ban on trading with
 * oneself: what uniform, pay-as-bid, vcg and the blocks stand on.
 *
 * An allocation can be paired without self-trade exactly where no owner's purchases and sales
 * together exceed the volume (by the marriage theorem: what an owner buys must fit into what the
 * others sell). Where the best one breaks that for an owner, the best that keeps it meets it
 * exactly, since both sets are convex; then that owner buys all that the others sell and sells all
 * that they buy, and the book falls into two that are cleared each for itself. */
#ifndef LECD_MARKET_UNIFORM_H
#define LECD_MARKET_UNIFORM_H

#include "daemon/market/merit.h"

struct allocation {
	int parts; /* 1, or 2: of an owner's purchases and of its sales */
	struct part part[2];
	int64_t volume[2];
	int64_t whole; /* volume of all parts */
};

/* Fill the orders of a part. Only PART_ALL is divided, and only where self-trade is forbidden. */
void uniform_allocate(const struct book *b, const struct part *p, const struct terms *t,
		      struct result *r, struct allocation *out);

#endif
