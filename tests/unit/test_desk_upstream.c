/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three feeders and the market above them, each a desk with a ledger of its own, on a disk and a
 * network that fail: each of them is killed at any write or message, all lose power together,
 * messages between them are lost, doubled and overtake each other, links break. */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/audit.h"
#include "daemon/market/desk.h"
#include "daemon/market/records.h"
#include "daemon/market/upstream.h"
#include "faulty_disk.h"

enum {
	INTERVALS = 24, /* of a run */
	RUNS = 4,       /* or TEST_ROUNDS intervals */
	FEEDERS = 3,
	CITY = FEEDERS,
	MARKETS,
	HOMES = 4, /* of a feeder */
	STEPS = 3,
	INTERVAL_S = 900,
	STEP_S = 20,
	GATE_S = 480, /* of feeders; of the city 300; the answer 120 before an interval */
	LETTERS = 512,
	LETTER_SIZE = 3000,
	SETTLED = 8, /* intervals behind which all is settled */
	START_S = 1764288000,
	BUY = 250000, /* the utility's */
	SELL = 80000,
};

static uint64_t seed;
static char path[MARKETS][40];

struct letter {
	int to;
	char topic[80], text[LETTER_SIZE];
};

/* A home's bid for an interval: one side. */
struct dealing {
	bool said, acknowledged, metered;
	enum side side;
	int steps;
	int64_t quantity[STEPS];
	int32_t price[STEPS];
};

static struct {
	struct market_conf conf[MARKETS];
	struct desk *desk[MARKETS];
	struct ledger *ledger[MARKETS];
	char tariff[1024]; /* of the city, retained */
	int64_t now_s;
	struct dealing dealing[FEEDERS][HOMES][INTERVALS + SETTLED + 4];
	struct letter letter[LETTERS];
	int letters;
	bool peace;
	int64_t away_s[MARKETS]; /* it is down until then; 0: it is not */
	long sends_left;         /* until who sends is killed; < 0: it is not */
	long deaths, cuts, outages, lost, doubled, whole, apart;
} world;

static int64_t whole(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next(&seed) % (uint64_t)(high - low + 1));
}

static bool chance(int permille)
{
	return whole(1, 1000) <= permille;
}

static void read_conf(int market, const char *more)
{
	static const char *const digits[FEEDERS] = { "1", "2", "3" };
	char text[900], conf[64];
	struct diag d = { .to = stderr };
	snprintf(text, sizeof(text),
		 "[market]\ncommunity = %s%s\nledger = none\nhomes = 8\noperator-wait = 10 s\n"
		 "import-limit = 100 kW\nexport-limit = 100 kW\n"
		 "[tariff]\nbuy = 0.25 EUR/kWh\nnetwork-charge = 0.05 EUR/kWh\n"
		 "sell = 0.08 EUR/kWh\n"
		 "[settlement]\nrule = traded\nmeter-wait = 30 min\n%s"
		 "[round intraday]\ngate-closure = %s\nopens = 30 min\nmechanism = uniform\n"
		 "[mqtt]\nbroker = mqtt://localhost\n%s",
		 market == CITY ? "city" : "feeder", market == CITY ? "" : digits[market],
		 market == CITY ? "" : "local-network-charge = 0.02 EUR/kWh\n",
		 market == CITY ? "5 min" : "8 min", more);
	write_temporary(text, conf);
	assert_int_equal(market_conf_read(conf, &world.conf[market], &d), 0);
	remove(conf);
}

static void read_confs(void)
{
	for (int i = 0; i < FEEDERS; i++) {
		char more[160];
		snprintf(more, sizeof(more),
			 "[upstream]\ncommunity = city\nid = f%d\nround = intraday\n"
			 "gate-closure = 5 min\nanswer = 2 min\n",
			 i);
		read_conf(i, more);
	}
	read_conf(CITY, "");
}

static int number_of(int64_t interval_s)
{
	return (int)((interval_s - START_S) / INTERVAL_S);
}

/* --- what is said -----------------------------------------------------------------------------
 */

static void post(int to, const char *community, const char *topic, const char *text, size_t length)
{
	int copies = world.peace ? 1 : chance(60) ? 0 : chance(100) ? 2 : 1;
	world.lost += copies == 0;
	world.doubled += copies == 2;
	assert_true(length < LETTER_SIZE);
	for (int i = 0; i < copies && world.letters < LETTERS; i++) {
		struct letter *l = &world.letter[world.letters++];
		l->to = to;
		snprintf(l->topic, sizeof(l->topic), "lec/%s/%s", community, topic);
		snprintf(l->text, sizeof(l->text), "%s", text);
	}
}

/* Who sends may be killed before it is out; a dead one says nothing. */
static bool is_out(void)
{
	if (world.sends_left > 0 && --world.sends_left == 0) {
		disk.dead = true;
	}
	return !disk.dead;
}

static void hear_receipt(int feeder, const char *topic, const char *text, size_t length)
{
	struct json_in in;
	char at[ISOTIME_SIZE];
	bool accepted;
	int64_t interval_s;
	assert_int_equal(json_parse(&in, text, length), 0);
	assert_int_equal(json_get_text(&in, in.root, "interval", at, sizeof(at)), 0);
	assert_int_equal(json_get_flag(&in, in.root, "accepted", &accepted), 0);
	assert_int_equal(isotime_parse(at, &interval_s), 0);
	int home = topic[strlen("home/h")] - '0';
	bool reading = strstr(text, "\"kind\":\"meter\"");
	world.dealing[feeder][home][number_of(interval_s)].acknowledged |= accepted && !reading;
	json_free(&in);
}

static int send(void *context, const char *topic, const char *text, size_t length, bool retain)
{
	int from = (int)((struct market_conf *)context - world.conf);
	if (!is_out()) {
		return -ENOTCONN;
	}
	if (from == CITY && strcmp(topic, "market/tariff") == 0) {
		assert_true(retain);
		snprintf(world.tariff, sizeof(world.tariff), "%s", text);
	} else if (from == CITY && strncmp(topic, "home/f", 6) == 0) {
		post(topic[6] - '0', "city", topic, text, length);
	} else if (from != CITY && strncmp(topic, "home/h", 6) == 0 && strstr(topic, "/receipt")) {
		hear_receipt(from, topic, text, length);
	}
	return 0;
}

static int send_above(void *context, const char *topic, const char *text, size_t length)
{
	(void)context;
	if (!is_out()) {
		return -ENOTCONN;
	}
	post(CITY, "city", topic, text, length);
	return 0;
}

/* --- homes ------------------------------------------------------------------------------------
 */

static void make_dealing(struct dealing *d)
{
	d->side = chance(500) ? SIDE_BUY : SIDE_SELL;
	d->steps = (int)whole(1, STEPS);
	for (int i = 0; i < d->steps; i++) {
		d->price[i] = (int32_t)(whole(SELL / 1000, BUY / 1000) * 1000);
		d->quantity[i] = whole(1, 2000000);
	}
	d->said = true;
}

static void say(int feeder, int home, const char *leaf, const char *text)
{
	char topic[64];
	snprintf(topic, sizeof(topic), "lec/feeder%d/home/h%d/%s", feeder + 1, home, leaf);
	if (!disk.dead && !world.away_s[feeder]) {
		desk_hear(world.desk[feeder], topic, text, strlen(text), false, world.now_s);
	}
}

static void say_bid(int feeder, int home, int64_t interval_s, const struct dealing *d)
{
	char text[900], at[ISOTIME_SIZE];
	int n = snprintf(text, sizeof(text),
			 "{\"v\":1,\"home\":\"h%d\",\"interval\":\"%s\",\"length_s\":900,"
			 "\"revision\":1,\"currency\":\"EUR\",\"orders\":[",
			 home, isotime_format(interval_s, at));
	for (int i = 0; i < d->steps; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%s{\"side\":\"%s\",\"price\":%.6f,\"quantity\":%.6f}", i ? "," : "",
			      d->side == SIDE_BUY ? "buy" : "sell", d->price[i] / 1e6,
			      (double)d->quantity[i] / 1e6);
	}
	snprintf(text + n, sizeof(text) - (size_t)n, "]}");
	say(feeder, home, "bid", text);
}

static void say_meter(int feeder, int home, int64_t interval_s)
{
	char text[300], at[ISOTIME_SIZE];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"h%d\",\"interval\":\"%s\",\"length_s\":900,\"import_wh\":%d,"
		 "\"export_wh\":%d,\"known_s\":900}",
		 home, isotime_format(interval_s, at), (int)whole(0, 3000), (int)whole(0, 3000));
	say(feeder, home, "meter", text);
}

static void homes_act(int feeder)
{
	int64_t coming_s = (world.now_s / INTERVAL_S + 1) * INTERVAL_S;
	int64_t gone_s = coming_s - 2 * INTERVAL_S;
	for (int h = 0; h < HOMES; h++) {
		struct dealing *next = &world.dealing[feeder][h][number_of(coming_s)];
		if (number_of(coming_s) < INTERVALS && world.now_s < coming_s - GATE_S) {
			if (!next->said && chance(100)) {
				make_dealing(next);
			}
			if (next->said && !next->acknowledged) {
				say_bid(feeder, h, coming_s, next);
			}
		}
		if (gone_s >= START_S && !world.dealing[feeder][h][number_of(gone_s)].metered &&
		    chance(30)) {
			world.dealing[feeder][h][number_of(gone_s)].metered = true;
			say_meter(feeder, h, gone_s);
		}
	}
}

/* --- lives ------------------------------------------------------------------------------------
 */

/* A feeder's link to the city came up: what is retained there, and its own "online". */
static void link_up(int feeder)
{
	char topic[32];
	desk_greet_above(world.desk[feeder]);
	if (world.tariff[0]) {
		desk_hear(world.desk[feeder], "lec/city/market/tariff", world.tariff,
			  strlen(world.tariff), true, world.now_s);
	}
	snprintf(topic, sizeof(topic), "home/f%d/status", feeder);
	post(CITY, "city", topic, "online", 6);
}

static void revive(bool power)
{
	disk_revive(power ? DISK_POWER_CUT : DISK_KILLED, &seed);
	world.sends_left = -1;
}

static void be_born(int m)
{
	char why[200] = "";
	for (;;) {
		world.ledger[m] = NULL;
		int r = ledger_open(path[m], 0, &world.ledger[m], why, sizeof(why));
		const struct desk_conf c = { .market = &world.conf[m],
					     .ledger = world.ledger[m],
					     .send = send,
					     .send_above = send_above,
					     .context = &world.conf[m] };
		r = r ? r : desk_new(&c, world.now_s, &world.desk[m], why, sizeof(why));
		if (r == 0) {
			break;
		}
		if (!disk.dead) {
			fail_msg("not born: %s", why);
		}
		ledger_close(world.ledger[m]);
		revive(false);
	}
	desk_greet(world.desk[m], world.now_s);
	if (m != CITY && !disk.dead) {
		link_up(m);
	}
}

static void end(int m)
{
	desk_free(world.desk[m]);
	ledger_close(world.ledger[m]);
}

/* One is killed where it stands, the others know nothing of it. */
static void settle_death(int m)
{
	if (disk.dead) {
		world.deaths++;
		end(m);
		revive(false);
		be_born(m);
	}
}

static void lose_power(void)
{
	world.cuts++;
	disk.dead = true;
	for (int m = 0; m < MARKETS; m++) {
		if (!world.away_s[m]) {
			end(m);
		}
	}
	revive(true);
	for (int m = 0; m < MARKETS; m++) {
		if (!world.away_s[m]) {
			be_born(m);
			settle_death(m);
		}
	}
}

/* One is down for minutes, or half an hour. */
static bool is_away(int m)
{
	bool begins = !world.peace && chance(2);
	if (world.away_s[m] == 0 && begins) {
		world.away_s[m] = world.now_s + whole(1, chance(700) ? 20 : 80) * STEP_S;
		world.outages++;
		end(m);
	} else if (world.away_s[m] > 0 && (world.peace || world.now_s >= world.away_s[m])) {
		world.away_s[m] = 0;
		be_born(m);
		settle_death(m);
	}
	return world.away_s[m] > 0;
}

static void tempt_fate(void)
{
	if (!world.peace && chance(10)) {
		disk_die_after(whole(1, 60));
	} else if (!world.peace && chance(10)) {
		world.sends_left = whole(1, 6);
	}
}

static void deliver_all(void)
{
	for (int left = world.letters; left > 0 && world.letters > 0; left--) {
		if (!world.peace && chance(150)) {
			continue; /* it waits */
		}
		int i = (int)whole(0, world.letters - 1);
		struct letter l = world.letter[i];
		if (world.away_s[l.to]) {
			continue;
		}
		world.letter[i] = world.letter[--world.letters];
		desk_hear(world.desk[l.to], l.topic, l.text, strlen(l.text), false, world.now_s);
		settle_death(l.to);
	}
}

static void step(void)
{
	for (int m = 0; m < MARKETS; m++) {
		if (is_away(m)) {
			continue;
		}
		tempt_fate();
		if (m != CITY) {
			homes_act(m);
			settle_death(m);
		}
		deliver_all();
		desk_tick(world.desk[m], world.now_s);
		settle_death(m);
		if (m != CITY && !world.peace && chance(10)) {
			link_up(m);
			settle_death(m);
		}
	}
	if (!world.peace && chance(2)) {
		lose_power();
	}
	world.now_s += STEP_S;
}

/* --- what must hold ---------------------------------------------------------------------------
 */

static int take_text(const struct ledger_entry *e, void *argument)
{
	snprintf(argument, RECORD_TEXT_MAX, "%s", e->text);
	return 0;
}

static int count_entry(const struct ledger_entry *e, void *argument)
{
	(void)e;
	++*(int *)argument;
	return 0;
}

/* The latest fact of a kind; false: there is none. */
static bool find(int m, enum ledger_kind kind, int64_t interval_s, const char *home,
		 char out[RECORD_TEXT_MAX])
{
	const struct ledger_query q = { kind, interval_s, interval_s + 1, home, false };
	out[0] = '\0';
	assert_int_equal(ledger_each(world.ledger[m], &q, take_text, out), 0);
	return out[0];
}

static bool find_award(int m, int64_t interval_s, const char *home, struct fact_award *out)
{
	char text[RECORD_TEXT_MAX], why[FACT_WHY_MAX];
	*out = (struct fact_award){ .bought = 0 };
	bool found = find(m, LEDGER_AWARD, interval_s, home, text);
	assert_true(!found || fact_award_read(text, out, why) == 0);
	return found;
}

static int64_t find_total(int m, int64_t interval_s, const char *home)
{
	char text[RECORD_TEXT_MAX], why[FACT_WHY_MAX];
	struct settle_line line = { .total = 0 };
	if (find(m, LEDGER_SETTLEMENT, interval_s, home, text)) {
		assert_int_equal(fact_line_read(text, &line, why), 0);
	}
	return line.total;
}

/* The worth of a net by a home's own prices, its best steps first. */
static wide worth(const struct dealing *d, int64_t net)
{
	bool used[STEPS] = { false };
	int64_t left = net < 0 ? -net : net;
	wide sum = 0;
	for (int k = 0; k < d->steps && left > 0; k++) {
		int best = -1;
		for (int i = 0; i < d->steps; i++) {
			bool better =
				best < 0 || (d->side == SIDE_BUY ? d->price[i] > d->price[best]
								 : d->price[i] < d->price[best]);
			best = !used[i] && better ? i : best;
		}
		int64_t part = d->quantity[best] < left ? d->quantity[best] : left;
		used[best] = true;
		left -= part;
		sum += (wide)part * d->price[best] * (d->side == SIDE_BUY ? 1 : -1);
	}
	assert_true(left == 0);
	return sum;
}

/* The welfare of one market of all homes' orders. */
static wide single_welfare(int n)
{
	static struct order order[FEEDERS * HOMES * STEPS];
	struct book b = { .owners = FEEDERS * HOMES, .zones = 1, .intervals = 1, .order = order };
	struct result r = { .orders_max = 0 };
	const struct terms t = { .k = MILLION / 2, .utility_buy = BUY, .utility_sell = SELL };
	for (int i = 0; i < FEEDERS * HOMES; i++) {
		const struct dealing *d = &world.dealing[i / HOMES][i % HOMES][n];
		for (int k = 0; d->acknowledged && k < d->steps; k++) {
			order[b.orders] = (struct order){ .quantity = d->quantity[k],
							  .price = d->price[k],
							  .owner = i,
							  .arrival = b.orders,
							  .block = -1,
							  .side = (unsigned)d->side & 1 };
			b.orders++;
		}
	}
	assert_int_equal(mechanism_clear(mechanism_find("uniform"), &b, &t, &r), 0);
	wide welfare = r.welfare;
	result_free(&r);
	return welfare;
}

/* What a feeder's homes trade in all, and its worth to them; none breaks a limit of its own. */
static int64_t feeder_net(int f, int64_t interval_s, wide *welfare)
{
	int64_t net = 0;
	for (int h = 0; h < HOMES; h++) {
		char name[16];
		struct fact_award a;
		const struct dealing *d = &world.dealing[f][h][number_of(interval_s)];
		snprintf(name, sizeof(name), "h%d", h);
		if (!find_award(f, interval_s, name, &a)) {
			continue;
		}
		int64_t own = a.bought - a.sold;
		wide value = worth(d, own);
		/* What it pays is no more than its worth, but for rounding each order. */
		assert_true((wide)(a.paid - a.received) * MILLION <= value + STEPS * MILLION);
		net += own;
		*welfare += value;
	}
	return net;
}

/* What the market above gave a feeder stands in both ledgers, to the mWh and the millionth. */
static bool check_feeder(int f, int64_t interval_s, wide *welfare)
{
	struct fact_award city, own;
	char id[16], account[24], text[RECORD_TEXT_MAX];
	snprintf(id, sizeof(id), "f%d", f);
	snprintf(account, sizeof(account), "city/f%d", f);
	int clearings = 0;
	const struct ledger_query q = { LEDGER_CLEARING, interval_s, interval_s + 1, NULL, false };
	assert_int_equal(ledger_each(world.ledger[f], &q, count_entry, &clearings), 0);
	bool asked = find(f, LEDGER_BID, interval_s, account, text);
	bool given = find_award(CITY, interval_s, id, &city);
	bool known = find_award(f, interval_s, account, &own);
	if (known != given || (given && !asked)) {
		fail_msg("f%d in interval %d: asked %d, given %d, known %d", f,
			 number_of(interval_s), asked, given, known);
	}
	assert_true(city.bought == own.sold && city.sold == own.bought &&
		    city.paid == own.received && city.received == own.paid);
	assert_true(find_total(CITY, interval_s, id) == -find_total(f, interval_s, account));
	assert_true(!given || find(CITY, LEDGER_METER, interval_s, id, text)); /* it came at last */
	int64_t net = feeder_net(f, interval_s, welfare);
	/* What its homes did not trade of that the market did, with the utility. */
	int64_t over = own.sold - own.bought - net;
	*welfare += (wide)over * (over > 0 ? SELL : BUY);
	bool any = false;
	for (int h = 0; h < HOMES; h++) {
		struct dealing *d = &world.dealing[f][h][number_of(interval_s)];
		char name[16];
		snprintf(name, sizeof(name), "h%d", h);
		bool stands = find(f, LEDGER_BID, interval_s, name, text);
		assert_true(stands || !d->acknowledged);
		d->acknowledged = stands; /* it may be on the disk, and nobody lived to say so */
		any |= stands;
	}
	assert_true(clearings == 1 || (clearings == 0 && !any)); /* one that was away opened none */
	bool in_time =
		find(f, LEDGER_CLEARING, interval_s, NULL, text) && strstr(text, "\"void\":false");
	return any ? in_time && known && net == own.sold - own.bought : true;
}

/* What the latest line of a home and the latest balance of a market say. */
struct sums {
	int64_t homes, accounts; /* money */
	int64_t net, utility;    /* mWh */
};

static void add_home(int m, int64_t interval_s, int home, struct sums *s)
{
	char name[16], text[RECORD_TEXT_MAX], why[FACT_WHY_MAX];
	struct settle_line line;
	snprintf(name, sizeof(name), "h%d", home);
	if (find(m, LEDGER_SETTLEMENT, interval_s, name, text)) {
		assert_int_equal(fact_line_read(text, &line, why), 0);
		s->homes += line.total;
		s->net += line.import - line.export;
	}
}

/* All ledgers together are as one: homes pay what utility, grid and the rest get; what homes take
 * is what the utility delivers. */
static bool check_sums(int64_t interval_s)
{
	struct sums s = { .homes = 0 };
	for (int m = 0; m < MARKETS; m++) {
		char text[RECORD_TEXT_MAX], why[FACT_WHY_MAX];
		struct fact_balance b;
		for (int h = 0; h < HOMES && m != CITY; h++) {
			add_home(m, interval_s, h, &s);
		}
		if (find(m, LEDGER_BALANCE, interval_s, NULL, text)) {
			assert_int_equal(fact_balance_read(text, &b, why), 0);
			s.accounts +=
				b.sums.utility + b.sums.grid + b.sums.penalties + b.sums.residue;
			s.utility += b.sums.delivered - b.sums.taken;
		}
	}
	if (s.homes != s.accounts || s.net != s.utility) {
		fail_msg("interval %d: homes pay %lld, accounts get %lld; homes take %lld, the "
			 "utility delivers %lld",
			 number_of(interval_s), (long long)s.homes, (long long)s.accounts,
			 (long long)s.net, (long long)s.utility);
	}
	return s.net != 0;
}

static void check_world(void)
{
	for (int m = 0; m < MARKETS; m++) {
		struct ledger_fault fault = { 0 };
		struct audit sums;
		assert_int_equal(ledger_verify(world.ledger[m], NULL, NULL, &fault), 0);
		if (audit_balances(world.ledger[m], NULL, NULL, &sums, &fault) < 0) {
			fail_msg("entry %lld: %s", (long long)fault.sequence, fault.what);
		}
	}
	int settled = 0;
	for (int n = 1; n < INTERVALS; n++) {
		wide welfare = 0;
		bool together = true;
		for (int f = 0; f < FEEDERS; f++) {
			together &= check_feeder(f, START_S + n * INTERVAL_S, &welfare);
		}
		wide single = single_welfare(n);
		world.whole += together;
		world.apart += !together;
		assert_true(together ? welfare == single : welfare <= single);
		settled += check_sums(START_S + n * INTERVAL_S);
	}
	assert_true(settled > INTERVALS / 2);
}

static void live(void)
{
	disk_format();
	memset(world.dealing, 0, sizeof(world.dealing));
	memset(world.away_s, 0, sizeof(world.away_s));
	world.now_s = START_S;
	world.letters = 0;
	world.tariff[0] = '\0';
	world.peace = false;
	world.sends_left = -1;
	for (int m = MARKETS - 1; m >= 0; m--) {
		be_born(m);
	}
	while (number_of(world.now_s) < INTERVALS + SETTLED) {
		if (number_of(world.now_s) == INTERVALS) {
			world.peace = true; /* what is due is done */
			disk_die_after(-1);
			world.sends_left = -1;
		}
		step();
	}
	check_world();
	for (int m = 0; m < MARKETS; m++) {
		end(m);
	}
}

static void test_all_faults(void **state)
{
	/* Through deaths of each and power cuts of all, losses, repetitions and disorder: feeders
	 * and the market above agree on every trade, all ledgers hold and balance as one, each
	 * interval is cleared once, no limit is broken, and where nobody was late the welfare is
	 * that of one market of all orders, to the last digit. */
	(void)state;
	const char *given = getenv("TEST_ROUNDS");
	int runs = given ? atoi(given) / INTERVALS + 1 : is_watched() ? 1 : RUNS;
	for (int i = 0; i < runs; i++) {
		live();
	}
	print_message("%d intervals, %ld as one market, %ld not; %ld deaths, %ld power cuts, %ld "
		      "outages, %ld messages lost, %ld doubled\n",
		      runs * INTERVALS, world.whole, world.apart, world.deaths, world.cuts,
		      world.outages, world.lost, world.doubled);
	assert_true(world.whole > world.apart && world.apart > 0 && world.deaths > runs &&
		    world.lost > runs);
}

static int use_disk(void **state)
{
	(void)state;
	for (int m = 0; m < MARKETS; m++) {
		snprintf(path[m], sizeof(path[m]), "/tmp/lecd-upstream-test.XXXXXX");
		int fd = mkstemp(path[m]);
		if (fd < 0) {
			return 1;
		}
		close(fd);
	}
	disk_install();
	log_set_level(LOG_ERROR);
	memset(&world, 0, sizeof(world));
	read_confs();
	return 0;
}

static int leave_disk(void **state)
{
	(void)state;
	disk_uninstall();
	for (int m = 0; m < MARKETS; m++) {
		market_conf_free(&world.conf[m]);
		remove(path[m]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_faults, use_disk, leave_disk),
	};
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
