/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/codec.h"

#include <errno.h>
#include <modbus.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST = 12, /* functions 3, 4 and 6; the head of 16 without its byte count */
	READ_MAX = MODBUS_MAX_READ_REGISTERS,
	WRITE_MAX = MODBUS_MAX_WRITE_REGISTERS
};

static int big_endian(const uint8_t *b)
{
	return b[0] << 8 | b[1];
}

/* Take what libmodbus wrote: a whole answer. */
static int take_answer(struct codec *c, uint8_t out[CODEC_FRAME_MAX])
{
	ssize_t n = recv(c->fd[0], out, CODEC_FRAME_MAX, MSG_DONTWAIT);
	return n > 0 ? (int)n : 0;
}

static void drain(struct codec *c)
{
	uint8_t rest[CODEC_FRAME_MAX];
	while (recv(c->fd[1], rest, sizeof(rest), MSG_DONTWAIT) > 0) {
	}
}

int codec_refuse(struct codec *c, const uint8_t *frame, int exception, uint8_t out[CODEC_FRAME_MAX])
{
	if (modbus_reply_exception(c->modbus, frame, (unsigned)exception) < 0) {
		return 0;
	}
	return take_answer(c, out);
}

/* Whether libmodbus reads the same length from the frame as its header says. */
static bool well_formed(struct codec *c, const uint8_t *frame, int length)
{
	uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
	if (send(c->fd[0], frame, (size_t)length, MSG_NOSIGNAL) != length) {
		return false;
	}
	int n = modbus_receive(c->modbus, request);
	drain(c);
	if (n != length) {
		return false;
	}
	bool multiple = frame[CODEC_HEADER] == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
	return !multiple || frame[REQUEST] == 2 * big_endian(frame + REQUEST - 2);
}

/* Ask the device. Return its exception, or 0 with the registers in words. */
static int execute(const struct server_handler *handler, void *device, const uint8_t *frame,
		   int *count, uint16_t words[READ_MAX])
{
	int function = frame[CODEC_HEADER], address = big_endian(frame + 8);
	bool write = function == MODBUS_FC_WRITE_SINGLE_REGISTER ||
		     function == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
	bool single = function == MODBUS_FC_WRITE_SINGLE_REGISTER;
	*count = single ? 1 : big_endian(frame + 10);
	if (*count < 1 || *count > (write ? WRITE_MAX : READ_MAX)) {
		return EXCEPTION_ILLEGAL_VALUE;
	}
	if (address + *count > 0x10000) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	if (!write) {
		return handler->read(device, function, address, *count, words);
	}
	const uint8_t *data = frame + (single ? 10 : 13);
	for (int i = 0; i < *count; i++) {
		words[i] = (uint16_t)big_endian(data + 2 * i);
	}
	return handler->write(device, function, address, *count, words);
}

static bool supported(int function)
{
	return function == MODBUS_FC_READ_HOLDING_REGISTERS ||
	       function == MODBUS_FC_READ_INPUT_REGISTERS ||
	       function == MODBUS_FC_WRITE_SINGLE_REGISTER ||
	       function == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;
}

int codec_answer(struct codec *c, const struct server_handler *handler, void *device,
		 const uint8_t *frame, int length, uint8_t out[CODEC_FRAME_MAX])
{
	if (!supported(frame[CODEC_HEADER])) {
		return codec_refuse(c, frame, EXCEPTION_ILLEGAL_FUNCTION, out);
	}
	if (!well_formed(c, frame, length)) {
		return -EBADMSG;
	}
	int count;
	uint16_t words[READ_MAX] = { 0 };
	int exception = execute(handler, device, frame, &count, words);
	if (exception) {
		return codec_refuse(c, frame, exception, out);
	}
	/* libmodbus sees just the registers this request is about. */
	modbus_mapping_t window = { .start_registers = big_endian(frame + 8),
				    .nb_registers = count,
				    .tab_registers = words,
				    .start_input_registers = big_endian(frame + 8),
				    .nb_input_registers = count,
				    .tab_input_registers = words };
	return modbus_reply(c->modbus, frame, length, &window) < 0 ? 0 : take_answer(c, out);
}

int codec_init(struct codec *c)
{
	*c = (struct codec){ .fd = { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->fd) < 0) {
		return -errno;
	}
	c->modbus = modbus_new_tcp("127.0.0.1", 502); /* an address it never uses */
	if (!c->modbus) {
		return -ENOMEM;
	}
	modbus_set_socket(c->modbus, c->fd[1]);
	/* All of a frame is there before libmodbus looks: it has nothing to wait for. */
	modbus_set_indication_timeout(c->modbus, 0, 1000);
	modbus_set_byte_timeout(c->modbus, 0, 1000);
	return 0;
}

void codec_close(struct codec *c)
{
	if (c->modbus) {
		modbus_free(c->modbus); /* leaves the socket we gave it open */
	}
	for (int i = 0; i < 2; i++) {
		if (c->fd[i] >= 0) {
			close(c->fd[i]);
		}
	}
}
