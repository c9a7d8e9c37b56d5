/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "test.h"

#include "drivers/sunspec_models.h"

#define PUBLISHED "../shared/reference/sunspec_layouts.tsv"

/* A line of the published layouts. */
struct line {
	int model, offset, words;
	char name[40], type[16], factor[24], unit[24], access[4], group[48];
};

static struct line lines[2000];
static int count;

/* The tab-separated fields of a line, the empty ones too. */
static void parse_line(char *text, struct line *l)
{
	char *field[12] = { "", "", "", "", "", "", "", "", "", "", "", "" };
	for (int i = 0; i < 12 && text; i++) {
		field[i] = strsep(&text, "\t\n");
	}
	*l = (struct line){ .model = atoi(field[0]),
			    .offset = atoi(field[1]),
			    .words = atoi(field[4]) };
	snprintf(l->name, sizeof(l->name), "%s", field[2]);
	snprintf(l->type, sizeof(l->type), "%s", field[3]);
	snprintf(l->factor, sizeof(l->factor), "%s", field[5]);
	snprintf(l->unit, sizeof(l->unit), "%s", field[6]);
	snprintf(l->access, sizeof(l->access), "%s", field[7]);
	snprintf(l->group, sizeof(l->group), "%s", field[9]);
}

static int load(void **unused)
{
	(void)unused;
	char text[2048];
	FILE *file = fopen(PUBLISHED, "re");
	count = 0;
	while (file && fgets(text, sizeof(text), file) && count < 2000) {
		parse_line(text, &lines[count++]);
	}
	if (file) {
		fclose(file);
	}
	return 0;
}

static const struct line *line_at(int model, int offset)
{
	for (int i = 0; i < count; i++) {
		if (lines[i].model == model && lines[i].offset == offset &&
		    strncmp(lines[i].name, "--", 2) != 0) {
			return &lines[i];
		}
	}
	return NULL;
}

static enum sunspec_type type_of(const char *name)
{
	static const struct {
		const char *name;
		enum sunspec_type type;
	} map[] = {
		{ "int16", SUNSPEC_S16 },     { "uint16", SUNSPEC_U16 },
		{ "int32", SUNSPEC_S32 },     { "uint32", SUNSPEC_U32 },
		{ "uint64", SUNSPEC_U64 },    { "acc32", SUNSPEC_ACC32 },
		{ "acc64", SUNSPEC_ACC64 },   { "float32", SUNSPEC_F32 },
		{ "enum16", SUNSPEC_ENUM16 }, { "bitfield16", SUNSPEC_BITS16 },
		{ "string", SUNSPEC_STRING }, { "bitfield32", SUNSPEC_BITS32 },
		{ "sunssf", SUNSPEC_FACTOR }, { "count", SUNSPEC_U16 },
	};
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (strcmp(map[i].name, name) == 0) {
			return map[i].type;
		}
	}
	fail_msg("unknown type %s", name);
	return SUNSPEC_U16;
}

static void compare(const struct sunspec_point *p, int model)
{
	const struct line *l = line_at(model, p->offset);
	if (!l) {
		fail_msg("model %d has nothing at %d", model, p->offset);
		return;
	}
	assert_string_equal(l->name, p->name);
	assert_int_equal(l->words, p->words);
	assert_int_equal(type_of(l->type), p->type);
	assert_string_equal(l->unit, p->unit);
	assert_int_equal(strcmp(l->access, "RW") == 0, p->writable);
	if (p->factor) {
		assert_non_null(line_at(model, p->factor));
		assert_string_equal(line_at(model, p->factor)->name, l->factor);
	} else {
		assert_string_equal(l->factor, "");
	}
}

static void test_points(void **unused)
{
	/* Every point stands in the published layouts as it does in ours. */
	(void)unused;
	if (count == 0) {
		print_message("no " PUBLISHED " here\n");
		skip();
	}
	int points;
	const struct sunspec_point *p = sunspec_points(&points);
	for (int i = 0; i < points; i++) {
		for (int model = p[i].first; model <= p[i].last; model++) {
			compare(&p[i], model);
		}
	}
}

static void test_lengths(void **unused)
{
	/* Every model's length is the published one, with its repeating group once; each model is
	 * known. */
	(void)unused;
	if (count == 0) {
		print_message("no " PUBLISHED " here\n");
		skip();
	}
	for (int i = 1; i < count; i++) { /* the first one names the columns */
		const struct sunspec_layout *layout = sunspec_layout(lines[i].model);
		assert_non_null(layout);
		if (i + 1 == count || lines[i + 1].model != lines[i].model) {
			int last = 0, repeat = 0;
			for (int k = i; k > 0 && lines[k].model == lines[i].model; k--) {
				int end = lines[k].offset + lines[k].words - 2;
				last = end > last ? end : last;
				repeat = layout->repeat && strchr(lines[k].group, '/')
						 ? last + 2 - lines[k].offset
						 : repeat;
			}
			assert_int_equal(last, layout->length + layout->repeat);
			assert_int_equal(repeat, layout->repeat);
		}
	}
}

static void test_table(void **unused)
{
	/* Every point lies within its model, and its scale factor is one. */
	(void)unused;
	int points;
	const struct sunspec_point *p = sunspec_points(&points);
	for (int i = 0; i < points; i++) {
		const struct sunspec_layout *layout = sunspec_layout(p[i].first);
		assert_non_null(layout);
		assert_ptr_equal(layout, sunspec_layout(p[i].last));
		assert_in_range(p[i].offset, 2, layout->length + layout->repeat + 1);
		assert_ptr_equal(sunspec_point(p[i].last, p[i].name), &p[i]);
		bool found = p[i].factor == 0;
		for (int k = 0; k < points; k++) {
			found |= p[k].first == p[i].first && p[k].offset == p[i].factor &&
				 p[k].type == SUNSPEC_FACTOR;
		}
		assert_true(found);
	}
	assert_null(sunspec_point(101, "Nonsense"));
	assert_null(sunspec_layout(100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests_name("sunspec_models", tests, load, NULL);
}
