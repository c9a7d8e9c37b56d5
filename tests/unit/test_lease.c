/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "drivers/lease.h"

enum { S = 1000000 };

static const struct point setpoint = { .type = POINT_S32, .min = -5000, .max = 5000, .step = 10 };
static const struct point revert = { .type = POINT_U16, .min = 1, .max = 3600 };

static struct command hold(double w, int64_t expires_us)
{
	return (struct command){ .kind = COMMAND_BATTERY_W, .w = w, .expires_us = expires_us };
}

/* Do what is due; returns it. */
static enum lease_action step(struct lease *l, const struct command *c, int64_t now_us)
{
	enum lease_action action = lease_next(l, c, &setpoint, now_us);
	if (action == LEASE_WRITE) {
		lease_written(l, lease_setpoint_w(c, &setpoint), lease_revert_s(c, &revert, now_us),
			      lease_renew_s(LIVENESS_TIMER, lease_revert_s(c, &revert, now_us)),
			      now_us);
		lease_confirmed(l);
	} else if (action == LEASE_RELEASE) {
		lease_released(l);
	}
	return action;
}

static void test_written_once(void **unused)
{
	/* The same command each second is written once, and again when half of the revert time is
	 * over. */
	(void)unused;
	struct lease l = { 0 };
	int writes = 0;
	for (int s = 0; s < 120; s++) {
		struct command c = hold(1000, (int64_t)(s + 60) * S);
		bool due = step(&l, &c, (int64_t)s * S) == LEASE_WRITE;
		assert_int_equal(due, s % 30 == 0);
		writes += due;
	}
	assert_int_equal(writes, 4);
}

static void test_changes(void **unused)
{
	/* A change of at least the step is written at once, a smaller one with the next renewal. */
	(void)unused;
	struct lease l = { 0 };
	struct command c = hold(1000, 60 * S);
	assert_int_equal(step(&l, &c, 0), LEASE_WRITE);
	c.w = 1009;
	assert_int_equal(step(&l, &c, 1 * S), LEASE_NOTHING);
	c.w = 1010;
	assert_int_equal(step(&l, &c, 2 * S), LEASE_WRITE);
	c.w = 1015;
	assert_int_equal(step(&l, &c, 3 * S), LEASE_NOTHING);
	assert_int_equal(step(&l, &c, 40 * S), LEASE_WRITE);
	assert_true(l.w == 1015);
}

static void test_write_interval(void **unused)
{
	/* A register that wears is not written again for a change before its interval is over. */
	(void)unused;
	struct point flash = setpoint;
	flash.flash = true;
	flash.write_interval_us = 10 * S;
	struct lease l = {
		.state = LEASE_HELD, .w = 0, .revert_s = 3600, .renew_s = 1800, .written_us = 0
	};
	struct command c = hold(2000, 3600LL * S);
	assert_int_equal(lease_next(&l, &c, &flash, 9 * S), LEASE_NOTHING);
	assert_int_equal(lease_next(&l, &c, &flash, 10 * S), LEASE_WRITE);
}

static void test_expiry(void **unused)
{
	/* A lease that ran out is released once and not renewed; so is an explicit release. */
	(void)unused;
	struct lease l = { 0 };
	struct command c = hold(1000, 20 * S);
	assert_int_equal(step(&l, &c, 0), LEASE_WRITE);
	assert_int_equal(step(&l, &c, 20 * S - 1), LEASE_WRITE); /* to the end, and not beyond */
	assert_true(l.revert_s == 1);
	assert_int_equal(step(&l, &c, 20 * S), LEASE_RELEASE);
	assert_int_equal(step(&l, &c, 21 * S), LEASE_NOTHING);
	c = (struct command){ .kind = COMMAND_RELEASE };
	assert_int_equal(step(&l, &c, 22 * S), LEASE_NOTHING);
	struct lease fresh = { 0 }; /* an earlier life may have left a command */
	assert_int_equal(step(&fresh, &c, 22 * S), LEASE_RELEASE);
	assert_int_equal(lease_next(&fresh, NULL, &setpoint, 0), LEASE_NOTHING);
}

static void test_never_outlives(void **unused)
{
	/* Whatever is commanded and when, the device reverts at most one second after the lease. */
	(void)unused;
	uint64_t seed = random_seed();
	struct lease l = { 0 };
	int64_t now_us = 0, expires_us = 0;
	double w = 0;
	for (int i = 0; i < 20000; i++) {
		now_us += (int64_t)(random_next(&seed) % (3 * S));
		if (random_next(&seed) % 4 == 0) {
			expires_us = now_us + (int64_t)(random_next(&seed) % (100 * S));
			w = random_between(&seed, -9000, 9000);
		}
		struct command c = hold(w, expires_us);
		enum lease_action action = step(&l, &c, now_us);
		assert_true(action != LEASE_WRITE || now_us < expires_us);
		if (l.state == LEASE_HELD) {
			assert_true(l.written_us + (int64_t)(l.revert_s * S) < expires_us + S ||
				    action == LEASE_NOTHING);
			assert_true(fabs(l.w) <= 5000);
			assert_true(now_us < expires_us);
		}
	}
}

static void test_ignored_writes(void **unused)
{
	/* A device that ignores is told three times in a row, then only when a write is due anyway.
	 */
	(void)unused;
	struct lease l = { 0 };
	struct command c = hold(1000, 60 * S);
	int writes = 0;
	for (int s = 0; s < 30; s++) {
		if (lease_next(&l, &c, &setpoint, (int64_t)s * S) == LEASE_WRITE) {
			lease_written(&l, 1000, 60, 30, (int64_t)s * S);
			writes++;
		}
		lease_failed(&l);
		assert_false(l.confirmed);
	}
	assert_int_equal(writes, 3);
	assert_int_equal(lease_next(&l, &c, &setpoint, 32 * S), LEASE_WRITE);
}

static void test_reconnect(void **unused)
{
	/* After a lost connection the current lease is written again; a release is not. */
	(void)unused;
	struct lease l = { 0 };
	struct command c = hold(1000, 60 * S);
	assert_int_equal(step(&l, &c, 0), LEASE_WRITE);
	lease_doubted(&l);
	assert_int_equal(step(&l, &c, 1 * S), LEASE_WRITE);
	c.kind = COMMAND_RELEASE;
	assert_int_equal(step(&l, &c, 2 * S), LEASE_RELEASE);
	lease_doubted(&l);
	assert_int_equal(step(&l, &c, 3 * S), LEASE_NOTHING);
}

static void test_classes(void **unused)
{
	/* A timer is renewed at half of its time, a fixed time in a third, what is latched and what
	 * wants a heartbeat never; the device is known to hold on until its time is over. */
	(void)unused;
	static const struct {
		enum liveness liveness;
		double revert_s;
		int64_t due_us, held_until_us;
	} cases[] = {
		{ LIVENESS_TIMER, 60, 30 * S, 61 * S },
		{ LIVENESS_FIXED, 60, 20 * S, 61 * S },
		{ LIVENESS_LATCHED, (double)INFINITY, INT64_MAX, INT64_MAX },
		{ LIVENESS_HEARTBEAT, 10, INT64_MAX, 11 * S },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lease l = { 0 };
		struct command c = hold(1000, INT64_MAX);
		double renew_s = lease_renew_s(cases[i].liveness, cases[i].revert_s);
		lease_written(&l, 1000, cases[i].revert_s, renew_s, 1 * S);
		lease_confirmed(&l);
		assert_true(lease_held_until_us(&l) == cases[i].held_until_us);
		for (int64_t s = 1; s < 100000; s += s < 100 ? 1 : 1000) {
			enum lease_action want =
				s * S - S >= cases[i].due_us ? LEASE_WRITE : LEASE_NOTHING;
			assert_int_equal(lease_next(&l, &c, &setpoint, s * S), want);
		}
		lease_alive(&l, 5 * S);
		assert_true(lease_held_until_us(&l) >= cases[i].held_until_us);
	}
}

static void test_minutes(void **unused)
{
	/* A timer that counts in minutes is set to the next whole one. */
	(void)unused;
	const struct point minutes = { .type = POINT_U16, .min = 60, .max = 3600, .step = 60 };
	struct command c = hold(0, 61 * S);
	assert_true(lease_revert_s(&c, &minutes, 0) == 120);
	assert_true(lease_revert_s(&c, &minutes, 1 * S) == 60);
	assert_true(lease_revert_s(&c, &minutes, 50 * S) == 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_once),   cmocka_unit_test(test_changes),
		cmocka_unit_test(test_write_interval), cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_never_outlives), cmocka_unit_test(test_ignored_writes),
		cmocka_unit_test(test_reconnect),      cmocka_unit_test(test_classes),
		cmocka_unit_test(test_minutes),
	};
	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
