/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/json.h"
#include "daemon/home/lecctl.h"

static char drawn[262144];

/* Draw a document into drawn[]; returns what lecctl_plot does. */
static int draw(const char *document)
{
	char path[64];
	struct json_in in;
	write_temporary("", path);
	assert_int_equal(json_parse_long(&in, document, strlen(document)), 0);
	int code = lecctl_plot(in.root, path);
	json_free(&in);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	drawn[fread(drawn, 1, sizeof(drawn) - 1, file)] = '\0';
	fclose(file);
	assert_int_equal(unlink(path), 0);
	return code;
}

static int count(const char *words)
{
	int found = 0;
	for (const char *at = strstr(drawn, words); at; at = strstr(at + 1, words)) {
		found++;
	}
	return found;
}

static void test_hostile(void **unused)
{
	/* No name, missing number or odd value in a plan's document breaks its picture. */
	(void)unused;
	static const char *const documents[] = {
		"{\"assets\":[{\"kind\":\"load\",\"name\":\"a<b&c\\u0001\"}],\"slots\":["
		"{\"start\":\"2026-06-01T00:00:00Z\",\"hours\":1}]}",
		"{\"currency\":\"<b>\",\"timezone\":\"<b>\",\"status\":\"<b>\",\"slots\":["
		"{\"start\":\"2026-06-01T00:00:00Z\",\"hours\":1,\"buy\":\"<b>\"},"
		"{\"start\":\"2026-06-01T00:00:00Z\",\"hours\":1}]}",
		"{\"assets\":[{\"kind\":\"ev\"},{\"kind\":7},{\"kind\":\"tank\"}],\"slots\":["
		"{\"start\":\"2026-06-01T00:00:00Z\",\"hours\":1,\"ev_w\":[null],\"heat_c\":{}},"
		"{\"start\":\"never\",\"hours\":1}]}",
		"{\"slots\":[{\"start\":\"1970-01-01T00:00:00Z\",\"hours\":1,\"buy\":1e300,"
		"\"load_w\":-1e300},{\"start\":\"9999-01-01T00:00:00Z\",\"hours\":1}]}",
	};
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		assert_int_equal(draw(documents[i]), 0);
		assert_int_equal(count("<b"), 0);
		assert_int_equal(count("nan") + count("inf"), 0);
		assert_true(count("<svg ") == 1 && count("</svg>") == 1);
		assert_int_equal(count("<text "), count("</text>"));
	}
	assert_int_equal(draw(documents[0]), 0);
	assert_int_equal(count("a&#60;b&#38;c?"), 1);
}

static void test_nothing(void **unused)
{
	/* Without slots there is no picture. */
	(void)unused;
	assert_int_equal(draw("{}"), 1);
	assert_int_equal(draw("{\"slots\":[{\"start\":\"2026-06-01T00:00:00Z\",\"hours\":0}]}"), 1);
	assert_int_equal(count("svg"), 0);
}

static void test_hours(void **unused)
{
	/* The axis tells local hours, on the day when the clock goes on as well. */
	(void)unused;
	char document[2000] = "{\"timezone\":\"Europe/Oslo\",\"slots\":[";
	for (int h = 0; h < 12; h++) {
		size_t used = strlen(document);
		snprintf(document + used, sizeof(document) - used,
			 "%s{\"start\":\"2026-03-28T%02d:00:00Z\",\"hours\":1}", h ? "," : "",
			 h + 12);
	}
	strcat(document, "]}");
	assert_int_equal(draw(document), 0);
	assert_true(count(">13:00<") == 1 && count(">23:00<") == 1 && count(">00:00<") == 1);
	assert_true(count(">2026-03-28<") == 1 && count(">2026-03-29<") == 1);
	for (char *at = document; (at = strstr(at, "03-28T"));) {
		memcpy(at, "03-29T", 6); /* twelve hours from 14:00 of a day of 23 hours */
	}
	assert_int_equal(draw(document), 0);
	assert_true(count(">13:00<") == 0 && count(">14:00<") == 1 && count(">02:00<") == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_hours),
	};
	return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
