/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The optimum of a league as one linear program that sees everything: what negotiating is measured
 * by, and shares no code with. */
#ifndef LECD_SIM_LEAGUE_CENTRAL_H
#define LECD_SIM_LEAGUE_CENTRAL_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/league.h"
#include "policy/member.h"

/* The least cost of all members together, fees of lines among it. gone[]: who takes part in
 * nothing, NULL: nobody; its own cost counts still. deadline_us: by clock_real_us(). Returns 0 or
 * as lp_relax. */
int league_central(const struct league *l, const struct member_model *member, const bool *gone,
		   int64_t deadline_us, double *cost);

#endif
