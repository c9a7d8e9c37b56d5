/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's devices behind the drivers' contract: opened once, read and commanded each cycle. */
#ifndef LECD_HOME_DEVICES_H
#define LECD_HOME_DEVICES_H

#include <stddef.h>

#include "daemon/base/clock.h"
#include "daemon/home/estimate.h"
#include "daemon/home/guard.h"
#include "daemon/home/keeper.h"
#include "daemon/home/lines.h"
#include "daemon/home/site.h"
#include "drivers/bus.h"
#include "drivers/simulated.h"

struct devices {
	const struct site *site;
	struct device *meter;
	struct device *pv[PVS_MAX]; /* NULL: without a driver */
	struct device *battery[BATTERIES_MAX];
	uint32_t insist; /* a person's words so far, for the commands */
	struct bus_hub hub;
	struct lines lines; /* what the buses carry */
	struct keeper keeper[PVS_MAX + BATTERIES_MAX];
	int keepers;
	/* The simulated house, where there is one. */
	struct plant plant;
	struct simulated simulated_meter;
	struct simulated simulated_pv[PVS_MAX];
	struct simulated simulated_battery[BATTERIES_MAX];
};

/* The plant that stands for this site's house when it is simulated: its assets, its place, and what
 * the site file does not say. seed 0 is a good one. */
void devices_plant_conf(const struct site *site, uint64_t seed, struct plant_conf *out);

/* Open all devices; with simulate, those of a simulated house instead (conf NULL: as above).
 * Talking begins with the first devices_poll. What is wrong with profiles and addresses goes to
 * diag. Returns 0 or -errno; then nothing stays open. */
int devices_open(struct devices *d, const struct site *site, const struct clock *clock,
		 bool simulate, const struct plant_conf *conf, struct diag *diag);
void devices_close(struct devices *d);

/* Whether all devices are simulated or on loopback: only their time can be scaled. Those that are
 * not are named in diag. */
bool devices_are_local(const struct site *site, bool simulate, struct diag *diag);

/* Copy what every device told last. */
void devices_read(struct devices *d, int64_t now_us, struct snapshots *out);

/* Post the guarded action as leases until expires_us. */
void devices_command(struct devices *d, const struct action *a, int64_t expires_us);

/* Give every device back to its own default, before the end. Blocks until those that answer are
 * told, two real seconds at most. Returns how many are not. */
int devices_release(struct devices *d);

/* Start the next poll. */
void devices_poll(struct devices *d, int64_t now_us);

#endif
