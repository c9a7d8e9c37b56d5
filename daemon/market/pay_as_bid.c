/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discriminatory prices: the welfare-optimal volume, the best bid paired with the best ask, each
 * trade at ask + k * (bid - ask); k = 1, the default, is "as bid". Where that would pair an owner
 * with itself, pairs are made round the circle of owners instead (pair.h): any pair of accepted
 * orders has a bid not below its ask. */
#include <stddef.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/pair.h"
#include "daemon/market/uniform.h"
#include "daemon/market/zonal.h"

static bool pairs_itself(const struct book *b, const struct result *r)
{
	for (int i = 0; i < r->trades; i++) {
		if (b->order[r->trade[i].buy].owner == b->order[r->trade[i].sell].owner) {
			return true;
		}
	}
	return false;
}

static int pair(const struct book *b, const struct terms *t, const struct allocation *a,
		struct result *r)
{
	int e = 0;
	if (a->parts == 1) {
		e = pair_by_merit(b, r);
		if (e || t->self_trade || !pairs_itself(b, r)) {
			return e;
		}
		r->trades = 0;
	}
	for (int i = 0; e == 0 && i < a->parts; i++) {
		e = pair_round(b, &a->part[i], 0, r);
	}
	return e;
}

int pay_as_bid_clear(const struct book *b, const struct terms *t, struct result *r)
{
	const struct part all = { PART_ALL, -1 };
	struct allocation a;
	if (b->zones > 1) {
		return zonal_clear(b, t, r, true, NULL);
	}
	uniform_allocate(b, &all, t, r, &a);
	r->quantity = a.whole;
	r->welfare = result_welfare(r, b);
	int e = pair(b, t, &a, r);
	for (int i = 0; i < r->trades; i++) {
		struct trade *trade = &r->trade[i];
		trade->price = money_between(b->order[trade->sell].price,
					     b->order[trade->buy].price, t->k);
	}
	result_settle_trades(r, b);
	return e;
}
