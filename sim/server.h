/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Modbus server for simulated devices: several units behind a port, several clients, nothing that
 * blocks. A slow or hostile peer holds up nobody, and faults act on whole answers.
 *
 * A port is TCP on loopback, RTU over TCP on loopback, or RTU at a pseudo terminal that stands for
 * a serial port. Functions 3, 4, 6 and 16; exceptions as a device would answer them. The owner's
 * loop polls: server_poll_set(), poll(), server_dispatch(). Times are real monotonic ones: faults
 * delay the network, not the house. */
#ifndef LECD_SIM_SERVER_H
#define LECD_SIM_SERVER_H

#include <poll.h>
#include <stdint.h>

#include "drivers/address.h"
#include "sim/codec.h"
#include "sim/fault_frame.h"
#include "sim/pty.h"

enum { SERVER_PORTS_MAX = 16, SERVER_UNITS_MAX = 48, SERVER_CLIENTS_MAX = 64 };
enum { SERVER_FDS_MAX = SERVER_PORTS_MAX + SERVER_CLIENTS_MAX };

struct server_unit {
	int port; /* index of the port it is behind */
	int unit; /* 1..247 */
	const struct server_handler *handler;
	void *device;          /* the handler's */
	struct faults *faults; /* not owned; those of line and frame are acted on here */
	int64_t timeout_us;    /* how long its clients wait, for FAULT_LATE */
	struct fault_memory memory;
};

struct server_port {
	enum modbus_line line;
	int fd;          /* what listens; -1: refused, or a serial port */
	struct pty pty;  /* of a serial port */
	bool plugged_in; /* the serial port is linked to */
	char host[128];  /* or the link's path */
	int number;
	int64_t byte_us;    /* what a byte takes on the line; 0: nothing */
	int64_t line_bytes; /* that went over the line, for FAULT_BIT_ERRORS */
};

struct server_client {
	int fd; /* -1: free */
	int port;
	bool serial;      /* fd is the port's own */
	int64_t heard_us; /* when a byte came last */
	int in_length;
	uint8_t in[CODEC_FRAME_MAX];
	int out_length; /* the answer under way; no other request is taken before it is gone */
	int out_sent;
	uint8_t out[CODEC_FRAME_MAX + 2]; /* and an RTU frame's checksum */
	int64_t send_us;                  /* when to send on */
	int64_t pause_us;                 /* between bursts */
	int burst;                        /* bytes sent together; 0: all */
};

struct server {
	int ports;
	int units;
	struct server_port port[SERVER_PORTS_MAX];
	struct server_unit unit[SERVER_UNITS_MAX];
	struct server_client client[SERVER_CLIENTS_MAX];
	struct codec codec;
	uint64_t seed; /* of faults that are random; the owner may set it before adding units */
	uint64_t requests, answers, malformed;
};

/* Prepare a server without ports. Return 0 or -errno. */
int server_init(struct server *s);

/* Whether host is a loopback address: 0; -EACCES: another address; -EINVAL: none in numbers. */
int server_check_host(const char *host);

/* Listen on a loopback address (127.x.x.x or ::1), where port 0 takes a free one, or make a serial
 * port with a link at the address' path. byte_us: what a byte takes there, 0 for nothing. Return
 * the port's index, or -errno: -EACCES where host is not loopback, -EEXIST where something else is
 * at the path, -ENOSPC where there are too many. */
int server_listen(struct server *s, const struct modbus_address *address, int64_t byte_us);

/* Put a unit behind a port. Return 0; -EEXIST where the port has it; -ENOSPC. */
int server_add(struct server *s, const struct server_unit *unit);

/* Fill set with what to wait for and lower *timeout_ms to when something is due. Return how many
 * there are, at most SERVER_FDS_MAX. */
int server_poll_set(struct server *s, struct pollfd set[SERVER_FDS_MAX], int64_t now_us,
		    int *timeout_ms);

/* Accept, receive, answer. Also opens and closes ports after their units' faults. */
void server_dispatch(struct server *s, const struct pollfd *set, int fds, int64_t now_us);

/* Close everything. */
void server_close(struct server *s);

#endif
