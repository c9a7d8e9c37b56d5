/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTU at a serial port, which is a pty with a hand-written slave at its other end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "answers.h"

#include "daemon/base/clock.h"
#include "bus_inside.h"
#include "drivers/wire.h"

enum { PATIENCE_US = 20000000, SHORT_US = 150000, ROUNDS = 600, UNITS = 3, UNIT = 1 };

enum slave_mode {
	SLAVE_GOOD,
	SLAVE_SILENT,
	SLAVE_LATE,      /* answers when it is told to */
	SLAVE_GLUED,     /* a good answer with two bytes behind it */
	SLAVE_CUT,       /* an answer without its end */
	SLAVE_FOREIGN,   /* what another unit would say */
	SLAVE_FUNCTION,  /* another function's answer */
	SLAVE_COUNT,     /* two registers too many */
	SLAVE_CHECKSUM,  /* one bit is wrong */
	SLAVE_NOISE,     /* one of a hundred bytes is spoilt, lost or doubled, both ways */
	SLAVE_EXCEPTION, /* code 2 */
	SLAVE_DRIP,      /* one byte each 20 ms, until it is to do something else */
	SLAVE_BABBLE,    /* never stops talking, until then */
};

static struct slave {
	int port, wake;
	char path[64]; /* a link to the pty, as udev makes them */
	pthread_t thread;
	_Atomic int mode, left; /* for so many requests, then good; 0: for ever */
	_Atomic int requests;
	_Atomic int dripped; /* bytes of the last such answer */
	_Atomic int late;    /* 1: there is a late answer, 2: send it */
	uint64_t seed;
} slave;

static struct wire *wire;

/* --- the slave ----------------------------------------------------------------------------------
 */

/* Register `address` of a unit, such that no two look alike. */
static uint16_t value_of(int unit, int address)
{
	return (uint16_t)(unit * 0x1357 + address * 0x0B2D);
}

/* Spoil size bytes with what a bad line does. Returns their new number. */
static int mangle(struct slave *s, const uint8_t *bytes, int size, uint8_t *out)
{
	int count = 0;
	for (int i = 0; i < size; i++) {
		uint64_t luck = random_next(&s->seed) % 300;
		int flip = luck == 0 ? 1 << random_next(&s->seed) % 8 : 0;
		out[count++] = (uint8_t)(bytes[i] ^ flip);
		if (luck == 1) {
			out[count] = out[count - 1];
			count++;
		} else if (luck == 2) {
			count--;
		}
	}
	return count;
}

static int answer(struct slave *s, const uint8_t *request, int mode, uint8_t *out)
{
	int address = request[2] << 8 | request[3], count = request[4] << 8 | request[5], size = 3;
	count += mode == SLAVE_COUNT ? 2 : 0;
	out[0] = (uint8_t)(request[0] + (mode == SLAVE_FOREIGN));
	out[1] = (uint8_t)(request[1] ^ (mode == SLAVE_FUNCTION ? 7 : 0));
	out[2] = (uint8_t)(2 * count);
	for (int i = 0; i < count; i++) {
		out[size++] = (uint8_t)(value_of(request[0], address + i) >> 8);
		out[size++] = (uint8_t)value_of(request[0], address + i);
	}
	if (mode == SLAVE_EXCEPTION) {
		out[1] |= 0x80;
		out[2] = 2;
		size = 3;
	}
	size = seal_rtu(out, size);
	out[3] ^= mode == SLAVE_CHECKSUM;
	size -= mode == SLAVE_CUT ? 3 : 0;
	if (mode == SLAVE_GLUED) {
		out[size++] = 0;
		out[size++] = 0xFF;
	}
	(void)s;
	return size;
}

static void serve(struct slave *s, const uint8_t *request)
{
	uint8_t bytes[FRAME_RTU_MAX + 8], spoilt[2 * FRAME_RTU_MAX];
	int mode = s->mode;
	s->requests++;
	if (mode == SLAVE_SILENT || request[0] > UNITS) {
		return;
	}
	int size = answer(s, request, mode, bytes);
	if (mode == SLAVE_NOISE) {
		size = mangle(s, bytes, size, spoilt);
		memcpy(bytes, spoilt, (size_t)(size < (int)sizeof(bytes) ? size : 0));
	}
	if (s->left > 0 && --s->left == 0) {
		s->mode = SLAVE_GOOD;
	}
	for (s->late = mode == SLAVE_LATE; s->late == 1;) {
		(void)poll(NULL, 0, 1);
	}
	int sent = 0;
	while (sent < size && mode == SLAVE_DRIP && s->mode == SLAVE_DRIP) {
		(void)!write(s->port, bytes + sent++, 1);
		s->dripped = sent;
		(void)poll(NULL, 0, 20);
	}
	if (mode != SLAVE_DRIP) {
		(void)!write(s->port, bytes, (size_t)size);
	}
}

/* Take requests off the line; what is none is thrown away whole. */
static void *run_slave(void *argument)
{
	struct slave *s = argument;
	uint8_t bytes[FRAME_RTU_MAX], spoilt[2 * FRAME_RTU_MAX];
	struct pollfd fds[] = { { .fd = s->port, .events = POLLIN },
				{ .fd = s->wake, .events = POLLIN } };
	while (poll(fds, 2, s->mode == SLAVE_BABBLE ? 1 : -1) >= 0 && !fds[1].revents) {
		if (s->mode == SLAVE_BABBLE) {
			(void)!write(s->port, "babble", 6);
			continue;
		}
		ssize_t got = read(s->port, bytes, sizeof(bytes));
		int size = got > 0 ? (int)got : 0;
		if (size > 0 && s->mode == SLAVE_NOISE) {
			size = mangle(s, bytes, size, spoilt);
			memcpy(bytes, spoilt, (size_t)(size <= (int)sizeof(bytes) ? size : 0));
		}
		if (size == 8 && frame_crc(bytes, 6) == (bytes[6] | bytes[7] << 8)) {
			serve(s, bytes);
		}
		if (got <= 0) {
			(void)poll(NULL, 0, 1); /* nobody has the port open */
		}
	}
	return NULL;
}

static void plug_in(struct slave *s)
{
	char name[64];
	int own;
	struct termios raw;
	assert_int_equal(openpty(&s->port, &own, name, NULL, NULL), 0);
	assert_int_equal(tcgetattr(own, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(own, TCSANOW, &raw), 0);
	close(own);
	s->wake = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(symlink(name, s->path), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, run_slave, s), 0);
}

static void pull_out(struct slave *s)
{
	eventfd_write(s->wake, 1);
	pthread_join(s->thread, NULL);
	close(s->wake);
	close(s->port);
	assert_int_equal(unlink(s->path), 0);
}

/* --- the other end ------------------------------------------------------------------------------
 */

static struct modbus_address address_of(const char *path, int unit)
{
	char text[200];
	struct modbus_address a;
	snprintf(text, sizeof(text), "rtu://%s/%d?baud=115200", path, unit);
	assert_null(modbus_address_parse(text, &a));
	return a;
}

static int setup(void **unused)
{
	(void)unused;
	slave = (struct slave){ .seed = random_seed() };
	snprintf(slave.path, sizeof(slave.path), "/tmp/lecd-test-port-%d", (int)getpid());
	plug_in(&slave);
	struct modbus_address a = address_of(slave.path, UNIT);
	assert_int_equal(wire_open(&a, &wire), 0);
	assert_int_equal(wire_connect(wire, PATIENCE_US), 0);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	wire_free(wire);
	pull_out(&slave);
	return 0;
}

static int read_from(int unit, int address, int count, int64_t timeout_us, uint16_t *words)
{
	struct frame f = frame_read(0, unit, TABLE_INPUT, address, count);
	return wire_exchange(wire, &f, timeout_us, words);
}

static void assert_values(int unit, int address, int count, const uint16_t *words)
{
	for (int i = 0; i < count; i++) {
		assert_int_equal(words[i], value_of(unit, address + i));
	}
}

static void assert_reads_well(int address, int count)
{
	uint16_t words[FRAME_REGISTERS_MAX];
	assert_int_equal(read_from(UNIT, address, count, PATIENCE_US, words), 0);
	assert_values(UNIT, address, count, words);
}

static void test_reads(void **unused)
{
	/* Registers are read over a serial line, few and many at once, and exceptions are told. */
	(void)unused;
	uint16_t words[2];
	assert_reads_well(7, 1);
	assert_reads_well(10, 40);
	assert_reads_well(0, FRAME_REGISTERS_MAX);
	slave.left = 1;
	slave.mode = SLAVE_EXCEPTION;
	assert_int_equal(read_from(UNIT, 0, 2, PATIENCE_US, words), 2);
	assert_reads_well(10, 2);
}

static void test_bad_answers(void **unused)
{
	/* Glued, cut, foreign and spoilt frames are refused, and the next answer is right. */
	(void)unused;
	static const int modes[] = { SLAVE_GLUED,    SLAVE_CUT,   SLAVE_FOREIGN,
				     SLAVE_FUNCTION, SLAVE_COUNT, SLAVE_CHECKSUM };
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		uint16_t words[4] = { 42 };
		slave.left = 1;
		slave.mode = modes[i];
		assert_int_equal(read_from(UNIT, 10, 4, PATIENCE_US, words), -EBADMSG);
		assert_int_equal(words[0], 42);
		assert_true(wire_survives(wire, -EBADMSG));
		assert_reads_well(20, 4);
	}
}

static void test_late_answer(void **unused)
{
	/* An answer that comes after its timeout is thrown away before the next request. */
	(void)unused;
	uint16_t words[4];
	slave.left = 1;
	slave.mode = SLAVE_LATE;
	assert_int_equal(read_from(UNIT, 10, 4, SHORT_US, words), -ETIMEDOUT);
	struct pollfd fd = { .events = POLLIN };
	slave.late = 2;
	fd.fd = open(slave.path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(poll(&fd, 1, 20000), 1); /* it has come */
	close(fd.fd);
	assert_reads_well(20, 4);
}

static void test_dripping_answer(void **unused)
{
	/* A slave that drips its answer is given up at the timeout, far before the end. */
	(void)unused;
	uint16_t words[FRAME_REGISTERS_MAX];
	slave.mode = SLAVE_DRIP;
	int r = read_from(UNIT, 0, FRAME_REGISTERS_MAX, SHORT_US, words);
	assert_true(r == -ETIMEDOUT || r == -EBADMSG); /* or a byte was far too late */
	assert_true(slave.dripped < 255 / 2);
	slave.mode = SLAVE_GOOD;
	assert_reads_well(10, 4);
}

static void test_babble(void **unused)
{
	/* Nothing is sent on a line that is never silent, and it is used again when it is. */
	(void)unused;
	uint16_t words[4];
	int r = 0;
	slave.left = 1;
	slave.mode = SLAVE_CHECKSUM;
	assert_int_equal(read_from(UNIT, 10, 4, PATIENCE_US, words), -EBADMSG);
	slave.mode = SLAVE_BABBLE;
	for (int i = 0; i < 50 && r != -EBUSY; i++) { /* it may fall silent on a busy machine */
		r = read_from(UNIT, 10, 4, SHORT_US, words);
		assert_true(r < 0);
	}
	assert_int_equal(r, -EBUSY);
	assert_true(wire_survives(wire, r));
	slave.mode = SLAVE_GOOD;
	assert_reads_well(20, 4);
}

static void test_noise(void **unused)
{
	/* Whatever a bad line does to the bytes, no wrong value is ever taken, and many are read.
	 */
	(void)unused;
	int good = 0, bad = 0;
	slave.mode = SLAVE_NOISE;
	/* On a busy machine most answers are late, some so much that the next one finds the line
	 * taken: it goes on until enough came in time. */
	for (int i = 0; i < ROUNDS || (good <= ROUNDS / 4 && i < 20 * ROUNDS); i++) {
		/* No two requests in a row are alike, however late a busy machine answers one. */
		uint16_t words[32];
		int unit = 1 + i % UNITS, count = 2 + i % 30;
		int r = read_from(unit, i, count, 20000, words);
		if (r == 0) {
			assert_values(unit, i, count, words);
		} else {
			assert_true(r == -EBADMSG || r == -ETIMEDOUT || r == -EBUSY);
		}
		good += r == 0;
		bad += r != 0;
	}
	print_message("%d good, %d refused\n", good, bad);
	assert_true(bad > ROUNDS / 20 && good > ROUNDS / 4);
	slave.mode = SLAVE_GOOD;
	assert_reads_well(10, 2);
}

static void test_vanished_port(void **unused)
{
	/* A port whose adapter is pulled out is gone at once, and opened again by its path. */
	(void)unused;
	uint16_t words[2];
	assert_reads_well(10, 2);
	pull_out(&slave);
	int64_t start_us = clock_real_us();
	assert_int_equal(read_from(UNIT, 10, 2, PATIENCE_US, words), -ENODEV);
	assert_false(wire_survives(wire, -ENODEV));
	assert_true(clock_real_us() - start_us < PATIENCE_US);
	wire_disconnect(wire);
	assert_int_equal(wire_connect(wire, PATIENCE_US), -ENOENT);
	plug_in(&slave);
	assert_int_equal(wire_connect(wire, PATIENCE_US), 0);
	assert_reads_well(10, 2);
}

/* Connect w to a gateway that hands its line's bytes through: s. */
static void connect_gateway(struct slave *s, struct wire **w)
{
	char text[64];
	struct modbus_address a;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	snprintf(text, sizeof(text), "rtu+tcp://127.0.0.1:%d/%d", ntohs(at.sin_port), UNIT);
	assert_null(modbus_address_parse(text, &a));
	assert_int_equal(wire_open(&a, w), 0);
	assert_int_equal(wire_connect(*w, PATIENCE_US), 0);
	*s = (struct slave){ .port = accept(listener, NULL, NULL),
			     .wake = eventfd(0, EFD_CLOEXEC) };
	assert_true(s->port >= 0);
	close(listener);
	assert_int_equal(pthread_create(&s->thread, NULL, run_slave, s), 0);
}

static void test_gateway(void **unused)
{
	/* A gateway's line is read like our own; only after silence and its end is it given up. */
	(void)unused;
	static struct slave gateway;
	struct wire *w;
	uint16_t words[4];
	struct frame f = frame_read(0, UNIT, TABLE_INPUT, 10, 4);
	connect_gateway(&gateway, &w);
	assert_int_equal(wire_exchange(w, &f, PATIENCE_US, words), 0);
	assert_values(UNIT, 10, 4, words);
	gateway.left = 1;
	gateway.mode = SLAVE_GLUED;
	assert_int_equal(wire_exchange(w, &f, PATIENCE_US, words), -EBADMSG);
	assert_true(wire_survives(w, -EBADMSG));
	assert_int_equal(wire_exchange(w, &f, PATIENCE_US, words), 0);
	gateway.mode = SLAVE_SILENT;
	assert_int_equal(wire_exchange(w, &f, SHORT_US, words), -ETIMEDOUT);
	assert_false(wire_survives(w, -ETIMEDOUT));
	eventfd_write(gateway.wake, 1);
	pthread_join(gateway.thread, NULL);
	close(gateway.wake);
	close(gateway.port);
	int r = wire_exchange(w, &f, PATIENCE_US, words);
	assert_true(r == -ECONNRESET || r == -EPIPE);
	wire_free(w);
}

static void test_idle(void **unused)
{
	/* Between frames the line is idle for 3.5 characters and at least 5 ms. */
	(void)unused;
	struct modbus_address a = {
		.line = LINE_SERIAL, .baud = 1200, .parity = 'E', .stop_bits = 1
	};
	assert_int_equal(wire_bytes_us(&a, 12), 110000);
	assert_in_range(wire_idle_us(&a), 32083, 32084);
	a.baud = 19200;
	assert_int_equal(wire_idle_us(&a), 5000);
	a.line = LINE_RTU_TCP;
	assert_int_equal(wire_idle_us(&a), 5000);
	a.line = LINE_TCP;
	assert_int_equal(wire_idle_us(&a), 0);
}

/* --- with a bus above ---------------------------------------------------------------------------
 */

struct job {
	struct bus_client client;
	uint16_t words[2];
	int result;
};

static void do_job(struct bus_client *client, unsigned reasons)
{
	struct job *j = (struct job *)client;
	(void)reasons;
	j->result = bus_read(client, TABLE_INPUT, 10, 2, j->words);
}

static int run_job(struct job *j)
{
	bus_wake(&j->client, BUS_POLL);
	bus_settle(&j->client);
	return j->result;
}

static void test_bus(void **unused)
{
	/* Noise is asked again once and punishes no unit; a port that returns is used again. */
	(void)unused;
	struct clock clock;
	struct bus_hub hub;
	struct job jobs[2];
	struct modbus_address a = address_of(slave.path, UNIT);
	clock_init_real(&clock);
	bus_hub_init(&hub, &clock);
	wire_disconnect(wire); /* one master only */
	for (int i = 0; i < 2; i++) {
		jobs[i] = (struct job){
			.client = { .unit = UNIT + i, .timeout_us = PATIENCE_US, .work = do_job }
		};
		assert_int_equal(bus_attach(&hub, &a, &jobs[i].client), 0);
	}
	struct modbus_address other = a;
	other.baud = 9600;
	assert_int_equal(bus_attach(&hub, &other, &jobs[1].client), -EBUSY);
	assert_int_equal(run_job(&jobs[0]), 0);
	slave.left = 1;
	slave.mode = SLAVE_CHECKSUM;
	assert_int_equal(run_job(&jobs[0]), 0);
	assert_int_equal(slave.requests, 3);
	slave.left = 2;
	slave.mode = SLAVE_CHECKSUM;
	assert_int_equal(run_job(&jobs[0]), -EBADMSG);
	assert_int_equal(run_job(&jobs[0]), 0);
	assert_int_equal(run_job(&jobs[1]), 0);
	assert_values(UNIT + 1, 10, 2, jobs[1].words);
	assert_int_equal(jobs[0].client.stats.connects, 1);
	pull_out(&slave);
	assert_int_equal(run_job(&jobs[0]), -ENODEV);
	plug_in(&slave);
	while (run_job(&jobs[0]) != 0) {
		(void)poll(NULL, 0, 10);
	}
	assert_values(UNIT, 10, 2, jobs[0].words);
	assert_int_equal(jobs[0].client.stats.connects, 2);
	bus_detach(&hub, &jobs[0].client);
	bus_detach(&hub, &jobs[1].client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_reads),         TEST(test_bad_answers),
		TEST(test_late_answer),   TEST(test_dripping_answer),
		TEST(test_babble),        TEST(test_noise),
		TEST(test_vanished_port), TEST(test_idle),
		TEST(test_gateway),       TEST(test_bus),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
