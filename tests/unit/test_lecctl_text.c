/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lecctl_documents.h"

#include "daemon/home/lecctl_text.h"

static char buffer[16384];
static struct page page;

static void begin(int width)
{
	page_begin(&page, buffer, sizeof(buffer), width, false);
}

static void any_bytes_come_out_clean(void **state)
{
	/* Whatever bytes are put, what comes out cannot steer a terminal and keeps to the width. */
	(void)state;
	uint64_t seed = random_seed();
	for (int round = 0; round < 20000; round++) {
		char text[64];
		int length = (int)(random_next(&seed) % sizeof(text));
		for (int i = 0; i < length; i++) {
			static const char likely[] = "\033\302\233\342\200\256\360\n\r\tx[";
			text[i] = random_next(&seed) % 2
					  ? (char)(random_next(&seed) | 1)
					  : likely[random_next(&seed) % (sizeof(likely) - 1)];
		}
		text[length] = '\0';
		int width = (int)(random_next(&seed) % 20), lines;
		begin(width);
		page_put(&page, "%s", text);
		assert_clean(buffer);
		assert_null(strchr(buffer, '\n'));
		int wide = widest(buffer, &lines);
		assert_int_equal(wide, page.column);
		assert_true(width == 0 || wide <= width);
	}
}

static void hostile_characters_are_question_marks(void **state)
{
	/* Escape, C1, bidirectional overrides, overlong and broken UTF-8 become '?'. */
	(void)state;
	begin(0);
	page_put(&page, "a\033[2J\302\233b\342\200\256c\300\200d\377e\303");
	assert_string_equal(buffer, "a?[2J?b?c??d?e?");
	begin(0);
	page_put(&page, "\303\246\342\202\254\360\237\224\213");
	assert_string_equal(buffer, "\303\246\342\202\254\360\237\224\213");
	assert_int_equal(page.column, 3);
}

static void ink_only_where_colour_is(void **state)
{
	/* Without colour, ink writes nothing; with it, it takes no column. */
	(void)state;
	begin(0);
	page_ink(&page, INK_RED);
	page_put(&page, "x");
	assert_string_equal(buffer, "x");
	page_begin(&page, buffer, sizeof(buffer), 0, true);
	page_ink(&page, INK_RED);
	page_put(&page, "x");
	assert_string_equal(buffer, "\033[31mx");
	assert_int_equal(page.column, 1);
}

static void a_small_buffer_is_never_overrun(void **state)
{
	/* What does not fit is left out, and the end is always marked. */
	(void)state;
	memset(buffer, 'X', sizeof(buffer));
	page_begin(&page, buffer, 8, 0, true);
	for (int i = 0; i < 20; i++) {
		page_ink(&page, INK_GREEN);
		page_put(&page, "\342\226\210y");
		page_end(&page);
	}
	assert_true(strlen(buffer) < 8);
	for (int i = 8; i < 64; i++) {
		assert_int_equal(buffer[i], 'X');
	}
}

static void texts_wrap_between_words(void **state)
{
	/* A long text breaks between words, is indented, and ends in an ellipsis where cut. */
	(void)state;
	begin(10);
	assert_int_equal(page_wrap(&page, 2, 3, "one two three four five six seven"), 3);
	assert_string_equal(buffer, "one two\n  three\n  four\342\200\246\n");
	begin(10);
	assert_int_equal(page_wrap(&page, 2, 3, "one"), 1);
	assert_string_equal(buffer, "one\n");
	uint64_t seed = random_seed();
	for (int round = 0; round < 2000; round++) {
		char text[200];
		int lines, length = (int)(random_next(&seed) % (sizeof(text) - 1));
		for (int i = 0; i < length; i++) {
			text[i] = "ab \303\246"[random_next(&seed) % 5];
		}
		text[length] = '\0';
		begin(20);
		int told = page_wrap(&page, 4, 3, text);
		assert_true(widest(buffer, &lines) <= 20);
		assert_int_equal(told, lines);
		assert_in_range(lines, 1, 3);
	}
}

static void bars_fill_with_their_fraction(void **state)
{
	/* A bar has its cells whatever the fraction, and fills in proportion, by eighths. */
	(void)state;
	const struct {
		double fraction;
		const char *bar;
	} bars[] = {
		{ 0, "··" }, { 0.25, "▌·" }, { 0.5, "█·" }, { 1, "██" }, { 9, "██" }, { -1, "··" },
	};
	for (size_t i = 0; i < sizeof(bars) / sizeof(*bars); i++) {
		begin(0);
		page_bar(&page, bars[i].fraction, 2);
		assert_string_equal(buffer, bars[i].bar);
	}
}

static void numbers_read_well(void **state)
{
	/* Powers, durations, times and numbers are written for people; the absurd stays short. */
	(void)state;
	begin(0);
	page_power(&page, 345.4);
	page_put(&page, "|");
	page_power(&page, -2340);
	page_put(&page, "|");
	page_power(&page, 999.7);
	page_put(&page, "|");
	page_duration(&page, 59.9);
	page_put(&page, "|");
	page_duration(&page, 7500);
	page_put(&page, "|");
	page_duration(&page, 90000);
	page_put(&page, "|");
	page_number(&page, true, 1.25, 2, 6);
	page_number(&page, false, 1.25, 2, 3);
	page_put(&page, "|");
	page_time(&page, 0);
	assert_string_equal(buffer, "345 W|-2.34 kW|1.00 kW|59 s|2 h 05 min|1 d 1 h|  1.25  -|"
				    "1970-01-01 00:00:00 UTC");
	begin(0);
	page_power(&page, 1e300);
	page_number(&page, true, -1e300, 4, 9);
	page_duration(&page, 1e300);
	assert_true(page.column < 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_come_out_clean),
		cmocka_unit_test(hostile_characters_are_question_marks),
		cmocka_unit_test(ink_only_where_colour_is),
		cmocka_unit_test(a_small_buffer_is_never_overrun),
		cmocka_unit_test(texts_wrap_between_words),
		cmocka_unit_test(bars_fill_with_their_fraction),
		cmocka_unit_test(numbers_read_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
