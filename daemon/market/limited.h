/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A continuous auction under limits: homes trade with each other as they like, and each no more in
 * the interval than its community's manager allows, bought and sold by itself. What is traded and
 * what rests count; an order beyond the limit is cut to what is left of it. So no sequence of
 * orders, and no trade that somebody else's order makes, can go beyond a limit.
 *
 * Energies in mWh. Orders and owners are numbers of the caller's, below the room it asked for. */
#ifndef LECD_MARKET_LIMITED_H
#define LECD_MARKET_LIMITED_H

#include <stdint.h>

#include "daemon/market/continuous.h"

/* Of a home, by enum side. */
struct limited_owner {
	int64_t limit[2];
	int64_t traded[2];
	int64_t resting[2];
	int64_t cut[2]; /* what was not let in */
};

struct limited {
	int orders_max, owners_max;
	struct exchange *exchange;   /* owned, as all of these */
	struct limited_owner *owner; /* to be looked at */
	struct order *order;         /* as it rests, or was when it last did */
};

/* Room for so many, all limits 0. x is zeroed before its first use and to be freed. Returns 0 or
 * -ENOMEM. */
int limited_begin(struct limited *x, int orders_max, int owners_max);
void limited_free(struct limited *x);
/* Forget orders and trades, for the next interval; limits stay. */
void limited_reset(struct limited *x);

/* The manager sets a limit, >= 0. What rests beyond it is cancelled, the worst price first; what is
 * traded stands. */
void limited_set(struct limited *x, int owner, enum side side, int64_t limit);

/* Trade and rest, as far as the limit goes. Trades are added to r, see exchange_add. *let_in: how
 * much of the order was. Returns 0 (also where nothing was let in), or as exchange_add. */
int limited_add(struct limited *x, int32_t order, const struct order *what, struct result *r,
		int64_t *let_in);
/* Return what was still resting. */
int64_t limited_cancel(struct limited *x, int32_t order);

#endif
