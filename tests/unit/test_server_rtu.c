/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/server_bench.h"

#include <sys/stat.h>

#include "drivers/frame.h"

enum { BYTE_US = 1042 }; /* at 9600 baud */

static char folder[64], path[96];

static void start_serial(int64_t byte_us)
{
	char address[160];
	snprintf(folder, sizeof(folder), "/tmp/lecd-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/port", folder);
	snprintf(address, sizeof(address), "rtu://%s/1", path);
	start_at(address, byte_us);
	client_path = path;
}

static int begin(void **state)
{
	(void)state;
	start_serial(0);
	return 0;
}

static int end(void **state)
{
	tear_down(state);
	struct stat s;
	assert_int_equal(lstat(path, &s), -1); /* nothing is left behind */
	assert_int_equal(rmdir(folder), 0);
	client_path = NULL;
	return 0;
}

static const char *reads_and_writes(modbus_t *m)
{
	uint16_t w[125] = { 7, 8, 9 };
	modbus_set_response_timeout(m, 10, 0);
	modbus_set_slave(m, 1);
	EXPECT(modbus_read_registers(m, 3, 1, w + 5) == 1 && w[5] == 33);
	EXPECT(modbus_read_input_registers(m, 3, 2, w + 5) == 2 && w[5] == 1033);
	EXPECT(modbus_write_registers(m, 10, 3, w) == 3);
	EXPECT(modbus_write_register(m, 13, 99) == 1);
	EXPECT(modbus_read_registers(m, 10, 4, w + 5) == 4);
	EXPECT(w[5] == 7 && w[6] == 8 && w[7] == 9 && w[8] == 99);
	modbus_set_slave(m, 2);
	EXPECT(modbus_read_registers(m, 0, SIZE, w) == SIZE && w[3] == 34);
	EXPECT(modbus_read_registers(m, 49, 2, w) == -1 && errno == EMBXILADD);
	EXPECT(modbus_report_slave_id(m, 100, (uint8_t *)w) == -1 && errno == EMBXILFUN);
	modbus_set_response_timeout(m, 0, 100000);
	modbus_set_slave(m, 9);
	EXPECT(modbus_read_registers(m, 0, 4, w) == -1 && errno == ETIMEDOUT);
	return NULL;
}

static void a_serial_client_is_served(void **state)
{
	/* A client at the port reads, writes and is refused, at two units on one line. */
	(void)state;
	with_client(reads_and_writes);
	assert_int_equal(bank[0].writes, 2);
}

static int open_port(void)
{
	return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* A request for register 3 of unit 1. */
static const uint8_t REQUEST[] = { 1, 3, 0, 3, 0, 1, 0x74, 0x0a };
static const uint8_t ANSWER[] = { 1, 3, 2, 0, 33, 0x79, 0x9c };

/* A pty hands bytes on in its own time: these wait for them, while the server's clock stands. */

/* Let the server hear size bytes, and do what it does about them. */
static void say(int fd, const uint8_t *bytes, size_t size, int64_t now_us)
{
	const struct server_client *c = &server.client[0];
	uint64_t before = server.requests;
	int64_t start_us = clock_real_us();
	int held = c->in_length;
	assert_int_equal(write(fd, bytes, size), size);
	while (server.requests == before && c->in_length < held + (int)size &&
	       clock_real_us() - start_us < DEADLINE_US) {
		pump_once(now_us);
	}
}

/* Receive n bytes. Returns how many came. */
static int hear(int fd, uint8_t *out, int n, int64_t now_us)
{
	int have = 0;
	int64_t start_us = clock_real_us();
	while (have < n && clock_real_us() - start_us < DEADLINE_US) {
		pump_once(now_us);
		ssize_t r = read(fd, out + have, (size_t)(n - have));
		have += r > 0 ? (int)r : 0;
	}
	return have;
}

static void frames_have_their_checksum(void **state)
{
	/* The bytes are those of an RTU frame, request and answer; a request in pieces is one. */
	(void)state;
	uint8_t in[32];
	int fd = open_port();
	int64_t now_us = clock_real_us();
	assert_int_equal(frame_crc(REQUEST, sizeof(REQUEST)), 0);
	for (size_t i = 0; i < sizeof(REQUEST); i++) {
		say(fd, REQUEST + i, 1, now_us);
	}
	assert_int_equal(hear(fd, in, sizeof(ANSWER), now_us), sizeof(ANSWER));
	assert_int_equal(frame_crc(in, sizeof(ANSWER)), 0);
	assert_memory_equal(in, ANSWER, 5);
	close(fd);
}

static void noise_is_not_answered(void **state)
{
	/* A spoilt request, and half of one, are nothing to a unit, and silence makes the next one
	 * heard. */
	(void)state;
	uint8_t in[32], spoilt[sizeof(REQUEST)];
	int fd = open_port();
	int64_t now_us = clock_real_us();
	memcpy(spoilt, REQUEST, sizeof(spoilt));
	spoilt[3] ^= 4;
	static const size_t sizes[] = { sizeof(REQUEST), 3, 7 };
	for (size_t i = 0; i < 3; i++) {
		say(fd, spoilt, sizes[i], now_us);
		assert_int_equal(server.answers, i);
		now_us += 1000000;
		pump_once(now_us);
		assert_int_equal(server.malformed, i + 1);
		say(fd, REQUEST, sizeof(REQUEST), now_us);
		assert_int_equal(hear(fd, in, sizeof(ANSWER), now_us), sizeof(ANSWER));
	}
	close(fd);
}

static void bytes_take_their_time(void **state)
{
	/* At 9600 baud an answer is whole when request and answer have passed over the line, and
	 * not before; a part of it is there earlier. */
	(void)state;
	end(state);
	start_serial(BYTE_US);
	uint8_t in[256], request[8] = { 1, 3, 0, 0, 0, 50 };
	const struct server_client *c = &server.client[0];
	uint16_t crc = frame_crc(request, 6);
	request[6] = (uint8_t)crc;
	request[7] = (uint8_t)(crc >> 8);
	int fd = open_port();
	int64_t now_us = clock_real_us(), whole_us = now_us + (8 + 105) * BYTE_US;
	say(fd, request, sizeof(request), now_us);
	assert_true(c->out_length == 105 && c->out_sent == 0);
	pump_once(whole_us - 50 * BYTE_US);
	assert_true(c->out_sent > 50 && c->out_sent <= 55);
	pump_once(whole_us - 4 * BYTE_US);
	assert_true(c->out_sent > 90 && c->out_sent < 105);
	pump_once(whole_us + 4 * BYTE_US);
	assert_int_equal(server.answers, 1);
	assert_int_equal(hear(fd, in, 105, now_us), 105);
	close(fd);
}

static void bits_flip_by_the_seed(void **state)
{
	/* With bit errors some answers are spoilt and some requests unheard, the same for a seed;
	 * the rest is right. */
	(void)state;
	int good[2] = { 0 }, bad = 0, unheard = 0;
	uint8_t in[32];
	int fd = open_port();
	int64_t now_us = clock_real_us();
	for (int i = 0; i < 2; i++) {
		server.seed = 42;
		server.port[0].line_bytes = 0;
		assert_null(fault_set(&faults[0], "bit-errors=20", NULL));
		for (int k = 0; k < 300; k++) {
			uint64_t answers = server.answers;
			say(fd, REQUEST, sizeof(REQUEST), now_us);
			if (server.answers > answers) {
				assert_int_equal(hear(fd, in, sizeof(ANSWER), now_us),
						 sizeof(ANSWER));
				bool right = frame_crc(in, sizeof(ANSWER)) == 0;
				assert_true(!right || memcmp(in, ANSWER, 5) == 0);
				good[i] += right;
				bad += !right;
			} else {
				unheard++;
			}
			now_us += 1000000;
			pump_once(now_us);
		}
	}
	assert_int_equal(good[0], good[1]);
	assert_true(good[0] > 150 && bad > 10 && unheard > 10);
	close(fd);
}

static void a_line_can_be_stuck(void **state)
{
	/* On a stuck line zeros come whether asked or not, read or not; healed, it answers behind
	 * the last of them. */
	(void)state;
	uint8_t in[1000];
	int fd = open_port();
	int64_t now_us = clock_real_us();
	assert_null(fault_set(&faults[0], "stuck-line", NULL));
	assert_int_equal(write(fd, REQUEST, sizeof(REQUEST)), sizeof(REQUEST));
	for (int i = 0; i < 1000; i++) {
		pump_once(now_us += 10000); /* more than the port can hold */
	}
	assert_int_equal(hear(fd, in, sizeof(in), now_us), sizeof(in));
	for (size_t k = 0; k < sizeof(in); k++) {
		assert_int_equal(in[k], 0);
	}
	memset(faults, 0, sizeof(faults));
	pump_once(now_us += 1000000);
	say(fd, REQUEST, sizeof(REQUEST), now_us);
	int zeros = 0;
	while (hear(fd, in, 1, now_us) == 1 && in[0] == 0) {
		zeros++;
	}
	assert_true(zeros > 0);
	assert_int_equal(hear(fd, in + 1, sizeof(ANSWER) - 1, now_us), sizeof(ANSWER) - 1);
	assert_memory_equal(in, ANSWER, 5);
	close(fd);
}

static void adapters_come_back_elsewhere(void **state)
{
	/* Unplugged, the link is gone and who has the port open is told; plugged in again, the link
	 * leads to a port of another name that answers. */
	(void)state;
	char before[64] = { 0 }, after[64] = { 0 };
	uint8_t in[16];
	int fd = open_port();
	assert_true(readlink(path, before, sizeof(before)) > 0);
	assert_null(fault_set(&faults[1], "unplug", NULL));
	pump_now();
	assert_int_equal(open_port(), -1);
	assert_int_equal(write(fd, REQUEST, sizeof(REQUEST)), -1);
	assert_int_equal(errno, EIO);
	close(fd);
	memset(faults, 0, sizeof(faults));
	pump_now();
	assert_true(readlink(path, after, sizeof(after)) > 0);
	assert_string_not_equal(before, after);
	fd = open_port();
	assert_int_equal(write(fd, REQUEST, sizeof(REQUEST)), sizeof(REQUEST));
	assert_int_equal(hear(fd, in, sizeof(ANSWER), clock_real_us()), sizeof(ANSWER));
	close(fd);
}

static void others_files_are_left_alone(void **state)
{
	/* A file, a link to elsewhere and a port in use are not replaced; a link to a port that is
	 * gone is. */
	(void)state;
	char other[96], address[160];
	snprintf(other, sizeof(other), "%s/other", folder);
	snprintf(address, sizeof(address), "rtu://%s/1", other);
	static const char *const targets[] = { "/etc/passwd", "/nowhere", NULL };
	for (int i = 0; i < 3; i++) {
		char live[64] = { 0 };
		assert_true(readlink(path, live, sizeof(live) - 1) > 0);
		assert_int_equal(symlink(targets[i] ? targets[i] : live, other), 0);
		assert_int_equal(listen_at(address, 0), -EEXIST);
		assert_int_equal(unlink(other), 0);
	}
	int fd = open(other, O_CREAT | O_CLOEXEC | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(listen_at(address, 0), -EEXIST);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink("/dev/pts/99999", other), 0);
	assert_int_equal(listen_at(address, 0), 1);
}

static void gateways_hand_rtu_over_tcp(void **state)
{
	/* RTU over TCP has the same frames; nonsense is dropped and the connection stays. */
	(void)state;
	end(state);
	start_at("rtu+tcp://127.0.0.1:1/1", 0);
	uint8_t in[16];
	int fd = connect_raw();
	int64_t now_us = clock_real_us();
	pump_once(now_us);
	say(fd, (const uint8_t *)"GET / HTTP", 10, now_us);
	pump_once(now_us + 1000000);
	assert_int_equal(server.malformed, 1);
	assert_int_equal(write(fd, REQUEST, sizeof(REQUEST)), sizeof(REQUEST));
	assert_int_equal(hear(fd, in, sizeof(ANSWER), clock_real_us()), sizeof(ANSWER));
	assert_memory_equal(in, ANSWER, 5);
	close(fd);
	server_close(&server);
	start_serial(0); /* for the end */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_serial_client_is_served),    TEST(frames_have_their_checksum),
		TEST(noise_is_not_answered),        TEST(bytes_take_their_time),
		TEST(bits_flip_by_the_seed),        TEST(a_line_can_be_stuck),
		TEST(adapters_come_back_elsewhere), TEST(others_files_are_left_alone),
		TEST(gateways_hand_rtu_over_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
