/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control points of a walked SunSpec device: the best of what it has, or none. */
#ifndef LECD_DRIVERS_SUNSPEC_CONTROL_H
#define LECD_DRIVERS_SUNSPEC_CONTROL_H

#include "drivers/profile.h"
#include "drivers/sunspec.h"

/* Add the control points of p->kind, none where the device has no way that is complete: set-point,
 * enable, revert timer, scale factor and rating. Returns 0; an exception's code > 0 or -errno from
 * the reader. */
int sunspec_control(const struct sunspec *s, const struct sunspec_reader *reader,
		    struct profile *p);

#endif
