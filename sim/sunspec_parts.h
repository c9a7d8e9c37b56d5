/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of a SunSpec device's face only. */
#ifndef LECD_SIM_SUNSPEC_PARTS_H
#define LECD_SIM_SUNSPEC_PARTS_H

#include "drivers/sunspec_models.h"
#include "sim/sunspec_face.h"

/* Registers on their way to a client. */
struct sunspec_window {
	int address, count;
	uint16_t *words;
};

/* --- sunspec_blank.c: a model without values */

/* Fill a model, ID and L included, with what says that nothing is implemented. */
void sunspec_blank(const struct sunspec_found *found, uint16_t *words);

/* --- sunspec_values.c: what the plant measures, and what is written on the nameplate */

enum { EVERY = -1 }; /* repetition of a model's group */

/* The scale factor's power of ten, or that the size of the device chooses it. */
enum { NONE = 100, BY_POWER, BY_ENERGY };

struct sunspec_row {
	uint16_t first, last; /* models */
	const char *name;
	int index; /* repetition, or EVERY */
	int factor;
	bool measured; /* by a sensor: what faults of measurements act on */
	double (*value)(struct sunspec_face *f, int index); /* in the standard's unit */
};

extern const struct sunspec_row sunspec_rows[];
extern const int sunspec_rows_count;

/* The inverter's AC rating, what the battery charges at most, and its capacity; 0 without such a
 * part. */
double sunspec_pv_rating_w(const struct sunspec_face *f);
double sunspec_storage_w(const struct sunspec_face *f);
double sunspec_capacity_wh(const struct sunspec_face *f);

/* How many DC modules the device has. */
int sunspec_modules(const struct sunspec_face *f);

/* --- sunspec_measure.c: values in registers */

/* Choose the scale factors of a model. */
void sunspec_scale(struct sunspec_face *f, const struct sunspec_found *found);

/* Put the values of a model that lie in the window there. */
void sunspec_measure(struct sunspec_face *f, const struct sunspec_found *found,
		     struct sunspec_window *w);

/* --- sunspec_command.c: what can be written */

/* Give the control points of a model what they are at first. */
void sunspec_command_reset(struct sunspec_face *f, const struct sunspec_found *found);

/* Take a write. Returns 0 or an exception, and nothing is changed. */
int sunspec_command_write(struct sunspec_face *f, int address, int count, const uint16_t *words);

/* --- sunspec_face.c: the registers */

/* The device's model, or NULL. */
const struct sunspec_found *sunspec_face_find(const struct sunspec_face *f, int model);

/* The registers from an address on, which must be the device's. */
uint16_t *sunspec_at(struct sunspec_face *f, int address);

#endif
