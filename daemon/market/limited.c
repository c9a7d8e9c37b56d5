/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/limited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int limited_begin(struct limited *x, int orders_max, int owners_max)
{
	limited_free(x);
	x->orders_max = orders_max;
	x->owners_max = owners_max;
	x->exchange = exchange_new(orders_max, owners_max, false);
	x->owner = calloc((size_t)owners_max, sizeof(*x->owner));
	x->order = calloc((size_t)orders_max, sizeof(*x->order));
	return x->exchange && x->owner && x->order ? 0 : -ENOMEM;
}

void limited_free(struct limited *x)
{
	free(x->exchange);
	free(x->owner);
	free(x->order);
	*x = (struct limited){ .orders_max = 0 };
}

void limited_reset(struct limited *x)
{
	exchange_reset(x->exchange, false);
	for (int i = 0; i < x->owners_max; i++) {
		struct limited_owner *o = &x->owner[i];
		*o = (struct limited_owner){ .limit = { o->limit[0], o->limit[1] } };
	}
}

static int64_t left_of(const struct limited_owner *o, int side)
{
	int64_t left = o->limit[side] - o->traded[side] - o->resting[side];
	return left > 0 ? left : 0;
}

/* The resting order of an owner that is furthest from being met; -1: none. */
static int32_t worst_of(const struct limited *x, int owner, int side)
{
	int32_t worst = -1;
	for (int32_t i = 0; i < x->orders_max; i++) {
		const struct order *o = &x->order[i];
		if (exchange_rests(x->exchange, i) == 0 || o->owner != owner || o->side != side) {
			continue;
		}
		bool worse = worst < 0 || (side == SIDE_BUY ? o->price < x->order[worst].price
							    : o->price > x->order[worst].price);
		worst = worse ? i : worst;
	}
	return worst;
}

void limited_set(struct limited *x, int owner, enum side side, int64_t limit)
{
	struct limited_owner *o = &x->owner[owner];
	o->limit[side] = limit;
	while (o->resting[side] > 0 && o->traded[side] + o->resting[side] > limit) {
		(void)limited_cancel(x, worst_of(x, owner, (int)side)); /* each lets less rest */
	}
}

/* Book what came of an order: it traded with what rested. */
static void count_trades(struct limited *x, const struct result *r, int from)
{
	for (int i = from; i < r->trades; i++) {
		const struct trade *t = &r->trade[i];
		struct limited_owner *buyer = &x->owner[x->order[t->buy].owner];
		struct limited_owner *seller = &x->owner[x->order[t->sell].owner];
		buyer->traded[SIDE_BUY] += t->quantity;
		buyer->resting[SIDE_BUY] -= t->quantity;
		seller->traded[SIDE_SELL] += t->quantity;
		seller->resting[SIDE_SELL] -= t->quantity;
	}
}

int limited_add(struct limited *x, int32_t order, const struct order *what, struct result *r,
		int64_t *let_in)
{
	if (order < 0 || order >= x->orders_max || what->owner < 0 ||
	    what->owner >= x->owners_max || what->quantity < 1 ||
	    exchange_rests(x->exchange, order) > 0) {
		return -EINVAL;
	}
	struct limited_owner *o = &x->owner[what->owner];
	struct order cut = *what;
	int64_t left = left_of(o, what->side);
	cut.quantity = left < what->quantity ? left : what->quantity;
	int trades = r->trades, e = 0;
	if (cut.quantity > 0) {
		x->order[order] = cut;
		o->resting[what->side] += cut.quantity;
		e = exchange_add(x->exchange, order, &cut, r);
		count_trades(x, r, trades);
	}
	if (e == 0) {
		o->cut[what->side] += what->quantity - cut.quantity;
		*let_in = cut.quantity;
	}
	return e;
}

int64_t limited_cancel(struct limited *x, int32_t order)
{
	int64_t left = exchange_cancel(x->exchange, order);
	const struct order *o = &x->order[order];
	x->owner[o->owner].resting[o->side] -= left;
	return left;
}
