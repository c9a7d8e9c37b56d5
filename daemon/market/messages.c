/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/messages.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/config.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/market/desk.h"

enum { DAY_S = 86400, CLOCK_SLACK_S = 5 };
enum { BOOKS_TOLD_MAX = 96 };            /* of kind interval, so that a home takes the message */
static const double price_most = 1000;   /* per kWh, as a mechanism takes it */
static const double quantity_most = 1e6; /* kWh */
static const double known_least = 0.9;   /* of an interval, for a reading to count */
static const char *const sides[] = { [SIDE_BUY] = "buy", [SIDE_SELL] = "sell", NULL };

const char *message_leaf(const struct market_conf *c, const char *topic, char home[HOME_ID_SIZE])
{
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "lec/%s/home/", c->community);
	if (strncmp(topic, prefix, (size_t)n) != 0) {
		return NULL;
	}
	const char *id = topic + n;
	size_t length = strcspn(id, "/");
	if (length == 0 || length >= HOME_ID_SIZE || id[length] != '/') {
		return NULL;
	}
	char name[HOME_ID_SIZE];
	memcpy(name, id, length);
	name[length] = '\0';
	return config_parse_name(name, home, HOME_ID_SIZE) ? NULL : id + length + 1;
}

/* --- heard --------------------------------------------------------------------------------------
 */

static int say(struct json_in *in, int error, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return error;
}

/* "v", whose it is, and that its intervals are as long as ours. */
static int read_head(struct json_in *in, const struct market_conf *c, const char *home)
{
	int64_t version, length_s;
	char said[HOME_ID_SIZE];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", said, sizeof(said));
	if (r == 0 && strcmp(said, home) != 0) {
		return say(in, -EPERM, "home: expected the one of the topic");
	}
	r = r < 0 ? r : json_get_integer(in, in->root, "length_s", 1, DAY_S, &length_s);
	if (r == 0 && length_s != c->interval_s) {
		return say(in, -EINVAL, "length_s: expected the length of this market's intervals");
	}
	return r;
}

static int read_interval(struct json_in *in, int64_t *start_s)
{
	char text[ISOTIME_SIZE];
	int r = json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r == 0 && isotime_parse(text, start_s) < 0) {
		return say(in, -EINVAL, "interval: expected a UTC time like 2026-06-15T10:15:00Z");
	}
	return r;
}

static int read_step(struct json_in *in, const struct json_value *order, struct bid_step *out)
{
	int side;
	double price, quantity;
	int r = json_get_choice(in, order, "side", sides, &side);
	r = r < 0 ? r : json_get_number(in, order, "price", -price_most, price_most, &price);
	r = r < 0 ? r : json_get_number(in, order, "quantity", 0, quantity_most, &quantity);
	if (r < 0) {
		return r;
	}
	*out = (struct bid_step){ .quantity = llround(quantity * MILLION),
				  .price = (int32_t)lround(price * MILLION),
				  .side = side };
	return out->quantity > 0 ? 0 : say(in, -ERANGE, "quantity: expected more than 0");
}

static int read_steps(struct json_in *in, struct round_bid *b)
{
	const struct json_value *orders, *order;
	int count = 0;
	int r = json_get_array(in, in->root, "orders", BID_STEPS_MAX, &orders, &count);
	for (int i = 0; r == 0 && i < count; i++) {
		r = json_get_element(in, orders, i, &order);
		r = r < 0 ? r : read_step(in, order, &b->step[i]);
	}
	b->steps = count;
	return r;
}

static int read_currency(struct json_in *in, const struct market_conf *c)
{
	char currency[4];
	int r = json_get_text(in, in->root, "currency", currency, sizeof(currency));
	if (r == 0 && strcmp(currency, c->tariff.currency) != 0) {
		return say(in, -EINVAL, "currency: expected that of this market");
	}
	return r;
}

static int read_bid(struct json_in *in, const struct market_conf *c, const char *home,
		    struct round_bid *b)
{
	int64_t revision;
	int r = read_interval(in, &b->start_s);
	r = r < 0 ? r : json_get_integer(in, in->root, "revision", 1, REVISION_MAX, &revision);
	if (r < 0) {
		return r;
	}
	b->revision = (int32_t)revision;
	r = read_head(in, c, home);
	r = r < 0 ? r : read_currency(in, c);
	return r < 0 ? r : read_steps(in, b);
}

int message_read_bid(const struct market_conf *c, const char *home, const char *payload,
		     size_t length, struct round_bid *out, char why[MESSAGE_WHY_MAX])
{
	struct json_in in;
	*out = (struct round_bid){ .start_s = 0 };
	snprintf(out->home, sizeof(out->home), "%s", home);
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_bid(&in, c, home, out);
	if (r < 0) {
		snprintf(why, MESSAGE_WHY_MAX, "%s", in.why);
	}
	json_free(&in);
	return r;
}

static int read_energies(struct json_in *in, const struct market_conf *c, struct fact_meter *out)
{
	double import_wh, export_wh, known_s, most_wh = SETTLE_ENERGY_MAX / 1e3;
	int r = json_get_number(in, in->root, "import_wh", 0, most_wh, &import_wh);
	r = r < 0 ? r : json_get_number(in, in->root, "export_wh", 0, most_wh, &export_wh);
	r = r < 0 ? r : json_get_number(in, in->root, "known_s", 0, 2 * DAY_S, &known_s);
	if (r == 0 && known_s < known_least * (double)c->interval_s) {
		return say(in, -ENODATA, "known_s: too little was measured, expected nine tenths");
	}
	if (r == 0) {
		out->import = llround(import_wh * 1e3);
		out->export = llround(export_wh * 1e3);
	}
	return r;
}

static int check_metered(struct json_in *in, const struct market_conf *c, int64_t start_s,
			 int64_t at_s)
{
	if (start_s <= 0 || start_s % c->interval_s != 0) {
		return say(in, -EINVAL, "interval: expected the UTC time at which one begins");
	}
	bool over = start_s + c->interval_s <= at_s + CLOCK_SLACK_S;
	return over && start_s >= at_s - READING_AGE_S
		       ? 0
		       : say(in, -ERANGE, "interval: expected one that ended, at most 35 days ago");
}

int message_read_meter(const struct market_conf *c, const char *home, int64_t at_s,
		       const char *payload, size_t length, int64_t *start_s, struct fact_meter *out,
		       char why[MESSAGE_WHY_MAX])
{
	struct json_in in;
	struct fact_meter m = { 0, 0 };
	*start_s = 0;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_interval(&in, start_s);
	r = r < 0 ? r : read_head(&in, c, home);
	r = r < 0 ? r : check_metered(&in, c, *start_s, at_s);
	r = r < 0 ? r : read_energies(&in, c, &m);
	if (r < 0) {
		snprintf(why, MESSAGE_WHY_MAX, "%s", in.why);
	} else {
		*out = m;
	}
	json_free(&in);
	return r;
}

/* --- said ---------------------------------------------------------------------------------------
 */

static void put_time(struct json_out *o, const char *key, int64_t at_s)
{
	char text[ISOTIME_SIZE];
	json_put_text(o, key, isotime_format(at_s, text));
}

static void begin(struct json_out *o, char *out, size_t size)
{
	json_begin(o, out, size);
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
}

static int finish(struct json_out *o)
{
	json_close(o);
	return json_finish(o);
}

int message_receipt(const struct receipt *r, char *out, size_t size)
{
	struct json_out o;
	begin(&o, out, size);
	json_put_text(&o, "home", r->home);
	json_put_text(&o, "kind", r->reading ? "meter" : "bid");
	if (r->start_s > 0) {
		put_time(&o, "interval", r->start_s);
	} else {
		json_put_null(&o, "interval");
	}
	if (!r->reading) {
		json_put_integer(&o, "revision", r->revision);
		json_put_text(&o, "round", r->round);
	}
	json_put_flag(&o, "accepted", !r->reason);
	json_put_text(&o, "reason", r->reason);
	if (r->reason) {
		json_put_flag(&o, "again", r->again);
	}
	return finish(&o);
}

int message_award(const struct market_conf *c, const char *home, const char *round, int64_t start_s,
		  const struct fact_award *a, const struct award_limits *limits, char *out,
		  size_t size)
{
	struct json_out o;
	begin(&o, out, size);
	json_put_text(&o, "home", home);
	json_put_text(&o, "round", round);
	put_time(&o, "interval", start_s);
	json_put_integer(&o, "length_s", c->interval_s);
	json_put_millionths(&o, "bought_kwh", a->bought);
	json_put_millionths(&o, "sold_kwh", a->sold);
	bool buys = a->bought > 0;
	if (buys != (a->sold > 0)) { /* in the mean */
		json_put_millionths(&o, "price",
				    money_divide((wide)(buys ? a->paid : a->received) * MILLION,
						 buys ? a->bought : a->sold));
	}
	json_put_millionths(&o, "paid", a->paid);
	json_put_millionths(&o, "received", a->received);
	json_put_text(&o, "currency", c->tariff.currency);
	if (a->grid_cost.is) {
		json_put_millionths(&o, "grid_cost", a->grid_cost.micro);
	}
	if (limits) {
		json_put_number(&o, "import_limit_w", limits->import_w, 0);
		json_put_number(&o, "export_limit_w", limits->export_w, 0);
	}
	return finish(&o);
}

int message_clearing(const struct market_conf *c, const struct round_clearing *r, char *out,
		     size_t size)
{
	const struct round_conf *round = &c->rounds.round[r->round];
	struct json_out o;
	begin(&o, out, size);
	json_put_text(&o, "round", round->name);
	put_time(&o, "interval", r->start_s);
	json_put_integer(&o, "length_s", c->interval_s);
	json_put_text(&o, "mechanism", round->mechanism->name);
	json_put_integer(&o, "bids", r->bids);
	json_put_flag(&o, "void", r->is_void);
	if (r->priced) {
		json_put_millionths(&o, "price", r->price);
	} else {
		json_put_null(&o, "price");
	}
	json_put_millionths(&o, "bought_kwh", r->bought);
	json_put_millionths(&o, "sold_kwh", r->sold);
	json_put_text(&o, "currency", c->tariff.currency);
	return finish(&o);
}

static void put_prices(struct json_out *o, const char *key, const struct tariff_prices *p)
{
	json_open_object(o, key);
	json_put_number(o, "price", p->base, 6);
	json_open_array(o, "windows");
	for (int i = 0; i < p->windows; i++) {
		json_open_object(o, NULL);
		json_put_integer(o, "from_s", p->window[i].when.from_s);
		json_put_integer(o, "to_s", p->window[i].when.to_s);
		json_put_number(o, "price", p->window[i].price, 6);
		json_close(o);
	}
	json_close(o);
	json_close(o);
}

int message_tariff(const struct market_conf *c, char *out, size_t size)
{
	struct json_out o;
	begin(&o, out, size);
	json_put_text(&o, "currency", c->tariff.currency);
	json_put_text(&o, "timezone", c->timezone);
	put_prices(&o, "buy", &c->tariff.buy);
	put_prices(&o, "network_charge", &c->tariff.network);
	put_prices(&o, "sell", &c->tariff.sell);
	json_put_number(&o, "local_network_charge", c->local_charge, 6);
	json_put_text(&o, "rule", settle_rules[c->settle_rule]);
	json_put_number(&o, "penalty", c->penalty, 6);
	json_put_integer(&o, "length_s", c->interval_s);
	json_put_number(&o, "meter_wait_s", c->meter_wait_s, 0);
	return finish(&o);
}

/* A count for each thing that can become of a bid. */
static void put_bids(struct json_out *o, const struct desk_counts *n)
{
	json_open_object(o, "bids");
	for (int v = 0; v < BID_VERDICTS; v++) {
		json_put_integer(o, bid_verdict_name((enum bid_verdict)v), (int64_t)n->bids[v]);
	}
	json_put_integer(o, "unreadable", (int64_t)n->unreadable);
	json_close(o);
}

int message_counts(const struct desk_counts *n, int homes, uint64_t lost, int64_t since_s,
		   int64_t now_s, char *out, size_t size)
{
	const struct {
		const char *key;
		uint64_t count;
	} counts[] = {
		{ "readings", n->readings },   { "readings_refused", n->readings_refused },
		{ "flood", n->flood },         { "lost", lost },
		{ "clearings", n->clearings }, { "voids", n->voids },
		{ "awards", n->awards },       { "awards_sent", n->sent },
		{ "settled", n->settled },     { "ledger_failures", n->failures },
	};
	struct json_out o;
	begin(&o, out, size);
	put_time(&o, "time", now_s);
	put_time(&o, "since", since_s);
	json_put_integer(&o, "homes", homes);
	put_bids(&o, n);
	json_put_integer(&o, "bids_refused", (int64_t)desk_bids_refused(n));
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		json_put_integer(&o, counts[i].key, (int64_t)counts[i].count);
	}
	return finish(&o);
}

/* Intervals one after the other whose gate closes together. */
struct open_books {
	int round, intervals;
	int64_t start_s, gate_s;
};

static void put_books(const struct market_conf *c, const struct open_books *b, struct json_out *o)
{
	if (b->intervals > 0) {
		json_open_object(o, NULL);
		json_put_text(o, "round", c->rounds.round[b->round].name);
		put_time(o, "interval", b->start_s);
		json_put_integer(o, "intervals", b->intervals);
		put_time(o, "gate", b->gate_s);
		json_put_text(o, "kind", round_kinds[c->rounds.round[b->round].kind]);
		json_close(o);
	}
}

int message_rounds(const struct market_conf *c, const struct rounds *r, int64_t now_s, char *out,
		   size_t size)
{
	struct json_out o;
	begin(&o, out, size);
	put_time(&o, "time", now_s);
	json_put_integer(&o, "length_s", c->interval_s);
	json_open_array(&o, "open");
	struct open_books books = { .intervals = 0 };
	int round = 0;
	int64_t start_s = INT64_MIN;
	int64_t far_s = now_s + BOOKS_TOLD_MAX / c->rounds.rounds * c->interval_s;
	while (rounds_next_open(r, now_s, &round, &start_s)) {
		if (c->rounds.round[round].kind == ROUND_INTERVAL && start_s > far_s) {
			continue; /* told when it is nearer */
		}
		int64_t gate_s = round_gate_s(&c->rounds.round[round], start_s);
		if (round != books.round || gate_s != books.gate_s ||
		    start_s != books.start_s + books.intervals * c->interval_s) {
			put_books(c, &books, &o);
			books = (struct open_books){ round, 0, start_s, gate_s };
		}
		books.intervals++;
	}
	put_books(c, &books, &o);
	json_close(&o);
	return finish(&o);
}
