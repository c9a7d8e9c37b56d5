/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "drivers/simulated.h"

static const int64_t SECOND_US = 1000000, START_US = INT64_C(3600000000);

static struct plant plant;
static struct simulated meter, roof, battery;
static struct snapshot snap;

static int set_up(void **state)
{
	(void)state;
	struct plant_conf c = { .seed = 1,
				.latitude_deg = 50,
				.longitude_deg = 10,
				.meter_noise_w = 3,
				.pvs = 1,
				.pv[0] = { 6000, 5000, 35, 180 },
				.batteries = 1,
				.battery[0] = { .capacity_wh = 10000,
						.charge_limit_w = 5000,
						.discharge_limit_w = 5000,
						.round_trip_efficiency = 0.9,
						.lag_s = 0,
						.soc_start = 0.5 } };
	plant_init(&plant, &c);
	plant_start(&plant, START_US, 1750032000 + 11 * 3600);
	simulated_init(&meter, &plant, DEVICE_METER, 0);
	simulated_init(&roof, &plant, DEVICE_PV, 0);
	simulated_init(&battery, &plant, DEVICE_BATTERY, 0);
	return 0;
}

static void look(struct simulated *s, int64_t second)
{
	s->device.methods->snapshot(&s->device, START_US + second * SECOND_US, &snap);
}

static void hold(double w, int64_t until_s)
{
	struct command c = { .kind = COMMAND_BATTERY_W,
			     .w = w,
			     .expires_us = START_US + until_s * SECOND_US };
	battery.device.methods->command(&battery.device, &c);
}

static void readings_balance(void **state)
{
	/* What the three devices read adds up to the load, within the meter's noise. */
	(void)state;
	hold(-1234, 3600);
	for (int s = 1; s < 3600; s += 7) {
		look(&meter, s);
		double sum_w = snap.reading[GRID_W].value;
		assert_true(reading_good(&snap.reading[GRID_HZ]));
		look(&roof, s);
		sum_w += snap.reading[PV_W].value;
		look(&battery, s);
		sum_w += snap.reading[BATTERY_W].value;
		assert_true(fabs(sum_w - plant.load_w) < 3.5 * 3);
		assert_true(snap.up && snap.answered_us == START_US + s * SECOND_US);
		assert_int_equal(snap.reading[GRID_W].quality, QUALITY_NEVER_SEEN);
	}
}

static void commands_act_and_end(void **state)
{
	/* A battery holds a power until the lease ends, a roof a limit; release ends them at once.
	 */
	(void)state;
	hold(1500, 60);
	look(&battery, 30);
	assert_true(snap.reading[BATTERY_W].value == 1500);
	assert_true(snap.commanded && snap.commanded_w == 1500);
	look(&battery, 61);
	assert_true(snap.reading[BATTERY_W].value == 0 && !snap.commanded);
	struct command limit = { .kind = COMMAND_PV_LIMIT_W, .w = 200, .expires_us = INT64_MAX };
	roof.device.methods->command(&roof.device, &limit);
	look(&roof, 70);
	assert_true(snap.reading[PV_W].value == 200 && snap.commanded);
	struct command release = { .kind = COMMAND_RELEASE, .w = 0, .expires_us = 0 };
	roof.device.methods->command(&roof.device, &release);
	look(&roof, 80);
	assert_true(snap.reading[PV_W].value > 200 && !snap.commanded);
}

static void foreign_commands_are_ignored(void **state)
{
	/* A meter takes no command, a battery no PV limit, a roof no set-point. */
	(void)state;
	struct command set = { .kind = COMMAND_BATTERY_W, .w = 900, .expires_us = INT64_MAX };
	struct command limit = { .kind = COMMAND_PV_LIMIT_W, .w = 0, .expires_us = INT64_MAX };
	meter.device.methods->command(&meter.device, &set);
	roof.device.methods->command(&roof.device, &set);
	battery.device.methods->command(&battery.device, &limit);
	look(&battery, 5);
	assert_false(plant.battery[0].command.active || plant.pv[0].command.active);
}

static void silence_ages(void **state)
{
	/* A silent device keeps its last readings with their time, takes no command, and comes
	 * back. */
	(void)state;
	look(&battery, 1);
	simulated_set_fault(&battery, SIMULATED_SILENT);
	hold(1000, 3600);
	look(&battery, 20);
	assert_false(snap.up);
	assert_true(snap.error[0] && snap.stats.timeouts == 1);
	assert_true(snap.reading[BATTERY_SOC].at_us == START_US + SECOND_US);
	assert_false(plant.battery[0].command.active);
	assert_int_equal(
		reading_aged(snap.reading[BATTERY_SOC], START_US + 20 * SECOND_US, 3 * SECOND_US)
			.quality,
		QUALITY_STALE);
	simulated_set_fault(&battery, SIMULATED_HEALTHY);
	look(&battery, 21);
	assert_true(snap.up && !snap.error[0]);
	assert_true(snap.reading[BATTERY_SOC].at_us == START_US + 21 * SECOND_US);
}

static void faults_do_not_leak(void **state)
{
	/* One device's silence is not its neighbours'. */
	(void)state;
	simulated_set_fault(&battery, SIMULATED_SILENT);
	look(&meter, 9);
	assert_true(snap.up && reading_good(&snap.reading[GRID_W]));
	look(&roof, 9);
	assert_true(snap.up && reading_good(&snap.reading[PV_W]));
}

static void frozen_values_stay(void **state)
{
	/* A frozen device answers fresh times and old values. */
	(void)state;
	hold(-4000, 9999);
	look(&battery, 10);
	double soc = snap.reading[BATTERY_SOC].value;
	simulated_set_fault(&battery, SIMULATED_FROZEN);
	look(&battery, 600);
	assert_true(snap.reading[BATTERY_SOC].value == soc);
	assert_true(snap.reading[BATTERY_SOC].at_us == START_US + 600 * SECOND_US);
	assert_true(plant_soc(&plant, 0) > soc + 0.01);
}

static void qualities_tell(void **state)
{
	/* Sentinels read as not implemented, nonsense as out of range; neither is good. */
	(void)state;
	simulated_set_fault(&meter, SIMULATED_SENTINEL);
	look(&meter, 1);
	assert_int_equal(snap.reading[GRID_W].quality, QUALITY_NOT_IMPLEMENTED);
	simulated_set_fault(&meter, SIMULATED_OUT_OF_RANGE);
	look(&meter, 2);
	assert_int_equal(snap.reading[GRID_W].quality, QUALITY_OUT_OF_RANGE);
	assert_true(snap.up);
}

static void ignored_writes_look_accepted(void **state)
{
	/* A device that ignores writes claims to hold them while its power says otherwise. */
	(void)state;
	simulated_set_fault(&battery, SIMULATED_IGNORES_WRITES);
	hold(2000, 3600);
	look(&battery, 30);
	assert_true(snap.commanded && snap.commanded_w == 2000);
	assert_true(snap.reading[BATTERY_W].value == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(readings_balance, set_up),
		cmocka_unit_test_setup(commands_act_and_end, set_up),
		cmocka_unit_test_setup(foreign_commands_are_ignored, set_up),
		cmocka_unit_test_setup(silence_ages, set_up),
		cmocka_unit_test_setup(faults_do_not_leak, set_up),
		cmocka_unit_test_setup(frozen_values_stay, set_up),
		cmocka_unit_test_setup(qualities_tell, set_up),
		cmocka_unit_test_setup(ignored_writes_look_accepted, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
