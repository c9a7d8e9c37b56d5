/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A community's manager: its members' offers become one problem with the community's own devices,
 * its plan becomes what each member is asked, their meters become what each owes and saves.
 *
 *   offer -> foresee -> plan -> ask -> (the member's plan) -> meter -> settle
 *
 * The manager's own site is planned, guarded and metered as any (home.h): its meter stands at the
 * community's connection and sees its members too. What it sees of neither members nor own devices
 * is the rest, taken to go on as in the intervals before. Nobody is asked before that is known.
 *
 * Who has no offer that counts is not asked: it goes on as in its last metered interval, or is part
 * of the rest. Pure data and JSON; who sends and stores is manager_publish.c. */
#ifndef LECD_HOME_MANAGER_H
#define LECD_HOME_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/home/interval.h"
#include "daemon/home/offer.h"
#include "daemon/home/request.h"
#include "daemon/home/sharing.h"
#include "daemon/home/site.h"
#include "policy/plan.h"
#include "policy/problem.h"

enum { MANAGER_INTERVALS = 8 }; /* that are asked for or not settled yet */

/* A member in an interval. */
struct manager_interval {
	int64_t start_s; /* 0: free */
	bool counted;    /* its offer was planned with */
	double planned_w, target_w;
	double price, worth;
	bool metered;
	double net_wh;
};

struct manager_member {
	bool online;
	struct offer offer;
	struct request request;
	bool request_waits;                                  /* to be sent */
	bool row_waits;                                      /* its account, to be stored */
	struct manager_interval interval[MANAGER_INTERVALS]; /* each at its number, modulo */
	bool net_known;                                      /* of the latest settled interval */
	double net_w;
	struct sharing_account account;
};

/* The community's own in an interval. */
struct manager_own {
	int64_t start_s;
	double taken_wh; /* by its batteries */
	double worth;    /* money: what is stored in them more */
	bool load_known;
	double load_wh; /* all but own PV and batteries, members included */
};

struct manager {
	const struct site *site;
	struct manager_member member[MEMBERS_MAX];
	struct manager_own own[MANAGER_INTERVALS];
	double fund;     /* money, <= 0: what is to be earned back before more is shared */
	bool rest_known; /* what neither members nor own devices take */
	double rest_w;
	int64_t settled_s; /* the latest interval that is done with */
	int64_t revision;  /* of requests */
	int asked;         /* members in the latest plan that could be asked */
	double asked_w;    /* in its first slot, more than planned; of all */
};

/* The manager of a site's community, or NULL without memory; to be freed by free(). */
struct manager *manager_new(const struct site *site);

/* Take what a home says at that leaf: flexibility, meter or status. Returns 0, or -errno with a
 * sentence in why: also where it is no member. */
int manager_take(struct manager *m, int64_t wall_s, const char *home, const char *leaf,
		 const char *payload, size_t length, char *why, size_t size);

/* Whether all who are online and have an offer that counts have made one for the interval that
 * holds wall_s. */
bool manager_has_all(const struct manager *m, int64_t wall_s);

/* Let a problem of the community's count with its members' plans and what they offer. Without any,
 * or while the rest is not known, it stays as it is. */
void manager_foresee(const struct manager *m, int64_t wall_s, struct problem *p);

/* A plan for p has come: make what each member is asked. */
void manager_ask(struct manager *m, int64_t wall_s, const struct problem *p,
		 const struct plan *plan);

/* An interval of the community's own devices ended. plan: the one it had, for the worth of what was
 * stored. */
void manager_turn(struct manager *m, const struct interval *done, const struct plan *plan);

/* Settle the oldest interval for which all meters are in, or the time is up. Returns whether one
 * was; then each metered member's row_waits. */
bool manager_settle(struct manager *m, int64_t wall_s);

/* A member's account, for the ledger, and back: 0, or -EINVAL where it is none of a member's. */
int manager_row_json(const struct manager *m, int i, char *out, size_t size);
int manager_recall(struct manager *m, int64_t interval_s, const char *text);

/* How evenly what was asked (for what was offered) and what was saved is spread over members that
 * were ever settled: Jain's index and min-max of fairness.h. */
struct manager_fairness {
	int members;
	double saved; /* money, in all */
	double saved_jain, saved_min_max;
	double asked_jain, asked_min_max; /* of those that follow */
};
struct manager_fairness manager_fairness(const struct manager *m);

#endif
