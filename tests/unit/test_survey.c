/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "modbus_peer.h"

#include "daemon/base/clock.h"
#include "drivers/survey.h"

enum { PATIENCE_US = 20000000, SHORT_US = 50000 };

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct profile profile;
static struct probe_tally tally;
static struct survey survey;

static int setup(void **unused)
{
	struct diag d = { .to = stderr };
	(void)unused;
	peer = (struct peer){ 0 };
	tally = (struct probe_tally){ 0 };
	clock_init_real(&house);
	bus_hub_init(&hub, &house);
	peer_start(&peer, 0);
	return profile_load("etc/profiles/generic-battery.conf", &profile, &d);
}

static int teardown(void **unused)
{
	(void)unused;
	peer_stop(&peer);
	return 0;
}

static void show(enum quantity quantity, double value)
{
	const struct point *p = &profile.reading[quantity];
	pthread_mutex_lock(&peer.lock);
	assert_int_equal(point_encode(p, value, &peer.unit[1].input[p->address]), 0);
	pthread_mutex_unlock(&peer.lock);
}

static void show_battery(void)
{
	show(BATTERY_W, -1234);
	show(BATTERY_SOC, 0.634);
	show(BATTERY_CHARGE_MAX_W, 5000);
	show(BATTERY_DISCHARGE_MAX_W, 4000);
	show(BATTERY_CHARGE_WH, 100000);
	show(BATTERY_DISCHARGE_WH, 0);
}

static void open_probe(struct probe *p, int64_t timeout_us)
{
	struct modbus_address at = { .host = "127.0.0.1", .unit = -1, .request_delay_ms = 0 };
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	profile.timeout_us = timeout_us;
	assert_int_equal(probe_open(&hub, &at, 1, &profile, &tally, p), 0);
}

static void take(int64_t timeout_us, int silent_max)
{
	struct probe p;
	open_probe(&p, timeout_us);
	survey_take(&p, &profile, silent_max, &survey);
	probe_close(&p);
}

static void test_values(void **unused)
{
	/* Every point comes with its value and the registers it was made of, and none is written.
	 */
	(void)unused;
	show_battery();
	take(PATIENCE_US, 0);
	assert_int_equal(survey.points, 6);
	assert_int_equal(survey.good, 6);
	assert_int_equal(survey.zero, 1);
	assert_true(survey_fits(&profile, &survey));
	assert_int_equal(survey_weight(&survey), 5);
	const struct survey_point *s = &survey.part[BATTERY_W];
	assert_true(fabs(s->value + 1234) < 1e-9);
	assert_int_equal(s->span.count, 2);
	assert_int_equal(s->words[0], 0);
	assert_int_equal(s->words[1], 1234); /* the device counts charging positive */
	assert_true(survey.control[CONTROL_ENABLE].asked);
	assert_true(survey.control[CONTROL_ENABLE].quality == QUALITY_GOOD);
	struct peer_unit u = peer_look(&peer, 1);
	assert_int_equal(u.writes, 0);
	assert_int_equal(u.reads, 9);
	assert_int_equal(tally.answers, 9);
	assert_int_equal(tally.latency_us.count, 9);
}

static void test_against(void **unused)
{
	/* What cannot be true, is not there or never comes speaks against a profile. */
	(void)unused;
	show_battery();
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].input[profile.reading[BATTERY_SOC].address] = 2000; /* 200 % */
	pthread_mutex_unlock(&peer.lock);
	take(PATIENCE_US, 0);
	assert_int_equal(survey.wrong, 1);
	assert_int_equal(survey.part[BATTERY_SOC].quality, QUALITY_OUT_OF_RANGE);
	assert_false(survey_fits(&profile, &survey));
	pthread_mutex_lock(&peer.lock);
	memset(peer.unit[1].input, 0, sizeof(peer.unit[1].input));
	pthread_mutex_unlock(&peer.lock);
	take(PATIENCE_US, 0);
	assert_int_equal(survey.good, 6);
	assert_false(survey_fits(&profile, &survey)); /* just zeros */
	show_battery();
	pthread_mutex_lock(&peer.lock);
	peer.unit[1].refuse_from = 2; /* all but the power */
	peer.unit[1].refuse_to = 20;
	pthread_mutex_unlock(&peer.lock);
	take(PATIENCE_US, 0);
	assert_int_equal(survey.absent, 5);
	assert_int_equal(survey.part[BATTERY_SOC].why, 2);
	assert_false(survey_fits(&profile, &survey));
	assert_true(tally.exceptions[2] >= 5);
}

static void test_silence(void **unused)
{
	/* A question that failed delays none: the next goes out at once, on a new connection, and
	 * is never given the answer to the one before. */
	(void)unused;
	struct probe p;
	const struct block power = { 0, TABLE_INPUT, 0, 2 }, soc = { 0, TABLE_INPUT, 2, 2 };
	uint16_t words[2] = { 7, 7 };
	show_battery();
	peer_set_mode(&peer, 1, PEER_SILENT, 2);
	open_probe(&p, SHORT_US);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(probe_read(&p, &power, words), -ETIMEDOUT);
		assert_int_equal(words[0], 7);
	}
	probe_close(&p);
	open_probe(&p, PATIENCE_US);
	peer_set_mode(&peer, 1, PEER_WRONG_TRANSACTION, 1);
	assert_int_equal(probe_read(&p, &power, words), -EBADMSG);
	assert_int_equal(probe_read(&p, &soc, words), 0);
	assert_int_equal(words[0], 634);
	probe_close(&p);
	assert_int_equal(tally.timeouts, 2);
	assert_int_equal(tally.rejected, 1);
	assert_true(peer_accepted(&peer) >= 4);
}

static void test_gateway(void **unused)
{
	/* A gateway's "nobody" is no answer of a device, and holds up no other question. */
	(void)unused;
	struct probe p;
	const struct block power = { 0, TABLE_INPUT, 0, 2 };
	uint16_t words[2];
	show_battery();
	open_probe(&p, PATIENCE_US);
	peer_set_exception(&peer, 1, 11, 1);
	int r = probe_read(&p, &power, words);
	assert_int_equal(r, 11);
	assert_false(probe_is_answer(r));
	r = probe_read(&p, &power, words);
	assert_int_equal(r, 0);
	assert_true(probe_is_answer(r) && probe_is_answer(2) && !probe_is_answer(-ETIMEDOUT));
	assert_int_equal(tally.exceptions[11], 1);
	probe_close(&p);
}

static void test_patience(void **unused)
{
	/* Of a device that keeps silent only so many points are asked for. */
	(void)unused;
	peer_set_mode(&peer, 1, PEER_SILENT, 0);
	take(SHORT_US, 2);
	assert_int_equal(survey.silent, 2);
	assert_int_equal(survey.points, 2);
	assert_int_equal(tally.requests, 2);
	assert_false(survey.part[BATTERY_DISCHARGE_WH].asked);
	assert_false(survey.control[CONTROL_ENABLE].asked);
	assert_false(survey_fits(&profile, &survey));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_values),  TEST(test_against),  TEST(test_silence),
		TEST(test_gateway), TEST(test_patience),
	};
	return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
