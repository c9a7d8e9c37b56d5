/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Observe: what a learned actor may see of its house when an interval begins, from the house's own
 * readings and history, the calendar, and prices that everybody knows. Pure. */
#ifndef LECD_HOME_OBSERVE_H
#define LECD_HOME_OBSERVE_H

#include "daemon/home/interval.h"
#include "daemon/home/market.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "policy/actor_conf.h"
#include "policy/forecast.h"

/* value: by enum source, as actor_conf_observe takes it: NaN is what is not known. last: the latest
 * interval that ended, of the market's; it counts where it is the one before state's time and load
 * and PV were known for more than half of it. */
void observe(const struct site *site, const struct state *s, const struct interval *last,
	     const struct forecast *forecast, const struct market *market,
	     double value[SOURCE_COUNT]);

#endif
