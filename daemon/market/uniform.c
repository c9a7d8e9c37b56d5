/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/uniform.h"

#include <stddef.h>

#include "daemon/market/blocks.h"
#include "daemon/market/mechanism.h"
#include "daemon/market/pair.h"
#include "daemon/market/zonal.h"

static int64_t fill(const struct book *b, const struct part *p, const struct terms *t,
		    struct result *r)
{
	struct margin m;
	merit_find(b, p, &m);
	merit_fill(b, p, &m, t->ties, r);
	return m.volume;
}

void uniform_allocate(const struct book *b, const struct part *p, const struct terms *t,
		      struct result *r, struct allocation *out)
{
	*out = (struct allocation){ .parts = 1, .part = { *p } };
	out->whole = out->volume[0] = fill(b, p, t, r);
	if (p->kind != PART_ALL || t->self_trade) {
		return;
	}
	int32_t crowded = pair_crowded(b, r, out->whole);
	if (crowded < 0) {
		return;
	}
	out->parts = 2;
	out->part[0] = (struct part){ PART_BUYS_OF, crowded };
	out->part[1] = (struct part){ PART_SELLS_OF, crowded };
	out->volume[0] = fill(b, &out->part[0], t, r);
	out->volume[1] = fill(b, &out->part[1], t, r);
	out->whole = out->volume[0] + out->volume[1];
}

/* Each part's price; one for both parts where their intervals have something in common. */
static int price_parts(const struct book *b, const struct allocation *a, const struct terms *t,
		       struct result *r, int32_t price[2])
{
	int32_t low = INT32_MIN, high = INT32_MAX;
	for (int i = 0; i < a->parts; i++) {
		struct marginal m;
		struct piece p = { .zone = -1,
				   .owner = a->parts > 1 ? a->part[i].owner : -1,
				   .side = a->part[i].kind == PART_SELLS_OF ? SIDE_SELL : SIDE_BUY,
				   .quantity = a->volume[i] };
		merit_marginal(b, &a->part[i], r, &m);
		if (!m.traded) {
			continue;
		}
		merit_price(&m, t, &p.low, &p.high, &p.price);
		price[i] = p.price;
		low = p.low > low ? p.low : low;
		high = p.high < high ? p.high : high;
		int e = result_add_piece(r, &p);
		if (e) {
			return e;
		}
	}
	r->priced = r->pieces > 0 && low <= high;
	if (r->priced) {
		r->low = low;
		r->high = high;
		r->price = price[0] = price[1] = money_between(low, high, t->k);
		r->pieces = 0;
	}
	return 0;
}

/* Each order's amount is rounded for itself. */
static void settle(const struct book *b, const struct allocation *a, const int32_t price[2],
		   struct result *r)
{
	int64_t paid = 0, received = 0;
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		int part = a->parts > 1 && !part_has(&a->part[0], o);
		if (r->filled[i] == 0) {
			continue;
		}
		r->amount[i] = money_of(price[part], r->filled[i]);
		*(o->side == SIDE_BUY ? &paid : &received) += r->amount[i];
	}
	r->residue = paid - received;
}

int uniform_clear(const struct book *b, const struct terms *t, struct result *r)
{
	const struct part all = { PART_ALL, -1 };
	struct allocation a;
	int32_t price[2] = { 0, 0 };
	if (b->blocks > 0 || b->intervals > 1) {
		return blocks_clear(b, t, r);
	}
	if (b->zones > 1) {
		return zonal_clear(b, t, r, false, NULL);
	}
	uniform_allocate(b, &all, t, r, &a);
	r->quantity = a.whole;
	r->welfare = result_welfare(r, b);
	int e = price_parts(b, &a, t, r, price);
	settle(b, &a, price, r);
	for (int i = 0; e == 0 && t->pairs && i < a.parts; i++) {
		e = pair_round(b, &a.part[i], price[i], r);
	}
	return e;
}
