/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who says too much at the market's desk. */
#include <unistd.h>

#include "small_market.h"

#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/senders.h"

enum { MESSAGES = 50, REVISIONS = 20, SAID_MAX = 4000 };

static char path[64];
static struct market_conf conf;
static struct ledger *ledger;
static struct desk *desk;

/* The receipts, as they were sent. */
static struct {
	char home[16];
	bool reading, accepted, again;
	int64_t revision;
} said[SAID_MAX];
static int saids;

static int hear(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	static const char *const kinds[] = { "bid", "meter", NULL };
	struct json_in in;
	int kind;
	(void)context;
	(void)retain;
	if (!strstr(topic, "/receipt")) {
		return 0;
	}
	assert_true(saids < SAID_MAX);
	assert_int_equal(json_parse(&in, payload, length), 0);
	assert_int_equal(json_get_text(&in, in.root, "home", said[saids].home, 16), 0);
	assert_int_equal(json_get_choice(&in, in.root, "kind", kinds, &kind), 0);
	assert_int_equal(json_get_flag(&in, in.root, "accepted", &said[saids].accepted), 0);
	said[saids].reading = kind == 1;
	said[saids].again = false;
	if (!said[saids].accepted) {
		assert_int_equal(json_get_flag(&in, in.root, "again", &said[saids].again), 0);
	}
	said[saids].revision = 0;
	if (kind == 0) {
		assert_int_equal(json_get_integer(&in, in.root, "revision", 0, INT32_MAX,
						  &said[saids].revision),
				 0);
	}
	saids++;
	json_free(&in);
	return 0;
}

static int open_with(int messages, int revisions)
{
	char why[160] = "";
	conf = small_market(0.3);
	conf.messages = messages;
	conf.rounds.revisions_max = revisions;
	write_temporary("", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ledger_open(path, 1000, &ledger, why, sizeof(why)), 0);
	const struct desk_conf c = { .market = &conf, .ledger = ledger, .send = hear };
	assert_int_equal(desk_new(&c, small_begin_s, &desk, why, sizeof(why)), 0);
	saids = 0;
	return 0;
}

static int open_desk(void **unused)
{
	(void)unused;
	return open_with(MESSAGES, 0);
}

static int open_for_revisions(void **unused)
{
	(void)unused;
	return open_with(0, REVISIONS);
}

static int close_desk(void **unused)
{
	(void)unused;
	desk_free(desk);
	ledger_close(ledger);
	return unlink(path);
}

static int receipts(const char *home, bool accepted)
{
	int n = 0;
	for (int i = 0; i < saids; i++) {
		n += strcmp(said[i].home, home) == 0 && said[i].accepted == accepted;
	}
	return n;
}

static void test_flood(void **unused)
{
	/* A home that says a hundred times what it may is heard at its rate, told so once, and its
	 * neighbours are answered as if it were not there. */
	(void)unused;
	const int64_t start_s = small_begin_s + 2 * SMALL_INTERVAL_S;
	int revision = 0;
	for (int i = 0; i < MESSAGES * 100; i++) {
		small_bid(desk, "loud", start_s, ++revision, "buy", small_begin_s);
		if (i % (MESSAGES * 10) == 0) {
			small_bid(desk, "quiet", start_s, 1 + i, "sell", small_begin_s);
		}
	}
	desk_commit(desk, small_begin_s);
	const struct desk_counts *n = desk_counts(desk);
	int taken = MESSAGES + 1; /* and the first, when it was a stranger */
	assert_int_equal(receipts("loud", true), taken);
	assert_int_equal(receipts("loud", false), 1);
	assert_int_equal(receipts("quiet", true), 10);
	assert_int_equal(receipts("quiet", false), 0);
	assert_int_equal(n->flood, MESSAGES * 100 - taken);
	assert_int_equal(n->bids[BID_ACCEPTED], taken + 10);
	assert_int_equal(desk_refusals(desk)->count, 1);
	assert_non_null(strstr(desk_refusals(desk)->last, "loud/flood: too many messages"));
	/* And with time it may again. */
	small_bid(desk, "loud", start_s, ++revision, "buy", small_begin_s + SMALL_INTERVAL_S / 10);
	desk_commit(desk, small_begin_s + SMALL_INTERVAL_S / 10);
	assert_int_equal(receipts("loud", true), taken + 1);
}

static void test_garbage(void **unused)
{
	/* Garbage, status and readings count as bids do, also of names that are none of ours; and
	 * what the operator says of a home does not. */
	(void)unused;
	static const char *const topics[] = { "lec/c/home/x/bid", "lec/c/home/x/meter",
					      "lec/c/home/x/status", "lec/c/home/x/what" };
	for (int i = 0; i < 1000; i++) {
		desk_hear(desk, topics[i % 4], "{]", 2, false, small_begin_s);
		desk_hear(desk, "lec/c/home/y/limit", "{]", 2, false, small_begin_s);
	}
	const struct desk_counts *n = desk_counts(desk);
	assert_int_equal(n->flood, 1000 - MESSAGES);
	assert_true(n->unreadable + n->readings_refused <= MESSAGES);
	small_reading(desk, "y", small_begin_s - SMALL_INTERVAL_S, 10, 0, small_begin_s);
	desk_commit(desk, small_begin_s);
	assert_int_equal(receipts("y", true), 1);
}

static void test_revisions(void **unused)
{
	/* A bid may be revised so often, and then only be taken back, once; each interval by
	 * itself, and another life of the market counts on. */
	(void)unused;
	char why[160];
	const int64_t start_s = small_begin_s + 2 * SMALL_INTERVAL_S;
	for (int life = 0; life < 2; life++) {
		for (int i = 1; i <= REVISIONS; i++) {
			small_bid(desk, "a", start_s, life * REVISIONS + i, "buy", small_begin_s);
		}
		desk_commit(desk, small_begin_s);
		assert_int_equal(receipts("a", true), REVISIONS);
		assert_int_equal(receipts("a", false), life * REVISIONS);
		desk_free(desk);
		const struct desk_conf c = { .market = &conf, .ledger = ledger, .send = hear };
		assert_int_equal(desk_new(&c, small_begin_s, &desk, why, sizeof(why)), 0);
	}
	small_bid(desk, "a", start_s + SMALL_INTERVAL_S, 1, "buy", small_begin_s);
	const char back[] = "{\"v\":1,\"home\":\"a\",\"interval\":\"2026-06-15T10:30:00Z\","
			    "\"length_s\":900,\"revision\":1000,\"currency\":\"EUR\","
			    "\"orders\":[]}";
	desk_hear(desk, "lec/c/home/a/bid", back, strlen(back), false, small_begin_s);
	desk_commit(desk, small_begin_s);
	assert_int_equal(receipts("a", true), REVISIONS + 2);
	small_bid(desk, "a", start_s, 1001, "buy", small_begin_s);
	desk_commit(desk, small_begin_s);
	assert_int_equal(receipts("a", true), REVISIONS + 2);
	assert_false(said[saids - 1].again);
}

static void test_names(void **unused)
{
	/* A home that is refused for everything there is leaves room in the log for others, each
	 * day anew. */
	(void)unused;
	for (int day = 0; day < 2; day++) {
		int64_t now_s = small_begin_s + day * 86400;
		for (int i = 0; i < 1000; i++) {
			char topic[64];
			snprintf(topic, sizeof(topic), "lec/c/home/x/leaf-%d", i);
			desk_hear(desk, topic, "{}", 2, false, now_s);
		}
		assert_int_equal(desk_refusals(desk)->kinds, NAMED_A_DAY);
		desk_hear(desk, "lec/c/home/y/bid", "{]", 2, false, now_s);
		assert_int_equal(desk_refusals(desk)->kinds, NAMED_A_DAY + 1);
		assert_int_equal(desk_refusals(desk)->count, (day + 1) * 1001);
	}
}

static void test_readings(void **unused)
{
	/* A reading is answered once it is on the disk, again when it is said again, and refused
	 * with a reason where it cannot be; what can be said again is told apart. */
	(void)unused;
	const int64_t now_s = small_begin_s, of_s = now_s - SMALL_INTERVAL_S;
	small_reading(desk, "a", of_s, 100, 0, now_s);
	assert_int_equal(saids, 0);
	small_reading(desk, "a", of_s, 100, 0, now_s);
	desk_commit(desk, now_s);
	assert_int_equal(receipts("a", true), 2);
	small_reading(desk, "a", of_s, 100, 0, now_s);
	desk_commit(desk, now_s);
	assert_int_equal(receipts("a", true), 3);
	assert_true(said[0].reading && said[2].reading);
	assert_int_equal(desk_counts(desk)->readings, 1);
	small_reading(desk, "a", now_s, 100, 0, now_s);
	assert_true(receipts("a", false) == 1 && !said[3].again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flood, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(test_garbage, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(test_revisions, open_for_revisions, close_desk),
		cmocka_unit_test_setup_teardown(test_names, open_for_revisions, close_desk),
		cmocka_unit_test_setup_teardown(test_readings, open_desk, close_desk),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
