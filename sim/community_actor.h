/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The actors of a community's classes as lecd would load them, from actor-CLASS.onnx and
 * actor-CLASS.conf in a folder. */
#ifndef LECD_SIM_COMMUNITY_ACTOR_H
#define LECD_SIM_COMMUNITY_ACTOR_H

#include "daemon/base/diag.h"
#include "sim/community_order.h"

struct actor;
struct actor_conf;

struct community_actors {
	struct actor *actor[CLASS_COUNT]; /* owned; NULL: no such home */
	struct actor_conf *conf[CLASS_COUNT];
	struct community_intent *room; /* owned; by home */
};

/* Load one for each class that has homes, or none at all: each is held against what a home of its
 * class has. What is wrong goes to d. Returns 0 or -errno; community_actors_free after it, always.
 */
int community_actors_load(struct community_actors *a, const char *folder,
			  const int64_t count[CLASS_COUNT], double interval_s, const char *currency,
			  struct diag *d);
void community_actors_free(struct community_actors *a);

/* Ask the actor of home i's class what the home is to do in the next step of e. Returns 0; or what
 * actor_conf_observe and actor_conf_act refuse. */
int community_actor_ask(const struct community_actors *a, const struct community_env *e, int i,
			struct house_order *out);

/* What all homes want: where an actor is not to be asked, rules decide, as in a home. It holds for
 * one step of e. Returns how many actors were not asked. */
int community_actors_decide(const struct community_actors *a, const struct community_env *e,
			    struct community_act *act);

#endif
