/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "daemon/base/durable.h"
#include "daemon/home/devices.h"
#include "drivers/modbus.h"

enum { DAY = 86400, TODAY = 20000 };

static struct site site;
static struct site_link main_link = { .name = "main", .address = "tcp://127.0.0.1:502/2" };
static struct keeper keeper;
static struct modbus_keeper given;

static int setup(void **unused)
{
	(void)unused;
	memset(&site, 0, sizeof(site));
	snprintf(site.store, sizeof(site.store), "/tmp/lecd-test-XXXXXX");
	assert_non_null(mkdtemp(site.store));
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	char command[200];
	snprintf(command, sizeof(command), "rm -rf %s", site.store);
	return system(command);
}

/* A new life: what it finds. Returns the errors. */
static int open_keeper(int day)
{
	struct diag d = { .to = NULL };
	keeper_open(&keeper, &site, "battery", &main_link, day * (int64_t)DAY + 3600, &given, &d);
	return d.errors;
}

static struct restore any_restore(void)
{
	struct restore r = { .timeout_us = 1000000 };
	assert_int_equal(restore_add(&r, 2, 6, 100, 1), 0);
	r.block[0].words[0] = 7;
	return r;
}

static void test_next_life(void **unused)
{
	/* What one life kept, the next one finds; what was forgotten is gone. */
	(void)unused;
	const struct restore r = any_restore();
	const struct budget b = { .day = TODAY, .writes = 17 };
	assert_int_equal(open_keeper(TODAY), 0);
	assert_int_equal(given.left.blocks, 0);
	assert_int_equal(given.spent.writes, 0);
	assert_int_equal(given.journal(given.context, &r), 0);
	assert_int_equal(given.count(given.context, &b), 0);
	assert_int_equal(open_keeper(TODAY), 0);
	assert_memory_equal(&given.left, &r, sizeof(r));
	assert_int_equal(given.spent.writes, 17);
	assert_int_equal(given.spent.day, TODAY);
	assert_int_equal(given.journal(given.context, NULL), 0);
	assert_int_equal(open_keeper(TODAY), 0);
	assert_int_equal(given.left.blocks, 0);
	assert_int_equal(given.spent.writes, 17);
}

static void test_damaged(void **unused)
{
	/* A damaged journal, or one of another device, is never written over, and keeps nothing; a
	 * damaged count is a spent day. */
	(void)unused;
	const struct restore r = any_restore();
	assert_int_equal(open_keeper(TODAY), 0);
	assert_int_equal(durable_write(keeper.restore_path, "[restore]\n", 10), 0);
	assert_int_equal(durable_write(keeper.flash_path, "[flash]\nday = x\n", 16), 0);
	assert_true(open_keeper(TODAY) > 0);
	assert_int_equal(given.journal(given.context, &r), -EUCLEAN);
	assert_int_equal(given.journal(given.context, NULL), -EUCLEAN);
	struct budget b = { .day = given.spent.day, .writes = given.spent.writes, .a_day = 200 };
	assert_false(budget_allows(&b, 1, TODAY * (int64_t)DAY));
	assert_true(budget_allows(&b, 1, (TODAY + 1) * (int64_t)DAY));

	assert_int_equal(durable_remove(keeper.restore_path), 0);
	assert_int_equal(durable_remove(keeper.flash_path), 0);
	assert_int_equal(open_keeper(TODAY), 0);
	assert_int_equal(given.journal(given.context, &r), 0);
	struct site_link moved = main_link;
	snprintf(moved.address, sizeof(moved.address), "tcp://127.0.0.1:502/3");
	struct diag d = { .to = NULL };
	keeper_open(&keeper, &site, "battery", &moved, 0, &given, &d);
	assert_int_equal(d.errors, 1);
	assert_int_equal(given.journal(given.context, &r), -EUCLEAN);
}

static void test_no_store(void **unused)
{
	/* A device that keeps a command for ever is refused where nothing can be kept of it, with
	 * the line of its section. */
	(void)unused;
	static const char text[] =
		"[site]\nid = home-1\nprofiles = tests/fixtures\n[tariff]\nbuy = 0.30 EUR/kWh\n"
		"[meter grid]\ndriver = modbus\naddress = tcp://127.0.0.1/1\n"
		"profile = eastron-sdm630\n[battery main]\ncapacity = 10 kWh\n"
		"charge-limit = 5 kW\ndischarge-limit = 5 kW\ndriver = modbus\n"
		"address = tcp://127.0.0.2/2\nprofile = latched\n%s";
	static struct devices devices;
	struct clock clock;
	clock_init_real(&clock);
	for (int with = 0; with < 2; with++) {
		char said[1000] = "", path[64], filled[1000], want[200], store[150];
		struct diag d = { .to = fmemopen(said, sizeof(said), "w") };
		snprintf(store, sizeof(store), "[store]\npath = %s\n", site.store);
		snprintf(filled, sizeof(filled), text, with ? store : "");
		write_temporary(filled, path);
		struct site read;
		assert_int_equal(site_read(path, &read, &d), 0);
		int r = devices_open(&devices, &read, &clock, false, NULL, &d);
		fclose(d.to);
		snprintf(want, sizeof(want),
			 "%s:10: profile \"latched\" commands a device that keeps a command for "
			 "ever, expected a [store] with a path",
			 path);
		assert_int_equal(r, with ? 0 : -EINVAL);
		assert_int_equal(strncmp(said, want, strlen(want)) == 0, !with);
		if (r == 0) {
			devices_close(&devices);
		}
		assert_int_equal(remove(path), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_next_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_store, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
