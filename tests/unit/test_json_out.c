/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json.h"

static void write_sample(struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	json_put_number(o, "grid_w", 1234.5600, 3);
	json_put_number(o, "zero", -0.0001, 2);
	json_put_number(o, "unknown", NAN, 2);
	json_put_number(o, "endless", -INFINITY, 2);
	json_put_number(o, "large", 1e300, 2);
	json_put_flag(o, "on", true);
	json_put_text(o, "none", NULL);
	json_open_array(o, "list");
	json_put_integer(o, NULL, INT64_MIN);
	json_open_object(o, NULL);
	json_close(o);
	json_put_number(o, NULL, 100, 0);
	json_close(o);
	json_put_text(o, "t", "a\"\\\n\x7f\xc3\xa9");
	json_put_raw(o, "raw", "[1]");
	json_close(o);
}

static void writes_what_is_expected(void **state)
{
	/* Commas, nesting, escapes and numbers come out as JSON; what is not finite as null. */
	(void)state;
	char buffer[400];
	struct json_out o;
	json_begin(&o, buffer, sizeof(buffer));
	write_sample(&o);
	assert_int_equal(json_finish(&o), strlen(buffer));
	assert_string_equal(buffer, "{\"v\":1,\"grid_w\":1234.56,\"zero\":0,\"unknown\":null,"
				    "\"endless\":null,\"large\":1.0000000000000001e+300,"
				    "\"on\":true,\"none\":null,\"list\":[-9223372036854775808,{},"
				    "100],\"t\":\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\",\"raw\":[1]}");
	struct json_in in;
	assert_int_equal(json_parse(&in, buffer, strlen(buffer)), 0);
	json_free(&in);
}

static void small_buffers_overflow(void **state)
{
	/* With every buffer that is too small nothing is written past it, and the result is "". */
	(void)state;
	char whole[400];
	struct json_out o;
	json_begin(&o, whole, sizeof(whole));
	write_sample(&o);
	size_t length = (size_t)json_finish(&o);
	for (size_t size = 1; size <= length + 1; size++) {
		char *buffer = malloc(size); /* on the heap: the sanitizers watch its end */
		assert_non_null(buffer);
		json_begin(&o, buffer, size);
		write_sample(&o);
		if (size <= length) {
			assert_int_equal(json_finish(&o), -ENOBUFS);
			assert_string_equal(buffer, "");
		} else {
			assert_int_equal(json_finish(&o), length);
			assert_string_equal(buffer, whole);
		}
		free(buffer);
	}
}

static void any_bytes_become_json(void **state)
{
	/* A text of random bytes becomes a document that the strict reader takes. */
	(void)state;
	unsigned seed = 99;
	printf("seed %u\n", seed);
	for (int n = 0; n < 50000; n++) {
		char text[24] = { 0 }, buffer[300];
		int length = rand_r(&seed) % (int)(sizeof(text) - 1);
		for (int i = 0; i < length; i++) {
			text[i] = rand_r(&seed) % 3 ? (char)(0x80 | rand_r(&seed))
						    : (char)rand_r(&seed);
		}
		struct json_out o;
		json_begin(&o, buffer, sizeof(buffer));
		json_open_object(&o, NULL);
		json_put_text(&o, "t", text);
		json_close(&o);
		int size = json_finish(&o);
		assert_true(size > 0);
		struct json_in in;
		if (json_parse(&in, buffer, (size_t)size) < 0) {
			fail_msg("%s: %s", in.why, buffer);
		}
		json_free(&in);
	}
}

static void numbers_survive(void **state)
{
	/* A number read back differs by at most half its last decimal. */
	(void)state;
	unsigned seed = 5;
	printf("seed %u\n", seed);
	for (int n = 0; n < 50000; n++) {
		double value = ((double)rand_r(&seed) - 1e9) / pow(10, rand_r(&seed) % 12);
		int decimals = rand_r(&seed) % 10;
		char buffer[80];
		struct json_out o;
		json_begin(&o, buffer, sizeof(buffer));
		json_open_object(&o, NULL);
		json_put_number(&o, "x", value, decimals);
		json_close(&o);
		struct json_in in;
		double back = NAN;
		assert_int_equal(json_parse(&in, buffer, (size_t)json_finish(&o)), 0);
		assert_int_equal(json_get_number(&in, in.root, "x", -1e10, 1e10, &back), 0);
		assert_true(fabs(back - value) <= 0.5001 * pow(10, -decimals));
		json_free(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_is_expected),
		cmocka_unit_test(small_buffers_overflow),
		cmocka_unit_test(any_bytes_become_json),
		cmocka_unit_test(numbers_survive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
