/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A home under control: all of its state in one struct, and the two things that move it.
 *
 *   cycle    (1 s):    read -> doubt -> estimate -> decide -> guard -> actuate -> record
 *                     -> publish
 *   interval (15 min): forecast -> plan (and ask the policy) -> bid -> award -> plan again
 *
 * The same code runs on hardware, at --speed N and in simulated time: time comes in as arguments.
 * After home_open nothing here allocates. */
#ifndef LECD_HOME_HOME_H
#define LECD_HOME_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/mqtt.h"
#include "daemon/home/ahead.h"
#include "daemon/home/alarm.h"
#include "daemon/home/bargain.h"
#include "daemon/home/decide.h"
#include "daemon/home/demand.h"
#include "daemon/home/devices.h"
#include "daemon/home/doubt.h"
#include "daemon/home/estimate.h"
#include "daemon/home/guard.h"
#include "daemon/home/interval.h"
#include "daemon/home/learned.h"
#include "daemon/home/manager.h"
#include "daemon/home/market.h"
#include "daemon/home/membership.h"
#include "daemon/home/owed.h"
#include "daemon/home/planner.h"
#include "daemon/base/refusals.h"
#include "daemon/home/site.h"
#include "daemon/home/state.h"
#include "daemon/home/store.h"
#include "daemon/home/utility.h"
#include "policy/forecast.h"

enum { HOME_JSON_MAX = 256 * 1024 };

struct home {
	const struct site *site;
	struct devices *devices;
	struct store *store;    /* NULL: nothing is recorded */
	struct mqtt_link *mqtt; /* NULL: no broker */
	double speed;
	void (*foresee)(void *context, struct problem *p); /* NULL: nobody does */
	void *foresee_context;

	int64_t cycle_us;
	int64_t stale_us;   /* a reading older than this is stale */
	int64_t lease_us;   /* how long a command holds without another */
	int64_t publish_us; /* between two messages of state */

	struct snapshots seen;
	struct snapshots believed; /* of what was seen */
	struct doubt doubt;
	struct alarms alarms;
	struct state state;
	enum mode mode; /* what a person said */
	struct planner planner;
	struct plan plan;       /* the latest that passed its check; slots 0: none */
	struct problem problem; /* that it answers */
	int64_t plan_us;
	bool plan_pending;           /* a problem is with the planner */
	int64_t replan_us;           /* when to plan next; 0: now */
	char plan_trouble[160];      /* why there is no newer plan; "": there is */
	bool plan_warned;            /* and the log has said so */
	bool refused[BATTERIES_MAX]; /* batteries the plan does not count on */
	struct learned learned;      /* the policy, where the site asks for one */
	struct interval last;        /* the latest that ended; length_s 0: none yet */
	enum fitness told_fitness;
	struct decision decision;
	struct guard guard;
	struct action action;

	struct interval_meter meter;   /* by market interval */
	struct interval_meter quarter; /* what the forecast is made of */
	struct forecast forecast;
	struct demand demand;
	struct market market;
	struct utility utility;
	struct ahead ahead; /* bids for the days to come */
	struct bargain bargain;
	bool bid_made;                /* in this life */
	bool bid_waiting;             /* for its row to be durable, then for the broker */
	uint64_t bid_ticket;          /* of that row */
	int64_t bid_sent_us;          /* without a receipt it is sent again */
	struct refusals refusals;     /* of messages */
	struct refusals bids_refused; /* and readings */

	struct membership membership;
	struct manager *manager; /* of a community; NULL: this is a home */
	struct owed owed;        /* readings that the market has not acknowledged */
	bool discovery_wanted;
	int64_t discovery_us; /* not before this */
	int64_t published_us;
	int64_t started_us;
	uint64_t cycles;
	uint64_t samples_lost;                  /* the store's queue was full */
	bool lost[1 + PVS_MAX + BATTERIES_MAX]; /* devices the log has called silent */
	enum decider told;                      /* the last decider that was logged */
	char json[HOME_JSON_MAX];
};

struct home_conf {
	const struct site *site;
	struct devices *devices; /* opened; not owned */
	struct store *store;     /* may be NULL; not owned */
	struct mqtt_link *mqtt;  /* may be NULL; not owned */
	double speed;            /* of the clock; 0: simulated time */
	bool plan_in_process;    /* no child: for simulated time */
	/* For decide = policy or shadow, NULL: missing; home_open makes it its own, also where it
	 * fails. */
	struct learned_actor *actor;
	int64_t (*actor_clock_us)(void); /* real time, to time its runs; NULL: not timed */
	/* Betters the outlook before it is planned, where somebody knows more than history tells;
	 * NULL: nobody does. */
	void (*foresee)(void *context, struct problem *p);
	void *foresee_context;
};

/* Make ready: nothing is commanded before the first cycle has seen the house. */
int home_open(struct home *h, const struct home_conf *conf, int64_t now_us, int64_t wall_s);
void home_close(struct home *h);

/* One turn of the control cycle. Never blocks, solves or allocates. */
void home_cycle(struct home *h, int64_t now_us, int64_t wall_s);

/* Another actor (not NULL), taken up between two cycles and asked at the end of the next one. */
void home_take_actor(struct home *h, struct learned_actor *actor);

/* A person's word; what was given up, to another controller too, is tried again. */
void home_set_mode(struct home *h, enum mode mode);

/* A message of the broker's: awards, commands. What is not right is refused, counted and named. */
void home_message(struct home *h, const struct mqtt_message *m, int64_t wall_s);

#endif
