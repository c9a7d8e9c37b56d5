/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/desk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"

enum { RESENDS_A_TURN = 64, METER_REVISIONS = 16, CLEARINGS_A_TURN = 200 };

/* --- going up -----------------------------------------------------------------------------------
 */

static int take_room(struct desk *o)
{
	size_t homes = (size_t)o->market->rounds.homes_max;
	int e = rounds_new(&o->market->rounds, &o->rounds);
	o->bid_turn = calloc(homes, sizeof(*o->bid_turn));
	o->resend = calloc(homes, sizeof(*o->resend));
	o->member = calloc(homes, sizeof(*o->member));
	return e ? e : o->bid_turn && o->resend && o->member ? 0 : -ENOMEM;
}

static int last_text(const struct ledger_entry *e, void *argument)
{
	struct desk *o = argument;
	snprintf(o->text, sizeof(o->text), "%s", e->text);
	return 0;
}

/* The tariff stands in the ledger whenever it changed. */
static int keep_tariff(struct desk *o, int64_t now_s)
{
	const struct ledger_query all = { .kind = LEDGER_TARIFF, .to_s = INT64_MAX };
	char ours[MESSAGE_MAX];
	o->text[0] = '\0';
	int r = ledger_each(o->ledger, &all, last_text, o);
	r = r < 0 ? r : message_tariff(o->market, ours, sizeof(ours));
	if (r < 0 || strcmp(ours, o->text) == 0) {
		return r < 0 ? r : 0;
	}
	int64_t start_s = now_s / o->market->interval_s * o->market->interval_s;
	r = desk_append(o, LEDGER_TARIFF, -1, start_s, "", now_s - start_s, ours, now_s);
	return r < 0 ? r : ledger_commit(o->ledger);
}

int desk_new(const struct desk_conf *conf, int64_t now_s, struct desk **out, char *why, size_t size)
{
	struct desk *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	o->conf = *conf;
	o->market = conf->market;
	o->ledger = conf->ledger;
	o->turn = 1;
	snprintf(why, size, "no memory");
	int r = take_room(o);
	r = r < 0 ? r : desk_restore(o, now_s, why, size);
	if (r == 0) {
		r = keep_tariff(o, now_s);
		snprintf(why, size, "the tariff cannot be written: %s", strerror(-r));
	}
	if (r < 0) {
		desk_free(o);
		return r;
	}
	rounds_advance(o->rounds, now_s);
	*out = o;
	return 0;
}

void desk_free(struct desk *o)
{
	if (!o) {
		return;
	}
	ledger_rollback(o->ledger);
	rounds_free(o->rounds);
	free(o->bid_turn);
	free(o->resend);
	free(o->member);
	free(o);
}

/* --- small things -------------------------------------------------------------------------------
 */

int desk_append(struct desk *o, enum ledger_kind kind, int round, int64_t interval_s,
		const char *home, int64_t revision, const char *text, int64_t now_s)
{
	struct ledger_entry e = { .made_s = now_s,
				  .kind = kind,
				  .interval_s = interval_s,
				  .revision = revision,
				  .text = text };
	snprintf(e.round, sizeof(e.round), "%s",
		 round >= 0 ? o->market->rounds.round[round].name : "");
	snprintf(e.home, sizeof(e.home), "%s", home);
	return ledger_append(o->ledger, &e);
}

void desk_tell_ledger(struct desk *o, int r)
{
	o->counts.failures += r < 0;
	if ((r < 0) != o->told_failure) {
		if (r < 0) {
			log_error("ledger: %s: nothing is accepted or cleared until it can be "
				  "written",
				  strerror(-r));
		} else {
			log_info("ledger: can be written again");
		}
	}
	o->told_failure = r < 0;
}

int32_t desk_price(const struct desk *o, const struct tariff_prices *p, int64_t start_s)
{
	return (int32_t)lround(tariff_mean(p, start_s, o->market->interval_s) * MILLION);
}

static int send_to(struct desk *o, const char *topic, int length, bool retain)
{
	return length > 0 ? o->conf.send(o->conf.context, topic, o->text, (size_t)length, retain)
			  : length;
}

static int send_home(struct desk *o, const char *home, const char *leaf, int length)
{
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "home/%s/%s", home, leaf);
	return send_to(o, topic, length, false);
}

/* Count what was refused, and name each kind once a day. */
static void refuse(struct desk *o, const char *home, const char *leaf, const char *why,
		   int64_t now_s)
{
	char text[REFUSAL_MAX];
	snprintf(text, sizeof(text), "%s/%.16s: %.100s", home, leaf, why);
	if (refusals_add(&o->refusals, text, now_s)) {
		log_warning("refused: %s", text);
	}
}

/* --- bids ---------------------------------------------------------------------------------------
 */

static void answer(struct desk *o, const struct round_bid *b, const char *round, const char *reason)
{
	int n = message_receipt(b, round, reason, o->text, sizeof(o->text));
	(void)send_home(o, b->home, "receipt", n); /* without one the home says it again */
}

static void refuse_bid(struct desk *o, const struct round_bid *b, const char *why, int64_t now_s)
{
	o->counts.refused++;
	refuse(o, b->home, "bid", why, now_s);
	answer(o, b, NULL, why);
}

/* Hand an accepted bid to the ledger's batch. */
static int gather(struct desk *o, const struct round_bid *b, int round, int64_t now_s)
{
	int n = record_bid_write(b, o->text, sizeof(o->text));
	int r = n < 0 ? n
		      : desk_append(o, LEDGER_BID, round, b->start_s, b->home, b->revision, o->text,
				    now_s);
	return r == -EEXIST ? 0 : r;
}

static void take_bid(struct desk *o, const char *home, const char *payload, size_t length,
		     int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	int known = rounds_find_home(o->rounds, home);
	if (o->waiting == BATCH_MAX || (known >= 0 && o->bid_turn[known] == o->turn)) {
		desk_commit(o, at_s); /* its earlier revision is to be kept first */
	}
	struct waiting_bid *w = &o->batch[o->waiting];
	if (message_read_bid(o->market, home, payload, length, &w->bid, why) < 0) {
		refuse_bid(o, &w->bid, why, at_s);
		return;
	}
	enum bid_verdict v = rounds_judge(o->rounds, &w->bid, at_s, &w->round);
	w->repeated = v == BID_REPEATED;
	if (v != BID_ACCEPTED && v != BID_REPEATED) {
		refuse_bid(o, &w->bid, bid_verdict_text(v), at_s);
		return;
	}
	int r = w->repeated ? 0 : gather(o, &w->bid, w->round, at_s);
	if (r < 0) {
		desk_tell_ledger(o, r);
		refuse_bid(o, &w->bid, bid_verdict_text(BID_NOT_KEPT), at_s);
		return;
	}
	o->bid_turn[rounds_find_home(o->rounds, home)] = o->turn;
	o->waiting++;
}

void desk_commit(struct desk *o, int64_t now_s)
{
	if (o->waiting == 0 && o->readings == 0) {
		return;
	}
	int r = ledger_commit(o->ledger);
	desk_tell_ledger(o, r);
	for (int i = 0; i < o->waiting; i++) {
		const struct waiting_bid *w = &o->batch[i];
		const char *round = o->market->rounds.round[w->round].name;
		if (r < 0 && !w->repeated) {
			refuse_bid(o, &w->bid, bid_verdict_text(BID_NOT_KEPT), now_s);
			continue;
		}
		if (!w->repeated) {
			rounds_keep(o->rounds, w->round, &w->bid);
		}
		(*(w->repeated ? &o->counts.repeated : &o->counts.accepted))++;
		answer(o, &w->bid, round, NULL);
	}
	o->counts.readings += r < 0 ? 0 : (uint64_t)o->readings;
	o->waiting = o->readings = 0;
	o->turn++;
}

/* --- readings -----------------------------------------------------------------------------------
 */

static void take_meter(struct desk *o, const char *home, const char *payload, size_t length,
		       int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	struct fact_meter m;
	int64_t start_s;
	int r = message_read_meter(o->market, home, at_s, payload, length, &start_s, &m, why);
	if (r == 0 && rounds_enter(o->rounds, home) < 0) {
		snprintf(why, sizeof(why), "%s", bid_verdict_text(BID_STRANGER));
		r = -EPERM;
	}
	if (r < 0) {
		refuse(o, home, "meter", why, at_s);
		return;
	}
	(void)fact_meter_write(&m, o->text, sizeof(o->text));
	r = -ENOTUNIQ;
	for (int revision = 0; revision < METER_REVISIONS && r == -ENOTUNIQ; revision++) {
		r = desk_append(o, LEDGER_METER, -1, start_s, home, revision, o->text, at_s);
	}
	if (r == 0) {
		o->readings++;
		account_touch(o, start_s);
	} else if (r != -EEXIST) {
		desk_tell_ledger(o, r == -ENOTUNIQ ? 0 : r);
		refuse(o, home, "meter",
		       r == -ENOTUNIQ ? "interval: revised too often" : "it could not be written",
		       at_s);
	}
}

/* --- who comes back -----------------------------------------------------------------------------
 */

static void want_resend(struct desk *o, int home)
{
	o->resends += !o->resend[home];
	o->resend[home] = true;
}

static int send_award(struct desk *o, const char *home, const char *round, int64_t start_s,
		      const struct fact_award *a)
{
	int n = message_award(o->market, home, round, start_s, a, o->text, sizeof(o->text));
	int r = send_home(o, home, "award", n);
	o->counts.sent += r == 0;
	return r;
}

static int resend_award(const struct ledger_entry *e, void *argument)
{
	struct desk *o = argument;
	struct fact_award a;
	char why[FACT_WHY_MAX];
	int r = fact_award_read(e->text, &a, why);
	return r < 0 ? 0 : send_award(o, e->home, e->round, e->interval_s, &a);
}

/* Who came back is told the awards of all intervals that are not over, a few homes a turn. */
static void resend(struct desk *o, int64_t now_s)
{
	int homes = rounds_homes(o->rounds);
	for (int i = 0; o->resends > 0 && i < RESENDS_A_TURN;) {
		o->resend_next = o->resend_next < homes ? o->resend_next : 0;
		int home = o->resend_next++;
		if (!o->resend[home]) {
			continue;
		}
		const struct ledger_query q = { .kind = LEDGER_AWARD,
						.from_s = now_s - o->market->interval_s + 1,
						.to_s = INT64_MAX,
						.home = rounds_home_id(o->rounds, home) };
		if (ledger_each(o->ledger, &q, resend_award, o) < 0) {
			return; /* the broker is too slow: later */
		}
		o->resend[home] = false;
		o->resends--;
		i++;
	}
}

static void take_status(struct desk *o, const char *home, const char *payload, size_t length)
{
	int number = rounds_find_home(o->rounds, home);
	if (number >= 0 && length == 6 && memcmp(payload, "online", 6) == 0) {
		want_resend(o, number);
	}
}

void desk_hear(struct desk *o, const char *topic, const char *payload, size_t length, bool retained,
	       int64_t at_s)
{
	char home[HOME_ID_SIZE];
	const char *leaf = message_leaf(o->market, topic, home);
	if (leaf && strcmp(leaf, "status") == 0) {
		take_status(o, home, payload, length);
		return;
	}
	bool bid = leaf && strcmp(leaf, "bid") == 0, meter = leaf && strcmp(leaf, "meter") == 0;
	if ((!bid && !meter) || retained || !payload) {
		char why[MESSAGE_WHY_MAX];
		snprintf(why, sizeof(why), "too large, expected at most %d bytes",
			 MQTT_PAYLOAD_MAX);
		o->counts.refused += bid;
		refuse(o, leaf ? home : "?", leaf ? leaf : "topic",
		       !payload   ? why
		       : retained ? "retained, expected one sent now"
				  : "not a topic of ours",
		       at_s);
		return;
	}
	if (bid) {
		take_bid(o, home, payload, length, at_s);
	} else {
		take_meter(o, home, payload, length, at_s);
	}
}

/* --- gates --------------------------------------------------------------------------------------
 */

static int append_awards(struct desk *o, const struct round_clearing *c, int64_t now_s)
{
	int r = 0;
	for (int i = 0; r == 0 && i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		const struct fact_award fact = { a->bought, a->paid, a->sold, a->received };
		(void)fact_award_write(&fact, o->text, sizeof(o->text));
		r = desk_append(o, LEDGER_AWARD, c->round, c->start_s,
				rounds_home_id(o->rounds, a->home), 0, o->text, now_s);
		r = r == -EEXIST ? 0 : r;
	}
	return r;
}

static int append_clearing(struct desk *o, const struct round_clearing *c, int32_t buy,
			   int32_t sell, int64_t now_s)
{
	const struct round_conf *round = &o->market->rounds.round[c->round];
	int n = record_clearing_write(c, round->mechanism, buy, sell, o->text, sizeof(o->text));
	int r = n < 0 ? n
		      : desk_append(o, LEDGER_CLEARING, c->round, c->start_s, "", 0, o->text,
				    now_s);
	return r < 0 ? r : append_awards(o, c, now_s);
}

static void send_awards(struct desk *o, const struct round_clearing *c)
{
	const char *round = o->market->rounds.round[c->round].name;
	for (int i = 0; i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		const struct fact_award fact = { a->bought, a->paid, a->sold, a->received };
		if (send_award(o, rounds_home_id(o->rounds, a->home), round, c->start_s, &fact) <
		    0) {
			want_resend(o, a->home);
		}
	}
}

/* Clear a book, write it down, and only then say so. On failure it stays due. */
static int clear(struct desk *o, int round, int64_t start_s, int64_t now_s,
		 struct round_clearing *c)
{
	int32_t buy = desk_price(o, &o->market->tariff.buy, start_s);
	int32_t sell = desk_price(o, &o->market->tariff.sell, start_s);
	int r = rounds_clear(o->rounds, round, start_s, now_s, buy, sell, c);
	if (r < 0) {
		log_error("round %s: not cleared: %s", o->market->rounds.round[round].name,
			  strerror(-r));
		return r;
	}
	r = append_clearing(o, c, buy, sell, now_s);
	if (r == -EEXIST || r == -ENOTUNIQ) { /* once, ever: what stands holds */
		log_error("round %s: an interval was cleared before, what the ledger has holds",
			  o->market->rounds.round[round].name);
		ledger_rollback(o->ledger);
		c->awards = 0;
		return 0;
	}
	r = r < 0 ? r : ledger_commit(o->ledger);
	if (r < 0) {
		ledger_rollback(o->ledger);
	}
	desk_tell_ledger(o, r);
	return r;
}

static void announce(struct desk *o, const struct round_clearing *c)
{
	const struct round_conf *round = &o->market->rounds.round[c->round];
	o->counts.clearings++;
	o->counts.voids += c->is_void;
	o->counts.awards += (uint64_t)c->awards;
	if (c->is_void && c->bids > 0) {
		log_warning("round %s: an interval began before it could be cleared: %d bids are "
			    "void, their homes have the utility",
			    round->name, c->bids);
	}
	send_awards(o, c);
	int n = message_clearing(o->market, c, o->text, sizeof(o->text));
	(void)send_to(o, "market/clearing", n, true);
}

static void close_gates(struct desk *o, int64_t now_s)
{
	int round;
	int64_t start_s;
	struct round_clearing c;
	for (int i = 0; i < CLEARINGS_A_TURN && rounds_due(o->rounds, now_s, &round, &start_s);
	     i++) {
		if (clear(o, round, start_s, now_s, &c) < 0) {
			return;
		}
		rounds_finish(o->rounds, &c);
		if (c.awards > 0) {
			account_touch(o, start_s);
		}
		announce(o, &c);
	}
}

/* --- the turn -----------------------------------------------------------------------------------
 */

static void say_rounds(struct desk *o, int64_t now_s)
{
	int n = message_rounds(o->market, o->rounds, now_s, o->text, sizeof(o->text));
	(void)send_to(o, "market/round", n, true);
	o->round_s = rounds_next_s(o->rounds, now_s);
}

void desk_tick(struct desk *o, int64_t now_s)
{
	desk_commit(o, now_s);
	rounds_advance(o->rounds, now_s);
	close_gates(o, now_s);
	if (now_s >= o->round_s) {
		say_rounds(o, now_s);
	}
	resend(o, now_s);
	account_settle(o, now_s);
}

void desk_greet(struct desk *o, int64_t now_s)
{
	int n = message_tariff(o->market, o->text, sizeof(o->text));
	(void)send_to(o, "market/tariff", n, true);
	rounds_advance(o->rounds, now_s);
	say_rounds(o, now_s);
}

const struct desk_counts *desk_counts(const struct desk *o)
{
	return &o->counts;
}

const struct refusals *desk_refusals(const struct desk *o)
{
	return &o->refusals;
}
