/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/site_actor.h"

void site_actor_house(const struct site *site, struct actor_house *out)
{
	*out = (struct actor_house){
		.interval_s = site->interval_s,
		.currency = site->tariff.currency,
		.has_pv = site->pvs > 0,
		.has_battery = site->batteries > 0,
		.has_market = *site->mqtt.broker && site->bid,
	};
	for (int b = 0; b < site->batteries; b++) {
		out->charge_limit_w += site->battery[b].model.charge_limit_w;
		out->discharge_limit_w += site->battery[b].model.discharge_limit_w;
	}
}
