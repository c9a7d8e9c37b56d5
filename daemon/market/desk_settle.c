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

void account_touch(struct desk *o, int64_t start_s)
{
	struct account *a = &o->account[start_s / o->market->interval_s % ACCOUNTS_MAX];
	if (a->start_s != start_s) {
		*a = (struct account){ .start_s = start_s };
	}
	a->changed = true;
	o->account_look_s = 0;
}

static int32_t millionths(double price)
{
	return (int32_t)lround(price * MILLION);
}

static struct settlement_order order_of(struct desk *o, int64_t start_s, int64_t now_s)
{
	const struct market_conf *m = o->market;
	struct settlement_order s = {
		.interval_s = start_s,
		.length_s = m->interval_s,
		.made_s = now_s,
		.terms = { .rule = (enum settle_rule)m->settle_rule,
			   .utility_buy = desk_price(o, &m->tariff.buy, start_s),
			   .utility_sell = desk_price(o, &m->tariff.sell, start_s),
			   .network_fee = desk_price(o, &m->tariff.network, start_s),
			   .local_fee = millionths(m->local_charge),
			   .penalty = millionths(m->penalty) },
		.member = o->member,
		.members = rounds_homes(o->rounds),
	};
	memcpy(s.currency, m->tariff.currency, sizeof(s.currency));
	for (int i = 0; i < s.members; i++) {
		o->member[i] = rounds_home_id(o->rounds, i);
	}
	return s;
}

/* Whether its time has come: all are metered, or were waited for long enough. */
static bool is_ripe(struct desk *o, const struct account *a, const struct settlement_order *s,
		    int64_t now_s)
{
	int64_t end_s = a->start_s + o->market->interval_s;
	struct settlement_outlook seen;
	if (a->settled || now_s >= end_s + (int64_t)o->market->meter_wait_s) {
		return true;
	}
	return settlement_look(o->ledger, s, &seen) == 0 && seen.metered == seen.homes;
}

/* Returns whether it was settled. */
static bool settle(struct desk *o, struct account *a, int64_t now_s)
{
	char why[FACT_WHY_MAX] = "";
	struct settlement_order s = order_of(o, a->start_s, now_s);
	a->look_s = now_s + o->market->interval_s / LOOKS_AN_INTERVAL;
	if (!is_ripe(o, a, &s, now_s)) {
		return false;
	}
	int r = settlement_append(o->ledger, &s, why, sizeof(why));
	int kept = r < 0 ? r : ledger_commit(o->ledger);
	if (kept < 0) {
		ledger_rollback(o->ledger);
		log_warning("settlement: %s: tried again later", *why ? why : strerror(-kept));
		return false;
	}
	o->counts.settled += r > 0;
	a->changed = false;
	a->settled = true;
	return true;
}

void account_settle(struct desk *o, int64_t now_s)
{
	if (now_s < o->account_look_s) {
		return;
	}
	o->account_look_s = now_s + o->market->interval_s / LOOKS_AN_INTERVAL;
	int settled = 0;
	for (int i = 0; i < ACCOUNTS_MAX; i++) {
		struct account *a = &o->account[i];
		bool over = a->changed && a->start_s + o->market->interval_s <= now_s;
		if (!over || a->look_s > now_s) {
			continue;
		}
		settled += settle(o, a, now_s);
		if (settled == SETTLEMENTS_A_TURN) {
			o->account_look_s = 0; /* the rest with the next turn */
			return;
		}
	}
}
