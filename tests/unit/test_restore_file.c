/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/durable.h"
#include "daemon/home/restore_file.h"

static char folder[64], path[128];

static int setup(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof(folder), "/tmp/lecd-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/restore/battery-main.restore", folder);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Any way back: all kinds of blocks, words and times. */
static struct restore_file any_file(uint64_t *seed)
{
	struct restore_file f = { .device = "battery-main", .address = "tcp://127.0.0.1:502/7" };
	struct restore *r = &f.restore;
	r->timeout_us = 1000 * (int64_t)random_between(seed, 1, 60000);
	r->connect_delay_us = 1000 * (int64_t)random_between(seed, 0, 8000);
	r->request_delay_us = 1000 * (int64_t)random_between(seed, 0, 1000);
	r->settle_us = 1000 * (int64_t)random_between(seed, 0, 2000);
	int blocks = 1 + (int)random_between(seed, 0, RESTORE_BLOCKS_MAX);
	for (int i = 0; i < blocks; i++) {
		int count = 1 + (int)random_between(seed, 0, RESTORE_WORDS_MAX);
		int address = (int)random_between(seed, 0, 65536 - count);
		int unit = (int)random_between(seed, 0, 256);
		assert_int_equal(restore_add(r, unit, count == 1 ? 6 : 16, address, count), 0);
		for (int w = 0; w < count; w++) {
			r->block[i].words[w] = (uint16_t)random_next(seed);
		}
	}
	return f;
}

static void test_round_trip(void **unused)
{
	/* What is written is what is read, word by word, and removed it is no more. */
	(void)unused;
	uint64_t seed = random_seed();
	struct diag d = { .to = stderr };
	for (int i = 0; i < 30; i++) {
		struct restore_file f = any_file(&seed), got;
		assert_int_equal(restore_file_write(path, &f), 0);
		assert_int_equal(restore_file_read(path, &got, &d), 0);
		assert_string_equal(got.device, f.device);
		assert_string_equal(got.address, f.address);
		assert_memory_equal(&got.restore, &f.restore, sizeof(f.restore));
	}
	assert_int_equal(durable_remove(path), 0);
	assert_int_equal(durable_remove(path), 0);
	struct restore_file got;
	assert_int_equal(restore_file_read(path, &got, &d), -ENOENT);
	assert_int_equal(d.errors, 0);
}

static size_t load(char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t used = fread(text, 1, size, file);
	assert_int_equal(fclose(file), 0);
	return used;
}

static void save(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_torn(void **unused)
{
	/* A file cut anywhere, or with any byte changed, is refused with its name, and yields
	 * nothing. */
	(void)unused;
	uint64_t seed = random_seed();
	struct restore_file f = any_file(&seed), got, before;
	char text[16384];
	assert_int_equal(restore_file_write(path, &f), 0);
	size_t size = load(text, sizeof(text));
	memset(&before, 7, sizeof(before));
	for (size_t i = 0; i < 2 * size; i++) {
		struct diag d = { .to = NULL };
		char was = text[i % size];
		got = before;
		if (i < size) {
			save(text, i);
		} else {
			text[i % size] = (char)(was ^ 1 << i % 7);
			save(text, size);
		}
		text[i % size] = was;
		assert_int_equal(restore_file_read(path, &got, &d), -EINVAL);
		assert_int_equal(d.errors, 1);
		assert_memory_equal(&got, &before, sizeof(got));
	}
}

static void test_says_where(void **unused)
{
	/* What is wrong with a file is said with its name and line. */
	(void)unused;
	char said[1024] = "", want[256];
	struct restore_file got;
	FILE *to = fmemopen(said, sizeof(said), "w");
	assert_non_null(to);
	assert_int_equal(mkdir(folder, 0700), -1);
	assert_int_equal(durable_write(path, "[restore]\nunit = 1\n", 19), 0);
	struct diag d = { .to = to };
	assert_int_equal(restore_file_read(path, &got, &d), -EINVAL);
	fclose(to);
	snprintf(want, sizeof(want),
		 "%s:2: the file is torn or was changed, expected \"checksum = ", path);
	assert_int_equal(strncmp(said, want, strlen(want)), 0);
}

static void test_no_file(void **unused)
{
	/* What is no file is refused at once, and a pipe is not waited for. */
	(void)unused;
	struct restore_file got;
	struct diag d = { .to = NULL };
	assert_int_equal(durable_write(path, "", 0), 0); /* makes the folder */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(restore_file_read(path, &got, &d), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(restore_file_read(path, &got, &d), -EINVAL);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(d.errors, 2);
}

static void test_disk_full(void **unused)
{
	/* Where the disk does not take all of it, the file before stays as it was. */
	(void)unused;
	uint64_t seed = random_seed();
	struct diag d = { .to = stderr };
	struct restore_file f = any_file(&seed), other = any_file(&seed), got;
	assert_int_equal(restore_file_write(path, &f), 0);
	struct rlimit before, small = { .rlim_cur = 40, .rlim_max = RLIM_INFINITY };
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(restore_file_write(path, &other), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(restore_file_read(path, &got, &d), 0);
	assert_memory_equal(&got.restore, &f.restore, sizeof(f.restore));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_where, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
