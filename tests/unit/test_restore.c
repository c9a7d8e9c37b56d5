/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device that keeps what it is told, commanded by the driver: what is written, and what is kept
 * before, is taken from the device's side. */
#include <math.h>
#include <stdatomic.h>

#include "modbus_peer.h"

#include "daemon/base/clock.h"
#include "bus_inside.h"
#include "drivers/modbus.c"

enum { S = 1000000, DAY = 86400, MODE = 100, SETPOINT = 101, PRESET = 110 };
enum { OWNERS_MODE = 2, OWNERS_W = 1234, OWNERS_PRESET = 7, OFF = 1, CHARGE = 11 };

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct profile profile;
static struct device *battery;
static struct command wish;

/* What the keeper was given; the bus's thread writes, bus_settle() orders it before our reads.
 */
static struct {
	int result; /* of journalling */
	int kept, forgotten;
	int writes_before; /* the device had seen when its default was kept */
	struct restore restore;
	struct budget budget;
} keeper;

static int journal(void *context, const struct restore *r)
{
	(void)context;
	if (!r) {
		keeper.forgotten += keeper.result == 0;
		return keeper.result;
	}
	keeper.writes_before = peer_look(&peer, 1).writes;
	keeper.kept++;
	keeper.restore = *r;
	return keeper.result;
}

static int count(void *context, const struct budget *b)
{
	(void)context;
	keeper.budget = *b;
	return 0;
}

static void put(int address, int value)
{
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].holding[address] = (uint16_t)value;
	pthread_mutex_unlock(&peer.lock);
}

static int get(int address)
{
	return peer_look(&peer, 1).holding[address];
}

static void open_device(const struct modbus_keeper *kept)
{
	struct modbus_address at = { .host = "127.0.0.1", .unit = -1, .request_delay_ms = 0 };
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	assert_int_equal(modbus_device_open(&hub, &at, &profile, &battery), 0);
	if (kept) {
		modbus_device_keep(battery, kept);
	}
}

static void begin_with(const struct modbus_keeper *kept)
{
	memset(&keeper, 0, sizeof(keeper));
	open_device(kept);
}

static const struct modbus_keeper plain = { .journal = journal, .count = count };

/* The next life of the controller: what was kept is what it finds. */
static void restart(void)
{
	struct modbus_keeper kept = plain;
	kept.left = keeper.kept > keeper.forgotten ? keeper.restore : kept.left;
	kept.spent = keeper.budget;
	battery->methods->close(battery);
	open_device(&kept);
}

static int setup(void **unused)
{
	(void)unused;
	struct diag d = { .to = stderr };
	peer = (struct peer){ 0 };
	clock_init_simulated(&house, 20000 * (int64_t)DAY);
	bus_hub_init(&hub, &house);
	assert_int_equal(profile_load("tests/fixtures/latched.conf", &profile, &d), 0);
	profile.timeout_us = 20 * S; /* of a slow machine, not of a device */
	peer_start(&peer, 0);
	put(MODE, OWNERS_MODE);
	put(SETPOINT, OWNERS_W);
	put(PRESET, OWNERS_PRESET);
	wish = (struct command){ .kind = COMMAND_BATTERY_W, .w = -3000 };
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	battery->methods->close(battery);
	peer_stop(&peer);
	return 0;
}

/* One cycle: command and poll, and wait until the bus has done it. */
static struct snapshot cycle(void)
{
	struct snapshot s;
	wish.expires_us = clock_now_us(&house) + 60 * (int64_t)S;
	battery->methods->command(battery, &wish);
	battery->methods->poll(battery, clock_now_us(&house));
	bus_settle(&of_device(battery)->client);
	battery->methods->snapshot(battery, clock_now_us(&house), &s);
	return s;
}

static void assert_default(void)
{
	assert_int_equal(get(MODE), OWNERS_MODE);
	assert_int_equal(get(SETPOINT), OWNERS_W);
	assert_int_equal(get(PRESET), OWNERS_PRESET);
}

static void test_kept_first(void **unused)
{
	/* The default is kept before the device is written at all, once, and given back at a
	 * release; then nothing is kept any more. */
	(void)unused;
	begin_with(&plain);
	cycle();
	assert_int_equal(keeper.kept, 1);
	assert_int_equal(keeper.writes_before, 0);
	assert_int_equal(keeper.restore.blocks, 3);
	assert_int_equal(keeper.restore.block[0].address, MODE);
	assert_int_equal(keeper.restore.block[0].words[0], OWNERS_MODE);
	assert_int_equal(get(MODE), CHARGE);
	assert_int_equal((int16_t)get(SETPOINT), -3000);
	wish.w = -2000;
	assert_true(cycle().commanded);
	assert_int_equal(keeper.kept, 1);
	wish.kind = COMMAND_RELEASE;
	struct snapshot s = cycle();
	assert_default();
	assert_false(s.engaged);
	assert_int_equal(keeper.forgotten, 1);
	int writes = peer_look(&peer, 1).writes;
	cycle();
	assert_int_equal(peer_look(&peer, 1).writes, writes);
}

static void test_not_kept(void **unused)
{
	/* A default that cannot be kept, or not be read, or that nobody keeps: never a write. */
	(void)unused;
	begin_with(&plain);
	keeper.result = -ENOSPC;
	for (int i = 0; i < 5; i++) {
		struct snapshot s = cycle();
		assert_non_null(strstr(s.error, "not commanded: keeping its default"));
		assert_false(s.commanded);
		clock_advance(&house, S);
	}
	wish.kind = COMMAND_RELEASE;
	assert_false(cycle().engaged);
	assert_int_equal(peer_look(&peer, 1).writes, 0);
	battery->methods->close(battery);
	wish.kind = COMMAND_BATTERY_W;
	begin_with(NULL);
	assert_non_null(strstr(cycle().error, "nobody keeps its default"));
	assert_int_equal(peer_look(&peer, 1).writes, 0);
}

static void test_earlier_life(void **unused)
{
	/* What an earlier life has kept is the default, not what the device shows by now. */
	(void)unused;
	begin_with(&plain);
	cycle();
	restart();
	wish.w = -1000;
	cycle();
	assert_int_equal((int16_t)get(SETPOINT), -1000);
	assert_int_equal(keeper.kept, 1);
	restart();
	wish.kind = COMMAND_RELEASE; /* the first command of this life */
	cycle();
	assert_default();
	assert_int_equal(keeper.forgotten, 1);
}

static void test_lost(void **unused)
{
	/* Under command though nothing was kept: the mode to go back to is `off`, not the command.
	 */
	(void)unused;
	put(MODE, CHARGE);
	begin_with(&plain);
	cycle();
	assert_int_equal(keeper.restore.block[0].words[0], OFF);
	wish.kind = COMMAND_RELEASE;
	cycle();
	assert_int_equal(get(MODE), OFF);
}

static void test_release_ignored(void **unused)
{
	/* A device that does not take its default back is owed it, and not written without end. */
	(void)unused;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		profile.control[c].write_function = 16; /* whose answer does not tell the value */
	}
	begin_with(&plain);
	cycle();
	peer_set_mode(&peer, 1, PEER_IGNORES_WRITES, 0);
	wish.kind = COMMAND_RELEASE;
	int before = peer_look(&peer, 1).writes;
	for (int s = 0; s < 3600; s += 10) {
		assert_true(cycle().engaged);
		clock_advance(&house, 10 * (int64_t)S);
	}
	int tries = (peer_look(&peer, 1).writes - before) / 3;
	assert_in_range(tries, 3, 3 + 6);
	assert_int_equal(keeper.forgotten, 0);
	peer_set_mode(&peer, 1, PEER_GOOD, 0);
	clock_advance(&house, 600 * (int64_t)S);
	assert_false(cycle().engaged);
	assert_default();
}

static void test_journal_stays(void **unused)
{
	/* Where the journal cannot be removed, the device is owed its release, without a write. */
	(void)unused;
	begin_with(&plain);
	cycle();
	keeper.result = -EROFS;
	wish.kind = COMMAND_RELEASE;
	assert_true(cycle().engaged);
	assert_default();
	int writes = peer_look(&peer, 1).writes;
	assert_true(cycle().engaged);
	assert_int_equal(peer_look(&peer, 1).writes, writes);
	keeper.result = 0;
	assert_false(cycle().engaged);
	assert_int_equal(keeper.forgotten, 1);
}

/* A device all of whose control registers lie in flash. */
static void use_flash(int writes_per_day)
{
	const int in_flash[] = { CONTROL_ENABLE, CONTROL_BATTERY_SETPOINT_W, CONTROL_PRESET_1 };
	for (int i = 0; i < 3; i++) {
		struct point *p = &profile.control[in_flash[i]];
		p->flash = true;
		p->writes_per_day = writes_per_day;
		p->write_interval_us = 60 * (int64_t)S;
	}
}

static int flash_writes(void)
{
	return peer_look(&peer, 1).writes;
}

static void test_budget(void **unused)
{
	/* However often the wish changes, the device's flash is written 20 times a day at most, its
	 * way back included; it is released when no more is left, and commanded the next day. */
	(void)unused;
	use_flash(20);
	begin_with(&plain);
	struct snapshot s = cycle();
	assert_int_equal(s.flash_budget, 20);
	assert_int_equal(s.flash_writes, 6); /* three registers, and three on the way back */
	for (int i = 0; i < DAY / 600 - 2; i++) {
		clock_advance(&house, 600 * (int64_t)S);
		wish.w = -1000 - 10 * i;
		s = cycle();
		assert_true(flash_writes() <= 20);
	}
	assert_int_equal(flash_writes(), 20);
	assert_int_equal(s.flash_writes, 20);
	assert_int_equal(keeper.budget.writes, 20);
	assert_non_null(strstr(s.error, "its flash was written 20 times today, at most 20"));
	assert_false(s.engaged);
	assert_default();
	clock_advance(&house, 1800 * (int64_t)S);
	s = cycle();
	assert_true(s.commanded);
	assert_int_equal(s.flash_writes, 6);
}

/* What lecd-release does; returns how many registers it writes. */
static int put_back(void)
{
	int written = 0;
	for (int b = 0; b < keeper.restore.blocks; b++) {
		const struct restore_block *block = &keeper.restore.block[b];
		written += get(block->address) != block->words[0];
		put(block->address, block->words[0]);
	}
	keeper.forgotten = keeper.kept;
	return written;
}

static void crash_all_day(int writes_per_day)
{
	int restored = 0, before = flash_writes();
	clock_init_simulated(&house, 20000 * (int64_t)DAY);
	use_flash(writes_per_day);
	begin_with(&plain);
	for (int i = 0; i < 200; i++) {
		wish.w = -1000 - 10 * (i % 50);
		cycle();
		restored += i % 2 ? put_back() : 0;
		restart();
		clock_advance(&house, 60 * (int64_t)S);
	}
	assert_in_range(flash_writes() - before + restored, writes_per_day < 6 ? 0 : 6,
			writes_per_day);
	battery->methods->close(battery);
}

static void test_crash_loop(void **unused)
{
	/* A controller that is killed and started again all day long, with its device put back now
	 * and then, does not write the flash more often either, whatever the day allows. */
	(void)unused;
	for (int writes_per_day = 1; writes_per_day <= 20; writes_per_day++) {
		crash_all_day(writes_per_day);
		put(MODE, OWNERS_MODE);
		put(SETPOINT, OWNERS_W);
		put(PRESET, OWNERS_PRESET);
	}
	begin_with(&plain); /* for teardown */
}

static void test_no_duplicates(void **unused)
{
	/* What is in flash already is never written again, in this life or the next. */
	(void)unused;
	use_flash(200);
	begin_with(&plain);
	cycle();
	assert_int_equal(flash_writes(), 3);
	for (int i = 0; i < 100; i++) {
		clock_advance(&house, 600 * (int64_t)S);
		cycle();
		if (i % 10 == 0) {
			restart();
		}
	}
	assert_int_equal(flash_writes(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earlier_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_duplicates, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
