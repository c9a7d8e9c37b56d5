/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pool with a community manager, after F. Moret and P. Pinson, "Energy collectives: a community
 * and fairness based approach to future electricity markets", IEEE Transactions on Power Systems
 * 34(5), 2019. Members share what they have first, at k of the way between the utility's prices.
 * What is missing is bought from the utility so that the largest import of a member is as small as
 * it can be; who still imports the most pays the fee on it, never more than what sharing saves it,
 * and the others get it by what they share. What is too much goes to the utility by share.
 *
 * Fairness is told of the price that each member perceives, amount over energy: quality of service
 * is Jain's index, quality of experience 1 - deviation / largest possible deviation, and min-max
 * the lowest over the highest. They are not known where a price is not above zero. */
#include <math.h>

#include "daemon/market/pool.h"

/* The share of import of each buyer: at most a level that is the same for all. */
static int64_t import_level(const struct result *r, int64_t *sum)
{
	int64_t low = 0, high = 1; /* level: sum at low <= imported < sum at high + 1 */
	*sum = 0;
	for (int i = 0; i < r->members; i++) {
		high = r->member[i].net > high ? r->member[i].net : high;
	}
	while (low < high) {
		int64_t level = low + (high - low + 1) / 2, at = 0;
		for (int i = 0; i < r->members; i++) {
			int64_t net = r->member[i].net;
			at += net <= 0 ? 0 : net < level ? net : level;
		}
		if (at <= r->imported) {
			low = level;
			*sum = at;
		} else {
			high = level - 1;
		}
	}
	return low;
}

/* Single mWh that the level leaves over go to the first whom it bounds. */
static void divide_import(struct result *r)
{
	int64_t sum, level = import_level(r, &sum), over = r->imported - sum;
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		if (m->net <= 0) {
			continue;
		}
		m->grid = m->net < level ? m->net : level;
		if (over > 0 && m->net > level) {
			m->grid++;
			over--;
		}
	}
}

static void divide_export(struct result *r, int64_t sold)
{
	int64_t offered = 0, given = 0;
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		if (m->net < 0) {
			offered -= m->net;
			int64_t upto = (int64_t)((wide)offered * r->exported / sold);
			m->grid = given - upto;
			given = upto;
		}
	}
}

static int64_t shared(const struct member *m)
{
	return m->net > 0 ? m->net - m->grid : m->grid - m->net;
}

/* The fee: charged to the largest importers, at most what the pool saves them, and returned. */
static void move_fee(const struct terms *t, struct result *r)
{
	int64_t largest = 0, others = 0, sum = 0, offered = 0, given = 0;
	int count = 0;
	for (int i = 0; i < r->members; i++) {
		int64_t grid = r->member[i].grid;
		count = grid > largest ? 1 : count + (grid == largest);
		largest = grid > largest ? grid : largest;
	}
	for (int i = 0; i < r->members; i++) {
		others += r->member[i].grid < largest ? shared(&r->member[i]) : 0;
	}
	if (largest == 0 || others == 0) {
		return;
	}
	int64_t fee = money_of(t->importer_fee, largest) / count;
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		if (m->grid == largest) {
			int64_t saved = money_of(t->utility_buy, m->net) - m->amount;
			m->fee = fee < saved ? fee : saved > 0 ? saved : 0;
			sum += m->fee;
		}
	}
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		if (m->grid < largest) {
			offered += shared(m);
			int64_t upto = (int64_t)((wide)sum * offered / others);
			m->fee = given - upto;
			given = upto;
		}
		m->amount += m->fee;
	}
}

static void tell_fairness(const struct terms *t, struct result *r)
{
	double sum = 0, squares = 0, low = INFINITY, high = 0;
	int n = 0;
	for (int i = 0; i < r->members; i++) {
		const struct member *m = &r->member[i];
		if (m->net != 0) {
			double price = (double)m->amount / (double)m->net;
			sum += price;
			squares += price * price;
			low = fmin(low, price);
			high = fmax(high, price);
			n++;
		}
	}
	double widest = (t->utility_buy - (double)t->utility_sell) / 2 / MILLION;
	r->fairness = n > 0 && low > 0 && widest > 0;
	if (r->fairness) {
		double deviation = sqrt(fmax(squares / n - sum / n * (sum / n), 0));
		r->quality_of_service = sum * sum / (n * squares);
		r->quality_of_experience = fmax(1 - deviation / widest, 0);
		r->min_max = low / high;
	}
}

static void settle(const struct terms *t, int32_t middle, struct result *r)
{
	int64_t sum = 0;
	for (int i = 0; i < r->members; i++) {
		struct member *m = &r->member[i];
		int64_t local = shared(m);
		int64_t grid = m->grid > 0 ? m->grid : -m->grid;
		int32_t utility = m->net > 0 ? t->utility_buy : t->utility_sell;
		int64_t cost = money_of(middle, local) + money_of(utility, grid);
		m->amount = m->net > 0 ? cost : -cost;
		m->price = local + grid > 0 ? pool_mean(middle, local, utility, grid) : 0;
		sum += m->amount;
	}
	r->residue = sum - money_of(t->utility_buy, r->imported) +
		     money_of(t->utility_sell, r->exported);
}

int community_clear(const struct book *b, const struct terms *t, struct result *r)
{
	int64_t bought, sold;
	int32_t middle = money_between(t->utility_sell, t->utility_buy, t->k);
	pool_gather(b, t, r, &bought, &sold);
	if (bought > sold) {
		divide_import(r);
	} else if (sold > bought) {
		divide_export(r, sold);
	}
	settle(t, middle, r);
	move_fee(t, r);
	r->two_priced = bought + sold > 0;
	r->buy_price =
		bought > 0 ? pool_mean(middle, r->quantity, t->utility_buy, r->imported) : middle;
	r->sell_price =
		sold > 0 ? pool_mean(middle, r->quantity, t->utility_sell, r->exported) : middle;
	tell_fairness(t, r);
	return 0;
}
