/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/bill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/facts.h"

enum { ROOM_MIN = 1024 };

struct reading {
	struct bill *b;
	int64_t last_s; /* the interval of the balance before; INT64_MIN: none */
	char *why;
	size_t size;
};

static int unreadable(struct reading *r, const struct ledger_entry *e, const char *what)
{
	snprintf(r->why, r->size, "entry %" PRId64 ": %s", e->sequence, what);
	return -EBADMSG;
}

static void note_broken(struct bill *b, const struct ledger_entry *e)
{
	if (!e->intact && (b->broken == 0 || e->sequence < b->broken)) {
		b->broken = e->sequence;
	}
}

static int take_balance(const struct ledger_entry *e, void *argument)
{
	struct reading *r = argument;
	struct bill *b = r->b;
	struct fact_balance balance;
	char why[FACT_WHY_MAX];
	if (fact_balance_read(e->text, &balance, why) < 0) {
		return unreadable(r, e, why);
	}
	if (*b->currency && strcmp(b->currency, balance.currency) != 0) {
		return unreadable(r, e, "another currency than before it");
	}
	note_broken(b, e);
	memcpy(b->currency, balance.currency, sizeof(b->currency));
	b->settled += e->interval_s != r->last_s;
	r->last_s = e->interval_s;
	b->length_s = balance.length_s;
	b->metered_rule += balance.terms.rule == SETTLE_METERED;
	b->traded_rule += balance.terms.rule == SETTLE_TRADED;
	return 0;
}

/* A later revision takes the place of the one before it. */
static struct bill_row *row_of(struct bill *b, int64_t interval_s)
{
	if (b->rows > 0 && b->row[b->rows - 1].interval_s == interval_s) {
		return &b->row[b->rows - 1];
	}
	if (b->rows == b->room) {
		int room = b->room ? 2 * b->room : ROOM_MIN;
		struct bill_row *more = realloc(b->row, (size_t)room * sizeof(*more));
		if (!more) {
			return NULL;
		}
		b->row = more;
		b->room = room;
	}
	return &b->row[b->rows++];
}

static int take_line(const struct ledger_entry *e, void *argument)
{
	struct reading *r = argument;
	char why[FACT_WHY_MAX];
	struct bill_row row = { .interval_s = e->interval_s, .revision = e->revision };
	if (fact_line_read(e->text, &row.line, why) < 0) {
		return unreadable(r, e, why);
	}
	struct bill_row *to = row_of(r->b, e->interval_s);
	if (!to) {
		return -ENOMEM;
	}
	note_broken(r->b, e);
	*to = row;
	return 0;
}

static void add_line(struct settle_line *to, const struct settle_line *l)
{
	to->import += l->import;
	to->export += l->export;
	to->bought += l->bought;
	to->paid += l->paid;
	to->sold += l->sold;
	to->received += l->received;
	to->not_taken += l->not_taken;
	to->not_given += l->not_given;
	to->from_utility += l->from_utility;
	to->utility_cost += l->utility_cost;
	to->to_utility += l->to_utility;
	to->utility_gain += l->utility_gain;
	to->fees += l->fees;
	to->penalty += l->penalty;
	to->total += l->total;
	to->alone += l->alone;
}

int bill_read(struct ledger *l, const char *home, int64_t from_s, int64_t to_s, struct bill *b,
	      char *why, size_t size)
{
	struct reading reading = { .b = b, .last_s = INT64_MIN, .why = why, .size = size };
	struct ledger_query q = {
		.kind = LEDGER_BALANCE, .from_s = from_s, .to_s = to_s, .check = true
	};
	*b = (struct bill){ .from_s = from_s, .to_s = to_s };
	snprintf(b->home, sizeof(b->home), "%s", home);
	snprintf(why, size, "its entries cannot be read");
	int r = ledger_head(l, &b->head_sequence, b->head);
	r = r ? r : ledger_each(l, &q, take_balance, &reading);
	q.kind = LEDGER_SETTLEMENT;
	q.home = home;
	r = r ? r : ledger_each(l, &q, take_line, &reading);
	for (int i = 0; i < b->rows; i++) {
		add_line(&b->sum, &b->row[i].line);
		b->estimated += b->row[i].line.estimated;
		b->corrected += b->row[i].revision > 0;
	}
	b->expected = b->length_s > 0 ? (to_s - from_s) / b->length_s : 0;
	return r ? r : b->rows > 0 ? 0 : -ENOENT;
}

void bill_free(struct bill *b)
{
	free(b->row);
	*b = (struct bill){ 0 };
}
