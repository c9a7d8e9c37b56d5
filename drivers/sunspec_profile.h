/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a walked SunSpec device to a profile: its models' points in our quantities, units and signs.
 *
 * Where it tells the same in several ways, the more direct one is taken: a battery's power from its
 * DC port (714), its DC modules (160), the battery itself (802), and only of a device without PV
 * from the AC side. Control is by 704, else by 124 (a battery) or 123 (a PV inverter), and only
 * with a revert timer and a known rating: per cent on the wire are W here. */
#ifndef LECD_DRIVERS_SUNSPEC_PROFILE_H
#define LECD_DRIVERS_SUNSPEC_PROFILE_H

#include "drivers/profile.h"
#include "drivers/sunspec.h"

/* What a device has before it was walked: how to talk to it, and nothing to read. */
void sunspec_profile_init(enum device_kind kind, struct profile *p);

/* Make the points, blocks and names of p, whose kind is set. Reads what stays as it is: ratings,
 * scale factors of set-points, names of DC modules. Returns 0; -ENODEV: the device does not tell
 * the power of this kind; an exception's code > 0 or -errno from the reader. *p is only touched on
 * 0. */
int sunspec_profile(const struct sunspec *s, const struct sunspec_reader *reader,
		    struct profile *p);

#endif
