/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in a growing text, and their numbers in the order of the names. */
#ifndef LECD_MARKET_NAMES_H
#define LECD_MARKET_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct name_text {
	char *text; /* owned; it moves: places are offsets until it is complete */
	size_t length, room;
};

/* Append a name. Return 0 and its place, or -ENOMEM. */
int names_add(struct name_text *t, const char *name, uint32_t *place);

/* Whole numbers by their value and before all others, the others byte by byte. */
int names_compare(const char *a, const char *b);

/* Number n places (the first of items that are stride bytes apart) by their names, equal names
 * alike, from 0 in the order of the names. names[]: room for n, gets each name once. sorted[]: gets
 * the items in the order of their names, equal ones as they stood. Returns how many names. */
int names_rank(const char *text, const uint32_t *place, size_t stride, int n, int32_t *rank,
	       const char **names, int32_t *sorted);

#endif
