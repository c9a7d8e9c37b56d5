/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/pair.h"

#include <string.h>

int32_t pair_crowded(const struct book *b, struct result *r, int64_t volume)
{
	int64_t *both = r->by_owner[0];
	memset(both, 0, sizeof(*both) * (size_t)b->owners);
	for (int i = 0; i < b->orders; i++) {
		both[b->order[i].owner] += r->filled[i];
	}
	for (int32_t o = 0; o < b->owners; o++) {
		if (both[o] > volume) {
			return o;
		}
	}
	return -1;
}

/* Pair two rows of orders from the first on; the second begins skip mWh behind its start and goes
 * round. */
static int pair_rows(const int32_t *buy, const int32_t *sell, int sells, int64_t skip,
		     int32_t price, struct result *r)
{
	int i = 0, j = 0;
	int64_t buy_left = 0, volume = 0;
	for (int s = 0; s < sells; s++) {
		volume += r->filled[sell[s]];
	}
	while (j < sells && skip >= r->filled[sell[j]]) {
		skip -= r->filled[sell[j++]];
	}
	j = j == sells ? 0 : j;
	/* What was skipped of the first is sold last. */
	int64_t sell_left = volume > 0 ? r->filled[sell[j]] - skip : 0;
	while (volume > 0) {
		while (buy_left == 0) {
			buy_left = r->filled[buy[i++]];
		}
		while (sell_left == 0) {
			j = j + 1 == sells ? 0 : j + 1;
			sell_left = r->filled[sell[j]];
		}
		int64_t q = buy_left < sell_left ? buy_left : sell_left;
		q = q < volume ? q : volume;
		const struct trade t = {
			.buy = buy[i - 1], .sell = sell[j], .price = price, .quantity = q
		};
		int e = result_add_trade(r, &t);
		if (e) {
			return e;
		}
		buy_left -= q;
		sell_left -= q;
		volume -= q;
	}
	return 0;
}

/* One side's orders of a part that have something filled, owner by owner. place: room by owner.
 * Returns how many. */
static int by_owner(const struct book *b, const struct part *p, enum side side,
		    const struct result *r, int64_t *place, int32_t *out)
{
	memset(place, 0, sizeof(*place) * ((size_t)b->owners + 1));
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		if (o->side == side && r->filled[i] > 0 && part_has(p, o)) {
			place[o->owner + 1]++;
		}
	}
	for (int o = 0; o < b->owners; o++) {
		place[o + 1] += place[o];
	}
	int n = (int)place[b->owners];
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		if (o->side == side && r->filled[i] > 0 && part_has(p, o)) {
			out[place[o->owner]++] = i;
		}
	}
	return n;
}

/* How far the sales must be turned: for each owner the end of its purchases less the start of its
 * sales. */
static int64_t turn(const struct book *b, const int32_t *buy, int buys, const int32_t *sell,
		    int sells, const struct result *r)
{
	int64_t bought = 0, sold = 0, most = 0;
	int j = 0;
	for (int i = 0; i < buys; i++) {
		int32_t owner = b->order[buy[i]].owner;
		bought += r->filled[buy[i]];
		while (j < sells && b->order[sell[j]].owner < owner) {
			sold += r->filled[sell[j++]];
		}
		most = bought - sold > most ? bought - sold : most;
	}
	return most;
}

int pair_round(const struct book *b, const struct part *p, int32_t price, struct result *r)
{
	int32_t *buy = r->index[0], *sell = r->index[1];
	int buys = by_owner(b, p, SIDE_BUY, r, r->by_owner[1], buy);
	int sells = by_owner(b, p, SIDE_SELL, r, r->by_owner[1], sell);
	int64_t volume = 0;
	for (int s = 0; s < sells; s++) {
		volume += r->filled[sell[s]];
	}
	int64_t turned = turn(b, buy, buys, sell, sells, r);
	return pair_rows(buy, sell, sells, turned < volume ? volume - turned : 0, price, r);
}

int pair_by_merit(const struct book *b, struct result *r)
{
	(void)book_merit(b, SIDE_BUY, r->filled, r->index[0], r->index[2]);
	int sells = book_merit(b, SIDE_SELL, r->filled, r->index[1], r->index[2]);
	return pair_rows(r->index[0], r->index[1], sells, 0, 0, r);
}
