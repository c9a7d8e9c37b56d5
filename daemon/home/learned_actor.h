/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A learned actor as a house takes it: its ONNX file and what its numbers mean, read, checked
 * against each other and against the house, or refused. */
#ifndef LECD_HOME_LEARNED_ACTOR_H
#define LECD_HOME_LEARNED_ACTOR_H

#include <stdint.h>

#include "daemon/home/site.h"
#include "policy/actor_conf.h"

struct learned_actor {
	struct actor *actor;
	struct actor_conf conf;
	uint64_t digest; /* of both files: the same actor is known again */
};

/* Read what site's [policy] names, into *out, to be freed. What is wrong goes to d. Takes
 * milliseconds, and as many more as a run: not for the cycle. Returns 0; -EINVAL: refused;
 * -ENOMEM; or the -errno of reading. */
int learned_actor_load(const struct site *site, struct learned_actor **out, struct diag *d);
void learned_actor_free(struct learned_actor *a);

#endif
