/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "small_market.h"

#include "daemon/base/log.h"
#include "daemon/market/facts.h"

enum { INTERVAL_S = SMALL_INTERVAL_S, DAY_S = 86400 };

static char path[64];

static struct desk *open_desk(const struct market_conf *m, int64_t now_s, struct ledger **l)
{
	char why[160] = "";
	struct desk *d = NULL;
	assert_int_equal(ledger_open(path, 1000, l, why, sizeof(why)), 0);
	const struct desk_conf c = { .market = m, .ledger = *l, .send = small_nowhere };
	assert_int_equal(desk_new(&c, now_s, &d, why, sizeof(why)), 0);
	return d;
}

static void close_desk(struct desk *d, struct ledger *l)
{
	desk_free(d);
	ledger_close(l);
}

/* The second interval is the one that is traded and metered here. */
static void say_bid(struct desk *d, const char *home, const char *side, int64_t now_s)
{
	small_bid(d, home, small_begin_s + INTERVAL_S, 1, side, now_s);
}

static void say_reading(struct desk *d, const char *home, double import_wh, double export_wh,
			int64_t now_s)
{
	small_reading(d, home, small_begin_s + INTERVAL_S, import_wh, export_wh, now_s);
}

struct seen {
	int count;
	int64_t revision;
	struct fact_balance balance;
};

static int see_balance(const struct ledger_entry *e, void *argument)
{
	struct seen *s = argument;
	char why[FACT_WHY_MAX];
	s->count++;
	s->revision = e->revision;
	return fact_balance_read(e->text, &s->balance, why);
}

static struct seen balances(struct ledger *l)
{
	struct seen s = { 0 };
	const struct ledger_query q = { .kind = LEDGER_BALANCE, .to_s = INT64_MAX };
	assert_int_equal(ledger_each(l, &q, see_balance, &s), 0);
	return s;
}

/* Time passes, with a tick each ten seconds. */
static int64_t pass(struct desk *d, int64_t now_s, int64_t until_s)
{
	for (; now_s < until_s; now_s += 10) {
		desk_tick(d, now_s);
	}
	return now_s;
}

static void test_life_of_an_interval(void **unused)
{
	/* An interval is settled once its wait is over, as it was traded where a reading is
	 * missing; corrected when that comes, at the prices it was settled at, also in another life
	 * with another tariff; and left alone when nothing comes. */
	(void)unused;
	struct market_conf m = small_market(0.3), dearer = small_market(0.5);
	struct ledger *l;
	log_set_level(LOG_ERROR);
	write_temporary("", path);
	struct desk *d = open_desk(&m, small_begin_s, &l);
	say_bid(d, "a", "buy", small_begin_s);
	say_bid(d, "b", "sell", small_begin_s);
	int64_t end_s = small_begin_s + 2 * INTERVAL_S, now_s = pass(d, small_begin_s, end_s);
	say_reading(d, "a", 1000, 0, now_s);
	now_s = pass(d, now_s, end_s + 1700);
	assert_int_equal(balances(l).count, 0); /* b's is missing, and waited for */
	close_desk(d, l);

	d = open_desk(&m, now_s, &l);
	now_s = pass(d, now_s, end_s + 1900);
	struct seen s = balances(l);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.balance.sums.estimated, 1);
	assert_int_equal(s.balance.terms.utility_buy, 300000);
	now_s = pass(d, now_s, now_s + 3600);
	assert_int_equal(balances(l).count, 1);
	close_desk(d, l);

	d = open_desk(&dearer, now_s, &l);
	now_s = pass(d, now_s, now_s + 600);
	assert_int_equal(balances(l).count, 1); /* a new tariff changes nothing that is settled */
	say_reading(d, "b", 0, 400, now_s);
	say_reading(d, "b", 0, 400, now_s);
	now_s = pass(d, now_s, now_s + 120);
	s = balances(l);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.revision, 1);
	assert_int_equal(s.balance.sums.estimated, 0);
	assert_int_equal(s.balance.sums.traded, 400000);
	assert_int_equal(s.balance.terms.utility_buy, 300000);
	close_desk(d, l);
	assert_int_equal(unlink(path), 0);
}

static void test_all_are_there(void **unused)
{
	/* With all readings there is nothing to wait for. */
	(void)unused;
	struct market_conf m = small_market(0.3);
	struct ledger *l;
	write_temporary("", path);
	struct desk *d = open_desk(&m, small_begin_s, &l);
	say_bid(d, "a", "buy", small_begin_s);
	say_bid(d, "b", "sell", small_begin_s);
	int64_t now_s = pass(d, small_begin_s, small_begin_s + 2 * INTERVAL_S);
	say_reading(d, "a", 1000, 0, now_s);
	say_reading(d, "b", 0, 1000, now_s);
	(void)pass(d, now_s, now_s + 60);
	struct seen s = balances(l);
	assert_int_equal(s.count, 1);
	assert_true(s.balance.sums.estimated == 0 && s.balance.sums.traded == 1000000);
	close_desk(d, l);
	assert_int_equal(unlink(path), 0);
}

/* Two homes trade 1 kWh; the market's life ends when the interval does. */
static int64_t trade(const struct market_conf *m)
{
	struct ledger *l;
	struct desk *d = open_desk(m, small_begin_s, &l);
	say_bid(d, "a", "buy", small_begin_s);
	say_bid(d, "b", "sell", small_begin_s);
	int64_t end_s = pass(d, small_begin_s, small_begin_s + 2 * INTERVAL_S);
	assert_int_equal(balances(l).count, 0);
	close_desk(d, l);
	return end_s;
}

static void test_away_for_long(void **unused)
{
	/* A market that comes back after weeks settles what was traded before, once. */
	(void)unused;
	struct market_conf m = small_market(0.3);
	struct ledger *l;
	write_temporary("", path);
	int64_t now_s = trade(&m) + 20 * DAY_S;
	for (int life = 0; life < 2; life++) {
		struct desk *d = open_desk(&m, now_s, &l);
		now_s = pass(d, now_s, now_s + 60);
		struct seen s = balances(l);
		assert_int_equal(s.count, 1);
		assert_int_equal(s.balance.sums.estimated, 2);
		assert_int_equal(s.balance.sums.traded, 1000000);
		close_desk(d, l);
	}
	assert_int_equal(unlink(path), 0);
}

static void test_reading_weeks_later(void **unused)
{
	/* A reading that comes weeks later, in another life with another tariff, corrects at the
	 * prices the interval was settled at. */
	(void)unused;
	struct market_conf m = small_market(0.3), dearer = small_market(0.5);
	struct ledger *l;
	write_temporary("", path);
	int64_t now_s = trade(&m);
	struct desk *d = open_desk(&m, now_s, &l);
	now_s = pass(d, now_s, now_s + 2000);
	assert_int_equal(balances(l).count, 1);
	close_desk(d, l);

	now_s += 20 * DAY_S;
	d = open_desk(&dearer, now_s, &l);
	say_reading(d, "b", 0, 400, now_s);
	(void)pass(d, now_s, now_s + 120);
	struct seen s = balances(l);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.revision, 1);
	assert_int_equal(s.balance.terms.utility_buy, 300000);
	assert_int_equal(s.balance.sums.traded, 400000);
	close_desk(d, l);
	assert_int_equal(unlink(path), 0);
}

static void test_reading_beyond_connection(void **unused)
{
	/* A reading of more than twice what a connection carries is refused, and what a home had
	 * traded is settled without it; one within that is taken, and its own limits may raise it.
	 */
	(void)unused;
	struct named_limits b = { "b", { 0, 100000000, -MILLION, MILLION, 0 } };
	struct market_conf m = small_market(0.3);
	m.rounds.named = 1;
	m.rounds.home = &b;
	struct ledger *l;
	write_temporary("", path);
	int64_t now_s = trade(&m);
	struct desk *d = open_desk(&m, now_s, &l);
	say_reading(d, "a", 8001, 0, now_s);
	say_reading(d, "a", 0, 8001, now_s);
	say_reading(d, "b", 0, 200001, now_s);
	assert_int_equal(desk_refusals(d)->count, 3);
	assert_non_null(strstr(desk_refusals(d)->last, "connection"));
	say_reading(d, "a", 8000, 0, now_s);
	say_reading(d, "b", 0, 200000, now_s);
	assert_int_equal(desk_refusals(d)->count, 3);
	(void)pass(d, now_s, now_s + 60);
	assert_int_equal(balances(l).balance.sums.traded, 1000000);
	assert_int_equal(balances(l).balance.sums.delivered, 7000000);
	close_desk(d, l);
	assert_int_equal(unlink(path), 0);
}

static void test_round_is_gone(void **unused)
{
	/* A market whose configuration has a round no more does not start while bids that it
	 * acknowledged there are not cleared, and says so; afterwards it does. */
	(void)unused;
	struct market_conf m = small_market(0.3), other = small_market(0.3);
	strcpy(other.rounds.round[0].name, "other");
	struct ledger *l;
	char why[160] = "";
	write_temporary("", path);
	struct desk *d = open_desk(&m, small_begin_s, &l);
	say_bid(d, "a", "buy", small_begin_s);
	desk_tick(d, small_begin_s);
	desk_free(d);
	const struct desk_conf c = { .market = &other, .ledger = l, .send = small_nowhere };
	assert_int_equal(desk_new(&c, small_begin_s, &d, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "a has an open bid in the round r"));
	ledger_close(l);

	d = open_desk(&m, small_begin_s, &l);
	(void)pass(d, small_begin_s, small_begin_s + INTERVAL_S);
	close_desk(d, l);
	d = open_desk(&other, small_begin_s + INTERVAL_S - 10, &l);
	close_desk(d, l);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_of_an_interval),
		cmocka_unit_test(test_all_are_there),
		cmocka_unit_test(test_round_is_gone),
		cmocka_unit_test(test_away_for_long),
		cmocka_unit_test(test_reading_beyond_connection),
		cmocka_unit_test(test_reading_weeks_later),
	};
	return cmocka_run_group_tests_name("desk settle", tests, NULL, NULL);
}
