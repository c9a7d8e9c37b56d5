/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/frame.h"
#include "sim/server_port.h"

enum {
	SHORTEST = CODEC_HEADER + 1, /* header and function */
	UNIT = CODEC_HEADER - 1,     /* what RTU has of the header */
	CRC = 2,
	RTU_SHORTEST = 2 + CRC,
	GAP_US = 50000,       /* silence within an RTU frame that ends it */
	BURST_US = 4000,      /* a line's bytes are sent together for so long */
	STUCK_BYTE_US = 1000, /* of a line whose speed is not known */
	STUCK_BYTES = 32,
};

static int big_endian(const uint8_t *b)
{
	return b[0] << 8 | b[1];
}

static bool is_rtu(const struct server *s, const struct server_client *c)
{
	return s->port[c->port].line != LINE_TCP;
}

/* --- sending ------------------------------------------------------------------------------- */

/* Send what is due. */
static void client_send(struct server *s, struct server_client *c, int64_t now_us)
{
	while (c->out_sent < c->out_length && c->send_us <= now_us) {
		size_t left = (size_t)(c->out_length - c->out_sent);
		size_t size = c->burst && (size_t)c->burst < left ? (size_t)c->burst : left;
		ssize_t n = c->serial ? write(c->fd, c->out + c->out_sent, size)
				      : send(c->fd, c->out + c->out_sent, size,
					     MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0 && c->serial) {
			c->out_length = 0; /* nobody has the port open, and its buffer is full */
			return;
		}
		if (n <= 0) {
			client_close(c); /* who leaves answers of this size unread is gone */
			return;
		}
		c->out_sent += (int)n;
		c->send_us += c->pause_us;
	}
	if (c->out_length && c->out_sent == c->out_length) {
		s->answers++;
		c->out_length = 0;
	}
}

/* Begin to send what is in the buffer, at at_us at the earliest. */
static void client_begin(struct server_client *c, int length, int64_t at_us, int64_t byte_us)
{
	c->out_length = length;
	c->out_sent = 0;
	c->burst = byte_us > 0 && byte_us < BURST_US ? (int)(BURST_US / byte_us) : 1;
	c->pause_us = c->burst * byte_us;
	c->burst = byte_us > 0 ? c->burst : 0;
	c->send_us = at_us + c->pause_us;
}

/* Flip bits of what goes over a line. */
static void disturb(struct server *s, int port, uint8_t *bytes, int length)
{
	int permille = port_fault(s, port, FAULT_BIT_ERRORS);
	if (permille > 0) {
		fault_bits(permille, s->seed, &s->port[port].line_bytes, bytes, length);
	}
}

/* Turn an answer into an RTU frame. Returns its length. */
static int make_rtu(struct server *s, struct server_client *c, int length)
{
	int covered = length - UNIT;
	if (covered <= 0) {
		return 0; /* garbage that is too short */
	}
	memmove(c->out, c->out + UNIT, (size_t)covered);
	uint16_t crc = frame_crc(c->out, covered);
	c->out[covered] = (uint8_t)crc;
	c->out[covered + 1] = (uint8_t)(crc >> 8);
	disturb(s, c->port, c->out, covered + CRC);
	return covered + CRC;
}

/* --- answering ----------------------------------------------------------------------------- */

static struct server_unit *unit_of(struct server *s, int port, int unit)
{
	for (int i = 0; i < s->units; i++) {
		if (s->unit[i].port == port && s->unit[i].unit == unit) {
			return &s->unit[i];
		}
	}
	return NULL;
}

static int64_t delay_us(const struct server_unit *u)
{
	const struct faults *f = u->faults;
	return (f->on[FAULT_DELAY] ? f->value[FAULT_DELAY] * INT64_C(1000) : 0) +
	       (f->on[FAULT_LATE] ? f->value[FAULT_LATE] * u->timeout_us / 100 : 0);
}

static int make_answer(struct server *s, struct server_unit *u, const uint8_t *frame, int length,
		       uint8_t *out)
{
	int exception = fault_exception(u->faults, frame, length);
	int n = exception ? codec_refuse(&s->codec, frame, exception, out)
			  : codec_answer(&s->codec, u->handler, u->device, frame, length, out);
	return n > 0 ? fault_answer(u->faults, &u->memory, out, n) : n;
}

/* Answer a request that came as bytes on the line. Returns 0 or -EBADMSG. */
static int client_answer(struct server *s, struct server_client *c, const uint8_t *frame,
			 int length, int bytes, int64_t now_us)
{
	struct server_unit *u = unit_of(s, c->port, frame[UNIT]);
	s->requests++;
	if (!u || u->faults->on[FAULT_SILENCE]) {
		return 0; /* nobody of that address, or nobody in */
	}
	int n = make_answer(s, u, frame, length, c->out);
	if (n < 0) {
		return n;
	}
	int64_t byte_us = s->port[c->port].byte_us;
	const struct faults *f = u->faults;
	n = is_rtu(s, c) ? make_rtu(s, c, n) : n;
	client_begin(c, n, now_us + delay_us(u) + bytes * byte_us, byte_us);
	if (f->on[FAULT_DRIP]) {
		c->burst = 1;
		c->pause_us = f->value[FAULT_DRIP] * INT64_C(1000);
	}
	client_send(s, c, now_us);
	return 0;
}

/* --- requests ------------------------------------------------------------------------------ */

/* The length of the TCP frame at the head of the buffer, 0 while it is not whole, -EBADMSG. */
static int tcp_length(const struct server_client *c)
{
	if (c->in_length < CODEC_HEADER) {
		return 0;
	}
	int length = 6 + big_endian(c->in + 4);
	if (big_endian(c->in + 2) != 0 || length < SHORTEST || length > CODEC_FRAME_MAX) {
		return -EBADMSG;
	}
	return c->in_length < length ? 0 : length;
}

static bool crc_fits(const uint8_t *bytes, int length)
{
	int covered = length - CRC;
	return length >= RTU_SHORTEST &&
	       frame_crc(bytes, covered) == (bytes[covered] | bytes[covered + 1] << 8);
}

/* The same of an RTU frame: what has a request's length and checksum, or has ended by silence. */
static int rtu_length(const struct server_client *c, int64_t now_us)
{
	int function = c->in_length > 1 ? c->in[1] : 0, length = 0;
	bool ended = c->in_length > 0 && now_us - c->heard_us >= GAP_US;
	if (function == 3 || function == 4 || function == 6) {
		length = 6 + CRC;
	} else if (function == 16 && c->in_length > 6) {
		length = 7 + c->in[6] + CRC;
	} else if (ended) {
		length = c->in_length;
	}
	if (length <= c->in_length && crc_fits(c->in, length)) {
		return length;
	}
	return ended ? -EBADMSG : 0;
}

/* Take the first request out of the buffer, as a TCP frame of *length. Returns the bytes it took of
 * the line, 0 while there is none, -EBADMSG. */
static int next_request(struct server *s, struct server_client *c, int64_t now_us,
			uint8_t frame[CODEC_FRAME_MAX], int *length)
{
	bool rtu = is_rtu(s, c);
	int bytes = rtu ? rtu_length(c, now_us) : tcp_length(c);
	if (bytes <= 0) {
		return bytes;
	}
	if (rtu) {
		*length = bytes - CRC + UNIT;
		if (*length > CODEC_FRAME_MAX) {
			return -EBADMSG;
		}
		memset(frame, 0, CODEC_HEADER);
		memcpy(frame + UNIT, c->in, (size_t)(bytes - CRC));
		frame[4] = (uint8_t)((*length - UNIT) >> 8);
		frame[5] = (uint8_t)(*length - UNIT);
	} else {
		*length = bytes;
		memcpy(frame, c->in, (size_t)bytes);
	}
	c->in_length -= bytes;
	memmove(c->in, c->in + bytes, (size_t)c->in_length);
	return bytes;
}

/* Answer the requests that are there, one after the other. */
static void client_work(struct server *s, struct server_client *c, int64_t now_us)
{
	while (c->fd >= 0 && c->out_length == 0) {
		uint8_t frame[CODEC_FRAME_MAX];
		int length = 0;
		int bytes = next_request(s, c, now_us, frame, &length);
		if (bytes == 0) {
			return;
		}
		int r = bytes < 0 ? bytes : client_answer(s, c, frame, length, bytes, now_us);
		if (r == 0) {
			continue;
		}
		s->malformed++;
		if (is_rtu(s, c)) {
			c->in_length = 0; /* noise, to be heard no more of */
		} else {
			client_close(c);
		}
	}
}

static void client_receive(struct server *s, struct server_client *c, int events, int64_t now_us)
{
	size_t room = sizeof(c->in) - (size_t)c->in_length;
	if (room == 0) {
		if (events & (POLLERR | POLLHUP)) {
			client_close(c);
		}
		return;
	}
	ssize_t n = read(c->fd, c->in + c->in_length, room);
	if (n > 0) {
		disturb(s, c->port, c->in + c->in_length, (int)n);
		c->in_length += (int)n;
		c->heard_us = now_us;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		client_close(c);
	}
}

/* What is on a stuck line, whatever is asked. */
static void client_stick(struct server *s, struct server_client *c, int64_t now_us)
{
	int64_t byte_us = s->port[c->port].byte_us;
	c->in_length = 0;
	if (c->out_length == 0) {
		memset(c->out, 0, STUCK_BYTES);
		client_begin(c, STUCK_BYTES, now_us, byte_us > 0 ? byte_us : STUCK_BYTE_US);
	}
}

/* --- the loop's side ----------------------------------------------------------------------- */

int server_init(struct server *s)
{
	*s = (struct server){ .ports = 0 };
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		s->client[i].fd = -1;
	}
	return codec_init(&s->codec);
}

int server_add(struct server *s, const struct server_unit *unit)
{
	if (unit_of(s, unit->port, unit->unit)) {
		return -EEXIST;
	}
	if (s->units == SERVER_UNITS_MAX) {
		return -ENOSPC;
	}
	s->unit[s->units] = *unit;
	s->unit[s->units].memory.seed = s->seed + (uint64_t)s->units;
	s->units++;
	return 0;
}

/* When a client has something to do by itself; INT64_MAX: never. */
static int64_t due_us(const struct server *s, const struct server_client *c)
{
	if (c->out_length > 0) {
		return c->send_us;
	}
	return c->in_length > 0 && is_rtu(s, c) ? c->heard_us + GAP_US : INT64_MAX;
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
		bool room = c->in_length < CODEC_FRAME_MAX;
		set[n++] = (struct pollfd){ .fd = c->fd, .events = room ? POLLIN : 0 };
		if (due_us(s, c) < INT64_MAX) {
			int64_t left_ms = (due_us(s, c) - now_us + 999) / 1000;
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

static void client_turn(struct server *s, struct server_client *c, int events, int64_t now_us)
{
	if (events) {
		client_receive(s, c, events, now_us);
	}
	if (c->fd >= 0 && is_rtu(s, c) && port_fault(s, c->port, FAULT_STUCK_LINE)) {
		client_stick(s, c, now_us);
	}
	if (c->fd >= 0) {
		client_send(s, c, now_us);
		client_work(s, c, now_us);
	}
}

void server_dispatch(struct server *s, const struct pollfd *set, int fds, int64_t now_us)
{
	for (int i = 0; i < s->ports; i++) {
		port_follow_faults(s, i);
	}
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct server_client *c = &s->client[i];
		if (c->fd >= 0) {
			client_turn(s, c, events_of(set, fds, c->fd), now_us);
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
		port_close(&s->port[i]);
	}
	codec_close(&s->codec);
}
