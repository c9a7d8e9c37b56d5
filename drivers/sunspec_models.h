/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SunSpec information models we know: which point lies where in a model.
 *
 * Offsets count registers from the model's ID; L, the model's length, is at offset 1 and does not
 * count these two. A model may end in a group that repeats (DC modules, ports, strings); its points
 * are described as they lie in the first one. Tables only. */
#ifndef LECD_DRIVERS_SUNSPEC_MODELS_H
#define LECD_DRIVERS_SUNSPEC_MODELS_H

#include <stdbool.h>
#include <stdint.h>

enum sunspec_type {
	SUNSPEC_S16,
	SUNSPEC_U16,
	SUNSPEC_S32,
	SUNSPEC_U32,
	SUNSPEC_U64,
	SUNSPEC_ACC32, /* counters; 0: not implemented */
	SUNSPEC_ACC64,
	SUNSPEC_F32,
	SUNSPEC_ENUM16,
	SUNSPEC_BITS16,
	SUNSPEC_BITS32,
	SUNSPEC_STRING,
	SUNSPEC_FACTOR /* a power of ten, -10..10 */
};

struct sunspec_point {
	uint16_t first, last; /* models that have it */
	uint16_t offset;
	uint16_t words;
	enum sunspec_type type;
	uint16_t factor; /* offset of its scale factor; 0: none */
	bool writable;
	const char *unit; /* as the standard writes it, "" for none */
	const char *name;
};

struct sunspec_layout {
	uint16_t first, last; /* models that have it */
	uint16_t length;      /* L without the repeating group */
	uint16_t repeat;      /* registers of one repetition; 0: none */
	uint16_t also;        /* another length that is met in the field; 0: none */
};

/* The layout of a model, or NULL. */
const struct sunspec_layout *sunspec_layout(int model);

/* Whether a model that says it is length registers long is laid out as we know it. */
bool sunspec_length_fits(const struct sunspec_layout *layout, int length);

/* A model's point, or NULL. */
const struct sunspec_point *sunspec_point(int model, const char *name);

/* All points, for who wants to go through them. */
const struct sunspec_point *sunspec_points(int *count);

#endif
