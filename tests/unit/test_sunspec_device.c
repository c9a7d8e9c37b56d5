/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Modbus device whose points are found out, against the hand-written peer. */
#include <math.h>
#include <stdatomic.h>

#include "modbus_peer.h"
#include "sunspec_image.h"

#include "daemon/base/clock.h"

/* Real time stands still but for this being moved on, so that none waits out a back-off. */
static _Atomic int64_t fake_us;

static int64_t test_real_us(void)
{
	return atomic_load(&fake_us);
}
#define clock_real_us test_real_us
#include "bus_inside.h"
#include "drivers/modbus.c"

enum { S = 1000000, BLOCKS = 2 };

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct device *battery;
static struct image image;
static int storage_at, modules_at;

/* A storage hybrid behind base 0, as far as the peer has registers. */
static void put_hybrid(void)
{
	image_begin(&image, 0, "Fronius");
	int m = image_model(&image, 103, 50);
	image_set(&image, m, "W_SF", 0, 0);
	m = storage_at = image_model(&image, 124, 24);
	image_set(&image, m, "ChaState", 0, 55);
	image_set(&image, m, "ChaState_SF", 0, 0);
	image_set(&image, m, "WChaMax", 0, 5000);
	image_set(&image, m, "WChaMax_SF", 0, 0);
	image_set(&image, m, "StorCtl_Mod", 0, 0);
	image_set(&image, m, "OutWRte", 0, 10000);
	image_set(&image, m, "InWRte", 0, 10000);
	image_set(&image, m, "InOutWRte_RvrtTms", 0, 0);
	image_set(&image, m, "InOutWRte_SF", 0, -2);
	image_set(&image, m, "ChaGriSet", 0, 0);
	m = modules_at = image_model(&image, 160, 8 + 4 * 20);
	image_set(&image, m, "DCW_SF", 0, -1);
	image_set(&image, m, "DCW", 2, 12340);
	image_set(&image, m, "DCW", 3, 0);
	image_end(&image);
}

/* Let unit 1 hold what the image does. */
static void load_image(void)
{
	pthread_mutex_lock(&peer.lock);
	memcpy(peer.unit[1].holding, image.word, sizeof(peer.unit[1].holding));
	pthread_mutex_unlock(&peer.lock);
}

static uint16_t held(const char *name)
{
	return peer_look(&peer, 1).holding[image_at(&image, storage_at, name, 0)];
}

static int setup(void **unused)
{
	(void)unused;
	struct modbus_address at = { .host = "127.0.0.1", .unit = 1, .request_delay_ms = 0 };
	struct profile profile;
	peer = (struct peer){ 0 };
	atomic_store(&fake_us, S);
	clock_init_simulated(&house, 1700000000);
	bus_hub_init(&hub, &house);
	peer_start(&peer, 0);
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	put_hybrid();
	load_image();
	sunspec_profile_init(DEVICE_BATTERY, &profile);
	profile.timeout_us = 20LL * S; /* of a slow machine, not of a device */
	assert_int_equal(modbus_device_open(&hub, &at, &profile, &battery), 0);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	battery->methods->close(battery);
	peer_stop(&peer);
	return 0;
}

static struct snapshot poll_once(void)
{
	struct snapshot s;
	battery->methods->poll(battery, clock_now_us(&house));
	bus_settle(&of_device(battery)->client);
	battery->methods->snapshot(battery, clock_now_us(&house), &s);
	return s;
}

static void post(enum command_kind kind, double w, int lease_s)
{
	struct command c = { .kind = kind,
			     .w = w,
			     .expires_us = clock_now_us(&house) + lease_s * (int64_t)S };
	battery->methods->command(battery, &c);
	bus_settle(&of_device(battery)->client);
}

static void assert_reads(const struct snapshot *s, enum quantity q, double value)
{
	assert_int_equal(s->reading[q].quality, QUALITY_GOOD);
	assert_true(fabs(s->reading[q].value - value) < 1e-6);
}

static void test_first_contact(void **unused)
{
	/* The first poll finds out what the device is and reads it; the following ones only read.
	 */
	(void)unused;
	struct snapshot s = poll_once();
	assert_string_equal(s.error, "");
	assert_true(s.up);
	assert_reads(&s, BATTERY_W, -1234);
	assert_reads(&s, BATTERY_SOC, 0.55);
	assert_reads(&s, BATTERY_CHARGE_MAX_W, 5000);
	for (int i = 0; i < 3; i++) {
		uint64_t before = s.stats.requests;
		s = poll_once();
		assert_int_equal(s.stats.requests, before + BLOCKS);
	}
}

static void test_moving_scale(void **unused)
{
	/* A value is scaled by the factor of its own read, however it changes between polls. */
	(void)unused;
	poll_once();
	for (int power = -3; power <= 1; power++) {
		image_set(&image, modules_at, "DCW_SF", 0, power);
		load_image();
		struct snapshot s = poll_once();
		assert_reads(&s, BATTERY_W, -12340 * pow(10, power));
	}
	image_set(&image, modules_at, "DCW_SF", 0, 0x8000);
	load_image();
	struct snapshot s = poll_once();
	assert_int_equal(s.reading[BATTERY_W].quality, QUALITY_NOT_IMPLEMENTED);
	assert_reads(&s, BATTERY_SOC, 0.55);
}

static void test_command(void **unused)
{
	/* A command before the first contact waits for it; then it is held with its revert timer,
	 * and released by name. */
	(void)unused;
	post(COMMAND_BATTERY_W, -2500, 60);
	assert_int_equal(peer_look(&peer, 1).writes, 0);
	struct snapshot s = poll_once();
	assert_true(s.commanded && s.commanded_w == -2500);
	assert_int_equal((int16_t)held("OutWRte"), -5000);
	assert_int_equal((int16_t)held("InWRte"), 5000);
	assert_int_equal(held("StorCtl_Mod"), 3);
	assert_int_equal(held("ChaGriSet"), 1);
	assert_int_equal(held("InOutWRte_RvrtTms"), 60);
	assert_int_equal(peer_look(&peer, 1).writes, 4); /* both limits in one */
	post(COMMAND_BATTERY_W, 5000, 60);
	assert_int_equal((int16_t)held("OutWRte"), 10000);
	assert_int_equal((int16_t)held("InWRte"), -10000);
	assert_int_equal(peer_look(&peer, 1).writes, 7); /* charging from the grid stays on */
	post(COMMAND_RELEASE, 0, 60);
	assert_int_equal(held("StorCtl_Mod"), 0);
	assert_int_equal(held("OutWRte"), 10000); /* no limits are left behind */
	assert_int_equal(held("InWRte"), 10000);
	assert_false(poll_once().commanded);
}

static void test_forgotten_limit(void **unused)
{
	/* A device that lost one of the two limits is told again. */
	(void)unused;
	poll_once();
	post(COMMAND_BATTERY_W, -2500, 60);
	int in = image_at(&image, storage_at, "InWRte", 0);
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].holding[in] = 10000;
	pthread_mutex_unlock(&peer.lock);
	assert_false(poll_once().commanded);
	assert_true(poll_once().commanded);
	assert_int_equal(held("InWRte"), 5000);
}

static void hang_up(void)
{
	peer_set_mode(&peer, 1, PEER_HANGUP, 1);
	assert_false(poll_once().up);
	atomic_fetch_add(&fake_us, 10LL * S);
}

static void test_reconnect(void **unused)
{
	/* After a reconnect one request tells that it is the same, and it is commanded on. */
	(void)unused;
	poll_once();
	post(COMMAND_BATTERY_W, -2500, 60);
	uint64_t before = poll_once().stats.requests;
	uint64_t usual = poll_once().stats.requests - before;
	hang_up();
	before = poll_once().stats.requests;
	hang_up();
	struct snapshot s = poll_once();
	assert_true(s.up && s.commanded);
	assert_reads(&s, BATTERY_W, -1234);
	assert_true(s.stats.requests - before > usual);
	before = s.stats.requests;
	assert_int_equal(poll_once().stats.requests - before, usual);
}

static void test_another_device(void **unused)
{
	/* Another device in its place is not read by the old map nor commanded, but found out. */
	(void)unused;
	poll_once();
	post(COMMAND_BATTERY_W, -2500, 600);
	image_begin(&image, 0, "Acme");
	int m = image_model(&image, 802, 62);
	image_set(&image, m, "W", 0, 700);
	image_set(&image, m, "W_SF", 0, 0);
	image_end(&image);
	load_image();
	int writes = peer_look(&peer, 1).writes;
	hang_up();
	post(COMMAND_BATTERY_W, -2000, 600); /* before it is known who is there */
	assert_int_equal(peer_look(&peer, 1).writes, writes);
	struct snapshot s = poll_once();
	assert_false(s.up || s.commanded);
	assert_non_null(strstr(s.error, "another device"));
	assert_int_equal(s.reading[BATTERY_W].quality, QUALITY_NEVER_SEEN);
	s = poll_once();
	assert_reads(&s, BATTERY_W, 700);
	assert_true(s.up && !s.commanded);
	assert_int_equal(peer_look(&peer, 1).writes, writes);
}

static void test_no_sunspec(void **unused)
{
	/* A device without models, or without the right ones, is said to be so and asked again only
	 * seldom. */
	(void)unused;
	image_put(&image, 0, 0);
	load_image();
	struct snapshot s = poll_once();
	assert_non_null(strstr(s.error, "no SunSpec models"));
	assert_true(s.up && s.answered_us == 0);
	uint64_t requests = s.stats.requests;
	image_begin(&image, 0, "Acme");
	image_model(&image, 203, 105);
	image_end(&image);
	load_image();
	for (int i = 0; i < UNKNOWN_POLLS; i++) {
		s = poll_once();
		assert_int_equal(s.stats.requests, requests);
		assert_non_null(strstr(s.error, "no SunSpec models"));
	}
	assert_non_null(strstr(poll_once().error, "no SunSpec model of it tells"));
}

static void test_interrupted(void **unused)
{
	/* Whenever the device hangs up while it is found out, it is found out later. */
	(void)unused;
	uint64_t all = poll_once().stats.requests;
	for (uint64_t at = 1; at < all; at++) {
		of_device(battery)->known = false; /* nothing is under way */
		pthread_mutex_lock(&peer.lock);
		peer.unit[1].hangup_in = (int)at;
		pthread_mutex_unlock(&peer.lock);
		assert_false(poll_once().up);
		atomic_fetch_add(&fake_us, 10LL * S);
		struct snapshot s = poll_once();
		assert_true(s.up);
		assert_reads(&s, BATTERY_W, -1234);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_contact),   TEST(test_moving_scale), TEST(test_command),
		TEST(test_forgotten_limit), TEST(test_reconnect),    TEST(test_another_device),
		TEST(test_no_sunspec),      TEST(test_interrupted),
	};
	return cmocka_run_group_tests_name("sunspec_device", tests, NULL, NULL);
}
