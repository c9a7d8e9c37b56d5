/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_order.h"

/* What the home expects of the step; it has no plan of its own. */
static struct plan_slot expected(const struct community_env *e, int i)
{
	const struct community_series *s = e->conf.series;
	size_t at = (size_t)e->step * (size_t)e->homes + (size_t)i;
	struct step step = { .start_s = community_time_s(s, e->step),
			     .hours = e->hours,
			     .load_w = (double)s->load_next_w[at],
			     .pv_w = (double)s->pv_next_w[at],
			     .spread_w = (double)s->spread_next_w[at],
			     .buy = e->conf.buy[e->step] / 1e6,
			     .sell = e->conf.sell[e->step] / 1e6,
			     .import_limit_w = e->conf.home[i].import_limit_w,
			     .export_limit_w = e->conf.home[i].export_limit_w };
	return (struct plan_slot){ .step = step, .pv_w = step.pv_w };
}

struct community_act community_obey(const struct community_env *e, int i,
				    const struct house_order *o, struct community_intent *room)
{
	const struct battery_model *b = &e->conf.home[i].battery;
	int batteries = b->capacity_wh > 0;
	double soc = batteries ? e->stored_wh[i] / b->capacity_wh : 0;
	struct community_act act = { .bid = room->bid, .battery_w = o->battery_w };
	room->slot = expected(e, i);
	act.bids = order_bid(o, &room->slot, b, batteries, &soc, room->bid);
	if (o->values) {
		room->slot.value[0] = order_value(o, &room->slot.step);
		act.follow = &room->slot;
	}
	return act;
}
