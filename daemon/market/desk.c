/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/desk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"

/* --- going up -----------------------------------------------------------------------------------
 */

static int take_room(struct desk *d)
{
	size_t homes = (size_t)d->market->rounds.homes_max;
	int e = rounds_new(&d->market->rounds, &d->rounds);
	e = e < 0 ? e : asking_new(d->market, d->conf.send, d->conf.context, &d->asking);
	e = e < 0 ? e : above_new(d);
	e = e < 0 ? e
		  : senders_init(&d->senders, d->market->rounds.homes_max, d->market->messages,
				 d->market->interval_s);
	e = e < 0 ? e : desk_negotiate_new(d);
	d->bid_turn = calloc(homes, sizeof(*d->bid_turn));
	d->resend = calloc(homes, sizeof(*d->resend));
	d->member = calloc(homes, sizeof(*d->member));
	return e ? e : d->bid_turn && d->resend && d->member ? 0 : -ENOMEM;
}

static int last_text(const struct ledger_entry *e, void *argument)
{
	struct desk *d = argument;
	snprintf(d->text, sizeof(d->text), "%s", e->text);
	return 0;
}

/* The tariff stands in the ledger whenever it changed. */
static int keep_tariff(struct desk *d, int64_t now_s)
{
	const struct ledger_query all = { .kind = LEDGER_TARIFF, .to_s = INT64_MAX };
	char ours[MESSAGE_MAX];
	d->text[0] = '\0';
	int r = ledger_each(d->ledger, &all, last_text, d);
	r = r < 0 ? r : message_tariff(d->market, ours, sizeof(ours));
	if (r < 0 || strcmp(ours, d->text) == 0) {
		return r < 0 ? r : 0;
	}
	int64_t start_s = now_s / d->market->interval_s * d->market->interval_s;
	r = desk_append(d, LEDGER_TARIFF, -1, start_s, "", now_s - start_s, ours, now_s);
	return r < 0 ? r : ledger_commit(d->ledger);
}

int desk_new(const struct desk_conf *conf, int64_t now_s, struct desk **out, char *why, size_t size)
{
	struct desk *d = calloc(1, sizeof(*d));
	if (!d) {
		return -ENOMEM;
	}
	d->conf = *conf;
	d->market = conf->market;
	d->ledger = conf->ledger;
	d->turn = 1;
	d->since_s = now_s;
	snprintf(why, size, "no memory");
	int r = take_room(d);
	r = r < 0 ? r : desk_restore(d, now_s, why, size);
	if (r == 0) {
		r = keep_tariff(d, now_s);
		snprintf(why, size, "the tariff cannot be written: %s", strerror(-r));
	}
	if (r < 0) {
		desk_free(d);
		return r;
	}
	rounds_advance(d->rounds, now_s);
	*out = d;
	return 0;
}

void desk_free(struct desk *d)
{
	if (!d) {
		return;
	}
	ledger_rollback(d->ledger);
	asking_free(d->asking);
	desk_negotiate_free(d);
	above_free(d);
	rounds_free(d->rounds);
	senders_free(&d->senders);
	free(d->bid_turn);
	free(d->resend);
	free(d->member);
	free(d);
}

/* --- small things -------------------------------------------------------------------------------
 */

int desk_append(struct desk *d, enum ledger_kind kind, int round, int64_t interval_s,
		const char *home, int64_t revision, const char *text, int64_t now_s)
{
	struct ledger_entry e = { .made_s = now_s,
				  .kind = kind,
				  .interval_s = interval_s,
				  .revision = revision,
				  .text = text };
	snprintf(e.round, sizeof(e.round), "%s",
		 round >= 0 ? d->market->rounds.round[round].name : "");
	snprintf(e.home, sizeof(e.home), "%s", home);
	return ledger_append(d->ledger, &e);
}

void desk_tell_ledger(struct desk *d, int r)
{
	d->counts.failures += r < 0;
	if ((r < 0) != d->told_failure) {
		if (r < 0) {
			log_error("ledger: %s: nothing is accepted or cleared until it can be "
				  "written",
				  strerror(-r));
		} else {
			log_info("ledger: can be written again");
		}
	}
	d->told_failure = r < 0;
}

int32_t desk_price(const struct desk *d, const struct tariff_prices *p, int64_t start_s)
{
	return (int32_t)lround(tariff_mean(p, start_s, d->market->interval_s) * MILLION);
}

int desk_send(struct desk *d, const char *topic, int length, bool retain)
{
	return length > 0 ? d->conf.send(d->conf.context, topic, d->text, (size_t)length, retain)
			  : length;
}

int desk_send_home(struct desk *d, const char *home, const char *leaf, int length)
{
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "home/%s/%s", home, leaf);
	return desk_send(d, topic, length, false);
}

/* Count what was refused, and name each kind once a day; of a home as many as it is due, and a
 * flood always. */
void desk_refuse(struct desk *d, const char *home, const char *leaf, const char *why, int64_t now_s)
{
	char text[REFUSAL_MAX];
	snprintf(text, sizeof(text), "%s/%.16s: %.100s", home, leaf, why);
	int number = rounds_find_home(d->rounds, home);
	bool flood = strcmp(leaf, "flood") == 0;
	if (!flood && !senders_may_name(&d->senders, number, home, now_s)) {
		refusals_count(&d->refusals, text);
	} else if (refusals_add(&d->refusals, text, now_s)) {
		senders_named(&d->senders, number, home, now_s);
		log_warning("refused: %s", text);
	}
}

/* --- bids ---------------------------------------------------------------------------------------
 */

/* Without an answer the home says it again. */
void desk_answer(struct desk *d, const struct receipt *r)
{
	(void)desk_send_home(d, r->home, "receipt", message_receipt(r, d->text, sizeof(d->text)));
}

/* again: it may be said again as it is. */
static void refuse_bid(struct desk *d, const struct round_bid *b, const char *why, bool again,
		       int64_t now_s)
{
	desk_refuse(d, b->home, "bid", why, now_s);
	desk_answer(d, &(struct receipt){ .home = b->home,
					  .start_s = b->start_s,
					  .revision = b->revision,
					  .reason = why,
					  .again = again });
}

static void judged(struct desk *d, const struct round_bid *b, enum bid_verdict v, int64_t now_s)
{
	d->counts.bids[v]++;
	refuse_bid(d, b, bid_verdict_text(v), v == BID_NOT_KEPT, now_s);
}

/* A bid that was accepted in time and is said again: its receipt, and what came of it. */
static bool answer_again(struct desk *d, const struct round_bid *b)
{
	struct fact_award award;
	int round = desk_find_accepted(d, b);
	if (round < 0) {
		return false;
	}
	const char *name = d->market->rounds.round[round].name;
	d->counts.bids[BID_REPEATED]++;
	desk_answer(d, &(struct receipt){ .home = b->home,
					  .start_s = b->start_s,
					  .revision = b->revision,
					  .round = name });
	if (desk_find_award(d, round, b->start_s, b->home, &award) == 0) {
		(void)desk_send_award(d, b->home, name, b->start_s, &award,
				      NULL); /* or it is asked for again */
	}
	return true;
}

/* Hand an accepted bid to the ledger's batch. */
static int gather(struct desk *d, const struct round_bid *b, int round, int64_t now_s)
{
	int n = record_bid_write(b, d->text, sizeof(d->text));
	int r = n < 0 ? n
		      : desk_append(d, LEDGER_BID, round, b->start_s, b->home, b->revision, d->text,
				    now_s);
	return r == -EEXIST ? 0 : r;
}

static void take_bid(struct desk *d, const char *home, const char *payload, size_t length,
		     int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	int known = rounds_find_home(d->rounds, home);
	if (d->waiting == BATCH_MAX || (known >= 0 && d->bid_turn[known] == d->turn)) {
		desk_commit(d, at_s); /* its earlier revision is to be kept first */
	}
	struct waiting_bid *w = &d->batch[d->waiting];
	if (message_read_bid(d->market, home, payload, length, &w->bid, why) < 0) {
		d->counts.unreadable++;
		refuse_bid(d, &w->bid, why, false, at_s);
		return;
	}
	enum bid_verdict v = rounds_judge(d->rounds, &w->bid, at_s, &w->round);
	w->repeated = v == BID_REPEATED;
	if ((v == BID_LATE || v == BID_OVER) && answer_again(d, &w->bid)) {
		return;
	}
	if (v != BID_ACCEPTED && v != BID_REPEATED) {
		judged(d, &w->bid, v, at_s);
		return;
	}
	int r = w->repeated ? 0 : gather(d, &w->bid, w->round, at_s);
	if (r < 0) {
		desk_tell_ledger(d, r);
		judged(d, &w->bid, BID_NOT_KEPT, at_s);
		return;
	}
	d->bid_turn[rounds_find_home(d->rounds, home)] = d->turn;
	d->waiting++;
}

static void commit_bids(struct desk *d, bool kept, int64_t now_s)
{
	for (int i = 0; i < d->waiting; i++) {
		const struct waiting_bid *w = &d->batch[i];
		if (!kept && !w->repeated) {
			judged(d, &w->bid, BID_NOT_KEPT, now_s);
			continue;
		}
		if (!w->repeated) {
			rounds_keep(d->rounds, w->round, &w->bid);
		}
		d->counts.bids[w->repeated ? BID_REPEATED : BID_ACCEPTED]++;
		desk_answer(d,
			    &(struct receipt){ .home = w->bid.home,
					       .start_s = w->bid.start_s,
					       .revision = w->bid.revision,
					       .round = d->market->rounds.round[w->round].name });
	}
}

void desk_commit(struct desk *d, int64_t now_s)
{
	if (d->waiting == 0 && d->readings == 0) {
		return;
	}
	int r = ledger_commit(d->ledger);
	desk_tell_ledger(d, r);
	commit_bids(d, r == 0, now_s);
	readings_commit(d, r == 0, now_s);
	d->waiting = d->readings = 0;
	d->turn++;
}

/* --- hearing ------------------------------------------------------------------------------------
 */

static void take_status(struct desk *d, const char *home, const char *payload, size_t length)
{
	int number = rounds_find_home(d->rounds, home);
	if (number >= 0 && payload && length == 6 && memcmp(payload, "online", 6) == 0) {
		desk_want_resend(d, number);
	}
}

/* A message of the grid operator's; false: it is none. */
static bool hear_operator(struct desk *d, const char *topic, const char *payload, size_t length,
			  int64_t at_s)
{
	char prefix[64], why[MESSAGE_WHY_MAX] = "expected online or offline";
	int r, n = snprintf(prefix, sizeof(prefix), "lec/%s/dso/", d->market->community);
	if (strncmp(topic, prefix, (size_t)n) != 0) {
		return false;
	}
	if (!payload) {
		r = -EMSGSIZE;
		snprintf(why, sizeof(why), "too large");
	} else if (strcmp(topic + n, "status") == 0) {
		r = asking_hear_status(d->asking, payload, length);
	} else if (strcmp(topic + n, "verdict") == 0) {
		r = asking_hear_verdict(d->asking, d->rounds, payload, length, why, sizeof(why));
	} else {
		r = -EPERM;
		snprintf(why, sizeof(why), "not a topic of ours");
	}
	if (r < 0) {
		desk_refuse(d, "dso", topic + n, why, at_s);
	}
	return true;
}

/* A message of the market above; false: it is none. */
static bool hear_above(struct desk *d, const char *topic, const char *payload, size_t length,
		       int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	const char *leaf;
	int r = above_hear(d, topic, payload, length, at_s, &leaf, why);
	if (r < 0 && r != -ENOENT) {
		desk_refuse(d, "above", leaf, why, at_s);
	}
	return r != -ENOENT;
}

/* A home's standing limit, which the operator keeps at the broker. */
static void take_limit(struct desk *d, const char *home, const char *payload, size_t length,
		       int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	int number = rounds_enter(d->rounds, home);
	if (number >= 0 && asking_hear_limit(d->asking, number, home, at_s, payload, length, why,
					     sizeof(why)) < 0) {
		desk_refuse(d, home, "limit", why, at_s);
	}
}

/* What was refused before it was read is counted and named, and cannot be answered. */
static void refuse_unread(struct desk *d, const char *home, const char *leaf, const char *why,
			  int64_t at_s)
{
	d->counts.unreadable += strcmp(leaf, "bid") == 0;
	d->counts.readings_refused += strcmp(leaf, "meter") == 0;
	desk_refuse(d, home, leaf, why, at_s);
}

/* Whether that home may say one more message. Where it may not, it is told so once, until it was
 * heard again. */
static bool may_speak(struct desk *d, const char *home, const char *leaf, int64_t at_s)
{
	enum sender_verdict v =
		senders_hear(&d->senders, rounds_find_home(d->rounds, home), home, at_s);
	d->counts.flood += v != SENDER_HEARD;
	if (v == SENDER_SILENCED) {
		char why[MESSAGE_WHY_MAX];
		snprintf(why, sizeof(why),
			 "too many messages, expected at most %d in an interval of %d s",
			 d->market->messages, (int)d->market->interval_s);
		desk_refuse(d, home, "flood", why, at_s);
		desk_answer(d, &(struct receipt){ .home = home,
						  .reading = strcmp(leaf, "meter") == 0,
						  .reason = why,
						  .again = true });
	}
	return v == SENDER_HEARD;
}

static void hear_home(struct desk *d, const char *home, const char *leaf, const char *payload,
		      size_t length, bool retained, int64_t at_s)
{
	bool bid = strcmp(leaf, "bid") == 0, meter = strcmp(leaf, "meter") == 0;
	if (strcmp(leaf, "status") == 0) {
		take_status(d, home, payload, length);
	} else if (!payload) {
		char why[MESSAGE_WHY_MAX];
		snprintf(why, sizeof(why), "too large, expected at most %d bytes",
			 MQTT_PAYLOAD_MAX);
		refuse_unread(d, home, leaf, why, at_s);
	} else if (retained) {
		refuse_unread(d, home, leaf, "retained, expected one sent now", at_s);
	} else if (bid) {
		take_bid(d, home, payload, length, at_s);
	} else if (meter) {
		reading_take(d, home, payload, length, at_s);
	} else {
		refuse_unread(d, home, leaf, "not a topic of ours", at_s);
	}
}

/* A word of a negotiation; false: it is none. */
static bool hear_negotiation(struct desk *d, const char *topic, const char *payload, size_t length,
			     bool retained, int64_t at_s)
{
	char home[HOME_ID_SIZE], why[ADMM_WHY_SIZE] = "not a topic of ours";
	const char *what = desk_negotiation_topic(d, topic, home);
	if (!what) {
		return false;
	}
	bool ours = strcmp(what, "topic") != 0;
	if ((*home && !may_speak(d, home, what, at_s)) ||
	    (ours && desk_negotiate_hear(d, home, payload, length, retained, at_s, why) == 0)) {
		return true;
	}
	desk_refuse(d, *home ? home : "dso", what, why, at_s);
	return true;
}

void desk_hear(struct desk *d, const char *topic, const char *payload, size_t length, bool retained,
	       int64_t at_s)
{
	char home[HOME_ID_SIZE];
	if (hear_above(d, topic, payload, length, at_s) ||
	    hear_operator(d, topic, payload, length, at_s) ||
	    hear_negotiation(d, topic, payload, length, retained, at_s)) {
		return;
	}
	const char *leaf = message_leaf(d->market, topic, home);
	if (!leaf) {
		desk_refuse(d, "?", "topic", "not a topic of ours", at_s);
	} else if (payload && strcmp(leaf, "limit") == 0) {
		take_limit(d, home, payload, length, at_s); /* the operator's word, not its */
	} else if (may_speak(d, home, leaf, at_s)) {
		hear_home(d, home, leaf, payload, length, retained, at_s);
	}
}

/* --- the turn -----------------------------------------------------------------------------------
 */

static void say_rounds(struct desk *d, int64_t now_s)
{
	int n = message_rounds(d->market, d->rounds, now_s, d->text, sizeof(d->text));
	(void)desk_send(d, "market/round", n, true);
	d->round_s = rounds_next_s(d->rounds, now_s);
}

void desk_tick(struct desk *d, int64_t now_s)
{
	desk_commit(d, now_s);
	rounds_advance(d->rounds, now_s);
	desk_negotiate_tick(d, now_s);
	desk_close_gates(d, now_s);
	above_tick(d, now_s);
	if (now_s >= d->round_s) {
		say_rounds(d, now_s);
	}
	desk_resend(d, now_s);
	account_settle(d, now_s);
}

void desk_tell_counts(struct desk *d, uint64_t lost, int64_t now_s)
{
	int n = message_counts(&d->counts, rounds_homes(d->rounds), lost, d->since_s, now_s,
			       d->text, sizeof(d->text));
	(void)desk_send(d, "market/counts", n, true);
}

void desk_greet(struct desk *d, int64_t now_s)
{
	int n = message_tariff(d->market, d->text, sizeof(d->text));
	(void)desk_send(d, "market/tariff", n, true);
	rounds_advance(d->rounds, now_s);
	say_rounds(d, now_s);
}

void desk_greet_above(struct desk *d)
{
	above_greet(d);
}

const struct desk_counts *desk_counts(const struct desk *d)
{
	return &d->counts;
}

uint64_t desk_bids_refused(const struct desk_counts *n)
{
	uint64_t refused = n->unreadable;
	for (int v = 0; v < BID_VERDICTS; v++) {
		refused += v == BID_ACCEPTED || v == BID_REPEATED ? 0 : n->bids[v];
	}
	return refused;
}

const struct refusals *desk_refusals(const struct desk *d)
{
	return &d->refusals;
}
