/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which intervals are to be settled, and when: once all their readings are there or the wait for
 * them is over, and again whenever a reading comes later. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"
#include "daemon/market/settlement.h"

enum { LOOKS_AN_INTERVAL = 30, SETTLEMENTS_A_TURN = 8 };

static struct account *account_of(struct desk *d, int64_t start_s)
{
	struct account *a = &d->account[start_s / d->market->interval_s % ACCOUNTS_MAX];
	if (a->start_s != start_s) {
		*a = (struct account){ .start_s = start_s };
	}
	return a;
}

void account_touch(struct desk *d, int64_t start_s)
{
	account_of(d, start_s)->changed = true;
	d->account_look_s = 0;
}

void account_restore_balance(struct desk *d, int64_t start_s, int64_t sequence)
{
	struct account *a = account_of(d, start_s);
	a->settled = true;
	a->balance = sequence > a->balance ? sequence : a->balance;
}

void account_restore(struct desk *d, int64_t start_s, int64_t sequence)
{
	if (sequence > account_of(d, start_s)->balance) {
		account_touch(d, start_s);
	}
}

static int32_t millionths(double price)
{
	return (int32_t)lround(price * MILLION);
}

static int read_terms(const struct ledger_entry *e, void *argument)
{
	struct settlement_order *s = argument;
	struct fact_balance b;
	char why[FACT_WHY_MAX];
	int r = fact_balance_read(e->text, &b, why);
	if (r == 0) {
		s->terms = b.terms;
		memcpy(s->currency, b.currency, sizeof(s->currency));
	}
	return r;
}

/* What was settled once is corrected at the prices and by the rule it was settled at, whatever the
 * configuration says by now. */
static int keep_terms(struct desk *d, struct settlement_order *s)
{
	const struct ledger_query q = { .kind = LEDGER_BALANCE,
					.from_s = s->interval_s,
					.to_s = s->interval_s + 1 };
	return ledger_each(d->ledger, &q, read_terms, s);
}

static struct settlement_order order_of(struct desk *d, int64_t start_s, int64_t now_s)
{
	const struct market_conf *m = d->market;
	struct settlement_order s = {
		.interval_s = start_s,
		.length_s = m->interval_s,
		.made_s = now_s,
		.terms = { .rule = (enum settle_rule)m->settle_rule,
			   .utility_buy = desk_price(d, &m->tariff.buy, start_s),
			   .utility_sell = desk_price(d, &m->tariff.sell, start_s),
			   .network_fee = desk_price(d, &m->tariff.network, start_s),
			   .local_fee = millionths(m->local_charge),
			   .penalty = millionths(m->penalty) },
		.member = d->member,
		.members = rounds_homes(d->rounds),
	};
	memcpy(s.currency, m->tariff.currency, sizeof(s.currency));
	for (int i = 0; i < s.members; i++) {
		d->member[i] = rounds_home_id(d->rounds, i);
	}
	return s;
}

/* Whether its time has come: all are metered, or were waited for long enough. */
static bool is_ripe(struct desk *d, const struct account *a, const struct settlement_order *s,
		    int64_t now_s)
{
	int64_t end_s = a->start_s + d->market->interval_s;
	struct settlement_outlook seen;
	if (a->settled || now_s >= end_s + (int64_t)d->market->meter_wait_s) {
		return true;
	}
	return settlement_look(d->ledger, s, &seen) == 0 && seen.metered == seen.homes;
}

/* Returns whether it was settled. */
static bool settle(struct desk *d, struct account *a, int64_t now_s)
{
	char why[FACT_WHY_MAX] = "";
	struct settlement_order s = order_of(d, a->start_s, now_s);
	a->look_s = now_s + d->market->interval_s / LOOKS_AN_INTERVAL;
	if (!is_ripe(d, a, &s, now_s)) {
		return false;
	}
	int r = a->settled ? keep_terms(d, &s) : 0;
	r = r < 0 ? r : settlement_append(d->ledger, &s, why, sizeof(why));
	int kept = r < 0 ? r : ledger_commit(d->ledger);
	if (kept < 0) {
		ledger_rollback(d->ledger);
		log_warning("settlement: %s: tried again later", *why ? why : strerror(-kept));
		return false;
	}
	d->counts.settled += r > 0;
	a->changed = false;
	a->settled = true;
	return true;
}

void account_settle(struct desk *d, int64_t now_s)
{
	if (now_s < d->account_look_s) {
		return;
	}
	d->account_look_s = now_s + d->market->interval_s / LOOKS_AN_INTERVAL;
	int settled = 0;
	for (int i = 0; i < ACCOUNTS_MAX; i++) {
		struct account *a = &d->account[i];
		bool over = a->changed && a->start_s + d->market->interval_s <= now_s;
		if (!over || a->look_s > now_s) {
			continue;
		}
		settled += settle(d, a, now_s);
		if (settled == SETTLEMENTS_A_TURN) {
			d->account_look_s = 0; /* the rest with the next turn */
			return;
		}
	}
}
