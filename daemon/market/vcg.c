/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vickrey, Clarke and Groves: the welfare-optimal allocation, and each owner pays what the others
 * lose by its being there (or gets what they win). Truthful for owners with any number of orders.
 * The amounts are rounded down, in the owners' favour; `budget` is their sum, mostly a deficit that
 * the operator pays: by Myerson and Satterthwaite (1983) no mechanism is all of truthful, optimal
 * and balanced.
 *
 * Each owner that trades costs one more clearing: owners times orders is limited. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/uniform.h"

static const int64_t work_max = INT64_C(4000000000);

/* The best welfare of the others. others: room for the book. */
static wide welfare_without(const struct book *b, int32_t owner, const struct terms *t,
			    struct order *others, struct result *r)
{
	const struct part all = { PART_ALL, -1 };
	struct allocation a;
	struct book left = *b;
	left.orders = 0;
	left.order = others;
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].owner != owner) {
			others[left.orders++] = b->order[i];
		}
	}
	uniform_allocate(&left, &all, t, r, &a);
	return result_welfare(r, &left);
}

static void gather(const struct book *b, struct result *r, wide *worth)
{
	r->members = b->owners;
	memset(r->member, 0, sizeof(*r->member) * (size_t)b->owners);
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		int64_t signed_fill = o->side == SIDE_BUY ? r->filled[i] : -r->filled[i];
		r->member[o->owner].net += signed_fill;
		worth[o->owner] += (wide)o->price * signed_fill;
	}
}

static int64_t round_down(wide value)
{
	wide down = value / MILLION;
	return (int64_t)(down - (value % MILLION < 0));
}

static void charge(const struct book *b, const struct terms *t, const wide *worth,
		   struct order *others, struct result *r)
{
	int64_t *fills = r->level;
	int64_t paid = 0, received = 0;
	memcpy(fills, r->filled, sizeof(*fills) * (size_t)b->orders);
	for (int32_t i = 0; i < b->owners; i++) {
		struct member *m = &r->member[i];
		if (m->net == 0 && worth[i] == 0) {
			continue;
		}
		wide without = welfare_without(b, i, t, others, r);
		m->amount = round_down(without - (r->welfare - worth[i]));
		m->price = m->net ? (int32_t)money_divide((wide)m->amount * MILLION,
							  m->net > 0 ? m->net : -m->net)
				  : 0;
		m->price = m->net < 0 ? -m->price : m->price;
		*(m->net > 0 ? &paid : &received) += m->amount;
	}
	memcpy(r->filled, fills, sizeof(*fills) * (size_t)b->orders);
	r->budget = paid + received;
	r->two_priced = r->quantity > 0;
	r->buy_price = r->two_priced ? (int32_t)money_divide((wide)paid * MILLION, r->quantity) : 0;
	r->sell_price =
		r->two_priced ? (int32_t)money_divide((wide)-received * MILLION, r->quantity) : 0;
}

int vcg_clear(const struct book *b, const struct terms *t, struct result *r)
{
	const struct part all = { PART_ALL, -1 };
	struct allocation a;
	if ((int64_t)b->orders * b->owners > work_max) {
		return -E2BIG;
	}
	struct order *others = malloc(sizeof(*others) * ((size_t)b->orders + 1));
	wide *worth = calloc((size_t)b->owners + 1, sizeof(*worth));
	int e = others && worth ? 0 : -ENOMEM;
	if (e == 0) {
		uniform_allocate(b, &all, t, r, &a);
		r->quantity = a.whole;
		r->welfare = result_welfare(r, b);
		gather(b, r, worth);
		charge(b, t, worth, others, r);
	}
	free(others);
	free(worth);
	return e;
}
