/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was refused: counted always, worth a line of the log once a day for each kind, and for so
 * many kinds only. A hostile sender finds as many kinds as it likes, and a log that it can fill
 * hides what matters. */
#ifndef LECD_BASE_REFUSALS_H
#define LECD_BASE_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

enum { REFUSAL_MAX = 160, REFUSAL_KINDS_MAX = 64 };

struct refusals {
	uint64_t count;
	char last[REFUSAL_MAX];
	int64_t day; /* UTC, of the kinds told */
	int kinds;
	uint64_t kind[REFUSAL_KINDS_MAX]; /* a hash of each that was told */
};

/* Count one that is not to be told. */
void refusals_count(struct refusals *r, const char *text);

/* Count one. Returns whether text, which is its kind, is to be told. */
bool refusals_add(struct refusals *r, const char *text, int64_t wall_s);

#endif
