/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "rig.h"

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/publish.h"

static const int64_t begin_s = 1780272000; /* 2026-06-01T00:00:00Z */
enum { DAY_S = 86400, LENGTH_S = 900 };

static const struct site site = { .id = "home-1",
				  .interval_s = LENGTH_S,
				  .gate_closure_s = 120,
				  .tariff = { .currency = "EUR" } };
static struct ahead ahead;

/* market/round with a day's book of so many intervals from start_s on, and a near one. */
static int rounds_json(int64_t start_s, int intervals, int64_t gate_s, char *out, size_t size)
{
	char a[ISOTIME_SIZE], b[ISOTIME_SIZE];
	return snprintf(
		out, size,
		"{\"v\":1,\"time\":\"2026-06-01T00:00:00Z\",\"length_s\":900,\"open\":["
		"{\"round\":\"intraday\",\"interval\":\"2026-06-01T00:30:00Z\",\"intervals\":1,"
		"\"gate\":\"2026-06-01T00:28:00Z\",\"kind\":\"interval\"},"
		"{\"round\":\"day-ahead\",\"interval\":\"%s\",\"intervals\":%d,\"gate\":\"%s\","
		"\"kind\":\"day\"}]}",
		isotime_format(start_s, a), intervals, isotime_format(gate_s, b));
}

static int hear(const char *text, int64_t wall_s, char why[128])
{
	return ahead_take_rounds(&ahead, &site, wall_s, text, strlen(text), why, 128);
}

static struct bid one_order(double price, double wh)
{
	return (struct bid){ .orders = wh > 0,
			     .order = { { .side = BID_SELL, .price = price, .energy_wh = wh } } };
}

static void test_rounds(void **unused)
{
	/* Of what is open only days are books here; what is wrong is refused and changes nothing.
	 */
	(void)unused;
	char text[1024], why[128] = "";
	memset(&ahead, 0, sizeof(ahead));
	rounds_json(begin_s + DAY_S, 96, begin_s + DAY_S / 2, text, sizeof(text));
	assert_int_equal(hear(text, begin_s, why), 0);
	assert_int_equal(ahead.books, 1);
	assert_string_equal(ahead.book[0].round, "day-ahead");
	assert_int_equal(ahead.book[0].intervals, 96);
	static const struct {
		const char *from, *to;
	} wrong[] = {
		{ "\"v\":1", "\"v\":2" },
		{ "\"length_s\":900", "\"length_s\":300" },
		{ "\"intervals\":96", "\"intervals\":0" },
		{ "\"intervals\":96", "\"intervals\":1e9" },
		{ "\"intervals\":96", "\"intervals\":2000" },
		{ "2026-06-02T00:00:00Z", "2026-06-02T00:00:07Z" },
		{ "2026-06-02T00:00:00Z", "2036-06-02T00:00:00Z" },
		{ "2026-06-02T00:00:00Z", "soon" },
		{ "2026-06-01T12:00:00Z", "2026-06-03T12:00:00Z" },
		{ "\"kind\":\"day\"", "\"kind\":7" },
		{ "\"round\":\"day-ahead\"", "\"round\":[]" },
		{ "\"open\":[", "\"open\":[7," },
		{ "]}", "" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char bad[1100];
		const struct ahead before = ahead;
		char *at = strstr(text, wrong[i].from);
		assert_non_null(at);
		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - text), text, wrong[i].to,
			 at + strlen(wrong[i].from));
		why[0] = '\0';
		if (hear(bad, begin_s, why) == 0) {
			fail_msg("taken: %s", bad);
		}
		assert_true(*why && memcmp(&before, &ahead, sizeof(ahead)) == 0);
	}
	rounds_json(begin_s + DAY_S, 96, begin_s + DAY_S / 2, text, sizeof(text));
	assert_int_equal(hear(text, begin_s + DAY_S / 2, why), 0); /* its gate is closed */
	assert_int_equal(ahead.books, 0);
}

/* What the market would know of an interval. */
static struct {
	int revision, messages;
	int64_t made_s;
	struct bid bid;
} known[AHEAD_MAX];

static void test_days(void **unused)
{
	/* Over days of plans that change, receipts that get lost and a disk that is full now and
	 * then: revisions of an interval grow by one, none is made behind its gate or twice within
	 * an hour unless it takes one back or its gate is near, what does not change is not said
	 * again, and what was acknowledged is what was made last. */
	(void)unused;
	uint64_t seed = random_seed();
	memset(&ahead, 0, sizeof(ahead));
	memset(known, 0, sizeof(known));
	int made = 0, repeated = 0;
	for (int64_t now_s = begin_s; now_s < begin_s + 3 * DAY_S; now_s += 10) {
		int64_t day_s = (now_s / DAY_S + 1) * DAY_S, gate_s = day_s - 12 * 3600, start_s;
		char text[1024], why[128];
		rounds_json(day_s, 96, gate_s, text, sizeof(text));
		assert_int_equal(hear(text, now_s, why), 0);
		double price = 0.1 + 0.01 * (double)(now_s / 3000 % 7);
		const struct ahead_book *book = ahead_look(&ahead, &site, now_s, &start_s);
		assert_true(!book == (now_s >= gate_s));
		if (book) {
			bool back = random_next(&seed) % 500 == 0;
			struct bid b = one_order(price, back ? 0 : 1000);
			struct ahead_bid *a = ahead_bid(&ahead, &site, now_s, book, start_s, &b);
			int k = (int)(start_s / LENGTH_S % AHEAD_MAX);
			if (a && random_next(&seed) % 10 > 0) { /* else the disk is full */
				a->stored = true;
				assert_true(a->revision == known[k].revision % 1000 + 1 ||
					    (a->revision == 1 && known[k].made_s < day_s - DAY_S));
				assert_true(a->revision == 1 || b.orders == 0 ||
					    now_s - known[k].made_s >= 3600 ||
					    gate_s - now_s <= 3600);
				known[k].revision = a->revision;
				known[k].made_s = now_s;
				known[k].bid = b;
				made++;
			}
		}
		int at = 0;
		struct ahead_bid *a =
			ahead_next(&ahead, now_s, now_s * 1000000, 0, 30000000, true, &at);
		if (a) {
			assert_true(a->stored && a->gate_s > now_s);
			repeated += a->said_us != 0;
			a->said_us = now_s * 1000000;
			if (random_next(&seed) % 3) {
				const struct receipt_taken t = { .start_s = a->start_s,
								 .revision = a->revision,
								 .accepted = true };
				ahead_take_receipt(&ahead, &site, &t);
				assert_true(a->acknowledged);
				assert_true(bid_difference(&a->bid,
							   &known[a->start_s / LENGTH_S % AHEAD_MAX]
								    .bid) == 0);
			}
		}
	}
	print_message("%d bids, %d said again\n", made, repeated);
	assert_true(made > 3 * 96 && made < 3 * 96 * 12 && repeated > 50);
}

static void test_life(void **unused)
{
	/* What another life made is known as it was: it is said again, word for word, and the next
	 * revision goes on behind it; the bid for the next interval does too. */
	(void)unused;
	static struct ahead next;
	char text[MARKET_MESSAGE_MAX], again[MARKET_MESSAGE_MAX], rounds[1024], why[128];
	memset(&ahead, 0, sizeof(ahead));
	memset(&next, 0, sizeof(next));
	rounds_json(begin_s + DAY_S, 96, begin_s + DAY_S / 2, rounds, sizeof(rounds));
	assert_int_equal(hear(rounds, begin_s, why), 0);
	struct bid b = one_order(0.123456, 1234.5);
	int64_t at_s = begin_s + DAY_S + 5 * LENGTH_S;
	struct ahead_bid *a = ahead_bid(&ahead, &site, begin_s, &ahead.book[0], at_s, &b);
	assert_non_null(a);
	assert_true(ahead_json(a, &site, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"round\":\"day-ahead\""));
	assert_true(ahead_resume(&next, &site, at_s, a->revision, text));
	int i = 0;
	struct ahead_bid *said = ahead_next(&next, begin_s, 5, 0, 30, false, &i);
	assert_non_null(said);
	assert_true(ahead_json(said, &site, again, sizeof(again)) > 0);
	assert_string_equal(text, again);
	assert_int_equal(ahead_revision(&next, &site, at_s), 1);
	struct bid other = one_order(0.3, 1000);
	assert_int_equal(
		ahead_bid(&next, &site, begin_s + 1, &ahead.book[0], at_s, &other)->revision, 2);
	assert_null(ahead_bid(&next, &site, ahead.book[0].gate_s, &ahead.book[0], at_s, &b));
	struct market m = { 0 };
	assert_int_equal(
		market_bid(&m, &site, at_s - 600, at_s, &b, ahead_revision(&next, &site, at_s)), 3);
	assert_true(market_orders_json(&site, at_s, 1, at_s - 120, NULL, &b, text, sizeof(text)) >
		    0);
	assert_false(ahead_resume(&next, &site, at_s, 4, text)); /* it names no round */
}

/* --- in the house -------------------------------------------------------------------------------
 */

static void hear_rounds(int64_t day_s, int64_t gate_s)
{
	static struct mqtt_message m;
	m = (struct mqtt_message){ .event = MQTT_MESSAGE, .retained = true };
	snprintf(m.topic, sizeof(m.topic), "lec/%s/market/round", rig.site.community);
	m.length = (size_t)rounds_json(day_s, 2 * 96, gate_s, m.payload, sizeof(m.payload));
	home_message(&rig.home, &m, clock_wall_s(&rig.clock));
	assert_int_equal(rig.home.refusals.count, 0);
}

static int bids_ahead(double *sold_wh)
{
	int count = 0;
	*sold_wh = 0;
	for (int i = 0; i < AHEAD_MAX; i++) {
		const struct ahead_bid *b = &rig.home.ahead.bid[i];
		count += b->revision > 0;
		for (int k = 0; k < b->bid.orders; k++) {
			*sold_wh +=
				b->bid.order[k].side == BID_SELL ? b->bid.order[k].energy_wh : 0;
		}
	}
	return count;
}

static void test_house(void **unused)
{
	/* A house bids each interval that its plan reaches and none beyond, with what it has too
	 * much of among them; a person who takes over takes them all back. */
	(void)unused;
	const int64_t start_s = begin_s + 10 * 3600, day_s = begin_s + DAY_S - 2 * 3600;
	double sold_wh;
	rig_open(text_head, start_s, true);
	rig.site.bid = true;
	turns(30);
	assert_true(rig.home.plan.slots > 0);
	hear_rounds(day_s, day_s - 3600);
	turns(200);
	const struct plan_slot *last = &rig.home.plan.slot[rig.home.plan.slots - 1];
	int reached = (int)((last->step.start_s - day_s) / LENGTH_S) + 1;
	int count = bids_ahead(&sold_wh);
	assert_true(reached > 80 && reached < 2 * 96);
	assert_true(count <= reached && count > reached - 12); /* some have nothing to trade */
	assert_true(sold_wh > 1000);
	for (int i = 0; i < AHEAD_MAX; i++) {
		const struct ahead_bid *b = &rig.home.ahead.bid[i];
		assert_true(b->revision == 0 ||
			    (b->start_s >= day_s && b->start_s <= last->step.start_s));
	}
	home_set_mode(&rig.home, MODE_HOLD);
	turns(200);
	int orders = 0;
	for (int i = 0; i < AHEAD_MAX; i++) {
		orders += rig.home.ahead.bid[i].bid.orders;
	}
	assert_int_equal(orders, 0);
	assert_int_equal(bids_ahead(&sold_wh), count);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_house),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
