/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/server_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

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

int server_check_host(const char *host)
{
	union address a;
	socklen_t length;
	return loopback(host, 0, &a, &length);
}

/* --- clients ------------------------------------------------------------------------------- */

void client_close(struct server_client *c)
{
	if (!c->serial) {
		close(c->fd); /* a serial port's is closed with the port */
	}
	c->fd = -1;
}

static bool add_client(struct server *s, int fd, int port)
{
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (s->client[i].fd < 0) {
			s->client[i] = (struct server_client){
				.fd = fd, .port = port, .serial = s->port[port].line == LINE_SERIAL
			};
			return true;
		}
	}
	return false;
}

static void hang_up(struct server *s, int port)
{
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
		if (s->client[i].fd >= 0 && s->client[i].port == port) {
			client_close(&s->client[i]);
		}
	}
}

/* Let the close of a connection be a reset. */
static void make_reset(int fd)
{
	struct linger at_once = { .l_onoff = 1 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void port_accept(struct server *s, int port)
{
	int one = 1;
	int fd = accept4(s->port[port].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!add_client(s, fd, port)) {
		close(fd);
	}
}

/* --- ports --------------------------------------------------------------------------------- */

static int open_socket(struct server_port *p)
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

/* Plug the serial port in: link to it, and listen to whoever opens it. */
static int plug_in(struct server *s, int port)
{
	struct server_port *p = &s->port[port];
	int r = p->pty.master < 0 ? pty_open(&p->pty) : 0;
	r = r ? r : pty_link(&p->pty, p->host);
	if (r == 0 && !add_client(s, p->pty.master, port)) {
		pty_unlink(&p->pty, p->host);
		r = -ENOSPC;
	}
	p->plugged_in = r == 0;
	return r;
}

/* Pull it out. The next one is opened first, so that its name is another. */
static void pull_out(struct server *s, int port)
{
	struct server_port *p = &s->port[port];
	struct pty next = { -1, -1, "" };
	(void)pty_open(&next); /* tried again when it is plugged in */
	hang_up(s, port);
	pty_unlink(&p->pty, p->host);
	pty_close(&p->pty);
	p->pty = next;
	p->plugged_in = false;
}

int server_listen(struct server *s, const struct modbus_address *address, int64_t byte_us)
{
	if (s->ports == SERVER_PORTS_MAX) {
		return -ENOSPC;
	}
	struct server_port *p = &s->port[s->ports];
	*p = (struct server_port){ .line = address->line,
				   .fd = -1,
				   .pty = { .master = -1, .slave = -1 },
				   .number = (int)strtol(address->port, NULL, 10),
				   .byte_us = byte_us };
	memcpy(p->host, address->host, sizeof(p->host));
	int r = p->line == LINE_SERIAL ? plug_in(s, s->ports) : open_socket(p);
	if (r < 0) {
		pty_close(&p->pty);
		return r;
	}
	return s->ports++;
}

int port_fault(const struct server *s, int port, enum fault_kind kind)
{
	int value = 0;
	for (int i = 0; i < s->units; i++) {
		const struct faults *f = s->unit[i].faults;
		if (s->unit[i].port == port && f->on[kind]) {
			value = f->value[kind] > value ? f->value[kind] : value > 0 ? value : 1;
		}
	}
	return value;
}

/* A port is open unless one of its units refuses. What fails is tried again at the next turn. */
void port_follow_faults(struct server *s, int port)
{
	struct server_port *p = &s->port[port];
	bool refuse = port_fault(s, port, FAULT_REFUSE);
	if (p->line == LINE_SERIAL) {
		refuse |= port_fault(s, port, FAULT_UNPLUG) > 0;
		if (refuse && p->plugged_in) {
			pull_out(s, port);
		} else if (!refuse && !p->plugged_in) {
			(void)plug_in(s, port);
		}
		return;
	}
	if (!refuse && p->fd < 0) {
		(void)open_socket(p);
	}
	if (refuse && p->fd >= 0) {
		close(p->fd);
		p->fd = -1;
		hang_up(s, port);
	}
	if (port_fault(s, port, FAULT_RESET)) {
		for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
			if (s->client[i].fd >= 0 && s->client[i].port == port) {
				make_reset(s->client[i].fd);
			}
		}
		hang_up(s, port);
	}
}

void port_close(struct server_port *p)
{
	if (p->fd >= 0) {
		close(p->fd);
	}
	if (p->plugged_in) {
		pty_unlink(&p->pty, p->host);
	}
	pty_close(&p->pty);
}
