/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The desk as one home of the market above, see docs/scale.md. When a gate closes, what the homes
 * would trade beyond each other goes up as one bid, and the book waits:
 *
 *   gate -> bid on our disk -> sent -> gate above -> award on our disk -> cleared with it
 *                                                    no award by then  -> cleared alone
 *
 * A bid is sent when it is on the disk, again until it is acknowledged, and again where its award
 * does not come; it is the same in every life. An award is written down before anything is cleared
 * with it; one that comes after its book was cleared binds nevertheless: the market bought it, and
 * its own trade with the utility takes it off. */
#include "daemon/market/desk_upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"

enum { READINGS_A_TICK = 16 };
enum { SAY_AGAIN_S = 10, LAST_SAY_S = 5, ASK_S = 60, ASK_LATE_S = 600, OLD_S = 2 * 86400 };

int above_new(struct desk *d)
{
	if (!*d->market->upstream.community) {
		return 0;
	}
	d->above = calloc(1, sizeof(*d->above));
	if (!d->above) {
		return -ENOMEM;
	}
	d->above->conf = &d->market->upstream;
	snprintf(d->above->tariff_why, MESSAGE_WHY_MAX, "it has not told its tariff");
	return 0;
}

void above_free(struct desk *d)
{
	free(d->above);
	d->above = NULL;
}

/* --- small things -------------------------------------------------------------------------------
 */

static struct above_book *place_of(const struct desk *d, int64_t start_s)
{
	return &d->above->book[start_s / d->market->interval_s % ABOVE_BOOKS];
}

struct above_book *above_book_of(const struct desk *d, int64_t start_s)
{
	struct above_book *b = place_of(d, start_s);
	return start_s > 0 && b->start_s == start_s ? b : NULL;
}

static struct above_book *open_book(const struct desk *d, int64_t start_s)
{
	struct above_book *b = place_of(d, start_s);
	if (b->start_s != start_s) {
		*b = (struct above_book){ .start_s = start_s };
	}
	return b;
}

bool above_is_open(const struct above_book *b)
{
	return b->start_s > 0 && !b->awarded && !b->refused && !b->alone;
}

int above_append(struct desk *d, enum ledger_kind kind, int64_t start_s, int64_t revision,
		 const char *text, int64_t now_s)
{
	return desk_append(d, kind, kind == LEDGER_METER ? -1 : d->above->conf->round, start_s,
			   d->above->conf->account, revision, text, now_s);
}

static int say(struct desk *d, const char *leaf, int length)
{
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "home/%s/%s", d->above->conf->id, leaf);
	return length < 0 || !d->conf.send_above
		       ? -ENOTCONN
		       : d->conf.send_above(d->conf.context, topic, d->text, (size_t)length);
}

/* --- the bid ------------------------------------------------------------------------------------
 */

/* The bid that was written down. */
int above_read_bid(struct desk *d, int64_t start_s, struct round_bid *b)
{
	const struct upstream_conf *conf = d->above->conf;
	struct ledger_entry e = { .kind = LEDGER_BID, .interval_s = start_s, .revision = 1 };
	char why[FACT_WHY_MAX];
	snprintf(e.round, sizeof(e.round), "%s", d->market->rounds.round[conf->round].name);
	snprintf(e.home, sizeof(e.home), "%s", conf->account);
	*b = (struct round_bid){ .start_s = start_s, .revision = 1 };
	snprintf(b->home, sizeof(b->home), "%s", conf->id);
	int r = ledger_find(d->ledger, &e, d->text, sizeof(d->text));
	return r < 0 ? r : record_bid_read(d->text, b, why);
}

static void say_bid(struct desk *d, struct above_book *b, int64_t now_s)
{
	struct round_bid bid;
	if (above_read_bid(d, b->start_s, &bid) < 0 ||
	    say(d, "bid", upstream_write_bid(d->market, &bid, d->text, sizeof(d->text))) < 0) {
		return; /* with the next tick, or when the broker is back */
	}
	b->said++;
	b->said_s = now_s;
}

/* Put the curve of a book on the disk, once; what stands there already holds. */
static int write_bid(struct desk *d, int64_t start_s, int64_t now_s)
{
	struct round_bid bid = { .start_s = start_s, .revision = 1 };
	bid.steps = rounds_curve(d->rounds, d->above->conf->round, start_s,
				 desk_price(d, &d->market->tariff.buy, start_s),
				 desk_price(d, &d->market->tariff.sell, start_s),
				 d->above->conf->steps, bid.step);
	if (bid.steps <= 0) {
		return bid.steps < 0 ? bid.steps : -ENODATA;
	}
	int n = record_bid_write(&bid, d->text, sizeof(d->text));
	int r = n < 0 ? n : above_append(d, LEDGER_BID, start_s, 1, d->text, now_s);
	r = r == -EEXIST || r == -ENOTUNIQ ? 0 : r;
	r = r < 0 ? r : ledger_commit(d->ledger);
	if (r < 0) {
		ledger_rollback(d->ledger);
	}
	return r;
}

static void tell_alone(struct above_book *b)
{
	if (!b->alone) {
		log_warning("market above: %s in time: the community trades alone",
			    b->said == 0       ? "not reached"
			    : !b->acknowledged ? "took no bid"
					       : "no award");
	}
	b->alone = true;
}

/* A book that is due and was not asked about: ask, where that can be. */
static bool begin(struct desk *d, int64_t start_s, int64_t now_s)
{
	const struct upstream_conf *conf = d->above->conf;
	if (now_s >= start_s - conf->gate_s - LAST_SAY_S) {
		return false;
	}
	if (!d->above->fits) {
		char why[REFUSAL_MAX];
		snprintf(why, sizeof(why), "market above: not asked: %.120s", d->above->tariff_why);
		if (refusals_add(&d->refusals, why, now_s)) {
			log_warning("%s", why);
		}
		return false;
	}
	int r = write_bid(d, start_s, now_s);
	if (r < 0) {
		desk_tell_ledger(d, r == -ENODATA ? 0 : r);
		return false;
	}
	say_bid(d, open_book(d, start_s), now_s);
	return true;
}

bool above_waits(struct desk *d, int round, int64_t start_s, int64_t now_s)
{
	if (!d->above || round != d->above->conf->round) {
		return false;
	}
	int64_t until_s = start_s - d->above->conf->answer_s;
	struct above_book *b = above_book_of(d, start_s);
	if (!b && !begin(d, start_s, now_s)) {
		return false;
	}
	b = b ? b : above_book_of(d, start_s);
	if (!above_is_open(b)) {
		return false;
	}
	if (now_s >= until_s) {
		tell_alone(b);
		return false;
	}
	return rounds_hold(d->rounds, round, start_s, until_s) == 0;
}

/* --- the turn -----------------------------------------------------------------------------------
 */

void above_greet(struct desk *d)
{
	for (int i = 0; i < ABOVE_BOOKS; i++) {
		d->above->book[i].said_s = 0;
		d->above->book[i].metered_s = 0;
	}
}

/* How long a bid stands without an answer before it is said again. Until the gate above is near,
 * that it is taken; from then on for its award, at last of an interval that is over: its award
 * binds whether we know it or not. INT64_MAX: it is not said. */
static int64_t patience_s(const struct desk *d, const struct above_book *b, int64_t now_s)
{
	int64_t gate_s = b->start_s - d->above->conf->gate_s;
	if (now_s < gate_s - LAST_SAY_S) {
		return b->acknowledged ? INT64_MAX : SAY_AGAIN_S;
	}
	return b->said == 0 || now_s < gate_s + SAY_AGAIN_S ? INT64_MAX
	       : now_s < b->start_s + d->market->interval_s ? ASK_S
							    : ASK_LATE_S;
}

static void say_bids(struct desk *d, int64_t now_s)
{
	for (int i = 0; i < ABOVE_BOOKS; i++) {
		struct above_book *b = &d->above->book[i];
		bool open = b->start_s > now_s - OLD_S && !b->awarded && !b->refused;
		if (open && now_s - b->said_s >= patience_s(d, b, now_s)) {
			say_bid(d, b, now_s);
		}
	}
}

/* Whether it is known what passed in it: also that nothing did, as nothing was asked for. */
static bool is_metered(const struct desk *d, const struct above_book *b, int64_t now_s)
{
	bool over = b->start_s > 0 && b->start_s > now_s - OLD_S &&
		    b->start_s + d->market->interval_s <= now_s;
	return over && (b->awarded || b->refused || b->said == 0);
}

/* What passed in an interval that is over: what the homes' meters counted together, less what each
 * settled with the utility, is what was traded above. */
static void say_readings(struct desk *d, int64_t now_s)
{
	int said = 0;
	int64_t last_s = (now_s / d->market->interval_s - 1) * d->market->interval_s;
	if (last_s > 0) { /* a clock that was never set begins at 1970 */
		(void)open_book(d, last_s);
	}
	for (int i = 0; i < ABOVE_BOOKS && said < READINGS_A_TICK; i++) {
		struct above_book *b = &d->above->book[i];
		bool due = !b->metered && now_s - b->metered_s >= ASK_LATE_S;
		if (!due || !is_metered(d, b, now_s)) {
			continue;
		}
		const struct fact_meter m = { .import = b->award.sold, .export = b->award.bought };
		if (say(d, "meter",
			upstream_write_meter(d->market, b->start_s, &m, d->text, sizeof(d->text))) <
		    0) {
			return;
		}
		b->metered_s = now_s;
		said++;
	}
}

void above_tick(struct desk *d, int64_t now_s)
{
	if (!d->above) {
		return;
	}
	say_bids(d, now_s);
	say_readings(d, now_s);
}

/* --- taking up ----------------------------------------------------------------------------------
 */

void above_restore_bid(struct desk *d, const char *account, int64_t start_s)
{
	if (d->above && strcmp(account, d->above->conf->account) == 0) {
		open_book(d, start_s)->said = 2;
	}
}

void above_restore_award(struct desk *d, const char *account, int64_t start_s,
			 const struct fact_award *a)
{
	if (d->above && strcmp(account, d->above->conf->account) == 0) {
		struct above_book *b = open_book(d, start_s);
		b->awarded = true;
		b->award = *a;
	}
}

void above_restored(struct desk *d)
{
	for (int i = 0; d->above && i < ABOVE_BOOKS; i++) {
		struct above_book *b = &d->above->book[i];
		if (b->awarded &&
		    !rounds_is_finished(d->rounds, d->above->conf->round, b->start_s)) {
			above_supply(d, b);
		}
	}
}
