/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small file is replaced as a whole, and who may read it is as it was asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "test.h"

static void assert_holds(const char *path, const char *bytes, mode_t mode)
{
	char read[16] = "";
	struct stat s;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(read, 1, sizeof(read) - 1, f), strlen(bytes));
	assert_string_equal(read, bytes);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, mode);
}

static void test_modes(void **unused)
{
	/* What is written is its owner's alone, what is published anybody's but for the umask; each
	 * in place of the other, with nothing left beside it. */
	(void)unused;
	char folder[] = "/tmp/test_durable.XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	mode_t before = umask(027);
	assert_int_equal(durable_publish(path, "first", 5), 0);
	assert_holds(path, "first", 0640);
	assert_int_equal(durable_write(path, "2nd", 3), 0);
	assert_holds(path, "2nd", 0600);
	(void)umask(022);
	assert_int_equal(durable_publish(path, "third", 5), 0);
	assert_holds(path, "third", 0644);
	(void)umask(before);
	assert_int_equal(durable_remove(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(durable_publish("/nowhere/at/all", "x", 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_modes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
