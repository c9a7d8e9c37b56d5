/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eight endpoints, three of which are dead, each in its own way. */
#include "modbus_peer.h"

#include "daemon/base/clock.h"
#include "bus_inside.h"

enum { ENDPOINTS = 8, CYCLES = 50, COUNT = 125 };
enum { DEAD = 3, LONG_US = 60000000, PATIENCE_MS = 60000 };
static const int dead[DEAD] = { 1, 4, 6 }; /* silent, dripping, gone */

struct unit {
	struct bus_client client;
	struct peer peer;
	uint16_t words[COUNT];
	int result;
	_Atomic int done;
};

static struct unit units[ENDPOINTS];
static struct bus_hub hub;
static struct clock house;

static void do_read(struct bus_client *client, unsigned reasons)
{
	struct unit *u = (struct unit *)client;
	(void)reasons;
	u->result = bus_read(client, TABLE_INPUT, 10, COUNT, u->words);
	u->done++;
}

static bool is_dead(int endpoint)
{
	return endpoint == dead[0] || endpoint == dead[1] || endpoint == dead[2];
}

static int setup(void **unused)
{
	(void)unused;
	clock_init_real(&house);
	bus_hub_init(&hub, &house);
	for (int i = 0; i < ENDPOINTS; i++) {
		struct unit *u = &units[i];
		struct modbus_address at = { .host = "127.0.0.1" };
		u->peer.unit[1].input[10] = (uint16_t)(100 + i);
		u->peer.unit[1].input[11] = (uint16_t)(200 + i);
		peer_start(&u->peer, 0);
		snprintf(at.port, sizeof(at.port), "%d", u->peer.port);
		u->client =
			(struct bus_client){ .unit = 1, .timeout_us = LONG_US, .work = do_read };
		assert_int_equal(bus_attach(&hub, &at, &u->client), 0);
	}
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	for (int i = 0; i < ENDPOINTS; i++) {
		if (i != dead[2]) {
			peer_stop(&units[i].peer); /* hangs up, which ends a request */
		}
		bus_detach(&hub, &units[i].client);
	}
	return 0;
}

static void wait_for(struct unit *u, int done)
{
	for (int ms = 0; u->done < done; ms++) {
		assert_true(ms < PATIENCE_MS);
		(void)poll(NULL, 0, 1);
	}
}

static void test_dead_neighbours(void **unused)
{
	/* Three of eight endpoints are dead; the others answer every cycle, and no dead one is
	 * asked again while it is still being waited for. */
	(void)unused;
	peer_set_mode(&units[dead[0]].peer, 1, PEER_SILENT, 0);
	peer_set_mode(&units[dead[1]].peer, 1, PEER_DRIP, 0);
	peer_stop(&units[dead[2]].peer);
	for (int cycle = 1; cycle <= CYCLES; cycle++) {
		for (int i = 0; i < ENDPOINTS; i++) {
			bus_wake(&units[i].client, BUS_POLL);
		}
		for (int i = 0; i < ENDPOINTS; i++) {
			if (!is_dead(i)) {
				bus_settle(&units[i].client);
			}
		}
	}
	for (int i = 0; i < ENDPOINTS; i++) {
		struct unit *u = &units[i];
		if (!is_dead(i)) {
			assert_int_equal(peer_look(&u->peer, 1).reads, CYCLES);
			assert_int_equal(u->result, 0);
			assert_int_equal(u->words[0], 100 + i);
			assert_int_equal(u->words[1], 200 + i);
			assert_int_equal(u->client.skipped, 0);
		}
	}
	assert_int_equal(units[dead[0]].done, 0);
	assert_int_equal(units[dead[0]].client.skipped, CYCLES - 1);
	for (int i = 0; i < 2; i++) { /* a drip may have come to its end on a slow machine */
		assert_true(peer_look(&units[dead[i]].peer, 1).requests <= units[dead[i]].done + 1);
	}
	wait_for(&units[dead[2]], 1);
	assert_true(units[dead[2]].result == -ECONNREFUSED || units[dead[2]].result == -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dead_neighbours, setup, teardown),
	};
	return cmocka_run_group_tests_name("bus neighbours", tests, NULL, NULL);
}
