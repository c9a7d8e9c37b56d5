/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of the house as the cycle sees it: estimated from the devices' snapshots, judged by age
 * and plausibility. What decides reads this and nothing else. */
#ifndef LECD_HOME_STATE_H
#define LECD_HOME_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/reading.h"
#include "policy/problem.h"

struct battery_state {
	struct reading w;   /* AC, + discharge */
	struct reading soc; /* fraction */
	/* By the energy that flowed it may be this much lower or higher than told; >= 0. */
	double soc_below;
	double soc_above;
	/* What it can do now: the site's limits, and the BMS's where it tells; W >= 0. */
	double charge_max_w;
	double discharge_max_w;
	bool up;      /* answered its last poll */
	bool refused; /* not to be commanded, nor counted on: it does not obey, or misleads */
};

struct state {
	int64_t now_us;             /* monotonic */
	int64_t wall_s;             /* UTC */
	struct reading grid_w;      /* + import */
	struct reading pv_w;        /* sum over the inverters */
	struct reading limitable_w; /* of that, from inverters that can be limited */
	/* Load - pv: what grid and batteries cover; needs no PV reading. A battery that is not
	 * known counts as load. */
	struct reading net_w;
	struct reading load_w;
	struct reading import_wh; /* the meter's counters, where it has them */
	struct reading export_wh;
	int batteries;
	struct battery_state battery[BATTERIES_MAX];
};

#endif
