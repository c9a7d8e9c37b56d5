/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/csv.h"
#include "tests/unit/communities.h"

static struct community a, b;

/* --- every step ---------------------------------------------------------------------------------
 */

static size_t at_of(const struct community *c, int step, int i)
{
	return (size_t)step * (size_t)c->series.homes + (size_t)i;
}

/* Energy of one home over the step it lived through, with what was stored before it. */
static void check_home(const struct community *c, int step, int i, double before_wh)
{
	const struct community_outcome *o = &c->env.outcome[i];
	const struct battery_model *m = &c->home[i].battery;
	double load_w = (double)c->series.load_w[at_of(c, step, i)];
	double available_w = (double)c->series.pv_w[at_of(c, step, i)];
	assert_true(fabs(o->grid_w + o->pv_w + o->battery_w - load_w) < 1e-6);
	assert_true(o->pv_w >= 0 && o->pv_w <= available_w);
	double drawn_wh = o->battery_w > 0 ? o->battery_w / m->discharge_efficiency
					   : o->battery_w * m->charge_efficiency;
	drawn_wh = m->capacity_wh > 0 ? drawn_wh * c->env.hours : 0;
	assert_true(fabs(before_wh - drawn_wh - c->env.stored_wh[i]) < 1e-6);
}

static void check_limits(const struct community *c, int step, int i)
{
	const struct community_outcome *o = &c->env.outcome[i];
	const struct battery_model *m = &c->home[i].battery;
	double stored_wh = c->env.stored_wh[i];
	assert_true(stored_wh >= m->soc_min * m->capacity_wh);
	assert_true(stored_wh <= m->soc_max * m->capacity_wh);
	assert_true(o->battery_w >= -m->charge_limit_w && o->battery_w <= m->discharge_limit_w);
	assert_true(o->grid_w >= -c->home[i].export_limit_w - 1e-9);
	/* No battery can serve what the connection cannot. */
	double load_w = (double)c->series.load_w[at_of(c, step, i)];
	assert_true(o->grid_w <= fmax(c->home[i].import_limit_w, load_w) + 1e-9);
}

static void check_accounts(const struct community *c, bool pool)
{
	const struct settle_balance *n = &c->env.balance;
	int64_t import = 0, export = 0, bought = 0, sold = 0, total = 0;
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		const struct settle_line *l = &c->env.line[i];
		import += l->import;
		export += l->export;
		bought += l->bought;
		sold += l->sold;
		total += l->total;
		double grid_mwh = c->env.outcome[i].grid_w * c->env.hours * 1000;
		assert_true(fabs((double)(l->import - l->export) - grid_mwh) <= 0.5 + 1e-6);
		assert_true(pool || l->total <= l->alone + 2); /* rounded for each amount */
	}
	assert_true(total == n->total);
	assert_true(n->total == n->utility + n->grid + n->penalties + n->residue);
	/* Where buyers and sellers have one price, all that is left over is of rounding. */
	bool one_price = c->env.conf.mechanism->clear == uniform_clear;
	assert_true(!one_price || llabs(n->residue) <= 2 * COMMUNITY_HOMES);
	assert_true(import - export == n->delivered - n->taken);
	assert_true(pool || bought == sold);
}

static void run_checked(struct community *c, uint64_t *seed, bool pool, double *traded)
{
	double before_wh[COMMUNITY_HOMES];
	while (community_env_goes_on(&c->env)) {
		int step = c->env.step;
		memcpy(before_wh, c->env.stored_wh, sizeof(before_wh));
		community_want(c, seed);
		assert_int_equal(community_env_step(&c->env, c->act), 0);
		for (int i = 0; i < COMMUNITY_HOMES; i++) {
			check_home(c, step, i, before_wh[i]);
			check_limits(c, step, i);
		}
		check_accounts(c, pool);
		*traded += c->env.local_wh;
	}
}

/* Whatever homes want, under every mechanism energy and money balance in every interval, no limit
 * is broken, and by the metered rule nobody pays more than with the utility alone. */
static void test_balances(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	community_make(&a, seed, NULL, SETTLE_METERED);
	for (int m = 0; m < MECHANISMS; m++) {
		double traded = 0;
		community_market(&a, mechanisms[m].name, SETTLE_METERED);
		run_checked(&a, &seed, mechanisms[m].utility, &traded);
		assert_true(traded > 1000);
	}
	community_unmake(&a);
}

/* Whoever comes to where another is lives through the same from there on, to the last bit, though
 * it was another community elsewhere. */
static void test_comes_to(void **state)
{
	(void)state;
	uint64_t seed = random_seed(), other = seed + 1;
	double there[SOURCE_COUNT], here[SOURCE_COUNT];
	community_make(&a, seed, "uniform", SETTLE_METERED);
	community_make(&b, seed + 1, "pay-as-bid", SETTLE_METERED);
	for (int step = 0; step < 60; step++) {
		community_want(&a, &seed);
		community_want(&b, &other);
		assert_int_equal(community_env_step(&a.env, a.act), 0);
		assert_int_equal(step < 40 ? community_env_step(&b.env, b.act) : 0, 0);
	}
	community_env_come_to(&b.env, &a.env);
	assert_int_equal(b.env.step, 60);
	for (int step = 0; step < 20; step++) {
		for (int i = 0; i < COMMUNITY_HOMES; i++) {
			community_env_observe(&a.env, i, there);
			community_env_observe(&b.env, i, here);
			assert_memory_equal(there, here, sizeof(there));
		}
		community_want(&a, &seed);
		assert_int_equal(community_env_step(&a.env, a.act), 0);
		assert_int_equal(community_env_step(&b.env, a.act), 0);
		assert_memory_equal(a.env.outcome, b.env.outcome,
				    sizeof(*a.env.outcome) * COMMUNITY_HOMES);
	}
	community_unmake(&a);
	community_unmake(&b);
}

/* The same seed and wishes give the same numbers to the last bit, another seed others. */
static void test_repeats(void **state)
{
	(void)state;
	uint64_t seed = random_seed(), one = seed, other = seed;
	size_t series = sizeof(float) * COMMUNITY_HOMES * COMMUNITY_STEPS * 4;
	community_make(&a, 7, "uniform", SETTLE_METERED);
	community_make(&b, 7, "uniform", SETTLE_METERED);
	assert_memory_equal(a.series.load_w, b.series.load_w, series);
	while (community_env_goes_on(&a.env)) {
		community_want(&a, &one);
		community_want(&b, &other);
		assert_int_equal(community_env_step(&a.env, a.act), 0);
		assert_int_equal(community_env_step(&b.env, b.act), 0);
		assert_memory_equal(a.env.line, b.env.line, sizeof(*a.env.line) * COMMUNITY_HOMES);
		assert_memory_equal(a.env.stored_wh, b.env.stored_wh,
				    sizeof(double) * COMMUNITY_HOMES);
	}
	community_unmake(&b);
	community_make(&b, 8, "uniform", SETTLE_METERED);
	assert_memory_not_equal(a.series.load_w, b.series.load_w, series);
	community_unmake(&b);
	community_unmake(&a);
}

/* --- classes ------------------------------------------------------------------------------------
 */

/* Mean generation and load of a home from one hour of the day to another, UTC. */
static double mean_w(const struct community *c, const float *of, int i, int from, int to)
{
	double sum = 0;
	int count = 0;
	for (int step = 0; step < COMMUNITY_STEPS; step++) {
		if (step % 24 >= from && step % 24 < to) {
			sum += (double)of[at_of(c, step, i)];
			count++;
		}
	}
	return sum / count;
}

/* A consumer generates nothing, PV nothing at night, wind also at night; a car charges in the
 * evening; who has no battery moves none; each observes what it has and nothing else. */
static void test_classes(void **state)
{
	(void)state;
	community_make(&a, 3, NULL, SETTLE_METERED);
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		int class = a.home[i].class;
		double value[SOURCE_COUNT];
		double night_w = mean_w(&a, a.series.pv_w, i, 0, 3);
		double noon_w = mean_w(&a, a.series.pv_w, i, 9, 15);
		assert_true((noon_w > 0) == (class != CLASS_CONSUMER));
		assert_true((night_w > 0) == (class == CLASS_WIND_BATTERY));
		community_env_observe(&a.env, i, value);
		assert_true(isnan(value[SOURCE_PV]) == (class == CLASS_CONSUMER));
		assert_true(isnan(value[SOURCE_SOC]) == (a.home[i].battery.capacity_wh == 0));
		assert_true(isnan(value[SOURCE_LOCAL_PRICE]));
		assert_true((a.home[i].battery.capacity_wh > 0) == (class >= CLASS_PV_BATTERY));
		double evening_w = mean_w(&a, a.series.load_w, i, 16, 23);
		double morning_w = mean_w(&a, a.series.load_w, i, 8, 15);
		if (class == CLASS_PV_BATTERY_EV) {
			assert_true(evening_w > morning_w + 400);
		}
	}
	community_unmake(&a);
}

/* What a home observes is what has been: the last interval's means, its own forecast made before
 * this one, and the market's last price; never what is yet to come. */
static void test_observes_no_future(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	double before[SOURCE_COUNT], after[SOURCE_COUNT];
	community_make(&a, 5, "uniform", SETTLE_METERED);
	for (int step = 0; step < 100; step++) {
		community_want(&a, &seed);
		assert_int_equal(community_env_step(&a.env, a.act), 0);
	}
	community_env_observe(&a.env, 2, before);
	for (int step = 100; step < COMMUNITY_STEPS; step++) {
		for (int i = 0; i < COMMUNITY_HOMES; i++) {
			a.series.load_w[at_of(&a, step, i)] = 12345;
			a.series.pv_w[at_of(&a, step, i)] = 2345;
		}
	}
	assert_int_equal(community_forecast(&a.series), 0);
	community_env_observe(&a.env, 2, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_true(before[SOURCE_LOAD] == (double)a.series.load_w[at_of(&a, 99, 2)]);
	a.series.load_w[at_of(&a, 99, 2)] += 1;
	community_env_observe(&a.env, 2, after);
	assert_memory_not_equal(before, after, sizeof(before));
	community_unmake(&a);
}

/* What is not sound is refused. */
static void test_refuses(void **state)
{
	(void)state;
	struct community_env e;
	struct community_series s;
	community_make(&a, 5, "uniform", SETTLE_METERED);
	struct community_env_conf conf = a.env.conf;
	a.home[2].battery.soc_start = 0.05;
	assert_int_equal(community_env_init(&e, &conf), -EINVAL);
	a.home[2].battery.soc_start = 0.5;
	a.sell[17] = a.buy[17] + 1;
	assert_int_equal(community_env_init(&e, &conf), -EINVAL);
	a.sell[17] = 0;
	assert_int_equal(community_env_init(&e, &conf), 0);
	community_env_free(&e);
	assert_int_equal(community_series_init(&s, 0, 24, 0, 3600), -EINVAL);
	assert_int_equal(community_series_init(&s, 1, 24, 0, 3601), -EINVAL);
	assert_int_equal(community_series_init(&s, 1, 24, 1, 3600), -EINVAL);
	community_unmake(&a);
}

/* --- open data ----------------------------------------------------------------------------------
 */

enum { CITY_HOMES = 12, CITY_STEPS = 6552 };

struct city {
	struct community_series series;
	struct community_home home[CITY_HOMES];
	int32_t buy[CITY_STEPS], sell[CITY_STEPS];
};
static struct city city;

static bool city_read(struct city *c)
{
	struct csv f;
	int step = 0, r = csv_open(&f, "../shared/data/citylearn2022/homes12_hourly.csv");
	if (r < 0) {
		return false;
	}
	assert_int_equal(community_series_init(&c->series, CITY_HOMES, CITY_STEPS, 0, 3600), 0);
	assert_int_equal(csv_next(&f), 1);
	for (; csv_next(&f) == 1; step++) {
		double number[2 + 2 * CITY_HOMES];
		assert_int_equal(f.fields, 2 + 2 * CITY_HOMES);
		for (int i = 0; i < f.fields; i++) {
			assert_int_equal(csv_number(f.field[i], &number[i]), 0);
		}
		c->buy[step] = (int32_t)lround(number[1] * 1e6);
		for (int i = 0; i < CITY_HOMES; i++) {
			size_t at = (size_t)step * CITY_HOMES + (size_t)i;
			c->series.load_w[at] = (float)(1000 * number[2 + i]);
			c->series.pv_w[at] = (float)(1000 * number[2 + CITY_HOMES + i]);
		}
	}
	assert_int_equal(step, CITY_STEPS);
	csv_close(&f);
	for (int i = 0; i < CITY_HOMES; i++) {
		c->home[i] = (struct community_home){
			.class = CLASS_PV_BATTERY,
			.import_limit_w = INFINITY,
			.export_limit_w = INFINITY,
			.battery = { .capacity_wh = 6400,
				     .charge_limit_w = 5000,
				     .discharge_limit_w = 5000,
				     .charge_efficiency = sqrt(0.9),
				     .discharge_efficiency = sqrt(0.9),
				     .soc_max = 1,
				     .grid_charging = true,
				     .grid_discharging = true },
		};
	}
	return true;
}

struct figures {
	double import_kwh, export_kwh, cost, netted_import_kwh, netted_export_kwh;
};

static struct figures city_run(const struct city *c, bool serve_self)
{
	struct community_env e;
	struct community_env_conf conf = {
		.home = c->home, .series = &c->series, .buy = c->buy, .sell = c->sell
	};
	struct community_act act[CITY_HOMES] = { { .refrain = false } };
	struct figures f = { 0, 0, 0, 0, 0 };
	assert_int_equal(community_env_init(&e, &conf), 0);
	for (int i = 0; i < CITY_HOMES; i++) {
		act[i].serve_self = serve_self;
	}
	while (community_env_goes_on(&e)) {
		double net_kwh = 0;
		assert_int_equal(community_env_step(&e, act), 0);
		for (int i = 0; i < CITY_HOMES; i++) {
			f.import_kwh += (double)e.line[i].import / 1e6;
			f.export_kwh += (double)e.line[i].export / 1e6;
			f.cost += e.outcome[i].cost;
			net_kwh += (double)(e.line[i].import - e.line[i].export) / 1e6;
		}
		f.netted_import_kwh += fmax(net_kwh, 0);
		f.netted_export_kwh += fmax(-net_kwh, 0);
	}
	community_env_free(&e);
	return f;
}

static void check_figures(const struct figures *f, const struct figures *expected)
{
	assert_true(fabs(f->import_kwh - expected->import_kwh) < 0.01);
	assert_true(fabs(f->export_kwh - expected->export_kwh) < 0.01);
	assert_true(fabs(f->cost - expected->cost) < 0.01);
	assert_true(fabs(f->netted_import_kwh - expected->netted_import_kwh) < 0.01);
	assert_true(fabs(f->netted_export_kwh - expected->netted_export_kwh) < 0.01);
}

/* Twelve real homes through nine months (CityLearn Challenge 2022): load alone, PV beside an idle
 * battery, and a battery that serves its home, to the figures of a few lines of Python. */
static void test_real_homes(void **state)
{
	(void)state;
	static const struct figures load = { 84315.656, 0, 23513.9458, 84315.656, 0 },
				    idle = { 55350.991, 22937.862, 16351.4926, 48917.369,
					     16504.240 },
				    greedy = { 42745.210, 8911.675, 11489.9748, 40507.670,
					       6674.135 };
	if (!city_read(&city)) {
		print_message("no ../shared/data here\n");
		skip();
	}
	struct figures f = city_run(&city, false);
	check_figures(&f, &idle);
	f = city_run(&city, true);
	check_figures(&f, &greedy);
	memset(city.series.pv_w, 0, sizeof(float) * CITY_HOMES * CITY_STEPS);
	f = city_run(&city, false);
	check_figures(&f, &load);
	community_series_free(&city.series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balances),
		cmocka_unit_test(test_comes_to),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_observes_no_future),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_real_homes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
