/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/server_bench.h"

#include "drivers/frame.h"

enum { LATE = -1000, HUNG_UP };

/* One request from a connection that stays, and its answer as our own client checks it: 0, an
 * exception, -EBADMSG; LATE: nothing came; HUNG_UP. */
static int fd;
static uint8_t got[2 * CODEC_FRAME_MAX];
static int size;

static int exchange(const struct frame *request, uint16_t *words)
{
	assert_int_equal(write(fd, request->bytes, (size_t)request->size), request->size);
	int expected = request->count ? 9 + 2 * request->count : 12;
	size = receive_raw(fd, got, expected);
	if (size > 0 && size < expected && (got[7] & 0x80 || size < 9)) {
		expected = size;
	}
	ssize_t more = size > 0 ? read(fd, got + size, sizeof(got) - (size_t)size) : 0;
	size += more > 0 ? (int)more : 0;
	return size < 0 ? HUNG_UP : size == 0 ? LATE : frame_check(request, got, size, words);
}

static int ask(int unit, int address, int count, uint16_t *words)
{
	static uint16_t transaction;
	struct frame f = frame_read(++transaction, unit, TABLE_HOLDING, address, count);
	return exchange(&f, words);
}

static int tell(int unit, int address, uint16_t value)
{
	struct frame f = frame_write(77, unit, 6, address, 1, &value);
	return exchange(&f, NULL);
}

static void fault(int unit, const char *text)
{
	assert_null(fault_set(&faults[unit - 1], text, NULL));
}

static void heal(void)
{
	memset(faults, 0, sizeof(faults));
}

static void connect_client(void)
{
	fd = connect_raw();
	assert_true(fd >= 0);
}

static int begin(void **state)
{
	set_up(state);
	connect_client();
	return 0;
}

static int end(void **state)
{
	close(fd);
	return tear_down(state);
}

static void spoilt_frames_are_spoilt(void **state)
{
	/* Each fault of the frame makes an answer that a client has to refuse, as it says it does;
	 * healed, the answers are right, and a neighbour's always are. */
	(void)state;
	static const struct {
		const char *fault;
		int at, byte, size;
	} cases[] = {
		{ "wrong-tid", 0, 0x55, 13 },
		{ "wrong-unit", 6, 2, 13 },
		{ "wrong-function", 7, 4, 13 },
		{ "short", 8, 2, 11 },
		{ "oversize", 8, 255, CODEC_FRAME_MAX },
		{ "garbage", 0, -1, -1 },
	};
	uint16_t w[2];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fault(1, cases[i].fault);
		assert_int_equal(ask(1, 3, 2, w), -EBADMSG);
		if (cases[i].byte >= 0) {
			assert_int_equal(got[cases[i].at], cases[i].byte);
			assert_int_equal(size, cases[i].size);
			assert_int_equal(got[4] << 8 | got[5], size - 6);
		}
		heal();
		assert_int_equal(ask(1, 3, 2, w), 0);
		assert_int_equal(w[0], 33);
	}
}

static void garbage_follows_the_seed(void **state)
{
	/* Random answers are the same for a seed, and others for another. */
	(void)state;
	uint8_t first[3][CODEC_FRAME_MAX] = { 0 };
	uint16_t w[2];
	for (int i = 0; i < 3; i++) {
		server.unit[0].memory = (struct fault_memory){ .seed = i < 2 ? 5 : 6 };
		fault(1, "garbage");
		(void)ask(1, 3, 2, w);
		memcpy(first[i], got, (size_t)size);
		close(fd);
		connect_client();
	}
	assert_memory_equal(first[0], first[1], CODEC_FRAME_MAX);
	assert_memory_not_equal(first[0], first[2], CODEC_FRAME_MAX);
}

static void answers_come_one_late(void **state)
{
	/* An answer is what the request before asked for, under this one's number: no check of the
	 * frame can tell where both have the same length, and any can where not. */
	(void)state;
	uint16_t w[2];
	bank[0].word[7] = 77;
	assert_int_equal(ask(1, 3, 1, w), 0);
	fault(1, "late-by-one");
	assert_int_equal(ask(1, 7, 1, w), 0);
	assert_int_equal(w[0], 33);
	assert_int_equal(ask(1, 3, 2, w), -EBADMSG);
	assert_int_equal(ask(1, 3, 2, w), 0);
	heal();
	assert_int_equal(ask(1, 7, 1, w), 0);
	assert_int_equal(w[0], 77);
}

static void exceptions_come_where_told(void **state)
{
	/* One register, so many requests, or only writes get an exception; the rest is answered. */
	(void)state;
	uint16_t w[4];
	fault(1, "exception-at=3:4");
	assert_int_equal(ask(1, 0, 3, w), 0);
	assert_int_equal(ask(1, 0, 4, w), 4);
	assert_int_equal(ask(1, 4, 1, w), 0);
	assert_int_equal(tell(1, 3, 9), 4);
	heal();
	fault(1, "busy=2");
	assert_int_equal(ask(1, 3, 1, w), 6);
	assert_int_equal(ask(2, 3, 1, w), 0);
	assert_int_equal(ask(1, 3, 1, w), 6);
	assert_int_equal(ask(1, 3, 1, w), 0);
	fault(1, "refuse-writes=2");
	assert_int_equal(ask(1, 3, 1, w), 0);
	assert_int_equal(tell(1, 3, 9), 2);
	assert_int_equal(tell(2, 3, 9), 0);
	assert_int_equal(bank[0].writes, 0);
	for (int code = 1; code <= 11; code++) {
		char text[32];
		snprintf(text, sizeof(text), "exception=%d", code);
		fault(1, text);
		assert_int_equal(ask(1, 3, 1, w), code);
	}
}

static void several_faults_at_once(void **state)
{
	/* What is short may be of a wrong unit too. */
	(void)state;
	uint16_t w[2];
	fault(1, "short");
	fault(1, "wrong-unit");
	assert_int_equal(ask(1, 3, 2, w), -EBADMSG);
	assert_int_equal(got[6], 2);
	assert_int_equal(got[8], 2);
}

static void connections_are_reset(void **state)
{
	/* A resetting unit resets who is there and who comes; healed, its port is as before. */
	(void)state;
	uint16_t w[2];
	uint8_t in[1];
	assert_int_equal(ask(2, 3, 1, w), 0);
	fault(1, "reset");
	pump_now();
	assert_int_equal(read(fd, in, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	connect_client();
	assert_int_equal(receive_raw(fd, in, 1), -1);
	close(fd);
	heal();
	connect_client();
	assert_int_equal(ask(1, 3, 1, w), 0);
}

static void lateness_is_a_share(void **state)
{
	/* An answer that is late by a share of the timeout is not there a moment before, and there
	 * when that time has passed. */
	(void)state;
	uint8_t in[16];
	static const uint8_t request[] = { 0, 9, 0, 0, 0, 6, 1, 3, 0, 3, 0, 1 };
	int64_t now_us = clock_real_us();
	fault(1, "late=300");
	assert_int_equal(write(fd, request, sizeof(request)), sizeof(request));
	for (int i = 0; i < 3; i++) {
		pump_once(now_us);
		pump_once(now_us + 3 * TIMEOUT_US - 1);
	}
	assert_int_equal(read(fd, in, sizeof(in)), -1);
	pump_once(now_us + 2 * 3 * TIMEOUT_US);
	assert_int_equal(read(fd, in, sizeof(in)), 11);
}

static void values_are_checked(void **state)
{
	/* A fault that does not exist, or with an impossible value, is refused; each name is known.
	 */
	(void)state;
	static const char *const bad[] = {
		"exception-at",      "exception-at=5",   "exception-at=5:0", "exception-at=70000:2",
		"exception-at=1:2x", "busy=0",           "late=0",           "sentinel=0x1234",
		"sentinel=",         "refuse-writes=99", "unplug=1",         "soc-step=101",
		"bit-errors=1001",   "short=2",          "overwrite=0",      "scale-jump=-1",
	};
	struct faults f = { 0 }, none = { 0 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_non_null(fault_set(&f, bad[i], NULL));
	}
	assert_memory_equal(&f, &none, sizeof(f));
	for (int k = 0; k < FAULT_COUNT; k++) {
		char text[64];
		bool pair = k == FAULT_EXCEPTION_AT;
		snprintf(text, sizeof(text), "%s%s", fault_name((enum fault_kind)k),
			 pair ? "=40000:2" : "");
		enum fault_kind kind;
		assert_null(fault_set(&f, text, &kind));
		assert_int_equal(kind, k);
	}
	assert_true(f.value[FAULT_EXCEPTION_AT] == 40000 && f.code == 2);
	assert_null(fault_set(&f, "sentinel=0x7FFF", NULL));
	assert_int_equal(f.value[FAULT_SENTINEL], SENTINEL_7FFF);
	assert_null(fault_misplaced(FAULT_BIT_ERRORS, LINE_RTU_TCP));
	assert_non_null(fault_misplaced(FAULT_BIT_ERRORS, LINE_TCP));
	assert_non_null(fault_misplaced(FAULT_UNPLUG, LINE_RTU_TCP));
	assert_null(fault_misplaced(FAULT_UNPLUG, LINE_SERIAL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(spoilt_frames_are_spoilt), TEST(garbage_follows_the_seed),
		TEST(answers_come_one_late),    TEST(exceptions_come_where_told),
		TEST(several_faults_at_once),   TEST(connections_are_reset),
		TEST(lateness_is_a_share),      cmocka_unit_test(values_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
