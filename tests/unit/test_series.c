/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/base/isotime.h"
#include "daemon/base/csv.h"
#include "daemon/base/series.h"

#define HEAD "time,load_w,pv_w,buy_per_kwh,sell_per_kwh\n"

/* Read text as a file would be; the messages go to said. */
static int read_text(struct series *s, const char *text, char *said, size_t size)
{
	char path[] = "/tmp/series-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
	memset(said, 0, size);
	struct diag d = { .to = fmemopen(said, size, "w") };
	int r = series_read(s, path, &d);
	assert_int_equal(fclose(d.to), 0);
	assert_int_equal(r<0, d.errors> 0);
	assert_int_equal(unlink(path), 0);
	return r;
}

static void refuse(const char *text, const char *expected)
{
	struct series s;
	char said[8192];
	assert_int_equal(read_text(&s, text, said, sizeof(said)), -EINVAL);
	if (!strstr(said, expected)) {
		fail_msg("'%s' not in:\n%s", expected, said);
	}
	series_free(&s);
}

static void test_rows(void **state)
{
	(void)state; /* Rows last until the next one, the last as long as the one before. */
	struct series s;
	char said[256];
	const char *text = "\xef\xbb\xbftime,load_w, buy_per_kwh ,car\r\n"
			   "2026-06-01T00:00:00Z,100,0.2,1\r\n\r\n"
			   "2026-06-01 00:15,300,-0.1,2\n"
			   "2026-06-01T02:00:00+01:00,500,0.3,3";
	assert_int_equal(read_text(&s, text, said, sizeof(said)), 0);
	assert_int_equal(s.rows, 3);
	assert_int_equal(s.start_s[0], 1780272000);
	assert_int_equal(s.start_s[3] - s.start_s[2], s.start_s[2] - s.start_s[1]);
	assert_int_equal(s.start_s[2] - s.start_s[1], 45 * 60);
	assert_null(s.value[SERIES_PV_W]);
	assert_int_equal(series_column(&s, "pv_w"), -1);
	assert_int_equal(series_column(&s, "car"), SERIES_OTHERS);
	assert_true(s.value[SERIES_BUY][1] == -0.1 && s.value[SERIES_OTHERS][2] == 3);
	assert_int_equal(series_row(&s, s.start_s[0] - 1), -1);
	assert_int_equal(series_row(&s, s.start_s[1] - 1), 0);
	assert_int_equal(series_row(&s, s.start_s[1]), 1);
	assert_int_equal(series_row(&s, s.start_s[3] - 1), 2);
	assert_int_equal(series_row(&s, s.start_s[3]), -1);
	series_free(&s);
}

static void test_mean(void **state)
{
	(void)state; /* A mean weighs rows by the time they last, and refuses what is not covered.
		      */
	struct series s;
	char said[256];
	double mean = -1;
	assert_int_equal(read_text(&s,
				   "time,load_w\n1970-01-01T00:00Z,100\n1970-01-01T00:15Z,300\n"
				   "1970-01-01T01:00Z,500\n",
				   said, sizeof(said)),
			 0);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, 0, 3600, &mean), 0);
	assert_true(fabs(mean - 250) < 1e-9);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, 600, 1200, &mean), 0);
	assert_true(fabs(mean - 200) < 1e-9);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, 3600, 6300, &mean), 0);
	assert_true(fabs(mean - 500) < 1e-9);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, 3600, 6301, &mean), -ENOENT);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, -1, 60, &mean), -ENOENT);
	assert_int_equal(series_mean(&s, SERIES_LOAD_W, 60, 60, &mean), -ENOENT);
	assert_int_equal(series_mean(&s, SERIES_PV_W, 0, 60, &mean), -ENOENT);
	assert_true(fabs(mean - 500) < 1e-9);
	series_free(&s);
}

static void test_bad_files(void **state)
{
	(void)state; /* Whatever is wrong is refused with its line and what is expected. */
	const char *row = "2026-06-01T00:00:00Z,1,1,1,1\n";
	char text[512];
	static const struct {
		const char *line;
		const char *says;
	} bad[] = {
		{ "2026-06-01T00:00:00Z,1,1,1,1\n", ":3: time 2026-06-01T00:00:00Z stands twice" },
		{ "2026-05-31T23:00:00Z,1,1,1,1\n", ":3: time 2026-05-31T23:00:00Z goes back" },
		{ "2026-06-01T01:00:00Z,1,1,1\n", ":3: 4 fields, expected 5" },
		{ "2026-06-01T01:00:00Z,1,1,1,1,\n", ":3: 6 fields, expected 5" },
		{ "2026-06-01T01:00:00Z,nan,1,1,1\n",
		  ":3: load_w 'nan', expected a finite number" },
		{ "2026-06-01T01:00:00Z,1,1,inf,1\n", ":3: buy_per_kwh 'inf', expected a finite" },
		{ "2026-06-01T01:00:00Z,1,1,1e999,1\n", ":3: buy_per_kwh '1e999', expected" },
		{ "2026-06-01T01:00:00Z,1,,1,1\n", ":3: pv_w '', expected a finite number" },
		{ "2026-06-01T01:00:00Z,1,1 W,1,1\n", ":3: pv_w '1 W', expected" },
		{ "2026-06-01T01:00:00Z,-1,1,1,1\n", ":3: load_w -1, expected a number >= 0" },
		{ "2026-02-30T01:00:00Z,1,1,1,1\n",
		  ":3: time '2026-02-30T01:00:00Z', expected ISO" },
		{ "01.06.2026 00:00,1,1,1,1\n", ":3: time '01.06.2026 00:00', expected ISO 8601" },
		{ "", "1 rows, expected 2" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(text, sizeof(text), HEAD "%s%s", row, bad[i].line);
		refuse(text, bad[i].says);
	}
	refuse("", "empty file, expected a header");
	refuse(HEAD, "0 rows, expected 2");
	refuse("load_w,pv_w\n1,2\n3,4\n", ":1: no column time");
	refuse("time,load_w,load_w\n", ":1: column load_w given twice");
}

static void test_all_errors_at_once(void **state)
{
	(void)state; /* Every bad line is named, up to a bound; a file that is not there has a
			reason. */
	struct series s;
	char said[16384];
	assert_int_equal(read_text(&s, "time,load_w\nx,y\n2026-06-01T00:00Z,-1\n1,2,3\n", said,
				   sizeof(said)),
			 -EINVAL);
	assert_non_null(strstr(said, ":2: time 'x'"));
	assert_non_null(strstr(said, ":2: load_w 'y'"));
	assert_non_null(strstr(said, ":3: load_w -1"));
	assert_non_null(strstr(said, ":4: 3 fields"));
	series_free(&s);
	char many[4096] = "time,load_w\n";
	for (int i = 0; i < 500; i++) {
		strcat(many, "x,y\n");
	}
	assert_int_equal(read_text(&s, many, said, sizeof(said)), -EINVAL);
	assert_non_null(strstr(said, "reading stopped after"));
	series_free(&s);
	struct diag d = { .to = NULL };
	assert_int_equal(series_read(&s, "/tmp", &d), -EISDIR);
	d.errors = 0;
	assert_int_equal(series_read(&s, "/nowhere/at/all.csv", &d), -ENOENT);
	assert_int_equal(d.errors, 1);
	series_free(&s);
}

static void test_long_lines(void **state)
{
	(void)state; /* A line beyond the bound is one error, not two rows; quotes and the lines of
			old systems are told. */
	enum { BOUND = sizeof(((struct csv *)NULL)->text) };
	static char text[2 * BOUND];
	strcpy(text, "time,load_w\n2026-06-01T00:00Z,1\n2026-06-01T01:00Z,");
	memset(text + strlen(text), '1', BOUND + 1000);
	strcat(text, "\n2026-06-01T02:00Z,1\n");
	refuse(text, ":3: line too long");
	refuse("time,load_w\n\"2026-06-01T00:00Z\",1\n2026-06-01T01:00Z,1\n",
	       ":2: a quote at a field's end, expected");
	refuse("time,load_w\r2026-06-01T00:00Z,1\r", ":1: a carriage return in the line, expected");
}

static void test_isotime(void **state)
{
	(void)state; /* Times survive the way there and back, and nonsense is refused. */
	char text[ISOTIME_SIZE];
	int64_t at_s = 0;
	for (int64_t t = 0; t < INT64_C(7000000000); t += 98765431) {
		assert_int_equal(isotime_parse(isotime_format(t, text), &at_s), 0);
		assert_int_equal(at_s, t);
	}
	assert_int_equal(isotime_parse("2024-02-29T23:59:59-01:30", &at_s), 0);
	assert_string_equal(isotime_format(at_s, text), "2024-03-01T01:29:59Z");
	static const char *const bad[] = {
		"",
		"2026",
		"2026-06-01",
		"2026-06-01T24:00Z",
		"2026-06-01T00:60Z",
		"2026-06-01T00:00:60Z",
		"2025-02-29T00:00Z",
		"2026-06-01T00:00:00ZZ",
		"2026-06-01T00:00:00+1:00",
		"2026-13-01T00:00Z",
		"2026-00-01T00:00Z",
		"1969-12-31T23:59Z",
		" 2026-06-01T00:00Z",
		"2026-06-00T00:00Z",
		"2026-06-01T00:00:00.5Z",
		"2026-06-01T00:00+15:00",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(isotime_parse(bad[i], &at_s), -EINVAL);
	}
	assert_string_equal(isotime_format(INT64_MAX, text), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_mean),
		cmocka_unit_test(test_bad_files),  cmocka_unit_test(test_all_errors_at_once),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_isotime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
