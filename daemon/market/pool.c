/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/pool.h"

#include <string.h>

void pool_gather(const struct book *b, const struct terms *t, struct result *r, int64_t *bought,
		 int64_t *sold)
{
	r->members = b->owners;
	memset(r->member, 0, sizeof(*r->member) * (size_t)b->owners);
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		r->member[o->owner].net += o->side == SIDE_BUY ? o->quantity : -o->quantity;
		r->filled[i] = o->quantity;
	}
	*bought = *sold = 0;
	for (int i = 0; i < r->members; i++) {
		int64_t net = r->member[i].net;
		*(net > 0 ? bought : sold) += net > 0 ? net : -net;
	}
	r->quantity = *bought < *sold ? *bought : *sold;
	r->imported = *bought - r->quantity;
	r->exported = *sold - r->quantity;
	r->welfare = (wide)r->quantity * ((int64_t)t->utility_buy - t->utility_sell);
}

void pool_settle(const struct terms *t, int32_t buy_price, int32_t sell_price, struct result *r)
{
	int64_t sum = 0;
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		m->price = m->net > 0 ? buy_price : m->net < 0 ? sell_price : 0;
		m->amount = money_of(m->price, m->net);
		sum += m->amount;
	}
	r->two_priced = r->quantity + r->imported + r->exported > 0;
	r->buy_price = buy_price;
	r->sell_price = sell_price;
	r->residue = sum - money_of(t->utility_buy, r->imported) +
		     money_of(t->utility_sell, r->exported);
}

int32_t pool_mean(int32_t a, int64_t x, int32_t b, int64_t y)
{
	return (int32_t)money_divide((wide)a * x + (wide)b * y, x + y);
}
