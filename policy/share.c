/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/share.h"

#include <math.h>

/* What a battery can give (want > 0) or take (< 0) now, >= 0. */
static double ability_w(const struct battery_model *b, double soc, double want_w)
{
	if (want_w > 0) {
		return soc > b->soc_min ? b->discharge_limit_w : 0;
	}
	return soc < b->soc_max ? b->charge_limit_w : 0;
}

void share_power(const struct battery_model *battery, int batteries, const double *soc,
		 double want_w, double *out_w)
{
	double able_w = 0;
	for (int i = 0; i < batteries; i++) {
		able_w += ability_w(&battery[i], soc[i], want_w);
	}
	double share = able_w > 0 ? fmin(1, fabs(want_w) / able_w) : 0;
	for (int i = 0; i < batteries; i++) {
		double w = share * ability_w(&battery[i], soc[i], want_w);
		out_w[i] = want_w > 0 ? w : -w;
	}
}

void share_within(const struct battery_model *battery, int batteries, const double *soc,
		  double net_load_w, double want_w, double *out_w)
{
	share_power(battery, batteries, soc, want_w, out_w);
	for (int i = 0; i < batteries; i++) {
		double low_w, high_w;
		battery_power_range(&battery[i], net_load_w, &low_w, &high_w);
		out_w[i] = fmax(low_w, fmin(high_w, out_w[i]));
		net_load_w -= out_w[i];
	}
}
