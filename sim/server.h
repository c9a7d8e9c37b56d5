/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Modbus TCP server for simulated devices: several units behind a port, several clients, nothing
 * that blocks. Requests are parsed and answers composed by libmodbus, over a socket pair of its
 * own, so that a slow or hostile peer holds up nobody and faults can act on whole answers.
 *
 * Listens on loopback only. Functions 3, 4, 6 and 16; exceptions as a device would answer them.
 * The owner's loop polls: server_poll_set(), poll(), server_dispatch(). Times are real monotonic
 * ones: faults delay the network, not the house. */
#ifndef LECD_SIM_SERVER_H
#define LECD_SIM_SERVER_H

#include <poll.h>
#include <stdint.h>

#include "sim/fault.h"

enum { SERVER_PORTS_MAX = 16, SERVER_UNITS_MAX = 48, SERVER_CLIENTS_MAX = 64 };
enum { SERVER_FDS_MAX = SERVER_PORTS_MAX + SERVER_CLIENTS_MAX };
enum { SERVER_FRAME_MAX = 260 };

/* Modbus exceptions, as on the wire. */
enum { EXCEPTION_ILLEGAL_FUNCTION = 1, EXCEPTION_ILLEGAL_ADDRESS = 2, EXCEPTION_ILLEGAL_VALUE = 3 };

/* What answers for a unit. Both return 0 or an exception. function is 3 or 4, and 6 or 16; count is
 * 1..125, and 1..123. */
struct server_handler {
	int (*read)(void *device, int function, int address, int count, uint16_t *words);
	int (*write)(void *device, int function, int address, int count, const uint16_t *words);
};

struct server_unit {
	int port; /* index of the port it is behind */
	int unit; /* 1..247 */
	const struct server_handler *handler;
	void *device;                /* the handler's */
	const struct faults *faults; /* not owned; those of the wire are acted on here */
};

struct server_port {
	int fd; /* -1: refused */
	char host[40];
	int number;
};

struct server_client {
	int fd; /* -1: free */
	int port;
	int in_length;
	uint8_t in[SERVER_FRAME_MAX];
	int out_length; /* the answer under way; no other request is taken before it is gone */
	int out_sent;
	uint8_t out[SERVER_FRAME_MAX];
	int64_t send_us; /* when to send on */
	int64_t drip_us; /* a byte every so often; 0: all at once */
};

struct server {
	int ports;
	int units;
	struct server_port port[SERVER_PORTS_MAX];
	struct server_unit unit[SERVER_UNITS_MAX];
	struct server_client client[SERVER_CLIENTS_MAX];
	void *codec;     /* libmodbus' context */
	int codec_fd[2]; /* our end, its end */
	uint64_t requests, answers, malformed;
};

/* Prepare a server without ports. Return 0 or -errno. */
int server_init(struct server *s);

/* Whether host is a loopback address: 0; -EACCES: another address; -EINVAL: none in numbers. */
int server_check_host(const char *host);

/* Listen on a loopback address (127.x.x.x or ::1); number 0 takes a free port. Return the port's
 * index, or -errno: -EACCES where host is not loopback, -ENOSPC where there are too many. */
int server_listen(struct server *s, const char *host, int number);

/* Put a unit behind a port. Return 0; -EEXIST where the port has it; -ENOSPC. */
int server_add(struct server *s, const struct server_unit *unit);

/* Fill set with what to wait for and lower *timeout_ms to when a delayed answer is due. Return how
 * many there are, at most SERVER_FDS_MAX. */
int server_poll_set(struct server *s, struct pollfd set[SERVER_FDS_MAX], int64_t now_us,
		    int *timeout_ms);

/* Accept, receive, answer. Also opens and closes ports after their units' faults. */
void server_dispatch(struct server *s, const struct pollfd *set, int fds, int64_t now_us);

/* Close everything. */
void server_close(struct server *s);

#endif
