/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "answers.h"

enum { ROUNDS = 100000 };

static void test_requests(void **unused)
{
	/* Requests are what the protocol prescribes, byte by byte. */
	(void)unused;
	static const uint8_t reads[] = { 0x12, 0x34, 0, 0, 0, 6, 17, 3, 0, 0x6B, 0, 3 };
	static const uint8_t writes[] = { 0, 1, 0, 0, 0, 6, 17, 6, 0, 1, 0, 3 };
	static const uint8_t several[] = { 0, 2, 0, 0, 0, 11, 17, 16, 0, 1, 0, 2, 4, 0, 10, 1, 2 };
	struct frame r = frame_read(0x1234, 17, TABLE_HOLDING, 0x6B, 3);
	struct frame one = frame_write(1, 17, 6, 1, 1, (uint16_t[]){ 3 });
	struct frame two = frame_write(2, 17, 16, 1, 2, (uint16_t[]){ 10, 0x0102 });
	assert_int_equal(r.size, sizeof(reads));
	assert_memory_equal(r.bytes, reads, sizeof(reads));
	assert_int_equal(one.size, sizeof(writes));
	assert_memory_equal(one.bytes, writes, sizeof(writes));
	assert_int_equal(two.size, sizeof(several));
	assert_memory_equal(two.bytes, several, sizeof(several));
}

static void test_right_answers(void **unused)
{
	/* The right answer to any request is taken, and its registers are those sent. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t answer[FRAME_BYTES_MAX];
		uint16_t words[FRAME_REGISTERS_MAX];
		struct frame f = random_request(&seed);
		int length = answer_well(&f, &seed, answer);
		assert_int_equal(frame_check(&f, answer, length, words), 0);
		for (int w = 0; w < f.count; w++) {
			const uint8_t *at = answer + FRAME_HEADER + 2 + 2 * w;
			assert_int_equal(words[w], at[0] << 8 | at[1]);
		}
	}
}

static void test_spoilt_answers(void **unused)
{
	/* One wrong bit outside the registers' values, or one byte more or less, and it is refused.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t answer[FRAME_BYTES_MAX + 1] = { 0 };
		uint16_t words[FRAME_REGISTERS_MAX];
		struct frame f = random_request(&seed);
		int length = answer_well(&f, &seed, answer);
		int shape = f.count ? FRAME_HEADER + 2 : length; /* bytes that are no values */
		int kind = (int)(random_next(&seed) % 3);
		if (kind == 0) {
			uint64_t at = random_next(&seed) % (uint64_t)shape;
			answer[at] ^= (uint8_t)(1 << random_next(&seed) % 8);
		} else {
			length += kind == 1 ? -1 : 1;
		}
		assert_true(frame_check(&f, answer, length, words) == -EBADMSG);
	}
}

static void test_noise(void **unused)
{
	/* Noise of any length is refused and never read beyond its end. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint16_t words[FRAME_REGISTERS_MAX];
		int length = (int)(random_next(&seed) % (FRAME_BYTES_MAX + 1));
		uint8_t *answer = malloc((size_t)length + 1);
		assert_non_null(answer);
		for (int b = 0; b < length; b++) {
			answer[b] = (uint8_t)random_next(&seed);
		}
		struct frame f = random_request(&seed);
		assert_int_equal(frame_check(&f, answer, length, words), -EBADMSG);
		free(answer);
	}
}

static void test_exceptions(void **unused)
{
	/* An exception is its code, however odd, and every code has a name. */
	(void)unused;
	struct frame f = frame_read(7, 1, TABLE_INPUT, 0, 10);
	for (int code = 1; code < 256; code++) {
		uint8_t answer[9] = { 0, 7, 0, 0, 0, 3, 1, 0x84, (uint8_t)code };
		assert_int_equal(frame_check(&f, answer, 9, NULL), code);
		assert_non_null(frame_exception_text(code));
	}
	uint8_t none[9] = { 0, 7, 0, 0, 0, 3, 1, 0x84, 0 };
	assert_int_equal(frame_check(&f, none, 9, NULL), -EBADMSG);
}

/* --- RTU ----------------------------------------------------------------------------------------
 */

static void test_rtu_requests(void **unused)
{
	/* An RTU request is unit, function, data and the checksum with its low byte first. */
	(void)unused;
	static const uint8_t reads[] = { 17, 3, 0, 0x6B, 0, 3, 0x76, 0x87 };
	static const uint8_t writes[] = { 17, 6, 0, 1, 0, 3, 0x9A, 0x9B };
	uint8_t bytes[FRAME_RTU_MAX];
	struct frame r = frame_read(0x1234, 17, TABLE_HOLDING, 0x6B, 3);
	struct frame w = frame_write(1, 17, 6, 1, 1, (uint16_t[]){ 3 });
	assert_int_equal(frame_to_rtu(&r, bytes), sizeof(reads));
	assert_memory_equal(bytes, reads, sizeof(reads));
	assert_int_equal(frame_to_rtu(&w, bytes), sizeof(writes));
	assert_memory_equal(bytes, writes, sizeof(writes));
	assert_int_equal(frame_crc((const uint8_t *)"123456789", 9), 0x4B37);
}

/* The right RTU answer to f, or an exception. Returns its length. */
static int answer_rtu(const struct frame *f, uint64_t *seed, int exception, uint8_t *out)
{
	uint8_t tcp[FRAME_BYTES_MAX];
	int length = answer_well(f, seed, tcp) - FRAME_HEADER + 1;
	memcpy(out, tcp + FRAME_HEADER - 1, (size_t)length);
	if (exception) {
		out[1] |= 0x80;
		out[2] = (uint8_t)exception;
		length = 3;
	}
	return seal_rtu(out, length);
}

static void test_rtu_answers(void **unused)
{
	/* A right RTU answer is taken, and its length is known from its first two bytes on. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t answer[FRAME_RTU_MAX];
		uint16_t words[FRAME_REGISTERS_MAX];
		struct frame f = random_request(&seed);
		int exception = i % 4 == 0 ? 1 + i % 200 : 0;
		int length = answer_rtu(&f, &seed, exception, answer);
		assert_int_equal(frame_check_rtu(&f, answer, length, words), exception);
		for (int w = 0; w < f.count && !exception; w++) {
			assert_int_equal(words[w], answer[3 + 2 * w] << 8 | answer[4 + 2 * w]);
		}
		for (int head = 2; head <= length; head++) {
			assert_int_equal(frame_rtu_length(&f, answer, head), length);
		}
	}
}

static void test_rtu_spoilt(void **unused)
{
	/* Up to three wrong bits, 16 in a row, a byte too few or many, another's frame: refused. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t answer[FRAME_RTU_MAX + 1] = { 0 };
		uint16_t words[FRAME_REGISTERS_MAX];
		struct frame f = random_request(&seed);
		int length = answer_rtu(&f, &seed, i % 4 == 0 ? 2 : 0, answer);
		unsigned kind = (unsigned)(random_next(&seed) % 4);
		uint64_t at = random_next(&seed) % (uint64_t)(length - 1);
		if (kind == 0) {
			answer[at] ^= (uint8_t)(1 << random_next(&seed) % 8);
			answer[length - 1] ^= (uint8_t)(random_next(&seed) % 2 << 7);
			answer[at + 1] ^= (uint8_t)(random_next(&seed) % 2);
		} else if (kind == 1) {
			answer[at] ^= (uint8_t)(1 + random_next(&seed) % 255);
			answer[at + 1] ^= (uint8_t)random_next(&seed);
		} else if (kind == 2) {
			length += random_next(&seed) % 2 ? 1 : -1;
		} else {
			answer[0]++;
			(void)seal_rtu(answer, length - 2);
		}
		assert_int_equal(frame_check_rtu(&f, answer, length, words), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),       cmocka_unit_test(test_right_answers),
		cmocka_unit_test(test_spoilt_answers), cmocka_unit_test(test_noise),
		cmocka_unit_test(test_exceptions),     cmocka_unit_test(test_rtu_requests),
		cmocka_unit_test(test_rtu_answers),    cmocka_unit_test(test_rtu_spoilt),
	};
	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
