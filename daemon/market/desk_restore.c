/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of the rounds, from what the ledger holds: which books are finished, what was awarded,
 * which bids wait for a gate, which intervals for their settlement. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config.h"
#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"
#include "daemon/market/upstream.h"

enum { DAY_S = 86400, BEHIND_S = 2 * DAY_S };

/* A bid as it stands, to be taken up in the order it came. */
struct old_bid {
	int64_t sequence;
	int round; /* -1: the configuration has it no more */
	char round_name[LEDGER_NAME_MAX];
	struct round_bid bid;
};

struct restoration {
	struct desk *desk;
	int64_t now_s;
	struct old_bid *bid;
	size_t bids, room;
	char *why;
	size_t size;
};

static int round_of(const struct desk *d, const char *name)
{
	for (int i = 0; i < d->market->rounds.rounds; i++) {
		if (strcmp(d->market->rounds.round[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

/* Rounds that the configuration has no more are history, but for what is to be settled of them:
 * also of a time before a market was away for long. */
static int restore_clearing(const struct ledger_entry *e, void *argument)
{
	struct restoration *r = argument;
	int round = round_of(r->desk, e->round);
	bool awarded;
	if (round >= 0) {
		(void)rounds_restore_finished(r->desk->rounds, round, e->interval_s);
	}
	int x = record_clearing_read_awarded(e->text, &awarded, r->why);
	if (x == 0 && awarded) {
		account_restore(r->desk, e->interval_s, e->sequence);
	}
	return x;
}

static int restore_award(const struct ledger_entry *e, void *argument)
{
	struct restoration *r = argument;
	struct fact_award a;
	int x = fact_award_read(e->text, &a, r->why);
	if (x == 0 && upstream_is_account(e->home)) {
		above_restore_award(r->desk, e->home, e->interval_s, &a);
	} else if (x == 0) {
		x = rounds_restore_award(r->desk->rounds, e->interval_s, e->home,
					 a.bought - a.sold);
	}
	if (x == 0) {
		account_restore(r->desk, e->interval_s, e->sequence);
	}
	return x == -ENOSPC ? 0 : x; /* a home that is none of ours any more */
}

static int restore_balance(const struct ledger_entry *e, void *argument)
{
	struct restoration *r = argument;
	account_restore_balance(r->desk, e->interval_s, e->sequence);
	return 0;
}

static int restore_reading(const struct ledger_entry *e, void *argument)
{
	struct restoration *r = argument;
	if (!upstream_is_account(e->home)) {
		(void)rounds_enter(r->desk->rounds, e->home);
	}
	account_restore(r->desk, e->interval_s, e->sequence);
	return 0;
}

/* The latest revision of each home, as they are ordered; those of finished books are not needed. */
static int restore_bid(const struct ledger_entry *e, void *argument)
{
	struct restoration *r = argument;
	int round = round_of(r->desk, e->round);
	if (upstream_is_account(e->home)) {
		above_restore_bid(r->desk, e->home, e->interval_s);
		return 0;
	}
	if (round < 0 ? e->interval_s <= r->now_s
		      : rounds_is_finished(r->desk->rounds, round, e->interval_s)) {
		return 0;
	}
	if (r->bids == r->room) {
		size_t room = r->room ? 2 * r->room : 256;
		void *wider = realloc(r->bid, room * sizeof(*r->bid));
		if (!wider) {
			return -ENOMEM;
		}
		r->bid = wider;
		r->room = room;
	}
	struct old_bid *b = &r->bid[r->bids];
	*b = (struct old_bid){ .sequence = e->sequence, .round = round };
	b->bid.start_s = e->interval_s;
	b->bid.revision = (int32_t)e->revision;
	memcpy(b->round_name, e->round, sizeof(b->round_name));
	if (config_parse_name(e->home, b->bid.home, sizeof(b->bid.home))) {
		return -EBADMSG; /* none of ours ever had such a name */
	}
	r->bids++;
	return record_bid_read(e->text, &b->bid, r->why);
}

static int by_sequence(const void *a, const void *b)
{
	const struct old_bid *x = a, *y = b;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* A bid of a round that is gone is history only where its book was cleared. */
static int check_gone(struct restoration *r, const struct old_bid *b)
{
	struct ledger_entry which = { .kind = LEDGER_CLEARING, .interval_s = b->bid.start_s };
	memcpy(which.round, b->round_name, sizeof(which.round));
	int x = ledger_find(r->desk->ledger, &which, r->desk->text, sizeof(r->desk->text));
	if (x != -ENOENT) {
		return x;
	}
	snprintf(r->why, r->size,
		 "%s has an open bid in the round %s, expected that the configuration keeps it "
		 "until its bids are cleared",
		 b->bid.home, b->round_name);
	return -EINVAL;
}

static int put_bids(struct restoration *r)
{
	if (r->bids > 0) {
		qsort(r->bid, r->bids, sizeof(*r->bid), by_sequence);
	}
	for (size_t i = 0; i < r->bids; i++) {
		const struct old_bid *b = &r->bid[i];
		if (b->round < 0) {
			int x = check_gone(r, b);
			if (x < 0) {
				return x;
			}
			continue;
		}
		if (rounds_restore_bid(r->desk->rounds, b->round, &b->bid) < 0) {
			snprintf(r->why, r->size,
				 "%s has an open bid of revision %d that the rounds have no room "
				 "for, expected no fewer homes and orders and no shorter rounds",
				 b->bid.home, (int)b->bid.revision);
			return -EINVAL;
		}
	}
	return 0;
}

int desk_restore(struct desk *d, int64_t now_s, char *why, size_t size)
{
	struct restoration r = { .desk = d, .now_s = now_s, .why = why, .size = size };
	int64_t wait_s = (int64_t)d->market->meter_wait_s + BEHIND_S;
	const struct {
		enum ledger_kind kind;
		int64_t from_s;
		int (*each)(const struct ledger_entry *e, void *argument);
	} steps[] = {
		{ LEDGER_BALANCE, now_s - READING_AGE_S, restore_balance },
		{ LEDGER_CLEARING, now_s - READING_AGE_S, restore_clearing },
		{ LEDGER_AWARD, now_s - wait_s, restore_award },
		{ LEDGER_METER, now_s - wait_s, restore_reading },
		{ LEDGER_BID, now_s - BEHIND_S, restore_bid },
	};
	int x = 0;
	snprintf(why, size, "the ledger cannot be read");
	for (size_t i = 0; x == 0 && i < sizeof(steps) / sizeof(*steps); i++) {
		const struct ledger_query q = { .kind = steps[i].kind,
						.from_s = steps[i].from_s,
						.to_s = INT64_MAX };
		x = ledger_each(d->ledger, &q, steps[i].each, &r);
	}
	x = x < 0 ? x : put_bids(&r);
	if (x == 0) {
		above_restored(d);
	}
	if (x == 0 && r.bids > 0) {
		log_info("ledger: %zu bids of open rounds taken up", r.bids);
	}
	free(r.bid);
	return x;
}
