/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/resting.h"

static const struct resting_best nothing = { UINT64_MAX, RESTING_NONE };

/* --- an owner's orders: a pairing heap ----------------------------------------------------------
 */

/* Two roots under one. What stands beside the winner stays. */
static int32_t meld(struct resting *all, int32_t a, int32_t b)
{
	int32_t root = all[a].key < all[b].key ? a : b, under = root == a ? b : a;
	int32_t child = all[root].child;
	all[under].next = child;
	all[under].before = root;
	if (child != RESTING_NONE) {
		all[child].before = under;
	}
	all[root].child = under;
	return root;
}

/* The children of what is taken out, first in pairs, then into one. */
static int32_t gather(struct resting *all, int32_t first)
{
	int32_t pairs = RESTING_NONE, root = RESTING_NONE;
	while (first != RESTING_NONE) {
		int32_t a = first, b = all[a].next;
		first = b == RESTING_NONE ? RESTING_NONE : all[b].next;
		a = b == RESTING_NONE ? a : meld(all, a, b);
		all[a].next = pairs;
		pairs = a;
	}
	while (pairs != RESTING_NONE) {
		int32_t next = all[pairs].next;
		root = root == RESTING_NONE ? pairs : meld(all, root, pairs);
		pairs = next;
	}
	return root;
}

/* Take an order that is not the root out of its heap. */
static void cut(struct resting *all, int32_t order)
{
	int32_t before = all[order].before, next = all[order].next;
	if (all[before].child == order) {
		all[before].child = next;
	} else {
		all[before].next = next;
	}
	if (next != RESTING_NONE) {
		all[next].before = before;
	}
}

/* --- the owners: a tournament -------------------------------------------------------------------
 */

static void set_best(struct resting_side *s, const struct resting *all, int32_t owner,
		     int32_t order)
{
	int32_t at = s->leaves + owner;
	struct resting_best better = nothing;
	if (order != RESTING_NONE) {
		better = (struct resting_best){ all[order].key, order };
	}
	while (s->best[at].key != better.key) { /* above it all is as it was */
		s->best[at] = better;
		if (at == 1) {
			break;
		}
		const struct resting_best *two = &s->best[at & ~1];
		better = two[0].key < two[1].key ? two[0] : two[1];
		at /= 2;
	}
}

int32_t resting_leaves(int owners_max)
{
	int32_t leaves = 1;
	while (leaves < owners_max) {
		leaves *= 2;
	}
	return leaves;
}

void resting_reset(struct resting_side *s)
{
	for (int32_t i = 0; i < 2 * s->leaves; i++) {
		s->best[i] = nothing;
	}
}

void resting_put(struct resting_side *s, struct resting *all, int32_t order)
{
	struct resting *r = &all[order];
	int32_t root = s->best[s->leaves + r->owner].order;
	r->child = r->next = r->before = RESTING_NONE;
	set_best(s, all, r->owner, root == RESTING_NONE ? order : meld(all, root, order));
}

void resting_take(struct resting_side *s, struct resting *all, int32_t order)
{
	int32_t owner = all[order].owner, root = s->best[s->leaves + owner].order;
	int32_t children = gather(all, all[order].child);
	if (order != root) {
		cut(all, order);
		if (children != RESTING_NONE) {
			(void)meld(all, root, children);
		}
		return;
	}
	set_best(s, all, owner, children);
}

int32_t resting_best(const struct resting_side *s)
{
	return s->best[1].order;
}

int32_t resting_best_without(const struct resting_side *s, int32_t owner)
{
	int32_t leaf = s->leaves + owner;
	if (s->best[1].key != s->best[leaf].key) {
		return s->best[1].order; /* another's is the best of all */
	}
	struct resting_best best = nothing;
	for (int32_t at = leaf; at > 1; at /= 2) {
		const struct resting_best *other = &s->best[at ^ 1];
		best = other->key < best.key ? *other : best;
	}
	return best.order;
}
