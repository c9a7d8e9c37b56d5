/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back of a device that keeps what it is told for ever (liveness class C): what its control
 * registers held before they were first written, and how they are put back.
 *
 * It is kept outside of the process that commands the device, so that whoever comes after its death
 * can restore the device without knowing more than this: which registers, in which order. */
#ifndef LECD_DRIVERS_RESTORE_H
#define LECD_DRIVERS_RESTORE_H

#include <stdint.h>

#include "drivers/bus.h"
#include "drivers/frame.h"

enum { RESTORE_BLOCKS_MAX = 24, RESTORE_WORDS_MAX = FRAME_WRITE_MAX };

/* Registers that are written in one request. */
struct restore_block {
	int unit;     /* of the device's endpoint */
	int function; /* 6 or 16 */
	uint16_t address;
	int count;
	uint16_t words[RESTORE_WORDS_MAX];
};

struct restore {
	int64_t timeout_us; /* and what follows as in struct bus_client */
	int64_t connect_delay_us;
	int64_t request_delay_us;
	int64_t settle_us;
	int blocks;                                     /* 0: nothing is kept */
	struct restore_block block[RESTORE_BLOCKS_MAX]; /* in the order of writing */
};

/* Who keeps a way back. r NULL: the device is back at its default, forget it. Called on the bus's
 * thread, and may block for as long as a disk does. Returns 0 once it is durable, or -errno. */
typedef int restore_keep(void *context, const struct restore *r);

/* Add a block, its words not known yet. Returns 0 or -ENOSPC. */
int restore_add(struct restore *r, int unit, int function, int address, int count);

/* These two leave the client at the unit of the last block.
 *
 * From a work function: read what all blocks hold. Returns as bus_read; on failure some words may
 * be new. */
int restore_read(struct restore *r, struct bus_client *client);

/* From a work function: write each block that the device does not show already, and if there was
 * one, read all of them. A block that is refused does not keep the others from being written.
 * Returns 0: the device shows every one; -EREMOTEIO: it does not; else as bus_read. */
int restore_write(const struct restore *r, struct bus_client *client);

#endif
