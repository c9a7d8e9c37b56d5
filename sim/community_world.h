/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The homes of a community through all its days, with prices, ready to be lived in. */
#ifndef LECD_SIM_COMMUNITY_WORLD_H
#define LECD_SIM_COMMUNITY_WORLD_H

#include "sim/community_conf.h"
#include "sim/community_env.h"

/* The steps to learn from are first..test-1, those held out test..series.steps-1. */
struct community_world {
	struct community_series series;
	struct community_home *home;
	int32_t *buy, *sell;
	int first, test; /* steps; before the first, forecasts warm up */
	struct community_env env;
};

/* Of the homes to learn from: made up by c->seed, or measured. Returns 0 or -errno;
 * community_world_free after it, always. Not to be moved. */
int community_world_make(struct community_world *w, const struct community_conf *c);

/* Of homes never learned from: made up by c->seed, which is to be another one, or held out.
 * -ENOENT: there are none. */
int community_world_make_unseen(struct community_world *w, const struct community_conf *c);

void community_world_free(struct community_world *w);

#endif
