/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book that is traded as one with a market above. */
#include <assert.h>
#include <errno.h>

#include "daemon/market/aggregate.h"
#include "daemon/market/rounds_private.h"

int rounds_hold(struct rounds *r, int round, int64_t start_s, int64_t until_s)
{
	struct place *p = book_of(r, round, start_s);
	if (!p) {
		return -ENOENT;
	}
	p->hold_s = until_s;
	return 0;
}

int rounds_curve(struct rounds *r, int round, int64_t start_s, int32_t utility_buy,
		 int32_t utility_sell, int steps_max, struct bid_step *step)
{
	const struct place *p = book_of(r, round, start_s);
	struct curve_step curve[BID_STEPS_MAX];
	assert(steps_max >= 2 && steps_max <= BID_STEPS_MAX);
	if (!p || utility_sell > utility_buy) { /* then nothing is traded */
		return p ? 0 : -ENOENT;
	}
	const struct book b = rounds_gather(r, p, utility_sell, utility_buy);
	int steps = aggregate_curve(&b, steps_max, curve);
	for (int i = 0; i < steps; i++) {
		step[i] = (struct bid_step){ curve[i].quantity, curve[i].price, curve[i].side };
	}
	return steps;
}

int rounds_supply(struct rounds *r, int round, int64_t start_s, int64_t net, int32_t price)
{
	struct place *p = book_of(r, round, start_s);
	if (!p) {
		return -ENOENT;
	}
	p->supply = net;
	p->supply_price = price;
	return 0;
}
