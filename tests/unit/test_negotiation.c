/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "sim/negotiation.h"
#include "sim/negotiation_central.h"

#define EXAMPLE "etc/examples/negotiation.conf"

static struct negotiation world;
static struct negotiation_conf conf;
static const int64_t patience_us = INT64_C(600) * 1000000;

static void read_example(void)
{
	struct diag d = { .to = stderr };
	assert_int_equal(negotiation_conf_read(EXAMPLE, &conf, &d), 0);
}

static void make(void)
{
	struct diag d = { .to = stderr };
	assert_int_equal(negotiation_make(&world, &conf, &d), 0);
}

static void clean(void)
{
	negotiation_free(&world);
	negotiation_conf_free(&conf);
}

static struct negotiation_outcome agree(bool cold)
{
	struct negotiation_outcome o;
	assert_int_equal(negotiation_run(&world, cold, NULL), 0);
	negotiation_judge(&world, world.market.power, negotiation_wear(&world), &o);
	assert_true(o.solved);
	return o;
}

static struct negotiation_outcome alone(double *power_kw)
{
	struct negotiation_outcome o;
	double wear;
	assert_int_equal(negotiation_alone(&world, power_kw, &wear), 0);
	negotiation_judge(&world, power_kw, wear, &o);
	assert_true(o.solved);
	return o;
}

static double *room(void)
{
	double *power_kw = calloc((size_t)world.homes * (size_t)world.steps, sizeof(*power_kw));
	assert_non_null(power_kw);
	return power_kw;
}

/* Nobody can come below the bound, but by what limits are kept to; the negotiation is within 0.1 %
 * of it. */
static void assert_near_central(const struct negotiation_outcome *o, const double *near_kw)
{
	struct negotiation_central c;
	assert_int_equal(
		negotiation_central(&world, near_kw, 1e-4, clock_real_us() + patience_us, &c), 0);
	assert_true(c.cost >= c.bound * (1 - 1e-9));
	if (!(o->cost >= c.bound * (1 - 2e-5) && o->cost <= c.bound * (1 + 1e-3))) {
		fail_msg("cost %.9g, bound %.9g", o->cost, c.bound);
	}
}

/* --- the feeder of 69 buses, a day, 30 and 68 prosumers -----------------------------------------
 */

static const double penetrations[] = { 0.30, 0.45, 0.60, 0.75 };
enum { PENETRATIONS = sizeof(penetrations) / sizeof(*penetrations) };

static void check_day(int count, double penetration, double *lmo_cost, double *alone_cost)
{
	struct diag d = { .to = stderr };
	read_example();
	conf.count = count;
	conf.penetration = penetration;
	make();
	double *power_kw = room(), parts = 0;
	struct negotiation_outcome apart = alone(power_kw), o = agree(true);
	assert_in_range(world.market.round, 3, 30);
	assert_true(o.excess <= 0);
	assert_int_equal(o.broken, 0);
	assert_true(apart.broken > 0);
	for (long i = 0; i < (long)world.homes * world.steps; i++) {
		parts = fmax(parts, fabs(world.market.part[i]));
		assert_true(world.market.price[i] > 0);
	}
	assert_true(parts > 1e-3);
	assert_near_central(&o, power_kw);
	*lmo_cost = o.wholesale;
	*alone_cost = apart.wholesale;
	assert_int_equal(negotiation_move(&world, &d), 0);
	(void)agree(false);
	assert_in_range(world.market.round, 1, 15);
	free(power_kw);
	clean();
}

static void test_days(void **unused)
{
	/* At each penetration homes, market and grid agree within 30 rounds, within 15 from where
	 * the last interval ended, to 0.1 % of the central optimum, with prices that differ by what
	 * the grid adds; all voltages are within their limits, which they break if each acts alone,
	 * and the market pays less than then. More active homes cost the market less, by steps that
	 * get smaller. */
	(void)unused;
	static const int counts[] = { 30, 68 };
	for (int c = 0; c < (is_watched() ? 1 : 2); c++) {
		double cost[PENETRATIONS], apart;
		for (int i = 0; i < (is_watched() ? 1 : PENETRATIONS); i++) {
			check_day(counts[c], penetrations[i], &cost[i], &apart);
			assert_true(apart > 1.01 * cost[i]);
			assert_true(i < 1 || cost[i] < cost[i - 1]);
			assert_true(i < 2 || cost[i - 1] - cost[i] < cost[i - 2] - cost[i - 1]);
		}
	}
}

static void test_penalty(void **unused)
{
	/* The penalty changes how many rounds it takes, and not by 0.1 % what is agreed. */
	(void)unused;
	static const double factors[] = { 0.3, 1, 3 };
	double first = 0;
	int rounds[3];
	for (int i = 0; i < 3; i++) {
		read_example();
		conf.count = 30;
		conf.penalty *= factors[i];
		make();
		struct negotiation_outcome o = agree(true);
		first = i == 0 ? o.cost : first;
		assert_true(fabs(o.cost - first) < 1e-3 * first);
		rounds[i] = world.market.round;
		clean();
	}
	assert_true(rounds[0] != rounds[1] && rounds[1] != rounds[2]);
}

/* --- limits that bind ---------------------------------------------------------------------------
 */

static void test_binding(void **unused)
{
	/* Where all cars would charge in the cheapest hours and the voltage of a bus would break,
	 * they agree on what keeps it, to 0.1 % of the central optimum; the bus that binds pays
	 * more. */
	(void)unused;
	read_example();
	conf.count = 30;
	conf.cars = 1;
	conf.penetration = 0.6;
	conf.car_s = 5 * 3600;
	conf.car_power = 2;
	conf.pv = 0.3;
	conf.source_v = 1.025;
	make();
	double *power_kw = room(), far = 0, near = 0;
	struct negotiation_outcome apart = alone(power_kw), o = agree(true);
	assert_true(apart.v_min < 0.93);
	assert_in_range(world.market.round, 3, 30);
	assert_true(o.excess <= 0 && o.v_min > 0.95 && o.v_min < 0.9503);
	assert_near_central(&o, power_kw);
	int bound = 0;
	for (int t = 0; t < world.steps; t++) {
		const struct nodal_binding *b = &world.grid.binding[t];
		for (int k = 0; k < b->count; k++) {
			bound += b->multiplier[k] > 0;
		}
		far = fmax(far, world.market.part[t] / world.market.energy[t]);
		near = fmax(near, world.market.part[29 * world.steps + t] / world.market.energy[t]);
	}
	assert_true(bound > 0);
	assert_true(far > near);
	free(power_kw);
	clean();
}

static void test_source(void **unused)
{
	/* What the feeder may take at its source is kept, where without it more would be agreed on,
	 * at a price of energy above the wholesale one and to 0.1 % of the central optimum. */
	(void)unused;
	for (int limited = 0; limited < 2; limited++) {
		read_example();
		conf.count = 30;
		conf.cars = 1;
		conf.penetration = 0.6;
		conf.car_s = 5 * 3600;
		conf.car_power = 2;
		conf.source_v = 1.04;
		conf.source_limit_w = limited ? 3.3e6 : INFINITY;
		make();
		double *power_kw = room(), above = 0;
		(void)alone(power_kw);
		struct negotiation_outcome o = agree(true);
		assert_true(limited ? o.over_kw < 3 && o.over_kw > -3 : o.peak_kw > 4000);
		for (int t = 0; t < world.steps; t++) {
			above = fmax(above, world.market.energy[t] - world.market.upstream[t]);
		}
		assert_true(limited ? above > 1e-5 : above < 1e-12);
		assert_near_central(&o, power_kw);
		free(power_kw);
		clean();
	}
}

static void test_infeasible(void **unused)
{
	/* Where no agreement can keep the limits the negotiation ends without one, and tells whose
	 * net powers are off and which limit is broken. */
	(void)unused;
	struct negotiation_outcome o;
	char text[96];
	read_example();
	conf.count = 30;
	conf.source_v = 1;
	conf.rounds = 40;
	make();
	assert_int_equal(negotiation_run(&world, true, NULL), 1);
	assert_int_equal(world.market.phase, NEGOTIATE_ENDED);
	assert_true(world.market.primal > world.market.primal_most);
	assert_true(world.market.party[world.market.worst_primal].off_kw > 0);
	negotiation_judge(&world, world.market.power, 0, &o);
	assert_true(o.excess > 0);
	assert_string_equal(limit_text(&o.worst, &world.k, &world.f, text, sizeof(text)),
			    "voltage of bus 65 below 0.95");
	clean();
}

/* --- a finer day, and one that goes on ----------------------------------------------------------
 */

static void test_quarters(void **unused)
{
	/* A day of 96 steps is agreed on as one of 24. */
	(void)unused;
	read_example();
	conf.count = 30;
	conf.step_s = 900;
	make();
	assert_int_equal(world.steps, 96);
	struct negotiation_outcome o = agree(true);
	assert_int_equal(o.broken, 0);
	clean();
}

static void test_rolling(void **unused)
{
	/* Interval after interval, through a night in which cars come and go, each negotiation
	 * begins where the last ended, with what is stored then, and agrees. */
	(void)unused;
	struct diag d = { .to = stderr };
	bool nights = false, days = false; /* cars stay, cars are away */
	read_example();
	conf.count = 12;
	make();
	(void)agree(true);
	for (int i = 0; i < (is_watched() ? 11 : 26); i++) {
		bool stayed[12];
		int stays = 0;
		for (int h = 0; h < world.homes; h++) {
			stayed[h] = world.home[h].home.step[1].charge_max_kw > 0;
			stays += stayed[h];
		}
		assert_int_equal(negotiation_move(&world, &d), 0);
		for (int h = 0; h < world.homes; h++) {
			const struct storage *s = &world.home[h].home;
			double kept_kwh = stayed[h] ? world.home[h].stored_kwh : 0;
			assert_true(fabs(s->start_kwh - kept_kwh) < 1e-9);
			assert_true(s->start_kwh <= s->step[0].high_kwh + 1e-9);
		}
		nights |= stays == world.homes;
		days |= stays < world.homes;
		(void)agree(false);
	}
	assert_true(nights && days);
	clean();
}

/* --- files --------------------------------------------------------------------------------------
 */

static void read_text(const char *text, char *said, size_t size)
{
	struct negotiation_conf c;
	char path[64];
	FILE *to = fmemopen(said, size, "w");
	struct diag d = { .to = to };
	assert_non_null(to);
	write_temporary(text, path);
	int e = negotiation_conf_read(path, &c, &d);
	if (e == 0) {
		static struct negotiation w;
		e = negotiation_make(&w, &c, &d);
		negotiation_free(&w);
	}
	assert_true(e < 0);
	assert_true(d.errors > 0);
	negotiation_conf_free(&c);
	(void)unlink(path);
	fclose(to);
	print_message("%s", said);
}

#define HEAD                                                                                       \
	"[scenario]\nfeeder = ieee69\nseries = etc/examples/negotiation.csv\n"                     \
	"start = 2026-06-15T12:00:00Z\n[tariff]\nbuy = 0.1 EUR/kWh\nsell = 0 EUR/kWh\n"            \
	"[negotiation]\n[homes]\n"

static void test_refused(void **unused)
{
	/* An unknown bus, the source's, a name that stands for two, a key without its unit, another
	 * currency, a horizon that is no whole number of steps and one that the series does not
	 * cover are refused by line, all that is wrong at once. */
	(void)unused;
	char said[2048];
	read_text(HEAD "[prosumer a]\nbus = 999\nclass = battery\npeak = 5 kW\n"
		       "[prosumer b]\nbus = 1\nclass = car\npeak = 5 kW\n",
		  said, sizeof(said));
	assert_non_null(strstr(said, ":11: ieee69 has no bus \"999\""));
	assert_non_null(strstr(said, ":15: bus \"1\" is the source"));
	read_text(HEAD "count = 3\n[prosumer home-3]\nbus = 6\nclass = car\npeak = 5 kW\n", said,
		  sizeof(said));
	assert_non_null(strstr(said, ":12: [prosumer home-3] is one of the 3 of [homes] too"));
	read_text(HEAD "wear = 1\n[prosumer a]\nbus = 6\nclass = lorry\npeak = 5\n", said,
		  sizeof(said));
	assert_non_null(strstr(said, ":10: "));
	assert_non_null(strstr(said, ":13: "));
	assert_non_null(strstr(said, ":14: "));
	read_text(HEAD "count = 3\nwear = 0.1 NOK/kWh\n", said, sizeof(said));
	assert_non_null(strstr(said, ":11: "));
	read_text(HEAD "count = 0\n", said, sizeof(said));
	assert_non_null(strstr(said, "has 0 prosumers, expected"));
	read_text("[scenario]\nfeeder = ieee69\nseries = etc/examples/negotiation.csv\n"
		  "start = 2026-06-15T12:00:00Z\nhorizon = 100 min\n[tariff]\nbuy = 0.1 EUR/kWh\n"
		  "sell = 0 EUR/kWh\n[negotiation]\n[homes]\ncount = 3\n",
		  said, sizeof(said));
	assert_non_null(strstr(said, ":5: a horizon of"));
	read_text("[scenario]\nfeeder = ieee69\nseries = etc/examples/negotiation.csv\n"
		  "start = 2026-06-17T12:00:00Z\n[tariff]\nbuy = 0.1 EUR/kWh\n"
		  "sell = 0 EUR/kWh\n[negotiation]\n[homes]\ncount = 3\n",
		  said, sizeof(said));
	assert_non_null(strstr(said, "does not cover the horizon"));
}

static void test_series(void **unused)
{
	/* A load or PV that is no part of its peak, and a price beyond any, are refused with the
	 * column and the time, each once; so is a source that cannot keep the limits by itself. */
	(void)unused;
	static const char scenario[] = "[scenario]\nfeeder = ieee69\nseries = %s\n"
				       "start = 2026-06-15T00:00:00Z\nhorizon = 2 h\n%s"
				       "[tariff]\nbuy = 0.1 EUR/kWh\nsell = 0 EUR/kWh\n"
				       "[negotiation]\n[homes]\ncount = 3\n";
	char said[2048], text[1024], path[64];
	write_temporary("time,load,pv,wholesale_per_kwh\n2026-06-15T00:00:00Z,1,0,0.05\n"
			"2026-06-15T01:00:00Z,1.2,-0.1,1e12\n",
			path);
	snprintf(text, sizeof(text), scenario, path, "");
	read_text(text, said, sizeof(said));
	assert_non_null(strstr(said, "load is 1.2 at 2026-06-15T01:00:00Z, expected"));
	assert_non_null(strstr(said, "pv is -0.1 at 2026-06-15T01:00:00Z, expected"));
	assert_non_null(strstr(said, "wholesale_per_kwh is 1e+12 at 2026-06-15T01:00:00Z, "));
	snprintf(text, sizeof(text), scenario, path, "source-voltage = 1.06\n");
	read_text(text, said, sizeof(said));
	assert_non_null(strstr(said, ":6: source-voltage 1.06, expected one that buses may have"));
	snprintf(text, sizeof(text), scenario, path, "load-scale = 0\n");
	read_text(text, said, sizeof(said));
	assert_non_null(strstr(said, ":6: load-scale"));
	(void)unlink(path);
}

static void test_named(void **unused)
{
	/* Prosumers that are named stand beside those that are made up, at their bus and of their
	 * class. */
	(void)unused;
	struct negotiation_conf c;
	struct diag d = { .to = stderr };
	char path[64];
	write_temporary(HEAD "count = 2\npenetration = 10 %\n[prosumer anna]\nbus = 65\n"
			     "class = car\npeak = 20 kW\n",
			path);
	assert_int_equal(negotiation_conf_read(path, &c, &d), 0);
	(void)unlink(path);
	conf = c;
	make();
	assert_int_equal(world.homes, 3);
	assert_string_equal(world.home[2].name, "anna");
	assert_string_equal(world.f.bus[world.k.bus[world.home[2].node]].name, "65");
	assert_int_equal(world.home[2].class, NEGOTIATION_CAR);
	assert_true(world.home[2].home.step[0].discharge_max_kw == 0);
	clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),       cmocka_unit_test(test_penalty),
		cmocka_unit_test(test_binding),    cmocka_unit_test(test_source),
		cmocka_unit_test(test_infeasible), cmocka_unit_test(test_quarters),
		cmocka_unit_test(test_rolling),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_named),      cmocka_unit_test(test_series),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
