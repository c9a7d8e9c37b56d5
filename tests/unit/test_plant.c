/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "drivers/plant.h"

enum { DAY_S = 86400 };
static const int64_t SECOND_US = 1000000, START_US = INT64_C(3600000000);
static const int64_t JUNE_2025 = 1750032000; /* 2025-06-16 00:00 UTC */

static struct plant plant;

static const struct plant_battery_conf BATTERY = { .capacity_wh = 10000,
						   .charge_limit_w = 5000,
						   .discharge_limit_w = 4000,
						   .round_trip_efficiency = 0.9,
						   .self_discharge = 0.001,
						   .lag_s = 1,
						   .soc_start = 0.5 };

static struct plant_conf house(int batteries)
{
	struct plant_conf c = { .seed = 11,
				.latitude_deg = 55,
				.longitude_deg = 10,
				.pvs = 1,
				.pv[0] = { 6000, 5000, 35, 180 },
				.batteries = batteries };
	for (int i = 0; i < batteries; i++) {
		c.battery[i] = BATTERY;
	}
	return c;
}

static void begin(const struct plant_conf *c)
{
	plant_init(&plant, c);
	plant_start(&plant, START_US, JUNE_2025);
}

static void after(double seconds)
{
	plant_advance(&plant, START_US + (int64_t)(seconds * 1e6));
}

/* Move on by odd lengths under random commands, and call check after each. */
static void random_days(uint64_t *seed, int steps, void (*check)(void))
{
	int64_t now_us = START_US;
	for (int i = 0; i < steps; i++) {
		int b = (int)(random_next(seed) % 2);
		double w = random_between(seed, -9000, 9000);
		int64_t lease_us = (int64_t)random_between(seed, 0, 4e8);
		if (random_next(seed) % 3 == 0) {
			plant_pv_limit(&plant, 0, fabs(w), now_us + lease_us);
		} else {
			plant_battery_hold(&plant, b, w, now_us + lease_us);
		}
		now_us += (int64_t)random_between(seed, 1, 3e8);
		plant_advance(&plant, now_us);
		check();
	}
}

static void check_energy(void)
{
	const struct plant *p = &plant;
	double into = p->import_wh + p->pv[0].wh, out = p->export_wh + p->load_wh;
	for (int i = 0; i < 2; i++) {
		const struct plant_battery *b = &p->battery[i];
		double start_wh = BATTERY.capacity_wh * BATTERY.soc_start;
		double kept_wh = start_wh + b->charge_wh - b->discharge_wh - b->loss_wh;
		assert_true(fabs(kept_wh - b->stored_wh) <=
			    1e-9 * (start_wh + b->charge_wh + b->discharge_wh));
		assert_true(b->loss_wh >= 0);
		into += b->discharge_wh;
		out += b->charge_wh;
	}
	assert_true(fabs(into - out) <= 1e-9 * (into + out));
}

static void energy_is_conserved(void **state)
{
	/* Whatever is commanded, what comes in goes out, is stored or counted as lost, to 1e-9. */
	(void)state;
	uint64_t seed = random_seed();
	struct plant_conf c = house(2);
	c.battery[1].own_default = PLANT_SELF_CONSUMPTION;
	begin(&c);
	random_days(&seed, 4000, check_energy);
}

static void check_limits(void)
{
	for (int i = 0; i < 2; i++) {
		double soc = plant_soc(&plant, i), w = plant.battery[i].w;
		assert_true(soc >= 0 && soc <= 1);
		assert_true(w >= -BATTERY.charge_limit_w && w <= BATTERY.discharge_limit_w);
	}
	assert_true(plant.pv[0].w >= 0 && plant.pv[0].w <= 5000);
	assert_true(fabs(plant.grid_w + plant.pv[0].w + plant.battery[0].w + plant.battery[1].w -
			 plant.load_w) < 1e-6);
}

static void limits_hold(void **state)
{
	/* Whatever is commanded, the charge stays within 0..1 and the powers within their limits.
	 */
	(void)state;
	uint64_t seed = random_seed();
	struct plant_conf c = house(2);
	c.battery[0].capacity_wh = 40; /* full or empty within seconds */
	c.battery[1].self_discharge = 0.2;
	begin(&c);
	random_days(&seed, 4000, check_limits);
}

static void bms_tapers(void **state)
{
	/* Towards full and empty the BMS allows less and less; from both ends there is a way back.
	 */
	(void)state;
	struct plant_conf c = house(1);
	begin(&c);
	assert_true(plant_charge_max_w(&plant, 0) == 5000);
	assert_true(plant_discharge_max_w(&plant, 0) == 4000);
	plant_battery_hold(&plant, 0, -5000, INT64_MAX);
	for (int s = 1; s <= 4 * 3600; s++) {
		double soc = plant_soc(&plant, 0), max_w = plant_charge_max_w(&plant, 0);
		assert_true(soc < 0.925 || soc == 1 || (max_w >= 149 && max_w < 4700));
		after(s);
		assert_true(-plant.battery[0].w <= max_w);
	}
	assert_true(plant_soc(&plant, 0) > 0.98);
	assert_true(plant_charge_max_w(&plant, 0) < 1500);
	assert_true(plant_discharge_max_w(&plant, 0) == 4000);
	plant_battery_hold(&plant, 0, 4000, INT64_MAX);
	after(12 * 3600);
	assert_true(plant_soc(&plant, 0) < 0.03);
	assert_true(plant_discharge_max_w(&plant, 0) < 500);
	assert_true(plant_charge_max_w(&plant, 0) == 5000);
}

static void leases_end_exactly(void **state)
{
	/* A command is in force to the microsecond before its lease ends, and not at its end. */
	(void)state;
	struct plant_conf c = house(1);
	c.battery[0].lag_s = 0;
	begin(&c);
	int64_t end_us = START_US + 61234567;
	plant_battery_hold(&plant, 0, 2000, end_us);
	plant_pv_limit(&plant, 0, 0, end_us);
	plant_advance(&plant, end_us - 1);
	assert_true(plant.battery[0].command.active && plant.pv[0].command.active);
	assert_true(plant.battery[0].w == 2000);
	plant_advance(&plant, end_us);
	assert_false(plant.battery[0].command.active || plant.pv[0].command.active);
	plant_advance(&plant, end_us + 1);
	assert_true(plant.battery[0].w == 0);
	/* In one leap it delivers just as much. */
	double wh = 2000 * 61.234567 / 3600;
	assert_true(fabs(plant.battery[0].discharge_wh - wh) < 1e-6);
	begin(&c);
	plant_battery_hold(&plant, 0, 2000, end_us);
	after(600);
	assert_true(fabs(plant.battery[0].discharge_wh - wh) < 1e-6);
}

static void power_lags(void **state)
{
	/* Power comes to its set-point like 1 - exp(-t/lag), whatever the steps. */
	(void)state;
	struct plant_conf c = house(1);
	for (int tenths = 0; tenths < 2; tenths++) {
		begin(&c);
		plant_battery_hold(&plant, 0, 1000, INT64_MAX);
		for (int i = 1; i <= 50; i++) {
			if (tenths || i % 10 == 0) {
				after(i / 10.0);
				double want_w = 1000 * (1 - exp(-i / 10.0));
				assert_true(fabs(plant.battery[0].w - want_w) < 1);
			}
		}
	}
}

static void round_trip(double x, double *efficiency)
{
	struct plant_conf c = house(1);
	c.battery[0].discharge_limit_w = 5000;
	c.battery[0].lag_s = 0;
	c.battery[0].self_discharge = 0;
	begin(&c);
	double w = 5000 * x;
	plant_battery_hold(&plant, 0, -w, INT64_MAX);
	after(1200);
	plant_battery_hold(&plant, 0, w, INT64_MAX);
	int s = 1200;
	while (plant_soc(&plant, 0) > 0.5) {
		after(++s);
	}
	*efficiency = plant.battery[0].discharge_wh / plant.battery[0].charge_wh;
}

static void efficiency_bends(void **state)
{
	/* A round trip gives back the configured share at half power, less at low and full power.
	 */
	(void)state;
	double low, half, full;
	round_trip(0.04, &low);
	round_trip(0.5, &half);
	round_trip(1, &full);
	print_message("round trip: %.3f at 4 %%, %.3f at 50 %%, %.3f at 100 %%\n", low, half, full);
	assert_true(fabs(half - 0.9) < 0.005);
	assert_true(low < 0.85);
	assert_true(full < 0.88 && full > 0.8);
}

static void idle_battery_drains(void **state)
{
	/* A battery left alone loses charge, more where it discharges itself more, never below 0.
	 */
	(void)state;
	struct plant_conf c = house(2);
	c.battery[1].self_discharge = 0.02;
	begin(&c);
	after(10 * DAY_S);
	assert_true(plant_soc(&plant, 0) < 0.5 && plant_soc(&plant, 0) > 0.3);
	assert_true(plant_soc(&plant, 1) < plant_soc(&plant, 0) - 0.05);
}

static void own_default_covers_the_house(void **state)
{
	/* Without a command a self-consuming battery brings the grid to zero while it can. */
	(void)state;
	struct plant_conf c = house(1);
	c.battery[0].own_default = PLANT_SELF_CONSUMPTION;
	begin(&c);
	double import_w = 0;
	for (int s = 1; s <= 4 * 3600; s++) {
		after(s);
		import_w += fabs(plant.grid_w) / (4 * 3600);
	}
	assert_true(import_w < 30);
	assert_true(plant.battery[0].discharge_wh > 300);
}

static void advance_is_idempotent(void **state)
{
	/* Advancing to the same time, or back, changes nothing. */
	(void)state;
	struct plant_conf c = house(1);
	begin(&c);
	after(1000.5);
	static struct plant before;
	before = plant;
	after(1000.5);
	after(3);
	assert_memory_equal(&before, &plant, sizeof(plant));
}

static void steps_do_not_matter(void **state)
{
	/* An hour in one leap, in seconds or in odd steps ends in the same state. */
	(void)state;
	double wh[3], stored[3];
	static const double step_s[] = { 3600, 1, 7.3 };
	struct plant_conf c = house(1);
	c.battery[0].own_default = PLANT_SELF_CONSUMPTION;
	c.battery[0].lag_s = 0;
	for (int i = 0; i < 3; i++) {
		begin(&c);
		for (double s = step_s[i]; s < 3600; s += step_s[i]) {
			after(s);
		}
		after(3600);
		wh[i] = plant.load_wh;
		stored[i] = plant.battery[0].stored_wh;
	}
	for (int i = 1; i < 3; i++) {
		assert_true(fabs(wh[i] / wh[0] - 1) < 1e-9);
		assert_true(fabs(stored[i] / stored[0] - 1) < 1e-6);
	}
}

static void pv_obeys_its_limit(void **state)
{
	/* Generation is what the sky gives, clipped by the inverter, and by the limit while it
	 * lasts. */
	(void)state;
	struct plant_conf c = house(0);
	c.pv[0].rating_w = 2500;
	begin(&c);
	after(11 * 3600);
	assert_true(plant.pv[0].w <= 2500 && plant.pv[0].w == plant.pv[0].available_w);
	double free_w = plant.pv[0].w;
	assert_true(free_w > 300);
	plant_pv_limit(&plant, 0, 100, START_US + (11 * 3600 + 60) * SECOND_US);
	after(11 * 3600 + 59);
	assert_true(plant.pv[0].w == 100);
	after(11 * 3600 + 61);
	assert_true(plant.pv[0].w == plant.pv[0].available_w);
}

static void series_leads_where_it_can(void **state)
{
	/* A series sets load and generation where it has rows; before and after the generator does.
	 */
	(void)state;
	static const int64_t start_s[] = { JUNE_2025 + 60, JUNE_2025 + 120, JUNE_2025 + 300,
					   JUNE_2025 + 301 };
	static const double load_w[] = { 111, 222, 333 }, pv_w[] = { 10, 20, 99999 };
	struct plant_conf c = house(0);
	c.pvs = 2;
	c.pv[1] = (struct plant_pv_conf){ 2000, 2000, 10, 90 };
	begin(&c);
	double before_w = plant_load_at(&plant, JUNE_2025 + 59);
	double after_w = plant_load_at(&plant, JUNE_2025 + 301);
	c.series = (struct plant_series){ 3, start_s, load_w, pv_w };
	begin(&c);
	static const int order[] = { 59, 60, 119, 120, 299, 300, 301, 200, 61 };
	const double want[] = { before_w, 111, 111, 222, 222, 333, after_w, 222, 111 };
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		assert_true(plant_load_at(&plant, JUNE_2025 + order[i]) == want[i]);
	}
	/* Shared by peak power, 6 to 2, and clipped. */
	assert_true(plant_pv_at(&plant, 0, JUNE_2025 + 120) == 15);
	assert_true(plant_pv_at(&plant, 1, JUNE_2025 + 120) == 5);
	assert_true(plant_pv_at(&plant, 0, JUNE_2025 + 300) == 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(energy_is_conserved),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(bms_tapers),
		cmocka_unit_test(leases_end_exactly),
		cmocka_unit_test(power_lags),
		cmocka_unit_test(efficiency_bends),
		cmocka_unit_test(idle_battery_drains),
		cmocka_unit_test(own_default_covers_the_house),
		cmocka_unit_test(advance_is_idempotent),
		cmocka_unit_test(steps_do_not_matter),
		cmocka_unit_test(pv_obeys_its_limit),
		cmocka_unit_test(series_leads_where_it_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
