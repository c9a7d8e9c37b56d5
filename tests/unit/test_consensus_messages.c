/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/consensus_messages.h"

#include <math.h>
#include <string.h>

#include "test.h"

static char text[CONSENSUS_TEXT_SIZE], why[CONSENSUS_WHY_SIZE];

static void make(struct consensus_message *m, int steps, uint64_t *seed)
{
	*m = (struct consensus_message){ .round = (int64_t)random_between(seed, 0, 1e6),
					 .calm = (int64_t)random_between(seed, 0, 1e3),
					 .stage = (int)random_between(seed, 0, CONSENSUS_STAGES) };
	for (int t = 0; t < steps; t++) {
		m->taken_kw[t] = random_between(seed, -99999, 99999);
		m->price[t] = random_between(seed, -99, 99);
		if (m->stage >= CONSENSUS_OFFERED) {
			m->taken_mwh[t] = (int64_t)random_between(seed, -9e10, 9e10);
			m->price_micro[t] = (int64_t)random_between(seed, -9e7, 9e7);
		}
	}
}

static void test_there_and_back(void **state)
{
	(void)state; /* What is written is read back: whole numbers to the digit, others to 1e-9;
			the longest fits, and what a link takes in. */
	uint64_t seed = random_seed();
	static struct consensus_message m, back;
	for (int n = 0; n < 2000; n++) {
		int steps = n % 7 ? 1 + n % 30 : LEAGUE_STEPS_MAX;
		make(&m, steps, &seed);
		int length = consensus_write(&m, "north", steps, text, sizeof(text));
		assert_true(length > 0);
		assert_int_equal(consensus_read(text, (size_t)length, "north", steps, &back, why),
				 0);
		assert_int_equal(back.round, m.round);
		assert_int_equal(back.calm, m.calm);
		assert_int_equal(back.stage, m.stage);
		for (int t = 0; t < steps; t++) {
			assert_true(fabs(back.taken_kw[t] - m.taken_kw[t]) <= 1e-9);
			assert_true(fabs(back.price[t] - m.price[t]) <= 1e-9);
			assert_int_equal(back.taken_mwh[t], m.taken_mwh[t]);
			assert_int_equal(back.price_micro[t], m.price_micro[t]);
		}
	}
	assert_true(CONSENSUS_TEXT_SIZE <= 16384);
}

#define HEAD "{\"v\":1,\"community\":\"north\",\"round\":3,\"calm\":0,"

static void test_refused(void **state)
{
	(void)state; /* What is no such word is refused with the reason, and nothing is written. */
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "" },
		{ "[]", "" },
		{ "{}", "v: " },
		{ "{\"v\":2}", "v: " },
		{ "{\"v\":1}", "community: " },
		{ "{\"v\":1,\"community\":\"south\"}", "community: expected north" },
		{ HEAD "\"stage\":\"open\"}", "stage: " },
		{ HEAD "\"stage\":\"seeking\"}", "taken_kw: " },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1],\"price\":[1,2]}",
		  "taken_kw: expected 2 numbers" },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,2,3],\"price\":[1,2]}",
		  "taken_kw: " },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,\"2\"],\"price\":[1,2]}",
		  "taken_kw: expected numbers" },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,null],\"price\":[1,2]}",
		  "taken_kw: expected numbers" },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,1e999],\"price\":[1,2]}", "" },
		{ HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,2]}", "price: " },
		{ HEAD "\"stage\":\"offered\",\"taken_kw\":[1,2],\"price\":[1,2]}", "terms_kwh: " },
		{ HEAD "\"stage\":\"sealed\",\"taken_kw\":[1,2],\"price\":[1,2],"
		       "\"terms_kwh\":[1,1e300],\"terms_price\":[0,0]}",
		  "terms_kwh: expected smaller numbers" },
		{ "{\"v\":1,\"community\":\"north\",\"round\":-1}", "round: " },
		{ "{\"v\":1,\"community\":\"north\",\"round\":1.5}", "round: " },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct consensus_message m = { .round = 77 };
		*why = '\0';
		assert_true(consensus_read(rows[i].text, strlen(rows[i].text), "north", 2, &m,
					   why) < 0);
		assert_int_equal(m.round, 77);
		if (!*why || strncmp(why, rows[i].why, strlen(rows[i].why)) != 0) {
			fail_msg("row %zu: expected \"%s\", said \"%s\"", i, rows[i].why, why);
		}
	}
	static const char good[] = HEAD "\"stage\":\"seeking\",\"taken_kw\":[1,2],\"price\":[1,2]}";
	struct consensus_message m;
	assert_int_equal(consensus_read(good, strlen(good), "north", 2, &m, why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
