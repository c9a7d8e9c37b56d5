/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/frame.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(struct frame *f, int value)
{
	f->bytes[f->size++] = (uint8_t)(value >> 8);
	f->bytes[f->size++] = (uint8_t)value;
}

static struct frame begin(uint16_t transaction, int unit, int function, int address)
{
	struct frame f = { .size = 0 };
	put16(&f, transaction);
	put16(&f, 0); /* protocol */
	put16(&f, 0); /* length, when it is known */
	f.bytes[f.size++] = (uint8_t)unit;
	f.bytes[f.size++] = (uint8_t)function;
	put16(&f, address);
	return f;
}

static void end(struct frame *f)
{
	f->bytes[5] = (uint8_t)(f->size - 6);
}

struct frame frame_read(uint16_t transaction, int unit, enum register_table table, int address,
			int count)
{
	assert(count >= 1 && count <= FRAME_REGISTERS_MAX);
	struct frame f = begin(transaction, unit, (int)table, address);
	put16(&f, count);
	end(&f);
	f.count = count;
	return f;
}

struct frame frame_write(uint16_t transaction, int unit, int function, int address, int count,
			 const uint16_t *words)
{
	assert(count >= 1 && count <= FRAME_WRITE_MAX && (function == 16 || count == 1));
	struct frame f = begin(transaction, unit, function, address);
	if (function == 16) {
		put16(&f, count);
		f.bytes[f.size++] = (uint8_t)(2 * count);
	}
	for (int i = 0; i < count; i++) {
		put16(&f, words[i]);
	}
	end(&f);
	return f;
}

/* Whether the body behind the function code is what this request asked for. */
static int check_body(const struct frame *request, const uint8_t *body, int size, uint16_t *words)
{
	if (request->count == 0) {
		/* Both ways to write are answered by the four bytes behind the function code. */
		return size == 4 && memcmp(body, request->bytes + FRAME_HEADER + 1, 4) == 0
			       ? 0
			       : -EBADMSG;
	}
	if (size != 1 + 2 * request->count || body[0] != 2 * request->count) {
		return -EBADMSG;
	}
	for (int i = 0; i < request->count; i++) {
		words[i] = get16(body + 1 + 2 * i);
	}
	return 0;
}

/* Check what TCP and RTU have in common: function, and exception code or body. */
static int check_pdu(const struct frame *request, const uint8_t *pdu, int size, uint16_t *words)
{
	int function = request->bytes[FRAME_HEADER];
	if (pdu[0] == (function | 0x80)) {
		return size == 2 && pdu[1] > 0 ? pdu[1] : -EBADMSG;
	}
	return pdu[0] == function ? check_body(request, pdu + 1, size - 1, words) : -EBADMSG;
}

int frame_check(const struct frame *request, const uint8_t *answer, int length, uint16_t *words)
{
	/* Transaction and protocol are as sent, and so is the unit. */
	if (length < FRAME_HEADER + 2 || length > FRAME_BYTES_MAX ||
	    memcmp(answer, request->bytes, 4) != 0 || get16(answer + 4) != length - 6 ||
	    answer[6] != request->bytes[6]) {
		return -EBADMSG;
	}
	return check_pdu(request, answer + FRAME_HEADER, length - FRAME_HEADER, words);
}

/* --- RTU ----------------------------------------------------------------------------------------
 */

enum { RTU_HEAD = 1, RTU_CRC = 2 }; /* unit before, checksum behind what TCP has too */

uint16_t frame_crc(const uint8_t *bytes, int length)
{
	unsigned crc = 0xFFFF;
	for (int i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
		}
	}
	return (uint16_t)crc;
}

int frame_to_rtu(const struct frame *request, uint8_t bytes[FRAME_RTU_MAX])
{
	int size = request->size - (FRAME_HEADER - RTU_HEAD);
	memcpy(bytes, request->bytes + FRAME_HEADER - RTU_HEAD, (size_t)size);
	uint16_t crc = frame_crc(bytes, size);
	bytes[size] = (uint8_t)crc;
	bytes[size + 1] = (uint8_t)(crc >> 8);
	return size + RTU_CRC;
}

int frame_rtu_length(const struct frame *request, const uint8_t *answer, int length)
{
	int function = request->bytes[FRAME_HEADER];
	int shortest = RTU_HEAD + 2 + RTU_CRC;
	if (length > 0 && answer[0] != request->bytes[FRAME_HEADER - RTU_HEAD]) {
		return -EBADMSG;
	}
	if (length < 2 || answer[1] == (function | 0x80)) {
		return shortest;
	}
	if (answer[1] != function) {
		return -EBADMSG;
	}
	return shortest + (request->count ? 2 * request->count : 3);
}

int frame_check_rtu(const struct frame *request, const uint8_t *answer, int length, uint16_t *words)
{
	if (frame_rtu_length(request, answer, length) != length) {
		return -EBADMSG;
	}
	int covered = length - RTU_CRC;
	if (frame_crc(answer, covered) != (answer[covered] | answer[covered + 1] << 8)) {
		return -EBADMSG;
	}
	return check_pdu(request, answer + RTU_HEAD, covered - RTU_HEAD, words);
}

const char *frame_exception_text(int code)
{
	static const char *const texts[] = {
		[EXCEPTION_FUNCTION] = "exception 1, illegal function",
		[EXCEPTION_ADDRESS] = "exception 2, illegal address",
		[EXCEPTION_VALUE] = "exception 3, illegal value",
		[4] = "exception 4, device failure",
		[5] = "exception 5, acknowledge",
		[EXCEPTION_BUSY] = "exception 6, busy",
		[7] = "exception 7, refused",
		[8] = "exception 8, memory error",
		[EXCEPTION_GATEWAY_PATH] = "exception 10, no path at the gateway",
		[EXCEPTION_GATEWAY_TARGET] = "exception 11, no answer behind the gateway",
	};
	bool named = code > 0 && code < (int)(sizeof(texts) / sizeof(*texts)) && texts[code];
	return named ? texts[code] : "an unknown exception";
}
