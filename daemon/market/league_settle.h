/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settling what a league agreed on, in whole numbers: energy in mWh, prices in 1e-6 of the currency
 * per kWh, money in 1e-6 of the currency.
 *
 * A line's trade counts where both ends' books hold the same; else for nobody. The end that takes
 * energy pays the other the agreed price; of the grid's fee both pay half. What a member's net load
 * comes to beside its trades, the utility delivers or takes at its own prices. So whatever was
 * agreed, lost or broken off:
 *   sum over members of net     = sum over members of grid
 *   sum over members of total   = utility + fees */
#ifndef LECD_MARKET_LEAGUE_SETTLE_H
#define LECD_MARKET_LEAGUE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/league.h"

/* A line's terms in the book of one of its ends. */
struct league_book {
	bool agreed;
	int64_t taken_mwh[LEAGUE_STEPS_MAX]; /* by this end, + in */
	int64_t price[LEAGUE_STEPS_MAX];
};

struct league_books {
	struct league_book end[2]; /* of a, of b */
};

struct league_line_settled {
	bool counts;
	int64_t traded_mwh; /* either way */
	int64_t paid;       /* by a to b in all; < 0: the other way */
	int64_t fees;
};

struct league_member_settled {
	int64_t net_mwh;          /* of its load, generation and battery */
	int64_t taken_mwh;        /* from neighbours, net */
	int64_t grid_mwh;         /* from the utility, net */
	int64_t paid, fees, grid; /* to neighbours, to the grid for lines, to the utility */
	int64_t total;            /* all of these; > 0: it pays */
};

struct league_settled {
	struct league_line_settled line[LEAGUE_LINES_MAX];
	struct league_member_settled member[LEAGUE_MEMBERS_MAX];
	int64_t utility, fees; /* money that goes to them */
	int64_t delivered_mwh; /* by the utility, net */
};

/* What a member uses and pays. */
struct league_meter {
	int64_t net_mwh[LEAGUE_STEPS_MAX];
	int64_t buy[LEAGUE_STEPS_MAX], sell[LEAGUE_STEPS_MAX];
};

/* Whether a line's terms count: both ends' books hold the same. */
bool league_line_counts(const struct league *l, const struct league_books *ends);

/* Settle. book[] is of each line; meter[] of each member. */
void league_settle(const struct league *l, const struct league_books *book,
		   const struct league_meter *meter, struct league_settled *out);

/* Whether the sums above hold, by adding everything up again. */
bool league_is_balanced(const struct league *l, const struct league_settled *s);

#endif
