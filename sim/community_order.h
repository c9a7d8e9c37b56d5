/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a home of a simulated community does on the order that an actor makes: as lecd would, but
 * that the bid is for the interval that begins. */
#ifndef LECD_SIM_COMMUNITY_ORDER_H
#define LECD_SIM_COMMUNITY_ORDER_H

#include "policy/order.h"
#include "sim/community_env.h"

/* Room for what a wish points to; it is used until the step is made. */
struct community_intent {
	struct plan_slot slot;
	struct bid_order bid[BID_ORDERS_MAX];
};

/* What home i of e wants of the next step. */
struct community_act community_obey(const struct community_env *e, int i,
				    const struct house_order *o, struct community_intent *room);

#endif
