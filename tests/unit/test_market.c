/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/market.h"

static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */

static const struct site site = {
	.id = "home-1",
	.interval_s = 900,
	.gate_closure_s = 120,
	.tariff = { .currency = "EUR" },
	.import_limit_w = 100e3,
	.export_limit_w = 100e3,
	.pvs = 1,
	.pv = { { .peak_w = 50e3 } },
};

static struct bid one_order(double price, double wh)
{
	return (struct bid){ .orders = 1,
			     .order = { { .side = BID_BUY, .price = price, .energy_wh = wh } } };
}

/* --- bids ---------------------------------------------------------------------------------------
 */

static void test_gate(void **unused)
{
	/* A bid is taken until the gate closes, its interval's start less gate-closure. */
	(void)unused;
	for (int64_t wall_s = start_s; wall_s < start_s + 1000; wall_s++) {
		struct market m = { 0 };
		struct bid b = one_order(0.2, 100);
		int r = market_bid(&m, &site, wall_s, start_s + 900, &b, 0);
		assert_int_equal(r, wall_s < start_s + 780);
		assert_true(m.bid_start_s == (r ? start_s + 900 : 0));
	}
}

static void test_revisions(void **unused)
{
	/* What is much the same is not said again; what changed carries the next revision; nothing
	 * to trade is a bid only where it takes one back. */
	(void)unused;
	struct market m = { 0 };
	struct bid none = { 0 }, first = one_order(0.2, 1000);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &none, 0), 0);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &first, 0), 1);
	static const struct {
		double price, wh;
		int revision;
	} next[] = { { 0.2, 1000, 0 }, { 0.205, 1010, 0 }, { 0.2, 1500, 2 }, { 0.4, 1500, 3 },
		     { 0.4, 1490, 0 }, { 0.4, 0, 4 },      { 0.2, 1000, 5 } };
	for (size_t i = 0; i < sizeof(next) / sizeof(*next); i++) {
		struct bid b = next[i].wh > 0 ? one_order(next[i].price, next[i].wh) : none;
		assert_int_equal(market_bid(&m, &site, start_s + 1, start_s + 900, &b, 0),
				 next[i].revision);
	}
	assert_int_equal(market_bid(&m, &site, start_s + 1, start_s + 1800, &first, 0), 1);
	struct bid other = one_order(0.1, 5000);
	assert_int_equal(market_bid(&m, &site, start_s + 1, start_s + 900, &other, 0), 0);
}

static void test_resume(void **unused)
{
	/* After a restart the bid that was out is revised, not made again, and nothing earlier. */
	(void)unused;
	struct market m = { 0 };
	struct bid b = one_order(0.2, 1000);
	market_resume(&m, start_s + 1800, 3);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 0);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 1800, &b, 0), 4);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 2700, &b, 0), 1);
}

static void test_clock_steps(void **unused)
{
	/* However the clock steps by up to an hour, every interval has one first bid, revisions
	 * grow, and bids go forward. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 200; run++) {
		static int revision[400];
		memset(revision, 0, sizeof(revision));
		struct market m = { 0 };
		struct clock c;
		int64_t last_s = 0;
		int bids = 0;
		clock_init_simulated(&c, start_s);
		for (int t = 0; t < 2000; t++) {
			clock_advance(&c, 20000000);
			if (random_between(&seed, 0, 1) < 0.01) {
				int64_t hour_us = INT64_C(3600000000);
				clock_step_wall(&c, random_next(&seed) % 2 ? hour_us : -hour_us);
			}
			int64_t wall_s = clock_wall_s(&c);
			int64_t next_s = interval_start(900, wall_s) + 900;
			struct bid b = one_order(random_between(&seed, 0.1, 0.3), 1000);
			int r = market_bid(&m, &site, wall_s, next_s, &b, 0);
			int64_t k = (next_s - start_s) / 900 + 100;
			if (r > 0) {
				assert_true(k >= 0 && k < 400);
				assert_int_equal(r, revision[k] + 1);
				assert_true(next_s >= last_s && wall_s < next_s - 120);
				revision[k] = r;
				last_s = next_s;
				bids++;
			}
		}
		assert_true(bids > 30);
	}
}

static void test_wrong_clock(void **unused)
{
	/* A bid that a wrong clock made for next month does not silence the house for a month. */
	(void)unused;
	struct market m = { 0 };
	struct bid b = one_order(0.2, 1000);
	int64_t far_s = start_s + 30 * 86400;
	assert_int_equal(market_bid(&m, &site, far_s, far_s + 900, &b, 0), 1);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 1);
	assert_true(market_meter_once(&m, far_s));
	assert_true(market_meter_once(&m, start_s));
	assert_false(market_meter_once(&m, start_s));
	assert_false(market_meter_once(&m, start_s - 900));
	assert_true(market_meter_once(&m, start_s + 900));
}

static void test_bid_json(void **unused)
{
	/* A bid on the wire holds all that was decided, and a reading what was metered. */
	(void)unused;
	struct market m = { 0 };
	struct bid b = { .orders = 2,
			 .order = { { BID_BUY, 0.2, 1234.5 }, { BID_SELL, 0.31, 500 } } };
	char text[MARKET_MESSAGE_MAX];
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 1);
	assert_true(market_bid_json(&m, &site, text, sizeof(text)) > 0);
	assert_string_equal(text, "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-01T00:15:"
				  "00Z\",\"length_s\":900,"
				  "\"revision\":1,\"expires\":\"2026-06-01T00:13:00Z\","
				  "\"currency\":\"EUR\",\"orders\":["
				  "{\"side\":\"buy\",\"price\":0.2,\"quantity\":1.2345},"
				  "{\"side\":\"sell\",\"price\":0.31,\"quantity\":0.5}]}");
	struct interval i = { .start_s = start_s, .import_wh = 10.5, .known_s = 899 };
	assert_true(market_meter_json(&site, &i, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"import_wh\":10.5,\"export_wh\":0,\"known_s\":899}"));
	assert_true(market_bid_json(&m, &site, text, 40) < 0);
}

/* --- awards -------------------------------------------------------------------------------------
 */

static int take(struct market *m, const char *text, char *why)
{
	struct award_taken taken = { .start_s = -1 };
	int r = market_take_award(m, &site, start_s, text, strlen(text), &taken, why, 128);
	assert_true((r == 0) == (taken.start_s >= 0));
	return r;
}

#define OURS "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-01T00:15:00Z\""

static void test_hostile(void **unused)
{
	/* What is no award for us is refused with a reason, and changes nothing. */
	(void)unused;
	static const char *const broken[] = {
		"",
		"{",
		"[]",
		"null",
		"1",
		"\"award\"",
		"{}",
		OURS,
		OURS "}x",
		OURS ",}",
		"{\"v\":2,\"home\":\"home-1\",\"interval\":\"2026-06-01T00:15:00Z\"}",
		"{\"v\":\"1\",\"home\":\"home-1\",\"interval\":\"2026-06-01T00:15:00Z\"}",
		"{\"v\":1,\"home\":\"home-2\",\"interval\":\"2026-06-01T00:15:00Z\"}",
		"{\"v\":1,\"home\":\"home-1\"}",
		"{\"v\":1,\"home\":\"home-1\",\"interval\":1780272900}",
		"{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-01T00:14:00Z\"}",
		"{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-05-31T23:45:00Z\"}",
		"{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-03T00:15:00Z\"}",
		"{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-02-30T00:15:00Z\"}",
		"{\"v\":1,\"home\":\"home-1\",\"home\":\"home-1\",\"interval\":\"2026-06-01T00:15:"
		"00Z\"}",
		OURS ",\"bought_kwh\":NaN}",
		OURS ",\"bought_kwh\":1e999}",
		OURS ",\"bought_kwh\":-1}",
		OURS ",\"bought_kwh\":\"1\"}",
		OURS ",\"sold_kwh\":2e6}",
		OURS ",\"price\":101}",
		OURS ",\"price\":null}",
		OURS ",\"import_limit_w\":-1}",
		OURS ",\"import_limit_w\":null}",
		OURS ",\"export_limit_w\":[1]}",
		OURS ",\"export_limit_w\":1e10}",
		OURS ",\"x\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
	};
	struct market m = { .bid_start_s = 7 }, before = m;
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		char why[128] = "";
		if (take(&m, broken[i], why) >= 0 || !*why) {
			fail_msg("taken: %s", broken[i]);
		}
		assert_memory_equal(&m, &before, sizeof(m));
	}
}

static void test_noise(void **unused)
{
	/* A good award with bytes changed is refused or is still within range. */
	(void)unused;
	uint64_t seed = random_seed();
	static const char text[] =
		OURS ",\"bought_kwh\":1.5,\"price\":0.2,\"import_limit_w\":4000}";
	int taken = 0;
	for (int run = 0; run < 20000; run++) {
		struct market m = { 0 };
		char bent[sizeof(text)], why[128];
		struct award_taken taken_now;
		memcpy(bent, text, sizeof(text));
		for (uint64_t n = random_next(&seed) % 3; n < 3; n++) {
			bent[random_next(&seed) % (sizeof(text) - 1)] = (char)random_next(&seed);
		}
		if (market_take_award(&m, &site, start_s, bent, sizeof(text) - 1, &taken_now, why,
				      sizeof(why)) == 0) {
			const struct award *a = market_award_at(&m, &site, taken_now.start_s);
			assert_non_null(a);
			assert_true(fabs(a->traded_wh) <= 1e9 && fabs(a->price) <= 100);
			assert_true(a->import_limit_w >= 0 && a->export_limit_w >= 0);
			taken++;
		}
	}
	print_message("%d of 20000 still awards\n", taken);
	assert_in_range(taken, 1, 19000);
}

static void test_award(void **unused)
{
	/* An award is found again in all of its interval, and only there; a later one replaces it.
	 */
	(void)unused;
	struct market m = { 0 };
	char why[128];
	assert_int_equal(take(&m, OURS ",\"bought_kwh\":1.5,\"sold_kwh\":0.25,\"price\":0.2}", why),
			 0);
	for (int64_t t = 0; t < 2700; t++) {
		const struct award *a = market_award_at(&m, &site, start_s + t);
		assert_int_equal(a != NULL, t >= 900 && t < 1800);
		assert_true(!a || (a->traded_wh == 1250 && a->price == 0.2));
		assert_true(!a || (isinf(a->import_limit_w) && isinf(a->export_limit_w)));
	}
	assert_int_equal(take(&m, OURS ",\"export_limit_w\":0}", why), 0);
	const struct award *a = market_award_at(&m, &site, start_s + 900);
	assert_true(a->traded_wh == 0 && a->export_limit_w == 0 && isinf(a->import_limit_w));
}

static void test_rounds(void **unused)
{
	/* Awards of several rounds for an interval add up; each replaces its own only, said again
	 * it changes nothing, and there is room for so many. */
	(void)unused;
	struct market m = { 0 };
	char why[128];
	static const struct {
		const char *round;
		double bought, sold, price, sum, mean;
		bool changed;
	} rows[] = {
		{ "day-ahead", 2, 0, 0.2, 2000, 0.2, true },
		{ "intraday", 0, 0.5, 0.3, 1500, 0.22, true },
		{ "intraday", 0, 0.5, 0.3, 1500, 0.22, false },
		{ "day-ahead", 1, 0, 0.3, 500, 0.3, true },
		{ "third", 0, 0, 0, 500, 0.3, true },
		{ "", 0.5, 0, 0.3, 1000, 0.3, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		struct award_taken taken;
		int n = snprintf(text, sizeof(text),
				 OURS ",\"round\":\"%s\",\"bought_kwh\":%g,\"sold_kwh\":%g,"
				      "\"price\":%g}",
				 rows[i].round, rows[i].bought, rows[i].sold, rows[i].price);
		assert_int_equal(market_take_award(&m, &site, start_s, text, (size_t)n, &taken, why,
						   sizeof(why)),
				 0);
		assert_int_equal(taken.changed, rows[i].changed);
		const struct award *a = market_award_at(&m, &site, start_s + 900);
		assert_true(fabs(a->traded_wh - rows[i].sum) < 1e-9);
		assert_true(fabs(a->price - rows[i].mean) < 1e-9);
	}
	assert_int_equal(take(&m, OURS ",\"round\":\"fifth\"}", why), -ENOSPC);
	assert_true(strstr(why, "round"));
}

static void test_receipts(void **unused)
{
	/* The receipt of the bid that is out acknowledges it, another one is only counted; what is
	 * none is refused with a reason and changes nothing. */
	(void)unused;
	struct market m = { 0 };
	struct bid b = one_order(0.2, 1000);
	char why[128];
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 1);
#define RECEIPT OURS ",\"revision\":%d,\"round\":\"intraday\",\"accepted\":%s,\"reason\":%s}"
	static const struct {
		int revision;
		const char *accepted, *reason;
		int result;
		bool acknowledged, answered;
	} rows[] = {
		{ 2, "true", "null", 0, false, false },
		{ 1, "false", "\"full\",\"again\":true", 0, false, false },
		{ 1, "false", "\"late\",\"again\":7", -EINVAL, false, false },
		{ 1, "false", "\"too late\"", 0, false, true },
		{ 1, "true", "null", 0, true, true },
		{ 1, "1", "null", -EINVAL, true, true },
		{ 1, "false", "null", -EINVAL, true, true },
		{ -1, "true", "null", -ERANGE, true, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text), RECEIPT, rows[i].revision, rows[i].accepted,
				 rows[i].reason);
		struct receipt_taken t = { .revision = -7 };
		int r = market_take_receipt(&m, &site, text, (size_t)n, &t, why, sizeof(why));
		assert_int_equal(r, rows[i].result);
		assert_true(r < 0 ? t.revision == -7 : t.revision == rows[i].revision);
		assert_int_equal(m.acknowledged, rows[i].acknowledged);
		assert_int_equal(m.answered, rows[i].answered);
	}
	assert_true(m.receipts.accepted == 2 && m.receipts.refused == 2);
	assert_string_equal(m.receipts.reason, "too late");
	static const char unread[] = "{\"v\":1,\"home\":\"home-1\",\"interval\":null,"
				     "\"revision\":0,\"accepted\":false,\"reason\":\"depth\"}";
	struct receipt_taken taken;
	assert_int_equal(
		market_take_receipt(&m, &site, unread, sizeof(unread) - 1, &taken, why, 128), 0);
	assert_int_equal(taken.start_s, 0);
	struct bid other = one_order(0.4, 3000);
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &other, 0), 2);
	assert_false(m.acknowledged || m.answered);
}

static void test_reading_receipts(void **unused)
{
	/* Of a reading a receipt names the interval, says whether it may be said again, and leaves
	 * the bid alone; a reading that is stored comes back as it was. */
	(void)unused;
	struct market m = { .bid_start_s = start_s, .revision = 0 };
	char why[128], text[MARKET_MESSAGE_MAX];
	static const struct {
		const char *text;
		int result;
		struct receipt_taken taken;
	} rows[] = {
		{ OURS ",\"kind\":\"meter\",\"accepted\":true,\"reason\":null}",
		  0,
		  { true, start_s + 900, 0, 0, true, false } },
		{ OURS ",\"kind\":\"meter\",\"accepted\":false,\"reason\":\"full\",\"again\":true}",
		  0,
		  { true, start_s + 900, 0, 0, false, true } },
		{ "{\"v\":1,\"home\":\"home-1\",\"kind\":\"meter\",\"interval\":null,"
		  "\"accepted\":false,\"reason\":\"depth\",\"again\":false}",
		  0,
		  { true, 0, 0, 0, false, false } },
		{ OURS ",\"kind\":\"gas\",\"accepted\":true,\"reason\":null}", -ERANGE, { 0 } },
		{ OURS ",\"kind\":\"meter\",\"accepted\":false}", -ENOENT, { 0 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct receipt_taken *want = &rows[i].taken;
		struct receipt_taken t = { 0 };
		assert_int_equal(market_take_receipt(&m, &site, rows[i].text, strlen(rows[i].text),
						     &t, why, sizeof(why)),
				 rows[i].result);
		assert_true(t.reading == want->reading && t.start_s == want->start_s &&
			    t.accepted == want->accepted && t.again == want->again);
		assert_false(m.acknowledged || m.answered);
	}
	assert_true(m.receipts.readings == 1 && m.receipts.readings_refused == 2 &&
		    m.receipts.accepted == 0);
	const struct interval said = {
		.start_s = start_s, .length_s = 900, .known_s = 899.5, .import_wh = 12.345
	};
	struct interval back = { 0 };
	assert_true(market_meter_json(&site, &said, text, sizeof(text)) > 0);
	assert_int_equal(market_meter_read(&site, text, &back), 0);
	assert_true(back.start_s == said.start_s && back.import_wh == said.import_wh &&
		    back.known_s == said.known_s && back.length_s == said.length_s);
	assert_true(market_meter_read(&site, "{}", &back) < 0);
}

static void test_silence(void **unused)
{
	/* A market is silent that is away, or that took a bid and has not awarded it when the
	 * interval is about to begin. */
	(void)unused;
	struct market m = { 0 };
	struct bid b = one_order(0.2, 1000);
	char why[128];
	assert_true(market_is_silent(&m, &site, start_s));
	market_take_status(&m, "online", 6);
	assert_false(market_is_silent(&m, &site, start_s));
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 1);
	m.acknowledged = true;
	for (int64_t s = 0; s < 1800; s++) {
		assert_int_equal(market_is_silent(&m, &site, start_s + s), s >= 840);
	}
	assert_int_equal(take(&m, OURS ",\"bought_kwh\":0}", why), 0);
	assert_false(market_is_silent(&m, &site, start_s + 899));
	/* What the day before gave for the interval is no answer to this bid. */
	static const char took[] = OURS ",\"kind\":\"bid\",\"revision\":1,\"round\":\"intraday\","
					"\"accepted\":true,\"reason\":null}";
	struct receipt_taken t;
	m = (struct market){ .presence = MARKET_ONLINE };
	assert_int_equal(market_bid(&m, &site, start_s, start_s + 900, &b, 0), 1);
	assert_int_equal(market_take_receipt(&m, &site, took, strlen(took), &t, why, sizeof(why)),
			 0);
	assert_int_equal(take(&m, OURS ",\"round\":\"day-ahead\",\"bought_kwh\":1}", why), 0);
	assert_true(market_is_silent(&m, &site, start_s + 899));
	assert_int_equal(take(&m, OURS ",\"round\":\"intraday\",\"bought_kwh\":1}", why), 0);
	assert_false(market_is_silent(&m, &site, start_s + 899));
	market_take_status(&m, "offline", 7);
	assert_true(market_is_silent(&m, &site, start_s + 899));
	assert_int_equal(m.presence, MARKET_OFFLINE);
	market_take_status(&m, "", 0);
	assert_int_equal(m.presence, MARKET_UNKNOWN);
}

static void test_many_awards(void **unused)
{
	/* Awards for all of the next two days are kept, the current one's first of all. */
	(void)unused;
	struct market m = { 0 };
	for (int day = 0; day < 3; day++) {
		int64_t now_s = start_s + day * 86400;
		for (int k = 0; k <= 192; k++) {
			char text[200], time[ISOTIME_SIZE], why[128];
			struct award_taken taken;
			int n = snprintf(text, sizeof(text),
					 "{\"v\":1,\"home\":\"home-1\",\"interval\":\"%s\","
					 "\"import_limit_w\":%d}",
					 isotime_format(now_s + k * 900, time), k + 1);
			assert_int_equal(market_take_award(&m, &site, now_s, text, (size_t)n,
							   &taken, why, sizeof(why)),
					 0);
		}
		for (int k = 0; k <= 192; k++) {
			const struct award *a = market_award_at(&m, &site, now_s + k * 900);
			assert_non_null(a);
			assert_true(a->import_limit_w == k + 1);
		}
	}
}

/* --- what the market said ------------------------------------------------------------------------
 */

static int hear(struct market *m, const char *text)
{
	char why[128] = "";
	int r = market_take_clearing(m, &site, start_s, text, strlen(text), why, sizeof(why));
	assert_true(r == 0 || *why);
	return r;
}

static void test_clearing(void **unused)
{
	/* The market's last result is known by interval, price and quantity, each where it is told;
	 * an earlier one comes too late, and what is no result changes nothing. */
	(void)unused;
	static const char *const bad[] = {
		"{\"interval\":\"2026-06-01T00:00:00Z\"}",
		"{\"v\":1}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:00:01Z\"}",
		"{\"v\":1,\"interval\":\"2026-06-09T00:00:00Z\"}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:00:00Z\",\"price\":1e9}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:15:00Z\",\"price\":\"0.2\"}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:15:00Z\",\"price\":[0.2]}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:00:00Z\",\"bought_kwh\":-1}",
		"{\"v\":1,\"interval\":\"2026-06-01T00:00:00Z\",\"bought_kwh\":\"1\"}",
		"[]",
	};
	struct market m = { 0 };
	assert_int_equal(hear(&m, "{\"v\":1,\"interval\":\"2026-06-01T00:15:00Z\",\"price\":0.2,"
				  "\"bought_kwh\":1.5}"),
			 0);
	const struct clearing *c = &m.clearing;
	assert_true(c->start_s == start_s + 900 && c->has_price && c->has_quantity);
	assert_true(c->price == 0.2 && c->quantity_wh == 1500);
	struct market before = m;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_true(hear(&m, bad[i]) < 0);
	}
	assert_int_equal(hear(&m, "{\"v\":1,\"interval\":\"2026-06-01T00:00:00Z\",\"price\":0.9}"),
			 0);
	assert_memory_equal(&m, &before, sizeof(m));
	assert_int_equal(hear(&m, "{\"v\":1,\"interval\":\"2026-06-01T00:30:00Z\",\"price\":null,"
				  "\"bought_kwh\":0}"),
			 0);
	assert_true(c->start_s == start_s + 1800 && !c->has_price && c->has_quantity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate),        cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_resume),      cmocka_unit_test(test_clock_steps),
		cmocka_unit_test(test_wrong_clock), cmocka_unit_test(test_bid_json),
		cmocka_unit_test(test_hostile),     cmocka_unit_test(test_noise),
		cmocka_unit_test(test_award),       cmocka_unit_test(test_many_awards),
		cmocka_unit_test(test_clearing),    cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_receipts),    cmocka_unit_test(test_reading_receipts),
		cmocka_unit_test(test_silence),
	};
	return cmocka_run_group_tests_name("market", tests, NULL, NULL);
}
