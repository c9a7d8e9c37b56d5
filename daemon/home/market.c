/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/market.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

/* A bid further ahead than this was made by a clock that was wrong: it does not bind. */
static const int64_t ahead_max_s = 2 * 86400;
/* A bid is worth a revision when its energy or its worth moved by this share. */
static const double revise_from = 0.1;
/* What a site without an import limit may be awarded. */
static const double unlimited_w = 100e3;
static const double price_max = 100;
static const double power_max_w = 1e9;

double bid_difference(const struct bid *a, const struct bid *b)
{
	double changed = 0, all = 1;
	for (int i = 0; i < BID_ORDERS_MAX; i++) {
		struct bid_order none = { 0 };
		const struct bid_order *x = i < a->orders ? &a->order[i] : &none;
		const struct bid_order *y = i < b->orders ? &b->order[i] : &none;
		bool same = x->side == y->side &&
			    fabs(x->price - y->price) <= revise_from * fmax(fabs(x->price), 0.01);
		changed += same ? fabs(x->energy_wh - y->energy_wh) : x->energy_wh + y->energy_wh;
		all += x->energy_wh + y->energy_wh;
	}
	return changed / all;
}

int market_bid(struct market *m, const struct site *site, int64_t wall_s, int64_t start_s,
	       const struct bid *bid, int said)
{
	if (m->bid_start_s > wall_s + ahead_max_s) {
		m->bid_start_s = 0;
	}
	bool again = start_s == m->bid_start_s;
	bool open = wall_s < start_s - (int64_t)site->gate_closure_s && start_s >= m->bid_start_s;
	if (!open || (again ? bid_difference(&m->bid, bid) < revise_from : bid->orders == 0)) {
		return 0;
	}
	m->revision = (again ? m->revision : said) + 1;
	m->bid_start_s = start_s;
	m->bid = *bid;
	m->acknowledged = m->answered = false;
	return m->revision;
}

void market_resume(struct market *m, int64_t bid_start_s, int revision)
{
	m->bid_start_s = bid_start_s;
	m->revision = revision;
}

/* The place of the award of the interval that begins at start_s. */
static int place_of(const struct site *site, int64_t start_s)
{
	return (int)(start_s / (int64_t)site->interval_s % AWARDS_MAX);
}

const struct award *market_award_at(const struct market *m, const struct site *site, int64_t wall_s)
{
	int64_t start_s = interval_start(site->interval_s, wall_s);
	const struct award *a = &m->award[place_of(site, start_s)];
	return a->start_s == start_s ? a : NULL;
}

/* The sum of all rounds. */
static void sum_rounds(struct award *a)
{
	double worth = 0, energy = 0;
	a->traded_wh = 0;
	for (int i = 0; i < a->rounds; i++) {
		const struct award_round *r = &a->round[i];
		a->traded_wh += r->traded_wh;
		energy += fabs(r->traded_wh);
		worth += fabs(r->traded_wh) * r->price;
	}
	a->price = energy > 0 ? worth / energy : a->round[a->rounds - 1].price;
}

static int find_round(const struct award *a, uint64_t round)
{
	int i = 0;
	while (i < a->rounds && a->round[i].round != round) {
		i++;
	}
	return i;
}

/* A later award of the same interval and round replaces the trade; a grid limit stays until another
 * is named. new has one round. */
static int keep_award(struct market *m, const struct site *site, const struct award *new,
		      struct award_taken *out)
{
	struct award *at = &m->award[place_of(site, new->start_s)];
	struct award a = at->start_s == new->start_s ? *at : *new;
	int i = find_round(&a, new->round[0].round);
	if (i == AWARD_ROUNDS_MAX) {
		return -ENOSPC;
	}
	a.round[i] = new->round[0];
	a.rounds = i < a.rounds ? a.rounds : i + 1;
	a.import_limit_w = isfinite(new->import_limit_w) ? new->import_limit_w : a.import_limit_w;
	a.export_limit_w = isfinite(new->export_limit_w) ? new->export_limit_w : a.export_limit_w;
	sum_rounds(&a);
	*out = (struct award_taken){ .start_s = a.start_s,
				     .round = i,
				     .changed = at->start_s != a.start_s ||
						at->traded_wh != a.traded_wh ||
						at->price != a.price || at->rounds != a.rounds ||
						at->import_limit_w != a.import_limit_w ||
						at->export_limit_w != a.export_limit_w };
	*at = a;
	return 0;
}

/* The most this site could buy or sell in an interval, kWh. */
static double most_bought_kwh(const struct site *site)
{
	double w = fmin(site->import_limit_w, unlimited_w);
	return w * site->interval_s / 3.6e6;
}

static double most_sold_kwh(const struct site *site)
{
	double w = 0;
	for (int i = 0; i < site->pvs; i++) {
		w += site->pv[i].peak_w;
	}
	for (int b = 0; b < site->batteries; b++) {
		w += site->battery[b].model.discharge_limit_w;
	}
	return fmin(w, site->export_limit_w) * site->interval_s / 3.6e6;
}

/* A member that may be missing: then *out stays. */
static int optional_number(struct json_in *in, const char *key, double min, double max, double *out)
{
	return json_has(in->root, key) ? json_get_number(in, in->root, key, min, max, out) : 0;
}

/* "v" is 1 and the home is ours. */
static int check_envelope(struct json_in *in, const struct site *site)
{
	int64_t version;
	char home[32];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", home, sizeof(home));
	if (r == 0 && strcmp(home, site->id) != 0) {
		snprintf(in->why, sizeof(in->why), "home: expected \"%s\"", site->id);
		return -EPERM;
	}
	return r;
}

static int check_interval(struct json_in *in, const struct site *site, int64_t wall_s,
			  int64_t *start_s)
{
	char text[ISOTIME_SIZE];
	int r = json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r < 0) {
		return r;
	}
	int64_t at_s;
	if (isotime_parse(text, &at_s) < 0 || interval_start(site->interval_s, at_s) != at_s) {
		snprintf(in->why, sizeof(in->why),
			 "interval: expected the UTC time at which an interval begins");
		return -EINVAL;
	}
	if (at_s + (int64_t)site->interval_s <= wall_s || at_s > wall_s + ahead_max_s) {
		snprintf(in->why, sizeof(in->why),
			 "interval: expected one that is not over, at most two days ahead");
		return -ERANGE;
	}
	*start_s = at_s;
	return 0;
}

/* An award names its round, where there are several. */
static int read_round(struct json_in *in, uint64_t *out)
{
	char name[32] = "";
	int r = json_given(in->root, "round")
			? json_get_text(in, in->root, "round", name, sizeof(name))
			: 0;
	*out = hash_bytes(name, strlen(name));
	return r;
}

static int read_award(struct json_in *in, const struct site *site, int64_t wall_s, struct award *a)
{
	double bought = 0, sold = 0;
	struct award_round *round = &a->round[0];
	a->rounds = 1;
	int r = check_envelope(in, site);
	r = r < 0 ? r : check_interval(in, site, wall_s, &a->start_s);
	r = r < 0 ? r : read_round(in, &round->round);
	r = r < 0 ? r : optional_number(in, "bought_kwh", 0, most_bought_kwh(site), &bought);
	r = r < 0 ? r : optional_number(in, "sold_kwh", 0, most_sold_kwh(site), &sold);
	r = r < 0 ? r : optional_number(in, "price", -price_max, price_max, &round->price);
	r = r < 0 ? r : optional_number(in, "import_limit_w", 0, power_max_w, &a->import_limit_w);
	r = r < 0 ? r : optional_number(in, "export_limit_w", 0, power_max_w, &a->export_limit_w);
	round->traded_wh = (bought - sold) * 1e3;
	return r;
}

int market_take_award(struct market *m, const struct site *site, int64_t wall_s,
		      const char *payload, size_t length, struct award_taken *out, char *why,
		      size_t size)
{
	struct award a = { .import_limit_w = INFINITY, .export_limit_w = INFINITY };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_award(&in, site, wall_s, &a);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else if ((r = keep_award(m, site, &a, out)) < 0) {
		snprintf(why, size, "round: expected one of at most %d for an interval",
			 AWARD_ROUNDS_MAX);
	}
	json_free(&in);
	return r;
}

static int read_clearing(struct json_in *in, const struct site *site, int64_t wall_s,
			 struct clearing *c)
{
	char text[ISOTIME_SIZE];
	int64_t version;
	double kwh = 0;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r < 0) {
		return r;
	}
	if (isotime_parse(text, &c->start_s) < 0 ||
	    interval_start(site->interval_s, c->start_s) != c->start_s ||
	    c->start_s > wall_s + ahead_max_s) {
		snprintf(in->why, sizeof(in->why),
			 "interval: expected the UTC time at which an interval begins, at most two "
			 "days ahead");
		return -EINVAL;
	}
	c->has_price = json_given(in->root, "price"); /* null: none for all */
	c->has_quantity = json_has(in->root, "bought_kwh");
	r = c->has_price ? json_get_number(in, in->root, "price", -price_max, price_max, &c->price)
			 : 0;
	r = r < 0 ? r : optional_number(in, "bought_kwh", 0, power_max_w, &kwh);
	c->quantity_wh = kwh * 1e3;
	return r;
}

int market_take_clearing(struct market *m, const struct site *site, int64_t wall_s,
			 const char *payload, size_t length, char *why, size_t size)
{
	struct clearing c = { 0 };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_clearing(&in, site, wall_s, &c);
	bool back = c.start_s < m->clearing.start_s && m->clearing.start_s <= wall_s + ahead_max_s;
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else if (!back) {
		m->clearing = c;
	}
	json_free(&in);
	return r;
}

/* What a receipt is about: a bid or reading that could not be read has no interval. */
static int read_answered(struct json_in *in, struct receipt_taken *t)
{
	char text[ISOTIME_SIZE];
	int r = t->reading ? 0
			   : json_get_integer(in, in->root, "revision", 0, INT32_MAX, &t->revision);
	bool named = t->reading ? json_given(in->root, "interval") : t->revision > 0;
	if (r < 0 || !named) {
		return r;
	}
	r = json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r == 0 && isotime_parse(text, &t->start_s) < 0) {
		snprintf(in->why, sizeof(in->why), "interval: expected a UTC time");
		r = -EINVAL;
	}
	return r;
}

static int read_receipt(struct json_in *in, const struct site *site, struct receipt_taken *t,
			char reason[REFUSAL_MAX])
{
	static const char *const kinds[] = { "bid", "meter", NULL };
	int kind = 0;
	int r = check_envelope(in, site);
	r = r < 0 || !json_has(in->root, "kind")
		    ? r
		    : json_get_choice(in, in->root, "kind", kinds, &kind);
	t->reading = kind == 1;
	r = r < 0 ? r : read_answered(in, t);
	r = r < 0 ? r : read_round(in, &t->round);
	r = r < 0 ? r : json_get_flag(in, in->root, "accepted", &t->accepted);
	if (r == 0 && !t->accepted) {
		r = json_get_text(in, in->root, "reason", reason, REFUSAL_MAX);
	}
	if (r == 0 && !t->accepted && json_has(in->root, "again")) {
		r = json_get_flag(in, in->root, "again", &t->again);
	}
	return r;
}

static void note_receipt(struct market *m, const struct receipt_taken *t, const char *reason)
{
	struct receipts *n = &m->receipts;
	bool ours = !t->reading && t->start_s == m->bid_start_s && t->revision == m->revision;
	if (ours && !t->again) {
		m->answered = true;
		m->acknowledged = t->accepted;
		m->round = t->round;
	}
	if (t->accepted) {
		(*(t->reading ? &n->readings : &n->accepted))++;
	} else {
		(*(t->reading ? &n->readings_refused : &n->refused))++;
		snprintf(n->reason, sizeof(n->reason), "%s", reason);
	}
}

int market_take_receipt(struct market *m, const struct site *site, const char *payload,
			size_t length, struct receipt_taken *out, char *why, size_t size)
{
	struct receipt_taken t = { 0 };
	char reason[REFUSAL_MAX] = "";
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_receipt(&in, site, &t, reason);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		note_receipt(m, &t, reason);
		*out = t;
	}
	json_free(&in);
	return r;
}

const char *market_presence_name(enum market_presence presence)
{
	static const char *const names[] = { "unknown", "online", "offline" };
	return names[presence];
}

void market_take_status(struct market *m, const char *payload, size_t length)
{
	bool online = length == 6 && memcmp(payload, "online", 6) == 0;
	m->presence = online ? MARKET_ONLINE : length > 0 ? MARKET_OFFLINE : MARKET_UNKNOWN;
}

/* Whether the bid that was taken was answered by its round: what another one gave for the interval,
 * as the day before, is no word on it. An award that names none is of any. */
static bool is_awarded(const struct market *m, const struct site *site)
{
	const struct award *a = market_award_at(m, site, m->bid_start_s);
	const uint64_t unnamed = hash_bytes("", 0);
	return a && (m->round == unnamed || find_round(a, m->round) < a->rounds ||
		     find_round(a, unnamed) < a->rounds);
}

bool market_is_silent(const struct market *m, const struct site *site, int64_t wall_s)
{
	int64_t gate_s = m->bid_start_s - (int64_t)site->gate_closure_s;
	int64_t late_s = gate_s + (m->bid_start_s - gate_s) / 2;
	bool owed = m->acknowledged && m->bid.orders > 0 && wall_s >= late_s &&
		    wall_s < m->bid_start_s + (int64_t)site->interval_s;
	return m->presence != MARKET_ONLINE || (owed && !is_awarded(m, site));
}

static void put_head(const struct site *site, int64_t start_s, struct json_out *o)
{
	char text[ISOTIME_SIZE];
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	json_put_text(o, "home", site->id);
	json_put_text(o, "interval", isotime_format(start_s, text));
	json_put_number(o, "length_s", site->interval_s, 0);
}

int market_orders_json(const struct site *site, int64_t start_s, int revision, int64_t gate_s,
		       const char *round, const struct bid *bid, char *out, size_t size)
{
	struct json_out o;
	char text[ISOTIME_SIZE];
	json_begin(&o, out, size);
	put_head(site, start_s, &o);
	json_put_integer(&o, "revision", revision);
	json_put_text(&o, "expires", isotime_format(gate_s, text));
	if (round) {
		json_put_text(&o, "round", round);
	}
	json_put_text(&o, "currency", site->tariff.currency);
	json_open_array(&o, "orders");
	for (int i = 0; i < bid->orders; i++) {
		json_open_object(&o, NULL);
		json_put_text(&o, "side", bid_side_name(bid->order[i].side));
		json_put_number(&o, "price", bid->order[i].price, 6);
		json_put_number(&o, "quantity", bid->order[i].energy_wh / 1e3, 6);
		json_close(&o);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}

int market_bid_json(const struct market *m, const struct site *site, char *out, size_t size)
{
	return market_orders_json(site, m->bid_start_s, m->revision,
				  m->bid_start_s - (int64_t)site->gate_closure_s, NULL, &m->bid,
				  out, size);
}

int market_meter_json(const struct site *site, const struct interval *i, char *out, size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	put_head(site, i->start_s, &o);
	json_put_number(&o, "import_wh", i->import_wh, 3);
	json_put_number(&o, "export_wh", i->export_wh, 3);
	json_put_number(&o, "known_s", i->known_s, 1);
	json_close(&o);
	return json_finish(&o);
}

int market_meter_read(const struct site *site, const char *text, struct interval *out)
{
	struct json_in in;
	char at[ISOTIME_SIZE];
	struct interval i = { .length_s = site->interval_s };
	const double most_wh = power_max_w;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : check_envelope(&in, site);
	r = r < 0 ? r : json_get_text(&in, in.root, "interval", at, sizeof(at));
	r = r < 0 ? r : isotime_parse(at, &i.start_s);
	r = r < 0 ? r : json_get_number(&in, in.root, "import_wh", 0, most_wh, &i.import_wh);
	r = r < 0 ? r : json_get_number(&in, in.root, "export_wh", 0, most_wh, &i.export_wh);
	r = r < 0 ? r : json_get_number(&in, in.root, "known_s", 0, 2 * 86400, &i.known_s);
	if (r == 0 && interval_start(site->interval_s, i.start_s) != i.start_s) {
		r = -EINVAL; /* of a market with other intervals */
	}
	if (r == 0) {
		*out = i;
	}
	json_free(&in);
	return r;
}

bool market_meter_once(struct market *m, int64_t start_s)
{
	bool forward = start_s > m->metered_start_s || m->metered_start_s > start_s + ahead_max_s;
	m->metered_start_s = forward ? start_s : m->metered_start_s;
	return forward;
}
