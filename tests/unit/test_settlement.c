/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "daemon/market/audit.h"
#include "daemon/market/bill.h"
#include "daemon/market/money.h"
#include "daemon/market/settlement.h"
#include "faulty_disk.h"

enum { START_S = 1764288000, LENGTH_S = 900, HOMES = 12, WHY = 200, DEATHS = 120 };

static uint64_t seed;
static char folder[64], path[80];
static const char *const members[HOMES] = { "home-00", "home-01", "home-02", "home-03",
					    "home-04", "home-05", "home-06", "home-07",
					    "home-08", "home-09", "home-10", "home-11" };

static int use_disk(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/lecd-settlement-test-XXXXXX");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	disk_install();
	return 0;
}

static int leave_disk(void **state)
{
	(void)state;
	char command[100];
	disk_uninstall();
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct ledger *open_ledger(void)
{
	struct ledger *l = NULL;
	char why[WHY] = "";
	if (ledger_open(path, 0, &l, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	return l;
}

static int64_t whole(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next(&seed) % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
	return whole(1, 100) <= percent;
}

static struct settlement_order order_at(int64_t interval_s)
{
	struct settlement_order o = { .interval_s = interval_s,
				      .length_s = LENGTH_S,
				      .made_s = interval_s + LENGTH_S,
				      .terms = { .rule = SETTLE_METERED,
						 .utility_buy = 250000,
						 .utility_sell = 80000,
						 .network_fee = 50000,
						 .local_fee = 20000 },
				      .currency = "EUR",
				      .member = members,
				      .members = HOMES };
	return o;
}

static int put(struct ledger *l, enum ledger_kind kind, const char *round, int64_t interval_s,
	       const char *home, int64_t revision, const char *text)
{
	struct ledger_entry e = { .made_s = interval_s,
				  .kind = kind,
				  .interval_s = interval_s,
				  .revision = revision,
				  .text = text };
	snprintf(e.round, sizeof(e.round), "%s", round);
	snprintf(e.home, sizeof(e.home), "%s", home);
	return ledger_append(l, &e);
}

static void put_meter(struct ledger *l, int64_t interval_s, int home, int64_t revision)
{
	struct fact_meter m = { .import = whole(0, 900000), .export = whole(0, 400000) };
	char text[FACT_TEXT_MAX];
	assert_true(fact_meter_write(&m, text, sizeof(text)) > 0);
	(void)put(l, LEDGER_METER, "", interval_s, members[home], revision, text);
}

/* A round's awards: each seller with the buyer after it. */
static void put_awards(struct ledger *l, const char *round, int64_t interval_s)
{
	int64_t price = whole(80000, 280000);
	for (int i = 0; i + 1 < HOMES; i += 2) {
		int64_t energy = whole(1, 500000);
		struct fact_award buys = { .bought = energy, .paid = money_of(price, energy) };
		struct fact_award sells = { .sold = energy, .received = money_of(price, energy) };
		char text[FACT_TEXT_MAX];
		assert_true(fact_award_write(&sells, text, sizeof(text)) > 0);
		(void)put(l, LEDGER_AWARD, round, interval_s, members[i], 0, text);
		assert_true(fact_award_write(&buys, text, sizeof(text)) > 0);
		(void)put(l, LEDGER_AWARD, round, interval_s, members[i + 1], 0, text);
	}
}

static int settle(struct ledger *l, int64_t interval_s)
{
	char why[WHY] = "";
	struct settlement_order o = order_at(interval_s);
	return settlement_append(l, &o, why, sizeof(why));
}

static void audited(struct ledger *l, struct audit *out)
{
	struct ledger_fault fault = { 0 };
	struct audit sums = { 0 };
	int r = audit_balances(l, NULL, NULL, &sums, &fault);
	if (r < 0) {
		fail_msg("entry %lld: %s", (long long)fault.sequence, fault.what);
	}
	assert_int_equal(ledger_verify(l, NULL, NULL, &fault), 0);
	if (out) {
		*out = sums;
	}
}

static void bill_of(struct ledger *l, int home, struct bill *b)
{
	char why[WHY] = "";
	assert_int_equal(
		bill_read(l, members[home], START_S, START_S + 100 * LENGTH_S, b, why, sizeof(why)),
		0);
}

static void late_readings_correct(void **state)
{
	/* Without a reading an interval is settled as awarded and marked; the reading, when it
	 * comes, corrects it by later entries; settling again without news appends nothing. */
	(void)state;
	struct ledger *l = open_ledger();
	struct settlement_outlook seen;
	struct settlement_order o = order_at(START_S);
	put_awards(l, "day-ahead", START_S);
	put_awards(l, "intraday", START_S);
	for (int i = 1; i < HOMES; i++) {
		put_meter(l, START_S, i, 0);
	}
	assert_int_equal(settlement_look(l, &o, &seen), 0);
	assert_true(seen.homes == HOMES && seen.metered == HOMES - 1);
	assert_int_equal(settle(l, START_S), HOMES + 1);
	assert_int_equal(settle(l, START_S), 0);
	assert_int_equal(ledger_commit(l), 0);
	struct bill b;
	bill_of(l, 0, &b);
	assert_true(b.rows == 1 && b.estimated == 1 && b.corrected == 0);
	assert_int_equal(b.sum.export, b.sum.sold);
	bill_free(&b);
	struct audit sums;
	audited(l, &sums);
	assert_true(sums.intervals == 1 && sums.corrections == 0 && sums.estimated == 1);

	put_meter(l, START_S, 0, 0);
	int corrected = settle(l, START_S);
	assert_true(corrected >= 2 && corrected <= HOMES + 1);
	put_meter(l, START_S, 0, 1); /* a reading that was wrong */
	assert_true(settle(l, START_S) >= 2);
	assert_int_equal(settle(l, START_S), 0);
	assert_int_equal(ledger_commit(l), 0);
	bill_of(l, 0, &b);
	assert_true(b.rows == 1 && b.estimated == 0 && b.corrected == 1);
	bill_free(&b);
	audited(l, &sums);
	assert_true(sums.intervals == 1 && sums.corrections == 2 && sums.estimated == 0);
	ledger_close(l);
}

static void others_get_a_line_too(void **state)
{
	/* Who is no member any more and traded or was metered is settled; who did neither is not.
	 */
	(void)state;
	struct ledger *l = open_ledger();
	struct settlement_order o = order_at(START_S);
	struct settlement_outlook seen;
	put_awards(l, "intraday", START_S);
	put_meter(l, START_S, 3, 0);
	o.members = 0;
	assert_int_equal(settlement_look(l, &o, &seen), 0);
	assert_true(seen.homes == HOMES && seen.metered == 1);
	o.interval_s += LENGTH_S;
	assert_int_equal(settlement_look(l, &o, &seen), 0);
	assert_int_equal(seen.homes, 0);
	ledger_close(l);
}

static void the_latest_grid_cost_is_paid(void **state)
{
	/* What a home's trades cost the grid is that of all its rounds by the last award that tells
	 * it, is settled once, goes to the grid, and the proof holds. */
	(void)state;
	static const struct {
		const char *round;
		bool told;
		int64_t micro;
	} awards[] = {
		{ "c", true, 900 }, { "a", true, 1200 }, { "b", true, 500 }, { "d", false, 0 }
	};
	struct ledger *l = open_ledger();
	struct bill b;
	char text[FACT_TEXT_MAX];
	for (size_t i = 0; i < sizeof(awards) / sizeof(*awards); i++) {
		const struct fact_award a = { .grid_cost = { awards[i].told, awards[i].micro } };
		assert_true(fact_award_write(&a, text, sizeof(text)) > 0);
		(void)put(l, LEDGER_AWARD, awards[i].round, START_S, members[0], 0, text);
	}
	assert_true(settle(l, START_S) > 0);
	assert_int_equal(settle(l, START_S), 0);
	assert_int_equal(ledger_commit(l), 0);
	bill_of(l, 0, &b);
	assert_true(b.sum.fees == 500 && b.sum.total == 500);
	bill_free(&b);
	audited(l, NULL);
	ledger_close(l);
}

static void bills_add_up_to_the_accounts(void **state)
{
	/* Over many intervals with readings missing, late and revised, the sum of all bills is what
	 * the balances that stand say, and nobody pays more than with the utility alone. */
	(void)state;
	struct ledger *l = open_ledger();
	for (int i = 0; i < 60; i++) {
		int64_t at_s = START_S + i * LENGTH_S;
		put_awards(l, "intraday", at_s);
		for (int h = 0; h < HOMES; h++) {
			if (chance(85)) {
				put_meter(l, at_s, h, 0);
			}
		}
		assert_true(settle(l, at_s) > 0);
		int64_t back_s = START_S + whole(0, i) * LENGTH_S;
		put_meter(l, back_s, (int)whole(0, HOMES - 1), whole(0, 3));
		assert_true(settle(l, back_s) >= 0);
		assert_int_equal(ledger_commit(l), 0);
	}
	struct audit sums;
	audited(l, &sums);
	assert_true(sums.intervals == 60 && sums.corrections > 10 && sums.estimated > 0);
	int64_t bought = 0, sold = 0, rest = 0;
	int estimated = 0;
	for (int h = 0; h < HOMES; h++) {
		struct bill b;
		bill_of(l, h, &b);
		assert_true(b.rows == 60 && b.settled == 60 && b.expected == 100);
		assert_string_equal(b.currency, "EUR");
		assert_true(b.sum.total <= b.sum.alone);
		bought += b.sum.bought;
		sold += b.sum.sold;
		estimated += b.estimated;
		rest += b.sum.import - b.sum.export - b.sum.from_utility + b.sum.to_utility;
		bill_free(&b);
	}
	assert_true(bought == sold && bought == sums.traded && rest == 0);
	assert_int_equal(estimated, sums.estimated);
	ledger_close(l);
}

static void wrong_sums_are_named(void **state)
{
	/* A line or an account that is not what awards and readings come to is named, however well
	 * it is chained: who writes the ledger cannot write what it likes. */
	(void)state;
	static const struct {
		bool line;
		const char *what;
	} cases[] = { { true,
			"a home's line is not what its awards and readings come to: home-04" },
		      { false, "the accounts are not those of its lines" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ledger *l = open_ledger();
		char text[FACT_TEXT_MAX], why[WHY];
		put_awards(l, "intraday", START_S);
		struct settlement_book b = { 0 };
		assert_int_equal(settle(l, START_S), HOMES + 1);
		assert_int_equal(settlement_read(l, START_S, INT64_MAX, &b, why, sizeof(why)), 0);
		if (cases[i].line) {
			b.home[4].line.total -= 1;
			b.home[4].line.received += 1;
		}
		fact_line_write(&b.home[4].line, text, sizeof(text));
		assert_int_equal(put(l, LEDGER_SETTLEMENT, "", START_S, members[4], 1, text), 0);
		struct ledger_entry first = { .kind = LEDGER_BALANCE, .interval_s = START_S };
		struct fact_balance balance;
		assert_int_equal(ledger_find(l, &first, text, sizeof(text)), 0);
		assert_int_equal(fact_balance_read(text, &balance, why), 0);
		balance.sums.residue += !cases[i].line;
		fact_balance_write(&balance, text, sizeof(text));
		assert_int_equal(put(l, LEDGER_BALANCE, "", START_S, "", 1, text), 0);
		assert_int_equal(ledger_commit(l), 0);
		struct ledger_fault fault = { 0 };
		struct audit sums;
		assert_int_equal(audit_balances(l, NULL, NULL, &sums, &fault), -EBADMSG);
		assert_string_equal(fault.what, cases[i].what);
		assert_int_equal(fault.sequence, HOMES + HOMES + 1 + 2);
		settlement_free(&b);
		ledger_close(l);
		disk_format();
	}
}

static void settlements_have_a_balance(void **state)
{
	/* A settlement without a balance of its revision is named. */
	(void)state;
	struct ledger *l = open_ledger();
	struct settle_line line = { 0 };
	char text[FACT_TEXT_MAX];
	assert_true(settle(l, START_S) > 0);
	fact_line_write(&line, text, sizeof(text));
	assert_int_equal(put(l, LEDGER_SETTLEMENT, "", START_S, members[0], 5, text), 0);
	assert_int_equal(ledger_commit(l), 0);
	struct ledger_fault fault = { 0 };
	struct audit sums;
	assert_int_equal(audit_balances(l, NULL, NULL, &sums, &fault), -EBADMSG);
	assert_string_equal(fault.what, "a settlement without its balance: home-00");
	ledger_close(l);
}

static void unreadable_entries_are_named(void **state)
{
	/* An award or a reading that cannot be read stops the settlement, by its sequence. */
	(void)state;
	struct ledger *l = open_ledger();
	char why[WHY] = "";
	struct settlement_order o = order_at(START_S);
	put_awards(l, "intraday", START_S);
	assert_int_equal(put(l, LEDGER_METER, "", START_S, members[0], 0, "{\"v\":1}"), 0);
	assert_int_equal(settlement_append(l, &o, why, sizeof(why)), -EBADMSG);
	assert_string_equal(why, "entry 13: import_mwh: expected an integer from "
				 "-4000000000000000000 to 4000000000000000000");
	ledger_close(l);
}

static void survives_any_death(void **state)
{
	/* Killed or without power in the midst of clearing, metering and settling, an interval is
	 * settled whole or not at all, and going on comes to balances that can be proven. */
	(void)state;
	int64_t next = 0;
	for (int i = 0; i < (is_watched() ? DEATHS / 5 : DEATHS); i++) {
		struct ledger *l = NULL;
		char why[WHY] = "";
		disk_die_after(whole(1, 250));
		int r = ledger_open(path, 0, &l, why, sizeof(why));
		for (int64_t n = next; r == 0 && n < next + 20; n++) {
			int64_t at_s = START_S + n * LENGTH_S;
			put_awards(l, "intraday", at_s);
			r = ledger_commit(l);
			for (int h = 0; h < HOMES && chance(95); h++) {
				put_meter(l, at_s, h, 0);
			}
			r = r ? r : ledger_commit(l);
			(void)settle(l, at_s);
			r = r ? r : ledger_commit(l);
		}
		ledger_close(l);
		disk_revive(chance(50) ? DISK_KILLED : DISK_POWER_CUT, &seed);
		l = open_ledger();
		struct audit sums;
		audited(l, &sums);
		next = sums.intervals > 0 ? sums.intervals - 1 : 0; /* the last one again */
		ledger_close(l);
		if (next > 25) {
			disk_format();
			next = 0;
		}
	}
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, use_disk, leave_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_DISK(late_readings_correct),        ON_DISK(others_get_a_line_too),
		ON_DISK(bills_add_up_to_the_accounts), ON_DISK(wrong_sums_are_named),
		ON_DISK(settlements_have_a_balance),   ON_DISK(unreadable_entries_are_named),
		ON_DISK(survives_any_death),           ON_DISK(the_latest_grid_cost_is_paid),
	};
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
