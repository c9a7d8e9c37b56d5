/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "daemon/market/blocks.h"

/* Who gains or loses: an order for itself, or all orders of a block. In 1e-6 currency, rounded
 * down; the money moves at one order of it. */
struct party {
	wide exact; /* 0: nothing filled, or nothing gained */
	int64_t gain;
	int32_t order;
};

static int gather(const struct book *b, const int32_t *price, const struct result *r,
		  struct party *party)
{
	int n = b->blocks;
	for (int32_t i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		if (r->filled[i] == 0) {
			continue;
		}
		struct party *p = &party[o->block >= 0 ? o->block : n++];
		int64_t margin = o->side == SIDE_BUY ? (int64_t)o->price - price[i]
						     : (int64_t)price[i] - o->price;
		p->exact += (wide)margin * r->filled[i];
		p->order = i;
	}
	for (int i = 0; i < n; i++) {
		wide gain = party[i].exact / MILLION;
		party[i].gain = (int64_t)(gain - (party[i].exact % MILLION < 0));
	}
	return n;
}

/* Let an order pay more, or be paid less. */
static void charge(const struct book *b, struct result *r, int32_t order, int64_t amount)
{
	r->amount[order] += b->order[order].side == SIDE_BUY ? amount : -amount;
}

int blocks_uplift(const struct book *b, const int32_t *price, struct result *r)
{
	struct party *party = calloc((size_t)b->orders + (size_t)b->blocks + 1, sizeof(*party));
	if (!party) {
		return -ENOMEM;
	}
	int n = gather(b, price, r, party);
	int64_t gains = 0, losses = 0, gained = 0, charged = 0;
	for (int i = 0; i < n; i++) {
		*(party[i].gain > 0 ? &gains : &losses) += party[i].gain;
	}
	r->uplift = -losses < gains ? -losses : gains;
	int64_t left = r->uplift;
	for (int i = 0; i < n && r->uplift > 0; i++) {
		if (party[i].gain > 0) {
			gained += party[i].gain;
			int64_t upto = (int64_t)((wide)r->uplift * gained / gains);
			charge(b, r, party[i].order, upto - charged);
			charged = upto;
		} else if (party[i].gain < 0) {
			int64_t pay = -party[i].gain < left ? -party[i].gain : left;
			charge(b, r, party[i].order, -pay);
			left -= pay;
		}
	}
	free(party);
	return 0;
}
