/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A point of a found SunSpec model as a point of ours, and its value now. */
#ifndef LECD_DRIVERS_SUNSPEC_POINT_H
#define LECD_DRIVERS_SUNSPEC_POINT_H

#include "drivers/point.h"
#include "drivers/sunspec.h"

/* Make a point in the standard's own unit and sign, without limits; index counts repetitions, 0
 * outside of groups. Returns 0 or -ENOENT: this model has no such number. */
int sunspec_make_point(const struct sunspec_found *f, const char *name, int index,
		       struct point *out);

/* Read a point's value. Returns 0; -ENODATA: not implemented; -ENOENT; an exception's code > 0 or
 * -errno from the reader. */
int sunspec_read_value(const struct sunspec_reader *reader, const struct sunspec_found *f,
		       const char *name, int index, double *value);

/* Fix a point's scale factor to what it is now, for a point that is written. Returns as above. */
int sunspec_fix_factor(const struct sunspec_reader *reader, struct point *p);

#endif
