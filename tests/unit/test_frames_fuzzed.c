/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A million damaged answers: of each it is known, from its request alone, whether it may be taken.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"

#include "drivers/wire.h"

enum {
	ROUNDS = 1000000,
	WATCHED_ROUNDS = 50000,
	SOCKET_ROUNDS = 3000,
	BYTES_MAX = 2 * FRAME_BYTES_MAX + 64,
	PATIENCE_US = 20000000,
	UNTOUCHED = 0xA5
};

/* A way to damage the right answer to f: TCP's bytes, header and all. Returns the new length. */
struct damage {
	const char *name;
	int (*spoil)(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed);
	bool fatal; /* whatever comes of it, it is no answer to f */
	bool head;  /* spoils what RTU does not have */
};

/* --- damage -------------------------------------------------------------------------------------
 */

static int below(uint64_t *seed, int limit)
{
	return (int)(random_next(seed) % (uint64_t)limit);
}

/* Spoil one of count bytes for certain. */
static void spoil_one(uint8_t *bytes, int count, uint64_t *seed)
{
	bytes[below(seed, count)] ^= (uint8_t)(1 + below(seed, 255));
}

static void flip(uint8_t *bytes, int bit)
{
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void put_length(uint8_t *bytes, int length)
{
	bytes[4] = (uint8_t)((length - 6) >> 8);
	bytes[5] = (uint8_t)(length - 6);
}

static int noise(uint8_t *bytes, int length, uint64_t *seed)
{
	for (int i = 0; i < length; i++) {
		bytes[i] = (uint8_t)random_next(seed);
	}
	return length;
}

static int spoil_nothing(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f, (void)bytes, (void)seed;
	return length;
}

static int spoil_exception(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f, (void)length;
	bytes[7] |= 0x80;
	bytes[8] = (uint8_t)below(seed, 256); /* 0 is none */
	put_length(bytes, 9);
	return 9;
}

static int spoil_transaction(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	spoil_one(bytes, 2, seed);
	return length;
}

static int spoil_protocol(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	spoil_one(bytes + 2, 2, seed);
	return length;
}

static int spoil_length(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	spoil_one(bytes + 4, 2, seed);
	return length;
}

static int spoil_unit(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	spoil_one(bytes + 6, 1, seed);
	return length;
}

static int spoil_function(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	spoil_one(bytes + 7, 1, seed);
	return length;
}

/* The byte count of a read, the echo of a write. */
static int spoil_count(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	spoil_one(bytes + 8, f->count ? 1 : 4, seed);
	return length;
}

/* Fewer registers than asked for; the header says so, and the byte count may or may not. */
static int spoil_short(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	int fewer = f->count ? 1 + below(seed, f->count) : 1 + below(seed, 2);
	length -= 2 * fewer;
	bytes[8] = (uint8_t)(bytes[8] - (f->count && below(seed, 2) ? 2 * fewer : 0));
	put_length(bytes, length);
	return length;
}

/* More registers, to far beyond what a frame may hold. */
static int spoil_oversize(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	int more = 1 + below(seed, 127);
	(void)noise(bytes + length, 2 * more, seed);
	length += 2 * more;
	bytes[8] = (uint8_t)(bytes[8] + (f->count && below(seed, 2) ? 2 * more : 0));
	put_length(bytes, length);
	return length;
}

static int spoil_end(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f, (void)bytes;
	return below(seed, length);
}

/* Something behind it: noise, or a second answer. */
static int spoil_behind(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	if (below(seed, 2)) {
		return length + answer_well(f, seed, bytes + length);
	}
	return length + noise(bytes + length, 1 + below(seed, 300 - length), seed);
}

/* What was asked for before, and comes late: it may even look the same but for its number. */
static int spoil_turn(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	struct frame earlier = below(seed, 2) ? random_request(seed) : *f;
	(void)length;
	earlier.bytes[0] = f->bytes[0];
	earlier.bytes[1] = (uint8_t)(f->bytes[1] - 1 - below(seed, 255));
	return answer_well(&earlier, seed, bytes);
}

/* Another's answer under this number. */
static int spoil_origin(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	struct frame other = random_request(seed);
	(void)length;
	memcpy(other.bytes, f->bytes, 2);
	other.bytes[6] = below(seed, 4) ? f->bytes[6] : other.bytes[6];
	return answer_well(&other, seed, bytes);
}

static int spoil_all(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)length;
	length = noise(bytes, below(seed, 320), seed);
	memcpy(bytes, f->bytes, (size_t)below(seed, 9)); /* which begins well */
	return length;
}

static int spoil_bits(const struct frame *f, uint8_t *bytes, int length, uint64_t *seed)
{
	(void)f;
	for (int i = 1 + below(seed, 8); i > 0; i--) {
		flip(bytes, below(seed, 8 * length));
	}
	return length;
}

static const struct damage damages[] = {
	/* name          spoil              fatal  head */
	{ "none", spoil_nothing, false, false },
	{ "exception", spoil_exception, false, false },
	{ "transaction", spoil_transaction, true, true },
	{ "protocol", spoil_protocol, true, true },
	{ "length", spoil_length, true, true },
	{ "late", spoil_turn, true, true },
	{ "unit", spoil_unit, true, false },
	{ "function", spoil_function, true, false },
	{ "count, echo", spoil_count, true, false },
	{ "short", spoil_short, true, false },
	{ "oversize", spoil_oversize, true, false },
	{ "cut", spoil_end, true, false },
	{ "glued", spoil_behind, true, false },
	{ "another's", spoil_origin, false, false },
	{ "noise", spoil_all, false, false },
	{ "bits", spoil_bits, false, false },
};
enum { DAMAGES = sizeof(damages) / sizeof(*damages), LINE = DAMAGES, KINDS };

/* --- what RTU's line does to a sealed answer ----------------------------------------------------
 */

/* Up to three bits, or some within 16 in a row: no checksum of 16 bits lets that through. */
static int spoil_line_bits(uint8_t *bytes, int length, uint64_t *seed)
{
	int first = below(seed, 8 * length - 16), burst = below(seed, 2);
	flip(bytes, first);
	for (int i = burst ? 8 : below(seed, 3); i > 0; i--) {
		int bit = burst ? first + 1 + below(seed, 15) : below(seed, 8 * length);
		flip(bytes, bit == first ? bit + 1 : bit);
	}
	return length;
}

/* --- the verdict --------------------------------------------------------------------------------
 */

/* What unit and all behind it, size bytes, are to f: 0, an exception or -EBADMSG. Told from the
 * right answer to f, of which only the values of registers are open. */
static int verdict(const struct frame *f, const uint8_t *unit, int size)
{
	uint8_t right[FRAME_BYTES_MAX];
	uint64_t any = 1;
	int right_size = answer_well(f, &any, right) - 6, fixed = f->count ? 3 : right_size;
	if (size == 3 && unit[0] == right[6] && unit[1] == (right[7] | 0x80) && unit[2] > 0) {
		return unit[2];
	}
	return size == right_size && memcmp(unit, right + 6, (size_t)fixed) == 0 ? 0 : -EBADMSG;
}

static int verdict_tcp(const struct frame *f, const uint8_t *bytes, int length)
{
	bool head = length > 6 && memcmp(bytes, f->bytes, 4) == 0 &&
		    (bytes[4] << 8 | bytes[5]) == length - 6;
	return head ? verdict(f, bytes + 6, length - 6) : -EBADMSG;
}

static int verdict_rtu(const struct frame *f, const uint8_t *bytes, int length)
{
	/* The checksum of all, checksum included, is 0. */
	bool sealed = length > 2 && frame_crc(bytes, length) == 0;
	return sealed ? verdict(f, bytes, length - 2) : -EBADMSG;
}

/* Registers are those of the answer where it was taken, else as they were before. */
static void assert_words(const struct frame *f, const uint16_t *words, const uint8_t *values, int r)
{
	for (int i = 0; i < FRAME_REGISTERS_MAX; i++) {
		bool filled = r == 0 && i < f->count;
		assert_int_equal(words[i], filled ? values[2 * i] << 8 | values[2 * i + 1]
						  : UNTOUCHED << 8 | UNTOUCHED);
	}
}

struct tally {
	int taken, exceptions, refused;
};

static void count_result(struct tally *t, int r)
{
	t->taken += r == 0;
	t->exceptions += r > 0;
	t->refused += r < 0;
}

static void print_tallies(const char *line, const struct tally *t)
{
	for (int i = 0; i < KINDS; i++) {
		if (t[i].taken + t[i].exceptions + t[i].refused > 0) {
			print_message("%s %-11s taken %6d, exceptions %6d, refused %6d\n", line,
				      i == LINE ? "line" : damages[i].name, t[i].taken,
				      t[i].exceptions, t[i].refused);
		}
	}
}

static int rounds(void)
{
#ifdef __SANITIZE_ADDRESS__
	return ROUNDS;
#else
	return is_watched() ? WATCHED_ROUNDS : ROUNDS;
#endif
}

/* A copy that ends where its bytes end: who reads on is caught. */
static uint8_t *own_copy(const uint8_t *bytes, int length)
{
	uint8_t *copy = malloc((size_t)length + (length == 0));
	assert_non_null(copy);
	memcpy(copy, bytes, (size_t)length);
	return copy;
}

static void fuzz_tcp(const struct frame *f, int kind, uint64_t *seed, struct tally *tally)
{
	uint8_t bytes[BYTES_MAX];
	uint16_t words[FRAME_REGISTERS_MAX];
	int length = damages[kind].spoil(f, bytes, answer_well(f, seed, bytes), seed);
	int expected = verdict_tcp(f, bytes, length);
	uint8_t *answer = own_copy(bytes, length);
	memset(words, UNTOUCHED, sizeof(words));
	int r = frame_check(f, answer, length, words);
	assert_int_equal(r, expected);
	assert_words(f, words, answer + FRAME_HEADER + 2, r);
	assert_true(r < 0 || !damages[kind].fatal);
	assert_true(r == 0 || damages[kind].spoil != spoil_nothing);
	free(answer);
	count_result(&tally[kind], r);
}

/* The same damage below a right checksum, or a right answer that the line damages. */
static void fuzz_rtu(const struct frame *f, int kind, uint64_t *seed, struct tally *tally)
{
	uint8_t bytes[BYTES_MAX];
	uint16_t words[FRAME_REGISTERS_MAX];
	bool line = damages[kind].head;
	int length = answer_well(f, seed, bytes);
	length = line ? length : damages[kind].spoil(f, bytes, length, seed);
	length = seal_rtu(bytes + 6, length > 6 ? length - 6 : 0);
	length = line ? spoil_line_bits(bytes + 6, length, seed) : length;
	int expected = verdict_rtu(f, bytes + 6, length);
	uint8_t *answer = own_copy(bytes + 6, length);
	memset(words, UNTOUCHED, sizeof(words));
	int r = frame_check_rtu(f, answer, length, words);
	assert_int_equal(r, expected);
	assert_words(f, words, answer + 3, r);
	assert_true(r < 0 || !damages[kind].fatal);
	assert_true(r == 0 || damages[kind].spoil != spoil_nothing);
	free(answer);
	count_result(&tally[line ? LINE : kind], r);
}

static void test_frames(void **unused)
{
	/* Of a million answers, damaged in every way, only right ones are taken, and all of those.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	struct tally tcp[KINDS] = { 0 }, rtu[KINDS] = { 0 };
	for (int i = 0; i < rounds(); i++) {
		struct frame f = random_request(&seed);
		int kind = below(&seed, DAMAGES);
		(i % 2 ? fuzz_rtu : fuzz_tcp)(&f, kind, &seed, i % 2 ? rtu : tcp);
	}
	print_tallies("TCP", tcp);
	print_tallies("RTU", rtu);
	assert_true(rtu[LINE].refused > 0);
	for (int i = 0; i < DAMAGES; i++) {
		assert_true(tcp[i].refused > 0 || damages[i].spoil == spoil_nothing);
	}
}

/* --- over a socket ------------------------------------------------------------------------------
 */

/* Takes a request and sends what it was given for it, then hangs up if it was told to. */
static struct mouth {
	int listener;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	uint8_t bytes[BYTES_MAX];
	int length;
	bool hang_up;
} mouth = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool speak(struct mouth *m, int fd)
{
	uint8_t request[FRAME_BYTES_MAX];
	if (recv(fd, request, 6, MSG_WAITALL) != 6 ||
	    recv(fd, request + 6, request[5], MSG_WAITALL) != request[5]) {
		return false;
	}
	pthread_mutex_lock(&m->lock);
	(void)send(fd, m->bytes, (size_t)m->length, MSG_NOSIGNAL);
	bool stay = !m->hang_up;
	pthread_mutex_unlock(&m->lock);
	return stay;
}

static void *run_mouth(void *argument)
{
	struct mouth *m = argument;
	int fd;
	while ((fd = accept(m->listener, NULL, NULL)) >= 0) {
		while (speak(m, fd)) {
		}
		close(fd);
	}
	return NULL;
}

static void start_mouth(struct mouth *m, struct wire **wire)
{
	char text[64];
	struct modbus_address a;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(m->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(m->listener, 4), 0);
	assert_int_equal(getsockname(m->listener, (struct sockaddr *)&at, &size), 0);
	snprintf(text, sizeof(text), "tcp://127.0.0.1:%d/1", ntohs(at.sin_port));
	assert_null(modbus_address_parse(text, &a));
	assert_int_equal(pthread_create(&m->thread, NULL, run_mouth, m), 0);
	assert_int_equal(wire_open(&a, wire), 0);
}

/* Ask f and have it answered with the damage of that kind. Returns what the wire made of it. */
static int exchange(struct wire *wire, const struct frame *f, int kind, uint64_t *seed)
{
	uint16_t words[FRAME_REGISTERS_MAX];
	memset(words, UNTOUCHED, sizeof(words));
	pthread_mutex_lock(&mouth.lock);
	mouth.length = damages[kind].spoil(f, mouth.bytes, answer_well(f, seed, mouth.bytes), seed);
	mouth.hang_up = damages[kind].spoil != spoil_nothing;
	pthread_mutex_unlock(&mouth.lock);
	int r = wire_connected(wire) ? 0 : wire_connect(wire, PATIENCE_US);
	r = r < 0 ? r : wire_exchange(wire, f, PATIENCE_US, words);
	pthread_mutex_lock(&mouth.lock);
	assert_words(f, words, mouth.bytes + FRAME_HEADER + 2, r);
	pthread_mutex_unlock(&mouth.lock);
	if (r < 0) {
		wire_disconnect(wire);
	}
	return r;
}

static void test_socket(void **unused)
{
	/* Over a socket, too: no damage is taken for an answer, and the next good answer arrives.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	struct wire *wire;
	struct tally tally[KINDS] = { 0 };
	start_mouth(&mouth, &wire);
	for (int i = 0; i < (is_watched() ? SOCKET_ROUNDS / 10 : SOCKET_ROUNDS); i++) {
		struct frame f = random_request(&seed), next = random_request(&seed);
		int kind = below(&seed, DAMAGES);
		if (damages[kind].spoil == spoil_bits) {
			continue; /* TCP has no checksum of its own: a value's bit is not seen */
		}
		int r = exchange(wire, &f, kind, &seed);
		count_result(&tally[kind], r);
		/* What is behind an answer is found before the next one. */
		assert_true(r != 0 || !damages[kind].fatal || damages[kind].spoil == spoil_behind);
		if (exchange(wire, &next, 0, &seed) != 0) {
			assert_int_equal(exchange(wire, &next, 0, &seed), 0);
		}
	}
	print_tallies("socket", tally);
	wire_free(wire);
	shutdown(mouth.listener, SHUT_RDWR);
	pthread_join(mouth.thread, NULL);
	close(mouth.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_socket),
	};
	return cmocka_run_group_tests_name("frames fuzzed", tests, NULL, NULL);
}
