/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Self-consumption rules: what a battery does without plan and price. Surplus is stored, load is
 * served, nothing is bought to be stored and nothing stored is sold. */
#ifndef LECD_POLICY_RULES_H
#define LECD_POLICY_RULES_H

#include "policy/problem.h"

/* Share the measured net load (load - PV, W) among the batteries, each in proportion to what it can
 * give or take; soc[] are their charges now. out_w[]: AC power, + discharge. */
void rules_self_consumption(const struct battery_model *battery, int batteries, const double *soc,
			    double net_load_w, double *out_w);

#endif
