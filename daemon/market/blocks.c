/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/blocks.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/market/pair.h"
#include "daemon/market/uniform.h"
#include "daemon/market/zonal.h"

struct clearing {
	const struct book *b;
	const struct terms *t;
	struct result *r;
	double *share;       /* of each block */
	double bound;        /* no choice has more welfare, in currency */
	int32_t *price;      /* of each order of the whole book */
	uint64_t *apart;     /* by owner: the zones, as bits, where the ban on self-trade binds */
	struct order *order; /* of the interval at hand */
	int32_t *whole;      /* their places in the whole book */
	int32_t *limit;      /* what each asked for before it was taken with its block */
	int32_t *priced;     /* what each gets */
	struct book book;
	struct result result;
};

/* The interval's orders. A block's are there with what is taken of them, before all others; those
 * of a share between none and all last, for what rounding to mWh leaves over. */
static void gather(struct clearing *c, int interval)
{
	c->book = *c->b;
	c->book.order = c->order;
	c->book.orders = c->book.blocks = 0;
	c->book.intervals = 1;
	for (int32_t i = 0; i < c->b->orders; i++) {
		struct order o = c->b->order[i];
		if (o.interval != interval) {
			continue;
		}
		o.interval = 0;
		if (o.block >= 0) {
			double share = c->share[o.block];
			int32_t first = PRICE_MAX + (share < 1 ? 1 : PRICE_BEYOND);
			o.quantity = llround((double)o.quantity * share);
			o.price = o.side == SIDE_BUY ? first : -first;
		}
		if (o.quantity > 0) {
			c->whole[c->book.orders] = i;
			c->limit[c->book.orders] = c->b->order[i].price;
			c->order[c->book.orders++] = o;
		}
	}
}

/* A block that rounding left short by a mWh does not count as rejected. */
static void forget_rounding(struct clearing *c)
{
	for (int k = 0; k < c->book.orders; k++) {
		if (c->order[k].block >= 0) {
			c->order[k].quantity = c->result.filled[k];
		}
	}
}

/* Into the limits of a part's blocks, as far as the interval reaches. */
static void narrow(const struct clearing *c, const struct part *p, struct marginal *m)
{
	int32_t ask = INT32_MIN, bid = INT32_MAX;
	for (int k = 0; k < c->book.orders; k++) {
		const struct order *o = &c->b->order[c->whole[k]];
		if (o->block < 0 || c->result.filled[k] == 0 || !part_has(p, o)) {
			continue;
		}
		ask = o->side == SIDE_SELL && o->price > ask ? o->price : ask;
		bid = o->side == SIDE_BUY && o->price < bid ? o->price : bid;
	}
	int32_t low, high, price;
	merit_price(m, c->t, &low, &high, &price);
	if (ask > m->last_ask) {
		m->last_ask = ask < high ? ask : high;
	}
	merit_price(m, c->t, &low, &high, &price);
	if (bid < m->last_bid) {
		m->last_bid = bid > low ? bid : low;
	}
}

/* Price a part and pair its orders; into the whole result. */
static int take_part(struct clearing *c, const struct allocation *a, int part, int interval)
{
	struct marginal m;
	struct piece p = { .interval = (int16_t)interval,
			   .zone = -1,
			   .owner = a->parts > 1 ? a->part[part].owner : -1,
			   .side = a->part[part].kind == PART_SELLS_OF ? SIDE_SELL : SIDE_BUY,
			   .quantity = a->volume[part] };
	forget_rounding(c);
	merit_marginal(&c->book, &a->part[part], &c->result, &m);
	if (!m.traded) {
		return 0;
	}
	narrow(c, &a->part[part], &m);
	merit_price(&m, c->t, &p.low, &p.high, &p.price);
	for (int k = 0; k < c->book.orders; k++) {
		if (part_has(&a->part[part], &c->order[k])) {
			int32_t i = c->whole[k];
			c->price[i] = p.price;
			c->r->filled[i] = c->result.filled[k];
			c->r->amount[i] = money_of(p.price, c->result.filled[k]);
		}
	}
	int e = result_add_piece(c->r, &p);
	return e || !c->t->pairs ? e : pair_round(&c->book, &a->part[part], p.price, &c->result);
}

/* One zone: as any book of one interval. */
static int clear_whole(struct clearing *c, int interval)
{
	const struct part all = { PART_ALL, -1 };
	struct allocation a;
	int e = 0;
	uniform_allocate(&c->book, &all, c->t, &c->result, &a);
	c->r->quantity += a.whole;
	if (a.parts > 1) {
		c->apart[a.part[0].owner] = 1;
	}
	for (int part = 0; e == 0 && part < a.parts; part++) {
		e = take_part(c, &a, part, interval);
	}
	return e;
}

static int clear_zones(struct clearing *c, int interval)
{
	const struct zonal_given given = { c->apart, c->limit, c->priced };
	int e = zonal_clear(&c->book, c->t, &c->result, false, &given);
	for (int k = 0; e == 0 && k < c->book.orders; k++) {
		int32_t i = c->whole[k];
		c->price[i] = c->priced[k];
		c->r->filled[i] = c->result.filled[k];
		c->r->amount[i] = c->result.amount[k];
	}
	for (int k = 0; e == 0 && k < c->result.pieces; k++) {
		struct piece p = c->result.piece[k];
		p.interval = (int16_t)interval;
		e = result_add_piece(c->r, &p);
	}
	c->r->quantity += c->result.quantity;
	c->r->fees += c->result.fees;
	for (int k = 0; k < c->result.trades; k++) {
		const struct trade *t = &c->result.trade[k];
		c->r->welfare -= (wide)t->fee * t->quantity;
	}
	return e;
}

static int clear_interval(struct clearing *c, int interval)
{
	gather(c, interval);
	int e = result_begin(&c->result, &c->book);
	if (e) {
		return e;
	}
	assert(c->result.filled);
	e = c->b->zones > 1 ? clear_zones(c, interval) : clear_whole(c, interval);
	for (int i = 0; e == 0 && i < c->result.trades; i++) {
		struct trade t = c->result.trade[i];
		t.buy = c->whole[t.buy];
		t.sell = c->whole[t.sell];
		e = result_add_trade(c->r, &t);
	}
	return e;
}

static int count_apart(const struct clearing *c)
{
	int n = 0;
	for (int o = 0; o < c->b->owners; o++) {
		n += __builtin_popcountll(c->apart[o]);
	}
	return n;
}

/* Choose the blocks and clear each interval with them. *again: there are owners whom the program
 * must know, and did not. */
static int clear_once(struct clearing *c, bool *again)
{
	struct result *r = c->r;
	const int known = count_apart(c);
	double bound = 0;
	int e = result_begin(r, c->b);
	if (e == 0 && c->b->blocks) {
		e = blocks_choose(c->b, c->t, c->apart, c->share, &bound, &r->settled);
		c->bound = bound;
	}
	for (int i = 0; e == 0 && i < c->b->intervals; i++) {
		e = clear_interval(c, i);
	}
	*again = e == 0 && c->b->blocks && count_apart(c) > known;
	return e;
}

/* Whether each block is filled as it was chosen, but for a mWh that rounding leaves to each of the
 * others in an interval, or not at all. A program with numbers too far apart may promise more than
 * there is. */
static bool are_kept(struct clearing *c)
{
	static const double broken = -1;
	for (int i = 0; i < c->b->orders; i++) {
		const struct order *o = &c->b->order[i];
		double share = o->block < 0 ? broken : c->share[o->block];
		int64_t slack = share < 1 ? c->b->blocks : 0;
		if (share >= 0 &&
		    llabs(llround((double)o->quantity * share) - c->r->filled[i]) > slack) {
			c->share[o->block] = broken;
		}
	}
	for (int i = 0; i < c->b->orders; i++) {
		const struct order *o = &c->b->order[i];
		if (o->block >= 0 && c->share[o->block] < 0 && c->r->filled[i] > 0) {
			return false;
		}
	}
	return true;
}

/* Whether what was promised has come true, but for a mWh of each order. */
static bool is_reached(const struct clearing *c)
{
	double slack = fabs(c->bound) * 1e-9;
	for (int i = 0; i < c->b->orders; i++) {
		slack += fabs((double)c->b->order[i].price) / MILLION / MILLION;
	}
	return (double)c->r->welfare / MILLION / MILLION >= c->bound - slack;
}

static int clear_all(struct clearing *c)
{
	bool again = true;
	int e = 0;
	while (e == 0 && again) { /* at most once for each owner and zone */
		e = clear_once(c, &again);
	}
	if (e || !are_kept(c)) {
		return e ? e : -ERANGE;
	}
	struct result *r = c->r;
	r->welfare += result_welfare(r, c->b);
	r->settled &= c->b->blocks == 0 || is_reached(c);
	r->residue = -r->fees;
	for (int i = 0; i < c->b->orders; i++) {
		r->residue += c->b->order[i].side == SIDE_BUY ? r->amount[i] : -r->amount[i];
	}
	if (c->b->intervals == 1 && c->b->zones == 1 && r->pieces == 1) {
		r->priced = true;
		r->price = r->piece[0].price;
		r->low = r->piece[0].low;
		r->high = r->piece[0].high;
		r->pieces = 0;
	}
	return blocks_uplift(c->b, c->price, r);
}

int blocks_clear(const struct book *b, const struct terms *t, struct result *r)
{
	size_t n = (size_t)b->orders + 1;
	struct clearing c = { .b = b,
			      .t = t,
			      .r = r,
			      .share = calloc((size_t)b->blocks + 1, sizeof(*c.share)),
			      .price = calloc(n, sizeof(*c.price)),
			      .apart = calloc((size_t)b->owners + 1, sizeof(*c.apart)),
			      .order = malloc(sizeof(*c.order) * n),
			      .whole = malloc(sizeof(*c.whole) * n),
			      .limit = malloc(sizeof(*c.limit) * n),
			      .priced = malloc(sizeof(*c.priced) * n) };
	bool room = c.share && c.price && c.apart && c.order && c.whole && c.limit && c.priced;
	int e = room ? clear_all(&c) : -ENOMEM;
	result_free(&c.result);
	free(c.share);
	free(c.price);
	free(c.apart);
	free(c.order);
	free(c.whole);
	free(c.limit);
	free(c.priced);
	return e;
}
