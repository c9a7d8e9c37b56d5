/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/asking.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/market/asking_private.h"

enum { TRIES_MAX = 3 };

int asking_new(const struct market_conf *market,
	       int (*send)(void *context, const char *topic, const char *payload, size_t length,
			   bool retain),
	       void *context, struct asking **out)
{
	struct asking *a = calloc(1, sizeof(*a));
	if (!a) {
		return -ENOMEM;
	}
	a->market = market;
	a->send = send;
	a->context = context;
	a->homes = market->rounds.homes_max;
	a->home = calloc((size_t)a->homes, sizeof(*a->home));
	a->left = calloc((size_t)a->homes, sizeof(*a->left));
	if (!a->home || !a->left) {
		asking_free(a);
		return -ENOMEM;
	}
	for (int i = 0; i < a->homes; i++) {
		a->home[i].import_w = a->home[i].export_w = a->home[i].cost = NAN;
	}
	*out = a;
	return 0;
}

void asking_free(struct asking *a)
{
	if (a) {
		free(a->home);
		free(a->left);
		free(a);
	}
}

/* --- asked --------------------------------------------------------------------------------------
 */

/* The utility, -1, takes part at the price of energy. */
static bool add_trade(struct asking *a, int buyer, int seller, int64_t amount, int32_t energy)
{
	if (a->trades == TRADES_MAX) {
		return false;
	}
	a->trade[a->trades].buyer = buyer;
	a->trade[a->trades].seller = seller;
	int32_t bid = buyer >= 0 ? a->home[buyer].offer : energy;
	int32_t ask = seller >= 0 ? a->home[seller].offer : energy;
	a->trade[a->trades].amount = amount;
	a->trade[a->trades].gain = bid > ask ? bid - ask : 0;
	a->trade[a->trades++].permitted = 0;
	return true;
}

/* The next award from i on whose home still has something on that side. */
static int next_side(const int64_t *left, const struct round_clearing *c, int i, int sign)
{
	while (i < c->awards && left[c->award[i].home] * sign <= 0) {
		i++;
	}
	return i;
}

/* Who buys with who sells, as they come: what one may not do the other need not. The grid sees no
 * difference. Returns false where nobody trades, or more do than fit a proposal. */
static bool pair_up(struct asking *a, const struct round_clearing *c, int64_t *left, int32_t energy)
{
	bool fits = true;
	int b = next_side(left, c, 0, 1), s = next_side(left, c, 0, -1);
	while (fits && (b < c->awards || s < c->awards)) {
		int buyer = b < c->awards ? c->award[b].home : -1;
		int seller = s < c->awards ? c->award[s].home : -1;
		int64_t buys = buyer < 0 ? INT64_MAX : left[buyer];
		int64_t sells = seller < 0 ? INT64_MAX : -left[seller];
		int64_t amount = buys < sells ? buys : sells;
		fits = add_trade(a, buyer, seller, amount, energy);
		if (buyer >= 0) {
			left[buyer] -= amount;
		}
		if (seller >= 0) {
			left[seller] += amount;
		}
		b = next_side(left, c, b, 1);
		s = next_side(left, c, s, -1);
	}
	if (!fits) {
		log_error("grid operator: not asked, more than %d trades", TRADES_MAX);
	}
	return fits && a->trades > 0;
}

static bool gather(struct asking *a, const struct round_clearing *c, double price)
{
	a->trades = 0;
	for (int i = 0; i < a->homes; i++) {
		a->home[i].net = a->home[i].permitted = a->left[i] = 0;
	}
	for (int i = 0; i < c->awards; i++) {
		int64_t net = c->award[i].bought - c->award[i].sold;
		a->home[c->award[i].home].net = a->left[c->award[i].home] = net;
		a->home[c->award[i].home].offer = c->award[i].limit;
	}
	return pair_up(a, c, a->left, (int32_t)lround(price * MILLION));
}

/* They are those of the verdict that binds. */
static void forget_costs(struct asking *a)
{
	for (int i = 0; i < a->homes; i++) {
		a->home[i].cost = NAN;
	}
}

static bool propose(struct asking *a, const struct rounds *r, double price, int64_t now_s)
{
	a->parts = (a->trades + PART_TRADES - 1) / PART_TRADES;
	a->missing = a->parts == 64 ? UINT64_MAX : (UINT64_C(1) << a->parts) - 1;
	a->number = a->number + 1;
	a->refused = false;
	a->sent_s = a->tries == 0 ? now_s : a->sent_s;
	forget_costs(a);
	for (int part = 0; part < a->parts; part++) {
		int n = asking_part_json(a, r, part, price);
		if (n < 0 || a->send(a->context, "dso/proposal", a->text, (size_t)n, false) < 0) {
			return false;
		}
	}
	a->state = WAITING;
	return true;
}

/* Cap each home that may trade less than it does. Returns whether any was. */
static bool cap(struct asking *a, struct rounds *r)
{
	bool any = false;
	for (int i = 0; i < a->homes; i++) {
		const struct grid_home *h = &a->home[i];
		if (h->permitted < llabs(h->net)) {
			bool buys = h->net > 0;
			rounds_cap(r, a->round, a->start_s, i, buys ? h->permitted : INT64_MAX / 4,
				   buys ? INT64_MAX / 4 : h->permitted);
			any = true;
		}
	}
	return any;
}

/* By the standing limits, without a verdict: they are of all rounds of the interval. */
static enum asking_answer fall_back(struct asking *a, struct rounds *r)
{
	double hours = (double)a->market->interval_s / 3600;
	for (int i = 0; i < a->homes; i++) {
		struct grid_home *h = &a->home[i];
		struct standing_limit limit = standing_at(&h->limit, a->start_s);
		double w = h->net > 0 ? limit.import_w : limit.export_w;
		int64_t most = (int64_t)floor(fmin(w * hours * 1e3, 1e15));
		int64_t traded = rounds_traded(r, a->start_s, i);
		int64_t left = h->net > 0 ? most - traded : most + traded;
		h->permitted = left > 0 ? left : 0;
		h->cost = NAN;
		h->import_w = h->export_w = NAN; /* the standing limit holds by itself */
	}
	a->state = BOUND;
	return cap(a, r) ? ASKING_AGAIN : ASKING_BIND;
}

static void add_up(struct asking *a)
{
	for (int t = 0; t < a->trades; t++) {
		if (a->trade[t].buyer >= 0) {
			a->home[a->trade[t].buyer].permitted += a->trade[t].permitted;
		}
		if (a->trade[t].seller >= 0) {
			a->home[a->trade[t].seller].permitted += a->trade[t].permitted;
		}
	}
}

static enum asking_answer conclude(struct asking *a, struct rounds *r)
{
	if (a->refused) {
		log_warning("grid operator: refused to judge, its last limits stand");
		return fall_back(a, r);
	}
	add_up(a);
	a->state = ++a->tries < TRIES_MAX ? IDLE : BOUND;
	if (cap(a, r)) {
		return ASKING_AGAIN;
	}
	a->state = BOUND;
	return ASKING_BIND;
}

enum asking_answer asking_judge(struct asking *a, struct rounds *r, const struct round_clearing *c,
				double price, int64_t now_s)
{
	if (!a->heard || c->is_void) {
		return ASKING_BIND;
	}
	if (a->round != c->round || a->start_s != c->start_s) {
		a->round = c->round;
		a->start_s = c->start_s;
		a->state = IDLE;
		a->tries = 0;
		for (int i = 0; i < a->homes; i++) {
			a->home[i].import_w = a->home[i].export_w = a->home[i].cost = NAN;
		}
	}
	if (a->state == BOUND) {
		return ASKING_BIND;
	}
	if (a->state == WAITING) {
		bool late = now_s - a->sent_s >= a->market->operator_wait_s;
		if (a->missing && late) {
			log_warning("grid operator: no verdict in time, its last limits stand");
			return fall_back(a, r);
		}
		return a->missing ? ASKING_WAIT : conclude(a, r);
	}
	if (!gather(a, c, price)) {
		a->state = BOUND;
		return ASKING_BIND;
	}
	return a->online && propose(a, r, price, now_s) ? ASKING_WAIT : fall_back(a, r);
}

bool asking_cost(const struct asking *a, int home, int64_t *micro)
{
	double cost = a->home[home].cost;
	if (isnan(cost)) {
		return false;
	}
	*micro = llround(cost * MILLION);
	return true;
}

bool asking_limits(const struct asking *a, int home, double *import_w, double *export_w)
{
	const struct grid_home *h = &a->home[home];
	if (isnan(h->import_w) || isnan(h->export_w)) {
		return false;
	}
	*import_w = h->import_w;
	*export_w = h->export_w;
	return true;
}
