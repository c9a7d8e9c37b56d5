/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_peers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "daemon/market/limited.h"
#include "daemon/market/mechanism.h"

/* A home's curve has a step at each of so many prices, from what the utility pays to what it asks.
 */
enum { LEVELS = 9, OF_MEMBER = 2 * LEVELS };
static const double mwh_per_kwh = 1e6, micro = 1e6;

struct day {
	const struct league *l;
	const struct peers_way *way;
	struct peers_outcome *out;
	struct member_room *room;
	struct member_agent agent[LEAGUE_MEMBERS_MAX];
	struct member_moment at[LEAGUE_MEMBERS_MAX];
	/* Of the step that is traded: what each order is worth, in its owner's places. */
	struct order worth[LEAGUE_MEMBERS_MAX * OF_MEMBER];
	int64_t left[LEAGUE_MEMBERS_MAX * OF_MEMBER];
	int32_t low, high; /* prices of the utility that all can live with */
	struct limited auction;
	struct result result;
};

static int32_t level_price(const struct member_model *m, int step, int level)
{
	double part = (double)level / (LEVELS - 1);
	return (int32_t)lround((m->sell[step] + part * (m->buy[step] - m->sell[step])) * micro);
}

/* What a home would take and give at each price, as orders: each is worth to it what its price
 * says at least, and better than the utility. Buys from the dearest, then sells from the cheapest:
 * what is worth most is offered first. */
static int make_orders(struct day *d, int i, int step)
{
	const struct member_model *m = d->agent[i].model;
	struct order *worth = &d->worth[i * OF_MEMBER];
	int64_t want[LEVELS];
	for (int k = 0; k < LEVELS; k++) {
		double net_kw = 0;
		int e = member_wants(&d->agent[i], &d->at[i], level_price(m, step, k) / micro,
				     &net_kw);
		if (e < 0) {
			return e;
		}
		want[k] = llround(net_kw * m->hours * mwh_per_kwh);
	}
	for (int k = 0; k < LEVELS; k++) {
		int64_t above = k + 1 < LEVELS ? want[k + 1] : 0, below = k > 0 ? want[k - 1] : 0;
		struct order o = { .owner = i, .block = -1, .price = level_price(m, step, k) };
		o.quantity = (want[k] > 0 ? want[k] : 0) - (above > 0 ? above : 0);
		worth[LEVELS - 1 - k] = o;
		o.side = SIDE_SELL;
		o.quantity = (want[k] < 0 ? -want[k] : 0) - (below < 0 ? -below : 0);
		worth[LEVELS + k] = o;
	}
	return 0;
}

static int64_t limit_of(const struct day *d, int i)
{
	double mwh = d->way->limit_kw[i] * d->l->hours * mwh_per_kwh;
	return mwh < (double)QUANTITY_MAX ? (int64_t)mwh : QUANTITY_MAX;
}

static void count_trade(struct day *d, int buyer, int seller, int64_t mwh, int64_t paid)
{
	struct peers_member *b = &d->out->member[buyer], *s = &d->out->member[seller];
	b->bought_mwh += mwh;
	b->paid += paid;
	s->sold_mwh += mwh;
	s->received += paid;
}

/* --- the auction --------------------------------------------------------------------------------
 */

/* What a home asks for in a round: at first the far end of what anybody would, at last its own
 * price. */
static int32_t asked(const struct day *d, const struct order *worth, int round)
{
	double far = worth->side == SIDE_BUY ? d->low : d->high;
	double part = (double)(round + 1) / d->way->concessions;
	return (int32_t)lround(far + part * ((double)worth->price - far));
}

static int post(struct day *d, int i, int round)
{
	for (int k = 0; k < OF_MEMBER; k++) {
		int at = i * OF_MEMBER + k;
		struct order o = d->worth[at];
		int64_t let_in;
		if (d->left[at] <= 0) {
			continue;
		}
		(void)limited_cancel(&d->auction, at);
		o.quantity = d->left[at];
		o.price = asked(d, &d->worth[at], round);
		int trades = d->result.trades;
		int e = limited_add(&d->auction, at, &o, &d->result, &let_in);
		if (e < 0) {
			return e;
		}
		for (int n = trades; n < d->result.trades; n++) {
			d->left[d->result.trade[n].buy] -= d->result.trade[n].quantity;
			d->left[d->result.trade[n].sell] -= d->result.trade[n].quantity;
		}
	}
	return 0;
}

/* Who speaks when, other in each round. */
static void shuffle(const struct day *d, int step, int round, int *who)
{
	for (int i = 0; i < d->l->members; i++) {
		int64_t index = ((int64_t)step * d->way->concessions + round) * LEAGUE_MEMBERS_MAX;
		int k = (int)(chance_uniform(d->way->seed, 0, index + i) * (i + 1));
		who[i] = who[k];
		who[k] = i;
	}
}

static int take_trades(struct day *d, int step)
{
	int all = d->out->trades + d->result.trades;
	struct peers_deal *deal = realloc(d->out->deal, sizeof(*deal) * (size_t)(all + 1));
	if (!deal) {
		return -ENOMEM;
	}
	d->out->deal = deal;
	for (int n = 0; n < d->result.trades; n++) {
		const struct trade *t = &d->result.trade[n];
		const struct order *buy = &d->worth[t->buy], *sell = &d->worth[t->sell];
		count_trade(d, buy->owner, sell->owner, t->quantity,
			    money_of(t->price, t->quantity));
		d->out->welfare += ((double)buy->price - sell->price) / micro *
				   (double)t->quantity / mwh_per_kwh;
		d->out->traded_mwh += t->quantity;
		deal[d->out->trades++] =
			(struct peers_deal){ step, buy->owner, sell->owner, t->price, t->quantity };
	}
	return 0;
}

static int auction(struct day *d, int step, int64_t *net_mwh)
{
	int who[LEAGUE_MEMBERS_MAX];
	limited_reset(&d->auction);
	d->result.trades = 0;
	for (int i = 0; i < d->l->members; i++) {
		limited_set(&d->auction, i, SIDE_BUY, limit_of(d, i));
		limited_set(&d->auction, i, SIDE_SELL, limit_of(d, i));
	}
	for (int k = 0; k < d->l->members * OF_MEMBER; k++) {
		d->left[k] = d->worth[k].quantity;
	}
	for (int round = 0; round < d->way->concessions; round++) {
		shuffle(d, step, round, who);
		for (int i = 0; i < d->l->members; i++) {
			int e = post(d, who[i], round);
			if (e < 0) {
				return e;
			}
		}
	}
	int e = take_trades(d, step);
	for (int i = 0; i < d->l->members; i++) {
		const struct limited_owner *o = &d->auction.owner[i];
		struct peers_member *m = &d->out->member[i];
		int64_t most = o->traded[0] > o->traded[1] ? o->traded[0] : o->traded[1];
		net_mwh[i] = o->traded[SIDE_BUY] - o->traded[SIDE_SELL];
		m->most_kw = fmax(m->most_kw, (double)most / mwh_per_kwh / d->l->hours);
		m->cut_mwh += o->cut[0] + o->cut[1];
	}
	return e;
}

/* --- the pool -----------------------------------------------------------------------------------
 */

/* The best of a home's orders, as far as its limit goes. */
static int cut_orders(struct day *d, int i, struct order *order, int orders)
{
	int64_t room[2] = { limit_of(d, i), limit_of(d, i) };
	for (int k = 0; k < OF_MEMBER; k++) {
		struct order o = d->worth[i * OF_MEMBER + k];
		int64_t all = o.quantity;
		o.quantity = all < room[o.side] ? all : room[o.side];
		d->out->member[i].cut_mwh += all - o.quantity;
		room[o.side] -= o.quantity;
		o.arrival = orders;
		if (o.quantity > 0) {
			order[orders++] = o;
		}
	}
	return orders;
}

static void take_fills(struct day *d, const struct book *b, int64_t *net_mwh)
{
	for (int n = 0; n < b->orders; n++) {
		const struct order *o = &b->order[n];
		struct peers_member *m = &d->out->member[o->owner];
		int64_t mwh = d->result.filled[n], amount = d->result.amount[n];
		int sign = o->side == SIDE_BUY ? 1 : -1;
		net_mwh[o->owner] += sign * mwh;
		d->out->welfare += sign * (double)o->price / micro * (double)mwh / mwh_per_kwh;
		if (sign > 0) {
			m->bought_mwh += mwh;
			m->paid += amount;
			d->out->traded_mwh += mwh;
		} else {
			m->sold_mwh += mwh;
			m->received += amount;
		}
	}
	for (int i = 0; i < d->l->members; i++) {
		struct peers_member *m = &d->out->member[i];
		m->most_kw = fmax(m->most_kw, fabs((double)net_mwh[i]) / mwh_per_kwh / d->l->hours);
	}
}

static int pool(struct day *d, int64_t *net_mwh)
{
	struct order order[LEAGUE_MEMBERS_MAX * OF_MEMBER];
	struct book b = { .owners = d->l->members, .zones = 1, .intervals = 1, .order = order };
	for (int i = 0; i < d->l->members; i++) {
		b.orders = cut_orders(d, i, order, b.orders);
	}
	const struct mechanism *m = mechanism_find("uniform");
	const struct terms terms = { .k = m->k };
	int e = b.orders ? mechanism_clear(m, &b, &terms, &d->result) : 0;
	if (e == 0 && b.orders) {
		take_fills(d, &b, net_mwh);
	}
	return e;
}

/* --- a day --------------------------------------------------------------------------------------
 */

static int go_through(struct day *d, const int64_t *net_mwh)
{
	for (int i = 0; i < d->l->members; i++) {
		double grid_kw, cost;
		double taken_kw = (double)net_mwh[i] / mwh_per_kwh / d->l->hours;
		int e = member_step(&d->agent[i], taken_kw, &d->at[i], &grid_kw, &cost);
		if (e < 0) {
			return e;
		}
		d->out->member[i].cost += cost;
	}
	return 0;
}

static int trade_step(struct day *d, int step)
{
	int64_t net_mwh[LEAGUE_MEMBERS_MAX] = { 0 }, before = d->out->traded_mwh, paid = 0;
	d->low = INT32_MAX;
	d->high = INT32_MIN;
	for (int i = 0; i < d->l->members; i++) {
		const struct member_model *m = d->agent[i].model;
		int32_t low = level_price(m, step, 0), high = level_price(m, step, LEVELS - 1);
		int e = make_orders(d, i, step);
		if (e < 0) {
			return e;
		}
		d->low = low < d->low ? low : d->low;
		d->high = high > d->high ? high : d->high;
		paid -= d->out->member[i].paid;
	}
	int e = d->way->pool ? pool(d, net_mwh) : auction(d, step, net_mwh);
	for (int i = 0; i < d->l->members; i++) {
		paid += d->out->member[i].paid;
	}
	int64_t traded = d->out->traded_mwh - before;
	d->out->traded_kw[step] = (double)traded / mwh_per_kwh / d->l->hours;
	d->out->price[step] = traded ? (double)paid / (double)traded : NAN;
	return e < 0 ? e : go_through(d, net_mwh);
}

static int trade_all(struct day *d, const struct member_model *member)
{
	static const double nothing[STEPS_MAX];
	int e = 0;
	for (int i = 0; e == 0 && i < d->l->members; i++) {
		d->agent[i] = (struct member_agent){ &member[i], d->room };
		d->at[i] = (struct member_moment){ 0, member[i].start_kwh };
		e = member_cost(&d->agent[i], nothing, &d->out->member[i].alone, NULL);
	}
	for (int t = 0; e == 0 && t < d->l->steps; t++) {
		e = trade_step(d, t);
	}
	for (int i = 0; i < d->l->members; i++) {
		const struct peers_member *m = &d->out->member[i];
		d->out->cost += m->cost;
		d->out->alone += m->alone;
		d->out->residue += m->paid - m->received;
	}
	return e;
}

int peers_trade(const struct league *l, const struct member_model *member,
		const struct peers_way *way, struct peers_outcome *out)
{
	struct day *d = calloc(1, sizeof(*d));
	if (!d) {
		return -ENOMEM;
	}
	*out = (struct peers_outcome){ .cost = 0 };
	d->l = l;
	d->way = way;
	d->out = out;
	d->room = calloc(1, sizeof(*d->room));
	int e = d->room ? limited_begin(&d->auction, l->members * OF_MEMBER, l->members) : -ENOMEM;
	e = e < 0 ? e : trade_all(d, member);
	limited_free(&d->auction);
	result_free(&d->result);
	free(d->room);
	free(d);
	return e;
}

void peers_free(struct peers_outcome *out)
{
	free(out->deal);
	out->deal = NULL;
}
