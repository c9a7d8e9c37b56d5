/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A power for all batteries together, shared among them. */
#ifndef LECD_POLICY_SHARE_H
#define LECD_POLICY_SHARE_H

#include "policy/problem.h"

/* Each gets its part of want_w (AC, + discharge) in proportion to what it can give or take; none
 * from one that is empty or full by soc[], their charges now. What they cannot do together is left.
 */
void share_power(const struct battery_model *battery, int batteries, const double *soc,
		 double want_w, double *out_w);

/* The same within what each may do at the house's net load (load - PV, W): where it may not charge
 * from the grid or not discharge into it, it goes no further than the batteries before it left. */
void share_within(const struct battery_model *battery, int batteries, const double *soc,
		  double net_load_w, double want_w, double *out_w);

#endif
