/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/merit.h"

#include <string.h>

/* A price less the least one, and what goes beyond it, takes 31 bits: 11, then 10, then 10. */
enum { BARS_MAX = 1 << 11, LEVELS = 3 };
static const struct {
	int shift, bits;
} levels[LEVELS] = { { 20, 11 }, { 10, 10 }, { 0, 10 } };

struct histogram {
	int64_t quantity[2][BARS_MAX]; /* by side */
};

static uint32_t key_of(const struct order *o)
{
	return (uint32_t)(o->price + PRICE_MAX + PRICE_BEYOND);
}

/* Count the orders whose price begins with prefix. */
static void count(const struct book *b, const struct part *p, int level, uint32_t prefix,
		  struct histogram *h)
{
	const int shift = levels[level].shift, bits = levels[level].bits;
	const uint32_t mask = (1U << bits) - 1;
	memset(h, 0, sizeof(*h));
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		uint32_t key = key_of(o) >> shift;
		if (key >> bits == prefix && part_has(p, o)) {
			h->quantity[o->side][key & mask] += o->quantity;
		}
	}
}

/* Demand at and above a price less supply below it falls with the price. The highest bar where it
 * is not negative holds the margin; above and below are what lies outside of it. */
static uint32_t find_bar(const struct histogram *h, int bars, int64_t *above, int64_t *below)
{
	int64_t sold = *below, demand = *above;
	for (int i = 0; i < bars; i++) {
		sold += h->quantity[SIDE_SELL][i];
	}
	int bar = bars;
	do {
		bar--;
		*above = demand;
		demand += h->quantity[SIDE_BUY][bar];
		sold -= h->quantity[SIDE_SELL][bar];
	} while (bar > 0 && demand < sold);
	*below = sold;
	return (uint32_t)bar;
}

void merit_find(const struct book *b, const struct part *p, struct margin *out)
{
	struct histogram h;
	int64_t above = 0, below = 0;
	uint32_t key = 0, bar = 0;
	for (int level = 0; level < LEVELS; level++) {
		count(b, p, level, key, &h);
		bar = find_bar(&h, 1 << levels[level].bits, &above, &below);
		key = key << levels[level].bits | bar;
	}
	int64_t buys = h.quantity[SIDE_BUY][bar], sells = h.quantity[SIDE_SELL][bar];
	*out = (struct margin){ .price = (int32_t)key - PRICE_MAX - PRICE_BEYOND };
	if (above + buys >= below + sells) { /* all supply up to here is sold */
		out->side = SIDE_BUY;
		out->volume = below + sells;
		out->want = buys;
		out->get = out->volume - above;
	} else { /* all demand down to here is met */
		out->side = SIDE_SELL;
		out->volume = above + buys;
		out->want = sells;
		out->get = out->volume - below;
	}
}

/* --- filling ------------------------------------------------------------------------------------
 */

/* Share m->get: the sum so far is rounded down, so that nothing is lost. */
static int64_t share(const struct margin *m, int64_t *offered, int64_t quantity)
{
	int64_t before = (int64_t)((wide)*offered * m->get / m->want);
	*offered += quantity;
	return (int64_t)((wide)*offered * m->get / m->want) - before;
}

static void fill_by_arrival(const struct book *b, const struct margin *m, int n, struct result *r)
{
	int64_t left = m->get;
	book_by_arrival(b, r->index[0], n, r->index[1]);
	for (int i = 0; i < n; i++) {
		int32_t at = r->index[0][i];
		int64_t take = b->order[at].quantity < left ? b->order[at].quantity : left;
		r->filled[at] = take;
		left -= take;
	}
}

void merit_fill(const struct book *b, const struct part *p, const struct margin *m, enum ties ties,
		struct result *r)
{
	int64_t offered = 0;
	int marginal = 0;
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		if (!part_has(p, o)) {
			continue;
		}
		bool better = o->side == SIDE_BUY ? o->price > m->price : o->price < m->price;
		if (better || (o->price == m->price && o->side != m->side)) {
			r->filled[i] = o->quantity;
		} else if (o->price != m->price || m->get == 0) {
			r->filled[i] = 0;
		} else if (ties == TIES_ARRIVAL) {
			r->index[0][marginal++] = i;
		} else {
			r->filled[i] = share(m, &offered, o->quantity);
		}
	}
	if (marginal > 0) {
		fill_by_arrival(b, m, marginal, r);
	}
}

/* --- prices -------------------------------------------------------------------------------------
 */

static int32_t least(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static int32_t most(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

void merit_marginal(const struct book *b, const struct part *p, const struct result *r,
		    struct marginal *out)
{
	struct marginal m = { false, INT32_MAX, INT32_MIN, INT32_MIN, INT32_MAX };
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		if (!part_has(p, o)) {
			continue;
		}
		bool accepted = r->filled[i] > 0, rejected = r->filled[i] < o->quantity;
		if (o->side == SIDE_BUY) {
			m.last_bid = accepted ? least(m.last_bid, o->price) : m.last_bid;
			m.first_bid = rejected ? most(m.first_bid, o->price) : m.first_bid;
		} else {
			m.last_ask = accepted ? most(m.last_ask, o->price) : m.last_ask;
			m.first_ask = rejected ? least(m.first_ask, o->price) : m.first_ask;
		}
		m.traded |= accepted;
	}
	*out = m;
}

void merit_price(const struct marginal *m, const struct terms *t, int32_t *low, int32_t *high,
		 int32_t *price)
{
	bool pair = t->price_rule == PRICE_PAIR;
	*low = pair ? m->last_ask : most(m->last_ask, m->first_bid);
	*high = pair ? m->last_bid : least(m->last_bid, m->first_ask);
	*price = money_between(*low, *high, t->k);
}
