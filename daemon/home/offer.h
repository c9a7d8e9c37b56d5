/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a home tells its community's manager: the net power it plans by itself for each market
 * interval, and how far it could be asked to leave that. Nothing of why: no load, no PV. How full
 * the offered share of its batteries is shows in up_wh beside down_wh; who does not follow tells no
 * such thing. Topic `flexibility` of docs/protocol.md. Pure data and JSON.
 *
 * Powers are means at the connection, + import. Energies are what was taken more (or less) than
 * planned in all since the first interval, by each interval's end. */
#ifndef LECD_HOME_OFFER_H
#define LECD_HOME_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/home/site.h"
#include "daemon/home/slots.h"
#include "policy/plan.h"
#include "policy/problem.h"

enum { OFFER_SLOTS_MAX = SLOTS_MAX, OFFER_MESSAGE_MAX = 8192 };

struct offer {
	int64_t issued_s; /* by the home's clock */
	int64_t until_s;  /* counts until then; 0: none was heard */
	int64_t start_s;  /* of the first interval */
	bool follows;     /* else it answers with its own plan, and cannot be asked */
	int slots;
	float net_w[OFFER_SLOTS_MAX];
	float low_w[OFFER_SLOTS_MAX], high_w[OFFER_SLOTS_MAX]; /* low <= net <= high */
	float up_wh[OFFER_SLOTS_MAX], down_wh[OFFER_SLOTS_MAX];
	double price; /* per kWh moved: what moving loses and wears */
	double worth; /* per kWh taken more: what it saves later */
};

/* What a plan of the home's own for a problem offers: the share of the batteries' room that the
 * site offers, within its connection; none where it does not follow. */
void offer_make(const struct site *site, const struct problem *p, const struct plan *plan,
		int64_t wall_s, struct offer *out);

/* The interval of an offer that holds at_s, or -1. */
int offer_slot(const struct offer *o, double length_s, int64_t at_s);

/* Whether it counts at wall_s. */
bool offer_counts(const struct offer *o, int64_t wall_s);

/* Its JSON; returns the length. */
int offer_json(const struct offer *o, const struct site *site, char *out, size_t size);

/* Read the JSON of a home's. One that was issued before what is there is refused, unless that came
 * from a clock that was ahead. On anything wrong -errno, a sentence in why, and nothing changes. */
int offer_take(struct offer *o, const char *home, double length_s, int64_t wall_s,
	       const char *payload, size_t length, char *why, size_t size);

#endif
