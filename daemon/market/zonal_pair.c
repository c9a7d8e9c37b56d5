/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who trades with whom in zones: what flows is paired as it stands, best with best, and who is
 * paired with itself then changes partners. Two trades from one node may change their sellers, two
 * trades to one node their buyers: each way keeps what flows there, and the welfare is the same.
 * Where neither of the two was another trade of that owner, both are fine thereafter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/zonal_private.h"

/* --- as it flows --------------------------------------------------------------------------------
 */

/* The next order of a node that has something left to be paired. */
static int32_t next_order(const struct zonal *z, const struct half *h, int node, int *at)
{
	const struct node *n = &h->node[node];
	int first = n->step[0].first + *at;
	while (z->r->level[h->order[first]] == 0) {
		first++;
		(*at)++;
	}
	return h->order[first];
}

static int pair_way(struct zonal *z, int i, int j, int *sell_at, int *buy_at)
{
	struct result *r = z->r;
	int64_t q = z->transport.flow[i * z->transport.sinks + j];
	for (int e; q > 0;) {
		int32_t sell = next_order(z, &z->half[SIDE_SELL], i, sell_at);
		int32_t buy = next_order(z, &z->half[SIDE_BUY], j, buy_at);
		int64_t take = r->level[sell] < r->level[buy] ? r->level[sell] : r->level[buy];
		take = take < q ? take : q;
		const struct trade t = { .buy = buy,
					 .sell = sell,
					 .fee = z->transport.way[i * z->transport.sinks + j],
					 .quantity = take };
		e = result_add_trade(r, &t);
		if (e) {
			return e;
		}
		r->level[sell] -= take;
		r->level[buy] -= take;
		q -= take;
		r->quantity += take;
		r->welfare -= (wide)t.fee * take;
	}
	return 0;
}

static int pair_flow(struct zonal *z)
{
	int e = 0;
	int *at = calloc((size_t)(z->transport.sources + z->transport.sinks) + 1, sizeof(*at));
	if (!at) {
		return -ENOMEM;
	}
	z->r->trades = 0;
	z->r->quantity = 0;
	memcpy(z->r->level, z->r->filled, sizeof(*z->r->level) * (size_t)z->b->orders);
	z->r->welfare = result_welfare(z->r, z->b);
	for (int i = 0; e == 0 && i < z->transport.sources; i++) {
		for (int j = 0; e == 0 && j < z->transport.sinks; j++) {
			e = pair_way(z, i, j, &at[i], &at[z->transport.sources + j]);
		}
	}
	free(at);
	return e;
}

/* --- nobody with itself -------------------------------------------------------------------------
 */

enum { ENDS = 2, NOBODY = -1, NO_TRADE = -1 }; /* an end is a side: that of the order there */

/* The trades of each node. A trade stays in its lists, as the orders that it changes are of the
 * same nodes. The owner at hand looks through each list once: what it has passed is a trade of its
 * own, and remains one. */
struct lists {
	struct zonal *z;
	int32_t *next[ENDS]; /* by trade */
	int room;
	struct list {
		int32_t first, at; /* trades */
		int32_t looking;   /* the owner that has come to `at` */
	} list[ENDS][NODES_MAX];
};

static int32_t order_at(const struct trade *t, int end)
{
	return end == SIDE_BUY ? t->buy : t->sell;
}

static int32_t owner_at(const struct zonal *z, int32_t trade, int end)
{
	return z->b->order[order_at(&z->r->trade[trade], end)].owner;
}

static int link_trade(struct lists *l, int32_t trade)
{
	if (trade >= l->room) {
		int room = 2 * trade + 64;
		for (int end = 0; end < ENDS; end++) {
			int32_t *wider = realloc(l->next[end], sizeof(*wider) * (size_t)room);
			if (!wider) {
				return -ENOMEM;
			}
			l->next[end] = wider;
		}
		l->room = room;
	}
	for (int end = 0; end < ENDS; end++) {
		struct list *list =
			&l->list[end][l->z->node[order_at(&l->z->r->trade[trade], end)]];
		l->next[end][trade] = list->first;
		list->first = trade;
	}
	return 0;
}

static int make_lists(struct lists *l)
{
	for (int end = 0; end < ENDS; end++) {
		for (int n = 0; n < NODES_MAX; n++) {
			l->list[end][n] = (struct list){ NO_TRADE, NO_TRADE, NOBODY };
		}
	}
	int e = 0;
	for (int32_t t = l->z->r->trades - 1; e == 0 && t >= 0; t--) {
		e = link_trade(l, t);
	}
	return e;
}

/* A trade of others at the same node; NO_TRADE: there is none. */
static int32_t find_other(struct lists *l, int32_t trade, int end, int32_t owner)
{
	struct list *list = &l->list[end][l->z->node[order_at(&l->z->r->trade[trade], end)]];
	if (list->looking != owner) {
		list->looking = owner;
		list->at = list->first;
	}
	while (list->at != NO_TRADE && (owner_at(l->z, list->at, SIDE_BUY) == owner ||
					owner_at(l->z, list->at, SIDE_SELL) == owner)) {
		list->at = l->next[end][list->at];
	}
	return list->at;
}

/* Cut q off a trade, if it is more. Returns the trade of q, or -ENOMEM. */
static int32_t cut_off(struct lists *l, int32_t trade, int64_t q)
{
	struct result *r = l->z->r;
	struct trade part = r->trade[trade];
	if (part.quantity == q) {
		return trade;
	}
	r->trade[trade].quantity -= q;
	part.quantity = q;
	int e = result_add_trade(r, &part);
	e = e ? e : link_trade(l, r->trades - 1);
	return e ? e : r->trades - 1;
}

/* Let a trade change its order at an end with another's, as far as both reach. */
static int change(struct lists *l, int32_t trade, int32_t other, int end)
{
	const struct trade *all = l->z->r->trade;
	int64_t q = all[trade].quantity < all[other].quantity ? all[trade].quantity
							      : all[other].quantity;
	int32_t a = cut_off(l, trade, q), b = a < 0 ? a : cut_off(l, other, q);
	if (b < 0) {
		return b;
	}
	struct trade *x = &l->z->r->trade[a], *y = &l->z->r->trade[b];
	int32_t *of_x = end == SIDE_BUY ? &x->buy : &x->sell;
	int32_t *of_y = end == SIDE_BUY ? &y->buy : &y->sell;
	int32_t order = *of_x;
	*of_x = *of_y;
	*of_y = order;
	return 0;
}

/* Mend a trade of an owner with itself. It is cut down and changed until nothing is left of it. */
static int mend(struct lists *l, int32_t trade, int32_t owner, bool *stuck)
{
	while (owner_at(l->z, trade, SIDE_BUY) == owner &&
	       owner_at(l->z, trade, SIDE_SELL) == owner) {
		int end = SIDE_SELL;
		int32_t other = find_other(l, trade, end, owner);
		if (other == NO_TRADE) {
			end = SIDE_BUY;
			other = find_other(l, trade, end, owner);
		}
		if (other == NO_TRADE) {
			*stuck = true;
			return 0;
		}
		int e = change(l, trade, other, end);
		if (e) {
			return e;
		}
	}
	return 0;
}

/* Where a trade of an owner with itself is. At one of its ends it is not apart yet, or there were
 * no way. */
static void set_apart(struct zonal *z, int32_t trade)
{
	const struct order *buy = &z->b->order[z->r->trade[trade].buy];
	const struct order *sell = &z->b->order[z->r->trade[trade].sell];
	z->apart[buy->owner] |= UINT64_C(1) << buy->zone | UINT64_C(1) << sell->zone;
}

struct own {
	int32_t owner, trade;
};

static int compare_own(const void *a, const void *b)
{
	const struct own *x = a, *y = b;
	return x->owner != y->owner ? (x->owner > y->owner) - (x->owner < y->owner)
				    : (x->trade > y->trade) - (x->trade < y->trade);
}

/* The trades of owners with themselves as they were paired, owner by owner; mending one may mend
 * another of the same kind. */
static int mend_all(struct lists *l, struct own *own, bool *grown)
{
	int n = 0, e = make_lists(l);
	for (int32_t t = 0; t < l->z->r->trades; t++) {
		int32_t owner = owner_at(l->z, t, SIDE_BUY);
		if (owner == owner_at(l->z, t, SIDE_SELL)) {
			own[n++] = (struct own){ owner, t };
		}
	}
	qsort(own, (size_t)n, sizeof(*own), compare_own);
	for (int k = 0; e == 0 && k < n; k++) {
		bool stuck = false;
		e = mend(l, own[k].trade, own[k].owner, &stuck);
		if (stuck) {
			set_apart(l->z, own[k].trade);
			*grown = true;
		}
	}
	return e;
}

int zonal_pair(struct zonal *z, bool *grown)
{
	int e = pair_flow(z);
	if (e || z->t->self_trade) {
		return e;
	}
	struct lists *l = calloc(1, sizeof(*l));
	struct own *own = malloc(sizeof(*own) * ((size_t)z->r->trades + 1));
	e = l && own ? 0 : -ENOMEM;
	if (e == 0) {
		l->z = z;
		e = mend_all(l, own, grown);
		free(l->next[0]);
		free(l->next[1]);
	}
	free(l);
	free(own);
	return e;
}
