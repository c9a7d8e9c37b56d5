/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens when gates close: a book is cleared as the grid lets it, written down, and only then
 * awarded; and who comes back is told its awards again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"

enum { RESENDS_A_TURN = 64, CLEARINGS_A_TURN = 200 };

/* --- awards -------------------------------------------------------------------------------------
 */

void desk_want_resend(struct desk *d, int home)
{
	d->resends += !d->resend[home];
	d->resend[home] = true;
}

int desk_send_award(struct desk *d, const char *home, const char *round, int64_t start_s,
		    const struct fact_award *a, const struct award_limits *limits)
{
	int n = message_award(d->market, home, round, start_s, a, limits, d->text, sizeof(d->text));
	int r = desk_send_home(d, home, "award", n);
	d->counts.sent += r == 0;
	return r;
}

static int resend_award(const struct ledger_entry *e, void *argument)
{
	struct desk *d = argument;
	struct fact_award a;
	char why[FACT_WHY_MAX];
	int r = fact_award_read(e->text, &a, why);
	return r < 0 ? 0 : desk_send_award(d, e->home, e->round, e->interval_s, &a, NULL);
}

/* Who came back is told the awards of all intervals that are not over, a few homes a turn. */
void desk_resend(struct desk *d, int64_t now_s)
{
	int homes = rounds_homes(d->rounds);
	for (int i = 0; d->resends > 0 && i < RESENDS_A_TURN;) {
		d->resend_next = d->resend_next < homes ? d->resend_next : 0;
		int home = d->resend_next++;
		if (!d->resend[home]) {
			continue;
		}
		const struct ledger_query q = { .kind = LEDGER_AWARD,
						.from_s = now_s - d->market->interval_s + 1,
						.to_s = INT64_MAX,
						.home = rounds_home_id(d->rounds, home) };
		if (ledger_each(d->ledger, &q, resend_award, d) < 0) {
			return; /* the broker is too slow: later */
		}
		d->resend[home] = false;
		d->resends--;
		i++;
	}
}

/* --- gates --------------------------------------------------------------------------------------
 */

/* With what the grid's operator told of it, where it has any trade to pay that for. */
static struct fact_award fact_of(const struct desk *d, const struct round_clearing *c,
				 const struct round_award *a)
{
	struct fact_award f = {
		.bought = a->bought, .paid = a->paid, .sold = a->sold, .received = a->received
	};
	f.grid_cost.is = (a->bought > 0 || a->sold > 0) &&
			 (desk_negotiated_cost(d, c, a, &f.grid_cost.micro) ||
			  asking_cost(d->asking, a->home, &f.grid_cost.micro));
	return f;
}

static int append_awards(struct desk *d, const struct round_clearing *c, int64_t now_s)
{
	int r = 0;
	for (int i = 0; r == 0 && i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		const struct fact_award fact = fact_of(d, c, a);
		(void)fact_award_write(&fact, d->text, sizeof(d->text));
		r = desk_append(d, LEDGER_AWARD, c->round, c->start_s,
				rounds_home_id(d->rounds, a->home), 0, d->text, now_s);
		r = r == -EEXIST ? 0 : r;
	}
	return r;
}

static int append_clearing(struct desk *d, const struct round_clearing *c, int32_t buy,
			   int32_t sell, int64_t now_s)
{
	const struct round_conf *round = &d->market->rounds.round[c->round];
	int n = record_clearing_write(c, round->mechanism, buy, sell, d->text, sizeof(d->text));
	int r = n < 0 ? n
		      : desk_append(d, LEDGER_CLEARING, c->round, c->start_s, "", 0, d->text,
				    now_s);
	return r < 0 ? r : append_awards(d, c, now_s);
}

static void send_awards(struct desk *d, const struct round_clearing *c)
{
	const char *round = d->market->rounds.round[c->round].name;
	for (int i = 0; i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		const struct fact_award fact = fact_of(d, c, a);
		struct award_limits limits;
		bool told = asking_limits(d->asking, a->home, &limits.import_w, &limits.export_w);
		if (desk_send_award(d, rounds_home_id(d->rounds, a->home), round, c->start_s, &fact,
				    told ? &limits : NULL) < 0) {
			desk_want_resend(d, a->home);
		}
	}
}

static int clear_book(struct desk *d, int round, int64_t start_s, int64_t now_s, int32_t buy,
		      int32_t sell, struct round_clearing *c)
{
	return d->market->rounds.round[round].negotiated
		       ? desk_negotiate_clear(d, round, start_s, now_s, c)
		       : rounds_clear(d->rounds, round, start_s, now_s, buy, sell, c);
}

/* Clear a book as the grid operator lets it. -EAGAIN: it has not answered yet. */
static int clear_with_grid(struct desk *d, int round, int64_t start_s, int64_t now_s, int32_t buy,
			   int32_t sell, struct round_clearing *c)
{
	for (;;) { /* bounded: the asking caps bids a few times, then it binds */
		int r = clear_book(d, round, start_s, now_s, buy, sell, c);
		if (r < 0) {
			return r;
		}
		double price = (double)(c->priced ? c->price : buy) / MILLION;
		switch (asking_judge(d->asking, d->rounds, c, price, now_s)) {
		case ASKING_BIND:
			return 0;
		case ASKING_WAIT:
			return -EAGAIN;
		case ASKING_AGAIN:
			break;
		}
	}
}

/* Clear a book, write it down, and only then say so. On failure it stays due. */
static int clear(struct desk *d, int round, int64_t start_s, int64_t now_s,
		 struct round_clearing *c)
{
	int32_t buy = desk_price(d, &d->market->tariff.buy, start_s);
	int32_t sell = desk_price(d, &d->market->tariff.sell, start_s);
	int r = clear_with_grid(d, round, start_s, now_s, buy, sell, c);
	if (r == -EAGAIN) {
		return r;
	}
	if (r < 0) {
		log_error("round %s: not cleared: %s", d->market->rounds.round[round].name,
			  strerror(-r));
		return r;
	}
	r = append_clearing(d, c, buy, sell, now_s);
	if (r == -EEXIST || r == -ENOTUNIQ) { /* once, ever: what stands holds */
		log_error("round %s: an interval was cleared before, what the ledger has holds",
			  d->market->rounds.round[round].name);
		ledger_rollback(d->ledger);
		c->awards = 0;
		return 0;
	}
	r = r < 0 ? r : ledger_commit(d->ledger);
	if (r < 0) {
		ledger_rollback(d->ledger);
	}
	desk_tell_ledger(d, r);
	return r;
}

static void announce(struct desk *d, const struct round_clearing *c)
{
	const struct round_conf *round = &d->market->rounds.round[c->round];
	d->counts.clearings++;
	d->counts.voids += c->is_void;
	d->counts.awards += (uint64_t)c->awards;
	if (c->is_void && c->bids > 0) {
		log_warning("round %s: an interval began before it could be cleared: %d bids are "
			    "void, their homes have the utility",
			    round->name, c->bids);
	}
	send_awards(d, c);
	int n = message_clearing(d->market, c, d->text, sizeof(d->text));
	(void)desk_send(d, "market/clearing", n, true);
}

void desk_close_gates(struct desk *d, int64_t now_s)
{
	int round;
	int64_t start_s;
	struct round_clearing c;
	for (int i = 0; i < CLEARINGS_A_TURN && rounds_due(d->rounds, now_s, &round, &start_s);
	     i++) {
		if (above_waits(d, round, start_s, now_s)) {
			continue;
		}
		if (clear(d, round, start_s, now_s, &c) < 0) {
			return;
		}
		rounds_finish(d->rounds, &c);
		if (c.awards > 0) {
			account_touch(d, start_s);
		}
		announce(d, &c);
	}
}
