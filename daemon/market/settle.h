/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settling one interval: what was traded held against what the meters say. Pure arithmetic on whole
 * numbers: energy in mWh, prices in 1e-6 of the currency per kWh, money in 1e-6 of the currency.
 *
 * What a home bought and sold is settled with its neighbours at the prices of its awards; the rest
 * of what its meter counted is settled with the utility at its tariff. Import and export are
 * registers of their own, as the utility reads them: they are not netted.
 *
 * SETTLE_METERED: a trade counts as far as both ends kept it. What a home bought and did not take,
 * or sold and did not give, was not traded; the other side gives way in proportion. A price outside
 * of what the utility pays and asks is settled at that end. So no home ever pays more than it would
 * have with the utility alone.
 *
 * SETTLE_TRADED: a trade counts as it was made. A home sells to the utility what it bought and did
 * not take, buys from it what it sold and did not give, and pays the penalty on both. So a home
 * that keeps its trades never pays more than with the utility alone, as long as prices lie within
 * what that pays and asks; one that does not bears the difference, and nobody else notices.
 *
 * What its trades cost the grid each home pays beside that, whether it kept them or not: the grid
 * was held free for them.
 *
 * All accounts together are always zero, in energy and in money:
 *   sum over homes of (import - export) = delivered by the utility
 *   sum over homes of total             = utility + grid + penalties + residue */
#ifndef LECD_MARKET_SETTLE_H
#define LECD_MARKET_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

enum settle_rule { SETTLE_METERED, SETTLE_TRADED, SETTLE_RULE_COUNT };

/* "metered", "traded", NULL. */
extern const char *const settle_rules[];

/* What is larger is refused. */
#define SETTLE_ENERGY_MAX INT64_C(100000000000) /* of a home in an interval: 100 MWh */
#define SETTLE_PRICE_MAX  INT64_C(100000000)    /* 100 per kWh, and not below its negative */
enum { SETTLE_HOMES_MAX = 100000 };             /* a market has no more */

struct settle_terms {
	enum settle_rule rule;
	int64_t utility_buy;  /* what the utility asks per kWh, without the grid's fee */
	int64_t utility_sell; /* what it pays */
	int64_t network_fee;  /* the grid's, per kWh from the utility; >= 0 */
	int64_t local_fee;    /* the grid's, per kWh from neighbours, paid by who buys; >= 0 */
	int64_t penalty;      /* of SETTLE_TRADED, per kWh not kept; >= 0 */
};

/* A home in the interval. */
struct settle_home {
	bool metered;           /* else it is estimated to have kept its trades and no more */
	int64_t import, export; /* by its meter; >= 0, not looked at where it is estimated */
	int64_t bought, paid;   /* its awards, all rounds together; energies >= 0 */
	int64_t sold, received;
	bool above; /* it is the market above, see upstream.h: no fee is due for what it buys */
	int64_t grid_cost; /* what its trades cost the grid, as the operator told it; may be < 0 */
};

/* What it comes to for a home. */
struct settle_line {
	bool estimated;
	int64_t import, export; /* as settled */
	int64_t bought, paid;   /* with neighbours, as settled */
	int64_t sold, received;
	int64_t not_taken, not_given;       /* bought and sold by its awards, and not kept */
	int64_t from_utility, utility_cost; /* with the utility, without the grid's fee */
	int64_t to_utility, utility_gain;
	int64_t fees;    /* the grid's, with grid_cost; below 0: it relieved the grid */
	int64_t penalty; /* for what was not kept */
	int64_t total;   /* to pay > 0: paid + utility_cost + fees + penalty - received - gain */
	int64_t alone;   /* what the same import and export costs with the utility alone */
};

/* Of all homes. Money is paid by homes to ... */
struct settle_balance {
	int homes, estimated;
	int64_t traded;           /* between homes; of a pool, without its share of below */
	int64_t delivered, taken; /* by the utility, of all homes and pools */
	int64_t total;            /* by all homes */
	/* ... each of them: prices times energies, the grid's with all grid_cost */
	int64_t utility, grid, penalties;
	/* What that leaves over: of rounding, at most half a millionth for each amount; the budget
	 * of a mechanism that has one; what SETTLE_METERED left between unequal prices of two
	 * sides. */
	int64_t residue;
};

/* Settle. line has room for homes of them. What a pool bought from the utility (more bought than
 * sold by all awards) or sold to it is the market's own trade with it, at the tariff and the
 * network fee; a local fee beside it would be the residue's loss. The order of homes decides by up
 * to 1 mWh who gives way. Returns 0; -ERANGE a number out of bounds, -EINVAL a negative one that
 * cannot be; then nothing is written. */
int settle_interval(const struct settle_terms *t, const struct settle_home *home, int homes,
		    struct settle_line *line, struct settle_balance *balance);

#endif
