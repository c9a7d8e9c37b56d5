/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sunspec_face.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "drivers/sunspec_point.h"
#include "sim/sunspec_parts.h"

enum { MODEL_COMMON = 1, MODEL_END = 0xFFFF, HEAD = 2 };

void sunspec_face_init(struct sunspec_face *f, struct plant *plant, const char *name,
		       double revert_s)
{
	*f = (struct sunspec_face){ .plant = plant, .name = name, .revert_s = revert_s };
	for (int k = 0; k < DEVICE_KIND_COUNT; k++) {
		f->index[k] = -1;
	}
	for (int i = 0; i < TIMER_COUNT; i++) {
		f->ends_us[i] = INT64_MAX;
	}
}

int sunspec_face_add(struct sunspec_face *f, enum device_kind kind, int index)
{
	if (f->index[kind] >= 0) {
		return -EEXIST;
	}
	f->index[kind] = index;
	return 0;
}

const struct sunspec_found *sunspec_face_find(const struct sunspec_face *f, int model)
{
	for (int i = 0; i < f->models; i++) {
		if (f->model[i].model == model) {
			return &f->model[i];
		}
	}
	return NULL;
}

uint16_t *sunspec_at(struct sunspec_face *f, int address)
{
	assert(address >= SUNSPEC_BASE && address < SUNSPEC_BASE + f->words);
	return &f->word[address - SUNSPEC_BASE];
}

/* --- laying out --------------------------------------------------------------------------------
 */

/* Which parts a model is about: one of them must be there. */
static const struct {
	uint16_t first, last;
	bool kind[DEVICE_KIND_COUNT];
	bool usual; /* where nobody says which models there are */
} served[] = {
	/*	    meter  pv     battery */
	{ 1, 1, { true, true, true }, true },        { 101, 102, { false, true, true }, false },
	{ 103, 103, { false, true, true }, true },   { 111, 113, { false, true, true }, false },
	{ 120, 120, { false, true, true }, true },   { 121, 122, { false, true, true }, false },
	{ 123, 123, { false, true, false }, true },  { 124, 124, { false, false, true }, true },
	{ 160, 160, { false, true, true }, true },   { 201, 202, { true, false, false }, false },
	{ 203, 203, { true, false, false }, true },  { 204, 214, { true, false, false }, false },
	{ 701, 704, { false, true, true }, false },  { 713, 713, { false, false, true }, false },
	{ 714, 714, { false, true, true }, false },  { 715, 715, { false, true, true }, false },
	{ 802, 803, { false, false, true }, false },
};
enum { SERVED = sizeof(served) / sizeof(*served) };

static bool fits(const struct sunspec_face *f, int row)
{
	bool any = false;
	for (int k = 0; k < DEVICE_KIND_COUNT; k++) {
		any = any || (served[row].kind[k] && f->index[k] >= 0);
	}
	return any;
}

static bool can_serve(const struct sunspec_face *f, int model)
{
	for (int i = 0; i < SERVED; i++) {
		if (model >= served[i].first && model <= served[i].last && fits(f, i)) {
			return sunspec_layout(model);
		}
	}
	return false;
}

static int repeats(const struct sunspec_face *f, int model)
{
	int ports = (f->index[DEVICE_PV] >= 0) + (f->index[DEVICE_BATTERY] >= 0);
	return model == 160 ? sunspec_modules(f) : model == 714 ? ports : 0;
}

static const char *add_model(struct sunspec_face *f, int model)
{
	static const char expected[] = "models of the standard that tell of this device, each once "
				       "and 1 first, like 1,103,120,123";
	if (!can_serve(f, model) || sunspec_face_find(f, model) ||
	    (f->models == 0) != (model == MODEL_COMMON) || f->models == SUNSPEC_MODELS_MAX) {
		return expected;
	}
	const struct sunspec_layout *layout = sunspec_layout(model);
	int length = layout->length + layout->repeat * repeats(f, model);
	if (f->words + HEAD + length + HEAD > SUNSPEC_WORDS_MAX) {
		return "fewer models";
	}
	struct sunspec_found *found = &f->model[f->models++];
	*found = (struct sunspec_found){ .model = (uint16_t)model,
					 .address = (uint16_t)(SUNSPEC_BASE + f->words),
					 .length = (uint16_t)length };
	sunspec_blank(found, f->word + f->words);
	f->words += HEAD + length;
	sunspec_scale(f, found);
	sunspec_command_reset(f, found);
	return NULL;
}

static void put_text(struct sunspec_face *f, const struct sunspec_found *found, const char *name,
		     int index, const char *text)
{
	const struct sunspec_point *p = sunspec_point(found->model, name);
	int address = found->address + p->offset + index * sunspec_layout(found->model)->repeat;
	size_t length = strlen(text);
	for (size_t i = 0; i < p->words; i++) {
		int high = 2 * i < length ? (unsigned char)text[2 * i] : 0;
		int low = 2 * i + 1 < length ? (unsigned char)text[2 * i + 1] : 0;
		*sunspec_at(f, address + (int)i) = (uint16_t)(high << 8 | low);
	}
}

static void put_names(struct sunspec_face *f)
{
	enum { NAMES = 4 };
	static const char *const names[NAMES] = { "MPPT 1", "MPPT 2", "StCha 3", "StDisCha 4" };
	const struct sunspec_found *common = sunspec_face_find(f, MODEL_COMMON);
	const struct sunspec_found *dc = sunspec_face_find(f, 160);
	put_text(f, common, "Mn", 0, "lecd");
	put_text(f, common, "Md", 0, "lec-sim");
	put_text(f, common, "Vr", 0, LECD_VERSION);
	put_text(f, common, "SN", 0, f->name);
	int first = f->index[DEVICE_PV] >= 0 ? 0 : 2;
	for (int i = 0; dc && i < sunspec_modules(f) && first + i < NAMES; i++) {
		put_text(f, dc, "IDStr", i, names[first + i]);
	}
}

const char *sunspec_face_build(struct sunspec_face *f, const int *models, int count)
{
	const char *expected = NULL;
	memcpy(f->word, (uint16_t[]){ 0x5375, 0x6E53 }, HEAD * sizeof(*f->word)); /* "SunS" */
	f->words = HEAD;
	f->models = 0;
	for (int i = 0; i < count && !expected; i++) {
		expected = add_model(f, models[i]);
	}
	for (int i = 0; count == 0 && i < SERVED && !expected; i++) {
		if (served[i].usual && fits(f, i)) {
			expected = add_model(f, served[i].first);
		}
	}
	if (!expected) {
		put_names(f);
		f->word[f->words++] = MODEL_END;
		f->word[f->words++] = 0;
	}
	return expected;
}

/* --- serving -----------------------------------------------------------------------------------
 */

static bool is_inside(const struct sunspec_face *f, int address, int count)
{
	return address >= SUNSPEC_BASE && address + count <= SUNSPEC_BASE + f->words;
}

static int read_words(void *device, int function, int address, int count, uint16_t *words)
{
	struct sunspec_face *f = device;
	if (function != TABLE_HOLDING) {
		return EXCEPTION_ILLEGAL_FUNCTION;
	}
	if (!is_inside(f, address, count)) {
		return EXCEPTION_ILLEGAL_ADDRESS;
	}
	sunspec_face_step(f);
	memcpy(words, sunspec_at(f, address), (size_t)count * sizeof(*words));
	struct sunspec_window w = { .address = address, .count = count, .words = words };
	for (int i = 0; i < f->models; i++) {
		const struct sunspec_found *found = &f->model[i];
		if (address < found->address + HEAD + found->length &&
		    address + count > found->address) {
			sunspec_measure(f, found, &w);
		}
	}
	return 0;
}

static int write_words(void *device, int function, int address, int count, const uint16_t *words)
{
	struct sunspec_face *f = device;
	(void)function; /* one or many */
	return is_inside(f, address, count) ? sunspec_command_write(f, address, count, words)
					    : EXCEPTION_ILLEGAL_ADDRESS;
}

const struct server_handler sunspec_face_handler = { .read = read_words, .write = write_words };
