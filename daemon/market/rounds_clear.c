/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book of bids as the mechanisms take it, and what comes of it by home. */
#include <assert.h>

#include "daemon/market/rounds_private.h"

static int32_t within(int32_t price, int32_t low, int32_t high)
{
	return price < low ? low : price > high ? high : price;
}

/* What a cap leaves of a step, behind all better ones of its side; at least 1 mWh, which is
 * nothing, so that the home hears what became of its bid. */
static int64_t left_of(const struct kept_bid *kept, const struct bid_step *step, int i)
{
	bool buys = step[i].side == SIDE_BUY;
	int64_t left = buys ? kept->cap_buy : kept->cap_sell;
	for (int k = 0; kept->capped && k < kept->steps; k++) {
		bool same = step[k].side == step[i].side && k != i;
		bool better = buys ? step[k].price > step[i].price : step[k].price < step[i].price;
		if (same && (better || (k < i && step[k].price == step[i].price))) {
			left -= step[k].quantity;
		}
	}
	left = left < 1 ? 1 : left;
	return kept->capped && left < step[i].quantity ? left : step[i].quantity;
}

/* Before all others of its side. */
static struct order supply_of(const struct rounds *r, const struct place *p, int32_t low,
			      int32_t high)
{
	bool sells = p->supply > 0; /* to the homes */
	return (struct order){ .quantity = sells ? p->supply : -p->supply,
			       .price = sells ? low - 1 : high + 1,
			       .owner = r->homes,
			       .arrival = -1,
			       .block = -1,
			       .side = sells ? SIDE_SELL : SIDE_BUY };
}

struct book rounds_gather(struct rounds *r, const struct place *p, int32_t low, int32_t high)
{
	int orders = 0;
	for (int rank = 0; rank < r->homes; rank++) {
		int home = r->by_name[rank];
		const struct kept_bid *kept = &p->kept[home];
		const struct bid_step *step = steps_of(r, p, home);
		for (int i = 0; i < kept->steps; i++) {
			r->order[orders++] = (struct order){
				.quantity = left_of(kept, step, i),
				.price = within(step[i].price, low, high),
				.owner = rank,
				.arrival = kept->arrival * r->conf.steps_max + i,
				.block = -1,
				.side = (unsigned)step[i].side & 1,
			};
		}
	}
	if (p->supply != 0) {
		r->order[orders++] = supply_of(r, p, low, high);
	}
	return (struct book){ .orders = orders,
			      .owners = r->homes + (p->supply != 0),
			      .zones = 1,
			      .intervals = 1,
			      .order = r->order };
}

/* What of a home's orders was filled, by side, and what it offered for that. */
struct offered {
	int64_t filled[2];
	wide worth[2];
};

static void add_order(const struct order *o, int64_t filled, int64_t amount, struct round_award *a,
		      struct offered *own)
{
	bool buys = o->side == SIDE_BUY;
	*(buys ? &a->bought : &a->sold) += filled;
	*(buys ? &a->paid : &a->received) += amount;
	own->filled[buys] += filled;
	own->worth[buys] += (wide)filled * o->price;
}

/* A pool settles its members: what is left of a home's orders is one net. */
static void set_member(const struct member *m, struct round_award *a)
{
	bool buys = m->net > 0;
	a->bought = buys ? m->net : 0;
	a->paid = buys ? m->amount : 0;
	a->sold = buys ? 0 : -m->net;
	a->received = buys ? 0 : -m->amount;
}

/* The mean price of what a home traded: its own where it traded one way, else the book's. */
static int32_t mean_price(const struct round_award *a, const struct result *r)
{
	bool buys = a->bought > 0;
	if (buys == (a->sold > 0)) {
		return r->priced ? r->price : 0;
	}
	return (int32_t)money_divide((wide)(buys ? a->paid : a->received) * MILLION,
				     buys ? a->bought : a->sold);
}

/* Its own mean price where it nets to; where none of it was filled there, what it came to. */
static int32_t mean_limit(const struct round_award *a, const struct offered *own)
{
	bool buys = a->bought > a->sold;
	return own->filled[buys] > 0 ? (int32_t)money_divide(own->worth[buys], own->filled[buys])
				     : a->price;
}

static void add_award(struct round_clearing *c, const struct round_award *a)
{
	c->bought += a->bought;
	c->paid += a->paid;
	c->sold += a->sold;
	c->received += a->received;
	c->awards++;
}

/* An award for each home with orders, also one that got nothing. */
static void award_all(struct rounds *r, const struct place *p, const struct book *b,
		      struct round_clearing *c)
{
	const struct result *result = &r->result;
	for (int i = 0; i < b->orders && b->order[i].owner < r->homes;) {
		int rank = b->order[i].owner, home = r->by_name[rank];
		struct round_award *a = &r->award[c->awards];
		struct offered own = { 0 };
		*a = (struct round_award){ .home = home, .revision = p->kept[home].revision };
		for (; i < b->orders && b->order[i].owner == rank; i++) {
			add_order(&b->order[i], result->filled[i], result->amount[i], a, &own);
		}
		if (result->members) {
			set_member(&result->member[rank], a);
		}
		a->price = mean_price(a, result);
		a->limit = mean_limit(a, &own);
		add_award(c, a);
	}
}

/* The prices that all homes agree to that trade; what came from above is the last order. */
static void find_agreed(const struct book *b, struct result *r)
{
	r->low = -PRICE_MAX;
	r->high = PRICE_MAX;
	for (int i = 0; i < b->orders - 1; i++) {
		const struct order *o = &b->order[i];
		if (r->filled[i] > 0 && o->side == SIDE_BUY) {
			r->high = o->price < r->high ? o->price : r->high;
		} else if (r->filled[i] > 0) {
			r->low = o->price > r->low ? o->price : r->low;
		}
	}
}

/* All at the price above, as far as the homes that trade agree. */
static void price_as_above(const struct place *p, const struct book *b, struct result *r)
{
	if (p->supply == 0 || !r->priced) {
		return;
	}
	find_agreed(b, r);
	r->price = within(p->supply_price, r->low, r->high);
	for (int i = 0; i < b->orders; i++) {
		r->amount[i] = money_of(r->price, r->filled[i]);
	}
}

int rounds_clear(struct rounds *r, int round, int64_t start_s, int64_t now_s, int32_t utility_buy,
		 int32_t utility_sell, struct round_clearing *out)
{
	const struct place *p = book_of(r, round, start_s);
	assert(p && p->gate_s <= now_s);
	struct round_clearing c = { .round = round,
				    .start_s = start_s,
				    .is_void = now_s >= start_s,
				    .bids = p->bids,
				    .award = r->award };
	if (!c.is_void) {
		const struct round_conf *conf = &r->conf.round[round];
		const struct book b = rounds_gather(r, p, utility_sell, utility_buy);
		struct terms t = conf->terms;
		t.pairs = false;
		t.self_trade = p->supply != 0; /* as the curve has it, by which it was bought */
		t.utility_buy = utility_buy;
		t.utility_sell = utility_sell;
		int e = utility_sell > utility_buy
				? result_begin(&r->result, &b)
				: mechanism_clear(conf->mechanism, &b, &t, &r->result);
		if (e < 0) {
			return e;
		}
		price_as_above(p, &b, &r->result);
		award_all(r, p, &b, &c);
		c.priced = r->result.priced;
		c.price = r->result.price;
	}
	*out = c;
	return 0;
}

void rounds_cap(struct rounds *r, int round, int64_t start_s, int home, int64_t buy, int64_t sell)
{
	const struct place *p = book_of(r, round, start_s);
	assert(p && home >= 0 && home < r->homes);
	p->kept[home].capped = true;
	p->kept[home].cap_buy = buy;
	p->kept[home].cap_sell = sell;
}

void rounds_finish(struct rounds *r, const struct round_clearing *c)
{
	struct place *p = book_of(r, c->round, c->start_s);
	assert(p);
	for (int i = 0; i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		position_add(r, c->start_s, a->home, a->bought - a->sold);
	}
	p->used = false;
	(void)rounds_restore_finished(r, c->round, c->start_s);
}
