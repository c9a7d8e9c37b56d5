/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/server_bench.h"

static const char *reads_and_writes(modbus_t *m)
{
	uint16_t w[125] = { 7, 8, 9 };
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 3, 1, w + 5) == 1 && w[5] == 33);
	EXPECT(modbus_read_input_registers(m, 3, 2, w + 5) == 2 && w[5] == 1033);
	EXPECT(modbus_write_registers(m, 10, 3, w) == 3);
	EXPECT(modbus_write_register(m, 13, 99) == 1);
	EXPECT(modbus_read_registers(m, 10, 4, w + 5) == 4);
	EXPECT(w[5] == 7 && w[6] == 8 && w[7] == 9 && w[8] == 99);
	modbus_set_slave(m, 2);
	EXPECT(modbus_read_registers(m, 0, SIZE, w) == SIZE && w[3] == 34);
	return NULL;
}

static void client_reads_and_writes(void **state)
{
	/* A client reads both tables, writes one and many, and reaches two units over one port. */
	(void)state;
	with_client(reads_and_writes);
	assert_int_equal(bank[0].writes, 2);
	assert_int_equal(bank[1].writes, 0);
}

static const char *refused(modbus_t *m)
{
	uint16_t w[125] = { 0 };
	uint8_t bits[8], reply[MODBUS_TCP_MAX_ADU_LENGTH];
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 49, 2, w) == -1 && errno == EMBXILADD);
	EXPECT(modbus_read_registers(m, 65535, 2, w) == -1 && errno == EMBXILADD);
	EXPECT(modbus_write_register(m, 50, 1) == -1 && errno == EMBXILADD);
	EXPECT(modbus_read_bits(m, 0, 1, bits) == -1 && errno == EMBXILFUN);
	EXPECT(modbus_report_slave_id(m, sizeof(reply), reply) == -1 && errno == EMBXILFUN);
	/* libmodbus' client does not send these itself: no register, and too many. */
	const uint8_t none[] = { 1, 3, 0, 0, 0, 0 }, many[] = { 1, 4, 0, 0, 0, 126 };
	EXPECT(modbus_send_raw_request(m, none, sizeof(none)) > 0);
	EXPECT(modbus_receive_confirmation(m, reply) == 9 && reply[7] == 0x83 && reply[8] == 3);
	EXPECT(modbus_send_raw_request(m, many, sizeof(many)) > 0);
	EXPECT(modbus_receive_confirmation(m, reply) == 9 && reply[7] == 0x84 && reply[8] == 3);
	EXPECT(modbus_read_registers(m, 3, 1, w) == 1 && w[0] == 33);
	return NULL;
}

static void client_is_refused(void **state)
{
	/* Gaps, unknown functions and impossible counts get exceptions 2, 1 and 3, and life goes
	 * on. */
	(void)state;
	with_client(refused);
}

static const char *unanswered(modbus_t *m)
{
	uint16_t w[4];
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == ETIMEDOUT);
	modbus_set_slave(m, 9);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == ETIMEDOUT);
	modbus_set_slave(m, 2);
	EXPECT(modbus_read_registers(m, 0, 4, w) == 4 && w[3] == 34);
	return NULL;
}

static void silence_is_one_units(void **state)
{
	/* A silent unit and an absent one do not answer; their neighbour does. */
	(void)state;
	assert_null(fault_set(&faults[0], "silence", NULL));
	with_client(unanswered);
}

static const char *dripped(modbus_t *m)
{
	uint16_t w[4];
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == ETIMEDOUT);
	return NULL;
}

static void drips_and_delays_time_out(void **state)
{
	/* An answer byte by byte, or later than the client waits, is none. */
	(void)state;
	assert_null(fault_set(&faults[0], "drip=200", NULL));
	with_client(dripped);
	memset(faults, 0, sizeof(faults));
	assert_null(fault_set(&faults[0], "delay=2000", NULL));
	with_client(dripped);
}

static const char *short_delay(modbus_t *m)
{
	uint16_t w[4];
	modbus_set_slave(m, 1);
	modbus_set_response_timeout(m, 10, 0);
	int64_t start_us = clock_real_us();
	EXPECT(modbus_read_registers(m, 0, 4, w) == 4 && w[3] == 33);
	EXPECT(clock_real_us() - start_us >= 100000);
	return NULL;
}

static void delays_delay(void **state)
{
	/* A delayed answer is the right one and not early. */
	(void)state;
	assert_null(fault_set(&faults[0], "delay=100", NULL));
	with_client(short_delay);
}

static const char *excepted(modbus_t *m)
{
	uint16_t w[4];
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == EMBXSBUSY);
	return NULL;
}

static const char *mistaken(modbus_t *m)
{
	uint16_t w[4];
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == EMBBADDATA);
	return NULL;
}

static void answers_can_be_wrong(void **state)
{
	/* On request every answer is an exception, or belongs to another transaction. */
	(void)state;
	assert_null(fault_set(&faults[0], "exception=6", NULL));
	with_client(excepted);
	memset(faults, 0, sizeof(faults));
	assert_null(fault_set(&faults[0], "wrong-tid", NULL));
	with_client(mistaken);
}

/* --- raw peers, in step with the server ---------------------------------------------------- */

static const uint8_t READ_ONE[] = { 0, 9, 0, 0, 0, 6, 1, 3, 0, 3, 0, 1 };

static void frames_may_come_in_pieces(void **state)
{
	/* A request cut anywhere is answered once it is whole; another peer is served meanwhile. */
	(void)state;
	uint8_t in[16];
	int slow = connect_raw(), quick = connect_raw();
	for (size_t i = 0; i < sizeof(READ_ONE); i++) {
		assert_int_equal(send(slow, READ_ONE + i, 1, 0), 1);
		assert_int_equal(send(quick, READ_ONE, sizeof(READ_ONE), 0), sizeof(READ_ONE));
		assert_int_equal(receive_raw(quick, in, 11), 11);
	}
	assert_int_equal(receive_raw(slow, in, 11), 11);
	assert_int_equal(in[10], 33);
	close(slow);
	close(quick);
}

static void requests_may_queue(void **state)
{
	/* Twenty requests in one go get twenty answers in order. */
	(void)state;
	uint8_t out[20 * sizeof(READ_ONE)], in[20 * 11];
	for (size_t i = 0; i < 20; i++) {
		memcpy(out + i * sizeof(READ_ONE), READ_ONE, sizeof(READ_ONE));
		out[i * sizeof(READ_ONE) + 1] = (uint8_t)i;
	}
	int fd = connect_raw();
	assert_int_equal(send(fd, out, sizeof(out), 0), sizeof(out));
	assert_int_equal(receive_raw(fd, in, sizeof(in)), sizeof(in));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(in[i * 11 + 1], i);
		assert_int_equal(in[i * 11 + 10], 33);
	}
	close(fd);
}

static void nonsense_is_hung_up_on(void **state)
{
	/* Frames that contradict themselves end the connection and are counted; the server lives.
	 */
	(void)state;
	static const uint8_t bad[][17] = {
		{ 0, 1, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1 },                 /* another protocol */
		{ 0, 1, 0, 0, 0, 1, 1, 3, 0, 0, 0, 1 },                 /* too short */
		{ 0, 1, 0, 0, 2, 0, 1, 3, 0, 0, 0, 1 },                 /* too long */
		{ 0, 1, 0, 0, 0, 5, 1, 3, 0, 0, 0, 1 },                 /* cut */
		{ 0, 1, 0, 0, 0, 9, 1, 3, 0, 0, 0, 1, 0, 0, 0 },        /* more than it says */
		{ 0, 1, 0, 0, 0, 9, 1, 16, 0, 0, 0, 1, 200, 0, 0 },     /* bytes missing */
		{ 0, 1, 0, 0, 0, 9, 1, 16, 0, 0, 0, 9, 2, 0, 0, 0, 0 }, /* bytes for one of nine */
	};
	uint8_t in[16];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int fd = connect_raw();
		size_t length = i == 6 || i == 5 || i == 4 ? 15 : 12;
		assert_int_equal(send(fd, bad[i], length, 0), length);
		assert_int_equal(receive_raw(fd, in, 1), -1);
		assert_int_equal(server.malformed, i + 1);
		close(fd);
	}
	assert_int_equal(bank[0].writes, 0);
	int fd = connect_raw();
	assert_int_equal(send(fd, READ_ONE, sizeof(READ_ONE), 0), sizeof(READ_ONE));
	assert_int_equal(receive_raw(fd, in, 11), 11);
	close(fd);
}

static void noise_kills_nobody(void **state)
{
	/* Random bytes, half of them with a sound header, never stop the server. */
	(void)state;
	uint64_t seed = random_seed();
	uint8_t out[64], in[260];
	for (int i = 0; i < 2000; i++) {
		int fd = connect_raw();
		assert_true(fd >= 0);
		for (size_t k = 0; k < sizeof(out); k++) {
			out[k] = (uint8_t)random_next(&seed);
		}
		if (i % 2) {
			static const uint8_t functions[] = { 3, 4, 6, 16, 22, 23 };
			memcpy(out + 2, (uint8_t[]){ 0, 0, 0 }, 3);
			out[5] = (uint8_t)(2 + random_next(&seed) % 56);
			out[6] = (uint8_t)(1 + random_next(&seed) % 2);
			out[7] = functions[random_next(&seed) % 6];
		}
		(void)send(fd, out, sizeof(out), MSG_NOSIGNAL);
		pump_now();
		pump_now();
		(void)recv(fd, in, sizeof(in), MSG_DONTWAIT);
		close(fd);
	}
	pump_now();
	with_client(reads_and_writes);
}

static void ports_are_refused_and_opened(void **state)
{
	/* A refusing unit closes its port and connections; healed, it listens where it did. */
	(void)state;
	uint8_t in[4];
	int number = server.port[0].number, fd = connect_raw();
	assert_int_equal(receive_raw(fd, in, 1), 0);
	assert_null(fault_set(&faults[1], "refuse", NULL));
	assert_int_equal(receive_raw(fd, in, 1), -1);
	close(fd);
	assert_int_equal(connect_raw(), -ECONNREFUSED);
	memset(faults, 0, sizeof(faults));
	pump_now();
	assert_int_equal(server.port[0].number, number);
	with_client(reads_and_writes);
}

static void only_loopback(void **state)
{
	/* The server listens on loopback addresses and on nothing else. */
	(void)state;
	assert_int_equal(listen_at("tcp://0.0.0.0:1/1", 0), -EACCES);
	assert_int_equal(listen_at("tcp://192.168.1.1:1/1", 0), -EACCES);
	assert_int_equal(listen_at("rtu+tcp://[::]:1/1", 0), -EACCES);
	assert_int_equal(listen_at("tcp://localhost:1/1", 0), -EINVAL);
	assert_int_equal(server_check_host("127.0.0.2"), 0);
	assert_int_equal(server_check_host("::1"), 0);
}

static void crowds_are_turned_away(void **state)
{
	/* Beyond its last place the server hangs up at once, and has room again when peers leave.
	 */
	(void)state;
	int fd[SERVER_CLIENTS_MAX + 1];
	uint8_t in[16];
	for (int i = 0; i <= SERVER_CLIENTS_MAX; i++) {
		fd[i] = connect_raw();
		pump_now();
	}
	assert_int_equal(receive_raw(fd[SERVER_CLIENTS_MAX], in, 1), -1);
	for (int i = 0; i <= SERVER_CLIENTS_MAX; i++) {
		close(fd[i]);
	}
	pump_now();
	with_client(reads_and_writes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(client_reads_and_writes),
		TEST(client_is_refused),
		TEST(silence_is_one_units),
		TEST(drips_and_delays_time_out),
		TEST(delays_delay),
		TEST(answers_can_be_wrong),
		TEST(frames_may_come_in_pieces),
		TEST(requests_may_queue),
		TEST(nonsense_is_hung_up_on),
		TEST(noise_kills_nobody),
		TEST(ports_are_refused_and_opened),
		TEST(only_loopback),
		TEST(crowds_are_turned_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
