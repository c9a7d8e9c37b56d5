/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hand-written Modbus TCP server on loopback for tests: answers well, or badly as told.
 *
 * One thread; what it does for a unit is set and counted under its lock. It never answers through
 * libmodbus, so that both sides of the wire are written independently. */
#ifndef LECD_MODBUS_PEER_H
#define LECD_MODBUS_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

enum { PEER_UNITS = 4, PEER_REGISTERS = 512, PEER_CONNECTIONS = 8, PEER_BYTES = 600 };

enum peer_mode {
	PEER_GOOD,
	PEER_SILENT,
	PEER_LATE,      /* withholds this answer until the next request came, then sends both */
	PEER_DRIP,      /* one byte each 20 ms */
	PEER_EXCEPTION, /* the code in `exception` */
	PEER_WRONG_TRANSACTION,
	PEER_WRONG_PROTOCOL,
	PEER_WRONG_UNIT,
	PEER_WRONG_FUNCTION,
	PEER_SHORT, /* says and sends two bytes less than asked for */
	PEER_LONG,  /* says and sends two bytes more */
	PEER_HUGE,  /* a byte count beyond any frame */
	PEER_LIES,  /* a length in the header that does not fit */
	PEER_HANGUP,
	PEER_IGNORES_WRITES, /* answers as if it had written */
	PEER_BAD_ECHO        /* answers a write with another address */
};

struct peer_unit {
	enum peer_mode mode;
	int exception;
	int refuse_from, refuse_to; /* input registers that do not exist; to = 0: none */
	int hangup_in;              /* hangs up at this request from now; 0: never */
	int left;                   /* requests for which mode holds, then PEER_GOOD; 0: for ever */
	uint16_t input[PEER_REGISTERS];
	uint16_t holding[PEER_REGISTERS];
	int requests, reads, writes;
	int written[PEER_REGISTERS]; /* writes by first address */
};

struct peer {
	int listener, wake, port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct peer_unit unit[PEER_UNITS];
	int accepted;
	size_t dripped; /* bytes of the last dripping answer that went out */
	uint8_t drip[PEER_BYTES];
	size_t drip_size;
	int drip_fd;
	uint8_t late[PEER_BYTES];
	int late_size, late_fd;
};

static inline uint16_t peer_get(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void peer_put(uint8_t *at, int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The right answer's body to a request; returns its length. pdu[0] is the function. */
static inline int peer_answer_well(struct peer_unit *u, const uint8_t *pdu, uint8_t *out)
{
	int address = peer_get(pdu + 1), count = pdu[0] == 6 ? 1 : peer_get(pdu + 3);
	out[0] = pdu[0];
	if (address + count > PEER_REGISTERS ||
	    (pdu[0] == 4 && address <= u->refuse_to && address + count > u->refuse_from &&
	     u->refuse_to > 0)) {
		out[0] |= 0x80;
		out[1] = 2;
		return 2;
	}
	if (pdu[0] == 3 || pdu[0] == 4) {
		u->reads++;
		out[1] = (uint8_t)(2 * count);
		for (int i = 0; i < count; i++) {
			peer_put(out + 2 + 2 * i,
				 (pdu[0] == 4 ? u->input : u->holding)[address + i]);
		}
		return 2 + 2 * count;
	}
	u->writes++;
	u->written[address]++;
	for (int i = 0; i < count && u->mode != PEER_IGNORES_WRITES; i++) {
		u->holding[address + i] = peer_get(pdu + (pdu[0] == 6 ? 3 : 6) + 2 * i);
	}
	memcpy(out + 1, pdu + 1, 4);
	return 5;
}

/* Spoil a good frame of size bytes as the mode says; returns its new size, 0: say nothing. */
static inline int peer_spoil(struct peer_unit *u, uint8_t *frame, int size)
{
	int r = size;
	switch (u->mode) {
	case PEER_SILENT:
		return 0;
	case PEER_EXCEPTION:
		frame[7] |= 0x80;
		frame[8] = (uint8_t)u->exception;
		r = 9;
		break;
	case PEER_WRONG_TRANSACTION:
		frame[1]++;
		break;
	case PEER_WRONG_PROTOCOL:
		frame[3] = 1;
		break;
	case PEER_WRONG_UNIT:
		frame[6]++;
		break;
	case PEER_WRONG_FUNCTION:
		frame[7] ^= 7;
		break;
	case PEER_SHORT:
		frame[8] = (uint8_t)(frame[8] - 2);
		r = size - 2;
		break;
	case PEER_LONG:
		frame[8] = (uint8_t)(frame[8] + 2);
		r = size + 2;
		break;
	case PEER_HUGE:
		frame[8] = 255;
		r = 264;
		break;
	case PEER_BAD_ECHO:
		frame[9]++;
		break;
	default:
		break;
	}
	peer_put(frame + 4, r - 6 + (u->mode == PEER_LIES ? 2 : 0));
	return r;
}

static inline void peer_send(int fd, const uint8_t *bytes, int size)
{
	(void)!send(fd, bytes, (size_t)size, MSG_NOSIGNAL);
}

/* Answer one request. Returns false to hang up. Called with the lock held. */
static inline bool peer_serve(struct peer *p, int fd, const uint8_t *request)
{
	uint8_t frame[PEER_BYTES] = { 0 };
	struct peer_unit *u = &p->unit[request[6] % PEER_UNITS];
	u->requests++;
	memcpy(frame, request, 7);
	int size = peer_spoil(u, frame, 7 + peer_answer_well(u, request + 7, frame + 7));
	enum peer_mode mode = u->mode;
	if (u->left > 0 && --u->left == 0) {
		u->mode = PEER_GOOD;
	}
	if (mode == PEER_HANGUP || (u->hangup_in > 0 && --u->hangup_in == 0)) {
		return false;
	}
	if (mode == PEER_LATE) {
		memcpy(p->late, frame, sizeof(frame));
		p->late_size = size;
		p->late_fd = fd;
		return true;
	}
	if (mode == PEER_DRIP) {
		memcpy(p->drip, frame, sizeof(frame));
		p->drip_size = (size_t)size;
		p->dripped = 0;
		p->drip_fd = fd;
		return true;
	}
	if (p->late_size > 0 && p->late_fd == fd) {
		peer_send(fd, p->late, p->late_size);
		p->late_size = 0;
	}
	peer_send(fd, frame, size);
	return true;
}

static inline bool peer_receive(struct peer *p, int fd)
{
	uint8_t request[PEER_BYTES];
	ssize_t got = recv(fd, request, 6, MSG_WAITALL);
	if (got != 6 || peer_get(request + 4) > 300) {
		return false;
	}
	ssize_t rest = peer_get(request + 4);
	if (recv(fd, request + 6, (size_t)rest, MSG_WAITALL) != rest) {
		return false;
	}
	pthread_mutex_lock(&p->lock);
	bool stay = peer_serve(p, fd, request);
	pthread_mutex_unlock(&p->lock);
	return stay;
}

static inline void peer_drip_one(struct peer *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->drip_fd >= 0 && p->dripped < p->drip_size) {
		peer_send(p->drip_fd, p->drip + p->dripped++, 1);
	}
	pthread_mutex_unlock(&p->lock);
}

static inline void peer_accept(struct peer *p, struct pollfd *fds)
{
	int fd = accept(p->listener, NULL, NULL);
	for (int i = 2; i < 2 + PEER_CONNECTIONS && fd >= 0; i++) {
		if (fds[i].fd < 0) {
			fds[i].fd = fd;
			pthread_mutex_lock(&p->lock);
			p->accepted++;
			pthread_mutex_unlock(&p->lock);
			return;
		}
	}
	close(fd);
}

static inline void peer_hang_up(struct peer *p, struct pollfd *slot)
{
	pthread_mutex_lock(&p->lock);
	p->drip_fd = p->drip_fd == slot->fd ? -1 : p->drip_fd;
	p->late_fd = p->late_fd == slot->fd ? -1 : p->late_fd;
	pthread_mutex_unlock(&p->lock);
	close(slot->fd);
	slot->fd = -1;
}

static inline void *peer_run(void *argument)
{
	struct peer *p = argument;
	struct pollfd fds[2 + PEER_CONNECTIONS];
	for (int i = 0; i < 2 + PEER_CONNECTIONS; i++) {
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	}
	fds[0].fd = p->wake;
	fds[1].fd = p->listener;
	while (poll(fds, 2 + PEER_CONNECTIONS, 20) >= 0 && !fds[0].revents) {
		peer_drip_one(p);
		for (int i = 2; i < 2 + PEER_CONNECTIONS; i++) {
			if (fds[i].fd >= 0 && fds[i].revents && !peer_receive(p, fds[i].fd)) {
				peer_hang_up(p, &fds[i]);
			}
		}
		if (fds[1].revents) {
			peer_accept(p, fds);
		}
	}
	for (int i = 2; i < 2 + PEER_CONNECTIONS; i++) {
		if (fds[i].fd >= 0) {
			close(fds[i].fd);
		}
	}
	return NULL;
}

/* Listen on port (0: any free one) and serve. */
static inline void peer_start(struct peer *p, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	int yes = 1;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	p->wake = eventfd(0, EFD_CLOEXEC);
	p->drip_fd = -1;
	assert_true(p->listener >= 0 && p->wake >= 0);
	(void)setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &size), 0);
	p->port = ntohs(at.sin_port);
	pthread_mutex_init(&p->lock, NULL);
	assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

/* Stop serving: connections are closed and new ones refused. Registers and counts stay. */
static inline void peer_stop(struct peer *p)
{
	eventfd_write(p->wake, 1);
	pthread_join(p->thread, NULL);
	close(p->listener);
	close(p->wake);
	pthread_mutex_destroy(&p->lock);
}

static inline void peer_set_mode(struct peer *p, int unit, enum peer_mode mode, int left)
{
	pthread_mutex_lock(&p->lock);
	p->unit[unit].mode = mode;
	p->unit[unit].left = left;
	pthread_mutex_unlock(&p->lock);
}

static inline void peer_set_exception(struct peer *p, int unit, int code, int left)
{
	peer_set_mode(p, unit, PEER_EXCEPTION, left);
	pthread_mutex_lock(&p->lock);
	p->unit[unit].exception = code;
	pthread_mutex_unlock(&p->lock);
}

/* A copy of what the unit holds and counted. */
static inline struct peer_unit peer_look(struct peer *p, int unit)
{
	pthread_mutex_lock(&p->lock);
	struct peer_unit u = p->unit[unit];
	pthread_mutex_unlock(&p->lock);
	return u;
}

static inline int peer_accepted(struct peer *p)
{
	pthread_mutex_lock(&p->lock);
	int accepted = p->accepted;
	pthread_mutex_unlock(&p->lock);
	return accepted;
}

#endif
