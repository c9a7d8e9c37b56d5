/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/zonal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/transport.h"
#include "daemon/market/zonal_prices.h"

enum { NODES_MAX = 4096 }; /* a side */
/* Ways times orders: some ten seconds. Zones alone stay far below. */
static const int64_t work_max = INT64_C(20000000000);

/* A side of the flow: the orders by node, then by price. Who stands on both sides of the book while
 * self-trade is forbidden has nodes of its own, all others of a zone one together. */
struct half {
	enum side side;
	int32_t *order;
	int orders;
	struct node node[NODES_MAX];
	int16_t zone[NODES_MAX];
	int32_t owner[NODES_MAX]; /* -1: the others */
	int nodes;
	struct step *step;
	int steps;
};

struct zonal {
	const struct book *b;
	const struct terms *t;
	struct result *r;
	struct half half[2];
	struct transport transport;
	int variable[2 * NODES_MAX];
	int apart[2 * NODES_MAX];
	int32_t apart_by[2 * NODES_MAX];
	int32_t low[2 * NODES_MAX], high[2 * NODES_MAX];
	bool by_node; /* prices of their own */
};

/* --- the flow -----------------------------------------------------------------------------------
 */

/* both[owner]: 3 where it stands on both sides and may not trade with itself. */
static void mark_owners(const struct zonal *z, int64_t *both)
{
	memset(both, 0, sizeof(*both) * (size_t)z->b->owners);
	for (int i = 0; !z->t->self_trade && i < z->b->orders; i++) {
		both[z->b->order[i].owner] |= 1 << z->b->order[i].side;
	}
}

/* Orders of one zone and node stand together, those of the others first. */
static int64_t node_key(const struct zonal *z, int32_t i, const int64_t *both)
{
	const struct order *o = &z->b->order[i];
	return (int64_t)o->zone << 32 | (both[o->owner] == 3 ? o->owner + 1 : 0);
}

struct keyed {
	int64_t node;
	int32_t rank, order;
};

static int compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	return x->node != y->node ? (x->node > y->node) - (x->node < y->node)
				  : (x->rank > y->rank) - (x->rank < y->rank);
}

static int add_node(struct half *h, const struct keyed *k)
{
	if (h->nodes == NODES_MAX) {
		return -E2BIG;
	}
	h->node[h->nodes] = (struct node){ .step = &h->step[h->steps] };
	h->zone[h->nodes] = (int16_t)(k->node >> 32);
	h->owner[h->nodes++] = (int32_t)(k->node & INT32_MAX) - 1;
	return 0;
}

/* Cut the sorted orders into nodes and steps. */
static int cut(const struct zonal *z, struct half *h, const struct keyed *keyed)
{
	const struct order *order = z->b->order;
	for (int k = 0; k < h->orders; k++) {
		const struct order *o = &order[keyed[k].order];
		bool new = k == 0 || keyed[k].node != keyed[k - 1].node;
		int e = new ? add_node(h, &keyed[k]) : 0;
		if (e) {
			return e;
		}
		struct node *n = &h->node[h->nodes - 1];
		if (new || order[keyed[k - 1].order].price != o->price) {
			h->step[h->steps++] = (struct step){ .price = o->price, .first = k };
			n->steps++;
		}
		struct step *s = &h->step[h->steps - 1];
		s->quantity += o->quantity;
		s->count++;
		h->order[k] = keyed[k].order;
	}
	return 0;
}

static int make_half(struct zonal *z, enum side side)
{
	struct half *h = &z->half[side];
	h->side = side;
	h->orders = book_merit(z->b, side, NULL, z->r->index[0], z->r->index[2]);
	size_t n = (size_t)h->orders + 1;
	struct keyed *keyed = malloc(sizeof(*keyed) * n);
	h->order = malloc(sizeof(*h->order) * n);
	h->step = malloc(sizeof(*h->step) * n);
	int e = keyed && h->order && h->step ? 0 : -ENOMEM;
	for (int k = 0; e == 0 && k < h->orders; k++) {
		int32_t i = z->r->index[0][k];
		keyed[k] = (struct keyed){ node_key(z, i, z->r->by_owner[0]), k, i };
	}
	if (e == 0) {
		qsort(keyed, (size_t)h->orders, sizeof(*keyed), compare);
		e = cut(z, h, keyed);
	}
	free(keyed);
	return e;
}

static int make_ways(struct zonal *z)
{
	const struct half *buys = &z->half[SIDE_BUY], *sells = &z->half[SIDE_SELL];
	struct transport *t = &z->transport;
	size_t ways = (size_t)sells->nodes * (size_t)buys->nodes + 1;
	if ((int64_t)ways * z->b->orders > work_max) {
		return -E2BIG;
	}
	t->sources = sells->nodes;
	t->sinks = buys->nodes;
	t->source = z->half[SIDE_SELL].node;
	t->sink = z->half[SIDE_BUY].node;
	t->way = malloc(sizeof(*t->way) * ways);
	t->flow = calloc(ways, sizeof(*t->flow));
	if (!t->way || !t->flow) {
		return -ENOMEM;
	}
	for (int i = 0; i < t->sources; i++) {
		for (int j = 0; j < t->sinks; j++) {
			bool self = sells->owner[i] >= 0 && sells->owner[i] == buys->owner[j];
			t->way[i * t->sinks + j] =
				self ? WAY_NONE : book_fee(z->b, sells->zone[i], buys->zone[j]);
		}
	}
	return 0;
}

/* --- who is filled ------------------------------------------------------------------------------
 */

static void fill_step(struct zonal *z, const struct half *h, const struct step *s)
{
	int32_t *order = z->r->index[0];
	int64_t offered = 0, given = 0;
	memcpy(order, &h->order[s->first], sizeof(*order) * (size_t)s->count);
	if (z->t->ties == TIES_ARRIVAL) {
		book_by_arrival(z->b, order, s->count, z->r->index[1]);
	}
	for (int k = 0; k < s->count; k++) {
		offered += z->b->order[order[k]].quantity;
		int64_t upto = z->t->ties == TIES_ARRIVAL
				       ? (offered < s->filled ? offered : s->filled)
				       : (int64_t)((wide)offered * s->filled / s->quantity);
		z->r->filled[order[k]] = upto - given;
		given = upto;
	}
}

static void fill_all(struct zonal *z)
{
	for (int side = 0; side < 2; side++) {
		for (int s = 0; s < z->half[side].steps; s++) {
			fill_step(z, &z->half[side], &z->half[side].step[s]);
		}
	}
}

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
					 .price = j, /* the node, until it has one */
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

static int pair_all(struct zonal *z)
{
	int e = 0;
	int *at = calloc((size_t)(z->transport.sources + z->transport.sinks) + 1, sizeof(*at));
	if (!at) {
		return -ENOMEM;
	}
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

/* --- prices -------------------------------------------------------------------------------------
 */

/* A price for each zone and side, the buyers' above the sellers' by the zone's own fee where such
 * prices hold, else without; else one for each node. */
static int find_prices(struct zonal *z)
{
	const struct transport *t = &z->transport;
	const int zones = z->b->zones;
	struct zonal_prices p = { z->low, z->high };
	for (int v = 0; v < t->sources + t->sinks; v++) {
		z->variable[v] = v < t->sources ? z->half[SIDE_SELL].zone[v]
						: zones + z->half[SIDE_BUY].zone[v - t->sources];
	}
	for (int v = 0; v < 2 * zones; v++) {
		z->apart[v] = v < zones ? -1 : v - zones;
		z->apart_by[v] = v < zones ? 0 : book_fee(z->b, v - zones, v - zones);
	}
	if (zonal_prices_find(t, z->variable, 2 * zones, z->apart, z->apart_by, &p) == 0 ||
	    zonal_prices_find(t, z->variable, 2 * zones, NULL, NULL, &p) == 0) {
		return 0;
	}
	z->by_node = true;
	for (int v = 0; v < t->sources + t->sinks; v++) {
		z->variable[v] = v;
	}
	return zonal_prices_find(t, z->variable, t->sources + t->sinks, NULL, NULL, &p);
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
		int at = z->variable[z->transport.sources + t->price];
		int32_t low = z->low[at], high = z->high[at];
		if (as_bid) {
			low = z->b->order[t->sell].price + t->fee;
			high = z->b->order[t->buy].price;
		}
		t->price = money_between(low, high, z->t->k);
	}
}

static int solve(struct zonal *z, bool as_bid)
{
	mark_owners(z, z->r->by_owner[0]);
	int e = make_half(z, SIDE_BUY);
	e = e ? e : make_half(z, SIDE_SELL);
	e = e ? e : make_ways(z);
	e = e ? e : transport_solve(&z->transport);
	if (e) {
		return e;
	}
	fill_all(z);
	e = pair_all(z);
	e = e ? e : find_prices(z);
	e = e || as_bid ? e : tell_prices(z);
	price_trades(z, as_bid);
	result_settle_trades(z->r, z->b);
	return e;
}

int zonal_clear(const struct book *b, const struct terms *t, struct result *r, bool as_bid)
{
	struct zonal *z = calloc(1, sizeof(*z));
	if (!z) {
		return -ENOMEM;
	}
	z->b = b;
	z->t = t;
	z->r = r;
	int e = solve(z, as_bid);
	for (int side = 0; side < 2; side++) {
		free(z->half[side].order);
		free(z->half[side].step);
	}
	free(z->transport.way);
	free(z->transport.flow);
	free(z);
	return e;
}
