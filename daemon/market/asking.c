/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/asking.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/base/standing.h"

enum { PART_TRADES = 64, PARTS_MAX = 64, TRADES_MAX = PART_TRADES * PARTS_MAX, TRIES_MAX = 3 };
enum { PART_SIZE = 16384 };
static const double power_max_w = 1e9, cost_max = 1e6;

enum state {
	IDLE,    /* nothing was asked of this book yet, or its bids were capped since */
	WAITING, /* for a verdict */
	BOUND,   /* no more questions */
};

struct grid_home {
	struct standing limit;
	double import_w, export_w; /* for the award; NAN: not told */
	double cost;               /* of its trades for the grid, currency; NAN: not told */
	int64_t net;               /* what it trades by the clearing at hand, mWh: bought > 0 */
	int32_t offer;             /* what it offered for a kWh of that, 1e-6 currency */
	int64_t permitted;         /* of it, the amount */
};

struct asking {
	const struct market_conf *market;
	int (*send)(void *context, const char *topic, const char *payload, size_t length,
		    bool retain);
	void *context;
	bool online, heard; /* the operator; ever */
	int homes;
	struct grid_home *home;

	int round; /* the book at hand */
	int64_t start_s;
	enum state state;
	int tries;
	int64_t number, sent_s;
	int trades, parts;
	uint64_t missing; /* a bit for each part */
	bool refused;
	struct {
		int buyer, seller; /* homes; -1: the utility */
		int64_t amount, permitted;
		int32_t gain; /* lost for each kWh not permitted, 1e-6 currency */
	} trade[TRADES_MAX];
	int64_t *left; /* work, by home */
	char text[PART_SIZE];
};

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

/* --- heard --------------------------------------------------------------------------------------
 */

int asking_hear_status(struct asking *a, const char *payload, size_t length)
{
	bool online = length == 6 && memcmp(payload, "online", 6) == 0;
	if (!online && !(length == 7 && memcmp(payload, "offline", 7) == 0)) {
		return -EINVAL;
	}
	if (online != a->online) {
		log_info("grid operator: %s", online ? "there" : "away, its last limits stand");
	}
	a->online = online;
	a->heard = true;
	return 0;
}

int asking_hear_limit(struct asking *a, int home, const char *id, int64_t now_s,
		      const char *payload, size_t length, char *why, size_t size)
{
	int r = standing_take(&a->home[home].limit, id, now_s, payload, length, why, size);
	a->heard |= r == 0;
	return r;
}

bool asking_online(const struct asking *a)
{
	return a->online;
}

static int say(struct json_in *in, int error, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return error;
}

static int find_home(const struct asking *a, const struct rounds *r, const char *id)
{
	int home = r ? rounds_find_home(r, id) : -1;
	return home >= 0 && home < a->homes ? home : -1;
}

static int take_permitted(struct asking *a, struct json_in *in, int part)
{
	const struct json_value *list;
	int count, first = part * PART_TRADES;
	int expected = a->trades - first < PART_TRADES ? a->trades - first : PART_TRADES;
	int64_t permitted[PART_TRADES];
	int r = json_get_array(in, in->root, "permitted", PART_TRADES, &list, &count);
	if (r < 0) {
		return r;
	}
	if (count != expected) {
		return say(in, -EINVAL, "permitted: expected one number a trade");
	}
	for (int i = 0; i < count; i++) {
		double kwh;
		if (!json_number(json_item(list, i), &kwh) || kwh < 0 || kwh > 1e6) {
			return say(in, -EINVAL, "permitted: expected numbers from 0");
		}
		permitted[i] = (int64_t)floor(kwh * MILLION + 0.5);
	}
	for (int i = 0; i < count; i++) {
		a->trade[first + i].permitted = permitted[i];
	}
	return 0;
}

static int get_cost(struct json_in *in, const struct json_value *from, const char *key, double *out)
{
	*out = NAN;
	return json_has(from, key) ? json_get_number(in, from, key, -cost_max, cost_max, out) : 0;
}

/* Each home's limits and costs, in the order of the part's trades. */
static int take_homes(struct asking *a, struct json_in *in, const struct rounds *rounds)
{
	const struct json_value *list, *one;
	int count;
	int r = json_get_array(in, in->root, "homes", 2 * PART_TRADES, &list, &count);
	for (int i = 0; r == 0 && i < count; i++) {
		char id[HOME_ID_SIZE];
		double import_w, export_w, loss, network;
		r = json_get_element(in, list, i, &one);
		r = r < 0 ? r : json_get_text(in, one, "home", id, sizeof(id));
		r = r < 0 ? r
			  : json_get_number(in, one, "import_limit_w", 0, power_max_w, &import_w);
		r = r < 0 ? r
			  : json_get_number(in, one, "export_limit_w", 0, power_max_w, &export_w);
		int home = r < 0 ? -1 : find_home(a, rounds, id);
		r = r < 0 ? r : get_cost(in, one, "loss_cost", &loss);
		r = r < 0 ? r : get_cost(in, one, "network_cost", &network);
		if (r == 0 && home >= 0) {
			a->home[home].import_w = import_w;
			a->home[home].export_w = export_w;
			a->home[home].cost = loss + network;
		}
	}
	return r;
}

/* Its homes before its trades: one that is wrong anywhere is none. */
static int take_verdict(struct asking *a, const struct rounds *rounds, struct json_in *in)
{
	static const char *const verdicts[] = { "permitted", "reduced", "refused", NULL };
	int64_t version, number, part = 1;
	int verdict;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_integer(in, in->root, "proposal", 0, INT64_MAX / 2, &number);
	r = r < 0 ? r : json_get_choice(in, in->root, "verdict", verdicts, &verdict);
	if (r < 0 || a->state != WAITING || number != a->number) {
		return r; /* one that comes too late is none */
	}
	if (verdict == 2) {
		a->refused = true;
		a->missing = 0;
		return 0;
	}
	r = json_get_integer(in, in->root, "part", 1, a->parts, &part);
	r = r < 0 || !json_has(in->root, "homes") ? r : take_homes(a, in, rounds);
	r = r < 0 ? r : take_permitted(a, in, (int)part - 1);
	if (r == 0) {
		a->missing &= ~(UINT64_C(1) << (part - 1));
	}
	return r;
}

int asking_hear_verdict(struct asking *a, const struct rounds *rounds, const char *payload,
			size_t length, char *why, size_t size)
{
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : take_verdict(a, rounds, &in);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	}
	json_free(&in);
	return r;
}

/* --- asked --------------------------------------------------------------------------------------
 */

static void put_trade(const struct asking *a, struct json_out *o, const struct rounds *r, int trade)
{
	json_open_object(o, NULL);
	if (a->trade[trade].buyer >= 0) {
		json_put_text(o, "buyer", rounds_home_id(r, a->trade[trade].buyer));
	}
	if (a->trade[trade].seller >= 0) {
		json_put_text(o, "seller", rounds_home_id(r, a->trade[trade].seller));
	}
	json_put_number(o, "kwh", (double)a->trade[trade].amount / MILLION, 6);
	json_put_number(o, "gain", (double)a->trade[trade].gain / MILLION, 6);
	json_close(o);
}

static int part_json(struct asking *a, const struct rounds *r, int part, double price)
{
	char at[ISOTIME_SIZE];
	struct json_out o;
	int first = part * PART_TRADES;
	json_begin(&o, a->text, sizeof(a->text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_integer(&o, "proposal", a->number);
	json_put_text(&o, "round", a->market->rounds.round[a->round].name);
	json_put_text(&o, "interval", isotime_format(a->start_s, at));
	json_put_integer(&o, "length_s", a->market->interval_s);
	json_put_number(&o, "price", price, 6);
	json_put_text(&o, "currency", a->market->tariff.currency);
	json_put_integer(&o, "part", part + 1);
	json_put_integer(&o, "parts", a->parts);
	json_open_array(&o, "trades");
	for (int i = first; i < a->trades && i < first + PART_TRADES; i++) {
		put_trade(a, &o, r, i);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}

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
	a->sent_s = now_s;
	forget_costs(a);
	for (int part = 0; part < a->parts; part++) {
		int n = part_json(a, r, part, price);
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
