/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the market above says: its tariff, receipts, awards. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_upstream.h"

static int take_tariff(struct desk *d, const char *payload, size_t length, char *why)
{
	struct above *a = d->above;
	int r = upstream_check_tariff(d->market, payload, length, why);
	a->fits = r == 0;
	if (r < 0) {
		snprintf(a->tariff_why, sizeof(a->tariff_why), "%s", why);
	}
	return r;
}

/* A refusal counts where nothing else can have been accepted before it: not of a bid that was said
 * twice, of which one came too late; and not one of a reason that passes. */
static void hear_of_bid(struct desk *d, struct above_book *b, const struct upstream_receipt *r)
{
	if (!above_is_open(b)) {
		return;
	}
	if (r->accepted) {
		b->acknowledged = true;
	} else if (!b->acknowledged && b->said == 1 && !r->again) {
		b->refused = true;
		log_warning("market above: refused the bid: %s: the community trades alone",
			    r->reason);
		(void)rounds_hold(d->rounds, d->above->conf->round, b->start_s, 0);
	}
}

static void hear_of_reading(struct above_book *b, const struct upstream_receipt *r)
{
	if (!r->accepted && !r->again && !b->metered) {
		log_warning("market above: refused a reading: %s", r->reason);
	}
	b->metered |= r->accepted || !r->again;
}

static int take_receipt(struct desk *d, const char *payload, size_t length, char *why)
{
	struct upstream_receipt receipt;
	int r = upstream_read_receipt(d->market, payload, length, &receipt, why);
	struct above_book *b = r < 0 ? NULL : above_book_of(d, receipt.start_s);
	if (b && receipt.reading) {
		hear_of_reading(b, &receipt);
	} else if (b) {
		hear_of_bid(d, b, &receipt);
	}
	return r;
}

/* Whether it is within what was offered. */
static bool is_offered(const struct round_bid *bid, const struct fact_award *a)
{
	int64_t buys = 0, sells = 0;
	for (int i = 0; i < bid->steps; i++) {
		*(bid->step[i].side == SIDE_BUY ? &buys : &sells) += bid->step[i].quantity;
	}
	return a->bought <= buys && a->sold <= sells;
}

/* What it gave us it sold, and what that costs the grid above is part of its price. */
static struct fact_award mirror(const struct fact_award *a)
{
	return (struct fact_award){ .bought = a->sold,
				    .paid = a->received,
				    .sold = a->bought,
				    .received =
					    a->paid + (a->grid_cost.is ? a->grid_cost.micro : 0) };
}

/* The award, and what passed by it: a trade above is kept to the letter. */
static int write_award(struct desk *d, int64_t start_s, const struct fact_award *account,
		       int64_t now_s)
{
	const struct fact_meter passed = { .import = account->bought, .export = account->sold };
	(void)fact_award_write(account, d->text, sizeof(d->text));
	int r = above_append(d, LEDGER_AWARD, start_s, 0, d->text, now_s);
	(void)fact_meter_write(&passed, d->text, sizeof(d->text));
	int m = r == 0 ? above_append(d, LEDGER_METER, start_s, 0, d->text, now_s) : r;
	r = m < 0 ? m : ledger_commit(d->ledger);
	if (r < 0) {
		ledger_rollback(d->ledger);
	}
	return r;
}

void above_supply(struct desk *d, struct above_book *b)
{
	const struct fact_award *a = &b->award;
	int64_t net = a->sold - a->bought;
	int64_t energy = net > 0 ? a->sold : a->bought;
	int64_t money = net > 0 ? a->received : a->paid;
	int32_t price = energy > 0 ? (int32_t)money_divide((wide)money * MILLION, energy) : 0;
	int round = d->above->conf->round;
	if (b->alone || rounds_supply(d->rounds, round, b->start_s, net, price) < 0) {
		if (net != 0) {
			log_warning("market above: an award came too late: its %g kWh are the "
				    "market's own, with the utility",
				    (double)net / MILLION);
		}
		return;
	}
	(void)rounds_hold(d->rounds, round, b->start_s, 0);
}

static int take_award(struct desk *d, const char *payload, size_t length, int64_t at_s, char *why)
{
	int64_t start_s;
	struct fact_award award;
	struct round_bid bid;
	int r = upstream_read_award(d->market, payload, length, &start_s, &award, why);
	if (r < 0) {
		return r;
	}
	struct above_book *b = above_book_of(d, start_s);
	if (!b || above_read_bid(d, start_s, &bid) < 0 || !is_offered(&bid, &award)) {
		snprintf(why, MESSAGE_WHY_MAX, "%s",
			 b ? "bought_kwh, sold_kwh: more than was offered"
			   : "interval: nothing was offered for it");
		return -EINVAL;
	}
	const struct fact_award account = mirror(&award);
	desk_commit(d, at_s); /* what waits is acknowledged by a commit of its own */
	r = write_award(d, start_s, &account, at_s);
	if (r == -ENOTUNIQ) {
		snprintf(why, MESSAGE_WHY_MAX, "interval: its award was another before");
		return r;
	}
	if (r < 0) {
		desk_tell_ledger(d, r == -EEXIST ? 0 : r);
		return 0;
	}
	b->awarded = true;
	b->award = account;
	above_supply(d, b);
	account_touch(d, start_s);
	return 0;
}

int above_hear(struct desk *d, const char *topic, const char *payload, size_t length, int64_t at_s,
	       const char **leaf, char why[MESSAGE_WHY_MAX])
{
	char prefix[64], home[64];
	if (!d->above) {
		return -ENOENT;
	}
	int n = snprintf(prefix, sizeof(prefix), "lec/%s/", d->above->conf->community);
	if (strncmp(topic, prefix, (size_t)n) != 0) {
		return -ENOENT;
	}
	int own = snprintf(home, sizeof(home), "home/%s/", d->above->conf->id);
	bool ours = strncmp(topic + n, home, (size_t)own) == 0;
	*leaf = topic + n + (ours ? own : 0);
	if (!payload) {
		snprintf(why, MESSAGE_WHY_MAX, "too large");
		return -EMSGSIZE;
	}
	if (!ours && strcmp(*leaf, "market/tariff") == 0) {
		return take_tariff(d, payload, length, why);
	}
	if (ours && strcmp(*leaf, "receipt") == 0) {
		return take_receipt(d, payload, length, why);
	}
	if (ours && strcmp(*leaf, "award") == 0) {
		return take_award(d, payload, length, at_s, why);
	}
	snprintf(why, MESSAGE_WHY_MAX, "not a topic of ours");
	return -EPERM;
}
