/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/rules.h"

#include <math.h>

/* What a battery can give (net load > 0) or take (< 0) now, >= 0. */
static double ability_w(const struct battery_model *b, double soc, double net_load_w)
{
	if (net_load_w > 0) {
		return soc > b->soc_min ? b->discharge_limit_w : 0;
	}
	return soc < b->soc_max ? b->charge_limit_w : 0;
}

void rules_self_consumption(const struct battery_model *battery, int batteries, const double *soc,
			    double net_load_w, double *out_w)
{
	double able_w = 0;
	for (int i = 0; i < batteries; i++) {
		able_w += ability_w(&battery[i], soc[i], net_load_w);
	}
	double share = able_w > 0 ? fmin(1, fabs(net_load_w) / able_w) : 0;
	for (int i = 0; i < batteries; i++) {
		double w = share * ability_w(&battery[i], soc[i], net_load_w);
		out_w[i] = net_load_w > 0 ? w : -w;
	}
}
