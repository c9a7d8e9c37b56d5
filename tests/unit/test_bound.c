/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "sim/bound.h"

enum { DAY_S = 86400, MINUTE_S = 60 };
static const int64_t MARCH_2026 = 1773792000; /* 2026-03-18 00:00 UTC */

static struct site site;
static struct plant_conf house;
static struct plant plant;
static struct loop_day day[4], least[4];
static struct loop_result result;

/* A house with PV and a battery under three prices. */
static void make_house(uint64_t seed)
{
	house = (struct plant_conf){ .seed = seed,
				     .latitude_deg = 50,
				     .longitude_deg = 10,
				     .pvs = 1,
				     .pv[0] = { 5000, 5000, 35, 180 },
				     .batteries = 1,
				     .battery[0] = { .capacity_wh = 8000,
						     .charge_limit_w = 4000,
						     .discharge_limit_w = 4000,
						     .round_trip_efficiency = 0.9,
						     .self_discharge = 0.001,
						     .lag_s = 1,
						     .soc_start = 0.5 } };
	site = (struct site){ .id = "bound",
			      .cycle_s = 10,
			      .interval_s = 900,
			      .horizon_s = 36 * 3600,
			      .decide = DECIDE_OPTIMISER,
			      .hedge = true,
			      .import_limit_w = INFINITY,
			      .export_limit_w = INFINITY,
			      .ramp_w_per_s = INFINITY,
			      .pvs = 1,
			      .batteries = 1 };
	site.pv[0].peak_w = 5000;
	site.tariff.subscribed_w = INFINITY;
	site.tariff.demand_period_s = 900;
	site.tariff.buy = (struct tariff_prices){ .base = 0.2, .windows = 2 };
	site.tariff.buy.window[0] = (struct tariff_window){ { 0, 5 * 3600 }, 0.08 };
	site.tariff.buy.window[1] = (struct tariff_window){ { 17 * 3600, 20 * 3600 }, 0.35 };
	site.tariff.sell.base = 0.06;
	site.battery[0].model = (struct battery_model){ .capacity_wh = 8000,
							.charge_limit_w = 4000,
							.discharge_limit_w = 4000,
							.charge_efficiency = 0.95,
							.discharge_efficiency = 0.95,
							.soc_min = 0.1,
							.soc_max = 0.95,
							.soc_end = -1,
							.wear = 0.01,
							.grid_charging = true,
							.grid_discharging = true };
}

static double cost(const struct loop_day *d)
{
	return d->energy_cost + d->wear_cost;
}

/* That the day cost at least the bound from where it began to where it ended. */
static void assert_above(const struct loop_conf *conf, int first, double soc_start,
			 const struct loop_day *spent, const char *who)
{
	assert_int_equal(bound_run(conf, first, soc_start, spent->soc_end, least), 0);
	double bound = cost(&least[first]);
	if (cost(spent) < bound - bound_rounding * fabs(bound)) {
		fail_msg("seed %d, %s: %g, below the bound of %g", (int)conf->plant->seed, who,
			 cost(spent), bound);
	}
}

/* A day of the plant under power_w, asked each minute, which keeps the band. */
static void live(double (*power_w)(int second, double buy, void *context), void *context,
		 const struct loop_conf *conf, struct loop_day *out)
{
	double import_wh = 0, export_wh = 0, w = 0;
	plant_init(&plant, conf->plant);
	plant_start(&plant, 0, conf->start_s);
	*out = (struct loop_day){ 0 };
	for (int s = 0; s < DAY_S; s++) {
		double buy = tariff_buy(&site.tariff, conf->start_s + s);
		w = s % MINUTE_S == 0 ? power_w(s, buy, context) : w;
		bool stop = w > 0 ? plant_soc(&plant, 0) <= 0.1 : plant_soc(&plant, 0) >= 0.95;
		plant_battery_hold(&plant, 0, stop ? 0 : w, INT64_MAX);
		plant_advance(&plant, (int64_t)(s + 1) * 1000000);
		out->energy_cost += ((plant.import_wh - import_wh) * buy -
				     (plant.export_wh - export_wh) * site.tariff.sell.base) /
				    1e3;
		import_wh = plant.import_wh;
		export_wh = plant.export_wh;
	}
	out->wear_cost = plant.battery[0].discharge_wh * site.battery[0].model.wear / 1e3;
	out->soc_end = plant_soc(&plant, 0);
}

/* Who sets a power by the hour's price and chance. */
static double whim(int second, double buy, void *chance)
{
	(void)second;
	double serve_w = fmin(fmax(plant.grid_w + plant.battery[0].w, -4000), 4000);
	double any_w = random_between(chance, -4000, 4000);
	if (buy < 0.1) {
		return -fabs(any_w) / 2;
	}
	return buy > 0.3 || random_next(chance) % 3 ? serve_w : any_w;
}

static void test_nobody_is_below(void **state)
{
	(void)state; /* Neither rules nor plans that know all, nor whims, cost less than the bound.
		      */
	assert_int_equal(timezone_use("UTC"), 0);
	uint64_t chance = 20;
	uint64_t houses = is_watched() ? 1 : 2;
	for (uint64_t seed = 1; seed <= houses; seed++) {
		make_house(seed);
		struct loop_conf conf = { .site = &site,
					  .plant = &house,
					  .start_s = MARCH_2026 + (int64_t)seed * 31 * DAY_S,
					  .days = 2,
					  .knows_load = true,
					  .knows_pv = true };
		for (int policy = LOOP_RULES; policy <= LOOP_CONTROLLED; policy++) {
			assert_int_equal(closed_loop_run(&conf, (enum loop_policy)policy, &result),
					 0);
			assert_above(&conf, 1, result.day[0].soc_end, &result.day[1],
				     policy == LOOP_RULES ? "rules" : "plans");
		}
		conf.days = 1;
		live(whim, &chance, &conf, &day[0]);
		assert_above(&conf, 0, house.battery[0].soc_start, &day[0], "whim");
	}
}

/* Of the house solved by hand: where its converter loses least. */
static const double steady_w = 980, dear_h = 6;

struct by_hand {
	double taken_wh; /* out of the store in the dear hours */
};

static double by_hand_w(int second, double buy, void *context)
{
	const struct by_hand *h = context;
	(void)second;
	if (buy > 0.2) {
		return steady_w;
	}
	/* What rest takes until the dear hours begin is put in before. */
	double missing_wh = 800 + h->taken_wh - plant.battery[0].stored_wh;
	return missing_wh > 0 ? -steady_w : 0;
}

static void test_by_hand(void **state)
{
	(void)state; /* Hours cheap and hours dear, a steady load: the least is what it costs to
			serve it from what was charged, at the losses of that battery where they are
			least; and who does that pays hardly more. */
	const int64_t start_s[] = { MARCH_2026, MARCH_2026 + DAY_S };
	assert_int_equal(timezone_use("UTC"), 0);
	make_house(1);
	house.pvs = 0;
	house.battery[0].self_discharge = 0;
	house.battery[0].soc_start = 0.1;
	house.series = (struct plant_series){ .rows = 1, .start_s = start_s, .load_w = &steady_w };
	site.cycle_s = 0.01;
	site.battery[0].model.wear = 0;
	site.tariff.buy = (struct tariff_prices){ .base = 0.3, .windows = 1 };
	site.tariff.buy.window[0] = (struct tariff_window){ { 0, 18 * 3600 }, 0.1 };
	plant_init(&plant, &house);
	double lost_w = plant_loss_w(&plant, 0, steady_w), rest_w = plant_loss_w(&plant, 0, 0);
	struct by_hand h = { (steady_w + lost_w) * dear_h };
	double charge_h = (h.taken_wh + rest_w * 18) / (steady_w - lost_w + rest_w);
	double expected = steady_w * (18 + charge_h) * 0.1 / 1e3;
	struct loop_conf conf = {
		.site = &site, .plant = &house, .start_s = MARCH_2026, .days = 1
	};
	assert_int_equal(bound_run(&conf, 0, 0.1, 0.1, least), 0);
	live(by_hand_w, &h, &conf, &day[0]);
	print_message("bound %.6f, by hand %.6f, lived %.6f\n", cost(&least[0]), expected,
		      cost(&day[0]));
	assert_true(fabs(cost(&least[0]) / expected - 1) < bound_rounding);
	assert_above(&conf, 0, 0.1, &day[0], "by hand");
	assert_true(cost(&day[0]) < 1.002 * cost(&least[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_nobody_is_below),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
