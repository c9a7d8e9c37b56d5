/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The least that days of a house can cost with the battery that stands there, whoever controls it
 * and whatever he knows: what perfect foresight is measured by.
 *
 * A dynamic programme over what the battery stores, every five minutes, by the plant's own losses,
 * limits and self-discharge. It is easier than the truth in all that is left out, so nobody who
 * keeps the site's band of charge costs less:
 *
 * - Load and PV are their means over each step. Costs and losses bend upward only, so that what
 *   goes up and down within a step costs at least what its mean does.
 * - Where the loss bends downward (a converter that wakes up), it is replaced by the straight line
 *   below, which who wakes it for a part of the step would have.
 * - The battery's power has no lag, the connection no limits.
 *
 * What it is too high by is its grid: see bound_rounding. */
#ifndef LECD_SIM_BOUND_H
#define LECD_SIM_BOUND_H

#include "sim/closed_loop.h"

/* How much too high the bound may be by interpolating between stored energies, as a share of the
 * cost: what is solved by hand differs by a quarter of that. */
static const double bound_rounding = 2e-4;

/* The least that the days of conf from `first` on cost, from soc_start to soc_end or more, into
 * day[first] to day[conf->days - 1]. The site has one battery, its band of charge; prices are the
 * tariff's by time, without demand charge. Returns 0 or -ENOMEM. */
int bound_run(const struct loop_conf *conf, int first, double soc_start, double soc_end,
	      struct loop_day *day);

#endif
