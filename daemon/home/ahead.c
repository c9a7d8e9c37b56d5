/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/ahead.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

enum { OPEN_MAX = 1024, DAY_S = 86400, OPEN_AHEAD_S = 9 * DAY_S };
static const double price_max = 100, kwh_max = 1e6;
static const double revise_from = 0.1; /* as market.h */
static const int64_t revise_after_s = 3600, near_gate_s = 3600;

static struct ahead_bid *place_of(struct ahead *a, const struct site *site, int64_t start_s)
{
	return &a->bid[start_s / (int64_t)site->interval_s % AHEAD_MAX];
}

static const struct ahead_bid *find(const struct ahead *a, const struct site *site, int64_t start_s)
{
	const struct ahead_bid *b = &a->bid[start_s / (int64_t)site->interval_s % AHEAD_MAX];
	return b->start_s == start_s ? b : NULL;
}

/* --- what is open -------------------------------------------------------------------------------
 */

static int say(struct json_in *in, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return -EINVAL;
}

static int get_time(struct json_in *in, const struct json_value *from, const char *key,
		    int64_t *out)
{
	char text[ISOTIME_SIZE];
	int r = json_get_text(in, from, key, text, sizeof(text));
	if (r == 0 && isotime_parse(text, out) < 0) {
		snprintf(in->why, sizeof(in->why), "%s: expected a UTC time", key);
		return -EINVAL;
	}
	return r;
}

/* *day: it is of many intervals. */
static int read_book(struct json_in *in, const struct json_value *from, const struct site *site,
		     int64_t wall_s, struct ahead_book *b, bool *day)
{
	static const char *const kinds[] = { "interval", "day", NULL };
	int64_t intervals, length_s = (int64_t)site->interval_s;
	int kind = -1;
	int r = json_get_text(in, from, "round", b->round, sizeof(b->round));
	r = r < 0 ? r : get_time(in, from, "interval", &b->start_s);
	r = r < 0 ? r : get_time(in, from, "gate", &b->gate_s);
	r = r < 0 ? r : json_get_integer(in, from, "intervals", 1, OPEN_AHEAD_S / 60, &intervals);
	r = r < 0 || !json_has(from, "kind") ? r : json_get_choice(in, from, "kind", kinds, &kind);
	if (r < 0) {
		return r;
	}
	if (b->start_s % length_s != 0 || b->gate_s >= b->start_s ||
	    b->start_s + intervals * length_s > wall_s + OPEN_AHEAD_S) {
		return say(in, "open: expected intervals of the next days, behind their gate");
	}
	b->intervals = (int)intervals;
	*day = kind < 0 ? intervals > 1 : kind == 1;
	return 0;
}

static int read_rounds(struct json_in *in, const struct site *site, int64_t wall_s,
		       struct ahead_book book[AHEAD_BOOKS_MAX], int *books)
{
	const struct json_value *list, *one;
	int64_t version, length_s;
	int count = 0;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_integer(in, in->root, "length_s", 1, DAY_S, &length_s);
	if (r == 0 && length_s != (int64_t)site->interval_s) {
		return say(in, "length_s: expected the length of this home's intervals");
	}
	r = r < 0 ? r : json_get_array(in, in->root, "open", OPEN_MAX, &list, &count);
	for (int i = 0; r == 0 && i < count; i++) {
		struct ahead_book b = { .round = "" };
		bool day = false;
		r = json_get_element(in, list, i, &one);
		r = r < 0 ? r : read_book(in, one, site, wall_s, &b, &day);
		if (r == 0 && day && b.gate_s > wall_s && *books < AHEAD_BOOKS_MAX) {
			book[(*books)++] = b;
		}
	}
	return r;
}

int ahead_take_rounds(struct ahead *a, const struct site *site, int64_t wall_s, const char *payload,
		      size_t length, char *why, size_t size)
{
	struct ahead_book book[AHEAD_BOOKS_MAX] = { 0 };
	struct json_in in;
	int books = 0;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_rounds(&in, site, wall_s, book, &books);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		a->books = books;
		memcpy(a->book, book, sizeof(book));
	}
	json_free(&in);
	return r;
}

static int64_t end_of(const struct ahead_book *b, const struct site *site)
{
	return b->start_s + b->intervals * (int64_t)site->interval_s;
}

/* The open book with the earliest interval from from_s on. */
static const struct ahead_book *book_from(const struct ahead *a, const struct site *site,
					  int64_t wall_s, int64_t from_s, int64_t *start_s)
{
	const struct ahead_book *found = NULL;
	for (int i = 0; i < a->books; i++) {
		const struct ahead_book *b = &a->book[i];
		int64_t at_s = b->start_s > from_s ? b->start_s : from_s;
		if (b->gate_s > wall_s && at_s < end_of(b, site) && (!found || at_s < *start_s)) {
			found = b;
			*start_s = at_s;
		}
	}
	return found;
}

const struct ahead_book *ahead_look(struct ahead *a, const struct site *site, int64_t wall_s,
				    int64_t *start_s)
{
	const struct ahead_book *b = book_from(a, site, wall_s, a->next_s, start_s);
	b = b ? b : book_from(a, site, wall_s, 0, start_s);
	if (b) {
		a->next_s = *start_s + (int64_t)site->interval_s;
	}
	return b;
}

/* --- bids ---------------------------------------------------------------------------------------
 */

/* Whether it is time for another revision. */
static bool is_due(const struct ahead_bid *b, int64_t wall_s, const struct bid *bid)
{
	bool back = bid->orders == 0 && b->bid.orders > 0;
	return b->revision == 0 || back || !b->stored || b->made_s > wall_s ||
	       wall_s - b->made_s >= revise_after_s || b->gate_s - wall_s <= near_gate_s;
}

struct ahead_bid *ahead_bid(struct ahead *a, const struct site *site, int64_t wall_s,
			    const struct ahead_book *book, int64_t start_s, const struct bid *bid)
{
	struct ahead_bid *b = place_of(a, site, start_s);
	if (wall_s >= book->gate_s ||
	    (b->start_s > start_s && b->start_s < wall_s + OPEN_AHEAD_S)) {
		return NULL;
	}
	if (b->start_s != start_s) {
		*b = (struct ahead_bid){ .start_s = start_s };
	}
	b->gate_s = book->gate_s;
	memcpy(b->round, book->round, sizeof(b->round));
	if (!is_due(b, wall_s, bid)) {
		return NULL;
	}
	bool made = b->revision > 0 && b->stored;
	if (made ? bid_difference(&b->bid, bid) < revise_from
		 : bid->orders == 0 && b->revision == 0) {
		return NULL;
	}
	b->revision += b->revision == 0 || b->stored;
	b->bid = *bid;
	b->made_s = wall_s;
	b->answered = b->acknowledged = b->stored = false;
	b->said_us = 0;
	a->unanswered = true;
	return b;
}

int ahead_revision(const struct ahead *a, const struct site *site, int64_t start_s)
{
	const struct ahead_bid *b = find(a, site, start_s);
	return b ? b->revision : 0;
}

static int read_order(struct json_in *in, const struct json_value *from, struct bid_order *out)
{
	static const char *const sides[] = { [BID_BUY] = "buy", [BID_SELL] = "sell", NULL };
	int side;
	double kwh;
	int r = json_get_choice(in, from, "side", sides, &side);
	r = r < 0 ? r : json_get_number(in, from, "price", -price_max, price_max, &out->price);
	r = r < 0 ? r : json_get_number(in, from, "quantity", 0, kwh_max, &kwh);
	if (r == 0) {
		out->side = (enum bid_side)side;
		out->energy_wh = kwh * 1e3;
	}
	return r;
}

static int read_bid(struct json_in *in, struct ahead_bid *b)
{
	const struct json_value *list, *one;
	int r = json_get_text(in, in->root, "round", b->round, sizeof(b->round));
	r = r < 0 ? r : get_time(in, in->root, "expires", &b->gate_s);
	r = r < 0 ? r
		  : json_get_array(in, in->root, "orders", BID_ORDERS_MAX, &list, &b->bid.orders);
	for (int i = 0; r == 0 && i < b->bid.orders; i++) {
		r = json_get_element(in, list, i, &one);
		r = r < 0 ? r : read_order(in, one, &b->bid.order[i]);
	}
	return r;
}

bool ahead_resume(struct ahead *a, const struct site *site, int64_t start_s, int revision,
		  const char *text)
{
	struct ahead_bid b = { .start_s = start_s, .revision = revision, .stored = true };
	struct json_in in;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : read_bid(&in, &b);
	json_free(&in);
	if (r == 0 && start_s > 0) {
		*place_of(a, site, start_s) = b;
		a->unanswered = true;
	}
	return r == 0;
}

void ahead_take_receipt(struct ahead *a, const struct site *site, const struct receipt_taken *t)
{
	if (t->reading || t->start_s <= 0 || t->again) {
		return;
	}
	struct ahead_bid *b = place_of(a, site, t->start_s);
	if (b->start_s == t->start_s && b->revision == t->revision) {
		b->answered = true;
		b->acknowledged = t->accepted;
	}
}

struct ahead_bid *ahead_next(struct ahead *a, int64_t wall_s, int64_t now_us, uint64_t durable,
			     int64_t pause_us, bool there, int *i)
{
	if (!a->unanswered) {
		return NULL;
	}
	a->unanswered = *i > 0;
	while (*i < AHEAD_MAX) {
		struct ahead_bid *b = &a->bid[(*i)++];
		if (b->revision == 0 || b->answered || b->gate_s <= wall_s) {
			continue;
		}
		a->unanswered = true;
		bool first = b->said_us == 0, again = there && now_us - b->said_us >= pause_us;
		if (b->stored && b->ticket <= durable && (first || again)) {
			return b;
		}
	}
	return NULL;
}

int ahead_json(const struct ahead_bid *b, const struct site *site, char *out, size_t size)
{
	return market_orders_json(site, b->start_s, b->revision, b->gate_s, b->round, &b->bid, out,
				  size);
}

void ahead_count(const struct ahead *a, int64_t wall_s, int *bids, int *acknowledged)
{
	*bids = *acknowledged = 0;
	for (int i = 0; i < AHEAD_MAX; i++) {
		const struct ahead_bid *b = &a->bid[i];
		bool counts = b->start_s > wall_s && b->revision > 0 && b->bid.orders > 0;
		*bids += counts;
		*acknowledged += counts && b->acknowledged;
	}
}
