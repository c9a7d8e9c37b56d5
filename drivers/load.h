/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How busy a line is with the devices on it, from their profiles alone: so that a line that cannot
 * keep up is refused before anything is sent. */
#ifndef LECD_DRIVERS_LOAD_H
#define LECD_DRIVERS_LOAD_H

#include <stdint.h>

#include "drivers/address.h"

struct profile;

/* What goes over a line in one cycle. Start from all zero. */
struct load {
	int requests;
	int64_t talk_us;  /* bytes and turn-around */
	int64_t delay_us; /* before each request: the longest any device of the line wants */
};

/* Add one poll of a device: its blocks, what is read back of a command it holds, and its heartbeat
 * with the silence it wants afterwards. */
void load_add(struct load *l, const struct profile *p, const struct modbus_address *a);

/* The part of a cycle the line is busy: 1 is all of it. */
double load_share(const struct load *l, double cycle_s);

#endif
