/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/continuous.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/resting.h"

struct exchange {
	int orders_max, owners_max;
	bool self_trade;
	uint32_t time;
	struct resting_side side[2];
	struct resting *resting;
};

struct exchange *exchange_new(int orders_max, int owners_max, bool self_trade)
{
	size_t n = (size_t)orders_max, leaves = (size_t)resting_leaves(owners_max);
	struct exchange *x = malloc(sizeof(*x) + n * sizeof(struct resting) +
				    4 * leaves * sizeof(struct resting_best));
	if (!x) {
		return NULL;
	}
	x->orders_max = orders_max;
	x->owners_max = owners_max;
	x->resting = (struct resting *)(void *)(x + 1);
	x->side[0].best = (struct resting_best *)(void *)(x->resting + n);
	x->side[1].best = x->side[0].best + 2 * leaves;
	x->side[0].leaves = x->side[1].leaves = (int32_t)leaves;
	exchange_reset(x, self_trade);
	return x;
}

bool exchange_has_room(const struct exchange *x, int orders, int owners)
{
	return orders <= x->orders_max && owners <= x->owners_max;
}

void exchange_reset(struct exchange *x, bool self_trade)
{
	x->self_trade = self_trade;
	x->time = 0;
	resting_reset(&x->side[0]);
	resting_reset(&x->side[1]);
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
	struct resting_side *others = &x->side[!what->side];
	int64_t left = what->quantity;
	while (left > 0) {
		int32_t best = x->self_trade ? resting_best(others)
					     : resting_best_without(others, what->owner);
		struct resting *rest = best >= 0 ? &x->resting[best] : NULL;
		if (!rest || (what->side == SIDE_BUY ? rest->price > what->price
						     : rest->price < what->price)) {
			break;
		}
		int64_t q = left < rest->quantity ? left : rest->quantity;
		int e = trade(order, what, best, rest, q, r);
		if (e) {
			return e;
		}
		left -= q;
		if (rest->quantity == 0) {
			resting_take(others, x->resting, best);
		}
	}
	return left;
}

int exchange_add(struct exchange *x, int32_t order, const struct order *what, struct result *r)
{
	if (order < 0 || order >= x->orders_max || x->resting[order].quantity > 0 ||
	    what->owner < 0 || what->owner >= x->owners_max) {
		return -EINVAL;
	}
	if (x->time == UINT32_MAX) {
		return -EOVERFLOW;
	}
	int64_t left = match(x, order, what, r);
	if (left <= 0) {
		return (int)left;
	}
	x->resting[order] = (struct resting){ .key = key_of(what->side, what->price, x->time++),
					      .quantity = left,
					      .price = what->price,
					      .owner = what->owner,
					      .side = what->side };
	resting_put(&x->side[what->side], x->resting, order);
	return 0;
}

int64_t exchange_cancel(struct exchange *x, int32_t order)
{
	struct resting *rest = &x->resting[order];
	int64_t left = rest->quantity;
	if (left > 0) {
		resting_take(&x->side[rest->side], x->resting, order);
		rest->quantity = 0;
	}
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

int32_t exchange_best(const struct exchange *x, enum side side)
{
	return resting_best(&x->side[side]);
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
	if (x && exchange_has_room(x, b->orders, b->owners)) {
		exchange_reset(x, t->self_trade);
		return x;
	}
	free(x);
	r->exchange = exchange_new(b->orders, b->owners, t->self_trade);
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
