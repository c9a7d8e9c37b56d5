/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/desk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"

enum { RESENDS_A_TURN = 64, METER_REVISIONS = 16, CLEARINGS_A_TURN = 200, FUSE_FACTOR = 2 };

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

static int send_to(struct desk *d, const char *topic, int length, bool retain)
{
	return length > 0 ? d->conf.send(d->conf.context, topic, d->text, (size_t)length, retain)
			  : length;
}

static int send_home(struct desk *d, const char *home, const char *leaf, int length)
{
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "home/%s/%s", home, leaf);
	return send_to(d, topic, length, false);
}

/* Count what was refused, and name each kind once a day; of a home as many as it is due, and a
 * flood always. */
static void refuse(struct desk *d, const char *home, const char *leaf, const char *why,
		   int64_t now_s)
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
static void answer(struct desk *d, const struct receipt *r)
{
	(void)send_home(d, r->home, "receipt", message_receipt(r, d->text, sizeof(d->text)));
}

/* again: it may be said again as it is. */
static void refuse_bid(struct desk *d, const struct round_bid *b, const char *why, bool again,
		       int64_t now_s)
{
	refuse(d, b->home, "bid", why, now_s);
	answer(d, &(struct receipt){ .home = b->home,
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
	answer(d, &(struct receipt){ .home = b->home,
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

static void refuse_reading(struct desk *d, const char *home, int64_t start_s, const char *why,
			   bool again, int64_t now_s)
{
	d->counts.readings_refused++;
	refuse(d, home, "meter", why, now_s);
	answer(d, &(struct receipt){ .home = home,
				     .reading = true,
				     .start_s = start_s,
				     .reason = why,
				     .again = again });
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
		answer(d, &(struct receipt){ .home = w->bid.home,
					     .start_s = w->bid.start_s,
					     .revision = w->bid.revision,
					     .round = d->market->rounds.round[w->round].name });
	}
}

static void commit_readings(struct desk *d, bool kept, int64_t now_s)
{
	for (int i = 0; i < d->readings; i++) {
		const struct waiting_reading *w = &d->reading[i];
		if (!kept) { /* one that is repeated may repeat one of this batch */
			refuse_reading(d, w->home, w->start_s, bid_verdict_text(BID_NOT_KEPT), true,
				       now_s);
			continue;
		}
		d->counts.readings += !w->repeated;
		answer(d, &(struct receipt){
				  .home = w->home, .reading = true, .start_s = w->start_s });
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
	commit_readings(d, r == 0, now_s);
	d->waiting = d->readings = 0;
	d->turn++;
}

/* --- readings -----------------------------------------------------------------------------------
 */

/* Whether a meter can have counted that: no fuse lets twice its rating through for minutes. A home
 * whose trade is limited to less than everybody's may have as good a connection. */
static bool is_carried(const struct desk *d, const char *home, const struct fact_meter *m)
{
	const struct home_limits *all = &d->market->rounds.limits;
	const struct home_limits *own = rounds_limits(d->rounds, home);
	const int64_t carries[] = { all->import, all->export, own->import, own->export };
	int64_t most = 0;
	for (size_t i = 0; i < sizeof(carries) / sizeof(*carries); i++) {
		most = carries[i] > most ? carries[i] : most;
	}
	return m->import <= FUSE_FACTOR * most && m->export <= FUSE_FACTOR * most;
}

/* Whether it can be a reading of that home; else why not. */
static int judge_reading(struct desk *d, const char *home, const struct fact_meter *m,
			 char why[MESSAGE_WHY_MAX])
{
	if (rounds_enter(d->rounds, home) < 0) {
		snprintf(why, MESSAGE_WHY_MAX, "%s", bid_verdict_text(BID_STRANGER));
		return -EPERM;
	}
	if (!is_carried(d, home, m)) {
		snprintf(why, MESSAGE_WHY_MAX,
			 "import_wh, export_wh: more than its connection carries");
		return -ERANGE;
	}
	return 0;
}

/* Hand it to the ledger's batch as the next revision, unless it stands there already: -EEXIST. */
static int gather_reading(struct desk *d, const char *home, int64_t start_s,
			  const struct fact_meter *m, int64_t at_s)
{
	int r = -ENOTUNIQ;
	(void)fact_meter_write(m, d->text, sizeof(d->text));
	for (int revision = 0; revision < METER_REVISIONS && r == -ENOTUNIQ; revision++) {
		r = desk_append(d, LEDGER_METER, -1, start_s, home, revision, d->text, at_s);
	}
	return r;
}

static void take_meter(struct desk *d, const char *home, const char *payload, size_t length,
		       int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	struct fact_meter m;
	int64_t start_s;
	if (d->readings == BATCH_MAX) {
		desk_commit(d, at_s);
	}
	int r = message_read_meter(d->market, home, at_s, payload, length, &start_s, &m, why);
	r = r < 0 ? r : judge_reading(d, home, &m, why);
	if (r < 0) {
		refuse_reading(d, home, start_s, why, false, at_s);
		return;
	}
	r = gather_reading(d, home, start_s, &m, at_s);
	if (r < 0 && r != -EEXIST) {
		bool often = r == -ENOTUNIQ;
		desk_tell_ledger(d, often ? 0 : r);
		refuse_reading(d, home, start_s,
			       often ? "interval: revised too often"
				     : bid_verdict_text(BID_NOT_KEPT),
			       !often, at_s);
		return;
	}
	struct waiting_reading *w = &d->reading[d->readings++];
	*w = (struct waiting_reading){ .start_s = start_s, .repeated = r == -EEXIST };
	snprintf(w->home, sizeof(w->home), "%s", home);
	if (r == 0) {
		account_touch(d, start_s);
	}
}

/* --- who comes back -----------------------------------------------------------------------------
 */

static void want_resend(struct desk *d, int home)
{
	d->resends += !d->resend[home];
	d->resend[home] = true;
}

int desk_send_award(struct desk *d, const char *home, const char *round, int64_t start_s,
		    const struct fact_award *a, const struct award_limits *limits)
{
	int n = message_award(d->market, home, round, start_s, a, limits, d->text, sizeof(d->text));
	int r = send_home(d, home, "award", n);
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
static void resend(struct desk *d, int64_t now_s)
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

static void take_status(struct desk *d, const char *home, const char *payload, size_t length)
{
	int number = rounds_find_home(d->rounds, home);
	if (number >= 0 && payload && length == 6 && memcmp(payload, "online", 6) == 0) {
		want_resend(d, number);
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
		refuse(d, "dso", topic + n, why, at_s);
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
		refuse(d, "above", leaf, why, at_s);
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
		refuse(d, home, "limit", why, at_s);
	}
}

/* What was refused before it was read is counted and named, and cannot be answered. */
static void refuse_unread(struct desk *d, const char *home, const char *leaf, const char *why,
			  int64_t at_s)
{
	d->counts.unreadable += strcmp(leaf, "bid") == 0;
	d->counts.readings_refused += strcmp(leaf, "meter") == 0;
	refuse(d, home, leaf, why, at_s);
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
		refuse(d, home, "flood", why, at_s);
		answer(d, &(struct receipt){ .home = home,
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
		take_meter(d, home, payload, length, at_s);
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
	refuse(d, *home ? home : "dso", what, why, at_s);
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
		refuse(d, "?", "topic", "not a topic of ours", at_s);
	} else if (payload && strcmp(leaf, "limit") == 0) {
		take_limit(d, home, payload, length, at_s); /* the operator's word, not its */
	} else if (may_speak(d, home, leaf, at_s)) {
		hear_home(d, home, leaf, payload, length, retained, at_s);
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
			want_resend(d, a->home);
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
	(void)send_to(d, "market/clearing", n, true);
}

static void close_gates(struct desk *d, int64_t now_s)
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

/* --- the turn -----------------------------------------------------------------------------------
 */

static void say_rounds(struct desk *d, int64_t now_s)
{
	int n = message_rounds(d->market, d->rounds, now_s, d->text, sizeof(d->text));
	(void)send_to(d, "market/round", n, true);
	d->round_s = rounds_next_s(d->rounds, now_s);
}

void desk_tick(struct desk *d, int64_t now_s)
{
	desk_commit(d, now_s);
	rounds_advance(d->rounds, now_s);
	desk_negotiate_tick(d, now_s);
	close_gates(d, now_s);
	above_tick(d, now_s);
	if (now_s >= d->round_s) {
		say_rounds(d, now_s);
	}
	resend(d, now_s);
	account_settle(d, now_s);
}

void desk_tell_counts(struct desk *d, uint64_t lost, int64_t now_s)
{
	int n = message_counts(&d->counts, rounds_homes(d->rounds), lost, d->since_s, now_s,
			       d->text, sizeof(d->text));
	(void)send_to(d, "market/counts", n, true);
}

void desk_greet(struct desk *d, int64_t now_s)
{
	int n = message_tariff(d->market, d->text, sizeof(d->text));
	(void)send_to(d, "market/tariff", n, true);
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
