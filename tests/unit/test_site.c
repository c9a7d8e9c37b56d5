/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glob.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/home/site.h"

#define HEAD    "[site]\nid = home-1\n[tariff]\nbuy = 0.30 EUR/kWh\n"
#define BATTERY "[battery main]\ncapacity = 10 kWh\ncharge-limit = 5 kW\ndischarge-limit = 4 kW\n"

static struct site site;

/* Read a file; what it is told goes to *said, which is the caller's to free. Returns the errors. */
static int read_file(const char *path, char **said)
{
	size_t size;
	struct diag d = { .to = open_memstream(said, &size) };
	assert_non_null(d.to);
	int r = site_read(path, &site, &d);
	assert_int_equal(fclose(d.to), 0);
	assert_true((r < 0) == (d.errors > 0));
	return d.errors;
}

static int read_text(const char *text, char **said)
{
	char path[64];
	write_temporary(text, path);
	int errors = read_file(path, said);
	assert_int_equal(unlink(path), 0);
	return errors;
}

static void read_good(const char *text)
{
	char *said = NULL;
	if (read_text(text, &said) != 0) {
		fail_msg("refused: %s", said);
	}
	free(said);
}

/* How often the text says the words. */
static int count_words(const char *said, const char *words)
{
	int count = 0;
	for (const char *at = strstr(said, words); at; at = strstr(at + 1, words)) {
		count++;
	}
	return count;
}

/* --- broken files -------------------------------------------------------------------------------
 */

static bool says_in_one_line(const char *said, const char *start, const char *words)
{
	for (const char *at = strstr(said, start); at; at = strstr(at + 1, start)) {
		const char *found = strstr(at, words);
		if (found && found < at + strcspn(at, "\n")) {
			return true;
		}
	}
	return false;
}

/* Check that the file is refused as its first line says: "; expect: LINE: words". */
static void check_broken(const char *path)
{
	char first[400] = "", expected[220], *said = NULL;
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(first, sizeof(first), f));
	fclose(f);
	first[strcspn(first, "\r\n")] = '\0';
	const char *words = strncmp(first, "\xef\xbb\xbf", 3) == 0 ? first + 3 : first;
	int line, behind = 0;
	assert_int_equal(sscanf(words, "; expect: %d: %n", &line, &behind), 1);
	assert_true(behind > 0);
	words += behind;
	int errors = read_file(path, &said);
	snprintf(expected, sizeof(expected), line ? "%s:%d: " : "%s: ", path, line);
	bool helps = strstr(words, "expected ") || strstr(words, "see lecd.conf(5)");
	if (!errors || !helps || !says_in_one_line(said, expected, words)) {
		fail_msg("%s: expected %d: %s\nbut was told:\n%s", path, line, words, said);
	}
	free(said);
}

static void test_broken(void **unused)
{
	/* Each broken file is refused at the right line with what is expected, and nothing of it is
	 * used. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("tests/broken/site-*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 130);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		memset(&site, 0x5a, sizeof(site));
		check_broken(found.gl_pathv[i]);
		for (size_t k = 0; k < sizeof(site); k++) {
			assert_int_equal(((const unsigned char *)&site)[k], 0x5a);
		}
	}
	globfree(&found);
}

static void test_one_mistake_one_error(void **unused)
{
	/* A file with one mistake is told of one: nothing follows from it. */
	(void)unused;
	/* Two sections are missing; after a NUL byte the lines go on. */
	static const char *const several[] = { "no-sections", "nul-end", NULL };
	glob_t found;
	assert_int_equal(glob("tests/broken/site-*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *said = NULL;
		int errors = read_file(found.gl_pathv[i], &said), allowed = 1;
		for (int k = 0; several[k]; k++) {
			allowed += strstr(found.gl_pathv[i], several[k]) != NULL;
		}
		if (errors > allowed) {
			fail_msg("%s: %d errors:\n%s", found.gl_pathv[i], errors, said);
		}
		free(said);
	}
	globfree(&found);
}

static void test_all_at_once(void **unused)
{
	/* Every error of a file is told in one go, in its own line. */
	(void)unused;
	char *said = NULL;
	int errors = read_text("[site]\n[control]\ncycle = 1\ninterval = soon\n[tariff]\n"
			       "buy = 1 kW\n[battery]\ncapacity = 5 kWh\ncharge-limit = -1 W\n"
			       "[stove]\n",
			       &said);
	assert_int_equal(errors, 7);
	assert_int_equal(count_words(said, "expected"), 7);
	free(said);
}

static void test_not_a_file(void **unused)
{
	/* A folder, a missing file, an empty one and one of NUL bytes are refused with a reason. */
	(void)unused;
	char *said = NULL;
	assert_true(read_file("tests", &said) > 0);
	assert_non_null(strstr(said, "tests: cannot be read"));
	free(said);
	assert_int_equal(read_file("tests/broken/none.conf", &said), 1);
	assert_non_null(strstr(said, "cannot be read: No such file"));
	free(said);
	assert_int_equal(read_text("", &said), 2);
	free(said);
	assert_int_equal(read_file("/dev/null", &said), 2);
	free(said);
	char path[64];
	write_temporary("", path);
	assert_int_equal(truncate(path, 5000), 0);
	assert_int_equal(read_file(path, &said), 3);
	assert_non_null(strstr(said, ":1: a NUL byte"));
	free(said);
	assert_int_equal(unlink(path), 0);
}

static void test_noise(void **unused)
{
	/* No file of random bytes is a site, and none brings the reader down. */
	(void)unused;
	uint64_t seed = random_seed();
	static const char pieces[] = "[]=;# \t\r\nabk%W./-:\"\\0159";
	for (int run = 0; run < 300; run++) {
		char path[64], *said = NULL;
		write_temporary("", path);
		FILE *f = fopen(path, "we");
		assert_non_null(f);
		for (int i = 0; i < 2000; i++) {
			uint64_t r = random_next(&seed);
			fputc(run % 2 ? (int)(r >> 56) : pieces[r % (sizeof(pieces) - 1)], f);
		}
		assert_int_equal(fclose(f), 0);
		assert_true(read_file(path, &said) > 0);
		free(said);
		assert_int_equal(unlink(path), 0);
	}
}

/* --- good files ---------------------------------------------------------------------------------
 */

static void test_policy(void **unused)
{
	/* What an actor's numbers mean stands beside it under its name, unless said otherwise. */
	(void)unused;
	read_good(HEAD "[control]\ndecide = shadow\n[policy]\nactor = /a/pv.onnx\n");
	assert_true(site.decide == DECIDE_SHADOW);
	assert_string_equal(site.policy.meaning, "/a/pv.conf");
	assert_true(site.policy.time_limit_s == 0.05 && site.policy.regret_limit == 1);
	assert_true(site.policy.regret_window_s == 7 * 86400);
	read_good(HEAD "[policy]\nactor = onnx\nregret-limit = 2 EUR\nregret-window = 1 d\n");
	assert_true(site.decide == DECIDE_OPTIMISER && site.policy.regret_limit == 2);
	assert_string_equal(site.policy.meaning, "onnx.conf");
	read_good(HEAD "[policy]\nactor = a.onnx\nmeaning = b\ntime-limit = 1 ms\n");
	assert_true(site.policy.time_limit_s == 1e-3);
	assert_string_equal(site.policy.meaning, "b");
}

static void test_defaults(void **unused)
{
	/* The smallest site has the defaults that the manual names. */
	(void)unused;
	read_good(HEAD);
	assert_string_equal(site.id, "home-1");
	assert_string_equal(site.timezone, "UTC");
	assert_true(site.role == ROLE_HOME && site.objective == OBJECTIVE_COST);
	assert_true(site.decide == DECIDE_OPTIMISER && site.ramp_w_per_s == 0);
	assert_true(!*site.policy.actor && !*site.policy.meaning);
	assert_true(site.cycle_s == 1 && site.interval_s == 900 && site.horizon_s == 36 * 3600);
	assert_true(isinf(site.import_limit_w) && isinf(site.export_limit_w));
	assert_string_equal(site.tariff.currency, "EUR");
	assert_true(site.tariff.buy.base == 0.30 && site.tariff.sell.base == 0);
	assert_true(site.tariff.demand_charge == 0 && site.tariff.demand_period_s == 3600);
	assert_true(!site.has_meter && site.pvs == 0 && site.batteries == 0);
	assert_true(!*site.mqtt.broker && site.bid && site.gate_closure_s == 120);
	assert_string_equal(site.socket, "/run/lecd/lecd.sock");
	assert_string_equal(site.store, "/var/lib/lecd");
}

static void test_battery(void **unused)
{
	/* A battery's numbers are read, its efficiencies and its band made of what is given. */
	(void)unused;
	static const double way = 0.94868329805051377; /* the square root of 90 % */
	const struct battery_model *m = &site.battery[0].model;
	read_good(HEAD BATTERY);
	assert_true(m->capacity_wh == 1e4 && m->charge_limit_w == 5e3);
	assert_true(m->discharge_limit_w == 4e3 && m->soc_min == 0 && m->soc_max == 1);
	assert_true(fabs(m->charge_efficiency - way) < 1e-12);
	assert_true(m->charge_efficiency == m->discharge_efficiency);
	assert_true(m->soc_end < 0 && m->end_value == 0 && !site.battery[0].has_end);
	assert_true(m->grid_charging && m->grid_discharging && m->wear == 0);
	read_good(HEAD BATTERY "round-trip-efficiency = 81 %\nsoc-end = 50 %\n");
	assert_true(fabs(m->charge_efficiency - 0.9) < 1e-12);
	assert_true(fabs(m->discharge_efficiency - 0.9) < 1e-12);
	assert_true(m->soc_end == 0.5 && site.battery[0].has_end);
	read_good(HEAD BATTERY "charge-efficiency = 97 %\n");
	assert_true(m->charge_efficiency == 0.97 && fabs(m->discharge_efficiency - way) < 1e-12);
	read_good(HEAD BATTERY "soc-min = 10 %\nreserve = 30 %\nend-value = 0.15 EUR/kWh\n");
	assert_true(m->soc_min == 0.3 && m->end_value == 0.15 && site.battery[0].has_end);
	read_good(HEAD BATTERY "soc-min = 40 %\nreserve = 30 %\nwear = 20 EUR/MWh\n"
			       "grid-charging = no\n");
	assert_true(m->soc_min == 0.4 && fabs(m->wear - 0.02) < 1e-15 && !m->grid_charging);
}

static void test_tariff(void **unused)
{
	/* Prices, windows and their currency are read, in any unit. */
	(void)unused;
	read_good("[site]\nid = a\ntimezone = Europe/Oslo\n[tariff]\ncurrency = NOK\n"
		  "buy = 1419 NOK/MWh\nbuy-window = 02:54-15:24 1.907 NOK/kWh\n"
		  "buy-window = 22:00-24:00 -0.1 NOK/kWh\nsell-window = 23:30-00:15 0.5 NOK/kWh\n"
		  "demand-charge = 35 NOK/kW\ndemand-period = 1 h\n");
	assert_string_equal(site.tariff.currency, "NOK");
	assert_true(fabs(site.tariff.buy.base - 1.419) < 1e-12);
	assert_int_equal(site.tariff.buy.windows, 2);
	assert_int_equal(site.tariff.buy.window[0].when.from_s, 10440);
	assert_int_equal(site.tariff.buy.window[0].when.to_s, 55440);
	assert_true(site.tariff.buy.window[0].price == 1.907);
	assert_int_equal(site.tariff.buy.window[1].when.to_s, 86400);
	assert_int_equal(site.tariff.sell.windows, 1);
	assert_true(site.tariff.demand_charge == 35 && site.tariff.demand_period_s == 3600);
	/* 2026-07-01T01:00:00Z is 03:00 in Oslo. */
	assert_true(tariff_price(&site.tariff.buy, 1782867600) == 1.907);
}

static void test_flexible(void **unused)
{
	/* Cars, loads and heat are read with what they leave open, in the file's order. */
	(void)unused;
	read_good(HEAD "subscribed-power = 6 kW\noveruse-price = 0.3 EUR/kWh\n"
		       "[ev car]\ncapacity = 60 kWh\ncharge-limit = 7 kW\nsoc-target = 80 %\n"
		       "charge-min = 1.4 kW\ntrip = 9 kWh\nconnected = 17:00-07:00\n"
		       "connected = 12:00-13:00\n"
		       "[load wash]\npower = 2 kW\nduration = 90 min\nstart-cost = 0.1 EUR\n"
		       "[load pool]\npower = 1 kW\nduration = 4 h\ninterruptible = yes\n"
		       "[load pump]\npower = 1 kW\nduration = 4 h\nkind = continuous\n"
		       "[heat-pump rooms]\nheat-capacity = 8 kWh/K\nloss = 0.15 kW/K\n"
		       "power = 2 kW\ncop = -7:2.5   7:3.5\n"
		       "[tank water]\nvolume = 0.3 m3\npower = 2 kW\nloss = 2 W/K\n"
		       "kind = continuous\ndiscomfort = 2 EUR/Kh\n");
	const struct site_ev *e = &site.ev[0];
	assert_true(site.tariff.subscribed_w == 6000 && site.tariff.overuse_price == 0.3);
	assert_true(site.evs == 1 && e->model.soc_target == 0.8 && e->model.discharge_limit_w == 0);
	assert_true(e->model.charge_min_w == 1400 && e->model.trip_wh == 9000);
	assert_true(e->connected.count == 2 && e->connected.window[0].from_s == 61200);
	assert_true(fabs(e->model.charge_efficiency - sqrt(0.9)) < 1e-12 && !e->has_unmet);
	assert_int_equal(site.loads, 3);
	assert_true(site.load[0].model.kind == LOAD_BLOCK && site.load[0].duration_s == 5400);
	assert_true(site.load[0].model.start_cost == 0.1 && site.load[0].windows.count == 0);
	assert_true(site.load[1].model.kind == LOAD_INTERRUPTIBLE);
	assert_true(site.load[2].model.kind == LOAD_CONTINUOUS);
	assert_int_equal(site.thermals, 2);
	const struct site_thermal *rooms = &site.thermal[0], *water = &site.thermal[1];
	assert_true(rooms->building && rooms->capacity_wh_per_k == 8000 && rooms->kind == 1);
	assert_true(rooms->loss_w_per_k == 150 && rooms->cops == 2 && rooms->cop[1].cop == 3.5);
	assert_true(rooms->low_c == 20 && rooms->high_c == 22 && rooms->start_c == 21);
	assert_true(!water->building && fabs(water->capacity_wh_per_k - 348.9) < 1e-9);
	assert_true(water->discomfort == 2 && water->has_discomfort && water->kind == 1);
}

static void test_units(void **unused)
{
	/* Powers, times and limits of other units come out in W and s. */
	(void)unused;
	read_good(HEAD "[control]\ncycle = 500 ms\ninterval = 0.5 h\nhorizon = 2 d\nramp = 0.5 kW\n"
		       "decide = rules\nobjective = self-consumption\n"
		       "[grid]\nimport-limit = 0.017 MW\nexport-limit = 0 W\n"
		       "[pv a]\npeak = 6000 W\ncurtailable = yes\n[pv b]\npeak = 3 kW\n"
		       "[mqtt]\nbroker = mqtts://[fe80::1]:8884\ngate-closure = 0 s\nbid = no\n");
	assert_true(site.cycle_s == 0.5 && site.interval_s == 1800 && site.horizon_s == 172800);
	assert_true(site.ramp_w_per_s == 500 && site.decide == DECIDE_RULES);
	assert_int_equal(site.objective, OBJECTIVE_SELF_CONSUMPTION);
	assert_true(site.import_limit_w == 17000 && site.export_limit_w == 0);
	assert_true(site.pvs == 2 && site.pv[0].peak_w == 6000 && site.pv[1].peak_w == 3000);
	assert_true(site.pv[0].curtailable && !site.pv[1].curtailable);
	assert_true(!site.bid && site.gate_closure_s == 0);
}

static void test_line_ends(void **unused)
{
	/* A byte order mark, carriage returns, tabs, remarks and a last line without end are fine.
	 */
	(void)unused;
	read_good("\xef\xbb\xbf[site]\r\nid = home-1 ; who\r\n\r\n[tariff]\r\n# a remark\r\n"
		  "\tbuy\t=\t0.30 EUR/kWh\r\n[battery main]\r\ncapacity=10kWh\r\n"
		  "charge-limit = 5 kW\r\ndischarge-limit = 5 kW");
	assert_string_equal(site.id, "home-1");
	assert_true(site.tariff.buy.base == 0.30);
	assert_true(site.battery[0].model.capacity_wh == 1e4);
	assert_true(site.battery[0].model.discharge_limit_w == 5e3);
}

static void test_community(void **unused)
{
	/* A home says what it is to its manager, a community has members and does not bid; what the
	 * one has of the other is refused at its line. */
	(void)unused;
	static const char mqtt[] = "[mqtt]\nbroker = mqtt://localhost\n";
	static const struct {
		const char *more, *words;
	} bad[] = {
		{ "[member a]\n[mqtt]\nbroker = mqtt://localhost\n",
		  ":5: [member] with role = home" },
		{ "[community]\nmanager = follow\n", ":6: a community without a broker" },
		{ "[community]\nmanager = yes\n", ":6: manager" },
		{ "[community]\noffer = 110 %\n", ":6: offer" },
	};
	static const struct {
		const char *more, *words;
	} bad_manager[] = {
		{ "[member a]\n", ":6: a community without a broker" },
		{ "[member]\n[mqtt]\nbroker = mqtt://localhost\n", ":6: [member ], expected" },
		{ "[member a]\nweight = 3\n[mqtt]\nbroker = mqtt://localhost\n", ":7: " },
		{ "[member a]\n[member a]\n[mqtt]\nbroker = mqtt://localhost\n", ":7: " },
		{ "[community]\nmanager = own\n[mqtt]\nbroker = mqtt://localhost\n",
		  ":7: manager = own with role = community" },
		{ "[mqtt]\nbroker = mqtt://localhost\nbid = yes\n", ":8: bid = yes with role" },
	};
	char text[1024];
	for (size_t i = 0;
	     i < sizeof(bad) / sizeof(*bad) + sizeof(bad_manager) / sizeof(*bad_manager); i++) {
		bool home = i < sizeof(bad) / sizeof(*bad);
		size_t k = home ? i : i - sizeof(bad) / sizeof(*bad);
		const char *more = home ? bad[k].more : bad_manager[k].more;
		const char *words = home ? bad[k].words : bad_manager[k].words;
		char *said = NULL;
		snprintf(text, sizeof(text), "[site]\nid = x\n%s[tariff]\nbuy = 0.30 EUR/kWh\n%s",
			 home ? "" : "role = community\n", more);
		int errors = read_text(text, &said);
		if (errors < 1 || !strstr(said, words)) {
			fail_msg("\"%s\" not in: %s", words, said);
		}
		free(said);
	}
	snprintf(text, sizeof(text), HEAD "[community]\nmanager = follow\noffer = 50 %%\n%s", mqtt);
	read_good(text);
	assert_true(site.manner == MANNER_FOLLOW && site.offer_share == 0.5 && site.bid);
	snprintf(text, sizeof(text),
		 "[site]\nid = ems\nrole = community\n[tariff]\nbuy = 0.30 EUR/kWh\n[member b]\n"
		 "[member a]\n%s",
		 mqtt);
	read_good(text);
	assert_true(site.members == 2 && !site.bid && site.manner == MANNER_OFF);
	assert_string_equal(site.member[0].id, "b");
}

static void test_shipped(void **unused)
{
	/* Every site file we ship is sound, and can be run with its house simulated. */
	(void)unused;
	static const char *const paths[] = { "etc/site.conf", "etc/examples/site.conf",
					     "etc/examples/fronius.conf",
					     "etc/examples/manager.conf" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char *said = NULL;
		assert_int_equal(read_file(paths[i], &said), 0);
		free(said);
		struct diag d = { .to = stderr };
		site_check_runnable(&site, true, &d);
		site_check_runnable(&site, false, &d);
		assert_int_equal(d.errors, 0);
	}
}

static void test_runnable(void **unused)
{
	/* What is to be run needs a meter, a driver for each asset, and not half a simulation. */
	(void)unused;
	static const struct {
		const char *text;
		int real, simulated; /* errors */
	} cases[] = {
		{ HEAD BATTERY, 1, 1 },
		{ HEAD BATTERY "[meter grid]\n", 2, 0 },
		{ HEAD BATTERY "driver = simulated\n[meter grid]\ndriver = simulated\n", 0, 0 },
		{ HEAD BATTERY "driver = simulated\n[meter grid]\n", 2, 0 },
		{ HEAD BATTERY "driver = simulated\n[meter grid]\ndriver = modbus\n"
			       "address = tcp://a/1\nprofile = x\n[pv a]\npeak = 1 kW\n",
		  2, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct diag real = { 0 }, simulated = { 0 };
		read_good(cases[i].text);
		site_check_runnable(&site, false, &real);
		site_check_runnable(&site, true, &simulated);
		assert_int_equal(real.errors, cases[i].real);
		assert_int_equal(simulated.errors, cases[i].simulated);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),      cmocka_unit_test(test_one_mistake_one_error),
		cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_noise),       cmocka_unit_test(test_policy),
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_battery),
		cmocka_unit_test(test_tariff),      cmocka_unit_test(test_flexible),
		cmocka_unit_test(test_units),       cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_community),   cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_runnable),
	};
	return cmocka_run_group_tests_name("site", tests, NULL, NULL);
}
