/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_messages.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

enum { AHEAD_MAX_S = 3 * 86400 };
static const double price_max = 1000, kwh_max = 1e6;

static int say(struct json_in *in, int error, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return error;
}

/* What all parts of a proposal say alike. */
struct head {
	int64_t number, start_s, part, parts;
	char round[DSO_ROUND_SIZE];
	double price;
};

static int read_interval(struct json_in *in, const struct dso_conf *c, int64_t wall_s, int64_t *out)
{
	char text[ISOTIME_SIZE];
	int64_t length_s, at_s, ours_s = llround(c->interval_s);
	int r = json_get_integer(in, in->root, "length_s", 1, 86400, &length_s);
	if (r == 0 && length_s != ours_s) {
		return say(in, -EINVAL, "length_s: expected the interval of dso.conf");
	}
	r = r < 0 ? r : json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r < 0) {
		return r;
	}
	if (isotime_parse(text, &at_s) < 0 || at_s % ours_s != 0) {
		return say(in, -EINVAL, "interval: expected the UTC time at which one begins");
	}
	if (at_s + ours_s <= wall_s || at_s > wall_s + AHEAD_MAX_S) {
		return say(in, -ERANGE, "interval: expected one not over, at most 3 days ahead");
	}
	*out = at_s;
	return 0;
}

static int read_head(struct json_in *in, const struct dso_conf *c, int64_t wall_s, struct head *h)
{
	int64_t version;
	char currency[4];
	h->part = h->parts = 1;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_integer(in, in->root, "proposal", 0, INT64_MAX / 2, &h->number);
	r = r < 0 ? r : json_get_text(in, in->root, "round", h->round, sizeof(h->round));
	r = r < 0 ? r : read_interval(in, c, wall_s, &h->start_s);
	r = r < 0 ? r : json_get_number(in, in->root, "price", -price_max, price_max, &h->price);
	r = r < 0 ? r : json_get_text(in, in->root, "currency", currency, sizeof(currency));
	if (r == 0 && strcmp(currency, c->currency) != 0) {
		return say(in, -EINVAL, "currency: expected that of dso.conf");
	}
	if (r == 0 && json_has(in->root, "parts")) {
		r = json_get_integer(in, in->root, "parts", 1, PROPOSAL_PARTS_MAX, &h->parts);
		r = r < 0 ? r : json_get_integer(in, in->root, "part", 1, h->parts, &h->part);
	}
	return r;
}

/* A side of a trade that is left out is the utility. */
static int read_side(struct json_in *in, const struct dso *o, const struct json_value *from,
		     const char *key, int *out)
{
	char id[DSO_HOME_SIZE];
	if (!json_has(from, key)) {
		*out = DSO_UTILITY;
		return 0;
	}
	int r = json_get_text(in, from, key, id, sizeof(id));
	if (r < 0) {
		return r;
	}
	int home = dso_find_home(o, id);
	if (home < 0) {
		snprintf(in->why, sizeof(in->why), "%s: \"%s\" is no home of dso.conf", key, id);
		return -ENOENT;
	}
	*out = home;
	return 0;
}

static int read_trade(struct json_in *in, const struct dso *o, const struct json_value *from,
		      struct dso_trade *out)
{
	struct dso_trade t = { .gain = -1 };
	int r = read_side(in, o, from, "buyer", &t.buyer);
	r = r < 0 ? r : read_side(in, o, from, "seller", &t.seller);
	r = r < 0 ? r : json_get_number(in, from, "kwh", 0, kwh_max, &t.kwh);
	if (r == 0 && json_has(from, "gain")) {
		r = json_get_number(in, from, "gain", 0, price_max, &t.gain);
	}
	if (r == 0 && t.buyer == t.seller) {
		return say(in, -EINVAL, "trades: expected a buyer and another seller");
	}
	*out = t;
	return r;
}

static int read_trades(struct json_in *in, const struct dso *o, struct dso_trade *out, int *count)
{
	const struct json_value *trades, *trade;
	int r = json_get_array(in, in->root, "trades", PROPOSAL_PART_TRADES, &trades, count);
	for (int i = 0; r == 0 && i < *count; i++) {
		r = json_get_element(in, trades, i, &trade);
		r = r < 0 ? r : read_trade(in, o, trade, &out[i]);
	}
	return r;
}

static bool is_same(const struct inbox *b, const struct head *h)
{
	return b->parts == h->parts && b->proposal.number == h->number &&
	       b->proposal.start_s == h->start_s && strcmp(b->proposal.round, h->round) == 0;
}

static void begin(struct inbox *b, const struct head *h)
{
	b->proposal = (struct dso_proposal){
		.number = h->number, .start_s = h->start_s, .price = h->price, .trade = b->trade
	};
	snprintf(b->proposal.round, sizeof(b->proposal.round), "%s", h->round);
	b->parts = b->missing = (int)h->parts;
	for (int i = 0; i < b->parts; i++) {
		b->count[i] = -1;
	}
}

static void complete(struct inbox *b)
{
	int trades = 0;
	for (int i = 0; i < b->parts; i++) {
		for (int t = 0; t < b->count[i]; t++) {
			b->trade[trades++] = b->part[i][t];
		}
	}
	b->proposal.trades = trades;
}

int inbox_take(struct inbox *b, const struct dso *o, const struct dso_conf *c, int64_t wall_s,
	       const char *payload, size_t length, char *why, size_t size)
{
	struct dso_trade trade[PROPOSAL_PART_TRADES];
	struct json_in in;
	struct head h = { .number = -1 };
	int count = 0;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_head(&in, c, wall_s, &h);
	r = r < 0 ? r : read_trades(&in, o, trade, &count);
	b->heard = h.number;
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
		json_free(&in);
		return r;
	}
	json_free(&in);
	if (!is_same(b, &h) || b->missing == 0) {
		begin(b, &h);
	}
	b->missing -= b->count[h.part - 1] < 0;
	b->count[h.part - 1] = count;
	memcpy(b->part[h.part - 1], trade, sizeof(trade));
	if (b->missing == 0) {
		complete(b);
	}
	return b->missing == 0;
}

/* --- said ---------------------------------------------------------------------------------------
 */

static void put_time(struct json_out *o, const char *key, int64_t at_s)
{
	char text[ISOTIME_SIZE];
	json_put_text(o, key, isotime_format(at_s, text));
}

static void put_money(struct json_out *o, const char *key, int64_t micro)
{
	json_put_number(o, key, (double)micro / MICRO, 6);
}

static void put_home(struct json_out *o, const struct dso_conf *c, int home,
		     const struct dso_answer *a)
{
	const struct dso_home *h = &a->home[home];
	const struct permit_price *p = &h->price;
	json_open_object(o, NULL);
	json_put_text(o, "home", c->home[home].id);
	json_put_number(o, "import_limit_w", floor(h->import_limit_w), 0);
	json_put_number(o, "export_limit_w", floor(h->export_limit_w), 0);
	json_put_number(o, "price", p->energy + p->loss + p->congestion + p->voltage, 6);
	put_money(o, "loss_cost", h->loss_cost);
	put_money(o, "network_cost", h->network_cost);
	json_close(o);
}

/* Whether a trade before this one, of any part, names the home already. */
static bool is_told(const struct dso_proposal *p, int before, int home)
{
	for (int t = 0; t < before; t++) {
		if (p->trade[t].buyer == home || p->trade[t].seller == home) {
			return true;
		}
	}
	return false;
}

static void put_homes(struct json_out *o, const struct dso_conf *c, const struct dso_proposal *p,
		      int first, int count, const struct dso_answer *a)
{
	json_open_array(o, "homes");
	for (int t = first; t < first + count; t++) {
		int side[] = { p->trade[t].buyer, p->trade[t].seller };
		for (int i = 0; i < 2; i++) {
			if (side[i] != DSO_UTILITY && !is_told(p, t, side[i])) {
				put_home(o, c, side[i], a);
			}
		}
	}
	json_close(o);
}

static void put_trades(struct json_out *o, const struct dso_trade *trade, int count)
{
	json_open_array(o, "permitted");
	for (int t = 0; t < count; t++) {
		json_put_number(o, NULL, floor(trade[t].permitted_kwh * 1e6) / 1e6, 6);
	}
	json_close(o);
	json_open_array(o, "reasons");
	for (int t = 0; t < count; t++) {
		if (*trade[t].reason) {
			json_open_object(o, NULL);
			json_put_integer(o, "trade", t);
			json_put_text(o, "reason", trade[t].reason);
			json_close(o);
		}
	}
	json_close(o);
}

int verdict_json(const struct inbox *b, const struct dso_conf *c, int part,
		 const struct dso_answer *a, const char *why, char *out, size_t size)
{
	const struct dso_proposal *p = &b->proposal;
	struct json_out o;
	int first = 0, reduced = 0;
	for (int i = 0; i < part; i++) {
		first += b->count[i];
	}
	for (int t = 0; t < p->trades; t++) {
		reduced += *p->trade[t].reason != '\0';
	}
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_integer(&o, "proposal", p->number);
	json_put_text(&o, "round", p->round);
	put_time(&o, "interval", p->start_s);
	json_put_integer(&o, "part", part + 1);
	json_put_integer(&o, "parts", b->parts);
	json_put_text(&o, "verdict", !a ? "refused" : reduced ? "reduced" : "permitted");
	if (!a || a->broken) {
		json_put_text(&o, "why", a ? a->why : why);
	}
	put_trades(&o, p->trade + first, b->count[part]);
	if (a) {
		put_homes(&o, c, p, first, b->count[part], a);
	}
	if (a && part == 0) {
		put_money(&o, "loss_cost", a->loss_cost);
		put_money(&o, "others_loss_cost", a->others_loss_cost);
		json_put_integer(&o, "residue_micro", a->residue);
		json_put_number(&o, "loss_kwh", a->loss_kwh, 6);
		json_put_number(&o, "v_min", a->v_min, 6);
		json_put_number(&o, "v_max", a->v_max, 6);
	}
	json_close(&o);
	return json_finish(&o);
}

int refusal_json(int64_t number, const char *why, char *out, size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	if (number >= 0) {
		json_put_integer(&o, "proposal", number);
	}
	json_put_text(&o, "verdict", "refused");
	json_put_text(&o, "why", why);
	json_close(&o);
	return json_finish(&o);
}

int limit_json(const struct dso_conf *c, int home, const struct dso_home *h, int64_t start_s,
	       int64_t issued_s, char *out, size_t size)
{
	const struct permit_price *p = &h->price;
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_text(&o, "home", c->home[home].id);
	put_time(&o, "issued", issued_s);
	put_time(&o, "until", issued_s + llround(c->stand_s));
	json_put_number(&o, "import_limit_w", floor(h->import_limit_w), 0);
	json_put_number(&o, "export_limit_w", floor(h->export_limit_w), 0);
	/* Cautious is never more than what holds before. */
	double import_w = fmin(h->import_limit_w, c->cautious_import_w);
	double export_w = fmin(h->export_limit_w, c->cautious_export_w);
	json_put_number(&o, "then_import_limit_w", floor(import_w), 0);
	json_put_number(&o, "then_export_limit_w", floor(export_w), 0);
	put_time(&o, "interval", start_s);
	json_put_text(&o, "currency", c->currency);
	json_put_number(&o, "price", p->energy + p->loss + p->congestion + p->voltage, 6);
	json_put_number(&o, "energy", p->energy, 6);
	json_put_number(&o, "loss", p->loss, 6);
	json_put_number(&o, "congestion", p->congestion, 6);
	json_put_number(&o, "voltage", p->voltage, 6);
	json_close(&o);
	return json_finish(&o);
}
