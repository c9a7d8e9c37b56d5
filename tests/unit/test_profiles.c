/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/profiles.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[64];
static char names[PROFILES_MAX][PROFILES_NAME_SIZE];

static void put(const char *file)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static void drop(const char *file)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	assert_int_equal(unlink(path), 0);
}

static int count_of(int count, const char *name)
{
	int found = 0;
	for (int i = 0; i < count; i++) {
		found += strcmp(names[i], name) == 0;
	}
	return found;
}

static void test_list(void **unused)
{
	/* Each profile is listed once, in order, and nothing that is none. */
	(void)unused;
	char path[128];
	static const char *const files[] = { "mine.conf", "generic-pv.conf", "notes.txt", ".conf",
					     "longer-than-any-profile-has-ever-been-called.conf" };
	snprintf(folder, sizeof(folder), "/tmp/lecd-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		put(files[i]);
	}
	int count = profiles_list(folder, names);
	assert_int_equal(count_of(count, "mine"), 1);
	assert_int_equal(count_of(count, "generic-pv"), 1);
	assert_int_equal(count_of(count, "generic-battery"), 1); /* of the source tree */
	assert_int_equal(count_of(count, "notes"), 0);
	assert_int_equal(count_of(count, ""), 0);
	for (int i = 1; i < count; i++) {
		assert_true(strcmp(names[i - 1], names[i]) < 0);
	}
	assert_int_equal(profiles_find(folder, "generic-pv", path, sizeof(path)), 0);
	assert_non_null(strstr(path, "/generic-pv.conf"));
	assert_null(strstr(path, "etc/profiles/generic-pv")); /* the named folder comes first */
	assert_int_equal(profiles_find(folder, "generic-battery", path, sizeof(path)), 0);
	assert_int_equal(profiles_find(folder, "none", path, sizeof(path)), -ENOENT);
	assert_int_equal(profiles_find(folder, "mine", path, 8), -ENOENT);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		drop(files[i]);
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list) };
	return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
