/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decide: what the batteries should do this second. The fallback chain in one place:
 *
 *   a person -> learned policy, or optimiser -> last valid plan -> self-consumption rules -> hold
 *
 * The policy decides only beside a plan that could: what is not held against one has no bound.
 *
 * Pure: state and plan in, wish and its ground out. */
#ifndef LECD_HOME_DECIDE_H
#define LECD_HOME_DECIDE_H

#include "daemon/home/guard.h"
#include "daemon/home/reason.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "policy/follow.h"
#include "policy/order.h"
#include "policy/plan.h"

/* What a person can choose. */
enum mode {
	MODE_AUTO, /* the fallback chain */
	MODE_SELF, /* self-consumption rules */
	MODE_HOLD, /* batteries idle */
	MODE_OFF,  /* devices released to their own default */
	MODE_COUNT
};

/* "auto", "self", "hold", "off", NULL-terminated. */
extern const char *const mode_names[MODE_COUNT + 1];

struct decision {
	enum decider by;
	struct wish wish;
	const struct plan_slot *slot;                 /* the one followed, NULL: none */
	const struct plan_slot *planned;              /* the one that could be */
	struct follow_decision follow[BATTERIES_MAX]; /* what it says, and on what ground */
	bool ordered;                                 /* a policy has said something, too: */
	double ordered_w[BATTERIES_MAX];              /* what of it each battery may do */
};

/* What there is to decide by. */
struct grounds {
	enum mode mode;
	const struct plan *plan; /* NULL or empty: none */
	int64_t plan_age_us;
	const struct house_order *order; /* of a learned policy, NULL: none */
	bool fit;                        /* and it may be carried out */
};

void decide(const struct site *site, const struct state *s, const struct grounds *g,
	    struct decision *out);

#endif
