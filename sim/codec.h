/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's codec: requests are parsed and answers composed by libmodbus, over a socket pair of
 * its own. It only sees whole frames, so nothing it does can block.
 *
 * Frames are those of Modbus TCP whatever the line: seven bytes of header, then the function. */
#ifndef LECD_SIM_CODEC_H
#define LECD_SIM_CODEC_H

#include <stdint.h>

enum { CODEC_FRAME_MAX = 260, CODEC_HEADER = 7 };

/* Modbus exceptions, as on the wire. */
enum { EXCEPTION_ILLEGAL_FUNCTION = 1, EXCEPTION_ILLEGAL_ADDRESS = 2, EXCEPTION_ILLEGAL_VALUE = 3 };

/* What answers for a unit. Both return 0 or an exception. function is 3 or 4, and 6 or 16; count is
 * 1..125, and 1..123. */
struct server_handler {
	int (*read)(void *device, int function, int address, int count, uint16_t *words);
	int (*write)(void *device, int function, int address, int count, const uint16_t *words);
};

struct codec {
	void *modbus; /* libmodbus' context */
	int fd[2];    /* our end, its end */
};

/* Returns 0 or -errno; close in any case. */
int codec_init(struct codec *c);
void codec_close(struct codec *c);

/* Let a device answer a request. Returns the answer's length, 0 for none, -EBADMSG where the frame
 * is nonsense. */
int codec_answer(struct codec *c, const struct server_handler *handler, void *device,
		 const uint8_t *frame, int length, uint8_t out[CODEC_FRAME_MAX]);

/* Answer a request by an exception. Returns as codec_answer. */
int codec_refuse(struct codec *c, const uint8_t *frame, int exception,
		 uint8_t out[CODEC_FRAME_MAX]);

#endif
