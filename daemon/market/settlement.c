/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/settlement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/upstream.h"

enum { ROOM_MIN = 64 };

/* --- an interval from the ledger ---------------------------------------------------------------
 */

/* Where a reader of entries puts them, and what it could not read. */
struct collector {
	struct settlement_book *b;
	int64_t upto; /* entries behind it are not looked at */
	char *why;
	size_t size;
};

/* A new record of a home, of which there may be several until they are merged. */
static struct settlement_home *add(struct settlement_book *b, const char *home)
{
	if (b->homes == b->room) {
		int room = b->room ? 2 * b->room : ROOM_MIN;
		struct settlement_home *more = realloc(b->home, (size_t)room * sizeof(*b->home));
		if (!more) {
			return NULL;
		}
		b->home = more;
		b->room = room;
	}
	struct settlement_home *h = &b->home[b->homes++];
	*h = (struct settlement_home){ .revision = -1, .meter_revision = -1 };
	snprintf(h->home, sizeof(h->home), "%s", home);
	h->in.above = upstream_is_account(home);
	return h;
}

static int unreadable(struct collector *c, const struct ledger_entry *e, const char *what)
{
	snprintf(c->why, c->size, "entry %" PRId64 ": %s", e->sequence, what);
	return -EBADMSG;
}

static int take_award(const struct ledger_entry *e, void *argument)
{
	struct collector *c = argument;
	struct fact_award award;
	char why[FACT_WHY_MAX];
	if (e->sequence > c->upto) {
		return 0;
	}
	if (fact_award_read(e->text, &award, why) < 0) {
		return unreadable(c, e, why);
	}
	struct settlement_home *h = add(c->b, e->home);
	if (!h) {
		return -ENOMEM;
	}
	h->in.bought = award.bought;
	h->in.paid = award.paid;
	h->in.sold = award.sold;
	h->in.received = award.received;
	h->in.grid_cost = award.grid_cost.micro;
	h->cost_sequence = award.grid_cost.is ? e->sequence : 0;
	return 0;
}

static int take_meter(const struct ledger_entry *e, void *argument)
{
	struct collector *c = argument;
	struct fact_meter meter;
	char why[FACT_WHY_MAX];
	if (e->sequence > c->upto) {
		return 0;
	}
	if (fact_meter_read(e->text, &meter, why) < 0) {
		return unreadable(c, e, why);
	}
	struct settlement_home *h = add(c->b, e->home);
	if (!h) {
		return -ENOMEM;
	}
	h->meter_revision = e->revision;
	h->in.metered = true;
	h->in.import = meter.import;
	h->in.export = meter.export;
	return 0;
}

static int take_line(const struct ledger_entry *e, void *argument)
{
	struct collector *c = argument;
	struct settle_line line;
	char why[FACT_WHY_MAX];
	if (e->sequence > c->upto) {
		return 0;
	}
	if (fact_line_read(e->text, &line, why) < 0) {
		return unreadable(c, e, why);
	}
	struct settlement_home *h = add(c->b, e->home);
	if (!h) {
		return -ENOMEM;
	}
	h->revision = e->revision;
	h->line = line;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct settlement_home *x = a, *y = b;
	return strcmp(x->home, y->home);
}

/* Awards add up; of readings, lines and what the grid's operator told the latest counts. */
static void merge(struct settlement_home *to, const struct settlement_home *from)
{
	to->in.bought += from->in.bought;
	to->in.paid += from->in.paid;
	to->in.sold += from->in.sold;
	to->in.received += from->in.received;
	if (from->cost_sequence > to->cost_sequence) {
		to->cost_sequence = from->cost_sequence;
		to->in.grid_cost = from->in.grid_cost;
	}
	if (from->meter_revision > to->meter_revision) {
		to->meter_revision = from->meter_revision;
		to->in.metered = true;
		to->in.import = from->in.import;
		to->in.export = from->in.export;
	}
	if (from->revision > to->revision) {
		to->revision = from->revision;
		to->line = from->line;
	}
}

/* One record for each home, by name. */
static void merge_all(struct settlement_book *b)
{
	int kept = 0;
	if (b->homes > 0) {
		qsort(b->home, (size_t)b->homes, sizeof(*b->home), by_name);
	}
	for (int i = 0; i < b->homes; i++) {
		if (kept > 0 && strcmp(b->home[kept - 1].home, b->home[i].home) == 0) {
			merge(&b->home[kept - 1], &b->home[i]);
		} else {
			b->home[kept++] = b->home[i];
		}
	}
	b->homes = kept;
}

static const struct {
	enum ledger_kind kind;
	int (*take)(const struct ledger_entry *e, void *argument);
} sources[] = {
	{ LEDGER_AWARD, take_award },
	{ LEDGER_METER, take_meter },
	{ LEDGER_SETTLEMENT, take_line },
};

int settlement_read(struct ledger *l, int64_t interval_s, int64_t upto, struct settlement_book *b,
		    char *why, size_t size)
{
	struct collector c = { b, upto, why, size };
	int r = 0;
	b->homes = 0;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && r == 0; i++) {
		const struct ledger_query q = { .kind = sources[i].kind,
						.from_s = interval_s,
						.to_s = interval_s + 1 };
		snprintf(why, size, "%s entries cannot be read", ledger_kind_name(q.kind));
		r = ledger_each(l, &q, sources[i].take, &c);
	}
	merge_all(b);
	return r;
}

void settlement_free(struct settlement_book *b)
{
	free(b->home);
	*b = (struct settlement_book){ 0 };
}

int settlement_work_out(struct settlement_book *b, const struct settle_terms *t,
			struct settle_balance *out)
{
	size_t homes = (size_t)(b->homes > 0 ? b->homes : 1);
	struct settle_home *in = calloc(homes, sizeof(*in));
	struct settle_line *line = calloc(homes, sizeof(*line));
	int r = in && line ? 0 : -ENOMEM;
	for (int i = 0; i < b->homes && r == 0; i++) {
		in[i] = b->home[i].in;
	}
	r = r ? r : settle_interval(t, in, b->homes, line, out);
	for (int i = 0; i < b->homes && r == 0; i++) {
		b->home[i].due = line[i];
	}
	free(in);
	free(line);
	return r;
}

/* The same, with the members. */
static int gather(struct ledger *l, const struct settlement_order *o, struct settlement_book *b,
		  char *why, size_t size)
{
	int r = settlement_read(l, o->interval_s, INT64_MAX, b, why, size);
	for (int i = 0; i < o->members && r == 0; i++) {
		r = add(b, o->member[i]) ? 0 : -ENOMEM;
	}
	merge_all(b);
	return r;
}

int settlement_look(struct ledger *l, const struct settlement_order *o,
		    struct settlement_outlook *out)
{
	struct settlement_book b = { 0 };
	char why[FACT_WHY_MAX];
	int r = gather(l, o, &b, why, sizeof(why));
	struct settlement_outlook seen = { .homes = b.homes };
	for (int i = 0; i < b.homes; i++) {
		seen.metered += b.home[i].in.metered;
	}
	settlement_free(&b);
	if (r == 0) {
		*out = seen;
	}
	return r;
}

/* --- and into it ---------------------------------------------------------------------------------
 */

/* The revision that comes next, and the text of the last one (room for FACT_TEXT_MAX). */
struct last_balance {
	int64_t next;
	char text[FACT_TEXT_MAX];
};

static int take_balance(const struct ledger_entry *e, void *argument)
{
	struct last_balance *last = argument;
	last->next = e->revision + 1;
	snprintf(last->text, sizeof(last->text), "%s", e->text);
	return 0;
}

/* Returns 1 where it was appended, 0 where it stands already. */
static int append(struct ledger *l, const struct settlement_order *o, enum ledger_kind kind,
		  const char *home, int64_t revision, const char *text)
{
	struct ledger_entry e = { .made_s = o->made_s,
				  .kind = kind,
				  .interval_s = o->interval_s,
				  .revision = revision,
				  .text = text };
	snprintf(e.home, sizeof(e.home), "%s", home);
	int r = ledger_append(l, &e);
	return r == 0 ? 1 : r == -EEXIST ? 0 : r;
}

/* The line where it is not as it was. */
static int append_line(struct ledger *l, const struct settlement_order *o,
		       const struct settlement_home *h, int64_t revision)
{
	char text[FACT_TEXT_MAX], was[FACT_TEXT_MAX] = "";
	if (fact_line_write(&h->due, text, sizeof(text)) < 0 ||
	    (h->revision >= 0 && fact_line_write(&h->line, was, sizeof(was)) < 0)) {
		return -ENOBUFS;
	}
	return strcmp(text, was) == 0 ? 0
				      : append(l, o, LEDGER_SETTLEMENT, h->home, revision, text);
}

static int append_all(struct ledger *l, const struct settlement_order *o,
		      const struct settlement_book *b, const struct settle_balance *sums)
{
	const struct ledger_query q = { .kind = LEDGER_BALANCE,
					.from_s = o->interval_s,
					.to_s = o->interval_s + 1 };
	struct fact_balance balance = { .length_s = o->length_s, .terms = o->terms, .sums = *sums };
	struct last_balance last = { 0 };
	char text[FACT_TEXT_MAX];
	int appended = 0;
	int r = ledger_each(l, &q, take_balance, &last);
	for (int i = 0; i < b->homes && r >= 0; i++) {
		r = append_line(l, o, &b->home[i], last.next);
		appended += r > 0;
	}
	memcpy(balance.currency, o->currency, sizeof(balance.currency));
	if (r >= 0 && fact_balance_write(&balance, text, sizeof(text)) < 0) {
		r = -ENOBUFS;
	}
	if (r >= 0 && (appended > 0 || strcmp(text, last.text) != 0)) {
		r = append(l, o, LEDGER_BALANCE, "", last.next, text);
		appended += r > 0;
	}
	return r < 0 ? r : appended;
}

int settlement_append(struct ledger *l, const struct settlement_order *o, char *why, size_t size)
{
	struct settlement_book b = { 0 };
	struct settle_balance sums;
	int r = gather(l, o, &b, why, size);
	if (r == 0) {
		snprintf(why, size, "it cannot be settled");
		r = settlement_work_out(&b, &o->terms, &sums);
	}
	if (r == 0) {
		snprintf(why, size, "it cannot be written");
		r = append_all(l, o, &b, &sums);
	}
	settlement_free(&b);
	return r;
}
