/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/admm.h"

enum { RUNS = 300 };
static char text[ADMM_SIZE], why[ADMM_WHY_SIZE];

static struct admm_head any_head(uint64_t *seed, int pass)
{
	return (struct admm_head){ .negotiation = 1 + (int64_t)(random_next(seed) % 1000000),
				   .round = 1 + (int)(random_next(seed) % 300),
				   .pass = pass,
				   .start_s = 900 * (int64_t)(random_next(seed) % 2000000),
				   .length_s = 900,
				   .steps = 1 + (int)(random_next(seed) % ADMM_STEPS_MAX) };
}

/* Of any size, and no double that is not finite. */
static void fill(uint64_t *seed, double *out, int count)
{
	for (int i = 0; i < count; i++) {
		out[i] = ldexp(random_between(seed, -1, 1), (int)(random_next(seed) % 40) - 20);
	}
}

static void assert_same_head(const struct admm_head *a, const struct admm_head *b)
{
	assert_true(a->negotiation == b->negotiation && a->round == b->round &&
		    a->pass == b->pass && a->start_s == b->start_s && a->length_s == b->length_s &&
		    a->steps == b->steps);
}

static void test_same(void **unused)
{
	/* Offers and powers are read as they were written, to the last bit of each number. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < RUNS; i++) {
		struct admm_offer o = { .head = any_head(&seed, 0) }, o2;
		struct admm_power p = { .head = o.head, .home = "home-1" }, p2;
		size_t bytes = (size_t)o.head.steps * sizeof(double);
		fill(&seed, o.price, o.head.steps);
		fill(&seed, o.target, o.head.steps);
		fill(&seed, p.power, o.head.steps);
		o.penalty = random_between(&seed, 0, 1);
		int n = admm_offer_write(&o, text, sizeof(text));
		assert_in_range(n, 1, ADMM_SIZE - 1);
		assert_int_equal(admm_offer_read(text, (size_t)n, &o2, why), 0);
		assert_same_head(&o.head, &o2.head);
		assert_memory_equal(o.price, o2.price, bytes);
		assert_memory_equal(o.target, o2.target, bytes);
		assert_true(o.penalty == o2.penalty);
		n = admm_power_write(&p, text, sizeof(text));
		assert_int_equal(admm_power_read(text, (size_t)n, &p2, why), 0);
		assert_memory_equal(p.power, p2.power, bytes);
		assert_string_equal(p2.home, "home-1");
	}
}

static struct admm_part any_part(uint64_t *seed)
{
	struct admm_part p = { .head = any_head(seed, 1 + (int)(random_next(seed) % 9)) };
	p.parts = 1 + (int)(random_next(seed) % 9);
	p.part = (int)(random_next(seed) % (unsigned)p.parts);
	p.rows = (int)(random_next(seed) % (unsigned)(admm_rows(p.head.steps) + 1));
	fill(seed, p.shared, p.head.steps);
	fill(seed, p.cell, p.rows * p.head.steps);
	for (int i = 0; i < p.rows; i++) {
		snprintf(p.row[i].home, sizeof(p.row[i].home), "home-%d", i);
		p.row[i].gives = random_between(seed, 0, 1e6);
	}
	return p;
}

static void test_parts(void **unused)
{
	/* So are parts of wishes and prices, whatever they hold. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < RUNS; i++) {
		enum admm_kind kind = i % 2 ? ADMM_WISH : ADMM_PRICE;
		struct admm_part p = any_part(&seed), back;
		int n = admm_part_write(kind, &p, text, sizeof(text));
		assert_in_range(n, 1, ADMM_SIZE - 1);
		assert_int_equal(admm_part_read(kind, text, (size_t)n, &back, why), 0);
		assert_same_head(&p.head, &back.head);
		assert_true(p.part == back.part && p.parts == back.parts && p.rows == back.rows);
		assert_memory_equal(p.cell, back.cell,
				    (size_t)(p.rows * p.head.steps) * sizeof(double));
		assert_memory_equal(p.shared, back.shared, (size_t)p.head.steps * sizeof(double));
		for (int k = 0; k < p.rows; k++) {
			assert_string_equal(p.row[k].home, back.row[k].home);
			assert_true(kind == ADMM_PRICE || p.row[k].gives == back.row[k].gives);
		}
	}
}

static void test_longest(void **unused)
{
	/* A part with all the homes that it may hold fits a message at the longest of numbers. */
	(void)unused;
	struct admm_part p = { .head = { INT64_MAX / 2, 1000000, 1000000, 4000000000, 86400, 1 },
			       .part = ADMM_PARTS_MAX - 1,
			       .parts = ADMM_PARTS_MAX };
	for (int steps = 1; steps <= ADMM_STEPS_MAX; steps++) {
		p.head.steps = steps;
		p.rows = admm_rows(steps);
		assert_true(p.rows >= 1);
		for (int i = 0; i < ADMM_CELLS_MAX; i++) {
			p.cell[i] = -DBL_MAX / 3;
			p.shared[i % steps] = -DBL_MIN / 3;
			memset(p.row[i % p.rows].home, 'h', ADMM_ID_SIZE - 1);
			p.row[i % p.rows].gives = DBL_MIN / 7;
		}
		assert_in_range(admm_part_write(ADMM_WISH, &p, text, sizeof(text)), 1,
				ADMM_SIZE - 1);
	}
}

static void refuse_power(const char *what, const char *word)
{
	struct admm_power p;
	assert_true(admm_power_read(what, strlen(what), &p, why) < 0);
	if (!strstr(why, word)) {
		fail_msg("%s: \"%s\" without %s", what, why, word);
	}
}

static void test_hostile(void **unused)
{
	/* What lacks something, has too much of it, or is no number is refused, by its name. */
	(void)unused;
#define HEAD                                                                                       \
	"\"v\":1,\"negotiation\":7,\"round\":2,\"start\":\"2026-06-15T00:00:00Z\",\"length_s\":"   \
	"900,"
	static const char *const bad[][2] = {
		{ "{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1]}", "power" },
		{ "{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,2,3]}", "power" },
		{ "{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,null]}", "power" },
		{ "{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,\"2\"]}", "power" },
		{ "{" HEAD "\"steps\":2,\"home\":\"a\"}", "power" },
		{ "{" HEAD "\"steps\":2,\"power\":[1,2]}", "home" },
		{ "{" HEAD "\"steps\":101,\"home\":\"a\",\"power\":[1,2]}", "steps" },
		{ "{" HEAD "\"steps\":0,\"home\":\"a\",\"power\":[]}", "steps" },
		{ "{\"v\":2,\"negotiation\":7}", "v" },
		{ "{\"v\":1,\"negotiation\":-7}", "negotiation" },
		{ "{\"v\":1,\"negotiation\":7,\"round\":0}", "round" },
		{ "{\"v\":1,\"negotiation\":7,\"round\":1,\"start\":\"now\"}", "start" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		refuse_power(bad[i][0], bad[i][1]);
	}
	refuse_power("{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,1e999]}", "");
	refuse_power("{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,2", "");
	struct admm_power p;
	const char *good = "{" HEAD "\"steps\":2,\"home\":\"a\",\"power\":[1,-2.5]}";
	assert_int_equal(admm_power_read(good, strlen(good), &p, why), 0);
	assert_true(p.power[0] == 1 && p.power[1] == -2.5);
}

static void test_mutated(void **unused)
{
	/* Whatever single byte of a part is another, it is read or refused, and nothing else. */
	(void)unused;
	uint64_t seed = random_seed();
	struct admm_part p = any_part(&seed), back;
	p.head.steps = 3;
	p.rows = 2;
	int n = admm_part_write(ADMM_PRICE, &p, text, sizeof(text));
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char was = text[i];
		text[i] = (char)(random_next(&seed) & 0xff);
		int r = admm_part_read(ADMM_PRICE, text, (size_t)n, &back, why);
		assert_true(r < 0 ? *why != '\0'
				  : back.rows <= admm_rows(back.head.steps) &&
					    back.part < back.parts);
		text[i] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),    cmocka_unit_test(test_parts),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_mutated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
