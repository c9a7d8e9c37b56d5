/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Homes of one community trade bilaterally through a day: before each step each home offers what it
 * would buy and sell at prices between the utility's, in a continuous auction under the limits that
 * the community's manager set. They begin asking for more than it is worth to them and give way
 * until the step begins, in an order of chance. What they traded binds them; each then goes through
 * the step at least cost. The same day in a pool, one uniform price of each step, is what it is
 * measured by. */
#ifndef LECD_SIM_LEAGUE_PEERS_H
#define LECD_SIM_LEAGUE_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/league.h"
#include "policy/member.h"

struct peers_way {
	bool pool; /* a uniform price in place of the auction */
	uint64_t seed;
	double limit_kw[LEAGUE_MEMBERS_MAX]; /* the manager's, of what is traded in any step */
	int concessions; /* rounds in which they give way, 1..; the last is what it is worth */
};

/* Money in 1e-6 of the currency, energy in mWh. */
struct peers_member {
	int64_t bought_mwh, sold_mwh;
	int64_t paid, received; /* to and from neighbours */
	int64_t cut_mwh;        /* that the limits kept out */
	double cost;            /* the utility's and of wear */
	double alone;           /* the same without neighbours */
	double most_kw;         /* that it traded in any step, on one side */
};

struct peers_deal {
	int step, buyer, seller;
	int32_t price;
	int64_t mwh;
};

struct peers_outcome {
	double cost, alone;
	double welfare; /* of the trades: worth to who bought less to who sold, by their own limits
			 */
	int64_t traded_mwh;
	int trades;              /* of the auction */
	struct peers_deal *deal; /* each of them; owned */
	int64_t residue;         /* paid less received */
	struct peers_member member[LEAGUE_MEMBERS_MAX];
	double price[LEAGUE_STEPS_MAX]; /* mean of the step's trades; NaN: none */
	double traded_kw[LEAGUE_STEPS_MAX];
};

/* Lines of the league are not looked at: homes of one community have one bus. Returns 0 or -errno.
 */
int peers_trade(const struct league *l, const struct member_model *member,
		const struct peers_way *way, struct peers_outcome *out);
void peers_free(struct peers_outcome *out);

#endif
