/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A point: how one value of a device lies in its registers, and the way there and back.
 *
 * Decoding (registers to values, for who reads a device) and encoding (values to registers, for who
 * writes to one or pretends to be one) stand on the same table, so they cannot disagree. Values are
 * in the units and signs of reading.h whatever the device uses: scale and offset convert. */
#ifndef LECD_DRIVERS_POINT_H
#define LECD_DRIVERS_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/reading.h"

/* How a number lies in registers. */
enum point_type {
	POINT_ABSENT, /* the profile has no such point */
	POINT_U16,
	POINT_S16,
	POINT_U32,
	POINT_S32,
	POINT_U64,
	POINT_S64,
	POINT_F32,
	POINT_F64,
	POINT_TYPE_COUNT
};

enum word_order {
	WORDS_HIGH_FIRST, /* the standard */
	WORDS_LOW_FIRST   /* words swapped, bytes within a word not */
};

/* The two tables of registers a device has, by the function code that reads them. */
enum register_table { TABLE_HOLDING = 3, TABLE_INPUT = 4 };

enum { POINT_WORDS_MAX = 4 };

enum { POINT_SENTINELS_MAX = 2 };

struct point {
	enum point_type type; /* POINT_ABSENT: ignore the rest */
	enum register_table table;
	int other_unit;   /* the unit of the same endpoint it lives at; 0: the device's own */
	uint16_t address; /* zero-based, as on the wire */
	int line;         /* of its file; 0: none */
	enum word_order order;
	double scale;  /* value = raw * scale + offset; negative where the device counts the other
			  way */
	double offset; /* in the value's unit */
	double min;    /* a value out of min..max cannot be true and is not to be written */
	double max;
	int sentinels; /* raw numbers that stand for no value, besides the type's */
	uint64_t sentinel[POINT_SENTINELS_MAX];
	bool unverified; /* told by someone and not tried on a device: say so where it is shown */
	bool counter;    /* 0 is a sentinel too: it does not count */
	bool optional;   /* of a sum: not implemented adds nothing, as long as another part is */
	bool factored;   /* the scale is to be multiplied by ten to the power of ... */
	uint16_t factor_address; /* ... this register, of the same read */
	int block;               /* of points that are read: the profile's block that holds it */
	/* Only of control points: */
	int write_function;        /* 6 or 16 */
	int group;                 /* written in one request with all of that number; 0: alone */
	bool readback;             /* can be read to check what was written */
	double step;               /* smaller changes are not worth a write */
	bool flash;                /* kept in flash: written only when the value changes */
	int64_t write_interval_us; /* at least this between two writes of changed values */
	int writes_per_day;        /* of changed values, at most; 0: does not wear */
	bool of_rating; /* scale, min, max, step and off are shares of a rating not yet known */
	bool magnitude; /* of a battery's set-point: without its sign, which another point tells */
	int follows;    /* of a copy: the enum control whose value it repeats */
	bool toggles;   /* of a heartbeat: it changes between on and off; else it counts min..max */
	/* What to write: of a switch or preset, while under command without power, charging,
	 * discharging. Those without a direction of their own have three times the same. */
	double on, charge, discharge;
	bool has_off; /* it is put back when the device is released, to ... */
	double off;
};

/* Registers a value of that type takes: 0 (POINT_ABSENT), 1, 2 or 4. */
int point_words(enum point_type type);

/* Make a value of point_words() registers. QUALITY_GOOD and *value; QUALITY_NOT_IMPLEMENTED where
 * they hold one of the type's sentinels; QUALITY_OUT_OF_RANGE where the value is not within
 * min..max. *value is only touched when good. */
enum quality point_decode(const struct point *p, const uint16_t *words, double *value);

/* The same without min..max: never QUALITY_OUT_OF_RANGE. */
enum quality point_value(const struct point *p, const uint16_t *words, double *value);

/* Whether a value is finite and within min..max, but for what rounding does. */
bool point_plausible(const struct point *p, double value);

/* The point with its scale multiplied by a scale factor's register. Returns 0, or -ERANGE where
 * that is not from -10 to 10 (0x8000: not implemented); then the point has no value. */
int point_rescale(const struct point *p, uint16_t factor, struct point *out);

/* Whether a switch that holds this value is at one of its commands, and not at its `off`. */
bool point_commands(const struct point *p, double value);

/* Make point_words() registers of a value. Returns 0; -ERANGE where the value is not finite, not
 * within min..max (or that of a rating not yet known), does not fit the type or would read as a
 * sentinel. Rounds to the device's resolution. */
int point_encode(const struct point *p, double value, uint16_t *words);

/* The registers of a point the device does not implement: its type's first sentinel. */
void point_encode_absent(const struct point *p, uint16_t *words);

#endif
