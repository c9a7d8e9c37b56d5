/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A community in steps of a market interval, for who learns to act in it and who judges that: homes
 * plan, bid, are cleared by the market's own mechanisms, live through the interval, and are settled
 * by the market's own rules.
 *
 *   observe   what each home's daemon would know when an interval begins
 *   act       what its battery shall do, and at what price the rest is bid
 *   step      bids are made on forecasts; the market clears; then load and generation are what they
 *             are, the guard's limits hold, meters count, and all is settled in whole numbers
 *
 * A battery is the planner's model of one (policy/problem.h): fixed efficiencies, no lag. What it
 * may do in an interval are the guard's limits (daemon/home/guard.h) held over all of the interval:
 * power, energy there is and room there is, the connection. Where the connection's export limit
 * cannot be kept so, PV is curtailed.
 *
 * Nothing is allocated after community_env_init. The same actions give the same numbers. */
#ifndef LECD_SIM_COMMUNITY_ENV_H
#define LECD_SIM_COMMUNITY_ENV_H

#include "daemon/market/mechanism.h"
#include "daemon/market/settle.h"
#include "policy/bid.h"
#include "policy/source.h"
#include "sim/community_homes.h"

struct community_env_conf {
	const struct community_home *home;     /* outlives it; as many as the series has */
	const struct community_series *series; /* outlives it */
	const int32_t *buy, *sell;             /* the utility's prices by step, 1e-6 per kWh */
	const struct mechanism *mechanism;     /* NULL: no market, the utility alone */
	struct terms terms;                    /* the utility's prices are filled in */
	enum settle_rule rule;
	double dead_band_wh; /* a smaller net is not bid: the home refrains */
};

/* What a home wants of an interval. */
struct community_act {
	bool serve_self; /* the battery follows the home's own net load; battery_w is not looked
			    at */
	/* The battery follows that slot of a plan (policy/follow.h), and these are the home's bids;
	 * what else is said of that is not looked at. NULL: it has none. Both outlive the step. */
	const struct plan_slot *follow;
	const struct bid_order *bid;
	int bids;
	bool refrain;       /* no bid, whatever the net */
	int side;           /* > 0: bids to buy only; < 0: to sell only; 0: as the net is */
	double battery_w;   /* AC, + discharge */
	double price_share; /* of the bid: 0 the utility's selling price, 1 its buying price */
};

/* What became of it. Powers are means over the interval. */
struct community_outcome {
	int64_t bid; /* mWh: buys > 0, sells < 0, 0: refrained */
	double battery_w;
	double pv_w; /* generated: what was available, less what was curtailed */
	double grid_w;
	double cost; /* money: the settlement's total and the battery's wear */
};

struct community_env {
	struct community_env_conf conf;
	int homes, step;
	double hours;
	double *stored_wh;                 /* by home, now */
	struct community_outcome *outcome; /* by home, of the last step */
	struct settle_line *line;          /* likewise */
	struct settle_balance balance;
	bool traded;        /* of the last step: there was a price */
	double local_price; /* then; before the first trade, the middle of the utility's prices */
	double local_wh;    /* bought among neighbours in the last step, before meters spoke */
	/* Room, owned. */
	struct order *order;
	struct settle_home *settle;
	struct result result;
	double *hour_sin, *hour_cos, *year_sin, *year_cos; /* by step */
	void *room;
};

/* Returns 0; -EINVAL: something in conf is not sound; -ENOMEM. community_env_free after it, always.
 */
int community_env_init(struct community_env *e, const struct community_env_conf *conf);
void community_env_free(struct community_env *e);

/* Begin at that step, batteries at their soc_start, with a market that has not traded yet. */
void community_env_begin(struct community_env *e, int step);

/* Come to where another is, of as many homes and the same times: from there on the same actions
 * give the same as there. What became of a step is not taken along. */
void community_env_come_to(struct community_env *e, const struct community_env *other);

/* Whether there is another step. */
static inline bool community_env_goes_on(const struct community_env *e)
{
	return e->step < e->conf.series->steps;
}

/* What home i observes now: by source, NaN where it has no such thing. */
void community_env_observe(const struct community_env *e, int i, double value[SOURCE_COUNT]);

/* Live through an interval; act: by home. Returns 0, or as mechanism_clear and settle_interval do:
 * then nothing moved. */
int community_env_step(struct community_env *e, const struct community_act *act);

#endif
