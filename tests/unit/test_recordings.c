/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every profile we ship against tests/recordings/NAME.log: registers as the device would show them,
 * the readings and signs expected of them, and what has to be written for each command. */
#include <glob.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "drivers/orders.h"

static struct {
	struct profile profile;
	struct orders orders; /* of the command or release under way */
	int order[CONTROL_COUNT], next;
	int charged, discharged, rested, released; /* commands */
	uint16_t word[2][65536];                   /* by table */
	bool known[2][65536];
	bool positive, negative; /* its power was seen with that sign */
	int read[QUANTITY_COUNT], written[CONTROL_COUNT];
} bench;

static const char *const tables[] = { "holding", "input" };

/* Words in hex. Returns their number. */
static int parse_words(const char *text, uint16_t *words, int max)
{
	int count = 0, used;
	unsigned word;
	for (; count < max && sscanf(text, "%4x%n", &word, &used) == 1; text += used) {
		words[count++] = (uint16_t)word;
	}
	return count;
}

/* "input 0x0034: 44BB 8000" */
static bool take_registers(const char *line)
{
	char table[16];
	int address, used = 0;
	if (sscanf(line, "%15s %i:%n", table, &address, &used) != 2 || used == 0) {
		return false;
	}
	for (int t = 0; t < 2; t++) {
		uint16_t words[16];
		if (strcmp(table, tables[t]) == 0) {
			int count = parse_words(line + used, words, 16);
			for (int i = 0; i < count; i++) {
				bench.word[t][address + i] = words[i];
				bench.known[t][address + i] = true;
			}
			return count > 0;
		}
	}
	return false;
}

static void note_sign(enum quantity quantity, double value)
{
	static const enum quantity powers[] = { GRID_W, PV_W, BATTERY_W }; /* by kind of device */
	if (quantity == powers[bench.profile.kind]) {
		bench.positive = bench.positive || value > 0;
		bench.negative = bench.negative || value < 0;
	}
}

/* Decode a quantity from the registers so far. One that is not recorded is not answered. */
static enum quality decode(enum quantity quantity, double *value)
{
	static struct answers answers;
	int64_t at_us;
	answers_clear(&answers, bench.profile.blocks);
	for (int i = 0; i < bench.profile.blocks; i++) {
		const struct block *b = &bench.profile.block[i];
		int t = (int)b->table - TABLE_HOLDING;
		for (int w = 0; w < b->count; w++) {
			if (bench.known[t][b->address + w]) {
				answers_take(&answers, i, w, 1, &bench.word[t][b->address + w], 0);
			}
		}
	}
	return profile_decode(&bench.profile, quantity, &answers, value, &at_us);
}

/* "reads grid_w 1500" */
static bool check_reading(const char *line)
{
	char name[48];
	double want, have;
	if (sscanf(line, "reads %47s %lf", name, &want) != 2) {
		return false;
	}
	int q = quantity_by_name(name);
	assert_true(q >= 0);
	assert_int_not_equal(bench.profile.reading[q].type, POINT_ABSENT);
	enum quality quality = decode((enum quantity)q, &have);
	if (quality != QUALITY_GOOD) {
		fail_msg("%s is %s", name, quality_name(quality));
	}
	if (fabs(have - want) > 1e-9 * fabs(want)) {
		fail_msg("%s reads %g, not %g", name, have, want);
	}
	note_sign((enum quantity)q, have);
	bench.read[q]++;
	return true;
}

/* "lacks battery_w" */
static bool check_lack(const char *line)
{
	char name[48];
	double have;
	if (sscanf(line, "lacks %47s", name) != 1) {
		return false;
	}
	int q = quantity_by_name(name);
	assert_true(q >= 0);
	assert_int_equal(decode((enum quantity)q, &have), QUALITY_NOT_IMPLEMENTED);
	return true;
}

/* "writes battery_setpoint_w 2000: FFFF F830" */
static bool check_write(const char *line)
{
	char name[48];
	double value;
	int used = 0;
	uint16_t want[POINT_WORDS_MAX], have[POINT_WORDS_MAX];
	if (sscanf(line, "writes %47s %lf:%n", name, &value, &used) != 2 || used == 0) {
		return false;
	}
	int count = parse_words(line + used, want, POINT_WORDS_MAX);
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *p = &bench.profile.control[c];
		if (strcmp(name, control_name((enum control)c)) == 0) {
			assert_int_equal(point_words(p->type), count);
			assert_int_equal(point_encode(p, value, have), 0);
			assert_memory_equal(have, want, sizeof(*want) * (size_t)count);
			bench.written[c]++;
			return true;
		}
	}
	return false;
}

/* --- commands -----------------------------------------------------------------------------------
 */

/* The order of lecd-profile(5). */
static void set_order(bool release)
{
	int n = 0;
	if (release) {
		bench.order[n++] = CONTROL_ENABLE;
	}
	bench.order[n++] = CONTROL_REVERT_S;
	for (int i = 0; i < PRESETS_MAX; i++) {
		bench.order[n++] = CONTROL_PRESET_1 + i;
	}
	for (int i = CONTROL_BATTERY_SETPOINT_W; i <= CONTROL_PV_LIMIT_W; i++) {
		bench.order[n++] = i;
	}
	for (int i = 0; i < COPIES_MAX; i++) {
		bench.order[n++] = CONTROL_COPY_1 + i;
	}
	if (!release) {
		bench.order[n++] = CONTROL_ENABLE;
	}
	assert_int_equal(n, CONTROL_COUNT - 1); /* the heartbeat comes by itself */
	bench.next = 0;
}

/* The next write of what is under way, false after the last. */
static bool next_request(struct request *r)
{
	for (; bench.next < CONTROL_COUNT - 1; bench.next++) {
		int c = bench.order[bench.next];
		if (bench.orders.on[c]) {
			assert_int_equal(
				orders_request(&bench.profile, &bench.orders, (enum control)c, r),
				0);
			for (int i = 0; i < CONTROL_COUNT; i++) {
				bench.orders.on[i] = bench.orders.on[i] && !r->holds[i];
				bench.written[i] += r->holds[i];
			}
			return true;
		}
	}
	return false;
}

static void assert_all_written(void)
{
	struct request r;
	if (next_request(&r)) {
		fail_msg("nobody expects the write to %d", r.address);
	}
}

/* "rating 5000", "command -1500 120": watts and, of liveness A, seconds; "release" */
static bool take_command(const char *line)
{
	double w, revert_s = 0;
	struct orders held = bench.orders;
	if (sscanf(line, "rating %lf", &w) == 1) {
		profile_rate(&bench.profile, w);
		return true;
	}
	bool command = sscanf(line, "command %lf %lf", &w, &revert_s) >= 1;
	if (!command && strcmp(line, "release\n") != 0) {
		return false;
	}
	assert_all_written();
	set_order(!command);
	if (command) {
		orders_command(&bench.profile, w, revert_s, &bench.orders);
		bench.discharged += w > 0;
		bench.charged += w < 0;
		bench.rested += w == 0;
	} else {
		orders_release(&bench.profile, &held, &bench.orders);
		bench.released++;
	}
	return true;
}

/* "write 16 0x9C58@247: 0000 05DC": function, address, unit if it is another one, words */
static bool check_request(const char *line)
{
	struct request r;
	uint16_t want[GROUP_WORDS_MAX];
	int function, address, unit = 0, used = 0;
	if (sscanf(line, "write %d %i@%d:%n", &function, &address, &unit, &used) != 3 &&
	    sscanf(line, "write %d %i:%n", &function, &address, &used) != 2) {
		return false;
	}
	assert_true(used > 0 && next_request(&r));
	assert_int_equal(r.function, function);
	assert_int_equal(r.address, address);
	assert_int_equal(r.other_unit, unit);
	assert_int_equal(r.count, parse_words(line + used, want, GROUP_WORDS_MAX));
	assert_memory_equal(r.words, want, sizeof(*want) * (size_t)r.count);
	return true;
}

/* Whether each kind of command was tried. */
static void assert_commanded(void)
{
	if (profile_controls(&bench.profile)) {
		assert_true(bench.discharged && bench.rested && bench.released);
		assert_true(bench.charged || bench.profile.kind == DEVICE_PV);
	}
}

/* --- recordings ---------------------------------------------------------------------------------
 */

static void play(const char *path)
{
	char line[200];
	FILE *f = fopen(path, "re");
	if (!f) {
		fail_msg("%s: missing, expected a recording of each profile", path);
	}
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "record ", 7) == 0) {
			memset(bench.known, 0, sizeof(bench.known));
		} else if (line[0] != '#' && line[0] != '\n' && !take_registers(line) &&
			   !check_reading(line) && !check_lack(line) && !check_write(line) &&
			   !take_command(line) && !check_request(line)) {
			fail_msg("%s: %s", path, line);
		}
	}
	fclose(f);
	assert_all_written();
}

static void load(const char *path)
{
	struct diag d = { .to = stderr };
	memset(&bench, 0, sizeof(bench));
	assert_int_equal(profile_load(path, &bench.profile, &d), 0);
}

static void test_recordings(void **unused)
{
	/* Each profile makes the right readings of its registers, with our signs, and leaves none
	 * untried: grid + import, PV + generation, battery + discharge, and the other way. It
	 * writes what the device's manual asks for to discharge, charge, rest and let go. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char path[200];
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		snprintf(path, sizeof(path), "tests/recordings/%.*s.log", (int)strcspn(name, "."),
			 name);
		print_message("%s\n", path);
		load(found.gl_pathv[i]);
		play(path);
		for (int q = 0; q < QUANTITY_COUNT; q++) {
			assert_true(bench.profile.reading[q].type == POINT_ABSENT || bench.read[q]);
		}
		for (int c = 0; c < CONTROL_COUNT; c++) {
			assert_true(bench.profile.control[c].type == POINT_ABSENT ||
				    bench.written[c]);
		}
		assert_commanded();
		assert_true(bench.positive);
		assert_true(bench.negative || bench.profile.kind == DEVICE_PV);
	}
	globfree(&found);
}

static void test_lint(void **unused)
{
	/* Whatever can be written has its range, its smallest change and its class of liveness,
	 * what wears out an interval and a budget, and nothing denied is written. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		load(found.gl_pathv[i]);
		const struct point *control = bench.profile.control;
		assert_true(bench.profile.name[0] && bench.profile.source[0]);
		for (int c = 0; c < CONTROL_COUNT; c++) {
			const struct point *p = &control[c];
			if (p->type == POINT_ABSENT) {
				continue;
			}
			bool number = c < CONTROL_ENABLE || c >= CONTROL_COPY_1;
			assert_int_equal(p->table, TABLE_HOLDING);
			assert_true(p->min <= p->max && isfinite(p->min) && isfinite(p->max));
			assert_true(!number || (p->min < p->max && p->step > 0));
			assert_true(!p->flash || p->write_interval_us > 0);
			assert_true(!p->flash ||
				    (p->writes_per_day > 0 && p->writes_per_day <= 200));
			assert_true(profile_may_write(&bench.profile, p->other_unit, p->address,
						      point_words(p->type)));
		}
		bool timed = control[CONTROL_REVERT_S].type != POINT_ABSENT;
		bool controls = profile_controls(&bench.profile);
		assert_int_equal(controls, bench.profile.liveness != LIVENESS_NONE);
		assert_int_equal(timed, bench.profile.liveness == LIVENESS_TIMER);
		assert_true(!timed || control[CONTROL_REVERT_S].min >= 1);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recordings),
		cmocka_unit_test(test_lint),
	};
	return cmocka_run_group_tests_name("recordings", tests, NULL, NULL);
}
