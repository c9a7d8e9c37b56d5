/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/market/market_conf.h"
#include "daemon/market/settle.h"
#include "policy/bid.h"

/* Read text as a market.conf; said gets what was found wrong. */
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

#define HEAD   "[market]\ncommunity = fjord\n"
#define TARIFF "[tariff]\nbuy = 0.30 EUR/kWh\nsell = 0.05 EUR/kWh\n"
#define ROUND  "[round intraday]\ngate-closure = 2 min\nmechanism = uniform\n"
#define MQTT   "[mqtt]\nbroker = mqtt://127.0.0.1\n"

static void test_example(void **unused)
{
	/* The example that is shipped is read whole, in whole numbers. */
	(void)unused;
	struct market_conf m;
	struct diag d = { .to = stderr };
	assert_int_equal(market_conf_read("etc/examples/market.conf", &m, &d), 0);
	assert_string_equal(m.community, "fjord");
	assert_int_equal(m.interval_s, 900);
	assert_int_equal(m.rounds.rounds, 2);
	assert_int_equal(m.rounds.round[0].kind, ROUND_DAY);
	assert_int_equal(m.rounds.round[0].gate_s, 12 * 3600);
	assert_int_equal(m.rounds.round[1].gate_s, 120);
	assert_int_equal(m.rounds.round[1].terms.k, MILLION / 2);
	assert_int_equal(m.rounds.limits.import, 4250000); /* 17 kW for a quarter of an hour */
	assert_int_equal(m.rounds.named, 1);
	assert_string_equal(m.home[0].id, "workshop");
	assert_int_equal(m.home[0].limits.import, 10750000);
	assert_int_equal(m.home[0].limits.export, 4250000);
	assert_int_equal(m.settle_rule, SETTLE_METERED);
	assert_true(m.tariff.buy.windows == 1 && m.meter_wait_s == 3600);
	market_conf_free(&m);
}

static void test_defaults(void **unused)
{
	/* What is not said is as the manual page says. */
	(void)unused;
	struct market_conf m;
	char said[512] = "";
	assert_int_equal(read_text(HEAD TARIFF ROUND MQTT, &m, said, sizeof(said)), 0);
	assert_int_equal(m.interval_s, 900);
	assert_int_equal(m.rounds.homes_max, 1000);
	assert_int_equal(m.rounds.steps_max, 32);
	assert_true(m.rounds.steps_max >= BID_ORDERS_MAX); /* what lecd bids is taken */
	assert_false(m.rounds.listed);
	assert_int_equal(m.rounds.round[0].open_s, 3600);
	assert_int_equal(m.rounds.limits.price_min, -MILLION);
	assert_int_equal(m.rounds.limits.price_max, 2 * MILLION);
	assert_string_equal(m.timezone, "UTC");
	market_conf_free(&m);
}

static void test_broken(void **unused)
{
	/* What is wrong is refused with its line and what is expected. */
	(void)unused;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "", "has no section [market]" },
		{ TARIFF ROUND MQTT, "has no section [market]" },
		{ HEAD ROUND MQTT, "has no section [tariff]" },
		{ HEAD TARIFF ROUND, "has no section [mqtt]" },
		{ HEAD TARIFF MQTT, "has no section [round NAME], expected at least one" },
		{ HEAD "interval = 7 min\n" TARIFF ROUND MQTT, ":3: interval = 420 s, expected" },
		{ HEAD "interval = 1 min\n" TARIFF ROUND MQTT, ":3: interval" },
		{ HEAD "homes = 0\n" TARIFF ROUND MQTT, ":3: homes" },
		{ HEAD "homes = 1.5\n" TARIFF ROUND MQTT, ":3: homes" },
		{ HEAD "orders = 65\n" TARIFF ROUND MQTT, ":3: orders" },
		{ HEAD "operator-wait = 2 min\n" TARIFF ROUND MQTT,
		  ":3: operator-wait = 120 s, expected less than the 120 s from the gate of "
		  "[round intraday]" },
		{ HEAD "operator-wait = 1 h\n" TARIFF "[round day]\nkind = day\ngate = 23:30\n"
		       "mechanism = uniform\n" MQTT,
		  ":3: operator-wait = 3600 s, expected less than the 1800 s" },
		{ HEAD TARIFF "[round a]\ngate-closure = 10 s\nmechanism = uniform\n" MQTT,
		  ":6: operator-wait = 10 s where none is given" },
		{ HEAD "messages = 9\n" TARIFF ROUND MQTT, ":3: messages" },
		{ HEAD "revisions = 0\n" TARIFF ROUND MQTT, ":3: revisions" },
		{ HEAD "homes = 1\n" TARIFF ROUND MQTT "[home a]\n[home b]\n",
		  ":3: homes = 1, expected at least the 2 that have a section [home ID]" },
		{ HEAD TARIFF "[round a]\ngate-closure = 0 min\nmechanism = uniform\n" MQTT,
		  ":7: gate-closure" },
		{ HEAD "members = some\n" TARIFF ROUND MQTT, ":3: members" },
		{ HEAD "timezone = Mars/Olympus\n" TARIFF ROUND MQTT, ":3: timezone" },
		{ HEAD "price-min = 3 EUR/kWh\n" TARIFF ROUND MQTT, ":3: price-min = 3, expected" },
		{ HEAD "price-max = 1 NOK/kWh\n" TARIFF ROUND MQTT, "currency" },
		{ HEAD "colour = red\n" TARIFF ROUND MQTT, ":3: unknown key \"colour\"" },
		{ HEAD "colour = red\n" TARIFF ROUND MQTT, "see lec-market.conf(5)" },
		{ "[market]\ncommunity = a/b\n" TARIFF ROUND MQTT, ":2: community" },
		{ HEAD TARIFF "demand-charge = 3 EUR/kW\n" ROUND MQTT,
		  ":6: demand-charge, expected" },
		{ HEAD TARIFF "[round]\ngate-closure = 2 min\nmechanism = uniform\n" MQTT,
		  ":6: [round] has no name" },
		{ HEAD TARIFF "[round a]\nmechanism = uniform\n" MQTT,
		  ":6: [round a] has no gate-closure" },
		{ HEAD TARIFF "[round a]\nkind = day\nmechanism = uniform\n" MQTT,
		  ":6: [round a] has no gate, expected a local time" },
		{ HEAD TARIFF
		  "[round a]\ngate = 12:00\ngate-closure = 2 min\nmechanism = uniform\n" MQTT,
		  ":7: gate, expected none in a round of kind interval" },
		{ HEAD TARIFF "[round a]\nkind = day\ngate = 24:00\nmechanism = uniform\n" MQTT,
		  ":8: gate = \"24:00\", expected a local time like 12:00" },
		{ HEAD TARIFF "[round a]\nkind = day\ngate = 9:00\nmechanism = uniform\n" MQTT,
		  ":8: gate" },
		{ HEAD TARIFF "[round a]\ngate-closure = 2 min\nmechanism = lottery\n" MQTT,
		  ":8: mechanism" },
		{ HEAD TARIFF "[round a]\ngate-closure = 2 min\nmechanism = uniform\nk = 2\n" MQTT,
		  ":9: k" },
		{ HEAD TARIFF ROUND "[round b]\ngate-closure = 30 min\nmechanism = uniform\n" MQTT,
		  ":9: [round b] and [round intraday] of line 6 are open for the same interval" },
		{ HEAD TARIFF ROUND
		  "[round b]\nkind = day\ngate = 23:30\nopens = 1 h\nmechanism = uniform\n" MQTT,
		  ":9: [round b] and [round intraday] of line 6" },
		{ HEAD TARIFF "[round a]\nkind = day\ngate = 12:00\nmechanism = negotiation\n" MQTT,
		  ":6: [round a] negotiates, expected a section [home ID]" },
		{ HEAD TARIFF ROUND "[negotiation]\ndeadline = 0 s\n" MQTT, ":10: deadline" },
		{ HEAD TARIFF "[round a]\ngate-closure = 2 min\nmechanism = negotiation\n[home a]\n"
			      "[negotiation]\ndeadline = 110 s\n" MQTT,
		  ":11: deadline = 110 s, expected with operator-wait = 10 s less than the 120 s" },
		{ HEAD TARIFF
		  "[round a]\ngate-closure = 2 min\nmechanism = negotiation\n[home a]\n" MQTT,
		  ":6: deadline = 600 s where none is given" },
		{ HEAD TARIFF ROUND ROUND MQTT, ":9: " },
		{ HEAD TARIFF ROUND "[home a b]\n" MQTT, ":9: " },
		{ HEAD TARIFF ROUND "[home a]\n[home a]\n" MQTT, ":10: " },
		{ HEAD TARIFF ROUND "[home a]\nimport-limit = 3\n" MQTT, ":10: import-limit" },
		{ HEAD TARIFF ROUND "[settlement]\nrule = luck\n" MQTT, ":10: rule" },
		{ HEAD TARIFF ROUND "[settlement]\npenalty = -1 EUR/kWh\n" MQTT, ":10: penalty" },
		{ HEAD "homes = 100000\norders = 64\n" TARIFF
		       "[round a]\nkind = day\ngate = 12:00\nmechanism = uniform\n" MQTT,
		  ":3: homes, orders and rounds need" },
		{ HEAD TARIFF ROUND "[mqtt]\nbroker = http://x\n", ":10: broker" },
		{ HEAD TARIFF ROUND "[mqtt]\nbroker = mqtt://x\nbid = yes\n",
		  ":11: unknown key \"bid\"" },
		{ HEAD TARIFF ROUND "[lottery]\n" MQTT, ":9: " },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct market_conf m;
		char said[2048] = "";
		if (read_text(rows[i].text, &m, said, sizeof(said)) == 0) {
			fail_msg("taken: %s", rows[i].text);
		}
		if (!strstr(said, rows[i].said)) {
			fail_msg("expected \"%s\", said: %s", rows[i].said, said);
		}
	}
}

static void test_all_at_once(void **unused)
{
	/* Everything that is wrong is told at once. */
	(void)unused;
	struct market_conf m;
	char said[4096] = "";
	assert_true(
		read_text(
			"[market]\ncommunity = a/b\ninterval = 7 min\n[tariff]\nbuy = 0.3\n"
			"[round a]\ngate = 12:00\nmechanism = lottery\n[home x]\nfoo = 1\n[mqtt]\n",
			&m, said, sizeof(said)) < 0);
	static const char *const lines[] = { ":2: ", ":3: ", ":5: ",  ":6: ",
					     ":7: ", ":8: ", ":10: ", ":11: " };
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (!strstr(said, lines[i])) {
			fail_msg("nothing at %s in: %s", lines[i], said);
		}
	}
}

static void test_missing_file(void **unused)
{
	/* A file that is not there is an error with its name. */
	(void)unused;
	struct market_conf m;
	struct diag d = { .to = NULL };
	assert_int_equal(market_conf_read("no-such.conf", &m, &d), -ENOENT);
	assert_int_equal(d.errors, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),      cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_broken),       cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_missing_file),
	};
	return cmocka_run_group_tests_name("market conf", tests, NULL, NULL);
}
