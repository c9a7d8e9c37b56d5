/* SPDX-License-Identifier: GPL-3.0-or-later */
/* docs/devices.md against the profiles we ship. */
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "drivers/profile.h"

/* "yes", "in part" or "no": what is said to be confirmed. */
static const char *confirmed(const struct profile *p)
{
	enum quantity quantity;
	bool part = false;
	for (int i = 0; i < PROFILE_PARTS; i++) {
		const struct point *point = profile_part(p, i, &quantity);
		part = part || (point && point->unverified);
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		part = part || (p->control[c].type != POINT_ABSENT && p->control[c].unverified);
	}
	return p->unverified ? "no" : part ? "in part" : "yes";
}

/* What a profile can do, as the table tells it: where it is commanded, a word for it. */
static bool is_right(const char *line, const struct profile *p)
{
	char end[40];
	bool controls = profile_controls(p);
	snprintf(end, sizeof(end), "%s| %c | %s |\n", controls ? "" : "| - ",
		 liveness_letter(p->liveness), confirmed(p));
	size_t length = strlen(line), tail = strlen(end);
	return length > tail && strcmp(line + length - tail, end) == 0 &&
	       (strstr(line, "| - |") == NULL) == controls;
}

/* Find the one line of the table with that profile. Returns the number of those. */
static int find_line(const char *name, char *found, size_t size)
{
	char line[300], cell[80];
	int lines = 0;
	FILE *f = fopen("docs/devices.md", "re");
	assert_non_null(f);
	snprintf(cell, sizeof(cell), "| `%s` |", name);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, cell)) {
			snprintf(found, size, "%s", line);
			lines++;
		}
	}
	fclose(f);
	return lines;
}

static void test_profiles(void **unused)
{
	/* The table has one line for each profile: whether it is commanded, its class, and how well
	 * it is known. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[60], line[300];
		const char *file = strrchr(found.gl_pathv[i], '/') + 1;
		struct diag d = { .to = stderr };
		struct profile p;
		assert_int_equal(profile_load(found.gl_pathv[i], &p, &d), 0);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
		int lines = find_line(name, line, sizeof(line));
		if (lines != 1 || !is_right(line, &p)) {
			fail_msg("docs/devices.md: %d lines of `%s`, expected one that ends with "
				 "%c and %s",
				 lines, name, liveness_letter(p.liveness), confirmed(&p));
		}
	}
	globfree(&found);
}

static void test_lines(void **unused)
{
	/* The table has no line of a profile that is not there. */
	(void)unused;
	char line[300], name[60], path[100];
	FILE *f = fopen("docs/devices.md", "re");
	assert_non_null(f);
	int lines = 0;
	while (fgets(line, sizeof(line), f)) {
		const char *cell = line[0] == '|' ? strstr(line, "| `") : NULL;
		while (cell && sscanf(cell, "| `%59[a-z0-9-]` |", name) != 1) {
			cell = strstr(cell + 1, "| `");
		}
		if (cell) {
			snprintf(path, sizeof(path), "etc/profiles/%s.conf", name);
			assert_int_equal(access(path, R_OK), 0);
			lines++;
		}
	}
	fclose(f);
	assert_true(lines > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_lines),
	};
	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
