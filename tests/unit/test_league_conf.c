/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_conf.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static struct league_conf c;
static char said[4096];

/* Read text as a scenario; said gets what was found wrong. */
static int read_text(const char *text)
{
	char path[64];
	memset(said, 0, sizeof(said));
	write_temporary(text, path);
	FILE *to = fmemopen(said, sizeof(said), "w");
	assert_non_null(to);
	struct diag d = { .to = to };
	int r = league_conf_read(path, &c, &d);
	assert_int_equal(r == 0, d.errors == 0);
	fclose(to);
	assert_int_equal(unlink(path), 0);
	return r;
}

#define SCENARIO                                                                                   \
	"[scenario]\nframework = distributed\nseries = etc/examples/league.csv\n"                  \
	"start = 2026-06-15T00:00:00Z\n"
#define TARIFF      "[tariff]\nbuy = 0.30 EUR/kWh\nsell = 0.05 EUR/kWh\n"
#define NEGOTIATION "[negotiation]\n"
#define TWO                                                                                        \
	"[community north]\nload = mill-load\n[community south]\nload = farm-load\npv = farm-pv\n"
#define LINE "[line ns]\nfrom = north\nto = south\n"

static void test_example(void **state)
{
	(void)state; /* The example that is shipped is a league of twelve, with what it says. */
	struct diag d = { .to = stderr };
	assert_int_equal(league_conf_read("etc/examples/league.conf", &c, &d), 0);
	assert_int_equal(c.communities, 12);
	assert_int_equal(c.league.lines, 15);
	assert_int_equal(c.league.steps, 24);
	assert_int_equal(c.framework, FRAMEWORK_DISTRIBUTED);
	assert_string_equal(c.community[1].name, "mill");
	assert_true(c.member[1].net_kw[0] > 6.2 && c.member[1].net_kw[0] < 6.3);
	assert_true(c.member[0].capacity_kwh > 50.9 && c.member[0].capacity_kwh < 51.1);
	assert_true(c.member[0].buy[15] < 0.25 && c.member[0].buy[16] > 0.35);
	assert_true(c.league.line[0].terms.capacity_kw == 15 && c.league.line[0].terms.fee > 0);
	assert_true(isinf(c.league.line[1].terms.capacity_kw));
	assert_true(league_conf_is("etc/examples/league.conf"));
	assert_false(league_conf_is("etc/examples/market.conf"));
	assert_false(league_conf_is("etc/examples/no-such-file.conf"));
}

static void test_small(void **state)
{
	(void)state; /* A scenario needs no more than two communities and a line, or none as homes.
		      */
	assert_int_equal(read_text(SCENARIO TARIFF NEGOTIATION TWO LINE), 0);
	struct league_way w = league_conf_way(&c);
	assert_true(w.tolerance_kw == 0.01 && w.relaxation == 0.8 && w.loss == 0);
	assert_int_equal(w.dies_at[0], -1);
	assert_int_equal(read_text("[scenario]\nframework = p2p\nseries = etc/examples/league.csv\n"
				   "start = 2026-06-15T00:00:00Z\n" TARIFF NEGOTIATION TWO),
			 0);
	assert_true(league_conf_peers(&c).limit_kw[1] == 10);
}

static void test_broken(void **state)
{
	(void)state; /* What is wrong is refused with its line and what is expected. */
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ TARIFF NEGOTIATION TWO LINE, "has no section [scenario], expected one" },
		{ SCENARIO NEGOTIATION TWO LINE, "has no section [tariff], expected one" },
		{ SCENARIO TARIFF TWO LINE, "has no section [negotiation], expected one" },
		{ "[scenario]\nframework = central\n" TARIFF NEGOTIATION TWO LINE,
		  ":2: framework = \"central\", expected one of decentralised, distributed, p2p" },
		{ SCENARIO TARIFF NEGOTIATION "[community north]\nload = mill-load\n",
		  "has 1 communities, expected two or more" },
		{ SCENARIO TARIFF NEGOTIATION TWO,
		  ":11: no lines lead from north to south, expected a league that is connected" },
		{ SCENARIO TARIFF NEGOTIATION TWO "[line ns]\nfrom = north\nto = east\n",
		  ":14: line ns leads to 'east', expected the name of a community" },
		{ SCENARIO TARIFF NEGOTIATION TWO "[line nn]\nfrom = north\nto = north\n" LINE,
		  ":14: line nn leads from north to itself, expected two ends" },
		{ SCENARIO TARIFF NEGOTIATION TWO LINE "capacity = -5 kW\n", ":17: capacity" },
		{ SCENARIO TARIFF NEGOTIATION TWO LINE "fee = -0.01 EUR/kWh\n", ":17: fee" },
		{ SCENARIO TARIFF NEGOTIATION TWO LINE "fee = 0.01 NOK/kWh\n", ":17: fee" },
		{ SCENARIO TARIFF NEGOTIATION TWO LINE "colour = red\n",
		  ":17: unknown key \"colour\"" },
		{ SCENARIO TARIFF NEGOTIATION TWO "[line]\nfrom = north\nto = south\n",
		  ":14: a line without a name, expected [line NAME]" },
		{ SCENARIO TARIFF NEGOTIATION TWO "soc-start = 99 %\n" LINE,
		  ":14: soc-start 0.99, expected one from soc-min 0.1 to soc-max 0.95" },
		{ SCENARIO TARIFF NEGOTIATION TWO "sell = 0.4 EUR/kWh\n" LINE,
		  ":11: south is paid 0.4 and asked 0.3" },
		{ SCENARIO "horizon = 90 min\n" TARIFF NEGOTIATION TWO LINE,
		  ":5: a horizon of 1.5 steps" },
		{ SCENARIO "loss = 95 %\n" TARIFF NEGOTIATION TWO LINE, ":5: loss" },
		{ SCENARIO TARIFF NEGOTIATION
		  "[community north]\nload = no-load\n[community south]\nload = farm-load\n" LINE,
		  ":9: etc/examples/league.csv has no column no-load" },
		{ "[scenario]\nframework = p2p\nseries = etc/examples/league.csv\nstart = "
		  "2026-06-16T00:00:00Z\n" TARIFF NEGOTIATION TWO,
		  "mill-load from 2026-06-16T00:00:00Z on, expected numbers from 0 to 1e+09 "
		  "there" },
		{ SCENARIO TARIFF "demand-charge = 3 EUR/kW\n" NEGOTIATION TWO LINE,
		  "expected prices per kWh only" },
		{ SCENARIO TARIFF NEGOTIATION TWO LINE "[lines]\n", ":17: unknown section" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(read_text(rows[i].text) < 0);
		if (!strstr(said, rows[i].said)) {
			fail_msg("row %zu: expected \"%s\", said:\n%s", i, rows[i].said, said);
		}
	}
}

static void test_all_at_once(void **state)
{
	(void)state; /* All errors of a file come at once. */
	assert_true(read_text(SCENARIO TARIFF NEGOTIATION TWO
			      "[line a]\nfrom = west\nto = south\ncapacity = -1 kW\n"
			      "[line b]\nfrom = north\nto = south\nfee = 2\n[odd]\n") < 0);
	assert_non_null(strstr(said, ":17: capacity"));
	assert_non_null(strstr(said, ":21: fee"));
	assert_non_null(strstr(said, ":22: unknown section"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_all_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
