/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_env.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/tariff.h"
#include "policy/follow.h"
#include "policy/rules.h"

static const double mwh_per_wh = 1000;

/* --- setting up ---------------------------------------------------------------------------------
 */

static bool sound_home(const struct community_home *h)
{
	const struct battery_model *b = &h->battery;
	bool battery = b->capacity_wh == 0 ||
		       (b->capacity_wh > 0 && b->charge_limit_w >= 0 && b->discharge_limit_w >= 0 &&
			b->charge_efficiency > 0 && b->charge_efficiency <= 1 &&
			b->discharge_efficiency > 0 && b->discharge_efficiency <= 1 &&
			b->soc_min >= 0 && b->soc_min <= b->soc_max && b->soc_max <= 1 &&
			b->soc_start >= b->soc_min && b->soc_start <= b->soc_max);
	return battery && (unsigned)h->class < CLASS_COUNT && h->import_limit_w >= 0 &&
	       h->export_limit_w >= 0;
}

static int check(const struct community_env_conf *c)
{
	bool sound = c->series && c->home && c->buy && c->sell && c->dead_band_wh >= 0 &&
		     (unsigned)c->rule < SETTLE_RULE_COUNT;
	for (int i = 0; sound && i < c->series->homes; i++) {
		sound = sound_home(&c->home[i]);
	}
	for (int i = 0; sound && i < c->series->steps; i++) {
		sound = c->sell[i] <= c->buy[i] && c->buy[i] <= PRICE_MAX &&
			c->sell[i] >= -PRICE_MAX;
	}
	return sound ? 0 : -EINVAL;
}

/* Where in its day and year each step begins, by local time. */
static void fill_calendar(struct community_env *e)
{
	const struct community_series *s = e->conf.series;
	for (int step = 0; step < s->steps; step++) {
		int64_t at_s = community_time_s(s, step);
		double day = 2 * M_PI * timezone_day_second(at_s) / 86400;
		double year = 2 * M_PI * (double)(at_s % 31557600) / 31557600;
		e->hour_sin[step] = sin(day);
		e->hour_cos[step] = cos(day);
		e->year_sin[step] = sin(year);
		e->year_cos[step] = cos(year);
	}
}

int community_env_init(struct community_env *e, const struct community_env_conf *conf)
{
	*e = (struct community_env){ .conf = *conf };
	if (check(conf) < 0) {
		return -EINVAL;
	}
	size_t homes = (size_t)conf->series->homes, steps = (size_t)conf->series->steps;
	e->homes = conf->series->homes;
	e->hours = conf->series->step_s / 3600.0;
	e->stored_wh = calloc(homes + 4 * steps, sizeof(double));
	e->outcome = calloc(homes, sizeof(*e->outcome));
	e->line = calloc(homes, sizeof(*e->line));
	e->order = calloc(homes * BID_ORDERS_MAX, sizeof(*e->order));
	e->settle = calloc(homes, sizeof(*e->settle));
	if (!e->stored_wh || !e->outcome || !e->line || !e->order || !e->settle) {
		return -ENOMEM;
	}
	e->hour_sin = e->stored_wh + homes;
	e->hour_cos = e->hour_sin + steps;
	e->year_sin = e->hour_cos + steps;
	e->year_cos = e->year_sin + steps;
	fill_calendar(e);
	struct book largest = {
		.orders = e->homes * BID_ORDERS_MAX, .owners = e->homes, .zones = 1, .intervals = 1
	};
	const struct piece piece = { .quantity = 0 };
	int r = result_begin(&e->result, &largest);
	r = r < 0 ? r : result_add_piece(&e->result, &piece);
	r = r < 0 ? r : result_begin(&e->result, &largest); /* there is room, and nothing in it */
	if (r == 0) {
		community_env_begin(e, 0);
	}
	return r;
}

void community_env_free(struct community_env *e)
{
	free(e->stored_wh);
	free(e->outcome);
	free(e->line);
	free(e->order);
	free(e->settle);
	result_free(&e->result);
	*e = (struct community_env){ .homes = 0 };
}

void community_env_begin(struct community_env *e, int step)
{
	const struct community_env_conf *c = &e->conf;
	for (int i = 0; i < e->homes; i++) {
		const struct battery_model *b = &c->home[i].battery;
		e->stored_wh[i] = b->soc_start * b->capacity_wh;
	}
	e->step = step;
	e->traded = false;
	e->local_wh = 0;
	e->local_price = step < c->series->steps ? (c->buy[step] + c->sell[step]) / 2e6 : 0;
}

void community_env_come_to(struct community_env *e, const struct community_env *other)
{
	const struct community_series *here = e->conf.series, *there = other->conf.series;
	assert(here->homes == there->homes && here->steps == there->steps &&
	       here->start_s == there->start_s && here->step_s == there->step_s);
	e->conf = other->conf;
	e->step = other->step;
	e->traded = other->traded;
	e->local_price = other->local_price;
	e->local_wh = other->local_wh;
	memcpy(e->stored_wh, other->stored_wh, (size_t)e->homes * sizeof(double));
}

/* --- what a home knows --------------------------------------------------------------------------
 */

void community_env_observe(const struct community_env *e, int i, double value[SOURCE_COUNT])
{
	const struct community_series *s = e->conf.series;
	const struct battery_model *b = &e->conf.home[i].battery;
	size_t now = (size_t)e->step * (size_t)e->homes + (size_t)i;
	size_t last = e->step > 0 ? now - (size_t)e->homes : now;
	bool generates = e->conf.home[i].class != CLASS_CONSUMER;
	double load_w = (double)s->load_w[last], pv_w = (double)s->pv_w[last];
	value[SOURCE_HOUR_SIN] = e->hour_sin[e->step];
	value[SOURCE_HOUR_COS] = e->hour_cos[e->step];
	value[SOURCE_YEAR_SIN] = e->year_sin[e->step];
	value[SOURCE_YEAR_COS] = e->year_cos[e->step];
	value[SOURCE_LOAD] = load_w;
	value[SOURCE_PV] = generates ? pv_w : NAN;
	value[SOURCE_NET] = load_w - pv_w;
	value[SOURCE_LOAD_NEXT] = (double)s->load_next_w[now];
	value[SOURCE_PV_NEXT] = generates ? (double)s->pv_next_w[now] : NAN;
	value[SOURCE_LOAD_6H] = (double)s->load_6h_w[now];
	value[SOURCE_LOAD_24H] = (double)s->load_24h_w[now];
	value[SOURCE_PV_6H] = generates ? (double)s->pv_6h_w[now] : NAN;
	value[SOURCE_PV_24H] = generates ? (double)s->pv_24h_w[now] : NAN;
	value[SOURCE_SOC] = b->capacity_wh > 0 ? e->stored_wh[i] / b->capacity_wh : NAN;
	value[SOURCE_BUY] = e->conf.buy[e->step] / 1e6;
	value[SOURCE_SELL] = e->conf.sell[e->step] / 1e6;
	value[SOURCE_LOCAL_PRICE] = e->conf.mechanism ? e->local_price : NAN;
	value[SOURCE_LOCAL_QUANTITY] = e->conf.mechanism ? e->local_wh : NAN;
}

/* --- a battery's interval -----------------------------------------------------------------------
 */

/* By the plan, where neighbours have bought or sold what the settlement says. */
static double followed_w(const struct community_env *e, int i, double net_w,
			 const struct community_act *a)
{
	const struct battery_model *b = &e->conf.home[i].battery;
	struct plan_slot slot = *a->follow;
	struct follow_decision made;
	double soc = e->stored_wh[i] / b->capacity_wh;
	int64_t traded = e->settle[i].bought - e->settle[i].sold;
	slot.step.traded_w = (double)traded / mwh_per_wh / e->hours;
	follow_decide(&slot, OBJECTIVE_COST, b, 1, &soc, net_w, &made);
	return made.battery_w;
}

static double act_battery_w(const struct community_env *e, int i, double net_w,
			    const struct community_act *a)
{
	const struct community_home *h = &e->conf.home[i];
	double want_w = a->battery_w;
	if (h->battery.capacity_wh > 0 && a->follow) {
		want_w = followed_w(e, i, net_w, a);
	} else if (h->battery.capacity_wh > 0 && a->serve_self) {
		double soc = e->stored_wh[i] / h->battery.capacity_wh;
		rules_self_consumption(&h->battery, 1, &soc, net_w, &want_w);
	}
	return community_battery_w(h, e->hours, e->stored_wh[i], net_w, want_w);
}

/* --- bids ---------------------------------------------------------------------------------------
 */

/* What home i bids for the interval by its forecasts; 0: it refrains. */
static int64_t planned_mwh(const struct community_env *e, int i, const struct community_act *a)
{
	const struct community_series *s = e->conf.series;
	size_t at = (size_t)e->step * (size_t)e->homes + (size_t)i;
	double net_w = (double)s->load_next_w[at] - (double)s->pv_next_w[at];
	double wh = (net_w - act_battery_w(e, i, net_w, a)) * e->hours;
	wh = fmax(wh, -e->conf.home[i].export_limit_w * e->hours);
	bool other_side = (a->side > 0 && wh < 0) || (a->side < 0 && wh > 0);
	return a->refrain || other_side || fabs(wh) <= e->conf.dead_band_wh
		       ? 0
		       : llround(wh * mwh_per_wh);
}

static void add_order(struct community_env *e, int i, int64_t mwh, double price, int *orders)
{
	double low = e->conf.sell[e->step], high = e->conf.buy[e->step];
	if (mwh == 0) {
		return;
	}
	e->outcome[i].bid += mwh;
	e->order[*orders] = (struct order){
		.quantity = mwh > 0 ? mwh : -mwh,
		.price = (int32_t)llround(fmin(fmax(price, low), high)),
		.owner = i,
		.arrival = *orders,
		.block = -1,
		.earlier = -1,
		.side = mwh > 0 ? SIDE_BUY : SIDE_SELL,
	};
	++*orders;
}

static int make_book(struct community_env *e, const struct community_act *act, struct book *out)
{
	double low = e->conf.sell[e->step], high = e->conf.buy[e->step];
	int orders = 0;
	for (int i = 0; i < e->homes; i++) {
		const struct community_act *a = &act[i];
		for (int k = 0; a->bid && k < a->bids && k < BID_ORDERS_MAX; k++) {
			int64_t mwh = llround(a->bid[k].energy_wh * mwh_per_wh);
			add_order(e, i, a->bid[k].side == BID_BUY ? mwh : -mwh,
				  1e6 * a->bid[k].price, &orders);
		}
		if (!a->bid) {
			double share = fmin(fmax(a->price_share, 0), 1);
			add_order(e, i, planned_mwh(e, i, a), low + share * (high - low), &orders);
		}
	}
	*out = (struct book){
		.orders = orders, .owners = e->homes, .zones = 1, .intervals = 1, .order = e->order
	};
	return orders;
}

/* --- the market ---------------------------------------------------------------------------------
 */

/* A home's award into what is settled. */
static void take_award(struct settle_home *h, enum side side, int64_t mwh, int64_t amount)
{
	if (side == SIDE_BUY) {
		h->bought += mwh;
		h->paid += amount;
	} else {
		h->sold += mwh;
		h->received += amount;
	}
}

static void take_awards(struct community_env *e, const struct book *b)
{
	const struct result *r = &e->result;
	for (int i = 0; i < b->orders && r->members == 0; i++) {
		const struct order *o = &b->order[i];
		take_award(&e->settle[o->owner], o->side, r->filled[i], r->amount[i]);
	}
	for (int i = 0; i < r->members; i++) {
		const struct member *m = &r->member[i];
		enum side side = m->net < 0 ? SIDE_SELL : SIDE_BUY;
		take_award(&e->settle[i], side, m->net < 0 ? -m->net : m->net,
			   m->net < 0 ? -m->amount : m->amount);
	}
}

/* The last price that neighbours paid each other, as the market publishes it. */
static void note_price(struct community_env *e)
{
	const struct result *r = &e->result;
	e->traded = r->quantity > 0;
	e->local_wh = (double)r->quantity / mwh_per_wh;
	if (!e->traded) {
		return;
	}
	if (r->priced) {
		e->local_price = r->price / 1e6;
	} else if (r->two_priced) {
		e->local_price = ((double)r->buy_price + r->sell_price) / 2e6;
	}
}

static int trade(struct community_env *e, const struct community_act *act)
{
	struct book b;
	e->traded = false;
	e->local_wh = 0;
	for (int i = 0; i < e->homes; i++) {
		e->settle[i] = (struct settle_home){ .metered = true };
		e->outcome[i].bid = 0;
	}
	if (!e->conf.mechanism || make_book(e, act, &b) == 0) {
		return 0;
	}
	struct terms t = e->conf.terms;
	t.utility_buy = e->conf.buy[e->step];
	t.utility_sell = e->conf.sell[e->step];
	int r = result_begin(&e->result, &b);
	r = r ? r : mechanism_clear(e->conf.mechanism, &b, &t, &e->result);
	if (r == 0) {
		take_awards(e, &b);
		note_price(e);
	}
	return r;
}

/* --- the interval -------------------------------------------------------------------------------
 */

/* What happens in home i, and what its meter counts. */
static void live(const struct community_env *e, int i, const struct community_act *a,
		 struct community_outcome *o, struct settle_home *h)
{
	const struct community_series *s = e->conf.series;
	size_t at = (size_t)e->step * (size_t)e->homes + (size_t)i;
	double load_w = (double)s->load_w[at];
	o->pv_w = (double)s->pv_w[at];
	o->battery_w = act_battery_w(e, i, load_w - o->pv_w, a);
	o->grid_w = load_w - o->pv_w - o->battery_w;
	double over_w = -o->grid_w - e->conf.home[i].export_limit_w;
	if (over_w > 0) {
		double cut_w = fmin(over_w, o->pv_w);
		o->pv_w -= cut_w;
		o->grid_w += cut_w;
	}
	int64_t mwh = llround(o->grid_w * e->hours * mwh_per_wh);
	h->import = mwh > 0 ? mwh : 0;
	h->export = mwh < 0 ? -mwh : 0;
}

/* Move the battery of home i on. */
static void store(struct community_env *e, int i)
{
	const struct battery_model *b = &e->conf.home[i].battery;
	double w = e->outcome[i].battery_w;
	if (b->capacity_wh == 0) {
		return;
	}
	double wh = e->hours * (w > 0 ? w / b->discharge_efficiency : w * b->charge_efficiency);
	/* What rounding leaves beyond an edge is none. */
	double low = b->soc_min * b->capacity_wh, high = b->soc_max * b->capacity_wh;
	e->stored_wh[i] = fmin(fmax(e->stored_wh[i] - wh, low), high);
}

int community_env_step(struct community_env *e, const struct community_act *act)
{
	int r = trade(e, act);
	if (r < 0) {
		return r;
	}
	for (int i = 0; i < e->homes; i++) {
		live(e, i, &act[i], &e->outcome[i], &e->settle[i]);
	}
	struct settle_terms t = { .rule = e->conf.rule,
				  .utility_buy = e->conf.buy[e->step],
				  .utility_sell = e->conf.sell[e->step] };
	r = settle_interval(&t, e->settle, e->homes, e->line, &e->balance);
	if (r < 0) {
		return r;
	}
	for (int i = 0; i < e->homes; i++) {
		double discharged_kwh = fmax(0, e->outcome[i].battery_w) * e->hours / 1000;
		store(e, i);
		e->outcome[i].cost = (double)e->line[i].total / 1e6 +
				     e->conf.home[i].battery.wear * discharged_kwh;
	}
	e->step++;
	return 0;
}
