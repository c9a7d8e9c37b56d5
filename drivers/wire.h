/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line below a bus: Modbus TCP, RTU over TCP or RTU at a serial port. One request at a time,
 * and its answer; every call blocks for at most what its timeout says. Who talks when, and what
 * follows from an error, is the bus's business.
 *
 * RTU has no transaction to know an answer by. So whatever lies on the line is thrown away before
 * each request; after an answer that was no good the line must first fall silent; and a frame is
 * taken only if unit, function, length and checksum are right and nothing is glued to it. */
#ifndef LECD_DRIVERS_WIRE_H
#define LECD_DRIVERS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/address.h"
#include "drivers/frame.h"

struct wire;

/* Make the wire to address. Nothing is connected yet. Returns 0 or -ENOMEM. */
int wire_open(const struct modbus_address *address, struct wire **out);
void wire_free(struct wire *w); /* and disconnect; takes NULL */

/* Connect, or open the port by its path. Returns 0 or -errno. */
int wire_connect(struct wire *w, int64_t timeout_us);
void wire_disconnect(struct wire *w);
bool wire_connected(const struct wire *w);

/* Send a request and take its answer, which must be whole within timeout_us and, at a serial port,
 * the time both take at its speed. Returns as frame_check, or -errno: -ETIMEDOUT, -ENODEV (the port
 * is gone), -EBUSY (half of the time has passed and the line was never silent; nothing was sent)...
 * RTU: up to 25 ms of silence come before, where the last answer was no good. */
int wire_exchange(struct wire *w, const struct frame *request, int64_t timeout_us, uint16_t *words);

/* Whether the wire may stay connected after wire_exchange returned r, < 0. Not where the rest of an
 * answer could be taken for a later one, nor where the line is gone. */
bool wire_survives(const struct wire *w, int r);

/* Whether answers are RTU: without a transaction to know them by. */
bool wire_is_rtu(const struct wire *w);

/* The silence the line needs between an answer and the next request: RTU 3.5 characters and at
 * least 5 ms. */
int64_t wire_idle_us(const struct modbus_address *address);

/* How long so many bytes take at a serial port; 0 elsewhere. */
int64_t wire_bytes_us(const struct modbus_address *address, int bytes);

#endif
