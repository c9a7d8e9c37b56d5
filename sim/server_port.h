/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the server only: its ports, and the clients that come through them. */
#ifndef LECD_SIM_SERVER_PORT_H
#define LECD_SIM_SERVER_PORT_H

#include "sim/server.h"

/* Whether one of a port's units has a fault; its value, or 1, or 0. */
int port_fault(const struct server *s, int port, enum fault_kind kind);

/* Close and open a port, and hang up, as its units' faults say. */
void port_follow_faults(struct server *s, int port);

/* Take a client in. */
void port_accept(struct server *s, int port);

/* Close a port for good. */
void port_close(struct server_port *p);

/* Forget a client and its connection. */
void client_close(struct server_client *c);

#endif
