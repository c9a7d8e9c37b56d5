/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A home's side of its community: what it offered its manager, what it is asked, and which of its
 * two plans is made when. Each interval it plans by itself first, which is what it offers; where it
 * follows and something is asked, it plans once more, with that. So what it offers never depends on
 * what it is asked. No I/O, logs nothing. */
#ifndef LECD_HOME_MEMBERSHIP_H
#define LECD_HOME_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/standing.h"
#include "daemon/home/offer.h"
#include "daemon/home/request.h"
#include "daemon/home/site.h"

struct membership {
	struct offer offer;     /* by the latest plan of its own; slots 0: none yet */
	struct request request; /* the latest; may be void */
	bool steer_next;        /* the next problem is to count with the request */
	bool steered;           /* the problem that is out does */
	bool offer_waits;       /* to be sent */
	bool manager_online;
};

/* Let a problem that is about to be handed out count with what is asked, where it is that one's
 * turn. */
void membership_steer(struct membership *m, const struct site *site, int64_t wall_s,
		      struct problem *p);

/* A plan for p has come. Returns whether it is one to act by; else it was the home's own and made
 * the offer, and another one is wanted at once. */
bool membership_answer(struct membership *m, const struct site *site, int64_t wall_s,
		       const struct problem *p, const struct plan *plan);

/* Take a request's JSON: 0, and a plan is wanted at once; or as request_take. A home that does not
 * follow keeps it to be shown. */
int membership_take(struct membership *m, const struct site *site, int64_t wall_s,
		    const char *payload, size_t length, char *why, size_t size);

/* What the manager asks of a home that follows, now; false: nothing. */
bool membership_asks(const struct membership *m, const struct site *site, int64_t wall_s,
		     struct request_slot *out);

/* The limits that come of it: INFINITY where there is none. */
struct standing_limit membership_limit(const struct membership *m, const struct site *site,
				       int64_t wall_s);

#endif
