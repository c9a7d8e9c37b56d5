/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/zonal.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/market/zonal_prices.h"
#include "daemon/market/zonal_private.h"

static bool is_beyond(int64_t price)
{
	return price > PRICE_MAX || price < -PRICE_MAX;
}

/* What comes before all others and was left short by the rounding of shares does not count as
 * rejected. */
static void forget_rounding(struct zonal *z)
{
	for (int side = 0; side < 2; side++) {
		for (int k = 0; k < z->half[side].steps; k++) {
			struct step *s = &z->half[side].step[k];
			s->quantity = is_beyond(s->price) ? s->filled : s->quantity;
		}
	}
}

/* A price for each zone and side, the buyers' above the sellers' by the zone's own fee where such
 * prices hold, else without; else one for each node. */
static int find_prices(struct zonal *z, struct zonal_prices *p)
{
	const struct transport *t = &z->transport;
	const int zones = z->b->zones;
	*p = (struct zonal_prices){ .transport = t,
				    .variable = z->variable,
				    .variables = 2 * zones,
				    .between = z->between,
				    .between_by = z->between_by,
				    .traded_only = z->t->price_rule == PRICE_PAIR,
				    .low = z->low,
				    .high = z->high };
	for (int v = 0; v < t->sources + t->sinks; v++) {
		z->variable[v] = v < t->sources ? z->half[SIDE_SELL].zone[v]
						: zones + z->half[SIDE_BUY].zone[v - t->sources];
	}
	for (int v = 0; v < 2 * zones; v++) {
		z->between[v] = v < zones ? -1 : v - zones;
		z->between_by[v] = v < zones ? 0 : book_fee(z->b, v - zones, v - zones);
	}
	if (zonal_prices_find(p) == 0) {
		return 0;
	}
	p->between = NULL;
	if (zonal_prices_find(p) == 0) {
		return 0;
	}
	z->by_node = true;
	p->variables = t->sources + t->sinks;
	for (int v = 0; v < p->variables; v++) {
		z->variable[v] = v;
	}
	return zonal_prices_find(p);
}

/* The price that an order's own is taken from. */
static int variable_of(const struct zonal *z, int32_t order)
{
	bool buys = z->b->order[order].side == SIDE_BUY;
	return z->variable[z->node[order] + (buys ? z->transport.sources : 0)];
}

/* Where the prices leave it open, let them keep the limits of the blocks: first of those that sell,
 * then of those that buy. */
static void keep_limits(struct zonal *z, struct zonal_prices *p)
{
	for (int pass = 0; pass < 2; pass++) {
		enum side side = pass ? SIDE_BUY : SIDE_SELL;
		for (int32_t i = 0; i < z->b->orders; i++) {
			const struct order *o = &z->b->order[i];
			if (o->side == side && is_beyond(o->price) && z->r->filled[i] > 0) {
				zonal_prices_keep(p, variable_of(z, i), side == SIDE_SELL,
						  z->given->limit[i]);
			}
		}
	}
}

static int64_t filled_of(const struct node *n)
{
	int64_t sum = 0;
	for (int k = 0; k < n->steps; k++) {
		sum += n->step[k].filled;
	}
	return sum;
}

/* A piece for each price at which something was traded. */
static int tell_prices(struct zonal *z)
{
	const struct transport *t = &z->transport;
	for (int v = 0; v < t->sources + t->sinks; v++) {
		int side = v < t->sources ? SIDE_SELL : SIDE_BUY;
		int node = v < t->sources ? v : v - t->sources, at = z->variable[v];
		const struct half *h = &z->half[side];
		struct piece *last = z->r->pieces ? &z->r->piece[z->r->pieces - 1] : NULL;
		struct piece p = { .zone = h->zone[node],
				   .owner = z->by_node ? h->owner[node] : -1,
				   .side = (int8_t)side,
				   .low = z->low[at],
				   .high = z->high[at],
				   .quantity = filled_of(&h->node[node]) };
		if (p.quantity == 0) {
			continue;
		}
		p.price = money_between(p.low, p.high, z->t->k);
		if (last && last->zone == p.zone && last->side == p.side && !z->by_node) {
			last->quantity += p.quantity;
		} else if (result_add_piece(z->r, &p) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static void price_trades(struct zonal *z, bool as_bid)
{
	for (int i = 0; i < z->r->trades; i++) {
		struct trade *t = &z->r->trade[i];
		int at = variable_of(z, t->buy);
		int32_t low = z->low[at], high = z->high[at];
		if (as_bid) {
			low = z->b->order[t->sell].price + t->fee;
			high = z->b->order[t->buy].price;
		}
		t->price = money_between(low, high, z->t->k);
	}
}

static void price_orders(const struct zonal *z, int32_t *price)
{
	for (int32_t i = 0; i < z->b->orders; i++) {
		int at = variable_of(z, i);
		price[i] = money_between(z->low[at], z->high[at], z->t->k);
	}
}

static int settle(struct zonal *z, bool as_bid)
{
	struct zonal_prices p;
	forget_rounding(z);
	int e = as_bid ? 0 : find_prices(z, &p);
	if (e == 0 && !as_bid && z->given && z->given->limit) {
		keep_limits(z, &p);
	}
	e = e || as_bid ? e : tell_prices(z);
	if (e) {
		return e;
	}
	price_trades(z, as_bid);
	if (z->given && z->given->price) {
		price_orders(z, z->given->price);
	}
	result_settle_trades(z->r, z->b);
	return 0;
}

static int solve(struct zonal *z, bool as_bid)
{
	bool grown = true;
	int e = 0;
	while (e == 0 && grown) { /* at most once for each owner and zone */
		grown = false;
		e = zonal_flow(z);
		e = e ? e : zonal_pair(z, &grown);
	}
	return e ? e : settle(z, as_bid);
}

int zonal_clear(const struct book *b, const struct terms *t, struct result *r, bool as_bid,
		const struct zonal_given *given)
{
	struct zonal *z = calloc(1, sizeof(*z));
	if (!z) {
		return -ENOMEM;
	}
	z->b = b;
	z->t = t;
	z->r = r;
	z->given = given;
	z->node = malloc(sizeof(*z->node) * ((size_t)b->orders + 1));
	uint64_t *apart = given ? NULL : calloc((size_t)b->owners + 1, sizeof(*apart));
	z->apart = given ? given->apart : apart;
	int e = z->node && z->apart ? solve(z, as_bid) : -ENOMEM;
	zonal_flow_free(z);
	free(z->node);
	free(apart);
	free(z);
	return e;
}
