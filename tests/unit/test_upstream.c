/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A market as one home of another: what its file may say, what it believes, and who decides where a
 * grid operator is asked as well. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/audit.h"
#include "daemon/market/desk.h"
#include "daemon/market/records.h"
#include "daemon/market/upstream.h"

/* --- the file ---------------------------------------------------------------------------------
 */

#define HEAD     "[market]\ncommunity = f1\n"
#define TARIFF   "[tariff]\nbuy = 0.30 EUR/kWh\nsell = 0.05 EUR/kWh\n"
#define SETTLE   "[settlement]\nrule = traded\n"
#define ROUND    "[round near]\ngate-closure = 8 min\nopens = 30 min\nmechanism = uniform\n"
#define MQTT     "[mqtt]\nbroker = mqtts://a\ncertificate = c.crt\nkey = c.key\n"
#define ABOVE    "[upstream]\ncommunity = city\nid = up\nround = near\n"
#define GATE     "gate-closure = 5 min\n"
#define OWN_CERT "certificate = up.crt\nkey = up.key\n"

static int read_text(const char *text, struct market_conf *out, char *said, size_t size)
{
	char path[64];
	write_temporary(text, path);
	FILE *to = fmemopen(said, size, "w");
	assert_non_null(to);
	struct diag d = { .to = to };
	int r = market_conf_read(path, out, &d);
	assert_int_equal(r == 0, d.errors == 0);
	fclose(to);
	assert_int_equal(unlink(path), 0);
	return r;
}

static void test_file(void **unused)
{
	/* The section is read whole; what it does not say is as in [mqtt], and half of the time. */
	(void)unused;
	struct market_conf m;
	char said[512] = "";
	assert_int_equal(read_text(HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE OWN_CERT, &m, said,
				   sizeof(said)),
			 0);
	assert_string_equal(m.upstream.community, "city");
	assert_string_equal(m.upstream.account, "city/up");
	assert_true(m.upstream.gate_s == 300 && m.upstream.answer_s == 150);
	assert_true(m.upstream.round == 0 && m.upstream.steps == 32);
	assert_string_equal(m.upstream.mqtt.broker, "mqtts://a");
	assert_string_equal(m.upstream.mqtt.certificate, "up.crt");
	upstream_conf_tell(&m, said, sizeof(said));
	assert_non_null(strstr(said, "bids as up in city until 300 s"));
	market_conf_free(&m);
	assert_int_equal(read_text(HEAD TARIFF ROUND MQTT, &m, said, sizeof(said)), 0);
	assert_string_equal(m.upstream.community, "");
	market_conf_free(&m);
	struct diag d = { .to = stderr };
	assert_int_equal(market_conf_read("etc/examples/feeder.conf", &m, &d), 0);
	assert_string_equal(m.upstream.account, "city/f17");
	market_conf_free(&m);
}

static void test_broken(void **unused)
{
	/* What cannot work is refused with its line and what is expected. */
	(void)unused;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ HEAD TARIFF SETTLE ROUND MQTT
		  "[upstream]\ncommunity = f1\nid = up\nround = near\n" GATE OWN_CERT,
		  ":17: community = f1, expected another than that of [market]" },
		{ HEAD TARIFF SETTLE ROUND MQTT "[home up]\n" ABOVE GATE OWN_CERT,
		  ":19: id = up, expected another than that of the home of line 16" },
		{ HEAD TARIFF SETTLE ROUND MQTT
		  "[upstream]\ncommunity = city\nid = market\nround = near\n" GATE,
		  ":18: id" },
		{ HEAD TARIFF SETTLE ROUND MQTT
		  "[upstream]\ncommunity = a/b\nid = up\nround = near\n" GATE,
		  ":17: community" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE OWN_CERT, "gate-closure" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE,
		  "certificate = c.crt, expected another than that of [mqtt] on the same broker" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE "certificate = up.crt\n",
		  ":21: certificate, expected a key beside it" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE "broker = mqtts://b\nkey = up.key\n",
		  ":22: key, expected a certificate beside it" },
		{ HEAD TARIFF SETTLE ROUND MQTT
		  "[upstream]\ncommunity = city\nid = up\nround = far\n" GATE OWN_CERT,
		  ":19: round = far, expected a section [round far]" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE "gate-closure = 8 min\n" OWN_CERT,
		  ":20: gate-closure = 480 s, expected at most 470 s: [round near] of line 8" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE "answer = 5 min\n" OWN_CERT,
		  ":21: answer = 300 s, expected less than gate-closure = 300 s" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE "answer = 30 s\n" OWN_CERT,
		  ":21: answer = 30 s, expected more than the 30 s" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE "steps = 65\n" OWN_CERT, ":21: steps" },
		{ HEAD TARIFF ROUND MQTT ABOVE GATE OWN_CERT,
		  "rule = metered, expected traded in [settlement] beside [upstream]" },
		{ HEAD TARIFF SETTLE
		  "[round near]\ngate-closure = 8 min\nmechanism = pay-as-bid\n" MQTT ABOVE GATE
			  OWN_CERT,
		  "round = near, expected a round with mechanism = uniform" },
		{ HEAD TARIFF SETTLE
		  "[round near]\nkind = day\ngate = 12:00\nmechanism = uniform\n" MQTT ABOVE GATE
			  OWN_CERT,
		  "round = near, expected a round of kind interval" },
		{ HEAD TARIFF SETTLE ROUND
		  "[round last]\ngate-closure = 1 min\nopens = 2 min\nmechanism = uniform\n" MQTT
			  ABOVE GATE OWN_CERT,
		  ":12: [round last] is open while [round near] of line 8 waits" },
		{ HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE OWN_CERT "colour = red\n",
		  "unknown key \"colour\"" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct market_conf m;
		char said[1024] = "";
		assert_int_equal(read_text(rows[i].text, &m, said, sizeof(said)), -EINVAL);
		if (!strstr(said, rows[i].said)) {
			fail_msg("row %zu: expected \"%s\", said \"%s\"", i, rows[i].said, said);
		}
	}
}

/* --- a desk -----------------------------------------------------------------------------------
 */

enum { INTERVAL_S = 900, START_S = 1764288000 + INTERVAL_S, BUY = 300000, SELL = 50000 };

static struct {
	struct market_conf conf;
	struct desk *desk;
	struct ledger *ledger;
	char path[64];
	char above[4000];         /* what was sent up last: leaf and payload */
	char meter[400];          /* and the last reading of the interval at hand */
	int bids, meters, others; /* others: readings of intervals without a trade */
	char proposal[4000];      /* to the grid operator */
	char award[2][600], receipt[600];
} world;

static int send(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	(void)context;
	(void)length;
	(void)retain;
	if (strcmp(topic, "dso/proposal") == 0) {
		snprintf(world.proposal, sizeof(world.proposal), "%s", payload);
	} else if (strstr(topic, "/receipt")) {
		snprintf(world.receipt, sizeof(world.receipt), "%s", payload);
	} else if (strstr(topic, "/award")) {
		snprintf(world.award[topic[6] - '0'], sizeof(world.award[0]), "%s", payload);
	}
	return 0;
}

static const char *interval(void)
{
	static char at[ISOTIME_SIZE];
	return isotime_format(START_S, at);
}

static int send_above(void *context, const char *topic, const char *payload, size_t length)
{
	(void)context;
	(void)length;
	world.bids += strcmp(topic, "home/up/bid") == 0;
	if (strcmp(topic, "home/up/meter") == 0) {
		bool ours = strstr(payload, interval());
		world.meters += ours;
		world.others += !ours && strstr(payload, "\"import_wh\":0,\"export_wh\":0,");
		snprintf(world.meter, ours ? sizeof(world.meter) : 0, "%s", payload);
	}
	snprintf(world.above, sizeof(world.above), "%s %s", topic, payload);
	return 0;
}

static void hear(const char *topic, const char *payload, int64_t at_s)
{
	desk_hear(world.desk, topic, payload, strlen(payload), false, at_s);
}

static void be_born(int64_t now_s)
{
	char why[200] = "";
	assert_int_equal(ledger_open(world.path, 0, &world.ledger, why, sizeof(why)), 0);
	const struct desk_conf c = { .market = &world.conf,
				     .ledger = world.ledger,
				     .send = send,
				     .send_above = send_above };
	assert_int_equal(desk_new(&c, now_s, &world.desk, why, sizeof(why)), 0);
	desk_greet(world.desk, now_s);
	desk_greet_above(world.desk);
}

static void begin(void)
{
	char said[512] = "";
	memset(&world, 0, sizeof(world));
	write_temporary("", world.path);
	assert_int_equal(read_text(HEAD TARIFF SETTLE ROUND MQTT ABOVE GATE OWN_CERT, &world.conf,
				   said, sizeof(said)),
			 0);
	log_set_level(LOG_ERROR);
	be_born(START_S - INTERVAL_S);
}

static void end(void)
{
	struct audit sums;
	struct ledger_fault fault = { 0 };
	assert_int_equal(ledger_verify(world.ledger, NULL, NULL, &fault), 0);
	if (audit_balances(world.ledger, NULL, NULL, &sums, &fault) < 0) {
		fail_msg("entry %lld: %s", (long long)fault.sequence, fault.what);
	}
	desk_free(world.desk);
	ledger_close(world.ledger);
	market_conf_free(&world.conf);
	assert_int_equal(remove(world.path), 0);
}

static void bid_at(int home, const char *side, double price, double kwh, int64_t at_s)
{
	char topic[64], text[500], at[ISOTIME_SIZE];
	snprintf(topic, sizeof(topic), "lec/f1/home/h%d/bid", home);
	snprintf(
		text, sizeof(text),
		"{\"v\":1,\"home\":\"h%d\",\"interval\":\"%s\",\"length_s\":900,\"revision\":1,"
		"\"currency\":\"EUR\",\"orders\":[{\"side\":\"%s\",\"price\":%g,\"quantity\":%g}]}",
		home, isotime_format(START_S, at), side, price, kwh);
	hear(topic, text, at_s);
}

static void bid(int home, const char *side, double price, double kwh)
{
	bid_at(home, side, price, kwh, START_S - INTERVAL_S + 60);
}

static void tariff(const char *currency, const char *rule, double fee)
{
	char text[300];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"currency\":\"%s\",\"rule\":\"%s\",\"local_network_charge\":%g}",
		 currency, rule, fee);
	hear("lec/city/market/tariff", text, START_S - INTERVAL_S);
}

static void award(const char *interval, double bought, double paid, double sold, double received,
		  const char *more, int64_t at_s)
{
	char text[600];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"up\",\"round\":\"r\",\"interval\":\"%s\",\"length_s\":900,"
		 "\"bought_kwh\":%g,\"sold_kwh\":%g,\"paid\":%g,\"received\":%g,"
		 "\"currency\":\"EUR\"%s}",
		 interval, bought, sold, paid, received, more);
	hear("lec/city/home/up/award", text, at_s);
}

/* A number of a JSON text that was sent. */
static double number(const char *text, const char *key)
{
	struct json_in in;
	double value = -1e9;
	assert_int_equal(json_parse(&in, text, strlen(text)), 0);
	assert_true(json_number(json_member(in.root, key), &value));
	json_free(&in);
	return value;
}

static int take_award(const struct ledger_entry *e, void *argument)
{
	char why[FACT_WHY_MAX];
	return fact_award_read(e->text, argument, why);
}

static bool find_award(const char *home, struct fact_award *out)
{
	const struct ledger_query q = { LEDGER_AWARD, START_S, START_S + 1, home, false };
	*out = (struct fact_award){ .bought = -1 };
	assert_int_equal(ledger_each(world.ledger, &q, take_award, out), 0);
	return out->bought >= 0;
}

static void test_tariff(void **unused)
{
	/* Where the market above settles otherwise, nothing goes up and the gate is not waited for.
	 */
	(void)unused;
	static const struct {
		const char *currency, *rule;
		double fee;
		int bids;
	} rows[] = { { "NOK", "traded", 0, 0 },
		     { "EUR", "metered", 0, 0 },
		     { "EUR", "traded", 0.01, 0 },
		     { "EUR", "traded", 0, 1 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		tariff(rows[i].currency, rows[i].rule, rows[i].fee);
		bid(0, "buy", 0.2, 1);
		bid(1, "sell", 0.1, 1);
		desk_tick(world.desk, START_S - 480);
		assert_int_equal(world.bids, rows[i].bids);
		assert_int_equal(desk_counts(world.desk)->clearings, 1 - rows[i].bids);
		end();
	}
}

static void test_believes(void **unused)
{
	/* Only what was offered can be awarded, once; all else is counted and changes nothing. */
	(void)unused;
	struct fact_award a;
	begin();
	tariff("EUR", "traded", 0);
	bid(0, "buy", 0.2, 1);
	award(interval(), 1, 0.2, 0, 0, "", START_S - 500); /* before anything was asked */
	desk_tick(world.desk, START_S - 480);
	uint64_t refused = desk_refusals(world.desk)->count;
	assert_int_equal(refused, 1);
	award(interval(), 1.1, 0.2, 0, 0, "", START_S - 290);
	award(interval(), 0, 0, 0.5, 0.1, "", START_S - 290);
	award("2025-11-28T00:30:00Z", 1, 0.2, 0, 0, "", START_S - 290);
	award("2025-11-28T00:15:07Z", 1, 0.2, 0, 0, "", START_S - 290);
	award("soon", 1, 0.2, 0, 0, "", START_S - 290);
	award(interval(), -1, 0.2, 0, 0, "", START_S - 290);
	award(interval(), 1, 1e12, 0, 0, "", START_S - 290);
	award(interval(), 0.5, 5000, 0, 0, "", START_S - 290); /* no price is 10000 */
	award(interval(), 0, 0.01, 0, 0, "", START_S - 290);   /* for nothing */
	award(interval(), 0, 0, 0, -0.01, "", START_S - 290);
	hear("lec/city/home/up/award", "{\"v\":1", START_S - 290);
	hear("lec/city/home/other/award", "{\"v\":1}", START_S - 290);
	hear("lec/city/home/up/command", "{\"v\":1,\"mode\":\"off\"}", START_S - 290);
	hear("lec/city/home/up/receipt", "{\"v\":1,\"home\":\"x\"}", START_S - 290);
	assert_int_equal(desk_refusals(world.desk)->count, refused + 14);
	assert_false(find_award("city/up", &a));
	award(interval(), 0.5, 0.08, 0, 0, "", START_S - 290);
	assert_true(find_award("city/up", &a) && a.sold == 500000 && a.received == 80000);
	award(interval(), 0.5, 0.08, 0, 0, "", START_S - 280); /* again: fine */
	assert_int_equal(desk_refusals(world.desk)->count, refused + 14);
	award(interval(), 0.6, 0.08, 0, 0, "", START_S - 280); /* another */
	assert_int_equal(desk_refusals(world.desk)->count, refused + 15);
	desk_tick(world.desk, START_S - 280);
	assert_true(find_award("h0", &a) && a.bought == 500000 && a.paid == 80000);
	desk_tick(world.desk, START_S + INTERVAL_S + 3600);
	assert_true(number(world.meter, "import_wh") == 500);
	end();
}

static void test_refused(void **unused)
{
	/* A bid that was refused above is not waited for; of one said twice the refusal says
	 * nothing, as the first may have been taken. */
	(void)unused;
	for (int said = 1; said <= 2; said++) {
		char text[300];
		struct fact_award a;
		begin();
		tariff("EUR", "traded", 0);
		bid(0, "buy", 0.2, 1);
		bid(1, "sell", 0.1, 0.5);
		desk_tick(world.desk, START_S - 480);
		if (said == 2) {
			desk_tick(world.desk, START_S - 460);
		}
		assert_int_equal(world.bids, said);
		snprintf(text, sizeof(text),
			 "{\"v\":1,\"home\":\"up\",\"interval\":\"%s\",\"revision\":1,\"round\":"
			 "null,"
			 "\"accepted\":false,\"reason\":\"no\"}",
			 interval());
		hear("lec/city/home/up/receipt", text, START_S - 450);
		desk_tick(world.desk, START_S - 450);
		assert_int_equal(desk_counts(world.desk)->clearings, said == 1);
		desk_tick(world.desk, START_S - 151);
		assert_int_equal(desk_counts(world.desk)->clearings, said == 1);
		desk_tick(world.desk, START_S - 150); /* alone */
		assert_int_equal(desk_counts(world.desk)->clearings, 1);
		assert_true(find_award("h0", &a) && a.bought == 500000);
		assert_false(find_award("city/up", &a));
		end();
	}
}

static void test_again(void **unused)
{
	/* A bid that was accepted is answered whenever it is said again, after its gate with its
	 * award; one that says something else, or comes too late for the first time, is late. */
	(void)unused;
	begin();
	bid(0, "buy", 0.2, 1);
	bid(1, "sell", 0.1, 1);
	desk_tick(world.desk, START_S - 480);
	const int64_t times[] = { START_S - 480, START_S, START_S + 86400 };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		desk_tick(world.desk, times[i]);
		world.receipt[0] = world.award[0][0] = '\0';
		bid_at(0, "buy", 0.2, 1, times[i]);
		assert_non_null(strstr(world.receipt, "\"accepted\":true"));
		assert_true(number(world.award[0], "bought_kwh") == 1);
		world.award[0][0] = '\0';
		bid_at(0, "buy", 0.21, 1, times[i]);
		assert_non_null(strstr(world.receipt, "\"accepted\":false"));
		bid_at(2, "buy", 0.2, 1, times[i]);
		assert_non_null(strstr(world.receipt, "\"accepted\":false"));
		assert_string_equal(world.award[0], "");
	}
	end();
}

static void verdict(double kwh, int64_t at_s)
{
	char text[600];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"proposal\":%.0f,\"verdict\":\"reduced\",\"part\":1,\"parts\":1,"
		 "\"permitted\":[%g]}",
		 number(world.proposal, "proposal"), kwh);
	hear("lec/f1/dso/verdict", text, at_s);
}

static void test_grid(void **unused)
{
	/* The grid operator of the feeder is asked when the answer from above is there, and has the
	 * last word: what was bought above and may not be carried is the market's own, which sells
	 * it to the utility; what the grid above costs is part of what is paid there. */
	(void)unused;
	struct fact_award a;
	begin();
	tariff("EUR", "traded", 0);
	hear("lec/f1/dso/status", "online", START_S - INTERVAL_S);
	bid(0, "buy", 0.2, 2);
	desk_tick(world.desk, START_S - 480);
	desk_tick(world.desk, START_S - 320);
	assert_string_equal(world.proposal, ""); /* not before there is an answer */
	award(interval(), 2, 0.3, 0, 0, ",\"grid_cost\":0.02", START_S - 290);
	desk_tick(world.desk, START_S - 290);
	assert_string_not_equal(world.proposal, "");
	assert_true(number(world.proposal, "price") == 0.16);
	award(interval(), 2, 0.3, 0, 0, ",\"grid_cost\":0.02", START_S - 290); /* again */
	verdict(0.5, START_S - 289);
	desk_tick(world.desk, START_S - 289); /* less is proposed */
	verdict(0.5, START_S - 288);
	desk_tick(world.desk, START_S - 288);
	assert_int_equal(desk_counts(world.desk)->clearings, 1);
	assert_true(find_award("h0", &a) && a.bought == 500000 && a.paid == 80000);
	assert_true(find_award("city/up", &a) && a.sold == 2000000 && a.received == 320000);
	desk_tick(world.desk, START_S + 2 * INTERVAL_S + 3600);
	struct audit sums;
	struct ledger_fault fault;
	assert_int_equal(audit_balances(world.ledger, NULL, NULL, &sums, &fault), 0);
	assert_true(sums.from_above == 2000000 && sums.paid_above == 320000);
	/* 1.5 kWh of 2 at 0.16 go for the utility's 0.05. */
	assert_int_equal(sums.residue, 80000 - 320000 + 75000);
	end();
}

static void test_young_clock(void **unused)
{
	/* A market whose clock was never set, and begins at 1970, has no interval before it to tell
	 * a reading of. */
	(void)unused;
	begin();
	const int64_t times[] = { 0, 100, INTERVAL_S, 2 * INTERVAL_S + 1 };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		desk_tick(world.desk, times[i]);
		assert_int_equal(world.others, i == 3); /* of the interval from 900 s on */
	}
	end();
}

static void test_late(void **unused)
{
	/* An award that comes while the book is cleared alone, and the grid operator is being asked
	 * of that, changes nothing of it: it is the market's own. */
	(void)unused;
	struct fact_award a;
	begin();
	tariff("EUR", "traded", 0);
	hear("lec/f1/dso/status", "online", START_S - INTERVAL_S);
	bid(0, "buy", 0.2, 2);
	bid(1, "sell", 0.1, 1);
	desk_tick(world.desk, START_S - 480);
	desk_tick(world.desk, START_S - 150);
	assert_string_not_equal(world.proposal, "");
	award(interval(), 1, 0.18, 0, 0, "", START_S - 149);
	verdict(1, START_S - 148);
	desk_tick(world.desk, START_S - 148);
	assert_int_equal(desk_counts(world.desk)->clearings, 1);
	assert_true(find_award("h0", &a) && a.bought == 1000000);
	assert_true(find_award("city/up", &a) && a.sold == 1000000);
	end();
}

static void receipt(const char *kind, bool accepted, bool again, int64_t at_s)
{
	char text[400];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"up\",\"kind\":\"%s\",\"interval\":\"%s\",\"revision\":1,"
		 "\"round\":null,\"accepted\":%s,\"reason\":%s,\"again\":%s}",
		 kind, interval(), accepted ? "true" : "false", accepted ? "null" : "\"no\"",
		 again ? "true" : "false");
	hear("lec/city/home/up/receipt", text, at_s);
}

/* How many readings of the interval go up from one time to another. */
static int count_readings(int64_t from_s, int64_t to_s)
{
	int before = world.meters;
	for (int64_t s = from_s; s < to_s; s += 30) {
		desk_tick(world.desk, s);
	}
	return world.meters - before;
}

static void test_readings(void **unused)
{
	/* What passed is told when the interval is over, and again until the market above has it on
	 * its disk, or refuses it for good. */
	(void)unused;
	for (int good = 0; good < 2; good++) {
		const int64_t end_s = START_S + INTERVAL_S;
		begin();
		tariff("EUR", "traded", 0);
		bid(0, "buy", 0.2, 2);
		desk_tick(world.desk, START_S - 480);
		receipt("bid", false, true, START_S - 470); /* it passes */
		desk_tick(world.desk, START_S - 470);
		assert_int_equal(desk_counts(world.desk)->clearings, 0);
		award(interval(), 2, 0.3, 0, 0, "", START_S - 290);
		assert_int_equal(count_readings(START_S - 290, end_s), 0);
		assert_int_equal(count_readings(end_s, end_s + 1800), 3);
		receipt("meter", false, true, end_s + 1800);
		receipt("bid", true, false, end_s + 1800);
		assert_int_equal(count_readings(end_s + 1800, end_s + 3000), 2);
		receipt("meter", good, false, end_s + 3000);
		assert_int_equal(count_readings(end_s + 3000, end_s + 9000), 0);
		assert_true(world.others >= 9000 / INTERVAL_S); /* nothing passed in those */
		end();
	}
}

static void be_killed(int64_t now_s)
{
	desk_free(world.desk);
	ledger_close(world.ledger);
	be_born(now_s);
}

static void test_lives(void **unused)
{
	/* Each life takes up where the one before was: the same bid is said again, is waited for,
	 * and is cleared with the award that was written down. */
	(void)unused;
	char before[sizeof(world.above)];
	struct fact_award a;
	begin();
	tariff("EUR", "traded", 0);
	bid(0, "buy", 0.2, 2);
	desk_tick(world.desk, START_S - 480);
	memcpy(before, world.above, sizeof(before));
	world.above[0] = '\0';
	be_killed(START_S - 470);
	desk_tick(world.desk, START_S - 470);
	assert_string_equal(world.above, before);
	desk_tick(world.desk, START_S - 290);
	assert_int_equal(desk_counts(world.desk)->clearings, 0);
	award(interval(), 2, 0.3, 0, 0, "", START_S - 290);
	be_killed(START_S - 289);
	desk_tick(world.desk, START_S - 289);
	assert_true(find_award("h0", &a) && a.bought == 2000000 && a.paid == 300000);
	be_killed(START_S + INTERVAL_S);
	desk_tick(world.desk, START_S + INTERVAL_S);
	assert_true(number(world.meter, "import_wh") == 2000);
	end();
}

static void test_asks(void **unused)
{
	/* A bid whose award does not come is said again, each minute and then each ten, until it
	 * does. */
	(void)unused;
	struct fact_award a;
	begin();
	tariff("EUR", "traded", 0);
	bid(0, "buy", 0.2, 2);
	desk_tick(world.desk, START_S - 480);
	assert_int_equal(world.bids, 1);
	desk_tick(world.desk, START_S - 299); /* the gate above: it is about to answer */
	assert_int_equal(world.bids, 1);
	for (int64_t s = START_S - 290; s < START_S + INTERVAL_S; s++) {
		desk_tick(world.desk, s);
	}
	assert_int_equal(world.bids, 1 + (290 + INTERVAL_S + 59) / 60);
	int said = world.bids;
	for (int64_t s = START_S + INTERVAL_S; s < START_S + INTERVAL_S + 3600; s++) {
		desk_tick(world.desk, s);
	}
	assert_int_equal(world.bids, said + 6);
	award(interval(), 2, 0.3, 0, 0, "", START_S + 5400);
	assert_true(find_award("city/up", &a) && a.sold == 2000000);
	said = world.bids;
	desk_tick(world.desk, START_S + 7200);
	assert_int_equal(world.bids, said);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),        cmocka_unit_test(test_broken),
		cmocka_unit_test(test_tariff),      cmocka_unit_test(test_believes),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_again),
		cmocka_unit_test(test_readings),    cmocka_unit_test(test_lives),
		cmocka_unit_test(test_asks),        cmocka_unit_test(test_grid),
		cmocka_unit_test(test_young_clock), cmocka_unit_test(test_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
