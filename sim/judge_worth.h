/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who decides as an actor would that has learned nothing: a stored kWh is always worth the same
 * share between the utility's prices, batteries serve their homes or trade at that, and what is
 * expected is bid. What learning adds to that is what it is worth. */
#ifndef LECD_SIM_JUDGE_WORTH_H
#define LECD_SIM_JUDGE_WORTH_H

#include "sim/community_order.h"
#include "sim/judge.h"

struct judge_worth {
	double share;                  /* as in policy/order.h */
	struct community_intent *room; /* by home; owned */
};

/* For so many homes. Returns 0 or -ENOMEM; judge_worth_free after it, always. */
int judge_worth_init(struct judge_worth *w, int homes, double share);
void judge_worth_free(struct judge_worth *w);

/* w outlives it. */
struct decider judge_untrained(struct judge_worth *w);

#endif
