/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "test.h"

#include "daemon/base/durable.h"
#include "daemon/home/keeper.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_next_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
