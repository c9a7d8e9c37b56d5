/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sunspec_parts.h"

#include <assert.h>
#include <stdlib.h>

/* By model, the types of the registers behind ID and L and how many of each, then of a repeating
 * group: s signed (16 bit), scale factor or pad; u unsigned, enumeration or bits; l signed, 32 bit;
 * f float; z string or counter. Source: the SunSpec information models. */
static const struct {
	uint16_t first, last;
	const char *model, *group;
} blanks[] = {
	{ 1, 1, "z64u1s1", "" },
	{ 101, 103, "u4s1u6s3u1s7z2s1u1s1u1s8u14", "" },
	{ 111, 113, "f46u14", "" },
	{ 120, 120, "u2s1u1s6u1s6u1s1u1s1u1s1u1s2", "" },
	{ 121, 121, "u2s1u3s4u1s4u5s10", "" },
	{ 122, 122, "u3z24s2u1s1u4z4u4s1", "" },
	{ 123, 123, "u8s1u4s3u5s3", "" },
	{ 124, 124, "u10s2u4s8", "" },
	{ 160, 160, "s4u4", "u1z8u3z2u2s1u3" },
	{ 201, 204, "s36z16s1z16s1z32s1u2", "" },
	{ 211, 214, "f122u2", "" },
	{ 701, 701, "u8s5u20s11u18s5u18s5u21s10z32", "" },
	{ 702, 702, "u43s7", "" },
	{ 703, 703, "u15s2", "" },
	{ 704, 704, "u22l4s2u8l4s2u9s6u8", "" },
	{ 713, 713, "u5s2", "" },
	{ 714, 714, "u3s2u8s5", "u2z8s1u1s1u8s1u3" },
	{ 715, 715, "u7", "" },
	{ 802, 802, "u42s1u2s1u1s1u2s12", "" },
	{ 803, 803, "u2s1u2s1u2s1u5s1u1s1u1s1u1s6", "u6s1u5s1u1s1u1s1u13s2" },
};

static uint16_t blank_word(char type, bool low)
{
	switch (type) {
	case 's':
		return 0x8000;
	case 'l':
		return low ? 0 : 0x8000;
	case 'f':
		return low ? 0 : 0x7FC0;
	case 'z':
		return 0;
	default:
		return 0xFFFF;
	}
}

/* Fill by a text of types; returns how many registers that were. */
static int fill(const char *types, uint16_t *words)
{
	int filled = 0;
	while (*types) {
		char type = *types, *rest;
		long count = strtol(types + 1, &rest, 10);
		for (long i = 0; i < count; i++) {
			words[filled++] = blank_word(type, i % 2);
		}
		types = rest;
	}
	return filled;
}

void sunspec_blank(const struct sunspec_found *found, uint16_t *words)
{
	const struct sunspec_layout *layout = sunspec_layout(found->model);
	words[0] = found->model;
	words[1] = found->length;
	for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++) {
		if (found->model < blanks[i].first || found->model > blanks[i].last) {
			continue;
		}
		int at = 2 + fill(blanks[i].model, words + 2);
		assert(at == layout->length + 2);
		for (int n = 0; n < sunspec_repeats(found); n++) {
			at += fill(blanks[i].group, words + at);
		}
		assert(at == found->length + 2);
	}
}
