/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decide: what the batteries should do this second. The fallback chain in one place:
 *
 *   a person -> optimiser -> last valid plan -> self-consumption rules -> hold
 *
 * Pure: state and plan in, wish and its ground out. */
#ifndef LECD_HOME_DECIDE_H
#define LECD_HOME_DECIDE_H

#include "daemon/home/guard.h"
#include "daemon/home/reason.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "policy/follow.h"
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
	struct follow_decision follow[BATTERIES_MAX]; /* and on what ground */
};

/* plan may be NULL or empty; plan_age_us is its age. */
void decide(const struct site *site, const struct state *s, enum mode mode, const struct plan *plan,
	    int64_t plan_age_us, struct decision *out);

#endif
