/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the server have in common: a server with two units of registers behind one port,
 * and clients of it: libmodbus in a thread, or bytes in step with the server. */
#ifndef LECD_SERVER_BENCH_H
#define LECD_SERVER_BENCH_H

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "sim/server.h"

enum { SIZE = 50, DEADLINE_US = 20000000, TIMEOUT_US = 300000 };

/* A device of fifty holding and as many input registers. */
struct bank {
	uint16_t word[SIZE];
	int writes;
};

static inline int bank_read(void *device, int function, int address, int count, uint16_t *words)
{
	const struct bank *b = device;
	if (address + count > SIZE) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	for (int i = 0; i < count; i++) {
		words[i] = (uint16_t)(b->word[address + i] + (function == 4 ? 1000 : 0));
	}
	return 0;
}

static inline int bank_write(void *device, int function, int address, int count,
			     const uint16_t *words)
{
	struct bank *b = device;
	(void)function;
	if (address + count > SIZE) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	memcpy(b->word + address, words, (size_t)count * sizeof(*words));
	b->writes++;
	return 0;
}

static const struct server_handler handler = { bank_read, bank_write };

static struct server server;
static struct bank bank[2];
static struct faults faults[2];

/* Listen at an address of which the port counts as 0. */
static inline int listen_at(const char *text, int64_t byte_us)
{
	struct modbus_address a;
	assert_null(modbus_address_parse(text, &a));
	memcpy(a.port, "0", 2);
	return server_listen(&server, &a, byte_us);
}

static inline void start_at(const char *address, int64_t byte_us)
{
	memset(bank, 0, sizeof(bank));
	memset(faults, 0, sizeof(faults));
	assert_int_equal(server_init(&server), 0);
	assert_int_equal(listen_at(address, byte_us), 0);
	for (int i = 0; i < 2; i++) {
		struct server_unit u = { .unit = i + 1,
					 .handler = &handler,
					 .device = &bank[i],
					 .faults = &faults[i],
					 .timeout_us = TIMEOUT_US };
		assert_int_equal(server_add(&server, &u), 0);
		bank[i].word[3] = (uint16_t)(33 + i);
	}
}

static inline int set_up(void **state)
{
	(void)state;
	start_at("tcp://127.0.0.1:1/1", 0);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	server_close(&server);
	return 0;
}

static inline int wait_for_peers(struct pollfd *set, int64_t now_us)
{
	int timeout_ms = 5;
	int n = server_poll_set(&server, set, now_us, &timeout_ms);
	(void)poll(set, (nfds_t)n, timeout_ms < 5 ? timeout_ms : 5);
	return n;
}

/* In the test's time. */
static inline void pump_once(int64_t now_us)
{
	struct pollfd set[SERVER_FDS_MAX];
	int n = wait_for_peers(set, now_us);
	server_dispatch(&server, set, n, now_us);
}

/* In real time: what came while waiting came later than the wait began. */
static inline void pump_now(void)
{
	struct pollfd set[SERVER_FDS_MAX];
	int n = wait_for_peers(set, clock_real_us());
	server_dispatch(&server, set, n, clock_real_us());
}

/* --- a real client in a thread ------------------------------------------------------------- */

static atomic_bool finished;
static const char *(*client_work)(modbus_t *m);
static const char *client_path; /* of a serial port; NULL: TCP */

static inline void *client_thread(void *out)
{
	const char **wrong = out;
	modbus_t *m = client_path ? modbus_new_rtu(client_path, 9600, 'N', 8, 1)
				  : modbus_new_tcp("127.0.0.1", server.port[0].number);
	modbus_set_response_timeout(m, 0, TIMEOUT_US);
	modbus_set_byte_timeout(m, 0, 0);
	*wrong = modbus_connect(m) == 0 ? client_work(m) : "a connection";
	modbus_close(m);
	modbus_free(m);
	finished = true;
	return NULL;
}

/* Run a client against the server; it returns what it missed, NULL for nothing. */
static inline void with_client(const char *(*work)(modbus_t *m))
{
	pthread_t thread;
	const char *wrong = NULL;
	finished = false;
	client_work = work;
	int64_t start_us = clock_real_us();
	assert_int_equal(pthread_create(&thread, NULL, client_thread, &wrong), 0);
	while (!finished && clock_real_us() - start_us < DEADLINE_US) {
		pump_now();
	}
	assert_true(finished);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (wrong) {
		fail_msg("the client missed %s", wrong);
	}
}

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			return #condition;                                                         \
		}                                                                                  \
	} while (0)

/* --- raw peers, in step with the server ---------------------------------------------------- */

static inline int connect_raw(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)server.port[0].number),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Pump until n bytes came, the peer closed (-1), or the server had every chance (0). */
static inline int receive_raw(int fd, uint8_t *out, int n)
{
	int have = 0;
	for (int i = 0; i < 200 && have < n; i++) {
		pump_now();
		ssize_t r = read(fd, out + have, (size_t)(n - have));
		if (r == 0 || (r < 0 && errno != EAGAIN)) {
			return -1;
		}
		have += r > 0 ? (int)r : 0;
	}
	return have;
}

#endif
