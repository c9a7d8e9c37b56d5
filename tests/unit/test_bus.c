/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
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

enum { TIMEOUT_US = 150000, LONG_US = 20000000, S = 1000000 };

/* A unit whose work function makes one read or write. */
struct job {
	struct bus_client client;
	enum register_table table;
	int write_function; /* 0: read */
	int address, count;
	uint16_t words[FRAME_REGISTERS_MAX];
	int result;
};

static void do_job(struct bus_client *client, unsigned reasons)
{
	struct job *j = (struct job *)client;
	(void)reasons;
	if (j->write_function) {
		j->result = bus_write(client, j->write_function, j->address, j->count, j->words);
	} else {
		j->result = bus_read(client, j->table, j->address, j->count, j->words);
	}
}

static struct peer peer;
static struct bus_hub hub;
static struct clock house;
static struct job job;

static void attach(struct job *j, int unit, int64_t timeout_us)
{
	struct modbus_address at = { .host = "127.0.0.1", .unit = unit };
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	*j = (struct job){ .client = { .unit = unit, .timeout_us = timeout_us, .work = do_job },
			   .table = TABLE_INPUT,
			   .address = 10,
			   .count = 2 };
	assert_int_equal(bus_attach(&hub, &at, &j->client), 0);
}

static int setup(void **unused)
{
	(void)unused;
	peer = (struct peer){ 0 };
	atomic_store(&fake_us, S);
	for (int unit = 0; unit < PEER_UNITS; unit++) {
		for (int i = 0; i < PEER_REGISTERS; i++) {
			peer.unit[unit].input[i] = (uint16_t)(unit * 1000 + i);
		}
	}
	clock_init_real(&house);
	bus_hub_init(&hub, &house);
	peer_start(&peer, 0);
	attach(&job, 1, LONG_US);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	bus_detach(&hub, &job.client);
	peer_stop(&peer);
	return 0;
}

/* Have the job done and return its result. */
static int run_job(struct job *j)
{
	bus_wake(&j->client, BUS_POLL);
	bus_settle(&j->client);
	return j->result;
}

static void assert_reads_well(struct job *j)
{
	j->client.timeout_us = LONG_US;
	assert_int_equal(run_job(j), 0);
	assert_int_equal(j->words[0], j->client.unit * 1000 + 10);
	assert_int_equal(j->words[1], j->client.unit * 1000 + 11);
}

static void test_read_and_write(void **unused)
{
	/* Registers are read from both tables and written one by one and several at once. */
	(void)unused;
	assert_reads_well(&job);
	job.write_function = 6;
	job.address = 100;
	job.count = 1;
	job.words[0] = 4711;
	assert_int_equal(run_job(&job), 0);
	job.write_function = 16;
	job.address = 101;
	job.count = 2;
	assert_int_equal(run_job(&job), 0);
	job.write_function = 0;
	job.table = TABLE_HOLDING;
	job.address = 100;
	job.count = 3;
	memset(job.words, 0, sizeof(job.words));
	assert_int_equal(run_job(&job), 0);
	assert_memory_equal(job.words, ((uint16_t[]){ 4711, 4711, 1011 }), 6);
	assert_int_equal(job.client.stats.requests, 4);
	assert_int_equal(job.client.stats.answers, 4);
	assert_int_equal(peer_accepted(&peer), 1);
}

static void test_late_answer(void **unused)
{
	/* An answer that comes after its timeout costs one read, and no later one gets its value.
	 */
	(void)unused;
	assert_reads_well(&job);
	peer_set_mode(&peer, 1, PEER_LATE, 1);
	job.address = 20;
	job.client.timeout_us = TIMEOUT_US;
	assert_int_equal(run_job(&job), -ETIMEDOUT);
	job.address = 10;
	atomic_fetch_add(&fake_us, 1 * S);
	for (int i = 0; i < 5; i++) {
		assert_reads_well(&job);
	}
	assert_int_equal(peer_accepted(&peer), 2);
	assert_int_equal(job.client.stats.timeouts, 1);
}

static void test_dripping_answer(void **unused)
{
	/* A peer that drips its answer byte by byte is given up at the timeout, far before the end.
	 */
	(void)unused;
	job.count = FRAME_REGISTERS_MAX;
	peer_set_mode(&peer, 1, PEER_DRIP, 1);
	job.client.timeout_us = TIMEOUT_US;
	assert_int_equal(run_job(&job), -ETIMEDOUT);
	pthread_mutex_lock(&peer.lock);
	size_t dripped = peer.dripped, whole = peer.drip_size;
	pthread_mutex_unlock(&peer.lock);
	assert_int_equal(whole, 259);
	assert_true(dripped < whole / 2);
	job.count = 2;
	atomic_fetch_add(&fake_us, 1 * S);
	assert_reads_well(&job);
}

static void test_bad_answers(void **unused)
{
	/* An answer that does not fit its request is refused, and the next one comes by a new line.
	 */
	(void)unused;
	static const enum peer_mode modes[] = {
		PEER_WRONG_TRANSACTION,
		PEER_WRONG_PROTOCOL,
		PEER_WRONG_UNIT,
		PEER_WRONG_FUNCTION,
		PEER_SHORT,
		PEER_LONG,
		PEER_HUGE,
		PEER_LIES,
		PEER_HANGUP,
	};
	for (int i = 0; i < (int)(sizeof(modes) / sizeof(*modes)); i++) {
		job.words[0] = 42;
		peer_set_mode(&peer, 1, modes[i], 1);
		assert_int_equal(run_job(&job), modes[i] == PEER_HANGUP ? -ECONNRESET : -EBADMSG);
		assert_int_equal(job.words[0], 42);
		atomic_fetch_add(&fake_us, 1 * S);
		assert_reads_well(&job);
		assert_int_equal(peer_accepted(&peer), 2 + i);
	}
	assert_int_equal(job.client.stats.rejected, 8);
}

static void test_bad_echo(void **unused)
{
	/* A write that is answered for another register is not taken as done. */
	(void)unused;
	job.write_function = 6;
	job.count = 1;
	peer_set_mode(&peer, 1, PEER_BAD_ECHO, 1);
	assert_int_equal(run_job(&job), -EBADMSG);
}

static void test_exceptions(void **unused)
{
	/* A Modbus exception is handed on and keeps the connection; only busy is asked again, once.
	 */
	(void)unused;
	static const int codes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		int before = peer_look(&peer, 1).requests;
		peer_set_exception(&peer, 1, codes[i], 0);
		assert_int_equal(run_job(&job), codes[i]);
		assert_int_equal(peer_look(&peer, 1).requests - before, codes[i] == 6 ? 2 : 1);
	}
	peer_set_exception(&peer, 1, 6, 1);
	assert_reads_well(&job);
	assert_int_equal(peer_accepted(&peer), 1);
	assert_int_equal(job.client.stats.exceptions, 10);
}

static void test_gateway_exceptions(void **unused)
{
	/* A unit that is not there behind its gateway is left alone; the connection stays. */
	(void)unused;
	peer_set_exception(&peer, 1, EXCEPTION_GATEWAY_TARGET, 1);
	assert_int_equal(run_job(&job), EXCEPTION_GATEWAY_TARGET);
	assert_int_equal(run_job(&job), -EAGAIN);
	atomic_fetch_add(&fake_us, 1 * S);
	assert_reads_well(&job);
	assert_int_equal(peer_accepted(&peer), 1);
}

static int open_files(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

static void test_files(void **unused)
{
	/* However often the connection is lost or refused, no file stays open. */
	(void)unused;
	int port = peer.port, before = open_files();
	for (int i = 0; i < 20; i++) {
		peer_set_mode(&peer, 1, PEER_HANGUP, 1);
		assert_int_equal(run_job(&job), -ECONNRESET);
		atomic_fetch_add(&fake_us, 8 * S);
	}
	peer_stop(&peer);
	int stopped = open_files();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run_job(&job), -ECONNREFUSED);
		atomic_fetch_add(&fake_us, 8 * S);
	}
	assert_int_equal(open_files(), stopped);
	peer_start(&peer, port);
	assert_int_equal(open_files(), before);
}

static void test_refused_connections(void **unused)
{
	/* An endpoint that refuses is tried after 1, 2, 4, 8, 8... s, and used when it is back. */
	(void)unused;
	static const int64_t pauses_us[] = { 1 * S, 2 * S, 4 * S, 8 * S, 8 * S };
	int port = peer.port;
	peer_stop(&peer);
	for (size_t i = 0; i < sizeof(pauses_us) / sizeof(*pauses_us); i++) {
		int64_t start_us = test_real_us();
		assert_int_equal(run_job(&job), -ECONNREFUSED);
		assert_int_equal(job.client.bus->back_off.pause_us, pauses_us[i]);
		assert_int_equal(job.client.bus->back_off.retry_us,
				 start_us + pauses_us[i] - EARLY_US);
		assert_int_equal(run_job(&job), -EAGAIN);
		atomic_fetch_add(&fake_us, pauses_us[i]);
	}
	peer_start(&peer, port);
	assert_reads_well(&job);
	assert_int_equal(job.client.bus->back_off.pause_us, 0);
}

static void test_reset_connections(void **unused)
{
	/* An endpoint that takes every connection and hangs up is left alone like one that refuses.
	 */
	(void)unused;
	static const int64_t pauses_us[] = { 1 * S, 2 * S, 4 * S, 8 * S, 8 * S };
	peer_set_mode(&peer, 1, PEER_HANGUP, 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(run_job(&job), -ECONNRESET);
		assert_int_equal(job.client.back_off.pause_us, pauses_us[i]);
		atomic_fetch_add(&fake_us, pauses_us[i] - EARLY_US - 1);
		assert_int_equal(run_job(&job), -EAGAIN);
		assert_int_equal(peer_accepted(&peer), 1 + i);
		atomic_fetch_add(&fake_us, EARLY_US + 1);
	}
}

static void test_long_dead(void **unused)
{
	/* What is dead for five minutes is asked each 30 s; what came back is a short fault again.
	 */
	(void)unused;
	int tries = 0;
	int64_t waited_us = 0;
	peer_set_exception(&peer, 1, EXCEPTION_GATEWAY_TARGET, 0);
	for (; waited_us < 300 * (int64_t)S; tries++) {
		assert_int_equal(run_job(&job), EXCEPTION_GATEWAY_TARGET);
		int64_t pause_us = job.client.back_off.pause_us;
		assert_true(pause_us <= 8 * S);
		atomic_fetch_add(&fake_us, pause_us);
		waited_us += pause_us;
	}
	assert_int_equal(tries, 3 + 37); /* 1 + 2 + 4 + 37 * 8 = 303 s */
	static const int64_t pauses_us[] = { 16 * S, 30 * S, 30 * S };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run_job(&job), EXCEPTION_GATEWAY_TARGET);
		assert_int_equal(job.client.back_off.pause_us, pauses_us[i]);
		atomic_fetch_add(&fake_us, pauses_us[i] - EARLY_US - 1);
		assert_int_equal(run_job(&job), -EAGAIN);
		atomic_fetch_add(&fake_us, EARLY_US + 1);
	}
	peer_set_mode(&peer, 1, PEER_GOOD, 0);
	assert_reads_well(&job);
	peer_set_exception(&peer, 1, EXCEPTION_GATEWAY_TARGET, 0);
	assert_int_equal(run_job(&job), EXCEPTION_GATEWAY_TARGET);
	assert_int_equal(job.client.back_off.pause_us, 1 * S);
	atomic_fetch_add(&fake_us, 1 * S);
}

/* When a unit is asked again whose first try, from 1 s to 4 s, had no answer. */
static int64_t retry_after_silence(const char *address)
{
	struct modbus_address a;
	struct bus bus = { 0 };
	struct bus_client c = { .bus = &bus };
	assert_null(modbus_address_parse(address, &a));
	assert_int_equal(wire_open(&a, &bus.wire), 0);
	draw_consequences(&c, -ETIMEDOUT, 1 * S, 4 * S);
	wire_free(bus.wire);
	return c.back_off.retry_us;
}

static void test_silence_after_a_try(void **unused)
{
	/* RTU: for a second after a try nothing is asked of its unit; it may still answer that. */
	(void)unused;
	assert_int_equal(retry_after_silence("tcp://127.0.0.1:502/1"), 2 * S - EARLY_US);
	assert_int_equal(retry_after_silence("rtu+tcp://127.0.0.1:502/1"), 5 * S);
	assert_int_equal(retry_after_silence("rtu:///dev/null/1"), 5 * S);
}

static void test_silent_unit(void **unused)
{
	/* A silent unit is left alone for longer and longer; its neighbour is read all the time. */
	(void)unused;
	struct job neighbour;
	attach(&neighbour, 2, LONG_US);
	assert_ptr_equal(neighbour.client.bus, job.client.bus);
	peer_set_mode(&peer, 1, PEER_SILENT, 0);
	for (int i = 0; i < 3; i++) {
		job.client.timeout_us = TIMEOUT_US;
		assert_int_equal(run_job(&job), -ETIMEDOUT);
		assert_int_equal(job.client.back_off.pause_us, S << i);
		for (int k = 0; k < 10; k++) {
			assert_reads_well(&neighbour);
			assert_int_equal(run_job(&job), -EAGAIN);
		}
		assert_int_equal(peer_look(&peer, 1).requests, i + 1);
		atomic_fetch_add(&fake_us, S << i);
	}
	assert_int_equal(neighbour.client.stats.timeouts, 0);
	bus_detach(&hub, &neighbour.client);
}

static void test_skipped_polls(void **unused)
{
	/* A poll that is asked for while the one before is under way is skipped and counted. */
	(void)unused;
	struct job slow;
	attach(&slow, 2, LONG_US);
	assert_reads_well(&slow);
	peer_set_mode(&peer, 2, PEER_SILENT, 0);
	bus_wake(&slow.client, BUS_POLL);
	while (peer_look(&peer, 2).requests < 2) {
		sched_yield();
	}
	for (int i = 0; i < 3; i++) {
		bus_wake(&slow.client, BUS_POLL);
	}
	bus_wake(&slow.client, BUS_COMMAND); /* not a poll: kept */
	assert_int_equal(slow.client.skipped, 3);
	pthread_mutex_lock(&slow.client.bus->lock);
	assert_int_equal(slow.client.reasons, BUS_COMMAND);
	pthread_mutex_unlock(&slow.client.bus->lock);
	peer_stop(&peer); /* hangs up, which ends the request */
	bus_detach(&hub, &slow.client);
	assert_int_equal(slow.client.stats.requests, 2);
	peer_start(&peer, 0);
}

static void test_delays(void **unused)
{
	/* After a connect and after each answer the line stays silent as long as the device wants.
	 */
	(void)unused;
	struct job shy;
	struct modbus_address at = { .host = "localhost" };
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	shy = (struct job){ .client = { .unit = 1,
					.timeout_us = LONG_US,
					.connect_delay_us = 60000,
					.request_delay_us = 30000,
					.work = do_job },
			    .table = TABLE_INPUT,
			    .address = 10,
			    .count = 2 };
	assert_int_equal(bus_attach(&hub, &at, &shy.client), 0);
	atomic_store(&fake_us, 0); /* waits are in real time */
	int64_t start_us = test_real_us();
	for (int i = 0; i < 3; i++) {
		assert_reads_well(&shy);
	}
	assert_true(test_real_us() - start_us >= 60000 + 2 * 30000);
	bus_detach(&hub, &shy.client);
}

static void test_settling(void **unused)
{
	/* After a write, and only then, nothing is read for as long as the device needs; the other
	 * writes of a command need not wait. */
	(void)unused;
	struct bus *bus = job.client.bus;
	atomic_store(&fake_us, 0); /* waits are in real time */
	job.client.settle_us = 2000000;
	int64_t now_us = test_real_us();
	assert_reads_well(&job);
	assert_true(bus->settled_us < now_us + 1000000);
	settle(&job.client, 0, true, now_us);
	assert_true(bus->settled_us >= now_us + 2000000);
	assert_true(bus->quiet_until_us < now_us + 1000000);
	settle(&job.client, 0, false, now_us);
	assert_true(bus->settled_us >= now_us + 2000000);
	bus->settled_us = now_us + 30000;
	assert_reads_well(&job);
	assert_true(test_real_us() >= now_us + 30000);
	job.client.settle_us = 0;
}

static void test_attach_limits(void **unused)
{
	/* Too many units, too many endpoints and impossible units are refused. */
	(void)unused;
	struct job jobs[BUS_CLIENTS_MAX];
	struct modbus_address at = { .host = "127.0.0.1" };
	for (int i = 1; i < BUS_CLIENTS_MAX; i++) {
		attach(&jobs[i], i, TIMEOUT_US);
	}
	snprintf(at.port, sizeof(at.port), "%d", peer.port);
	struct bus_client extra = { .unit = 99, .timeout_us = TIMEOUT_US, .work = do_job };
	assert_int_equal(bus_attach(&hub, &at, &extra), -ENOSPC);
	extra.unit = 256;
	assert_int_equal(bus_attach(&hub, &at, &extra), -EINVAL);
	for (int i = 1; i < BUS_CLIENTS_MAX; i++) {
		bus_detach(&hub, &jobs[i].client);
	}
	assert_reads_well(&job);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_read_and_write),
		TEST(test_late_answer),
		TEST(test_dripping_answer),
		TEST(test_bad_answers),
		TEST(test_bad_echo),
		TEST(test_exceptions),
		TEST(test_gateway_exceptions),
		TEST(test_refused_connections),
		TEST(test_files),
		TEST(test_reset_connections),
		TEST(test_long_dead),
		TEST(test_silence_after_a_try),
		TEST(test_silent_unit),
		TEST(test_skipped_polls),
		TEST(test_delays),
		TEST(test_settling),
		TEST(test_attach_limits),
	};
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
