/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>

#include "daemon/base/json.h"

static int parse(const char *text)
{
	struct json_in in;
	int r = json_parse(&in, text, strlen(text));
	assert_true((r == 0) == (in.root != NULL));
	assert_true((r == 0) == (in.why[0] == '\0'));
	json_free(&in);
	return r;
}

static void refuses_hostile_documents(void **state)
{
	/* What is not one whole JSON object with finite numbers and unique keys is refused. */
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"null",
		"1",
		"\"x\"",
		"[]",
		"[{}]",
		"{",
		"}",
		"{}{}",
		"{} x",
		"{}]",
		"{\"a\":1,}",
		"{\"a\"}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":NaN}",
		"{\"a\":nan}",
		"{\"a\":Infinity}",
		"{\"a\":-Infinity}",
		"{\"a\":1e999}",
		"{\"a\":-1e999}",
		"{\"a\":99999999999999999999}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":1.}",
		"{\"a\":0x10}",
		"{\"a\":1,\"a\":1}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"",
		"{\"a\":\"\\",
		"{\"a\":[1,]}",
		"{\"a\":tru}",
		"// x\n{}",
		"{\"a\":1 /* x */}",
		"\xef\xbb\xbf{}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i]) == 0) {
			fail_msg("taken: %s", bad[i]);
		}
	}
	assert_int_equal(parse("{}"), 0);
	assert_int_equal(parse(" {\"a\":[1,-2.5e-3,\"\\u00e9\",true,null,{}]} \n"), 0);
	struct json_in in;
	assert_true(json_parse(&in, "{}\0", 3) < 0); /* NUL is no white space */
	json_free(&in);
}

static void bounds_depth_and_size(void **state)
{
	/* Sixteen levels are taken and seventeen are not, whatever brackets texts hold; nor is
	 * anything above the size. */
	(void)state;
	for (int depth = 1; depth <= 20000; depth = depth < 20 ? depth + 1 : depth * 10) {
		static char text[50000];
		char *p = text;
		p += sprintf(p, "{\"a\":");
		for (int i = 1; i < depth; i++) {
			*p++ = '[';
		}
		p += sprintf(p, "\"[[[[[[[[[[[[[[[[[[\\\"{{{{{{{{{{{{{{{{{{\"");
		for (int i = 1; i < depth; i++) {
			*p++ = ']';
		}
		strcpy(p, "}");
		assert_int_equal(parse(text), depth <= JSON_DEPTH_MAX ? 0 : -ELOOP);
	}
	static char large[JSON_SIZE_MAX + 2];
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, "{}", 2);
	assert_int_equal(parse(large), -EMSGSIZE);
	large[JSON_SIZE_MAX] = '\0';
	assert_int_equal(parse(large), 0);
}

static void survives_mutations(void **state)
{
	/* Any bytes changed in a good document lead to an answer, never to anything else. */
	(void)state;
	static const char good[] =
		"{\"v\":1,\"interval\":1764288000,\"orders\":[{\"side\":\"buy\","
		"\"price\":0.25,\"energy\":1500.5}],\"note\":\"\\u00e9 \xc3\xa9\"}";
	unsigned seed = 4711;
	printf("seed %u\n", seed);
	for (int n = 0; n < 100000; n++) {
		char text[sizeof(good)];
		memcpy(text, good, sizeof(good));
		int changes = 1 + rand_r(&seed) % 4;
		for (int c = 0; c < changes; c++) {
			size_t at = (size_t)rand_r(&seed) % (sizeof(good) - 1);
			text[at] = rand_r(&seed) % 2 ? (char)rand_r(&seed)
						     : "{}[]\",:\\0-eE."[rand_r(&seed) % 13];
		}
		struct json_in in;
		if (json_parse(&in, text, sizeof(good) - 1 - (size_t)rand_r(&seed) % 8) == 0) {
			const struct json_value *orders;
			int count;
			double price = -99;
			if (json_get_array(&in, in.root, "orders", 4, &orders, &count) == 0 &&
			    count > 0 && json_get_element(&in, orders, 0, &orders) == 0 &&
			    json_get_number(&in, orders, "price", -10, 10, &price) == 0) {
				assert_true(price >= -10 && price <= 10);
			}
		}
		json_free(&in);
	}
}

static void fields_are_checked(void **state)
{
	/* A field that is missing, of another type or out of range leaves its output alone and says
	 * what is expected. */
	(void)state;
	static const char text[] = "{\"n\":2.5,\"i\":7,\"t\":\"hold\",\"c\":\"a\\tb\",\"b\":true,"
				   "\"o\":{\"x\":1},\"l\":[1,{}],\"z\":null}";
	static const char *const modes[] = { "auto", "self", "hold", "off", NULL };
	struct json_in in;
	assert_int_equal(json_parse(&in, text, strlen(text)), 0);
	double number = 1;
	int64_t integer = 1;
	char word[5] = "same";
	bool flag = false;
	int choice = -1, count = -1;
	const struct json_value *v = NULL;
	assert_int_equal(json_get_number(&in, in.root, "n", -10, 2.4, &number), -ERANGE);
	assert_string_equal(in.why, "n: expected a number from -10 to 2.4");
	assert_int_equal(json_get_number(&in, in.root, "t", -10, 10, &number), -EINVAL);
	assert_int_equal(json_get_number(&in, in.root, "none", -10, 10, &number), -ENOENT);
	assert_int_equal(json_get_integer(&in, in.root, "n", 0, 9, &integer), -EINVAL);
	assert_int_equal(json_get_integer(&in, in.root, "i", 8, 9, &integer), -ERANGE);
	assert_string_equal(in.why, "i: expected an integer from 8 to 9");
	assert_int_equal(json_get_text(&in, in.root, "t", word, 4), -ERANGE);
	assert_int_equal(json_get_text(&in, in.root, "c", word, 5), -ERANGE);
	assert_int_equal(json_get_flag(&in, in.root, "z", &flag), -EINVAL);
	assert_int_equal(json_get_choice(&in, in.root, "c", modes, &choice), -ERANGE);
	assert_string_equal(in.why, "c: expected auto, self, hold or off");
	assert_int_equal(json_get_object(&in, in.root, "l", &v), -EINVAL);
	assert_int_equal(json_get_array(&in, in.root, "l", 1, &v, &count), -ERANGE);
	assert_true(number == 1 && integer == 1 && !flag && choice == -1 && count == -1 && !v);
	assert_string_equal(word, "same");

	assert_int_equal(json_get_number(&in, in.root, "i", 7, 7, &number), 0);
	assert_int_equal(json_get_integer(&in, in.root, "i", 7, 7, &integer), 0);
	assert_int_equal(json_get_text(&in, in.root, "t", word, 5), 0);
	assert_int_equal(json_get_flag(&in, in.root, "b", &flag), 0);
	assert_int_equal(json_get_choice(&in, in.root, "t", modes, &choice), 0);
	assert_true(number == 7 && integer == 7 && flag && choice == 2);
	assert_string_equal(word, "hold");
	assert_int_equal(json_get_array(&in, in.root, "l", 2, &v, &count), 0);
	const struct json_value *element = NULL;
	assert_int_equal(json_get_element(&in, v, 0, &element), -EINVAL);
	assert_int_equal(json_get_element(&in, v, 1, &element), 0);
	assert_true(json_has(in.root, "z") && !json_has(in.root, "zz") && !json_has(element, "x"));
	json_free(&in);
}

static void reads_series_of_numbers(void **state)
{
	/* A series is taken whole or not at all; null is a number only where it may stand for one.
	 */
	(void)state;
	static const char text[] = "{\"a\":[1,-2.5,null],\"b\":[1,\"x\"],\"c\":[1,99],\"d\":7}";
	struct json_in in;
	float out[3] = { 7, 7, 7 };
	int count = -1;
	assert_int_equal(json_parse(&in, text, strlen(text)), 0);
	assert_int_equal(json_get_numbers(&in, in.root, "a", 3, -9, 9, (double)NAN, out, &count),
			 -ERANGE);
	assert_string_equal(in.why, "a: element 2, expected a number from -9 to 9");
	assert_int_equal(json_get_numbers(&in, in.root, "a", 2, -9, 9, 0, out, &count), -ERANGE);
	assert_int_equal(json_get_numbers(&in, in.root, "b", 3, -9, 9, 0, out, &count), -ERANGE);
	assert_int_equal(json_get_numbers(&in, in.root, "c", 3, -9, 9, 0, out, &count), -ERANGE);
	assert_int_equal(json_get_numbers(&in, in.root, "d", 3, -9, 9, 0, out, &count), -EINVAL);
	assert_true(out[0] == 7 && out[1] == 7 && count == -1);
	assert_int_equal(
		json_get_numbers(&in, in.root, "a", 3, -9, 9, (double)INFINITY, out, &count), 0);
	assert_true(count == 3 && out[0] == 1 && out[1] == -2.5F && isinf(out[2]));
	json_free(&in);
}

static void shows_what_is_there_and_nothing_else(void **state)
{
	/* To show: members and items by type; NULL, another type and absence are told apart from
	 * values, and a document may be longer than the wire's limit. */
	(void)state;
	static char text[JSON_SIZE_MAX + 200];
	int head = snprintf(text, sizeof(text), "{\"n\":1.5,\"t\":\"x\",\"f\":true,\"a\":[7,{}],");
	memset(text + head, ' ', JSON_SIZE_MAX);
	snprintf(text + head + JSON_SIZE_MAX, 100, "\"z\":null}");
	struct json_in in;
	double number = 3;
	bool flag = false;
	assert_int_equal(json_parse(&in, text, strlen(text)), -EMSGSIZE);
	assert_int_equal(json_parse_long(&in, text, strlen(text)), 0);
	const struct json_value *array = json_member(in.root, "a");
	assert_false(json_number(json_member(in.root, "t"), &number));
	assert_false(json_number(json_member(in.root, "z"), &number));
	assert_false(json_number(NULL, &number));
	assert_true(number == 3);
	assert_true(json_number(json_member(in.root, "n"), &number) && number == 1.5);
	assert_true(json_flag(json_member(in.root, "f"), &flag) && flag);
	assert_false(json_flag(json_member(in.root, "n"), &flag));
	assert_string_equal(json_text(json_member(in.root, "t")), "x");
	assert_null(json_text(json_member(in.root, "n")));
	assert_int_equal(json_items(array), 2);
	assert_int_equal(json_items(in.root), 0);
	assert_true(json_number(json_item(array, 0), &number) && number == 7);
	assert_null(json_item(array, 2));
	assert_null(json_item(array, -1));
	assert_null(json_member(array, "n"));
	assert_null(json_member(NULL, "n"));
	json_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_hostile_documents),
		cmocka_unit_test(bounds_depth_and_size),
		cmocka_unit_test(survives_mutations),
		cmocka_unit_test(fields_are_checked),
		cmocka_unit_test(reads_series_of_numbers),
		cmocka_unit_test(shows_what_is_there_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
