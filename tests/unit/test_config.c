/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

#include "daemon/base/config.h"

struct target {
	char id[16];
	bool on;
	int choice;
	double power_w;
	double price;
	int64_t count;
	int windows;
};

static const char *parse_window(const char *text, void *field)
{
	(*(int *)field)++;
	return strcmp(text, "bad") == 0 ? "a window" : NULL;
}

static const char *const colours[] = { "red", "green", NULL };
static const struct option table[] = {
	{ "id", OPTION_TEXT, 0, offsetof(struct target, id), 0, 16, NULL, NULL, NULL },
	{ "on", OPTION_BOOL, 0, offsetof(struct target, on), 0, 0, "no", NULL, NULL },
	{ "colour", OPTION_CHOICE, 0, offsetof(struct target, choice), 0, 0, "red", colours, NULL },
	{ "power", OPTION_QUANTITY, DIMENSION_POWER, offsetof(struct target, power_w), 0, 1e4,
	  "1 kW", NULL, NULL },
	{ "price", OPTION_QUANTITY, DIMENSION_PER_KWH, offsetof(struct target, price), -5, 5, "",
	  NULL, NULL },
	{ "count", OPTION_INTEGER, 0, offsetof(struct target, count), 1, 9, "3", NULL, NULL },
	{ "window", OPTION_REPEATED, 0, offsetof(struct target, windows), 0, 0, "", NULL,
	  parse_window },
};

struct outcome {
	int errors;
	char text[4096];
	struct target target;
};

static void apply(const char *text, struct outcome *out)
{
	char path[64];
	*out = (struct outcome){ 0 };
	write_temporary(text, path);
	struct diag d = { .to = fmemopen(out->text, sizeof(out->text), "w") };
	assert_non_null(d.to);
	struct config c;
	char currency[4] = "";
	assert_int_equal(config_read(&c, path, &d), 0);
	for (int i = 0; i < c.sections; i++) {
		if (strcmp(c.section[i].kind, "box") == 0) {
			config_apply(&c, i, table, sizeof(table) / sizeof(*table), &out->target,
				     currency, &d);
		}
		c.section[i].known = c.section[i].known || strcmp(c.section[i].kind, "chest") == 0;
	}
	config_refuse_unknown(&c, "[box] or [chest NAME]", &d);
	config_free(&c);
	fclose(d.to);
	out->errors = d.errors;
	unlink(path);
}

static void refuses(const char *text, int line, const char *words)
{
	struct outcome o;
	apply(text, &o);
	char place[16];
	snprintf(place, sizeof(place), ":%d: ", line);
	if (o.errors != 1 || !strstr(o.text, place) || !strstr(o.text, words)) {
		fail_msg("%s\n-> %d errors, wanted one at line %d with \"%s\":\n%s", text, o.errors,
			 line, words, o.text);
	}
}

/* Values, units, defaults, comments, indentation and repeated custom keys are read. */
static void test_reads(void **state)
{
	(void)state;
	struct outcome o;
	apply("; a comment\n[box]\n  id = home-1 ; the id\npower = 2.5 kW\nprice=0.2 EUR/kWh\n"
	      "window = a\nwindow = b\ncolour = green\non = yes\n",
	      &o);
	assert_string_equal(o.text, "");
	assert_string_equal(o.target.id, "home-1");
	assert_true(o.target.power_w == 2500 && o.target.price == 0.2 && o.target.count == 3);
	assert_true(o.target.on && o.target.choice == 1 && o.target.windows == 2);
}

/* Each kind of mistake is refused at its line, with what is expected. */
static void test_refuses(void **state)
{
	(void)state;
	refuses("[box]\nid = a\npower = 5\n", 3, "a power in W, kW or MW");
	refuses("[box]\nid = a\npower = 5 kWh\n", 3, "a power in W, kW or MW");
	refuses("[box]\nid = a\npower = nan W\n", 3, "a power in W");
	refuses("[box]\nid = a\npower = 20 kW\n", 3, "0 to 10000 W");
	refuses("[box]\nid = a\nprice = 0.2 EUR\n", 3, "EUR/kWh");
	refuses("[box]\nid = a\ncolour = blue\n", 3, "one of red, green");
	refuses("[box]\nid = a\non = maybe\n", 3, "yes or no");
	refuses("[box]\nid = a\ncount = 10\n", 3, "a whole number from 1 to 9");
	refuses("[box]\nid = a\nwindow = bad\n", 3, "a window");
	refuses("[box]\nid = a\nid = b\n", 3, "stands already at line 2");
	refuses("[box]\nid = a\ncolor = red\n", 3, "unknown key \"color\"");
	refuses("[box]\nid = a-name-that-is-too-long\n", 2, "1 to 15 characters");
	refuses("[box]\non = yes\n", 1, "has no id");
	refuses("[box]\nid = a\n[crate]\n", 3, "unknown section [crate], expected [box]");
	refuses("id = a\n", 1, "before any section");
	refuses("[box]\nid = a\njust words\n", 3, "key = value");
	refuses("[box]\nid = a\n[box\n", 3, "not closed");
	refuses("[box one]\nid = a\n", 1, "section [box one] has a name, expected [box]");
	refuses("[box]\nid = a\n[chest one two]\n", 3, "letters, digits");
}

/* All mistakes of a file are reported at once. */
static void test_all_at_once(void **state)
{
	(void)state;
	struct outcome o;
	apply("[box]\npower = 1\ncount = x\nnonsense\n[other]\n", &o);
	assert_int_equal(o.errors, 5);
}

/* A line too long for the parser is refused, and the next line keeps its number. */
static void test_long_line(void **state)
{
	(void)state;
	char text[2000] = "[box]\nid = a\n";
	size_t length = strlen(text);
	memset(text + length, 'x', 1500);
	memcpy(text + length + 1500, "\ncount = 0\n", 12);
	struct outcome o;
	apply(text, &o);
	assert_int_equal(o.errors, 2);
	assert_non_null(strstr(o.text, ":3: line of more than"));
	assert_non_null(strstr(o.text, ":4: count"));
}

/* What never ends is no file: it is read no further than any file goes, and refused. */
static void test_endless(void **state)
{
	(void)state;
	struct config c;
	char words[400] = "";
	struct diag d = { .to = fmemopen(words, sizeof(words), "w") };
	assert_int_equal(config_read(&c, "/dev/zero", &d), 0);
	config_free(&c);
	fclose(d.to);
	assert_non_null(strstr(words, "more than 4194304 bytes, expected a shorter file"));
}

/* Every unit converts to its base, and a number never hides in another dimension. */
static void test_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum dimension dimension;
		double value;
	} good[] = {
		{ "5 kW", DIMENSION_POWER, 5000 },         { "5kW", DIMENSION_POWER, 5000 },
		{ "-0.5 MW", DIMENSION_POWER, -5e5 },      { "13.5 kWh", DIMENSION_ENERGY, 13500 },
		{ "15 min", DIMENSION_TIME, 900 },         { "36 h", DIMENSION_TIME, 129600 },
		{ "250 ms", DIMENSION_TIME, 0.25 },        { "95 %", DIMENSION_FRACTION, 0.95 },
		{ "40 NOK/MWh", DIMENSION_PER_KWH, 0.04 }, { "3.5 EUR/kW", DIMENSION_PER_KW, 3.5 },
		{ "59.9 deg", DIMENSION_ANGLE, 59.9 },     { "7", DIMENSION_NUMBER, 7 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		double value = -1;
		assert_int_equal(units_parse(good[i].text, good[i].dimension, &value, NULL), 0);
		assert_float_equal(value, good[i].value, 1e-9);
		double kept = 77;
		int other = (int)(good[i].dimension + 1) % DIMENSION_COUNT;
		assert_true(units_parse(good[i].text, (enum dimension)other, &kept, NULL) < 0);
		assert_true(kept == 77);
	}
	static const char *const bad[] = { "",         "kW",   "inf kW", "nan kW", "0x10 kW",
					   "1e999 kW", "5 kw", "5 kW x", "- 5 kW", "5,5 kW" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		double value;
		assert_true(units_parse(bad[i], DIMENSION_POWER, &value, NULL) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),       cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_endless),     cmocka_unit_test(test_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
