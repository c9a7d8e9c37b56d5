/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "test.h"

#include "daemon/base/shares.h"

enum { SENDERS = 40, QUEUE = 2000, RUNS = 60, STEPS = 5000 };

/* A queue in the order its messages came, and what each sender has in it. */
static struct {
	size_t room;
	int first, count;
	struct {
		int sender;
		size_t size;
	} message[QUEUE];
	size_t waiting[SENDERS];
} queue;

static size_t name_of(int sender, char out[32])
{
	return (size_t)snprintf(out, 32, "lec/fjord/home/home-%d", sender);
}

static bool say(struct shares *s, int sender, size_t size)
{
	char name[32];
	size_t length = name_of(sender, name);
	if (queue.count == QUEUE || !shares_fit(s, name, length, size, queue.room)) {
		return false;
	}
	int last = (queue.first + queue.count++) % QUEUE;
	queue.message[last].sender = sender;
	queue.message[last].size = size;
	queue.room -= size;
	queue.waiting[sender] += size;
	shares_put(s, name, length, size);
	return true;
}

static void take(struct shares *s)
{
	char name[32];
	if (queue.count > 0) {
		int sender = queue.message[queue.first].sender;
		size_t size = queue.message[queue.first].size;
		shares_take(s, name, name_of(sender, name), size);
		queue.first = (queue.first + 1) % QUEUE;
		queue.count--;
		queue.room += size;
		queue.waiting[sender] -= size;
	}
}

/* Whether no other sender shares the place of one of the flooders. */
static bool are_apart(struct shares *s, int flooders)
{
	const size_t much = 1u << 30;
	bool apart = true;
	char name[32], other[32];
	for (int i = 0; i < flooders; i++) {
		size_t length = name_of(i, name);
		shares_put(s, name, length, much);
		for (int k = 0; k < SENDERS; k++) {
			size_t n = name_of(k, other);
			apart = apart && (k == i || shares_fit(s, other, n, 1, much));
		}
		shares_take(s, name, length, much);
	}
	return apart;
}

static void who_says_little_finds_room(void **unused)
{
	/* However fast some flood, another one's message finds room as long as all that it has
	 * waiting is less than the part of the queue that is left to each. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < RUNS; run++) {
		static struct shares s;
		memset(&s, 0, sizeof(s));
		memset(&queue, 0, sizeof(queue));
		const size_t whole = 100000;
		int flooders = 1 + (int)(random_next(&seed) % 8), quiet = 0, lost = 0;
		do {
			shares_init(&s, random_next(&seed));
		} while (!are_apart(&s, flooders));
		queue.room = whole;
		for (int step = 0; step < STEPS; step++) {
			for (int i = 0; i < flooders; i++) {
				lost += !say(&s, i, 100 + random_next(&seed) % 200);
			}
			if (step % 3 == 0) {
				take(&s);
			}
			int who = flooders + (int)(random_next(&seed) % (SENDERS / 2));
			size_t fair = whole / (size_t)(flooders + 1) / (SENDERS / 2);
			if (step % 16 == 0 && queue.waiting[who] + 300 < fair) {
				assert_true(say(&s, who, 300));
				quiet++;
			}
		}
		assert_true(quiet > 10 && lost > STEPS / 2);
	}
}

static void nothing_waits_in_the_end(void **unused)
{
	/* What was put and taken leaves nothing behind: one alone may then fill half of the room.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	static struct shares s;
	memset(&queue, 0, sizeof(queue));
	shares_init(&s, random_next(&seed));
	queue.room = 10000;
	for (int i = 0; i < 1000; i++) {
		(void)say(&s, (int)(random_next(&seed) % SENDERS), 1 + random_next(&seed) % 500);
		for (int k = (int)(random_next(&seed) % 3); k > 0; k--) {
			take(&s);
		}
	}
	while (queue.count > 0) {
		take(&s);
	}
	for (int i = 0; i < SHARES; i++) {
		assert_int_equal(atomic_load(&s.waiting[i]), 0);
	}
	int said = 0;
	while (say(&s, 3, 100)) {
		said++;
	}
	assert_int_equal(said, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_little_finds_room),
		cmocka_unit_test(nothing_waits_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
