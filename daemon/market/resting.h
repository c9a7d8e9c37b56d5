/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One side of a continuous market: the orders that rest, and which of them is the best, be it
 * anybody's or not a certain owner's. Neither is searched for, however many orders an owner has.
 *
 * An owner's orders are a pairing heap (M. L. Fredman, R. Sedgewick, D. D. Sleator, R. E. Tarjan,
 * "The pairing heap: a new form of self-adjusting heap", Algorithmica 1, 1986): one comes in at
 * once, and leaves in O(log orders), amortised. The owners' best are the leaves of a tournament in
 * which each node holds the better of the two below. The best of all stands on top; the best that
 * is not a certain owner's is the best of those which that owner's leaf is compared with on its way
 * up: they hold between them all leaves but that one, and there are log2(owners) of them.
 *
 * The memory is the caller's. */
#ifndef LECD_MARKET_RESTING_H
#define LECD_MARKET_RESTING_H

#include <stdint.h>

enum { RESTING_NONE = -1 };

/* An order that rests; indexed by its number, and on one side at a time. */
struct resting {
	uint64_t key;     /* the best least; no two alike */
	int64_t quantity; /* mWh left; 0: does not rest */
	int32_t price, owner;
	int32_t child, next, before; /* in the heap */
	uint8_t side;
};

struct resting_best {
	uint64_t key;
	int32_t order; /* RESTING_NONE: nothing rests, and the key is beyond all */
};

struct resting_side {
	int32_t leaves;            /* a power of two, at least as many as owners */
	struct resting_best *best; /* 2 * leaves; the top is 1, owner o's leaf is leaves + o */
};

/* The leaves that so many owners take. */
int32_t resting_leaves(int owners_max);

/* Empty the side. */
void resting_reset(struct resting_side *s);

/* Put an order that has its key and owner in, or take it out. */
void resting_put(struct resting_side *s, struct resting *all, int32_t order);
void resting_take(struct resting_side *s, struct resting *all, int32_t order);

/* The best, or the best that is not owner's; RESTING_NONE where nothing rests. */
int32_t resting_best(const struct resting_side *s);
int32_t resting_best_without(const struct resting_side *s, int32_t owner);

#endif
