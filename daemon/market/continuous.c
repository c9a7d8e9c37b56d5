/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/continuous.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/mechanism.h"

/* One heap a side, its best order on top. What was filled, cancelled or replaced stays in it until
 * it comes up, or until there is no room left. */
struct entry {
	uint64_t key; /* price, the best least, then time */
	int32_t order;
};

struct heap {
	int entries;
	struct entry *entry; /* 2 * orders_max */
};

struct resting {
	uint64_t key;     /* of its entry */
	int64_t quantity; /* mWh left; 0: does not rest */
	int32_t price, owner;
	uint8_t side;
};

struct exchange {
	int orders_max;
	bool self_trade;
	uint32_t time;
	struct heap heap[2];
	struct resting *resting;
	struct entry *aside; /* own orders that are passed over */
};

enum { CHILDREN = 4 };

/* --- the heap -----------------------------------------------------------------------------------
 */

static void sift_up(struct heap *h, int at, struct entry e)
{
	while (at > 0 && h->entry[(at - 1) / CHILDREN].key > e.key) {
		h->entry[at] = h->entry[(at - 1) / CHILDREN];
		at = (at - 1) / CHILDREN;
	}
	h->entry[at] = e;
}

static void sift_down(struct heap *h, int at, struct entry e)
{
	for (;;) {
		int first = CHILDREN * at + 1, best = first;
		if (first >= h->entries) {
			break;
		}
		int end = first + CHILDREN < h->entries ? first + CHILDREN : h->entries;
		for (int i = first + 1; i < end; i++) {
			best = h->entry[i].key < h->entry[best].key ? i : best;
		}
		if (h->entry[best].key >= e.key) {
			break;
		}
		h->entry[at] = h->entry[best];
		at = best;
	}
	h->entry[at] = e;
}

static void pop(struct heap *h)
{
	struct entry last = h->entry[--h->entries];
	if (h->entries > 0) {
		sift_down(h, 0, last);
	}
}

static bool is_stale(const struct exchange *x, const struct entry *e)
{
	const struct resting *r = &x->resting[e->order];
	return r->quantity == 0 || r->key != e->key;
}

/* Throw out all that is stale: at most orders_max are left. */
static void compact(const struct exchange *x, struct heap *h)
{
	int kept = 0;
	for (int i = 0; i < h->entries; i++) {
		if (!is_stale(x, &h->entry[i])) {
			h->entry[kept++] = h->entry[i];
		}
	}
	h->entries = kept;
	for (int i = (kept - 1) / CHILDREN; i >= 0 && kept > 0; i--) {
		sift_down(h, i, h->entry[i]);
	}
}

static void push(const struct exchange *x, struct heap *h, struct entry e)
{
	if (h->entries == 2 * x->orders_max) {
		compact(x, h);
	}
	sift_up(h, h->entries++, e);
}

/* The best order that rests on a side, or NULL. */
static const struct entry *top(const struct exchange *x, struct heap *h)
{
	while (h->entries > 0 && is_stale(x, &h->entry[0])) {
		pop(h);
	}
	return h->entries > 0 ? &h->entry[0] : NULL;
}

/* --- the exchange -------------------------------------------------------------------------------
 */

struct exchange *exchange_new(int orders_max, bool self_trade)
{
	size_t n = (size_t)orders_max;
	size_t size =
		sizeof(struct exchange) + n * sizeof(struct resting) + 5 * n * sizeof(struct entry);
	struct exchange *x = malloc(size);
	if (!x) {
		return NULL;
	}
	x->orders_max = orders_max;
	x->resting = (struct resting *)(void *)(x + 1);
	x->heap[0].entry = (struct entry *)(void *)(x->resting + n);
	x->heap[1].entry = x->heap[0].entry + 2 * n;
	x->aside = x->heap[1].entry + 2 * n;
	exchange_reset(x, self_trade);
	return x;
}

int exchange_orders_max(const struct exchange *x)
{
	return x->orders_max;
}

void exchange_reset(struct exchange *x, bool self_trade)
{
	x->self_trade = self_trade;
	x->time = 0;
	x->heap[0].entries = x->heap[1].entries = 0;
	memset(x->resting, 0, sizeof(*x->resting) * (size_t)x->orders_max);
}

static uint64_t key_of(uint8_t side, int32_t price, uint32_t time)
{
	int64_t rank = side == SIDE_BUY ? (int64_t)PRICE_MAX - price : (int64_t)price + PRICE_MAX;
	return (uint64_t)rank << 32 | time;
}

static int trade(int32_t order, const struct order *what, int32_t rest, struct resting *r,
		 int64_t q, struct result *to)
{
	bool buys = what->side == SIDE_BUY;
	const struct trade t = { .buy = buys ? order : rest,
				 .sell = buys ? rest : order,
				 .price = r->price,
				 .quantity = q };
	int e = result_add_trade(to, &t);
	if (e == 0) {
		wide gain = (wide)(what->price - (int64_t)r->price) * q;
		to->welfare += buys ? gain : -gain;
		to->quantity += q;
		r->quantity -= q;
	}
	return e;
}

/* Returns what is left of the order, or -errno. */
static int64_t match(struct exchange *x, int32_t order, const struct order *what, struct result *r)
{
	struct heap *others = &x->heap[!what->side];
	int64_t left = what->quantity;
	int passed = 0, e = 0;
	const struct entry *best;
	while (left > 0 && e == 0 && (best = top(x, others))) {
		struct resting *rest = &x->resting[best->order];
		if (what->side == SIDE_BUY ? rest->price > what->price
					   : rest->price < what->price) {
			break;
		}
		if (!x->self_trade && rest->owner == what->owner) {
			x->aside[passed++] = *best;
			pop(others);
			continue;
		}
		int64_t q = left < rest->quantity ? left : rest->quantity;
		e = trade(order, what, best->order, rest, q, r);
		left -= e ? 0 : q;
	}
	while (passed > 0) {
		push(x, others, x->aside[--passed]);
	}
	return e ? e : left;
}

int exchange_add(struct exchange *x, int32_t order, const struct order *what, struct result *r)
{
	if (order < 0 || order >= x->orders_max || x->resting[order].quantity > 0) {
		return -EINVAL;
	}
	if (x->time == UINT32_MAX) {
		return -EOVERFLOW;
	}
	int64_t left = match(x, order, what, r);
	if (left <= 0) {
		return (int)left;
	}
	uint64_t key = key_of(what->side, what->price, x->time++);
	x->resting[order] = (struct resting){ .key = key,
					      .quantity = left,
					      .price = what->price,
					      .owner = what->owner,
					      .side = what->side };
	push(x, &x->heap[what->side], (struct entry){ key, order });
	return 0;
}

int64_t exchange_cancel(struct exchange *x, int32_t order)
{
	int64_t left = x->resting[order].quantity;
	x->resting[order].quantity = 0;
	return left;
}

int exchange_replace(struct exchange *x, int32_t order, const struct order *what, struct result *r)
{
	struct resting *rest = &x->resting[order];
	if (rest->quantity > 0 && rest->price == what->price && rest->side == what->side &&
	    what->quantity <= rest->quantity) {
		rest->quantity = what->quantity;
		return 0;
	}
	(void)exchange_cancel(x, order);
	return exchange_add(x, order, what, r);
}

int64_t exchange_rests(const struct exchange *x, int32_t order)
{
	return x->resting[order].quantity;
}

int32_t exchange_best(struct exchange *x, enum side side)
{
	const struct entry *best = top(x, &x->heap[side]);
	return best ? best->order : -1;
}

/* --- as a mechanism: all orders of a book as they arrived
 * ------------------------------------------
 */

/* A replace or cancel of what is filled or cancelled already changes nothing. */
static int take(struct exchange *x, const struct book *b, int32_t i, struct result *r)
{
	const struct order *o = &b->order[i];
	switch (o->action) {
	case ACTION_NEW:
		return exchange_add(x, i, o, r);
	case ACTION_CANCEL:
		(void)exchange_cancel(x, o->earlier);
		return 0;
	default:
		return exchange_rests(x, o->earlier) > 0 ? exchange_replace(x, o->earlier, o, r)
							 : 0;
	}
}

static struct exchange *exchange_for(const struct book *b, const struct terms *t, struct result *r)
{
	struct exchange *x = r->exchange;
	if (x && exchange_orders_max(x) >= b->orders) {
		exchange_reset(x, t->self_trade);
		return x;
	}
	free(x);
	r->exchange = exchange_new(b->orders, t->self_trade);
	return r->exchange;
}

int continuous_clear(const struct book *b, const struct terms *t, struct result *r)
{
	struct exchange *x = exchange_for(b, t, r);
	int e = x ? 0 : -ENOMEM;
	for (int i = 0; i < b->orders; i++) {
		r->index[0][i] = i;
	}
	book_by_arrival(b, r->index[0], b->orders, r->index[1]);
	for (int i = 0; e == 0 && i < b->orders; i++) {
		e = take(x, b, r->index[0][i], r);
	}
	if (e) {
		return e;
	}
	for (int i = 0; i < r->trades; i++) {
		r->filled[r->trade[i].buy] += r->trade[i].quantity;
		r->filled[r->trade[i].sell] += r->trade[i].quantity;
	}
	for (int i = 0; i < b->orders; i++) {
		r->resting += exchange_rests(x, i);
	}
	result_settle_trades(r, b);
	return 0;
}
