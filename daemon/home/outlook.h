/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outlook: the planning problem of a home as it stands, from its site, its history and its
 * state. */
#ifndef LECD_HOME_OUTLOOK_H
#define LECD_HOME_OUTLOOK_H

#include "daemon/base/series.h"
#include "daemon/home/demand.h"
#include "daemon/home/market.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "policy/forecast.h"
#include "policy/problem.h"

/* What lies ahead from state's time to the horizon. The first step ends with the current interval.
 * Returns 0; -EAGAIN where there is too little history yet; -ENODATA where a battery is not known.
 * p->id is left alone. */
int outlook_make(const struct site *site, const struct forecast *forecast,
		 const struct demand *demand, const struct market *market, const struct state *s,
		 struct problem *p);

/* The parts of it, for who knows the future: everything but steps and charges; then `most` steps
 * from wall_s on, at the tariff's prices, load and PV 0. */
void outlook_begin(const struct site *site, struct problem *p);
void outlook_set_steps(const struct site *site, int64_t wall_s, int most, struct problem *p);

/* What a series says lies ahead, for planning offline: its steps as they are, prices by the tariff
 * where it has none. Returns 0, or -E2BIG with more than STEPS_MAX steps. */
int outlook_from_series(const struct site *site, const struct series *series, struct problem *p);

#endif
