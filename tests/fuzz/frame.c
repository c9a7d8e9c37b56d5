/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the answer to any request: taken only where it says what was asked for. */
#include "drivers/frame.h"
#include "fuzz.h"

static struct frame take_request(struct bytes *b)
{
	uint16_t words[POINT_WORDS_MAX];
	uint8_t how, unit;
	uint16_t transaction, address;
	take(b, &how, 1);
	take(b, &unit, 1);
	take(b, &transaction, 2);
	take(b, &address, 2);
	take(b, words, sizeof(words));
	if (how % 4 == 0) {
		return frame_write(transaction, unit, 6, address, 1, words);
	}
	if (how % 4 == 1) {
		return frame_write(transaction, unit, 16, address, 1 + how / 4 % POINT_WORDS_MAX,
				   words);
	}
	return frame_read(transaction, unit, how % 4 == 2 ? TABLE_HOLDING : TABLE_INPUT, address,
			  1 + how / 4);
}

/* pdu: unit and what follows, size bytes. */
static void check_taken(const struct frame *f, int r, const uint8_t *pdu, int size)
{
	assert(pdu[0] == f->bytes[6]);
	if (r > 0) {
		assert(size == 3 && pdu[1] == (f->bytes[7] | 0x80) && pdu[2] == r);
	} else if (f->count) {
		assert(size == 3 + 2 * f->count && pdu[1] == f->bytes[7]);
	} else {
		assert(size == 6 && memcmp(pdu + 1, f->bytes + 7, 5) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	uint16_t words[FRAME_REGISTERS_MAX];
	uint8_t sent[FRAME_RTU_MAX];
	struct frame f = take_request(&b);
	int length = b.size < 1000 ? (int)b.size : 1000;
	int r = frame_check(&f, b.data, length, words);
	if (r >= 0) {
		assert(memcmp(b.data, f.bytes, 4) == 0);
		check_taken(&f, r, b.data + 6, length - 6);
	}
	r = frame_check_rtu(&f, b.data, length, words);
	if (r >= 0) {
		check_taken(&f, r, b.data, length - 2);
	}
	assert(frame_exception_text(r));
	assert(frame_to_rtu(&f, sent) == f.size - 4);
	for (int head = 0; head <= length && head <= FRAME_RTU_MAX; head++) {
		int whole = frame_rtu_length(&f, b.data, head);
		assert(whole <= FRAME_RTU_MAX && (whole == -74 || whole >= 5));
	}
	return 0;
}
