/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEADER = 7,   /* transaction, protocol, length, unit */
	SHORTEST = 8, /* header and function */
	REQUEST = 12, /* functions 3, 4 and 6; the head of 16 without its byte count */
	READ_MAX = MODBUS_MAX_READ_REGISTERS,
	WRITE_MAX = MODBUS_MAX_WRITE_REGISTERS
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int big_endian(const uint8_t *b)
{
	return b[0] << 8 | b[1];
}

/* --- ports --------------------------------------------------------------------------------- */

static int loopback(const char *host, int number, union address *out, socklen_t *length)
{
	union address a = { 0 };
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons((uint16_t)number);
		*out = a;
		*length = sizeof(a.v4);
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127 ? 0 : -EACCES;
	}
	if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons((uint16_t)number);
		*out = a;
		*length = sizeof(a.v6);
		return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr) ? 0 : -EACCES;
	}
	return -EINVAL;
}

static int port_open(struct server_port *p)
{
	union address a;
	socklen_t length;
	int one = 1, r = loopback(p->host, p->number, &a, &length);
	if (r < 0) {
		return r;
	}
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &a.any, length) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, &a.any, &length) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	p->number = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	p->fd = fd;
	return 0;
}

int server_check_host(const char *host)
{
	union address a;
	socklen_t length;
	return loopback(host, 0, &a, &length);
}

int server_listen(struct server *s, const char *host, int number)
{
	if (s->ports == SERVER_PORTS_MAX) {
		return -ENOSPC;
	}
	struct server_port *p = &s->port[s->ports];
	*p = (struct server_port){ .fd = -1, .number = number };
	snprintf(p->host, sizeof(p->host), "%s", host);
	int r = port_open(p);
	return r < 0 ? r : s->ports++;
}

int server_add(struct server *s, const struct server_unit *unit)
{
	for (int i = 0; i < s->units; i++) {
		if (s->unit[i].port == unit->port && s->unit[i].unit == unit->unit) {
			return -EEXIST;
		}
	}
	if (s->units == SERVER_UNITS_MAX) {
		return -ENOSPC;
	}
	s->unit[s->units++] = *unit;
	return 0;
}

static void client_close(struct server_client *c)
{
	close(c->fd);
	c->fd = -1;
}

/* A port is open unless one of its units refuses. */
static void port_follow_faults(struct server *s, int port)
{
	bool refuse = false;
	for (int i = 0; i < s->units; i++) {
		refuse |= s->unit[i].port == port && s->unit[i].faults->on[FAULT_REFUSE];
	}
	struct server_port *p = &s->port[port];
	if (!refuse && p->fd < 0) {
		(void)port_open(p); /* tried again at the next dispatch */
	}
	if (!refuse || p->fd < 0) {
		return;
	}
	close(p->fd);
	p->fd = -1;
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (s->client[i].fd >= 0 && s->client[i].port == port) {
			client_close(&s->client[i]);
		}
	}
}

static void port_accept(struct server *s, int port)
{
	int one = 1;
	int fd = accept4(s->port[port].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		return;
	}
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (s->client[i].fd < 0) {
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			s->client[i] = (struct server_client){ .fd = fd, .port = port };
			return;
		}
	}
	close(fd);
}

/* --- requests: through libmodbus and back -------------------------------------------------- */

/* Take what libmodbus wrote: a whole answer. */
static int codec_answer(struct server *s, uint8_t out[SERVER_FRAME_MAX])
{
	ssize_t n = recv(s->codec_fd[0], out, SERVER_FRAME_MAX, MSG_DONTWAIT);
	return n > 0 ? (int)n : 0;
}

static void codec_drain(struct server *s)
{
	uint8_t rest[SERVER_FRAME_MAX];
	while (recv(s->codec_fd[1], rest, sizeof(rest), MSG_DONTWAIT) > 0) {
	}
}

static int refuse(struct server *s, const uint8_t *request, int exception,
		  uint8_t out[SERVER_FRAME_MAX])
{
	if (modbus_reply_exception(s->codec, request, (unsigned)exception) < 0) {
		return 0;
	}
	return codec_answer(s, out);
}

/* Whether libmodbus reads the same length from the frame as its header says. */
static bool well_formed(struct server *s, const uint8_t *frame, int length)
{
	uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
	if (send(s->codec_fd[0], frame, (size_t)length, MSG_NOSIGNAL) != length) {
		return false;
	}
	int n = modbus_receive(s->codec, request);
	codec_drain(s);
	if (n != length) {
		return false;
	}
	bool multiple = frame[HEADER] == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
	return !multiple || frame[REQUEST] == 2 * big_endian(frame + REQUEST - 2);
}

/* Ask the unit. Return its exception, or 0 with the registers in words. */
static int execute(const struct server_unit *u, const uint8_t *frame, int *count,
		   uint16_t words[READ_MAX])
{
	int function = frame[HEADER], address = big_endian(frame + 8);
	bool write = function == MODBUS_FC_WRITE_SINGLE_REGISTER ||
		     function == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
	bool single = function == MODBUS_FC_WRITE_SINGLE_REGISTER;
	*count = single ? 1 : big_endian(frame + 10);
	if (*count < 1 || *count > (write ? WRITE_MAX : READ_MAX)) {
		return EXCEPTION_ILLEGAL_VALUE;
	}
	if (address + *count > 0x10000) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	if (!write) {
		return u->handler->read(u->device, function, address, *count, words);
	}
	const uint8_t *data = frame + (single ? 10 : 13);
	for (int i = 0; i < *count; i++) {
		words[i] = (uint16_t)big_endian(data + 2 * i);
	}
	return u->handler->write(u->device, function, address, *count, words);
}

static bool supported(int function)
{
	return function == MODBUS_FC_READ_HOLDING_REGISTERS ||
	       function == MODBUS_FC_READ_INPUT_REGISTERS ||
	       function == MODBUS_FC_WRITE_SINGLE_REGISTER ||
	       function == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
}

/* Make the answer to a frame. Return its length, 0 for none, -EBADMSG where the frame is nonsense.
 */
static int answer(struct server *s, const struct server_unit *u, uint8_t *frame, int length,
		  uint8_t out[SERVER_FRAME_MAX])
{
	if (u->faults->on[FAULT_EXCEPTION]) {
		return refuse(s, frame, u->faults->value[FAULT_EXCEPTION], out);
	}
	if (!supported(frame[HEADER])) {
		return refuse(s, frame, EXCEPTION_ILLEGAL_FUNCTION, out);
	}
	if (!well_formed(s, frame, length)) {
		return -EBADMSG;
	}
	int count;
	uint16_t words[READ_MAX] = { 0 };
	int exception = execute(u, frame, &count, words);
	if (exception) {
		return refuse(s, frame, exception, out);
	}
	/* libmodbus sees just the registers this request is about. */
	modbus_mapping_t window = { .start_registers = big_endian(frame + 8),
				    .nb_registers = count,
				    .tab_registers = words,
				    .start_input_registers = big_endian(frame + 8),
				    .nb_input_registers = count,
				    .tab_input_registers = words };
	return modbus_reply(s->codec, frame, length, &window) < 0 ? 0 : codec_answer(s, out);
}

/* --- clients ------------------------------------------------------------------------------- */

static const struct server_unit *unit_of(const struct server *s, int port, int unit)
{
	for (int i = 0; i < s->units; i++) {
		if (s->unit[i].port == port && s->unit[i].unit == unit) {
			return &s->unit[i];
		}
	}
	return NULL;
}

/* Send what is due. */
static void client_send(struct server *s, struct server_client *c, int64_t now_us)
{
	while (c->out_sent < c->out_length && c->send_us <= now_us) {
		size_t left = c->drip_us ? 1 : (size_t)(c->out_length - c->out_sent);
		ssize_t n = send(c->fd, c->out + c->out_sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0) {
			client_close(c); /* who leaves answers of this size unread is gone */
			return;
		}
		c->out_sent += (int)n;
		c->send_us += c->drip_us;
	}
	if (c->out_length && c->out_sent == c->out_length) {
		s->answers++;
		c->out_length = 0;
	}
}

static void client_answer(struct server *s, struct server_client *c, int length, int64_t now_us)
{
	const struct server_unit *u = unit_of(s, c->port, c->in[6]);
	s->requests++;
	if (!u || u->faults->on[FAULT_SILENCE]) {
		return; /* nobody of that address, or nobody in */
	}
	int n = answer(s, u, c->in, length, c->out);
	if (n < 0) {
		s->malformed++;
		client_close(c);
		return;
	}
	const struct faults *f = u->faults;
	c->out_length = n;
	c->out_sent = 0;
	c->send_us = now_us + (f->on[FAULT_DELAY] ? f->value[FAULT_DELAY] * INT64_C(1000) : 0);
	c->drip_us = f->on[FAULT_DRIP] ? f->value[FAULT_DRIP] * INT64_C(1000) : 0;
	if (f->on[FAULT_WRONG_TID] && n > 0) {
		c->out[0] ^= 0x55;
	}
	client_send(s, c, now_us);
}

/* The length of the frame at the head of the buffer, 0 while it is not whole, -EBADMSG. */
static int frame_length(const struct server_client *c)
{
	if (c->in_length < HEADER) {
		return 0;
	}
	int length = 6 + big_endian(c->in + 4);
	if (big_endian(c->in + 2) != 0 || length < SHORTEST || length > SERVER_FRAME_MAX) {
		return -EBADMSG;
	}
	return c->in_length < length ? 0 : length;
}

/* Answer the requests that are there, one after the other. */
static void client_work(struct server *s, struct server_client *c, int64_t now_us)
{
	while (c->fd >= 0 && c->out_length == 0) {
		int length = frame_length(c);
		if (length == 0) {
			return;
		}
		if (length < 0) {
			s->malformed++;
			client_close(c);
			return;
		}
		client_answer(s, c, length, now_us);
		c->in_length -= length;
		memmove(c->in, c->in + length, (size_t)c->in_length);
	}
}

static void client_receive(struct server_client *c, int events)
{
	size_t room = sizeof(c->in) - (size_t)c->in_length;
	if (room == 0) {
		if (events & (POLLERR | POLLHUP)) {
			client_close(c);
		}
		return;
	}
	ssize_t n = recv(c->fd, c->in + c->in_length, room, MSG_DONTWAIT);
	if (n > 0) {
		c->in_length += (int)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		client_close(c);
	}
}

/* --- the loop's side ----------------------------------------------------------------------- */

int server_init(struct server *s)
{
	*s = (struct server){ .codec_fd = { -1, -1 } };
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		s->client[i].fd = -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->codec_fd) < 0) {
		return -errno;
	}
	s->codec = modbus_new_tcp("127.0.0.1", 502); /* an address it never uses */
	if (!s->codec) {
		return -ENOMEM;
	}
	modbus_set_socket(s->codec, s->codec_fd[1]);
	/* All of a frame is there before libmodbus looks: it has nothing to wait for. */
	modbus_set_indication_timeout(s->codec, 0, 1000);
	modbus_set_byte_timeout(s->codec, 0, 1000);
	return 0;
}

int server_poll_set(struct server *s, struct pollfd set[SERVER_FDS_MAX], int64_t now_us,
		    int *timeout_ms)
{
	int n = 0;
	for (int i = 0; i < s->ports; i++) {
		if (s->port[i].fd >= 0) {
			set[n++] = (struct pollfd){ .fd = s->port[i].fd, .events = POLLIN };
		}
	}
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		const struct server_client *c = &s->client[i];
		if (c->fd < 0) {
			continue;
		}
		/* A full buffer behind an answer under way waits. */
		bool room = c->in_length < SERVER_FRAME_MAX;
		set[n++] = (struct pollfd){ .fd = c->fd, .events = room ? POLLIN : 0 };
		if (c->out_length > 0) {
			int64_t left_ms = (c->send_us - now_us + 999) / 1000;
			left_ms = left_ms < 0 ? 0 : left_ms;
			*timeout_ms = left_ms < *timeout_ms ? (int)left_ms : *timeout_ms;
		}
	}
	return n;
}

static int events_of(const struct pollfd *set, int fds, int fd)
{
	for (int i = 0; i < fds; i++) {
		if (set[i].fd == fd) {
			return set[i].revents;
		}
	}
	return 0;
}

void server_dispatch(struct server *s, const struct pollfd *set, int fds, int64_t now_us)
{
	for (int i = 0; i < s->ports; i++) {
		port_follow_faults(s, i);
	}
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct server_client *c = &s->client[i];
		int events = c->fd >= 0 ? events_of(set, fds, c->fd) : 0;
		if (events) {
			client_receive(c, events);
		}
		if (c->fd >= 0) {
			client_send(s, c, now_us);
			client_work(s, c, now_us);
		}
	}
	for (int i = 0; i < s->ports; i++) {
		if (s->port[i].fd >= 0 && events_of(set, fds, s->port[i].fd)) {
			port_accept(s, i);
		}
	}
}

void server_close(struct server *s)
{
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (s->client[i].fd >= 0) {
			client_close(&s->client[i]);
		}
	}
	for (int i = 0; i < s->ports; i++) {
		if (s->port[i].fd >= 0) {
			close(s->port[i].fd);
		}
	}
	if (s->codec) {
		modbus_free(s->codec); /* leaves the socket we gave it open */
	}
	for (int i = 0; i < 2; i++) {
		if (s->codec_fd[i] >= 0) {
			close(s->codec_fd[i]);
		}
	}
}
