/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Estimate: from the devices' snapshots to the state of the house. Judges each reading by age and
 * rating; a sum is only as good as its worst part. Pure: no I/O, no clock. */
#ifndef LECD_HOME_ESTIMATE_H
#define LECD_HOME_ESTIMATE_H

#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "drivers/device.h"

/* The latest snapshot of each device of the site, in the site's order. */
struct snapshots {
	struct snapshot meter;
	struct snapshot pv[PVS_MAX];
	struct snapshot battery[BATTERIES_MAX];
};

/* Fill *out for this moment. Readings older than stale_us are stale. */
void estimate(const struct site *site, const struct snapshots *seen, int64_t now_us, int64_t wall_s,
	      int64_t stale_us, struct state *out);

#endif
