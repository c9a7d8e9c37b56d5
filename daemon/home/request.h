/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a community's manager asks of a member: a net power for each market interval, and limits
 * where its sum matters. Topic `schedule` of docs/protocol.md. Pure data and JSON.
 *
 * A request commands nothing: it is an input to the member's own plan, a limit only narrows what
 * holds at its connection, and both go no further than what the member offered. After until_s it is
 * void. */
#ifndef LECD_HOME_REQUEST_H
#define LECD_HOME_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/home/offer.h"
#include "daemon/home/site.h"
#include "policy/problem.h"

struct request {
	int64_t issued_s; /* by the manager's clock */
	int64_t until_s;  /* void from then on; 0: none was heard */
	int64_t start_s;  /* of the first interval */
	int64_t revision;
	int slots;
	float net_w[OFFER_SLOTS_MAX];    /* mean at the connection, + import */
	float import_w[OFFER_SLOTS_MAX]; /* limits; INFINITY: none */
	float export_w[OFFER_SLOTS_MAX];
	double saved; /* money: what the member has saved by the manager's account; NaN: unknown */
};

struct request_slot {
	double net_w, import_w, export_w;
};

/* What is asked for at_s, as it stands at wall_s, within what was offered for then. False: nothing,
 * or it is void. */
bool request_at(const struct request *r, const struct offer *o, double length_s, int64_t at_s,
		int64_t wall_s, struct request_slot *out);

/* Let a problem's steps count with it: what is asked for counts as traded already, so that only
 * what differs from it is settled at the utility's prices; limits narrow the steps' own. Returns
 * how many steps it holds for. */
int request_steer(const struct request *r, const struct offer *o, double length_s, int64_t wall_s,
		  struct problem *p);

/* Its JSON to a member; returns the length. */
int request_json(const struct request *r, const char *home, double length_s, const char *currency,
		 char *out, size_t size);

/* Read it. One that was issued before what is there is refused, unless that came from a clock that
 * was ahead. On anything wrong -errno, a sentence in why, and nothing changes. */
int request_take(struct request *r, const char *home, double length_s, int64_t wall_s,
		 const char *payload, size_t length, char *why, size_t size);

#endif
