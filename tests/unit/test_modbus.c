/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdatomic.h>

#include "modbus_peer.h"

#include "daemon/base/clock.h"

/* The bus's real time stands still but for fake_us being moved on: no test depends on how fast a
 * machine is, and none waits out a back-off. 0: time is real after all. */
static _Atomic int64_t fake_us;

static int64_t test_real_us(void)
{
	int64_t us = atomic_load(&fake_us);
	return us ? us : clock_real_us();
}
#define clock_real_us test_real_us
#include "bus_inside.h"
#include "drivers/modbus.c"
#include "drivers/modbus_read.c"

enum { S = 1000000, SETPOINT = 100, ENABLE = 102, REVERT = 103 };

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct profile profile;
static struct device *battery;

/* Let the device register show a quantity's value. */
static void show(enum quantity quantity, double value)
{
	const struct point *p = &profile.reading[quantity];
	pthread_mutex_lock(&peer.lock);
	assert_int_equal(point_encode(p, value, &peer.unit[1].input[p->address]), 0);
	pthread_mutex_unlock(&peer.lock);
}

static void load_profile(const char *path)
{
	struct diag d = { .to = stderr };
	assert_int_equal(profile_load(path, &profile, &d), 0);
	profile.timeout_us = 20 * S; /* of a slow machine, not of a device */
}

static struct device *open_device(void)
{
	struct modbus_address at = { .host = "127.0.0.1", .unit = -1, .request_delay_ms = 0 };
	struct device *d = NULL;
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	assert_int_equal(modbus_device_open(&hub, &at, &profile, &d), 0);
	return d;
}

static int setup(void **unused)
{
	(void)unused;
	peer = (struct peer){ 0 };
	atomic_store(&fake_us, S);
	clock_init_simulated(&house, 1700000000);
	bus_hub_init(&hub, &house);
	load_profile("etc/profiles/generic-battery.conf");
	peer_start(&peer, 0);
	show(BATTERY_W, -1500);
	show(BATTERY_SOC, 0.42);
	show(BATTERY_CHARGE_MAX_W, 5000);
	show(BATTERY_DISCHARGE_MAX_W, 4000);
	show(BATTERY_CHARGE_WH, 123456);
	show(BATTERY_DISCHARGE_WH, 100000);
	battery = open_device();
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	battery->methods->close(battery);
	peer_stop(&peer);
	return 0;
}

static struct snapshot poll_once(struct device *d)
{
	struct snapshot s;
	d->methods->poll(d, clock_now_us(&house));
	bus_settle(&of_device(d)->client);
	d->methods->snapshot(d, clock_now_us(&house), &s);
	return s;
}

static void post(enum command_kind kind, double w, int lease_s)
{
	int64_t now_us = clock_now_us(&house);
	battery->methods->command(battery,
				  &(struct command){ .kind = kind,
						     .w = w,
						     .expires_us = now_us + lease_s * (int64_t)S });
	bus_settle(&of_device(battery)->client);
}

static void assert_good(const struct snapshot *s, enum quantity quantity, double value)
{
	assert_int_equal(s->reading[quantity].quality, QUALITY_GOOD);
	assert_true(fabs(s->reading[quantity].value - value) < 1e-6);
}

/* What the peer holds: set-point on the wire (+ charge), enable, revert seconds. */
static void assert_holds(int32_t wire_w, int enable, int revert_s)
{
	struct peer_unit u = peer_look(&peer, 1);
	uint32_t bits = (uint32_t)u.holding[SETPOINT] << 16 | u.holding[SETPOINT + 1];
	assert_int_equal((int32_t)bits, wire_w);
	assert_int_equal(u.holding[ENABLE], enable);
	assert_int_equal(u.holding[REVERT], revert_s);
}

static void test_readings(void **unused)
{
	/* A poll yields every reading of the profile, good, in our units and signs, with its time.
	 */
	(void)unused;
	struct snapshot s;
	battery->methods->snapshot(battery, 0, &s);
	assert_int_equal(s.reading[BATTERY_W].quality, QUALITY_NEVER_SEEN);
	assert_false(s.up);
	clock_advance(&house, 5 * S);
	s = poll_once(battery);
	assert_good(&s, BATTERY_W, -1500);
	assert_good(&s, BATTERY_SOC, 0.42);
	assert_good(&s, BATTERY_CHARGE_MAX_W, 5000);
	assert_good(&s, BATTERY_DISCHARGE_MAX_W, 4000);
	assert_good(&s, BATTERY_CHARGE_WH, 123456);
	assert_good(&s, BATTERY_DISCHARGE_WH, 100000);
	assert_int_equal(s.reading[BATTERY_SOC].at_us, clock_now_us(&house));
	assert_int_equal(s.answered_us, clock_now_us(&house));
	assert_int_equal(s.reading[GRID_W].quality, QUALITY_NEVER_SEEN);
	assert_true(s.up && s.stats.requests == 1 && *s.error == '\0');
}

static void test_absent_values(void **unused)
{
	/* Sentinels and impossible numbers are told apart, and the other readings stay good. */
	(void)unused;
	const struct point *p = &profile.reading[BATTERY_SOC];
	pthread_mutex_lock(&peer.lock);
	point_encode_absent(p, &peer.unit[1].input[p->address]);
	peer.unit[1].input[profile.reading[BATTERY_CHARGE_MAX_W].address] = 0x7FFF;
	pthread_mutex_unlock(&peer.lock);
	struct snapshot s = poll_once(battery);
	assert_int_equal(s.reading[BATTERY_SOC].quality, QUALITY_NOT_IMPLEMENTED);
	assert_int_equal(s.reading[BATTERY_CHARGE_MAX_W].quality, QUALITY_OUT_OF_RANGE);
	assert_good(&s, BATTERY_W, -1500);
	assert_good(&s, BATTERY_DISCHARGE_WH, 100000);
}

static void test_split_block(void **unused)
{
	/* A block with a register the device lacks is read point by point from then on. */
	(void)unused;
	int hole = profile.reading[BATTERY_CHARGE_MAX_W].address;
	peer.unit[1].refuse_from = hole;
	peer.unit[1].refuse_to = hole + 1;
	for (int i = 0; i < 3; i++) {
		struct snapshot s = poll_once(battery);
		assert_int_equal(s.reading[BATTERY_CHARGE_MAX_W].quality, QUALITY_NOT_IMPLEMENTED);
		assert_good(&s, BATTERY_W, -1500);
		assert_good(&s, BATTERY_DISCHARGE_WH, 100000);
		assert_true(s.up);
		assert_non_null(strstr(s.error, "battery_charge_max_w: exception 2"));
		assert_int_equal(s.stats.requests,
				 1 + 6 * (i + 1)); /* the block was asked for once */
	}
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].refuse_to = 0;
	pthread_mutex_unlock(&peer.lock);
	struct snapshot s = poll_once(battery);
	assert_good(&s, BATTERY_CHARGE_MAX_W, 5000);
	for (int i = 0; i < SPLIT_POLLS; i++) {
		s = poll_once(battery);
	}
	uint64_t before = s.stats.requests;
	assert_int_equal(poll_once(battery).stats.requests, before + 1);
}

static void test_exceptions(void **unused)
{
	/* "Illegal" makes readings not implemented; failure and busy leave them to age; none cut
	 * the line. */
	(void)unused;
	static const struct {
		int code;
		enum quality quality;
	} cases[] = {
		{ 4, QUALITY_GOOD },
		{ 5, QUALITY_GOOD },
		{ 6, QUALITY_GOOD },
		{ 1, QUALITY_NOT_IMPLEMENTED },
		{ 2, QUALITY_NOT_IMPLEMENTED },
		{ 3, QUALITY_NOT_IMPLEMENTED },
	};
	int64_t seen_us = clock_now_us(&house);
	poll_once(battery);
	clock_advance(&house, 1 * S);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char expected[20];
		snprintf(expected, sizeof(expected), "exception %d", cases[i].code);
		peer_set_exception(&peer, 1, cases[i].code, 0);
		struct snapshot s = poll_once(battery);
		assert_int_equal(s.reading[BATTERY_W].quality, cases[i].quality);
		assert_true(s.up && s.answered_us == seen_us);
		assert_non_null(strstr(s.error, expected));
		if (cases[i].quality == QUALITY_GOOD) {
			assert_int_equal(s.reading[BATTERY_W].at_us, seen_us);
		}
	}
	peer_set_mode(&peer, 1, PEER_GOOD, 0);
	struct snapshot s = poll_once(battery);
	assert_good(&s, BATTERY_W, -1500);
	assert_string_equal(s.error, "");
	assert_int_equal(peer_accepted(&peer), 1);
}

static void test_silence(void **unused)
{
	/* A silent device is down with a reason, its readings keep their age, and it comes back. */
	(void)unused;
	int64_t seen_us = clock_now_us(&house);
	poll_once(battery);
	peer_set_mode(&peer, 1, PEER_SILENT, 0);
	of_device(battery)->client.timeout_us = 100000;
	clock_advance(&house, 10 * S);
	for (int i = 0; i < 3; i++) {
		struct snapshot s = poll_once(battery);
		assert_false(s.up);
		assert_int_equal(s.reading[BATTERY_W].at_us, seen_us);
		assert_string_equal(s.error, "reading: no answer in time");
	}
	of_device(battery)->client.timeout_us = 20 * S;
	peer_set_mode(&peer, 1, PEER_GOOD, 0);
	atomic_fetch_add(&fake_us, 8 * S);
	struct snapshot s = poll_once(battery);
	assert_true(s.up && s.answered_us == clock_now_us(&house) && *s.error == '\0');
}

static void test_command(void **unused)
{
	/* A command is written as soon as it is posted, and only once for the same again. */
	(void)unused;
	post(COMMAND_BATTERY_W, 2000, 60);
	assert_holds(-2000, 1, 60);
	struct snapshot s;
	for (int i = 0; i < 20; i++) {
		clock_advance(&house, 1 * S);
		post(COMMAND_BATTERY_W, 2000, 60);
		s = poll_once(battery);
		assert_true(s.commanded && s.commanded_w == 2000);
	}
	assert_int_equal(s.stats.writes, 1);
	assert_int_equal(peer_look(&peer, 1).writes, 3); /* revert timer, set-point, enable */
	post(COMMAND_BATTERY_W, -1000, 60);
	assert_holds(1000, 1, 60);
	clock_advance(&house, 30 * S);
	poll_once(battery);
	assert_holds(1000, 1, 30); /* renewed at half time, for what is left of the lease */
}

static void test_again(void **unused)
{
	/* The same command with another number is written once more, and only once. */
	(void)unused;
	struct command c = { .kind = COMMAND_BATTERY_W,
			     .w = 2000,
			     .expires_us = clock_now_us(&house) + 60 * (int64_t)S };
	for (unsigned again = 0; again < 4; again++) {
		c.again = again;
		for (int i = 0; i < 3; i++) {
			battery->methods->command(battery, &c);
			bus_settle(&of_device(battery)->client);
			assert_int_equal(poll_once(battery).stats.writes, again + 1);
		}
	}
	assert_holds(-2000, 1, 60);
}

static void test_expiry(void **unused)
{
	/* A lease that ran out is released once and never renewed. */
	(void)unused;
	post(COMMAND_BATTERY_W, 2000, 20);
	clock_advance(&house, 20 * S);
	struct snapshot s = poll_once(battery);
	assert_holds(-2000, 0, 20);
	assert_false(s.commanded);
	int writes = peer_look(&peer, 1).writes;
	for (int i = 0; i < 5; i++) {
		clock_advance(&house, 10 * S);
		poll_once(battery);
	}
	assert_int_equal(peer_look(&peer, 1).writes, writes);
}

static void test_release(void **unused)
{
	/* The first command of a new life releases what an earlier one left, once. */
	(void)unused;
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].holding[ENABLE] = 1;
	pthread_mutex_unlock(&peer.lock);
	for (int i = 0; i < 5; i++) {
		post(COMMAND_RELEASE, 0, 60);
		poll_once(battery);
	}
	assert_int_equal(peer_look(&peer, 1).holding[ENABLE], 0);
	assert_int_equal(peer_look(&peer, 1).writes, 1);
}

static void test_reconnect(void **unused)
{
	/* After a reconnect the current lease is written again; meanwhile it is not taken for held.
	 */
	(void)unused;
	post(COMMAND_BATTERY_W, 2000, 60);
	peer_set_mode(&peer, 1, PEER_HANGUP, 1);
	assert_false(poll_once(battery).up);
	pthread_mutex_lock(&peer.lock);
	memset(peer.unit[1].holding, 0, sizeof(peer.unit[1].holding)); /* it had restarted */
	pthread_mutex_unlock(&peer.lock);
	atomic_fetch_add(&fake_us, 1 * S);
	clock_advance(&house, 5 * S);
	struct snapshot s = poll_once(battery);
	assert_true(s.up && s.commanded);
	assert_holds(-2000, 1, 55);
	assert_int_equal(s.stats.connects, 2);
}

static void test_forgotten_command(void **unused)
{
	/* A device that silently dropped the command is told again at the next poll. */
	(void)unused;
	post(COMMAND_BATTERY_W, 2000, 60);
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].holding[ENABLE] = 0;
	pthread_mutex_unlock(&peer.lock);
	struct snapshot s = poll_once(battery);
	assert_false(s.commanded);
	assert_string_equal(s.error, "control_enable reads 0, not 1");
	s = poll_once(battery);
	assert_true(s.commanded && *s.error == '\0');
	assert_holds(-2000, 1, 60);
}

static void test_ignored_writes(void **unused)
{
	/* A device that ignores writes is reported and not flooded. */
	(void)unused;
	peer_set_mode(&peer, 1, PEER_IGNORES_WRITES, 0);
	post(COMMAND_BATTERY_W, 2000, 60);
	struct snapshot s;
	for (int i = 0; i < 20; i++) {
		s = poll_once(battery);
		assert_false(s.commanded);
		assert_string_equal(s.error, "battery_setpoint_w reads 0, not 2000");
	}
	assert_in_range(peer_look(&peer, 1).written[SETPOINT], 1, 4);
	peer_set_mode(&peer, 1, PEER_GOOD, 0);
	clock_advance(&house, 30 * S);
	assert_true(poll_once(battery).commanded);
}

static void test_lost_device_is_not_commanded(void **unused)
{
	/* A device out of reach for its revert time is known to have fallen back. */
	(void)unused;
	post(COMMAND_BATTERY_W, 2000, 60);
	assert_true(poll_once(battery).commanded);
	struct snapshot s;
	battery->methods->snapshot(battery, clock_now_us(&house) + 60LL * S, &s);
	assert_false(s.commanded);
}

static void test_odd_commands(void **unused)
{
	/* What is no number releases, what is beyond the device is limited, what is for others
	 * ignored. */
	(void)unused;
	post(COMMAND_BATTERY_W, 5e6, 60);
	assert_holds(-1000000, 1, 60);
	post(COMMAND_BATTERY_W, (double)NAN, 60);
	assert_holds(-1000000, 0, 60);
	post(COMMAND_PV_LIMIT_W, 1000, 60);
	assert_holds(-1000000, 0, 60);
	load_profile("etc/profiles/eastron-sdm630.conf");
	profile.unit = 2;
	struct device *meter = open_device();
	meter->methods->command(meter, &(struct command){ .kind = COMMAND_BATTERY_W, .w = 1 });
	struct snapshot s = poll_once(meter);
	assert_good(&s, GRID_W, 0); /* registers are all 0 */
	assert_int_equal(s.reading[GRID_HZ].quality, QUALITY_OUT_OF_RANGE);
	assert_int_equal(peer_look(&peer, 2).writes, 0);
	assert_int_equal(peer_accepted(&peer), 1); /* one connection for both */
	meter->methods->close(meter);
}

static void test_pv_limit(void **unused)
{
	/* A PV inverter takes a limit with its revert timer, and is released by name. */
	(void)unused;
	load_profile("etc/profiles/generic-pv.conf");
	profile.unit = 2;
	struct device *pv = open_device();
	struct command c = { .kind = COMMAND_PV_LIMIT_W,
			     .w = 70000,
			     .expires_us = clock_now_us(&house) + 90LL * S };
	pv->methods->command(pv, &c);
	struct snapshot s = poll_once(pv);
	assert_true(s.commanded && s.commanded_w == 70000);
	struct peer_unit u = peer_look(&peer, 2);
	assert_int_equal(u.holding[SETPOINT] << 16 | u.holding[SETPOINT + 1], 70000);
	assert_true(u.holding[ENABLE] == 1 && u.holding[REVERT] == 90);
	c.kind = COMMAND_RELEASE;
	pv->methods->command(pv, &c);
	assert_false(poll_once(pv).commanded);
	assert_int_equal(peer_look(&peer, 2).holding[ENABLE], 0);
	pv->methods->close(pv);
}

static void test_whole_snapshots(void **unused)
{
	/* A snapshot never mixes two polls: what one poll read alike is alike in every snapshot. */
	(void)unused;
	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&peer.lock);
		peer.unit[1].input[4] = peer.unit[1].input[6] = (uint16_t)i; /* both limits */
		pthread_mutex_unlock(&peer.lock);
		battery->methods->poll(battery, 0);
		struct snapshot s = { .stats.requests = 0 };
		while (s.stats.requests <= (uint64_t)i) { /* that is, while the poll is under way */
			battery->methods->snapshot(battery, 0, &s);
			assert_true(s.reading[BATTERY_CHARGE_MAX_W].value ==
				    s.reading[BATTERY_DISCHARGE_MAX_W].value);
		}
		bus_settle(&of_device(battery)->client);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_readings),        TEST(test_absent_values),
		TEST(test_split_block),     TEST(test_exceptions),
		TEST(test_silence),         TEST(test_command),
		TEST(test_expiry),          TEST(test_release),
		TEST(test_reconnect),       TEST(test_forgotten_command),
		TEST(test_ignored_writes),  TEST(test_lost_device_is_not_commanded),
		TEST(test_odd_commands),    TEST(test_pv_limit),
		TEST(test_whole_snapshots), TEST(test_again),
	};
	return cmocka_run_group_tests_name("modbus", tests, NULL, NULL);
}
