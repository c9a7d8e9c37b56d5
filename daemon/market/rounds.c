/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/rounds.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/rounds_private.h"

static const char *const verdicts[BID_VERDICTS] = {
	[BID_ACCEPTED] = "accepted",
	[BID_REPEATED] = "accepted before",
	[BID_STRANGER] = "home: expected a member of this market",
	[BID_CROWDED] = "no room left, expected fewer homes or revisions",
	[BID_NO_INTERVAL] = "interval: expected the UTC time at which an interval begins",
	[BID_OVER] = "interval: it began already, expected one to come",
	[BID_LATE] = "interval: its gate is closed, expected a bid before that",
	[BID_EARLY] = "interval: too far ahead, expected one that a round is open for",
	[BID_OLD] = "revision: a later one was accepted",
	[BID_CONTRADICTED] = "revision: said something else before, expected a later one",
	[BID_PRICE] = "price: out of this home's limits",
	[BID_CAPACITY] = "quantity: more than this home's connection carries in an interval",
	[BID_LONG] = "orders: more than this market takes in a bid",
	[BID_OFTEN] = "revision: more than this market takes for an interval",
	[BID_NOT_KEPT] = "the market could not write it down",
};

static const char *const names[BID_VERDICTS] = {
	[BID_ACCEPTED] = "accepted",
	[BID_REPEATED] = "repeated",
	[BID_STRANGER] = "stranger",
	[BID_CROWDED] = "crowded",
	[BID_NO_INTERVAL] = "no_interval",
	[BID_OVER] = "over",
	[BID_LATE] = "late",
	[BID_EARLY] = "early",
	[BID_OLD] = "old",
	[BID_CONTRADICTED] = "contradicted",
	[BID_PRICE] = "price",
	[BID_CAPACITY] = "capacity",
	[BID_LONG] = "long",
	[BID_OFTEN] = "often",
	[BID_NOT_KEPT] = "not_kept",
};

const char *bid_verdict_text(enum bid_verdict v)
{
	return verdicts[v];
}

const char *bid_verdict_name(enum bid_verdict v)
{
	return names[v];
}

/* --- memory -------------------------------------------------------------------------------------
 */

/* Takes count items of size bytes, or only counts them where total is given. */
static void *room(size_t count, size_t size, size_t *total, int *e)
{
	if (total) {
		*total += count * size;
		return NULL;
	}
	void *p = calloc(count + 1, size);
	*e = p ? *e : -ENOMEM;
	return p;
}

static void take_places(struct rounds *r, size_t homes, size_t *total, int *e)
{
	const struct rounds_conf *c = &r->conf;
	int places = 0;
	for (int i = 0; i < c->rounds; i++) {
		r->first[i] = places;
		r->places[i] = round_open_max(&c->round[i], c->interval_s);
		places += r->places[i];
	}
	r->place = room((size_t)places, sizeof(*r->place), total, e);
	for (int i = 0; i < places && !*e; i++) {
		void *kept = room(homes, sizeof(struct kept_bid), total, e);
		void *step = room(homes * (size_t)c->steps_max, sizeof(struct bid_step), total, e);
		if (r->place) {
			r->place[i].kept = kept;
			r->place[i].step = step;
		}
	}
	r->positions = c->rounds > 1 ? (int)(ROUND_AHEAD_S / c->interval_s) + 2 : 0;
	r->position = room((size_t)r->positions, sizeof(*r->position), total, e);
	for (int i = 0; i < r->positions && !*e; i++) {
		int64_t *net = room(homes, sizeof(*net), total, e);
		if (r->position) {
			r->position[i].net = net;
		}
	}
}

/* The room to clear the largest book in. */
static int take_result(struct rounds *r, size_t *total)
{
	const struct rounds_conf *c = &r->conf;
	/* And what came from above. */
	const struct book largest = { .orders = c->homes_max * c->steps_max + 1,
				      .owners = c->homes_max + 1 };
	if (total) {
		*total += (size_t)largest.orders * (sizeof(struct order) + 3 * sizeof(int64_t) +
						    4 * sizeof(int32_t)) +
			  (size_t)largest.owners * (sizeof(struct member) + 2 * sizeof(int64_t));
		return 0;
	}
	r->order = calloc((size_t)largest.orders + 1, sizeof(*r->order));
	return r->order ? result_begin(&r->result, &largest) : -ENOMEM;
}

static int take_room(struct rounds *r, size_t *total)
{
	size_t homes = (size_t)r->conf.homes_max;
	int e = 0;
	size_t buckets = 2;
	while (buckets < 2 * homes) {
		buckets *= 2;
	}
	r->bucket_mask = (uint32_t)buckets - 1;
	r->bucket = room(buckets, sizeof(*r->bucket), total, &e);
	r->id = room(homes, sizeof(*r->id), total, &e);
	r->own_limits = room(homes, sizeof(*r->own_limits), total, &e);
	r->by_name = room(homes, sizeof(*r->by_name), total, &e);
	r->award = room(homes, sizeof(*r->award), total, &e);
	take_places(r, homes, total, &e);
	return e ? e : take_result(r, total);
}

size_t rounds_memory(const struct rounds_conf *conf)
{
	struct rounds r = { .conf = *conf };
	size_t total = sizeof(r);
	(void)take_room(&r, &total);
	return total;
}

int rounds_new(const struct rounds_conf *conf, struct rounds **out)
{
	assert(conf->steps_max >= 1 && conf->steps_max <= BID_STEPS_MAX && conf->rounds >= 1 &&
	       conf->rounds <= ROUNDS_MAX && conf->homes_max >= 1);
	struct rounds *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	r->conf = *conf;
	int e = take_room(r, NULL);
	if (e) {
		rounds_free(r);
		return e;
	}
	*out = r;
	return 0;
}

void rounds_free(struct rounds *r)
{
	if (!r) {
		return;
	}
	int last = r->conf.rounds - 1;
	for (int i = 0; r->place && i < r->first[last] + r->places[last]; i++) {
		free(r->place[i].kept);
		free(r->place[i].step);
	}
	for (int i = 0; r->position && i < r->positions; i++) {
		free(r->position[i].net);
	}
	free(r->place);
	free(r->position);
	free(r->bucket);
	free(r->id);
	free(r->own_limits);
	free(r->by_name);
	free(r->award);
	free(r->order);
	result_free(&r->result);
	free(r);
}

/* --- places and positions -----------------------------------------------------------------------
 */

static int place_index(const struct rounds *r, int round, int64_t start_s)
{
	return (int)(start_s / r->conf.interval_s % r->places[round]);
}

struct place *place_of(struct rounds *r, int round, int64_t start_s)
{
	return &r->place[r->first[round] + place_index(r, round, start_s)];
}

struct place *book_of(struct rounds *r, int round, int64_t start_s)
{
	struct place *p = place_of(r, round, start_s);
	return p->used && p->start_s == start_s ? p : NULL;
}

static struct position *position_at(const struct rounds *r, int64_t start_s)
{
	return r->positions ? &r->position[start_s / r->conf.interval_s % r->positions] : NULL;
}

int64_t position_of(const struct rounds *r, int64_t start_s, int home)
{
	const struct position *p = position_at(r, start_s);
	return p && p->start_s == start_s ? p->net[home] : 0;
}

void position_add(struct rounds *r, int64_t start_s, int home, int64_t net)
{
	struct position *p = position_at(r, start_s);
	if (!p) {
		return;
	}
	if (p->start_s != start_s) {
		p->start_s = start_s;
		memset(p->net, 0, sizeof(*p->net) * (size_t)r->conf.homes_max);
	}
	p->net[home] += net;
}

/* Returns the book, or NULL where its place is taken by another that is not finished. */
static struct place *open_book(struct rounds *r, int round, int64_t start_s)
{
	struct place *p = place_of(r, round, start_s);
	if (p->used) {
		return p->start_s == start_s ? p : NULL;
	}
	const struct round_conf *c = &r->conf.round[round];
	p->used = true;
	p->round = round;
	p->start_s = start_s;
	p->gate_s = round_gate_s(c, start_s);
	p->opens_s = p->gate_s - c->open_s;
	p->hold_s = p->supply = 0;
	p->arrivals = 0;
	p->bids = 0;
	memset(p->kept, 0, sizeof(*p->kept) * (size_t)r->conf.homes_max);
	return p;
}

/* --- taking up ----------------------------------------------------------------------------------
 */

int rounds_restore_finished(struct rounds *r, int round, int64_t start_s)
{
	int64_t next_s = start_s + r->conf.interval_s;
	r->next_s[round] = next_s > r->next_s[round] ? next_s : r->next_s[round];
	return 0;
}

int rounds_restore_award(struct rounds *r, int64_t start_s, const char *home, int64_t net)
{
	int number = rounds_enter(r, home);
	if (number < 0) {
		return number;
	}
	position_add(r, start_s, number, net);
	return 0;
}

int rounds_restore_bid(struct rounds *r, int round, const struct round_bid *b)
{
	if (b->steps > r->conf.steps_max || rounds_enter(r, b->home) < 0 ||
	    !open_book(r, round, b->start_s)) {
		return -ENOSPC;
	}
	rounds_keep(r, round, b);
	return 0;
}

/* --- bids ---------------------------------------------------------------------------------------
 */

void rounds_advance(struct rounds *r, int64_t now_s)
{
	int64_t coming_s = (now_s / r->conf.interval_s + 1) * r->conf.interval_s;
	for (int i = 0; i < r->conf.rounds; i++) {
		int64_t *next_s = &r->next_s[i];
		*next_s = coming_s > *next_s ? coming_s : *next_s;
		for (int k = 0; k < r->places[i]; k++, *next_s += r->conf.interval_s) {
			int64_t gate_s = round_gate_s(&r->conf.round[i], *next_s);
			if (gate_s - r->conf.round[i].open_s > now_s ||
			    (gate_s > now_s && !open_book(r, i, *next_s))) {
				break;
			}
		}
	}
}

/* The book that takes bids for this interval at this time, or NULL and why there is none. */
static struct place *taking_book(struct rounds *r, int64_t start_s, int64_t at_s,
				 enum bid_verdict *why)
{
	*why = BID_LATE;
	for (int i = 0; i < r->conf.rounds; i++) {
		struct place *p = r->conf.round[i].negotiated ? NULL : book_of(r, i, start_s);
		if (p && p->opens_s <= at_s && at_s < p->gate_s) {
			return p;
		}
		if (round_opens_s(&r->conf.round[i], start_s) > at_s) {
			*why = BID_EARLY;
		}
	}
	return NULL;
}

static bool same_steps(const struct bid_step *a, const struct bid_step *b, int steps)
{
	for (int i = 0; i < steps; i++) {
		if (a[i].quantity != b[i].quantity || a[i].price != b[i].price ||
		    a[i].side != b[i].side) {
			return false;
		}
	}
	return true;
}

static enum bid_verdict judge_revision(const struct rounds *r, const struct place *p, int home,
				       const struct round_bid *b)
{
	const struct kept_bid *kept = &p->kept[home];
	if (kept->revision < b->revision) {
		bool often = r->conf.revisions_max > 0 && kept->count >= r->conf.revisions_max;
		bool taken_back = kept->steps > 0 && b->steps == 0;
		return often && !taken_back ? BID_OFTEN : BID_ACCEPTED;
	}
	if (kept->revision > b->revision) {
		return BID_OLD;
	}
	bool same = kept->steps == b->steps && same_steps(steps_of(r, p, home), b->step, b->steps);
	return same ? BID_REPEATED : BID_CONTRADICTED;
}

static enum bid_verdict judge_steps(const struct home_limits *l, const struct round_bid *b,
				    int64_t net)
{
	int64_t bought = 0, sold = 0;
	for (int i = 0; i < b->steps; i++) {
		const struct bid_step *s = &b->step[i];
		if (s->price < l->price_min || s->price > l->price_max) {
			return BID_PRICE;
		}
		*(s->side == SIDE_BUY ? &bought : &sold) += s->quantity;
	}
	/* Taking a bid back is never too much. */
	bool fits = (bought == 0 || net + bought <= l->import) &&
		    (sold == 0 || sold - net <= l->export);
	return fits ? BID_ACCEPTED : BID_CAPACITY;
}

enum bid_verdict rounds_judge(struct rounds *r, const struct round_bid *b, int64_t at_s, int *round)
{
	enum bid_verdict v;
	const struct home_limits *limits = rounds_limits(r, b->home);
	if (!limits) {
		return BID_STRANGER;
	}
	if (b->start_s <= 0 || b->start_s % r->conf.interval_s != 0) {
		return BID_NO_INTERVAL;
	}
	if (b->start_s <= at_s) {
		return BID_OVER;
	}
	if (b->steps > r->conf.steps_max) {
		return BID_LONG;
	}
	rounds_advance(r, at_s);
	struct place *p = taking_book(r, b->start_s, at_s, &v);
	if (!p) {
		return v;
	}
	int home = rounds_find_home(r, b->home);
	v = home >= 0 ? judge_revision(r, p, home, b) : BID_ACCEPTED;
	if (v == BID_ACCEPTED) {
		v = judge_steps(limits, b, home >= 0 ? position_of(r, b->start_s, home) : 0);
	}
	if (v == BID_ACCEPTED &&
	    (p->arrivals >= INT32_MAX / r->conf.steps_max - 1 || rounds_enter(r, b->home) < 0)) {
		v = BID_CROWDED;
	}
	if (v == BID_ACCEPTED || v == BID_REPEATED) {
		*round = p->round;
	}
	return v;
}

void rounds_keep(struct rounds *r, int round, const struct round_bid *b)
{
	struct place *p = book_of(r, round, b->start_s);
	int home = rounds_find_home(r, b->home);
	assert(p && home >= 0 && b->steps <= r->conf.steps_max);
	struct kept_bid *kept = &p->kept[home];
	p->bids += (b->steps > 0) - (kept->steps > 0);
	*kept = (struct kept_bid){ .revision = b->revision,
				   .steps = b->steps,
				   .count = kept->count + 1,
				   .arrival = p->arrivals++ };
	memcpy(steps_of(r, p, home), b->step, sizeof(*b->step) * (size_t)b->steps);
}

/* --- gates --------------------------------------------------------------------------------------
 */

bool rounds_is_finished(const struct rounds *r, int round, int64_t start_s)
{
	const struct place *p = &r->place[r->first[round] + place_index(r, round, start_s)];
	return start_s < r->next_s[round] && !(p->used && p->start_s == start_s);
}

static int all_places(const struct rounds *r)
{
	int last = r->conf.rounds - 1;
	return r->first[last] + r->places[last];
}

static bool is_before(const struct place *a, const struct place *b)
{
	return a->gate_s != b->gate_s ? a->gate_s < b->gate_s : a->start_s < b->start_s;
}

bool rounds_due(const struct rounds *r, int64_t now_s, int *round, int64_t *start_s)
{
	const struct place *due = NULL;
	for (int i = 0; i < all_places(r); i++) {
		const struct place *p = &r->place[i];
		bool is_due = p->used && p->gate_s <= now_s && p->hold_s <= now_s;
		if (is_due && (!due || is_before(p, due))) {
			due = p;
		}
	}
	if (due) {
		*round = due->round;
		*start_s = due->start_s;
	}
	return due;
}

int64_t rounds_next_s(const struct rounds *r, int64_t now_s)
{
	int64_t next_s = INT64_MAX;
	for (int i = 0; i < all_places(r); i++) {
		const struct place *p = &r->place[i];
		next_s = p->used && p->gate_s > now_s && p->gate_s < next_s ? p->gate_s : next_s;
	}
	for (int i = 0; i < r->conf.rounds; i++) {
		int64_t opens_s = round_opens_s(&r->conf.round[i], r->next_s[i]);
		next_s = opens_s > now_s && opens_s < next_s ? opens_s : next_s;
	}
	return next_s;
}

int64_t rounds_traded(const struct rounds *r, int64_t start_s, int home)
{
	return position_of(r, start_s, home);
}

bool rounds_next_open(const struct rounds *r, int64_t now_s, int *round, int64_t *start_s)
{
	const struct place *next = NULL;
	for (int i = *round; i < r->conf.rounds && !next; i++) {
		for (int k = 0; k < r->places[i] && !r->conf.round[i].negotiated; k++) {
			const struct place *p = &r->place[r->first[i] + k];
			bool open = p->used && p->gate_s > now_s;
			bool follows = i > *round || p->start_s > *start_s;
			if (open && follows && (!next || p->start_s < next->start_s)) {
				next = p;
			}
		}
	}
	if (next) {
		*round = next->round;
		*start_s = next->start_s;
	}
	return next;
}
