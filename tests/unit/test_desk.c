/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market at its desk, on a disk and a network that fail all the time: it is killed or loses
 * power at any write and at any message it sends, its clock steps back, messages are lost, doubled
 * and overtake each other, and homes know no better than to say again what was not acknowledged. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/audit.h"
#include "daemon/market/bill.h"
#include "daemon/market/desk.h"
#include "daemon/market/messages.h"
#include "daemon/market/records.h"
#include "faulty_disk.h"

enum {
	ROUNDS = 300, /* or TEST_ROUNDS: 100,000 take some minutes */
	EPOCH = 100,  /* rounds of one ledger */
	HOMES = 5,
	REVISIONS = 12,
	INTERVAL_S = 900,
	STEP_S = 60,
	GATE_S = 120,
	AHEAD = 3, /* intervals that homes bid for at a time */
	LETTERS = 256,
	LETTER_SIZE = 700,
	START_S = 1764288000,
};

static uint64_t seed;
static char path[] = "/tmp/lecd-desk-test.XXXXXX";

/* What a home said for an interval, and what it was told. */
struct dealing {
	int revision; /* said last; 0: nothing */
	char orders[REVISIONS][220];
	uint32_t acknowledged; /* bit n: revision n */
	uint32_t refused;
	bool metered;            /* a reading was acknowledged */
	char award[LETTER_SIZE]; /* as it was sent; "": none */
};

struct letter {
	char topic[64], text[LETTER_SIZE];
};

/* The world of one ledger. */
static struct {
	struct market_conf conf;
	struct desk *desk;
	struct ledger *ledger;
	int64_t now_s, first_s;
	struct dealing dealing[HOMES][EPOCH + AHEAD + 4];
	struct letter letter[LETTERS];
	int letters;
	bool broker_away;
	long sends_left; /* until it is killed in sending; < 0: it is not */
	long deaths, full, acknowledged, readings, doubled, lost;
} world;

static int64_t whole(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next(&seed) % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
	return whole(1, 100) <= percent;
}

static void read_conf(void)
{
	char conf[64];
	struct diag d = { .to = stderr };
	write_temporary("[market]\ncommunity = fjord\nledger = none\nhomes = 8\norders = 4\n"
			"import-limit = 20 kW\nexport-limit = 20 kW\n"
			"[tariff]\nbuy = 0.25 EUR/kWh\nnetwork-charge = 0.05 EUR/kWh\n"
			"sell = 0.08 EUR/kWh\n"
			"[settlement]\nlocal-network-charge = 0.02 EUR/kWh\nmeter-wait = 30 min\n"
			"[round intraday]\ngate-closure = 2 min\nopens = 2 h\nmechanism = uniform\n"
			"[mqtt]\nbroker = mqtt://localhost\n",
			conf);
	assert_int_equal(market_conf_read(conf, &world.conf, &d), 0);
	remove(conf);
}

/* --- homes ------------------------------------------------------------------------------------ */

static void home_name(int home, char out[16])
{
	snprintf(out, 16, "home-%d", home);
}

static int number_of(int64_t interval_s)
{
	return (int)((interval_s - world.first_s) / INTERVAL_S);
}

/* Put it on its way: it may be lost, and be there twice. */
static void post(int home, const char *leaf, const char *text)
{
	char name[16];
	int copies = chance(10) ? 0 : chance(15) ? 2 : 1;
	home_name(home, name);
	world.lost += copies == 0;
	world.doubled += copies == 2;
	for (int i = 0; i < copies && world.letters < LETTERS; i++) {
		struct letter *l = &world.letter[world.letters++];
		snprintf(l->topic, sizeof(l->topic), "lec/fjord/home/%s/%s", name, leaf);
		snprintf(l->text, sizeof(l->text), "%s", text);
	}
}

static void make_orders(char out[220])
{
	int n = 0, steps = chance(10) ? 0 : (int)whole(1, 2);
	out[0] = '\0';
	for (int i = 0; i < steps; i++) {
		n += snprintf(out + n, (size_t)(220 - n),
			      "%s{\"side\":\"%s\",\"price\":0.%03d,\"quantity\":%d.%06d}",
			      i ? "," : "", chance(50) ? "buy" : "sell", (int)whole(50, 290),
			      (int)whole(0, 1), (int)whole(1, 999999));
	}
}

static void say_bid(int home, int64_t interval_s, int revision)
{
	char text[LETTER_SIZE], at[ISOTIME_SIZE], name[16];
	home_name(home, name);
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"%s\",\"interval\":\"%s\",\"length_s\":%d,\"revision\":%d,"
		 "\"currency\":\"EUR\",\"orders\":[%s]}",
		 name, isotime_format(interval_s, at), INTERVAL_S, revision,
		 world.dealing[home][number_of(interval_s)].orders[revision - 1]);
	post(home, "bid", text);
}

/* Bid, say again what was not answered, change one's mind. */
static void deal(int home, int64_t interval_s)
{
	struct dealing *d = &world.dealing[home][number_of(interval_s)];
	bool answered = (d->acknowledged | d->refused) >> d->revision & 1;
	if (d->revision < REVISIONS && (d->revision == 0 ? chance(60) : chance(4))) {
		make_orders(d->orders[d->revision++]);
		say_bid(home, interval_s, d->revision);
	} else if (d->revision > 0 && !answered) {
		say_bid(home, interval_s, d->revision);
	} else if (d->revision > 1 && chance(3)) {
		say_bid(home, interval_s, (int)whole(1, d->revision)); /* an old one, late */
	}
}

static void say_meter(int home, int64_t interval_s)
{
	char text[LETTER_SIZE], at[ISOTIME_SIZE], name[16];
	home_name(home, name);
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"%s\",\"interval\":\"%s\",\"length_s\":%d,\"import_wh\":%d.%"
		 "03d,"
		 "\"export_wh\":%d,\"known_s\":%d}",
		 name, isotime_format(interval_s, at), INTERVAL_S, (int)whole(0, 1500),
		 (int)whole(0, 999), (int)whole(0, 900), INTERVAL_S);
	post(home, "meter", text);
}

static void homes_act(void)
{
	int64_t current_s = world.now_s / INTERVAL_S * INTERVAL_S;
	for (int h = 0; h < HOMES; h++) {
		for (int a = 1; a <= AHEAD; a++) {
			if (chance(30)) {
				deal(h, current_s + a * INTERVAL_S);
			}
		}
		if (chance(12) && current_s > world.first_s) {
			int64_t back = whole(1, chance(90) ? 2 : 8);
			int64_t of_s = current_s - back * INTERVAL_S;
			say_meter(h, of_s < world.first_s ? world.first_s : of_s);
		}
		if (chance(2)) {
			post(h, "status", "online");
		}
	}
}

/* --- what the market says --------------------------------------------------------------------- */

static struct dealing *dealing_of(const char *topic, struct json_in *in, const char *text,
				  size_t length)
{
	char at[ISOTIME_SIZE];
	int64_t interval_s;
	int home = topic[10] - '0'; /* "home/home-N/..." */
	assert_true(home >= 0 && home < HOMES);
	assert_int_equal(json_parse(in, text, length), 0);
	if (json_get_text(in, in->root, "interval", at, sizeof(at)) < 0) {
		return NULL;
	}
	assert_int_equal(isotime_parse(at, &interval_s), 0);
	int n = number_of(interval_s);
	return n >= 0 && n < EPOCH + AHEAD + 4 ? &world.dealing[home][n] : NULL;
}

static void hear_receipt(struct dealing *d, struct json_in *in)
{
	static const char *const kinds[] = { "bid", "meter", NULL };
	int64_t revision;
	int kind;
	bool accepted;
	assert_int_equal(json_get_choice(in, in->root, "kind", kinds, &kind), 0);
	assert_int_equal(json_get_flag(in, in->root, "accepted", &accepted), 0);
	if (kind == 1) {
		world.readings += accepted && !d->metered;
		d->metered |= accepted;
		return;
	}
	assert_int_equal(json_get_integer(in, in->root, "revision", 1, REVISIONS, &revision), 0);
	if (accepted) {
		world.acknowledged += !(d->acknowledged >> revision & 1);
		d->acknowledged |= 1u << revision;
	} else if (chance(50)) {
		d->refused |= 1u << revision;
	}
}

/* What is sent is said, whether or not it arrives: a promise counts from here. */
static int take(void *context, const char *topic, const char *text, size_t length, bool retain)
{
	(void)context;
	(void)retain;
	if (world.sends_left > 0 && --world.sends_left == 0) {
		disk.dead = true; /* killed before it was out */
	}
	if (disk.dead || world.broker_away) {
		return -ENOTCONN;
	}
	bool receipt = strstr(topic, "/receipt"), award = strstr(topic, "/award");
	if (!receipt && !award) {
		return 0;
	}
	struct json_in in;
	struct dealing *d = dealing_of(topic, &in, text, length);
	if (d && receipt) {
		hear_receipt(d, &in);
	} else if (d) {
		/* Told again, it is the same to the letter. */
		assert_true(d->award[0] == '\0' || strcmp(d->award, text) == 0);
		snprintf(d->award, sizeof(d->award), "%s", text);
	}
	json_free(&in);
	return 0;
}

/* --- its lives -------------------------------------------------------------------------------- */

static void be_born(void)
{
	char why[200] = "";
	const struct desk_conf c = { .market = &world.conf, .send = take };
	for (;;) {
		world.ledger = NULL;
		disk.bytes_max = 0;
		disk_die_after(chance(30) ? whole(1, 60) : -1); /* in going up, too */
		world.sends_left = -1;
		int r = ledger_open(path, 0, &world.ledger, why, sizeof(why));
		struct desk_conf with = c;
		with.ledger = world.ledger;
		r = r ? r : desk_new(&with, world.now_s, &world.desk, why, sizeof(why));
		if (r == 0) {
			desk_greet(world.desk, world.now_s);
			return;
		}
		if (!disk.dead) {
			fail_msg("not born: %s", why);
		}
		ledger_close(world.ledger);
		disk_revive(chance(50) ? DISK_KILLED : DISK_POWER_CUT, &seed);
		world.deaths++;
	}
}

static void die(void)
{
	world.deaths++;
	desk_free(world.desk);
	ledger_close(world.ledger);
	disk_revive(chance(50) ? DISK_KILLED : DISK_POWER_CUT, &seed);
	if (chance(20)) {
		world.now_s += chance(70) ? whole(0, 300) : -whole(0, 600);
	}
	be_born();
}

static void deliver_one(void)
{
	int i = (int)whole(0, world.letters - 1); /* they overtake each other */
	struct letter l = world.letter[i];
	world.letter[i] = world.letter[--world.letters];
	desk_hear(world.desk, l.topic, l.text, strlen(l.text), false, world.now_s);
}

/* Its end comes with one of its next writes, or the next messages that it sends. */
static void tempt_fate(void)
{
	if (chance(1)) {
		disk_die_after(whole(1, chance(80) ? 40 : 400));
	} else if (chance(1)) {
		world.sends_left = whole(1, 12);
	}
	/* Or it lives on, and its disk is full for a while. */
	disk.bytes_max = chance(disk.bytes_max ? 60 : 2);
	world.full += disk.bytes_max > 0;
}

static void step(void)
{
	homes_act();
	tempt_fate();
	world.broker_away = chance(world.broker_away ? 70 : 1);
	while (world.letters > 0 && !chance(5) && !disk.dead) {
		deliver_one();
		if (chance(20)) {
			desk_commit(world.desk, world.now_s);
		}
	}
	if (!disk.dead) {
		desk_tick(world.desk, world.now_s);
	}
	if (disk.dead) {
		die();
	}
	world.now_s += STEP_S;
}

/* --- what must hold --------------------------------------------------------------------------- */

static int count_entry(const struct ledger_entry *e, void *argument)
{
	(void)e;
	++*(int *)argument;
	return 0;
}

static int count_facts(enum ledger_kind kind, int64_t interval_s, const char *home)
{
	const struct ledger_query q = { kind, interval_s, interval_s + 1, home, false };
	int count = 0;
	assert_int_equal(ledger_each(world.ledger, &q, count_entry, &count), 0);
	return count;
}

/* What was acknowledged stands, with the orders that were said. */
static void check_promises(int home, int64_t interval_s, const struct dealing *d)
{
	struct ledger_entry e = { .kind = LEDGER_BID,
				  .round = "intraday",
				  .interval_s = interval_s };
	home_name(home, e.home);
	for (int r = 1; r <= REVISIONS; r++) {
		char text[RECORD_TEXT_MAX], ours[RECORD_TEXT_MAX], why[MESSAGE_WHY_MAX];
		if (!(d->acknowledged >> r & 1)) {
			continue;
		}
		e.revision = r;
		assert_int_equal(ledger_find(world.ledger, &e, text, sizeof(text)), 0);
		struct round_bid b;
		char at[ISOTIME_SIZE], payload[LETTER_SIZE];
		int n = snprintf(payload, sizeof(payload),
				 "{\"v\":1,\"home\":\"%s\",\"interval\":\"%s\",\"length_s\":%d,"
				 "\"revision\":%d,\"currency\":\"EUR\",\"orders\":[%s]}",
				 e.home, isotime_format(interval_s, at), INTERVAL_S, r,
				 d->orders[r - 1]);
		assert_int_equal(message_read_bid(&world.conf, e.home, payload, (size_t)n, &b, why),
				 0);
		assert_true(record_bid_write(&b, ours, sizeof(ours)) > 0);
		assert_string_equal(text, ours);
	}
}

struct last_bid {
	int64_t before; /* sequence of the clearing */
	char home[HOMES][RECORD_TEXT_MAX];
};

static int take_last(const struct ledger_entry *e, void *argument)
{
	struct last_bid *last = argument;
	assert_true(e->sequence < last->before); /* none was taken after the gate */
	snprintf(last->home[e->home[5] - '0'], RECORD_TEXT_MAX, "%s", e->text);
	return 0;
}

static int take_clearing(const struct ledger_entry *e, void *argument)
{
	struct last_bid *last = argument;
	last->before = e->sequence;
	return 0;
}

/* Cleared once, from the last bid of each home; by doing it again from the ledger. */
static void check_clearing(int64_t interval_s)
{
	static struct last_bid last;
	memset(&last, 0, sizeof(last));
	struct ledger_query q = { LEDGER_CLEARING, interval_s, interval_s + 1, NULL, false };
	assert_int_equal(count_facts(LEDGER_CLEARING, interval_s, NULL), 1);
	assert_int_equal(ledger_each(world.ledger, &q, take_clearing, &last), 0);
	q.kind = LEDGER_BID;
	assert_int_equal(ledger_each(world.ledger, &q, take_last, &last), 0);

	struct ledger_entry e = { .kind = LEDGER_CLEARING,
				  .round = "intraday",
				  .interval_s = interval_s };
	char cleared[RECORD_TEXT_MAX], again[RECORD_TEXT_MAX], why[FACT_WHY_MAX];
	assert_int_equal(ledger_find(world.ledger, &e, cleared, sizeof(cleared)), 0);
	struct rounds *r = NULL;
	struct round_clearing c;
	assert_int_equal(rounds_new(&world.conf.rounds, &r), 0);
	for (int h = 0; h < HOMES; h++) {
		struct round_bid b = { .start_s = interval_s, .revision = 1 };
		home_name(h, b.home);
		if (last.home[h][0]) {
			assert_int_equal(record_bid_read(last.home[h], &b, why), 0);
			assert_int_equal(rounds_restore_bid(r, 0, &b), 0);
		}
	}
	bool was_void = strstr(cleared, "\"void\":true");
	int64_t at_s = was_void ? interval_s : interval_s - GATE_S;
	assert_int_equal(rounds_clear(r, 0, interval_s, at_s, 250000, 80000, &c), 0);
	assert_true(record_clearing_write(&c, world.conf.rounds.round[0].mechanism, 250000, 80000,
					  again, sizeof(again)) > 0);
	assert_string_equal(cleared, again);
	assert_int_equal(count_facts(LEDGER_AWARD, interval_s, NULL), c.awards);
	rounds_free(r);
}

/* What a home was told is what stands. */
static void check_award(int home, int64_t interval_s, const struct dealing *d)
{
	struct ledger_entry e = { .kind = LEDGER_AWARD,
				  .round = "intraday",
				  .interval_s = interval_s };
	char text[FACT_TEXT_MAX], told[LETTER_SIZE], why[FACT_WHY_MAX];
	struct fact_award a;
	home_name(home, e.home);
	if (d->award[0]) {
		assert_int_equal(ledger_find(world.ledger, &e, text, sizeof(text)), 0);
		assert_int_equal(fact_award_read(text, &a, why), 0);
		assert_true(message_award(&world.conf, e.home, "intraday", interval_s, &a, NULL,
					  told, sizeof(told)) > 0);
		assert_string_equal(d->award, told);
	}
}

/* A reading that was acknowledged stands. */
static void check_reading(int home, int64_t interval_s, const struct dealing *d)
{
	char name[16];
	home_name(home, name);
	assert_true(!d->metered || count_facts(LEDGER_METER, interval_s, name) > 0);
}

static void check_world(int rounds)
{
	struct ledger_fault fault = { 0 };
	struct audit sums;
	assert_int_equal(ledger_verify(world.ledger, NULL, NULL, &fault), 0);
	if (audit_balances(world.ledger, NULL, NULL, &sums, &fault) < 0) {
		fail_msg("entry %lld: %s", (long long)fault.sequence, fault.what);
	}
	for (int n = 1; n < rounds; n++) {
		int64_t interval_s = world.first_s + n * INTERVAL_S;
		check_clearing(interval_s);
		for (int h = 0; h < HOMES; h++) {
			check_promises(h, interval_s, &world.dealing[h][n]);
			check_award(h, interval_s, &world.dealing[h][n]);
			check_reading(h, interval_s, &world.dealing[h][n]);
		}
	}
	for (int h = 0; h < HOMES; h++) {
		struct bill b;
		char name[16], why[200];
		home_name(h, name);
		assert_int_equal(bill_read(world.ledger, name, world.first_s, world.now_s, &b, why,
					   sizeof(why)),
				 0);
		assert_true(b.sum.total <= b.sum.alone);
		bill_free(&b);
	}
}

/* A ledger from its first entry, through so many rounds. */
static void live(int rounds)
{
	disk_format();
	memset(world.dealing, 0, sizeof(world.dealing));
	world.first_s = world.now_s = START_S;
	world.letters = 0;
	be_born();
	while (number_of(world.now_s) < rounds) {
		step();
	}
	disk.bytes_max = 0;
	disk_die_after(-1); /* and at last in peace: what is due is done */
	world.sends_left = -1;
	world.broker_away = false;
	for (int i = 0; i < 3; i++) {
		desk_tick(world.desk, world.now_s);
	}
	check_world(rounds);
	desk_free(world.desk);
	ledger_close(world.ledger);
}

static void survives_all_faults(void **state)
{
	/* Through any deaths, losses, repetitions and disorder: the chain holds, energy and money
	 * balance, no acknowledged bid or reading is lost, each interval is cleared once and from
	 * the last bids, and nobody is told anything else than what stands. */
	(void)state;
	const char *given = getenv("TEST_ROUNDS");
	int rounds = given ? atoi(given) : is_watched() ? ROUNDS / 5 : ROUNDS;
	for (int done = 0; done < rounds; done += EPOCH) {
		live(rounds - done < EPOCH ? rounds - done : EPOCH);
		if (given && (done + EPOCH) % 1000 == 0) {
			print_message("%d rounds, %ld deaths\n", done + EPOCH, world.deaths);
		}
	}
	print_message("%d rounds, %ld deaths, %ld steps without room, %ld bids and %ld readings "
		      "acknowledged, %ld messages lost, %ld doubled\n",
		      rounds, world.deaths, world.full, world.acknowledged, world.readings,
		      world.lost, world.doubled);
	assert_true(world.deaths > rounds / 50 && world.acknowledged > rounds &&
		    world.readings > rounds);
}

static int use_disk(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	disk_install();
	log_set_level(LOG_ERROR);
	read_conf();
	return fd < 0;
}

static int leave_disk(void **state)
{
	(void)state;
	disk_uninstall();
	market_conf_free(&world.conf);
	return remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(survives_all_faults, use_disk, leave_disk),
	};
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
