/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/overdue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/market/records.h"

enum { DAY_S = 86400, WAIT_MAX_S = 7 * DAY_S, LENGTH_MAX_S = 3600, ROOM_MIN = 1024 };

struct search {
	int64_t *settled; /* intervals, ascending */
	size_t count, room;
	int64_t wait_s, length_s; /* 0: no tariff tells */
	int64_t last_s;           /* the interval that was looked at last */
	struct overdue found;
	struct ledger_fault *fault;
};

static void come_to(struct search *s, const struct ledger_entry *e)
{
	s->found.by_s = e->made_s > s->found.by_s ? e->made_s : s->found.by_s;
}

static int accuse(struct search *s, const struct ledger_entry *e, const char *why)
{
	s->fault->sequence = e->sequence;
	snprintf(s->fault->what, sizeof(s->fault->what), "%s", why);
	return -EBADMSG;
}

/* Earlier markets told neither. */
static int take_tariff(const struct ledger_entry *e, void *argument)
{
	struct search *s = argument;
	struct json_in in;
	int64_t wait_s = 0, length_s = 0;
	int r = json_parse(&in, e->text, strlen(e->text));
	if (r == 0 && json_has(in.root, "meter_wait_s")) {
		r = json_get_integer(&in, in.root, "meter_wait_s", 0, WAIT_MAX_S, &wait_s);
		r = r < 0 ? r
			  : json_get_integer(&in, in.root, "length_s", 1, LENGTH_MAX_S, &length_s);
	}
	r = r < 0 ? accuse(s, e, in.why) : 0;
	json_free(&in);
	s->wait_s = wait_s > s->wait_s ? wait_s : s->wait_s;
	s->length_s = length_s > s->length_s ? length_s : s->length_s;
	return r;
}

static int take_balance(const struct ledger_entry *e, void *argument)
{
	struct search *s = argument;
	come_to(s, e);
	if (s->count > 0 && s->settled[s->count - 1] == e->interval_s) {
		return 0;
	}
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : ROOM_MIN;
		int64_t *more = realloc(s->settled, room * sizeof(*more));
		if (!more) {
			return -ENOMEM;
		}
		s->settled = more;
		s->room = room;
	}
	s->settled[s->count++] = e->interval_s;
	return 0;
}

static int see_clearing(const struct ledger_entry *e, void *argument)
{
	come_to(argument, e);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static bool is_settled(const struct search *s, int64_t interval_s)
{
	return s->count > 0 &&
	       bsearch(&interval_s, s->settled, s->count, sizeof(*s->settled), by_time);
}

/* The market looks at what is due several times an interval: one interval more is late. */
static int judge_clearing(const struct ledger_entry *e, void *argument)
{
	struct search *s = argument;
	bool awarded;
	char why[FACT_WHY_MAX];
	if (record_clearing_read_awarded(e->text, &awarded, why) < 0) {
		return accuse(s, e, why);
	}
	int64_t due_s = e->interval_s + 2 * s->length_s + s->wait_s;
	if (!awarded || e->interval_s == s->last_s || due_s >= s->found.by_s ||
	    is_settled(s, e->interval_s)) {
		return 0;
	}
	s->last_s = e->interval_s;
	if (s->found.named < OVERDUE_NAMED_MAX) {
		s->found.interval_s[s->found.named++] = e->interval_s;
	}
	s->found.intervals++;
	return 0;
}

int overdue_find(struct ledger *l, struct overdue *out, struct ledger_fault *fault)
{
	struct search s = { .last_s = INT64_MIN, .fault = fault };
	const struct {
		enum ledger_kind kind;
		int (*each)(const struct ledger_entry *e, void *argument);
	} steps[] = {
		{ LEDGER_TARIFF, take_tariff },
		{ LEDGER_BALANCE, take_balance },
		{ LEDGER_CLEARING, see_clearing },
		{ LEDGER_CLEARING, judge_clearing },
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(*steps); i++) {
		const struct ledger_query q = { .kind = steps[i].kind,
						.from_s = INT64_MIN,
						.to_s = INT64_MAX };
		r = ledger_each(l, &q, steps[i].each, &s);
		if (steps[i].kind == LEDGER_TARIFF && s.length_s == 0) {
			s.wait_s = WAIT_MAX_S;
			s.length_s = LENGTH_MAX_S;
		}
	}
	free(s.settled);
	if (r == 0) {
		*out = s.found;
		out->wait_s = s.wait_s;
	}
	return r;
}
