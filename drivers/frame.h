/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modbus requests and the check of their answers, for TCP and for RTU. No I/O, no library.
 *
 * An answer is taken only if all of it fits its request: transaction and protocol (TCP) or checksum
 * (RTU), length, unit, function, and the count of registers read or the echo of those written. */
#ifndef LECD_DRIVERS_FRAME_H
#define LECD_DRIVERS_FRAME_H

#include <stdint.h>

#include "drivers/point.h"

enum {
	FRAME_HEADER = 7,          /* transaction, protocol, length, unit */
	FRAME_REGISTERS_MAX = 125, /* of a read */
	FRAME_WRITE_MAX = 32,      /* registers of a write: the most we ever do */
	FRAME_BYTES_MAX = 260,
	FRAME_RTU_MAX = 256
};

/* Modbus exceptions that are told apart. */
enum {
	EXCEPTION_FUNCTION = 1,
	EXCEPTION_ADDRESS = 2,
	EXCEPTION_VALUE = 3,
	EXCEPTION_BUSY = 6,
	EXCEPTION_GATEWAY_PATH = 10,
	EXCEPTION_GATEWAY_TARGET = 11
};

/* A request as TCP carries it, header included. */
struct frame {
	uint8_t bytes[FRAME_HEADER + 6 + 2 * FRAME_WRITE_MAX];
	int size;
	int count; /* registers read; 0: a write */
};

struct frame frame_read(uint16_t transaction, int unit, enum register_table table, int address,
			int count);

/* function 6 (count must be 1) or 16. */
struct frame frame_write(uint16_t transaction, int unit, int function, int address, int count,
			 const uint16_t *words);

/* Check an answer of length bytes. Returns 0, and words (NULL for a write) filled; a Modbus
 * exception's code, > 0; or -EBADMSG where it is no answer to this request. */
int frame_check(const struct frame *request, const uint8_t *answer, int length, uint16_t *words);

/* The request as RTU carries it: unit and what follows, and the checksum. Returns its size. */
int frame_to_rtu(const struct frame *request, uint8_t bytes[FRAME_RTU_MAX]);

/* How long an RTU answer is in all, as far as its first `length` bytes tell. Returns that; at most
 * `length` when it is complete; or -EBADMSG where they begin no answer to this request. */
int frame_rtu_length(const struct frame *request, const uint8_t *answer, int length);

/* frame_check for an RTU answer. */
int frame_check_rtu(const struct frame *request, const uint8_t *answer, int length,
		    uint16_t *words);

/* The checksum of an RTU frame; its low byte is sent first. */
uint16_t frame_crc(const uint8_t *bytes, int length);

/* "exception 2, illegal address". Never NULL. */
const char *frame_exception_text(int code);

#endif
