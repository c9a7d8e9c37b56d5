/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk through a SunSpec device: which information models it has, and where.
 *
 * Reads registers by a function of the caller's and does nothing else. Believes nothing: a chain of
 * models that leaves the register space, never ends or is broken is refused, and a model that is
 * not as long as the standard says is passed over, since its points may lie elsewhere. */
#ifndef LECD_DRIVERS_SUNSPEC_H
#define LECD_DRIVERS_SUNSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/sunspec_models.h"

enum {
	SUNSPEC_FOUND_MAX = 48, /* models kept */
	SUNSPEC_STEPS_MAX = 96, /* models walked past */
	SUNSPEC_COMMON_WORDS = 70
};

/* Reads holding registers: 0, a Modbus exception's code > 0, or -errno when the line failed. */
struct sunspec_reader {
	int (*read)(void *context, int address, int count, uint16_t *words);
	void *context;
};

struct sunspec_found {
	uint16_t model;
	uint16_t address; /* of its ID register */
	uint16_t length;  /* L: registers behind ID and L */
};

struct sunspec {
	uint16_t base; /* where "SunS" stands */
	int count;
	struct sunspec_found found[SUNSPEC_FOUND_MAX]; /* those we know, in the device's order */
	int others; /* models passed over: unknown to us, or not as long as the standard says */
	struct sunspec_found other[SUNSPEC_FOUND_MAX];
	/* From the common model, without control characters. */
	char manufacturer[33];
	char product[33];
	char version[17];
	char serial[33];
	/* What stands from base on, for sunspec_same(). */
	int common_words;
	uint16_t common[SUNSPEC_COMMON_WORDS];
};

/* Walk the device. "SunS" is looked for at 40000, 0 and 50000, beginning with the turn-th of these:
 * a device may never answer where it has nothing. Returns 0; -ENODEV: it is at none of them;
 * -EPROTO: not a chain of models; an exception's code > 0 or -errno from the reader. *out is only
 * touched on 0. */
int sunspec_walk(const struct sunspec_reader *reader, unsigned turn, struct sunspec *out);

/* Whether the device is still the one that was walked, by one request: 1 yes, 0 no, or -errno. */
int sunspec_same(const struct sunspec *s, const struct sunspec_reader *reader);

/* The number-th (from 0) model with an ID from first to last, or NULL. */
const struct sunspec_found *sunspec_find(const struct sunspec *s, int first, int last, int number);

/* Times the repeating group stands in a found model. */
int sunspec_repeats(const struct sunspec_found *f);

#endif
