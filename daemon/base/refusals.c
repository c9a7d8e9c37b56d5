/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/refusals.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/hash.h"

enum { DAY_S = 86400 };

static bool told(const struct refusals *r, uint64_t kind)
{
	for (int i = 0; i < r->kinds; i++) {
		if (r->kind[i] == kind) {
			return true;
		}
	}
	return r->kinds == REFUSAL_KINDS_MAX;
}

void refusals_count(struct refusals *r, const char *text)
{
	r->count++;
	snprintf(r->last, sizeof(r->last), "%s", text);
}

bool refusals_add(struct refusals *r, const char *text, int64_t wall_s)
{
	uint64_t kind = hash_bytes(text, strlen(text));
	refusals_count(r, text);
	if (wall_s / DAY_S != r->day) {
		r->day = wall_s / DAY_S;
		r->kinds = 0;
	}
	if (told(r, kind)) {
		return false;
	}
	r->kind[r->kinds++] = kind;
	return true;
}
