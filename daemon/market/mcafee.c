/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A truthful double auction that never runs a deficit, after R. P. McAfee, "A dominant strategy
 * double auction", Journal of Economic Theory 56, 1992, with quantities after P. Huang,
 * A. Scheller-Wolf, K. Sycara, "Design of a multi-unit double auction e-market", Computational
 * Intelligence 18(4), 2002: the last bid and the last ask that would trade are given up, all better
 * ones trade at the prices of these two; what the longer side has too much, all of it bear by
 * share. Where the last two end together and the middle of the next two lies between them, nothing
 * is given up and all trade at that middle.
 *
 * Truthful for owners with one order each. What buyers pay more than sellers get is `budget`. */
#include <string.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/pair.h"

struct reduced {
	int buys, sells; /* winners: the first of index[0] and index[1] */
	int32_t buy_price, sell_price;
};

/* The last bid and ask that would trade, as counts including them; aligned: both end there. */
static void cross(const struct book *b, const struct result *r, int buys, int sells, int *last_buy,
		  int *last_sell, bool *aligned)
{
	int64_t demand = 0, supply = 0; /* up to and with the last ones */
	int i = 0, j = 0;
	*aligned = true;
	for (;;) {
		int next_i = i + (demand <= supply), next_j = j + (supply <= demand);
		if (next_i > buys || next_j > sells ||
		    b->order[r->index[0][next_i - 1]].price <
			    b->order[r->index[1][next_j - 1]].price) {
			break;
		}
		demand += next_i > i ? b->order[r->index[0][next_i - 1]].quantity : 0;
		supply += next_j > j ? b->order[r->index[1][next_j - 1]].quantity : 0;
		i = next_i;
		j = next_j;
		*aligned = demand == supply;
	}
	*last_buy = i;
	*last_sell = j;
}

static struct reduced reduce(const struct book *b, const struct result *r, int buys, int sells)
{
	int i, j;
	bool aligned;
	cross(b, r, buys, sells, &i, &j, &aligned);
	if (i == 0 || j == 0) {
		return (struct reduced){ .buys = 0 };
	}
	int32_t bid = b->order[r->index[0][i - 1]].price, ask = b->order[r->index[1][j - 1]].price;
	if (aligned && i < buys && j < sells) {
		int32_t middle = money_between(b->order[r->index[0][i]].price,
					       b->order[r->index[1][j]].price, MILLION / 2);
		if (ask <= middle && middle <= bid) {
			return (struct reduced){ i, j, middle, middle };
		}
	}
	return (struct reduced){ i - 1, j - 1, bid, ask };
}

/* Fill a part's winners by share of what the shorter side has. Returns the volume. */
static int64_t share(const struct book *b, const struct part *p, const struct reduced *w,
		     struct result *r)
{
	const int count[2] = { w->buys, w->sells };
	int64_t total[2] = { 0, 0 };
	for (int s = 0; s < 2; s++) {
		for (int i = 0; i < count[s]; i++) {
			const struct order *o = &b->order[r->index[s][i]];
			total[s] += part_has(p, o) ? o->quantity : 0;
		}
	}
	int64_t volume = total[0] < total[1] ? total[0] : total[1];
	for (int s = 0; s < 2; s++) {
		int64_t offered = 0, given = 0;
		for (int i = 0; i < count[s]; i++) {
			const struct order *o = &b->order[r->index[s][i]];
			if (part_has(p, o)) {
				offered += o->quantity;
				int64_t upto = (int64_t)((wide)offered * volume / total[s]);
				r->filled[r->index[s][i]] = upto - given;
				given = upto;
			}
		}
	}
	return volume;
}

static void settle(const struct book *b, const struct reduced *w, struct result *r)
{
	for (int i = 0; i < b->orders; i++) {
		bool buys = b->order[i].side == SIDE_BUY;
		r->amount[i] = money_of(buys ? w->buy_price : w->sell_price, r->filled[i]);
		r->budget += buys ? r->amount[i] : -r->amount[i];
	}
	int64_t spread = (int64_t)w->buy_price - w->sell_price;
	r->residue = r->budget - money_of(spread, r->quantity);
	r->budget -= r->residue;
	r->welfare = result_welfare(r, b);
	r->two_priced = r->quantity > 0;
	r->buy_price = w->buy_price;
	r->sell_price = w->sell_price;
}

int mcafee_clear(const struct book *b, const struct terms *t, struct result *r)
{
	int buys = book_merit(b, SIDE_BUY, NULL, r->index[0], r->index[2]);
	int sells = book_merit(b, SIDE_SELL, NULL, r->index[1], r->index[2]);
	struct reduced w = reduce(b, r, buys, sells);
	struct part part[2] = { { PART_ALL, -1 } };
	int parts = 1, e = 0;
	r->quantity = share(b, &part[0], &w, r);
	int32_t crowded = t->self_trade ? -1 : pair_crowded(b, r, r->quantity);
	if (crowded >= 0) { /* as in uniform.h; every pair of winners is one that both gain by */
		parts = 2;
		part[0] = (struct part){ PART_BUYS_OF, crowded };
		part[1] = (struct part){ PART_SELLS_OF, crowded };
		r->quantity = share(b, &part[0], &w, r) + share(b, &part[1], &w, r);
	}
	settle(b, &w, r);
	for (int i = 0; t->pairs && e == 0 && i < parts; i++) {
		e = pair_round(b, &part[i], w.buy_price, r);
	}
	for (int i = 0; i < r->trades; i++) {
		r->trade[i].fee = w.buy_price - w.sell_price;
	}
	return e;
}
