/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The array with room for one more than count; where there is none it stays, and *e tells. */
static void *grow(void *old, size_t size, int count, int *e)
{
	void *new = realloc(old, size * ((size_t)count + 1));
	if (!new) {
		*e = -ENOMEM;
		return old;
	}
	return new;
}

static int grow_orders(struct result *r, int orders)
{
	int e = 0;
	r->filled = grow(r->filled, sizeof(*r->filled), orders, &e);
	r->amount = grow(r->amount, sizeof(*r->amount), orders, &e);
	r->level = grow(r->level, sizeof(*r->level), orders, &e);
	for (int i = 0; i < 4; i++) {
		r->index[i] = grow(r->index[i], sizeof(*r->index[i]), orders, &e);
	}
	r->orders_max = e ? r->orders_max : orders;
	return e;
}

static int grow_owners(struct result *r, int owners)
{
	int e = 0;
	r->member = grow(r->member, sizeof(*r->member), owners, &e);
	for (int i = 0; i < 2; i++) {
		r->by_owner[i] = grow(r->by_owner[i], sizeof(*r->by_owner[i]), owners + 1, &e);
	}
	r->owners_max = e ? r->owners_max : owners;
	return e;
}

int result_begin(struct result *r, const struct book *b)
{
	int e = !r->filled || b->orders > r->orders_max ? grow_orders(r, b->orders) : 0;
	e = e ? e : !r->member || b->owners > r->owners_max ? grow_owners(r, b->owners) : 0;
	if (e) {
		return e;
	}
	const struct result room = *r;
	*r = (struct result){
		.filled = room.filled,
		.amount = room.amount,
		.trade = room.trade,
		.member = room.member,
		.piece = room.piece,
		.settled = true,
		.orders_max = room.orders_max,
		.owners_max = room.owners_max,
		.trades_max = room.trades_max,
		.pieces_max = room.pieces_max,
		.by_owner = { room.by_owner[0], room.by_owner[1] },
		.index = { room.index[0], room.index[1], room.index[2], room.index[3] },
		.level = room.level,
		.exchange = room.exchange,
	};
	memset(r->filled, 0, sizeof(*r->filled) * (size_t)b->orders);
	memset(r->amount, 0, sizeof(*r->amount) * (size_t)b->orders);
	return 0;
}

void result_free(struct result *r)
{
	free(r->filled);
	free(r->amount);
	free(r->trade);
	free(r->member);
	free(r->piece);
	free(r->by_owner[0]);
	free(r->by_owner[1]);
	for (int i = 0; i < 4; i++) {
		free(r->index[i]);
	}
	free(r->level);
	free(r->exchange);
	*r = (struct result){ .orders_max = 0 };
}

int result_add_trade(struct result *r, const struct trade *t)
{
	if (r->trades == r->trades_max) {
		int wider = r->trades_max ? 2 * r->trades_max : 64;
		int e = 0;
		r->trade = grow(r->trade, sizeof(*r->trade), wider, &e);
		if (e) {
			return e;
		}
		r->trades_max = wider;
	}
	r->trade[r->trades++] = *t;
	return 0;
}

int result_add_piece(struct result *r, const struct piece *p)
{
	if (r->pieces == r->pieces_max) {
		int wider = r->pieces_max ? 2 * r->pieces_max : 16;
		int e = 0;
		r->piece = grow(r->piece, sizeof(*r->piece), wider, &e);
		if (e) {
			return e;
		}
		r->pieces_max = wider;
	}
	r->piece[r->pieces++] = *p;
	return 0;
}

void result_settle_trades(struct result *r, const struct book *b)
{
	memset(r->amount, 0, sizeof(*r->amount) * (size_t)b->orders);
	r->fees = 0;
	for (int i = 0; i < r->trades; i++) {
		const struct trade *t = &r->trade[i];
		int64_t fee = money_of(t->fee, t->quantity);
		int64_t paid = money_of(t->price, t->quantity);
		r->amount[t->buy] += paid;
		r->amount[t->sell] += paid - fee;
		r->fees += fee;
	}
}

wide result_welfare(const struct result *r, const struct book *b)
{
	wide sum = 0;
	for (int i = 0; i < b->orders; i++) {
		wide worth = (wide)b->order[i].price * r->filled[i];
		sum += b->order[i].side == SIDE_BUY ? worth : -worth;
	}
	return sum;
}
