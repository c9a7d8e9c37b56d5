/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glob.h>
#include <string.h>

#include "test.h"

#include "drivers/profile.h"

static struct profile load(const char *path)
{
	struct profile p;
	struct diag d = { .to = stderr };
	assert_int_equal(profile_load(path, &p, &d), 0);
	assert_int_equal(d.errors, 0);
	return p;
}

/* Whether a block holds all of a point. */
static bool holds(const struct block *b, const struct point *p)
{
	return b->table == p->table && b->other_unit == p->other_unit && b->address <= p->address &&
	       p->address + point_words(p->type) <= b->address + b->count;
}

static void check_blocks(const struct profile *p)
{
	bool used[PROFILE_BLOCKS_MAX][BLOCK_WORDS_MAX] = { 0 };
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity quantity;
		const struct point *point = profile_part(p, i, &quantity);
		int holders = 0;
		for (int b = 0; point && b < p->blocks; b++) {
			holders += holds(&p->block[b], point);
		}
		assert_int_equal(holders, point ? 1 : 0);
		for (int w = 0; point && w < point_words(point->type); w++) {
			const struct block *b = &p->block[point->block];
			assert_true(holds(b, point));
			used[point->block][point->address - b->address + w] = true;
		}
		if (point && point->factored) {
			const struct block *b = &p->block[point->block];
			assert_in_range(point->factor_address, b->address,
					b->address + b->count - 1);
			used[point->block][point->factor_address - b->address] = true;
		}
	}
	for (int b = 0; b < p->blocks; b++) {
		assert_in_range(p->block[b].count, 1, p->block_words);
		for (int w = 0; w < p->block[b].count; w++) {
			bool readable = used[b][w];
			for (int r = 0; r < p->ranges; r++) {
				readable = readable ||
					   (p->block[b].address >= p->readable[r].first &&
					    p->block[b].address + w <= p->readable[r].last);
			}
			assert_true(readable);
		}
	}
}

static void test_shipped(void **unused)
{
	/* Every profile we ship loads, each point that is read lies in one block, and no block
	 * touches a register that is neither used nor said to be readable. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct profile p = load(found.gl_pathv[i]);
		check_blocks(&p);
	}
	globfree(&found);
}

static void test_meter(void **unused)
{
	/* The meter's registers are floats, high word first, and its energy is counted in kWh. */
	(void)unused;
	struct profile p = load("etc/profiles/eastron-sdm630.conf");
	const uint16_t watts[] = { 0xC4BB, 0x8000 }, kwh[] = { 0x449A, 0x5000 };
	double value;
	assert_int_equal(p.reading[GRID_W].address, 0x34);
	assert_int_equal(p.reading[GRID_W].table, TABLE_INPUT);
	assert_int_equal(point_decode(&p.reading[GRID_W], watts, &value), QUALITY_GOOD);
	assert_true(value == -1500);
	assert_int_equal(point_decode(&p.reading[GRID_IMPORT_WH], kwh, &value), QUALITY_GOOD);
	assert_true(value == 1234500);
	assert_int_equal(p.request_delay_us, 100000);
	assert_int_equal(p.blocks, 3); /* volts; total power; hertz and both counters */
}

static void test_battery(void **unused)
{
	/* Discharge is positive for us and negative on the generic battery's wire, both ways. */
	(void)unused;
	struct profile p = load("etc/profiles/generic-battery.conf");
	uint16_t words[POINT_WORDS_MAX];
	double value;
	assert_int_equal(point_encode(&p.control[CONTROL_BATTERY_SETPOINT_W], 2000, words), 0);
	assert_int_equal((int32_t)((uint32_t)words[0] << 16 | words[1]), -2000);
	assert_int_equal(point_decode(&p.reading[BATTERY_W], words, &value), QUALITY_GOOD);
	assert_true(value == 2000);
	assert_true(p.control[CONTROL_ENABLE].on == 1 && p.control[CONTROL_ENABLE].off == 0);
	assert_int_equal(p.control[CONTROL_PV_LIMIT_W].type, POINT_ABSENT);
	assert_int_equal(p.blocks, 1);
}

/* A made-up profile, in blocks of at most 4 registers, with something to sum and to multiply. */
static struct profile load_sums(void)
{
	static const char text[] =
		"[profile]\nname = x\nkind = meter\nsource = x\n"
		"[bus]\nfunction = input\nblock = 4\nreadable = 10-29\n"
		"[point grid_w]\nregister = 10\ntype = u16\nmin = -1 kW\nmax = 2 kW\n"
		"[term grid_w]\nregister = 12\ntype = u16\n"
		"[term grid_w]\nregister = 25\ntype = u16\ninvert = yes\nscale = 10\n"
		"[point grid_import_wh]\nregister = 20\ntype = u16\noptional = yes\nmin = 0 Wh\n"
		"max = 400 kWh\n"
		"[term grid_import_wh]\nregister = 30\ntype = u16\nfunction = holding\noptional = "
		"yes\n"
		"[point grid_v]\nregister = 40\ntype = s16\nscale = 0.1\nmin = 0\nmax = 300\n"
		"[factor grid_v]\nregister = 42\ntype = u16\nunit = 9\n"
		"[term grid_v]\nregister = 41\ntype = s16\n";
	char path[64];
	write_temporary(text, path);
	struct profile p = load(path);
	assert_int_equal(remove(path), 0);
	return p;
}

/* Decode from registers that hold their own number. bad: one that is not answered; -bad: one that
 * holds a sentinel; 0: none. worse: another one with a sentinel. */
static enum quality decode(const struct profile *p, enum quantity q, int bad, int worse,
			   double *value)
{
	static struct answers a;
	int64_t at_us = 0;
	answers_clear(&a, p->blocks);
	for (int b = 0; b < p->blocks; b++) {
		for (int w = 0; w < p->block[b].count; w++) {
			int address = p->block[b].address + w;
			bool none = address == -bad || address == worse;
			uint16_t word = none ? 0xFFFF : (uint16_t)address;
			if (address != bad) {
				answers_take(&a, b, w, 1, &word, 100 + b);
			}
		}
	}
	enum quality quality = profile_decode(p, q, &a, value, &at_us);
	assert_true(quality == QUALITY_NEVER_SEEN || at_us >= 100);
	return quality;
}

static void test_sums(void **unused)
{
	/* A quantity of several registers is their sum or product, wherever they lie; one part that
	 * is missing leaves it as it was, one without a value leaves it without, and its limits are
	 * those of the whole. */
	(void)unused;
	struct profile p = load_sums();
	double value = 0;
	check_blocks(&p);
	assert_int_equal(p.blocks, 6); /* 10-12; 20; 25; 30 holding; 40-41; 42 at unit 9 */
	assert_int_equal(decode(&p, GRID_W, 0, 0, &value), QUALITY_GOOD);
	assert_true(value == 10 + 12 - 250);
	assert_int_equal(decode(&p, GRID_V, 0, 0, &value), QUALITY_GOOD);
	assert_true(value == 4.0 * 42 + 41);
	value = 7;
	assert_int_equal(decode(&p, GRID_W, 25, 0, &value), QUALITY_NEVER_SEEN);
	assert_int_equal(decode(&p, GRID_V, 42, 0, &value), QUALITY_NEVER_SEEN);
	assert_int_equal(decode(&p, GRID_W, -12, 0, &value), QUALITY_NOT_IMPLEMENTED);
	p.reading[GRID_W].min = -200;
	assert_int_equal(decode(&p, GRID_W, 0, 0, &value), QUALITY_OUT_OF_RANGE);
	assert_int_equal(decode(&p, GRID_HZ, 0, 0, &value), QUALITY_NEVER_SEEN);
	assert_true(value == 7);
}

static void test_optional(void **unused)
{
	/* What is optional adds nothing where it has no value, as long as one part has one. */
	(void)unused;
	struct profile p = load_sums();
	double value = 0;
	assert_int_equal(decode(&p, GRID_IMPORT_WH, 0, 0, &value), QUALITY_GOOD);
	assert_true(value == 50);
	p.term[2].point.optional = false;
	assert_int_equal(decode(&p, GRID_IMPORT_WH, -30, 0, &value), QUALITY_NOT_IMPLEMENTED);
	p.term[2].point.optional = true;
	assert_int_equal(decode(&p, GRID_IMPORT_WH, -30, 0, &value), QUALITY_GOOD);
	assert_true(value == 20);
	assert_int_equal(decode(&p, GRID_IMPORT_WH, -30, 20, &value), QUALITY_NOT_IMPLEMENTED);
}

static bool says_in_one_line(const char *said, const char *start, const char *words)
{
	for (const char *at = strstr(said, start); at; at = strstr(at + 1, start)) {
		const char *found = strstr(at, words);
		if (found && found < at + strcspn(at, "\n")) {
			return true;
		}
	}
	return false;
}

/* Check that the file is refused as its first line says: "; expect: LINE: words". */
static void check_broken(const char *path)
{
	char first[200] = "", expected[220], *said = NULL;
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(first, sizeof(first), f));
	fclose(f);
	first[strcspn(first, "\n")] = '\0';
	int line, words = 0;
	assert_int_equal(sscanf(first, "; expect: %d: %n", &line, &words), 1);
	assert_true(words > 0);
	size_t size;
	struct diag d = { .to = open_memstream(&said, &size) };
	struct profile p;
	int r = profile_load(path, &p, &d);
	fclose(d.to);
	assert_true(r < 0 && d.errors > 0);
	snprintf(expected, sizeof(expected), line ? "%s:%d: " : "%s: ", path, line);
	if (!says_in_one_line(said, expected, first + words)) {
		fail_msg("%s: expected %d: %s\nbut was told:\n%s", path, line, first + words, said);
	}
	free(said);
}

static void test_broken(void **unused)
{
	/* Each broken profile is refused at the right line with what is expected. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("tests/broken/profile-*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 8);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		check_broken(found.gl_pathv[i]);
	}
	globfree(&found);
}

static void test_untouched(void **unused)
{
	/* A profile that is refused leaves the caller's as it was. */
	(void)unused;
	struct profile p = { .name = "kept" };
	struct diag d = { 0 };
	assert_true(profile_load("tests/broken/none.conf", &p, &d) < 0);
	assert_string_equal(p.name, "kept");
	assert_int_equal(d.errors, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),   cmocka_unit_test(test_meter),
		cmocka_unit_test(test_battery),   cmocka_unit_test(test_sums),
		cmocka_unit_test(test_optional),  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_untouched),
	};
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
