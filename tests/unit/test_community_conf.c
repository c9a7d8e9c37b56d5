/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/isotime.h"
#include "sim/community_world.h"
#include "sim/train.h"
#include "tests/unit/test.h"

enum { DAYS = 4, DAY_S = 86400, TEXT_SIZE = 16384 };

static char folder[64];
static int64_t start_s;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_community_conf.XXXXXX");
	return !mkdtemp(folder) || isotime_parse("2025-04-01T00:00:00Z", &start_s) < 0;
}

static void run_in(const char *command)
{
	char text[256];
	(void)snprintf(text, sizeof(text), command, folder);
	assert_int_equal(system(text), 0);
}

static int tear_down(void **state)
{
	(void)state;
	run_in("rm -r %s");
	return 0;
}

static FILE *create(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	return f;
}

/* What a row of a series is: known from its time alone. */
static double load_at(int64_t at_s)
{
	return 200 + (double)(at_s / 900 % 97);
}

static double pv_at(int64_t at_s)
{
	return 10.0 * (double)(at_s / 900 % 31);
}

/* A series of that many days; buy 0: without prices. */
static void write_series(const char *name, int step_s, int days, double buy)
{
	FILE *f = create(name);
	fprintf(f, "time,load_w,pv_w%s\n", buy > 0 ? ",buy_per_kwh" : "");
	for (int64_t at_s = start_s; at_s < start_s + days * DAY_S; at_s += step_s) {
		char time[ISOTIME_SIZE];
		fprintf(f, "%s,%g,%g", isotime_format(at_s, time), load_at(at_s), pv_at(at_s));
		if (buy > 0) {
			fprintf(f, ",%g", buy);
		}
		fputs("\n", f);
	}
	assert_int_equal(fclose(f), 0);
}

/* Read a community of that text and those homes; what was wrong into said. */
static int read_text(const char *text, const char *homes, struct community_conf *out,
		     char said[TEXT_SIZE])
{
	char path[128];
	FILE *f = create("community.conf");
	fprintf(f, "%s%s", text, homes);
	assert_int_equal(fclose(f), 0);
	memset(said, 0, TEXT_SIZE);
	struct diag d = { .to = fmemopen(said, TEXT_SIZE - 1, "w") };
	(void)snprintf(path, sizeof(path), "%s/community.conf", folder);
	int r = community_conf_read(path, out, &d);
	assert_int_equal(fclose(d.to), 0);
	assert_true((r == 0) == (d.errors == 0));
	return r;
}

static int read_conf(const char *homes, struct community_conf *out, char said[TEXT_SIZE])
{
	return read_text("[community]\nwarm-up-days = 1\ntrain-days = 2\ntest-days = 1\n"
			 "[training]\nepisode-days = 1\n"
			 "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n",
			 homes, out, said);
}

/* A home's power is what its series says, by the hour and by the quarter, in a folder or alone; its
 * battery what the file says, or its class's; the utility's prices the series' or the tariff's. */
static void test_measured(void **state)
{
	(void)state;
	struct community_conf conf;
	struct community_world w;
	char said[TEXT_SIZE];
	write_series("one.csv", 900, DAYS, 0.5);
	run_in("mkdir %s/many");
	write_series("many/a.csv", 900, DAYS, 0);
	write_series("many/b.csv", 900, DAYS, 0.5);
	int r = read_conf("[home one]\nclass = pv-battery\nseries = one.csv\ncapacity = 6.4 kWh\n"
			  "round-trip-efficiency = 81 %\nsoc-min = 0 %\nsoc-start = 0 %\n"
			  "export-limit = 5 kW\n[homes pv]\nfolder = many\nheld-out = 1\n"
			  "[homes wind-battery]\ncount = 2\ncapacity = 5 kWh\n",
			  &conf, said);
	assert_string_equal(said, "");
	assert_int_equal(r, 0);
	assert_int_equal(conf.residents.count, 5);
	assert_true(conf.count[CLASS_PV] == 1 && conf.held_out == 1);
	assert_int_equal(community_world_make(&w, &conf), 0);
	assert_int_equal(w.env.homes, 4); /* pv, pv-battery, two with wind */
	for (int step = 0; step < w.series.steps; step++) {
		int64_t at_s = start_s + step * 3600;
		double load_w = 0, pv_w = 0;
		for (int q = 0; q < 4; q++) {
			load_w += load_at(at_s + q * 900) / 4;
			pv_w += pv_at(at_s + q * 900) / 4;
		}
		for (int i = 0; i < 2; i++) {
			size_t at = (size_t)step * 4 + (size_t)i;
			assert_true(fabs((double)w.series.load_w[at] - load_w) < 1e-3);
			assert_true(fabs((double)w.series.pv_w[at] - pv_w) < 1e-3);
		}
		assert_true(w.buy[step] == 500000 && w.sell[step] == 100000);
	}
	const struct battery_model *b = &w.home[1].battery;
	assert_true(b->capacity_wh == 6400 && fabs(b->charge_efficiency - 0.9) < 1e-12 &&
		    b->soc_min == 0 && b->soc_start == 0 && b->charge_limit_w == 5000);
	assert_true(w.home[1].export_limit_w == 5000 && isinf(w.home[1].import_limit_w));
	assert_true(w.home[0].battery.capacity_wh == 0);
	assert_true(w.home[2].battery.capacity_wh == 5000 && w.home[3].import_limit_w == 17e3);
	community_world_free(&w);
	/* Of those never seen, the other of the folder, and wind anew. */
	assert_int_equal(community_world_make_unseen(&w, &conf), 0);
	assert_true(w.env.homes == 3 && w.home[0].class == CLASS_PV);
	community_world_free(&w);
	community_conf_free(&conf);
}

/* What does not fit is refused and named, file and line, all of it at once. */
static void test_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *homes, *says[4];
	} cases[] = {
		{ "[home a]\nclass = turbine\nseries = good.csv\n[homes boat]\ncount = 1\n",
		  { "community.conf:11: class = \"turbine\"", "community.conf:13: [homes boat]" } },
		{ "[home a]\nclass = pv\nseries = good.csv\n"
		  "[home b]\nclass = pv\nseries = short.csv\n"
		  "[home c]\nclass = pv\nseries = quarter.csv\n",
		  { "short.csv: goes from", "short.csv: has 72 rows", "quarter.csv: has 384 rows",
		    "good.csv has" } },
		{ "[home a]\nclass = pv\nseries = uneven.csv\n"
		  "[home b]\nclass = consumer\nseries = good.csv\n"
		  "[home c]\nclass = pv\nseries = none.csv\n",
		  { "uneven.csv:4: lasts 1800 s", "good.csv:2: pv_w is", "none.csv" } },
		{ "[home a]\nclass = pv\nseries = good.csv\ncapacity = 5 kWh\n"
		  "[home b]\nclass = pv-battery\nseries = units.csv\ncapacity = 5 kW\n",
		  { "community.conf:13: capacity stands", "community.conf:17: capacity",
		    "units.csv:1: column load_kwh", "units.csv:1: no column load_w" } },
		{ "[home a]\nclass = pv\nseries = dear.csv\n[home b]\nclass = pv\n"
		  "series = cheap.csv\n",
		  { "cheap.csv:2: buy_per_kwh is 0.2, expected 0.4", "dear.csv" } },
		{ "[homes pv]\nfolder = nowhere\n[homes consumer]\ncount = 2\nfolder = many\n"
		  "[homes pv-battery]\n[home a]\nclass = pv-battery-ev\nseries = good.csv\n"
		  "held-out = yes\n",
		  { "community.conf:11: ", "community.conf:12: [homes consumer] has both",
		    "community.conf:15: [homes pv-battery] has neither" } },
		{ "[homes consumer]\ncount = 1\n[home a]\nclass = pv\nseries = good.csv\n"
		  "held-out = yes\n",
		  { "holds out all homes of class pv" } },
		{ "[home a]\nclass = pv-battery\nseries = good.csv\nsoc-start = 2 %\n",
		  { "community.conf:13: soc-start is 2 %, expected between" } },
		{ "", { "has no homes" } },
	};
	struct community_conf conf = { .seed = 77 };
	char said[TEXT_SIZE];
	write_series("good.csv", 3600, DAYS, 0);
	write_series("short.csv", 3600, DAYS - 1, 0);
	write_series("quarter.csv", 900, DAYS, 0);
	write_series("dear.csv", 3600, DAYS, 0.4);
	write_series("cheap.csv", 3600, DAYS, 0.2);
	FILE *f = create("uneven.csv");
	fputs("time,load_w,pv_w\n2025-04-01T00:00Z,1,0\n2025-04-01T01:00Z,1,0\n"
	      "2025-04-01T02:00Z,1,0\n2025-04-01T02:30Z,1,0\n2025-04-09T00:00Z,1,0\n",
	      f);
	assert_int_equal(fclose(f), 0);
	f = create("units.csv");
	fputs("time,load_kwh,pv_w\n2025-04-01T00:00Z,1,0\n2025-04-01T01:00Z,1,0\n", f);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(read_conf(cases[i].homes, &conf, said) < 0);
		assert_int_equal(conf.seed, 77);
		for (int k = 0; k < 4 && cases[i].says[k]; k++) {
			if (!strstr(said, cases[i].says[k])) {
				print_message("case %zu lacks \"%s\" in:\n%s", i, cases[i].says[k],
					      said);
				fail();
			}
		}
	}
}

/* A training that could never begin, as its replay holds too little, and more intervals than there
 * is room for are refused, with the line of what is too large or too small; at the bound they are
 * not. */
static void test_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says; /* NULL: nothing is wrong */
	} cases[] = {
		{ "[training]\nreplay = 2048\n", NULL },
		{ "[training]\nreplay = 2047\n",
		  "community.conf:2: replay is 2047, expected at least 4 times batch, 2048" },
		{ "[training]\nbatch = 50001\n", "community.conf:2: replay is 200000, expected" },
		{ "[community]\ninterval = 5 min\ntrain-days = 223\n", NULL },
		{ "[community]\ninterval = 5 min\ntrain-days = 224\n",
		  "community.conf:2: 245 days are more than 70272 intervals of 300 s" },
	};
	struct community_conf conf;
	char said[TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r = read_text(cases[i].text,
				  "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n"
				  "[homes pv]\ncount = 1\n",
				  &conf, said);
		assert_true((r == 0) == !cases[i].says);
		assert_true(cases[i].says ? !!strstr(said, cases[i].says) : !*said);
		if (r == 0) {
			community_conf_free(&conf);
		}
	}
}

/* Where the utility pays more than it asks, if only for an hour of the day, or by a series, its
 * place is told; as much is fine. */
static void test_paid_more_than_asked(void **state)
{
	(void)state;
	static const struct {
		const char *prices, *homes, *says; /* NULL: nothing is wrong */
	} cases[] = {
		{ "sell = 0.3 EUR/kWh\n", "[homes pv]\ncount = 1\n", NULL },
		{ "sell = 0.31 EUR/kWh\n", "[homes pv]\ncount = 1\n",
		  "community.conf:8: sells for 0.31 from 2025-04-01T00:00:00Z on, expected at most "
		  "the 0.3 " },
		{ "network-charge = 0.02 EUR/kWh\nsell = 0.31 EUR/kWh\n", "[homes pv]\ncount = 1\n",
		  NULL },
		{ "sell = 0.2 EUR/kWh\nbuy-window = 16:00-17:00 0.15 EUR/kWh\n",
		  "[homes pv]\ncount = 1\n",
		  "community.conf:8: sells for 0.2 from 2025-04-01T16:00" },
		{ "sell = 0.2 EUR/kWh\n", "[home p]\nclass = pv\nseries = cheap.csv\n",
		  "community.conf:8: sells for 0.2 from 2025-04-01T00:00:00Z on, expected at most "
		  "the 0.1 " },
	};
	struct community_conf conf;
	char said[TEXT_SIZE], text[512];
	write_series("cheap.csv", 3600, DAYS, 0.1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)snprintf(text, sizeof(text),
			       "[community]\nwarm-up-days = 1\ntrain-days = 2\ntest-days = 1\n"
			       "[training]\n[tariff]\nbuy = 0.3 EUR/kWh\n%s",
			       cases[i].prices);
		int r = read_text(text, cases[i].homes, &conf, said);
		assert_true((r == 0) == !cases[i].says);
		assert_true(cases[i].says ? !!strstr(said, cases[i].says) : !*said);
		if (r == 0) {
			community_conf_free(&conf);
		}
	}
}

/* A checkpoint is held against all of its file, to the last byte of a long one. */
static void test_identity(void **state)
{
	(void)state;
	static const char *const ends[] = { "[training]\nepisodes = 8\n",
					    "[training]\nepisodes = 9\n" };
	static const char line[] = "; what somebody had to say of this community\n";
	struct community_conf conf;
	uint64_t of[3];
	char said[TEXT_SIZE], path[128];
	static char text[80000];
	for (int i = 0; i < 3; i++) {
		int at = snprintf(text, sizeof(text),
				  "[tariff]\nbuy = 0.3 EUR/kWh\n"
				  "sell = 0.1 EUR/kWh\n[homes pv]\ncount = 1\n");
		while (at < 70000) {
			at += snprintf(text + at, sizeof(text) - (size_t)at, "%s", line);
		}
		assert_int_equal(read_text(text, ends[i % 2], &conf, said), 0);
		(void)snprintf(path, sizeof(path), "%s/community.conf", folder);
		of[i] = train_identity(path, &conf);
		community_conf_free(&conf);
	}
	assert_true(of[0] != of[1] && of[0] == of[2]);
}

/* Another number of homes is shared out as the file's are, each class at least once; measured homes
 * cannot be more than they are. */
static void test_resizes(void **state)
{
	(void)state;
	static const struct {
		int homes, count[3]; /* consumer, pv, pv-battery */
	} cases[] = { { 3, { 1, 1, 1 } },
		      { 4, { 2, 1, 1 } },
		      { 20, { 12, 6, 2 } },
		      { 10, { 6, 3, 1 } },
		      { 1000, { 600, 300, 100 } } };
	struct community_conf conf;
	char said[TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r = read_conf("[homes consumer]\ncount = 6\n[homes pv]\ncount = 3\n"
				  "[homes pv-battery]\ncount = 1\ncapacity = 3 kWh\n",
				  &conf, said);
		assert_int_equal(r, 0);
		assert_int_equal(community_conf_resize(&conf, cases[i].homes), 0);
		assert_int_equal(conf.residents.count, cases[i].homes);
		for (int c = 0; c < 3; c++) {
			assert_int_equal(conf.count[c], cases[i].count[c]);
		}
		const struct resident *last = &conf.residents.resident[cases[i].homes - 1];
		assert_true(last->class == CLASS_PV_BATTERY && last->traits.capacity_wh == 3000);
		assert_int_equal(community_conf_resize(&conf, 2), -ERANGE);
		assert_int_equal(community_conf_resize(&conf, 1001), -ERANGE);
		assert_int_equal(conf.residents.count, cases[i].homes);
		community_conf_free(&conf);
	}
	write_series("one.csv", 3600, DAYS, 0);
	assert_int_equal(read_conf("[home a]\nclass = pv\nseries = one.csv\n", &conf, said), 0);
	assert_int_equal(community_conf_resize(&conf, 2), -ENOTSUP);
	community_conf_free(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_measured, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paid_more_than_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resizes, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
