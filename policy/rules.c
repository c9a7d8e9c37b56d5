/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/rules.h"

#include "policy/share.h"

void rules_self_consumption(const struct battery_model *battery, int batteries, const double *soc,
			    double net_load_w, double *out_w)
{
	share_power(battery, batteries, soc, net_load_w, out_w);
}
