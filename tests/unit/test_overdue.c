/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "small_market.h"

#include "daemon/base/log.h"
#include "daemon/market/overdue.h"

enum { INTERVALS = 40 };

static char path[64];
static struct ledger *ledger;

static int open_file(void **unused)
{
	char why[160] = "";
	(void)unused;
	write_temporary("", path);
	assert_int_equal(unlink(path), 0);
	return ledger_open(path, 1000, &ledger, why, sizeof(why));
}

static int close_file(void **unused)
{
	(void)unused;
	ledger_close(ledger);
	return unlink(path);
}

static void put(enum ledger_kind kind, int64_t interval_s, const char *text, int64_t made_s)
{
	struct ledger_entry e = {
		.kind = kind, .interval_s = interval_s, .made_s = made_s, .text = text
	};
	if (kind == LEDGER_CLEARING) {
		snprintf(e.round, sizeof(e.round), "r");
	}
	assert_int_equal(ledger_append(ledger, &e), 0);
}

static struct overdue find(void)
{
	struct overdue o;
	struct ledger_fault fault = { 0 };
	assert_int_equal(ledger_commit(ledger), 0);
	if (overdue_find(ledger, &o, &fault) < 0) {
		fail_msg("%s", fault.what);
	}
	return o;
}

static void test_a_market_that_settles(void **unused)
{
	/* A market that lives settles what it awarded in time; one that settled nothing for hours,
	 * though it cleared on, is told which intervals it owes. */
	(void)unused;
	struct market_conf conf = small_market(0.3);
	char why[160] = "";
	struct desk *d = NULL;
	const struct desk_conf c = { .market = &conf, .ledger = ledger, .send = small_nowhere };
	assert_int_equal(desk_new(&c, small_begin_s, &d, why, sizeof(why)), 0);
	for (int64_t now_s = small_begin_s; now_s < small_begin_s + INTERVALS * SMALL_INTERVAL_S;
	     now_s += 60) {
		int64_t next_s = (now_s / SMALL_INTERVAL_S + 1) * SMALL_INTERVAL_S;
		small_bid(d, "a", next_s, 1, "buy", now_s);
		small_bid(d, "b", next_s, 1, "sell", now_s);
		desk_tick(d, now_s);
	}
	assert_true(desk_counts(d)->awards > INTERVALS);
	desk_free(d);
	struct overdue o = find();
	assert_int_equal(o.intervals, 0);
	assert_int_equal(o.wait_s, 1800);
}

static const char awarded[] = "{\"v\":1,\"bids\":2,\"void\":false,\"awards\":2}";
static const char none[] = "{\"v\":1,\"bids\":0,\"void\":false,\"awards\":0}";

static void test_owed(void **unused)
{
	/* Of random intervals those are owed, the earliest named, that were awarded, are over for
	 * longer than the wait, and have no balance. */
	(void)unused;
	uint64_t seed = random_seed();
	int64_t owed = 0, first_s = 0, last_s = small_begin_s + 200 * SMALL_INTERVAL_S;
	put(LEDGER_TARIFF, small_begin_s, "{\"v\":1,\"length_s\":900,\"meter_wait_s\":3600}",
	    small_begin_s);
	for (int i = 0; i < 200; i++) {
		int64_t at_s = small_begin_s + i * SMALL_INTERVAL_S;
		bool trades = random_next(&seed) % 2, settled = random_next(&seed) % 3 > 0;
		put(LEDGER_CLEARING, at_s, trades ? awarded : none, at_s - 120);
		if (settled) {
			put(LEDGER_BALANCE, at_s, "{}", at_s + 900);
		}
		bool over = at_s + 2 * 900 + 3600 < last_s + 5000;
		if (trades && !settled && over) {
			first_s = owed == 0 ? at_s : first_s;
			owed++;
		}
	}
	put(LEDGER_CLEARING, last_s, none, last_s + 5000);
	struct overdue o = find();
	assert_int_equal(o.intervals, owed);
	assert_int_equal(o.named, owed < OVERDUE_NAMED_MAX ? owed : OVERDUE_NAMED_MAX);
	assert_true(o.interval_s[0] == first_s && owed > 10);
}

static void test_silent_tariff(void **unused)
{
	/* Where no tariff says how long the wait is, it is the longest there can be; what cannot be
	 * read is named. */
	(void)unused;
	struct ledger_fault fault = { 0 };
	struct overdue o;
	put(LEDGER_TARIFF, small_begin_s, "{\"v\":1}", small_begin_s);
	put(LEDGER_CLEARING, small_begin_s, awarded, small_begin_s);
	put(LEDGER_CLEARING, small_begin_s + 6 * 86400, none, small_begin_s + 6 * 86400);
	assert_int_equal(find().intervals, 0);
	put(LEDGER_CLEARING, small_begin_s + 8 * 86400, none, small_begin_s + 8 * 86400);
	o = find();
	assert_true(o.intervals == 1 && o.interval_s[0] == small_begin_s);
	put(LEDGER_CLEARING, small_begin_s + 9 * 86400, "{\"v\":1}", small_begin_s + 9 * 86400);
	assert_int_equal(ledger_commit(ledger), 0);
	assert_int_equal(overdue_find(ledger, &o, &fault), -EBADMSG);
	assert_true(fault.sequence == 5 && *fault.what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_market_that_settles, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_owed, open_file, close_file),
		cmocka_unit_test_setup_teardown(test_silent_tariff, open_file, close_file),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
