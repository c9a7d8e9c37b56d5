/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The community in a home's cycle, from either side: a member hears what it is asked and says what
 * it offers; a manager (role = community) hears offers and meters, and says who is asked for what.
 * The manager keeps its members' accounts in the ledger, and publishes how fair it is. */
#ifndef LECD_HOME_COMMUNITY_H
#define LECD_HOME_COMMUNITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/plan.h"
#include "policy/problem.h"

struct home;
struct interval;
struct json_out;
struct mqtt_message;
struct mqtt_options;
struct site;

/* Make ready what the role needs; a manager's accounts go on as the ledger has them. Returns 0 or
 * -ENOMEM. */
int community_open(struct home *h);
void community_close(struct home *h);

/* Add the topics to be heard for it to a link's, whose texts stay ours. */
void community_subscribe(const struct site *site, struct mqtt_options *o);

/* Take a message: 0; -ENOMSG: not one of the community's; else -errno and a sentence in why. */
int community_message(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
		      size_t size);

/* Before a problem is handed out: it counts with the community. */
void community_steer(struct home *h, struct problem *p);

/* A plan has come; whether it is to be acted by, else another one is wanted. */
bool community_answer(struct home *h, const struct plan *plan);

/* A plan is acted by from now on. */
void community_planned(struct home *h);

/* An interval ended; when to plan (monotonic): a manager waits for its members' offers. */
int64_t community_turn(struct home *h, const struct interval *done);

/* Each cycle: settle what can be, send and store what waits. */
void community_cycle(struct home *h);

/* After a connect: what is retained is sent again. */
void community_connected(struct home *h);

/* The figures of a manager's fairness, into an open object. */
void community_put_fairness(const struct home *h, struct json_out *o);

/* "manager" or "membership" of a status; a sentence for people, 0: there is nothing to say. */
void community_report(const struct home *h, struct json_out *o);
int community_explain(const struct home *h, char *out, size_t size);

#endif
