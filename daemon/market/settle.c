/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/settle.h"

#include <errno.h>
#include <string.h>

#include "daemon/market/money.h"

const char *const settle_rules[] = {
	[SETTLE_METERED] = "metered", [SETTLE_TRADED] = "traded", [SETTLE_RULE_COUNT] = NULL
};

/* What all awards together come to, and what the market trades with the utility because of it. */
struct totals {
	int64_t bought, sold;   /* settled with neighbours */
	int64_t paid, received; /* for it */
	int64_t pool_in, pool_out;
	int64_t grid_cost;
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t bounded(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* --- what is taken in --------------------------------------------------------------------------
 */

static int check_energy(int64_t energy)
{
	return energy < 0 ? -EINVAL : energy > SETTLE_ENERGY_MAX ? -ERANGE : 0;
}

static int check_price(int64_t price)
{
	return price < -SETTLE_PRICE_MAX || price > SETTLE_PRICE_MAX ? -ERANGE : 0;
}

/* Money that an energy at the highest price could be worth, and more. */
static int check_money(int64_t money)
{
	int64_t most = SETTLE_ENERGY_MAX / MILLION * SETTLE_PRICE_MAX;
	return money < -most || money > most ? -ERANGE : 0;
}

static int check_home(const struct settle_home *h)
{
	int r = check_energy(h->bought);
	r = r ? r : check_energy(h->sold);
	r = r ? r : check_money(h->paid);
	r = r ? r : check_money(h->received);
	r = r ? r : check_money(h->grid_cost);
	if (h->metered) {
		r = r ? r : check_energy(h->import);
		r = r ? r : check_energy(h->export);
	}
	return r;
}

static int check(const struct settle_terms *t, const struct settle_home *home, int homes)
{
	int r = homes < 0 || t->network_fee < 0 || t->local_fee < 0 || t->penalty < 0 ||
				(unsigned)t->rule >= SETTLE_RULE_COUNT
			? -EINVAL
			: 0;
	r = r ? r : homes > SETTLE_HOMES_MAX ? -ERANGE : 0;
	r = r ? r : check_price(t->utility_buy);
	r = r ? r : check_price(t->utility_sell);
	r = r ? r : check_price(t->network_fee);
	r = r ? r : check_price(t->local_fee);
	r = r ? r : check_price(t->penalty);
	for (int i = 0; i < homes && r == 0; i++) {
		r = check_home(&home[i]);
	}
	return r;
}

/* --- trades --------------------------------------------------------------------------------------
 */

/* Begin each line with what the meter says and the awards as they were made. */
static void take_awards(const struct settle_home *home, int homes, struct settle_line *line,
			struct totals *all)
{
	for (int i = 0; i < homes; i++) {
		const struct settle_home *h = &home[i];
		line[i] = (struct settle_line){ .estimated = !h->metered,
						.import = h->metered ? h->import : h->bought,
						.export = h->metered ? h->export : h->sold,
						.bought = h->bought,
						.paid = h->paid,
						.sold = h->sold,
						.received = h->received };
		all->bought += h->bought;
		all->sold += h->sold;
		all->paid += h->paid;
		all->received += h->received;
		all->grid_cost += h->grid_cost;
	}
	all->pool_in = all->bought > all->sold ? all->bought - all->sold : 0;
	all->pool_out = all->sold > all->bought ? all->sold - all->bought : 0;
}

/* What is left over of the payments for what is traded, after the market's own trade with the
 * utility. */
static int64_t left_over(const struct settle_terms *t, const struct totals *all)
{
	return all->paid - all->received - money_of(t->utility_buy + t->network_fee, all->pool_in) +
	       money_of(t->utility_sell, all->pool_out);
}

/* Divides an energy in proportion to parts of a sum: each is rounded so that they add up, and none
 * gets more than its part. */
struct share {
	int64_t whole, of; /* whole <= of */
	int64_t seen, given;
};

static int64_t share_next(struct share *s, int64_t part)
{
	s->seen += part;
	int64_t upto = s->of > 0 ? (int64_t)((wide)s->seen * s->whole / s->of) : 0;
	int64_t got = upto - s->given;
	s->given = upto;
	return got;
}

/* Keep of a trade what both ends kept: the side that kept more gives way in proportion. */
static void keep_energy(struct settle_line *line, int homes, struct totals *all, bool none)
{
	int64_t taken = all->pool_out, given = all->pool_in;
	for (int i = 0; i < homes; i++) {
		taken += least(line[i].bought, line[i].import);
		given += least(line[i].sold, line[i].export);
	}
	int64_t kept = none ? 0 : least(taken, given);
	struct share buys = { .whole = kept, .of = taken }, sells = { .whole = kept, .of = given };
	all->bought = all->sold = 0;
	for (int i = 0; i < homes; i++) {
		struct settle_line *l = &line[i];
		int64_t took = least(l->bought, l->import), gave = least(l->sold, l->export);
		l->not_taken = l->bought - took;
		l->not_given = l->sold - gave;
		l->bought = share_next(&buys, took);
		l->sold = share_next(&sells, gave);
		all->bought += l->bought;
		all->sold += l->sold;
	}
	all->pool_out = kept - all->bought;
	all->pool_in = kept - all->sold;
}

/* What the utility would ask for an energy, less the grid's fee between neighbours. */
static int64_t most_paid(const struct settle_terms *t, int64_t energy)
{
	return money_of(t->utility_buy + t->network_fee, energy) - money_of(t->local_fee, energy);
}

/* The money for what was kept, at the prices of the awards, within what the utility pays and asks.
 */
static void keep_money(const struct settle_terms *t, const struct settle_home *home, int homes,
		       struct settle_line *line, struct totals *all)
{
	int64_t asks = t->utility_buy + t->network_fee;
	all->paid = all->received = 0;
	for (int i = 0; i < homes; i++) {
		const struct settle_home *h = &home[i];
		struct settle_line *l = &line[i];
		int64_t most = most_paid(t, l->bought);
		l->paid = h->bought ? money_divide((wide)h->paid * l->bought, h->bought) : 0;
		l->paid = bounded(l->paid, least(money_of(t->utility_sell, l->bought), most), most);
		int64_t low = money_of(t->utility_sell, l->sold);
		int64_t high = money_of(asks - t->local_fee, l->sold);
		l->received = h->sold ? money_divide((wide)h->received * l->sold, h->sold) : 0;
		l->received = bounded(l->received, low, high > low ? high : low);
		all->paid += l->paid;
		all->received += l->received;
	}
}

/* Where prices of the sides differ, what was kept may bring in less than it costs. Sellers then get
 * so much less above what the utility pays; returns what is still lacking. */
static int64_t lower_sellers(const struct settle_terms *t, int homes, struct settle_line *line,
			     struct totals *all, int64_t lacking)
{
	int64_t above = 0;
	for (int i = 0; i < homes; i++) {
		above += line[i].received - money_of(t->utility_sell, line[i].sold);
	}
	struct share less = { .whole = least(lacking, above), .of = above };
	for (int i = 0; i < homes; i++) {
		struct settle_line *l = &line[i];
		int64_t got = share_next(&less, l->received - money_of(t->utility_sell, l->sold));
		l->received -= got;
		all->received -= got;
	}
	return lacking - less.whole;
}

/* And buyers pay so much more below what the utility asks: of a pool whose sellers are gone. */
static void raise_buyers(const struct settle_terms *t, int homes, struct settle_line *line,
			 struct totals *all, int64_t lacking)
{
	int64_t below = 0;
	for (int i = 0; i < homes; i++) {
		below += most_paid(t, line[i].bought) - line[i].paid;
	}
	struct share more = { .whole = least(lacking, below), .of = below };
	for (int i = 0; i < homes; i++) {
		struct settle_line *l = &line[i];
		int64_t put = share_next(&more, most_paid(t, l->bought) - l->paid);
		l->paid += put;
		all->paid += put;
	}
}

static void keep_trades(const struct settle_terms *t, const struct settle_home *home, int homes,
			struct settle_line *line, struct totals *all)
{
	int64_t budget =
		left_over(t, all); /* a mechanism's own, where everybody keeps its trades */
	bool none = t->utility_sell > t->utility_buy + t->network_fee - t->local_fee;
	keep_energy(line, homes, all, none);
	keep_money(t, home, homes, line, all);
	int64_t least_left = (budget < 0 ? budget : 0) - homes; /* rounding is nobody's fault */
	int64_t left = left_over(t, all);
	if (left < least_left) {
		int64_t lacking = lower_sellers(t, homes, line, all, least_left - left);
		raise_buyers(t, homes, line, all, lacking);
	}
}

static void note_deviations(struct settle_line *line, int homes)
{
	for (int i = 0; i < homes; i++) {
		struct settle_line *l = &line[i];
		l->not_taken = l->bought > l->import ? l->bought - l->import : 0;
		l->not_given = l->sold > l->export ? l->sold - l->export : 0;
	}
}

/* --- the rest ------------------------------------------------------------------------------------
 */

/* What the meter counted beyond the trades, and what was traded beyond the meter. */
static void settle_rest(const struct settle_terms *t, const struct settle_home *h,
			struct settle_line *l)
{
	int64_t beyond = l->import - l->bought, short_of = l->sold - l->export;
	l->from_utility = (beyond > 0 ? beyond : 0) + (short_of > 0 ? short_of : 0);
	l->to_utility = (beyond < 0 ? -beyond : 0) + (short_of < 0 ? -short_of : 0);
	int64_t asks = t->utility_buy + t->network_fee;
	/* Each part is what the whole leaves over, so that no rounding makes a home pay more. */
	int64_t import_cost =
		beyond >= 0 ? money_of(asks, l->import) - money_of(asks, l->bought) : 0;
	int64_t export_gain = short_of <= 0 ? money_of(t->utility_sell, l->export) -
						      money_of(t->utility_sell, l->sold)
					    : 0;
	int64_t with_fee = import_cost + money_of(asks, short_of > 0 ? short_of : 0);
	int64_t network = money_of(t->network_fee, l->from_utility);
	l->utility_cost = with_fee - network;
	l->utility_gain = export_gain + money_of(t->utility_sell, beyond < 0 ? -beyond : 0);
	l->fees = network + money_of(t->local_fee, h->above ? 0 : l->bought) + h->grid_cost;
	if (t->rule == SETTLE_TRADED) {
		l->penalty = money_of(t->penalty, l->not_taken + l->not_given);
	}
	l->total = l->paid + l->utility_cost + l->fees + l->penalty - l->received - l->utility_gain;
	l->alone = money_of(asks, l->import) - money_of(t->utility_sell, l->export);
}

/* The accounts: each is its prices times all its energy, rounded once; the rest is residue. */
static void sum_up(const struct settle_terms *t, const struct settle_home *home,
		   const struct settle_line *line, int homes, const struct totals *all,
		   struct settle_balance *b)
{
	int64_t bought = 0, from_utility = all->pool_in, to_utility = all->pool_out;
	for (int i = 0; i < homes; i++) {
		b->estimated += line[i].estimated;
		b->total += line[i].total;
		b->penalties += line[i].penalty;
		bought += home[i].above ? 0 : line[i].bought;
		from_utility += line[i].from_utility;
		to_utility += line[i].to_utility;
	}
	b->homes = homes;
	b->traded = least(all->bought, all->sold);
	b->delivered = from_utility;
	b->taken = to_utility;
	b->utility = money_of(t->utility_buy, from_utility) - money_of(t->utility_sell, to_utility);
	b->grid = money_of(t->network_fee, from_utility) + money_of(t->local_fee, bought) +
		  all->grid_cost;
	b->residue = b->total - b->utility - b->grid - b->penalties;
}

int settle_interval(const struct settle_terms *t, const struct settle_home *home, int homes,
		    struct settle_line *line, struct settle_balance *balance)
{
	int r = check(t, home, homes);
	if (r < 0) {
		return r;
	}
	struct totals all = { 0 };
	struct settle_balance sums = { 0 };
	take_awards(home, homes, line, &all);
	if (t->rule == SETTLE_METERED) {
		keep_trades(t, home, homes, line, &all);
	} else {
		note_deviations(line, homes);
	}
	for (int i = 0; i < homes; i++) {
		settle_rest(t, &home[i], &line[i]);
	}
	sum_up(t, home, line, homes, &all, &sums);
	*balance = sums;
	return 0;
}
