/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judge of a negotiation: the least that the same day can cost with everybody's secrets in one
 * linear program. It shares no step, price or penalty with the negotiation: charge, discharge and
 * content of each store are columns, the losses of each step a column that lies above their
 * tangents at AC sweeps, each limit a row where it is broken (Kelley 1960, 10.1137/0108053).
 * Tangents of a convex function lie below it, so that every answer of the program is a bound that
 * nobody can come below, and what its net powers cost on the AC equations is one that can be
 * reached: more tangents until the two are close.
 *
 * Losses, and voltages in a limit's row, are convex in net powers up to terms of second order in
 * the voltage's fall, which are below the bound's own precision here. */
#ifndef LECD_SIM_NEGOTIATION_CENTRAL_H
#define LECD_SIM_NEGOTIATION_CENTRAL_H

#include "sim/negotiation.h"

struct negotiation_central {
	double bound; /* nobody pays less */
	double cost;  /* of the best net powers found that keep all limits, or INFINITY */
	int programs; /* solved */
};

/* near: net powers that tangents are put at first, by home and step; any will do, good ones save
 * programs. Ends where bound and cost are within the part `close` of each other. Returns 0; 1: time
 * or programs are up, the bound stands; -EDOM: nothing keeps all limits; -EOPNOTSUPP: a price below
 * 0, at which losses earn and the day is not convex; or as lp_relax. */
int negotiation_central(struct negotiation *w, const double *near_kw, double close,
			int64_t deadline_us, struct negotiation_central *out);

#endif
