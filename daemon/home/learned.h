/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A learned policy in the house: asked once an interval, held against the optimiser, and left out
 * where it is not fit.
 *
 * Arbitration. With decide = policy the policy moves the batteries, and bids, while it is fit and
 * there is a plan to hold it against; else the optimiser does, and what stands behind that. With
 * decide = shadow the optimiser does always. Either way the optimiser plans each interval, and the
 * regret of each order is counted (policy/regret.h): where it was too much over the last window,
 * the policy is left out until a whole window later it would have done better.
 *
 * An order holds for its interval. The bid it makes is for the interval after it, the first whose
 * gate is open. Asking takes microseconds, does not allocate, and is done when all else of a cycle
 * is. Logs nothing. */
#ifndef LECD_HOME_LEARNED_H
#define LECD_HOME_LEARNED_H

#include "daemon/home/interval.h"
#include "daemon/home/learned_actor.h"
#include "daemon/home/market.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "policy/order.h"
#include "policy/plan.h"
#include "policy/regret.h"

/* Whether it may decide, and why not. */
enum fitness {
	FITNESS_FIT,
	FITNESS_NEW,        /* not asked yet */
	FITNESS_MISSING,    /* there is no actor: its file could not be read */
	FITNESS_UNKNOWN,    /* an observation is not known */
	FITNESS_OUTSIDE,    /* one is out of the training range */
	FITNESS_NOT_FINITE, /* its answer is no number, or no choice */
	FITNESS_SLOW,       /* the run took longer than the limit */
	FITNESS_COSTLY,     /* its regret is beyond the limit */
	FITNESS_COUNT
};

/* What was found of an interval. */
struct learned_verdict {
	int64_t start_s;
	bool acted; /* it decided for more than half of it */
	double policy_w,
		optimiser_w; /* means of all batteries, + discharge: ordered, and instead */
	double trade;        /* money: what its bid cost more than not to trade */
	double regret;       /* and all of it */
};

struct learned {
	const struct site *site;
	struct learned_actor *actor; /* NULL: none; owned */
	int64_t (*clock_us)(void);   /* real time; NULL: runs are not timed */
	enum fitness fitness;
	char why[160]; /* it is not fit; "": it is */
	bool ordered;  /* there is an order; also of one that is too costly */
	struct house_order order;
	int64_t order_s;   /* the interval it was made for */
	bool charge_known; /* and the charges it began with */
	double charge[BATTERIES_MAX];
	int64_t bid_s[2]; /* the latest intervals that it bid for, by their number */
	int64_t ask_us;   /* when to ask next; INT64_MAX: when an interval begins */
	int64_t run_us;   /* of the last run; -1: not timed */
	double acted_s;   /* of the interval, so far, decided by it */
	struct regret regret;
	double regret_acted;         /* of what it decided, since the actor was taken up */
	struct learned_verdict last; /* start_s 0: none yet */
};

/* actor may be NULL: missing, with why. It becomes ours. */
void learned_init(struct learned *l, const struct site *site, struct learned_actor *actor,
		  int64_t (*clock_us)(void));
void learned_close(struct learned *l);

/* Another actor from now on (not NULL): it is asked at once; its regret begins anew, unless it is
 * the same as before. */
void learned_take(struct learned *l, struct learned_actor *actor);

/* An interval begins: ask. */
void learned_turn(struct learned *l);
bool learned_due(const struct learned *l, int64_t now_us);

/* Ask it for the interval that holds s's time; value: see observe.h. */
void learned_ask(struct learned *l, const struct state *s, const double value[SOURCE_COUNT]);

/* The order that holds now, or NULL: one that moves, or bids, as it is asked for, or is not fit. It
 * outlives its interval by grace_s, until the next one is there. */
const struct house_order *learned_order(const struct learned *l, int64_t wall_s, double grace_s);
static inline bool learned_fit(const struct learned *l)
{
	return l->fitness == FITNESS_FIT;
}

/* It decided for that many seconds more. */
void learned_acted(struct learned *l, double seconds);

/* What the house bids for the interval that begins at start_s is its word (own), or is not. */
void learned_bid(struct learned *l, int64_t start_s, bool own);

/* The interval that ended, held against what the plan had for it, and what was traded in it (NULL:
 * nothing) by the policy's bid against no trade. Returns whether it could be, then the verdict is
 * l->last. Before the next is asked for. */
bool learned_judge(struct learned *l, const struct interval *done, const struct plan *plan,
		   const struct award *award);

/* A verdict of an earlier life, oldest first. */
void learned_recall(struct learned *l, const struct learned_verdict *v);

/* "fit", "out-of-range" ..., on the wire */
const char *fitness_name(enum fitness fitness);

#endif
