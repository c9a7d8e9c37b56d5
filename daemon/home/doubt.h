/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Doubt: what devices tell is judged against what they told before, against each other and against
 * what they were told to do, before anything is decided on it. Between the snapshots and the
 * estimate it spoils readings, between the decision and the guard it holds wishes back. Brings the
 * checks together; each is a module of its own. Logs nothing: see doubt_alarms. */
#ifndef LECD_HOME_DOUBT_H
#define LECD_HOME_DOUBT_H

#include "daemon/home/alarm.h"
#include "daemon/home/charge.h"
#include "daemon/home/decide.h"
#include "daemon/home/estimate.h"
#include "daemon/home/frozen.h"
#include "daemon/home/guard.h"
#include "daemon/home/leap.h"
#include "daemon/home/rate.h"
#include "daemon/home/signs.h"
#include "daemon/home/swing.h"

/* The checks of one device's readings. */
struct doubt_device {
	struct frozen frozen;
	struct leap leap;
	struct rate counter[QUANTITY_COUNT]; /* those that are energies */
};

/* A zeroed one has seen nothing. */
struct doubt {
	struct doubt_device meter;
	uint32_t witnesses; /* of the meter: a bit for each battery whose power is known */
	struct doubt_device pv[PVS_MAX];
	struct doubt_device battery[BATTERIES_MAX];
	struct charge charge[BATTERIES_MAX];
	struct signs signs;
	struct swing swing; /* of all batteries' set-points together: what closes the loop */
	bool damped;
};

/* Copy what was seen, with what is too old or not to be believed marked by its quality. last: what
 * is commanded. */
void doubt_readings(struct doubt *d, const struct site *site, const struct action *last,
		    const struct snapshots *seen, int64_t now_us, int64_t stale_us,
		    struct snapshots *believed);

/* Doubt the state that was made of them: which way the meter counts, what the charge may be, who
 * is not to be counted on. by: who decided what was done. */
void doubt_state(struct doubt *d, const struct guard *guard, enum decider by, struct state *s);

/* Hold the wish back where the loop must not be closed, or not yet fully. */
void doubt_wish(const struct doubt *d, const struct state *s, const struct action *last,
		struct decision *decision);

/* Batteries and signs get another chance: a person said so. */
void doubt_pardon(struct doubt *d, struct guard *guard);

/* Set all alarms to what is found, here and by the drivers. */
void doubt_alarms(const struct doubt *d, const struct guard *guard, const struct site *site,
		  const struct snapshots *seen, struct alarms *alarms);

#endif
