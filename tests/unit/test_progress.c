/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pty.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/progress.h"

static const int64_t taken = 10 * 1000000, just_begun = -3600 * INT64_C(1000000); /* us */

/* Standard error is a terminal (or a pipe) for a while; what was shown there. */
static void show(bool terminal, int64_t taken_us, char *out, size_t size)
{
	int end[2], kept = dup(STDERR_FILENO);
	struct progress p;
	assert_int_equal(terminal ? openpty(&end[0], &end[1], NULL, NULL, NULL) : pipe(end), 0);
	fflush(stderr);
	assert_true(dup2(end[1], STDERR_FILENO) >= 0);
	progress_begin(&p, "learning");
	p.begun_us -= p.begun_us ? taken_us : 0;
	progress_show(25, 100, &p);
	progress_show(25, 100, &p);
	progress_end(&p);
	fflush(stderr);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
	assert_int_equal(write(end[1], "|", 1), 1); /* its end: a terminal takes its time */
	size_t n = 0;
	do {
		assert_true(n < size);
		assert_int_equal(read(end[0], out + n, 1), 1);
	} while (out[n++] != '|');
	out[n - 1] = 0;
	close(end[0]);
	close(end[1]);
}

static void test_shown(void **unused)
{
	/* On a terminal it tells once what is done and how long the rest will take at that pace,
	 * and wipes it away at the end. */
	(void)unused;
	char said[256];
	show(true, taken, said, sizeof(said));
	assert_int_equal(strncmp(said, "\rlearning: 25 %, 30 s left   \r", 29), 0);
	assert_null(strstr(said + 2, "learning"));
	assert_int_equal(said[strlen(said) - 1], '\r');
}

static void test_quiet(void **unused)
{
	/* In its first two seconds, and where there is no terminal, it tells nothing. */
	(void)unused;
	char said[256];
	show(true, just_begun, said, sizeof(said));
	assert_string_equal(said, "");
	show(false, taken, said, sizeof(said));
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_quiet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
