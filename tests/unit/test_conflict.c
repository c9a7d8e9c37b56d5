/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody else commands the same device: how long we fight, counted on the device's side. */
#include <math.h>
#include <stdatomic.h>

#include "modbus_peer.h"

#include "daemon/base/clock.h"
#include "bus_inside.h"
#include "drivers/modbus.c"

enum { S = 1000000, HOUR = 3600, SETPOINT = 100, OTHERS_W = 777 };

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct device *battery;
static struct command wish;
static double step_w; /* by which the wish grows each time */

static int setup(void **unused)
{
	(void)unused;
	struct diag d = { .to = stderr };
	struct profile profile;
	struct modbus_address at = { .host = "127.0.0.1", .unit = -1, .request_delay_ms = 0 };
	peer = (struct peer){ 0 };
	clock_init_simulated(&house, 1700000000);
	bus_hub_init(&hub, &house);
	assert_int_equal(profile_load("etc/profiles/generic-battery.conf", &profile, &d), 0);
	profile.timeout_us = 20 * S; /* of a slow machine, not of a device */
	peer_start(&peer, 0);
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	assert_int_equal(modbus_device_open(&hub, &at, &profile, &battery), 0);
	wish = (struct command){ .kind = COMMAND_BATTERY_W, .w = 1500 };
	step_w = 0;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	battery->methods->close(battery);
	peer_stop(&peer);
	return 0;
}

static void cloud_overwrites(void)
{
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].holding[SETPOINT] = 0;
	peer.unit[1].holding[SETPOINT + 1] = OTHERS_W;
	pthread_mutex_unlock(&peer.lock);
}

static struct snapshot look(void)
{
	struct snapshot s;
	battery->methods->snapshot(battery, clock_now_us(&house), &s);
	return s;
}

/* Command and poll for so long, each ten seconds; each every_s somebody overwrites (0: nobody).
 * Returns how often the set-point was written by us. */
static int run_for(int seconds, int every_s)
{
	int before = peer_look(&peer, 1).written[SETPOINT];
	for (int s = 0; s < seconds; s += 10) {
		if (every_s && s % every_s == 0 && s > 0) {
			cloud_overwrites();
		}
		wish.expires_us = clock_now_us(&house) + 7200 * (int64_t)S;
		wish.w += step_w;
		battery->methods->command(battery, &wish);
		battery->methods->poll(battery, clock_now_us(&house));
		bus_settle(&of_device(battery)->client);
		clock_advance(&house, 10 * (int64_t)S);
	}
	return peer_look(&peer, 1).written[SETPOINT] - before;
}

static void test_stops(void **unused)
{
	/* Overwritten each 30 s, a set-point is asserted again three times; then the device is
	 * released, and nothing is written until the hour is over. */
	(void)unused;
	assert_int_equal(run_for(120, 30), 4);
	assert_false(look().conflict);
	assert_int_equal(run_for(60, 30), 0); /* the fourth time */
	struct snapshot s = look();
	assert_true(s.conflict);
	assert_false(s.commanded);
	assert_false(s.engaged);
	assert_string_equal(s.error, "set-point is overwritten by another controller");
	int writes = peer_look(&peer, 1).writes;
	assert_int_equal(run_for(HOUR - 300, 30), 0);
	assert_int_equal(peer_look(&peer, 1).writes, writes);
	assert_int_equal(peer_look(&peer, 1).holding[102], 0); /* released */
}

static void test_moving(void **unused)
{
	/* A set-point that is another each time hides nobody: it, too, is asserted again three
	 * times at most, and what it writes by itself is not counted. */
	(void)unused;
	step_w = 20;
	assert_int_equal(run_for(120, 0), 12);
	assert_false(look().conflict);
	run_for(150, 30);
	assert_true(look().conflict);
	assert_int_equal(run_for(60, 30), 0);
	assert_int_equal(peer_look(&peer, 1).holding[102], 0); /* released */
}

static void test_tries_again(void **unused)
{
	/* A day of being overwritten each 30 s costs at most five writes an hour; left alone, the
	 * device is commanded again within the hour. */
	(void)unused;
	int writes = run_for(24 * HOUR, 30);
	assert_in_range(writes, 4 * 20, 4 * 24);
	assert_true(look().conflict);
	assert_in_range(run_for(HOUR, 0), 1, 2);
	assert_false(look().conflict);
	assert_true(look().commanded);
	assert_string_equal(look().error, "");
}

static void test_person(void **unused)
{
	/* A person's word ends giving way at once, and only a new one does. */
	(void)unused;
	run_for(240, 30);
	assert_true(look().conflict);
	wish.insist++;
	assert_int_equal(run_for(20, 0), 1);
	assert_true(look().commanded);
	run_for(240, 30);
	assert_true(look().conflict);
	assert_int_equal(run_for(60, 0), 0);
}

static void test_seldom(void **unused)
{
	/* Overwritten three times an hour for a day, as by a restart of another device, a set-point
	 * is asserted again each time. */
	(void)unused;
	assert_int_equal(run_for(24 * HOUR, 1210), 1 + 24 * HOUR / 1210);
	assert_false(look().conflict);
}

static void test_release_is_bounded(void **unused)
{
	/* A release that the device does not show is tried three times, then every ten minutes. */
	(void)unused;
	struct lease l = { .state = LEASE_HELD };
	struct command c = { .kind = COMMAND_RELEASE };
	struct point any = { .max = 1 };
	int tries = 0;
	for (int s = 1; s <= HOUR; s++) {
		if (lease_next(&l, &c, &any, s * (int64_t)S) == LEASE_RELEASE) {
			lease_not_released(&l, s * (int64_t)S);
			tries++;
		}
	}
	assert_in_range(tries, 3, 3 + HOUR / 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tries_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_person, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seldom, setup, teardown),
		cmocka_unit_test(test_release_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
