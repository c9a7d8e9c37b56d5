/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/home/outlook.h"

/* Local midnights of Oslo: the day of 23 hours, the day of 25, and an ordinary one, in UTC. */
static const int64_t spring_s = 1774738800, autumn_s = 1792879200, june_s = 1780264800;
enum { HOUR_S = 3600, DAY_STEPS = 96 };

#define HEAD                                                                                       \
	"[site]\nid = a\ntimezone = Europe/Oslo\n[tariff]\nbuy = 0.30 EUR/kWh\n"                   \
	"sell = 0.10 EUR/kWh\n"
#define CAR  "[ev car]\ncapacity = 60 kWh\ncharge-limit = 7 kW\n"
#define WASH "[load wash]\npower = 2 kW\nduration = 2 h\n"
#define TANK "[tank water]\nvolume = 200 l\npower = 2 kW\nloss = 2 W/K\n"
#define HEAT                                                                                       \
	"[heat-pump rooms]\nheat-capacity = 8 kWh/K\nloss = 150 W/K\npower = 2 kW\n"               \
	"cop = -10:2 0:3 10:4.5\n"

static struct site site;
static struct problem problem;

static void read_site(const char *text)
{
	char path[64];
	struct diag d = { .to = stderr };
	write_temporary(text, path);
	assert_int_equal(site_read(path, &site, &d), 0);
	assert_int_equal(unlink(path), 0);
}

/* The site's assets over so many steps of the site's interval. */
static void look(int64_t from_s, int steps, const struct assets_now *now)
{
	char why[160] = "";
	outlook_begin(&site, &problem);
	outlook_set_steps(&site, from_s, steps, &problem);
	outlook_assets(&site, now, &problem);
	if (problem_check(&problem, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
}

static int64_t local_s(int t, bool end)
{
	const struct step *s = &problem.step[t];
	return s->start_s + (end ? (int64_t)lround(s->hours * HOUR_S) : 0);
}

/* --- cars ---------------------------------------------------------------------------------------
 */

static int connected_steps(int64_t from_s, int steps)
{
	int count = 0;
	look(from_s, steps, NULL);
	for (int t = 0; t < steps; t++) {
		count += problem.ev[0].connected[t];
	}
	return count;
}

static void test_connected(void **unused)
{
	/* A night over midnight has 14 hours, and an hour less or more when the clock changes. */
	(void)unused;
	read_site(HEAD CAR "connected = 17:00-07:00\n");
	assert_int_equal(connected_steps(june_s - 12 * HOUR_S, DAY_STEPS), 14 * 4);
	assert_int_equal(connected_steps(spring_s - 12 * HOUR_S, DAY_STEPS), 13 * 4);
	assert_int_equal(connected_steps(autumn_s - 12 * HOUR_S, DAY_STEPS), 15 * 4);
	look(june_s + 16 * HOUR_S, 8, NULL);
	assert_true(!problem.ev[0].connected[3] && problem.ev[0].connected[4]);
	look(june_s + 6 * HOUR_S, 8, NULL);
	assert_true(problem.ev[0].connected[3] && !problem.ev[0].connected[4]);
	/* Connected is who is so for the whole step. */
	read_site(HEAD CAR "connected = 17:05-18:25\n");
	assert_int_equal(connected_steps(june_s + 16 * HOUR_S, 16), 4);
	/* Two windows that meet are one stay, and none at all is always. */
	read_site(HEAD CAR "connected = 17:00-20:05\nconnected = 20:05-22:00\n");
	assert_int_equal(connected_steps(june_s + 12 * HOUR_S, 48), 20);
	read_site(HEAD CAR);
	assert_int_equal(connected_steps(june_s, DAY_STEPS), DAY_STEPS);
}

static void test_car_now(void **unused)
{
	/* A car starts where it stands now, else where the site says; prices that the site leaves
	 * open lie above those of energy. */
	(void)unused;
	struct assets_now now = { .ev_soc = { 0.7 } };
	read_site(HEAD CAR "soc-start = 20 %\nsoc-target = 80 %\nconnected = 17:00-07:00\n");
	look(june_s, 8, NULL);
	assert_true(problem.ev[0].soc_start == 0.2 && problem.ev[0].soc_target == 0.8);
	assert_true(problem.ev[0].unmet_price >= 3 && problem.ev[0].end_value > 0.1);
	look(june_s, 8, &now);
	assert_true(problem.ev[0].soc_start == 0.7);
	read_site(HEAD CAR "unmet-price = 0.4 EUR/kWh\nend-value = 0 EUR/kWh\n");
	look(june_s, 8, NULL);
	assert_true(problem.ev[0].unmet_price == 0.4 && problem.ev[0].end_value == 0);
	assert_true(problem.ev[0].soc_target < 0);
}

/* --- loads --------------------------------------------------------------------------------------
 */

/* "first-end:hours first-end:hours" of a load's runs, hours from the first step. */
static const char *runs(int64_t from_s, int steps, const struct assets_now *now)
{
	static char text[400];
	int used = 0;
	look(from_s, steps, now);
	text[0] = '\0';
	for (int k = 0; k < problem.load[0].runs; k++) {
		const struct load_run *r = &problem.load[0].run[k];
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%g-%g:%g",
				 k ? " " : "", (double)(local_s(r->first, false) - from_s) / HOUR_S,
				 (double)(local_s(r->end - 1, true) - from_s) / HOUR_S,
				 r->duration_h);
	}
	return text;
}

static void test_runs(void **unused)
{
	/* A load has one run for each window and day that lie in the horizon, in order. */
	(void)unused;
	read_site(HEAD WASH "window = 08:00-12:00\n");
	assert_string_equal(runs(june_s, DAY_STEPS, NULL), "8-12:2");
	assert_string_equal(runs(june_s, 3 * DAY_STEPS, NULL), "8-12:2 32-36:2 56-60:2");
	read_site(HEAD WASH "window = 19:00-06:00\nwindow = 08:00-12:00\n");
	assert_string_equal(runs(june_s + 7 * HOUR_S, 2 * DAY_STEPS, NULL),
			    "1-5:2 12-23:2 25-29:2 36-47:2");
	read_site(HEAD WASH);
	assert_string_equal(runs(june_s, 2 * DAY_STEPS, NULL), "0-24:2 24-48:2");
	/* Only the first eight, however the windows stand in the file. */
	read_site(HEAD WASH "window = 20:00-23:00\nwindow = 06:00-09:00\n");
	assert_string_equal(runs(june_s, 5 * DAY_STEPS, NULL),
			    "6-9:2 20-23:2 30-33:2 44-47:2 54-57:2 68-71:2 78-81:2 92-95:2");
}

static void test_runs_cut(void **unused)
{
	/* A window that goes on behind the horizon has time yet; one that was open before has a
	 * run as long as there is room for it. */
	(void)unused;
	read_site(HEAD WASH "window = 08:00-12:00\n");
	assert_string_equal(runs(june_s, 11 * 4, NULL), "");
	assert_string_equal(runs(june_s, 12 * 4, NULL), "8-12:2");
	assert_string_equal(runs(june_s + 9 * HOUR_S, 16, NULL), "0-3:2");
	assert_string_equal(runs(june_s + 10 * HOUR_S, 16, NULL), "0-2:2");
	assert_string_equal(runs(june_s + 10 * HOUR_S + 60, 16, NULL), "");
	/* A window inside the horizon that holds no run in whole steps is planned, and falls short.
	 */
	read_site(HEAD WASH "window = 08:05-10:05\n");
	assert_string_equal(runs(june_s, DAY_STEPS, NULL), "8.25-10:2");
}

static void test_runs_begun(void **unused)
{
	/* What has run already is not run again, and what is left goes on: to the end of a window
	 * behind the horizon, and where there is no longer room for all of it. */
	(void)unused;
	struct assets_now now = { .done_h = { 1.25 }, .running = { true } };
	read_site(HEAD WASH "window = 08:00-12:00\n");
	assert_string_equal(runs(june_s + 9 * HOUR_S, 120, &now), "0-3:0.75 23-27:2");
	assert_true(problem.load[0].running);
	assert_string_equal(runs(june_s + 9 * HOUR_S, 8, &now), "0-2:0.75");
	assert_string_equal(runs(june_s + 11 * HOUR_S + 1800, 8, &now), "0-0.5:0.75");
	now.done_h[0] = 2;
	assert_string_equal(runs(june_s + 11 * HOUR_S, 120, &now), "21-25:2");
	assert_false(problem.load[0].running);
	/* What was done counts for the open window only. */
	assert_string_equal(runs(june_s + 7 * HOUR_S, DAY_STEPS, &now), "1-5:2");
}

static void test_runs_clock(void **unused)
{
	/* The days of 23 and 25 hours have one run like others; where a window holds twice, the
	 * longer time is the one. */
	(void)unused;
	read_site(HEAD WASH "window = 01:00-05:00\n");
	assert_string_equal(runs(spring_s, 23 * 4, NULL), "1-4:2");
	assert_string_equal(runs(autumn_s, 25 * 4, NULL), "1-6:2");
	read_site(HEAD WASH "window = 00:00-02:30\nwindow = 02:30-05:00\n");
	assert_string_equal(runs(autumn_s, 25 * 4, NULL), "0-2.5:2 3.5-6:2");
	read_site(HEAD WASH);
	assert_string_equal(runs(spring_s, 47 * 4, NULL), "0-23:2 23-47:2");
	assert_string_equal(runs(autumn_s, 49 * 4, NULL), "0-25:2 25-49:2");
}

static void test_any_time(void **unused)
{
	/* Whenever a plan is made: a car is connected and a load may run only where each minute of
	 * a step is in a window, runs stand in order, and the problem is sound. */
	(void)unused;
	uint64_t seed = random_seed();
	struct diag d = { .to = stderr };
	static const int64_t *const days[] = { &spring_s, &autumn_s, &june_s };
	assert_int_equal(site_read("etc/examples/house.conf", &site, &d), 0);
	for (int run = 0; run < 150; run++) {
		int64_t from_s = *days[run % 3] + (int64_t)random_between(&seed, -90000, 90000);
		look(from_s, 1 + (int)random_between(&seed, 0, 200), NULL);
		for (int t = 0; t < problem.steps; t++) {
			const struct window *stay = &site.ev[0].connected.window[0];
			bool held = true;
			for (int64_t s = local_s(t, false); s < local_s(t, true); s += 60) {
				held = held && window_holds(stay, timezone_day_second(s));
			}
			assert_int_equal(problem.ev[0].connected[t], held);
		}
		for (int i = 0; i < problem.loads; i++) {
			int before = 0;
			for (int k = 0; k < problem.load[i].runs; k++) {
				const struct load_run *r = &problem.load[i].run[k];
				assert_true(r->first >= before && r->first < r->end);
				assert_true(r->end <= problem.steps && r->duration_h > 0);
				before = r->end;
			}
		}
	}
}

/* --- heat ---------------------------------------------------------------------------------------
 */

static void test_tank(void **unused)
{
	/* A tank has the capacity of its water, and each draw in full on any ordinary day. */
	(void)unused;
	read_site(HEAD TANK
		  "draw = 06:30-08:00 3 kWh\ndraw = 23:00-01:00 1 kWh\nstart = 55 degC\n");
	look(june_s + 4 * HOUR_S, DAY_STEPS, NULL);
	const struct thermal_model *m = &problem.thermal[0];
	double wh = 0;
	for (int t = 0; t < DAY_STEPS; t++) {
		wh += m->draw_w[t] * problem.step[t].hours;
		assert_true(m->cop[t] == 1 && m->ambient_c[t] == 20);
		assert_true(m->low_c[t] == 45 && m->high_c[t] == 60);
	}
	assert_true(fabs(wh - 4000) < 1e-6);
	assert_true(fabs(m->draw_w[10] - 2000) < 1e-9); /* 06:30 */
	assert_true(m->draw_w[9] == 0 && m->draw_w[16] == 0);
	assert_true(fabs(m->capacity_wh_per_k - 232.6) < 1e-9);
	assert_true(m->start_c == 55 && m->on_off && m->power_limit_w == 2000);
	/* Leaving the band is dearer than any heat: ten times the highest price of a kelvin. */
	assert_true(fabs(m->discomfort - 10 * 0.30 * 0.2326) < 1e-9);
}

static void test_comfort(void **unused)
{
	/* A band begins and ends with its window: at the step that ends there both must hold. */
	(void)unused;
	read_site(HEAD HEAT "comfort = 17-21 degC\ncomfort = 06:00-22:00 20-22 degC\n"
			    "comfort = 23:00-01:00 10-12 degC\n");
	look(june_s, DAY_STEPS, NULL);
	const struct thermal_model *m = &problem.thermal[0];
	static const struct {
		double hour, low_c, high_c; /* at the end of the step that ends then */
	} cases[] = { { 5.75, 17, 21 },  { 6, 20, 21 },  { 6.25, 20, 22 },
		      { 21.75, 20, 22 }, { 22, 20, 21 }, { 22.25, 17, 21 },
		      { 23, 10, 12 },    { 24, 10, 12 }, { 1, 17, 21 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int t = (int)lround(cases[i].hour * 4) - 1;
		if (m->low_c[t] != cases[i].low_c || m->high_c[t] != cases[i].high_c) {
			fail_msg("at %g: %g to %g", cases[i].hour, m->low_c[t], m->high_c[t]);
		}
	}
}

static void test_outdoor(void **unused)
{
	/* Outside it is warmest at 16:00 and coldest at 04:00 local; the COP follows between its
	 * pairs and stays at the last beyond them. */
	(void)unused;
	read_site(HEAD HEAT "outdoor = 5 degC\noutdoor-swing = 8 K\ngain = 300 W\n");
	look(june_s, DAY_STEPS, NULL);
	const struct thermal_model *m = &problem.thermal[0];
	assert_true(fabs(m->ambient_c[15] + 3) < 0.05 && fabs(m->ambient_c[64] - 13) < 0.05);
	assert_true(m->draw_w[40] == -300 && !m->on_off && m->start_c == 21);
	static const double cop[][2] = { { -20, 2 }, { -10, 2 },  { -5, 2.5 }, { 0, 3 },
					 { 4, 3.6 }, { 10, 4.5 }, { 30, 4.5 } };
	for (size_t i = 0; i < sizeof(cop) / sizeof(*cop); i++) {
		assert_true(fabs(outlook_cop(&site.thermal[0], cop[i][0]) - cop[i][1]) < 1e-12);
	}
	for (int t = 0; t < DAY_STEPS; t++) {
		assert_true(m->cop[t] == outlook_cop(&site.thermal[0], m->ambient_c[t]));
	}
}

/* --- prices and series --------------------------------------------------------------------------
 */

static int from_series(const char *csv, char **said)
{
	char path[64];
	size_t size;
	struct series series;
	struct diag d = { .to = open_memstream(said, &size) };
	assert_non_null(d.to);
	write_temporary(csv, path);
	int r = series_read(&series, path, &d);
	r = r < 0 ? r : outlook_from_series(&site, &series, path, &d, &problem);
	assert_int_equal(fclose(d.to), 0);
	assert_true((r < 0) == (d.errors > 0));
	series_free(&series);
	assert_int_equal(unlink(path), 0);
	return r;
}

#define FULL                                                                                       \
	HEAD "network-charge = 0.05 EUR/kWh\nnetwork-charge-window = 03:00-04:00 0.08 EUR/kWh\n"   \
	     "subscribed-power = 6 kW\noveruse-price = 0.2 EUR/kWh\n"                              \
	     "[grid]\nimport-limit = 9 kW\n" CAR "connected = 17:00-07:00\n" TANK HEAT

static void test_series(void **unused)
{
	/* What a series says of limits, prices, connection, draw and weather holds. */
	(void)unused;
	char *said = NULL;
	read_site(FULL);
	assert_int_equal(from_series("time,load_w,buy_per_kwh,import_limit_w,export_limit_w,car,"
				     "water,outdoor_c\n"
				     "2026-06-01T00:00:00Z,1,0.2,5000,4000,0,0,-5\n"
				     "2026-06-01T01:00:00Z,2,-0.1,20000,0,1,700,20\n",
				     &said),
			 0);
	assert_string_equal(said, "");
	free(said);
	const struct step *s = problem.step;
	assert_true(fabs(s[0].buy - 0.25) < 1e-12 && fabs(s[1].buy + 0.02) < 1e-12);
	assert_true(s[0].sell == 0.10 && s[1].load_w == 2);
	assert_true(s[0].import_limit_w == 5000 && s[1].import_limit_w == 9000);
	assert_true(s[0].export_limit_w == 4000 && s[1].export_limit_w == 0);
	assert_true(!problem.ev[0].connected[0] && problem.ev[0].connected[1]);
	assert_true(problem.thermal[0].draw_w[0] == 0 && problem.thermal[0].draw_w[1] == 700);
	assert_true(problem.thermal[1].ambient_c[0] == -5 && problem.thermal[1].cop[0] == 2.5);
	assert_true(problem.thermal[1].cop[1] == 4.5);
	assert_true(problem.subscribed_w == 6000 && problem.overuse_price == 0.2);
	assert_true(outlook_uses(&site, "car") && outlook_uses(&site, "rooms"));
	assert_false(outlook_uses(&site, "wash"));
	/* A heat pump's own column counts before the common one. */
	assert_int_equal(from_series("time,load_w,rooms,outdoor_c\n2026-06-01T00:00:00Z,1,10,0\n"
				     "2026-06-01T01:00:00Z,1,0,0\n",
				     &said),
			 0);
	free(said);
	assert_true(problem.thermal[1].cop[0] == 4.5 && problem.thermal[1].cop[1] == 3);
}

static void test_series_refused(void **unused)
{
	/* What no car, tank, limit or thermometer can say is refused at its line. */
	(void)unused;
	static const struct {
		const char *header, *second, *words;
	} cases[] = {
		{ "car", "0.5", ":3: car 0.5, expected 0 (away) or 1 (connected)" },
		{ "car", "nan", ":3: car 'nan', expected a finite number" },
		{ "water", "-1", ":3: water -1, expected a draw of 0 to 1e6 W" },
		{ "rooms", "99", ":3: rooms 99, expected -60 to 60 degC outside" },
		{ "outdoor_c", "-99", ":3: outdoor_c -99, expected -60 to 60 degC outside" },
		{ "outdoor_c", "inf", ":3: outdoor_c 'inf', expected a finite number" },
		{ "import_limit_w", "-1", ":3: import_limit_w -1, expected a number >= 0" },
		{ "export_limit_w", "", ":3: export_limit_w '', expected a finite number" },
	};
	char csv[200], *said = NULL;
	read_site(FULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(csv, sizeof(csv),
			 "time,load_w,%s\n2026-06-01T00:00:00Z,1,0\n2026-06-01T01:00:00Z,1,%s\n",
			 cases[i].header, cases[i].second);
		if (from_series(csv, &said) == 0 || !strstr(said, cases[i].words)) {
			fail_msg("expected %s, was told %s", cases[i].words, said);
		}
		free(said);
	}
	assert_true(from_series("time,load_w\n\n2026-06-01T00:00:00Z,1\n2026-06-01T01:00:00Z,1\n"
				"2026-06-03T00:00:00Z,1\n",
				&said) < 0);
	assert_non_null(strstr(said, ":4: a row of 47 h to the next, expected 1 min to 24 h"));
	free(said);
}

/* --- the house that runs ------------------------------------------------------------------------
 */

#define STORE(name)                                                                                \
	"[battery " name "]\ncapacity = 5 kWh\ncharge-limit = 2 kW\ndischarge-limit = 2 kW\n"

static struct forecast forecast;

/* What a site sees whose batteries are all known, and whose load no day foretells. */
static void look_out(const char *text)
{
	static struct market market;
	struct demand demand;
	struct state state = { .wall_s = june_s + 7 * HOUR_S };
	char why[160] = "";
	read_site(text);
	assert_int_equal(forecast_init(&forecast, 900), 0);
	for (int k = 0; k < 2 * DAY_STEPS; k++) {
		forecast_add(&forecast, state.wall_s - 900 * (2 * DAY_STEPS - k), true,
			     k % 7 ? 500 : 1000, true, 0, 2 * HOUR_S);
	}
	demand_init(&demand, site.tariff.demand_period_s);
	state.batteries = site.batteries;
	for (int b = 0; b < site.batteries; b++) {
		state.battery[b].soc = (struct reading){ .value = 0.5, .quality = QUALITY_GOOD };
	}
	assert_int_equal(outlook_make(&site, &forecast, &demand, &market, &state, &problem), 0);
	if (problem_check(&problem, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
}

/* The steps after its horizon. */
static int tail_of(const char *text)
{
	look_out(text);
	return problem.tail;
}

static void test_days_after(void **unused)
{
	(void)unused; /* It is looked beyond the horizon for all batteries alike; not where one has
			 an end of its own, or where there is none. */
	assert_int_equal(tail_of(HEAD STORE("one")), 84);
	assert_int_equal(tail_of(HEAD STORE("one") STORE("two")), 84);
	assert_int_equal(tail_of(HEAD STORE("one") STORE("two") "soc-end = 20 %\n"), 0);
	assert_int_equal(tail_of(HEAD), 0);
}

static void test_unsure(void **unused)
{
	(void)unused; /* How far off its forecast may be goes with each step, but where it is not to
			 be hedged against. */
	look_out(HEAD STORE("one"));
	for (int t = 0; t < problem.steps; t++) {
		assert_true(problem.step[t].spread_w ==
			    forecast_spread(&forecast, &problem.step[t]));
		assert_true(problem.step[t].spread_w > 10);
	}
	look_out("[control]\nhedge = no\n" HEAD STORE("one"));
	assert_true(problem.steps > 0 && problem.step[0].spread_w == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connected),  cmocka_unit_test(test_car_now),
		cmocka_unit_test(test_runs),       cmocka_unit_test(test_runs_cut),
		cmocka_unit_test(test_runs_begun), cmocka_unit_test(test_runs_clock),
		cmocka_unit_test(test_any_time),   cmocka_unit_test(test_tank),
		cmocka_unit_test(test_comfort),    cmocka_unit_test(test_outdoor),
		cmocka_unit_test(test_series),     cmocka_unit_test(test_series_refused),
		cmocka_unit_test(test_days_after), cmocka_unit_test(test_unsure),
	};
	return cmocka_run_group_tests_name("outlook", tests, NULL, NULL);
}
