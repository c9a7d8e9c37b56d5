/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/judge_worth.h"

#include <errno.h>
#include <stdlib.h>

int judge_worth_init(struct judge_worth *w, int homes, double share)
{
	*w = (struct judge_worth){ .share = share };
	w->room = calloc((size_t)homes, sizeof(*w->room));
	return w->room ? 0 : -ENOMEM;
}

void judge_worth_free(struct judge_worth *w)
{
	free(w->room);
	*w = (struct judge_worth){ .room = NULL };
}

static void decide(void *context, const struct community_env *e, struct community_act *act)
{
	struct judge_worth *w = context;
	for (int i = 0; i < e->homes; i++) {
		bool stores = e->conf.home[i].battery.capacity_wh > 0;
		struct house_order o = {
			.moves = stores, .values = stores, .value_share = w->share, .bids = true
		};
		act[i] = community_obey(e, i, &o, &w->room[i]);
	}
}

struct decider judge_untrained(struct judge_worth *w)
{
	return (struct decider){ "untrained", decide, w };
}
