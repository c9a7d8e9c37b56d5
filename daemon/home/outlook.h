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
/* buy and sell of a step, by the tariff. */
void outlook_set_prices(const struct site *site, struct step *step);
/* What a stored kWh is worth at the horizon where the site does not say: the mean of what it would
 * save and what it would fetch, after losses and wear. */
double outlook_end_value(const struct problem *p, double efficiency, double wear);

/* Where cars, loads and heat stand when a plan begins. */
struct assets_now {
	double ev_soc[EVS_MAX];   /* fractions */
	double done_h[LOADS_MAX]; /* how long each has run in the window that is open */
	bool running[LOADS_MAX];  /* and whether it is under way */
	double heat_c[THERMALS_MAX];
};

/* Add the site's cars, loads and heat to a problem whose steps and prices are set; now may be NULL:
 * as the site says that they start. A load has a run for each window and day that the steps hold,
 * the first RUNS_MAX of them; none for a window that goes on behind the last step, or that is open
 * at the first and too short by then. */
void outlook_assets(const struct site *site, const struct assets_now *now, struct problem *p);

/* Heat per electric energy at that temperature outside: between the pairs by a straight line. */
double outlook_cop(const struct site_thermal *t, double outdoor_c);

/* What a series says lies ahead, for planning offline: its steps as they are, prices by the tariff
 * where it has none; columns named after cars, tanks and heat pumps stand for their connection,
 * draw and temperature outside. What is wrong with it goes to d, at its line in path. Returns 0 or
 * -EINVAL. */
int outlook_from_series(const struct site *site, const struct series *series, const char *path,
			struct diag *d, struct problem *p);

/* Whether a column of that name, none of series.h, means something for the site. */
bool outlook_uses(const struct site *site, const char *column);

#endif
