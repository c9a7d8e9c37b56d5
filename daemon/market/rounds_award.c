/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book without bids: what its homes agreed on. */
#include <assert.h>
#include <errno.h>

#include "daemon/market/rounds_private.h"

static int64_t capped(int64_t amount, int64_t most)
{
	return amount < most ? amount : most;
}

static struct round_award award_of(const struct place *p, const struct round_award *agreed)
{
	const struct kept_bid *kept = &p->kept[agreed->home];
	struct round_award a = *agreed;
	if (kept->capped) {
		a.bought = capped(a.bought, kept->cap_buy);
		a.sold = capped(a.sold, kept->cap_sell);
	}
	a.paid = money_divide((wide)a.bought * a.price, MILLION);
	a.received = money_divide((wide)a.sold * a.price, MILLION);
	return a;
}

void rounds_award(struct rounds *r, int round, int64_t start_s, int64_t now_s,
		  const struct round_award *agreed, int count, struct round_clearing *out)
{
	const struct place *p = book_of(r, round, start_s);
	assert(p && p->gate_s <= now_s && count <= r->conf.homes_max);
	struct round_clearing c = { .round = round,
				    .start_s = start_s,
				    .is_void = now_s >= start_s,
				    .bids = count,
				    .award = r->award };
	for (int i = 0; i < count && !c.is_void; i++) {
		struct round_award a = award_of(p, &agreed[i]);
		r->award[c.awards++] = a;
		c.bought += a.bought;
		c.paid += a.paid;
		c.sold += a.sold;
		c.received += a.received;
		c.priced = true;
		c.price = a.price;
	}
	*out = c;
}
