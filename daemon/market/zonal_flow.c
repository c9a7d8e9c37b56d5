/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/zonal_private.h"

/* Ways times orders: some ten seconds. Zones alone stay far below. */
static const int64_t work_max = INT64_C(20000000000);

/* What is to be filled before all others gains more than any detour costs: a path has at most
 * 2 * NODES_MAX fees of at most PRICE_MAX < 2^30, less than 2^43 together. Of what goes beyond all
 * prices, the further goes before the nearer. */
enum { BEYOND_SHIFT = 43 };
static int64_t price_of(const struct order *o)
{
	int32_t size = o->price < 0 ? -o->price : o->price;
	int64_t beyond = size > PRICE_MAX ? INT64_C(1) << (BEYOND_SHIFT + size - PRICE_MAX) : size;
	return o->price < 0 ? -beyond : beyond;
}

/* --- nodes and ways -----------------------------------------------------------------------------
 */

/* Orders of one zone and node stand together, those of the others first. */
static int64_t node_key(const struct zonal *z, int32_t i)
{
	const struct order *o = &z->b->order[i];
	return (int64_t)o->zone << 32 | (zonal_is_apart(z->apart, o) ? o->owner + 1 : 0);
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
			h->step[h->steps++] = (struct step){ .price = price_of(o), .first = k };
			n->steps++;
		}
		struct step *s = &h->step[h->steps - 1];
		s->quantity += o->quantity;
		s->count++;
		h->order[k] = keyed[k].order;
		z->node[keyed[k].order] = h->nodes - 1;
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
		keyed[k] = (struct keyed){ node_key(z, i), k, i };
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

void zonal_flow_free(struct zonal *z)
{
	for (int side = 0; side < 2; side++) {
		free(z->half[side].order);
		free(z->half[side].step);
		z->half[side] = (struct half){ .nodes = 0 };
	}
	free(z->transport.way);
	free(z->transport.flow);
	z->transport = (struct transport){ .sources = 0 };
}

int zonal_flow(struct zonal *z)
{
	zonal_flow_free(z);
	int e = make_half(z, SIDE_BUY);
	e = e ? e : make_half(z, SIDE_SELL);
	e = e ? e : make_ways(z);
	e = e ? e : transport_solve(&z->transport);
	if (e == 0) {
		fill_all(z);
	}
	return e;
}
