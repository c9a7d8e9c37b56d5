/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Communities for tests: every class in turn, some days, prices by the hour. */
#ifndef LECD_TEST_COMMUNITIES_H
#define LECD_TEST_COMMUNITIES_H

#include "sim/community_env.h"
#include "tests/unit/test.h"

enum { COMMUNITY_HOMES = 10, COMMUNITY_STEPS = 24 * 6 };

struct community {
	struct community_series series;
	struct community_home home[COMMUNITY_HOMES];
	int32_t buy[COMMUNITY_STEPS], sell[COMMUNITY_STEPS];
	struct community_env env;
	struct community_act act[COMMUNITY_HOMES];
};

/* 2026-05-11, a Monday. */
static const int64_t community_start_s = 1778457600;

/* The same homes on another market; NULL: none. */
static inline void community_market(struct community *c, const char *mechanism,
				    enum settle_rule rule)
{
	struct community_env_conf conf = { .home = c->home,
					   .series = &c->series,
					   .buy = c->buy,
					   .sell = c->sell,
					   .rule = rule,
					   .dead_band_wh = 10 };
	conf.mechanism = mechanism ? mechanism_find(mechanism) : NULL;
	conf.terms = (struct terms){ .k = conf.mechanism ? conf.mechanism->k : 0 };
	community_env_free(&c->env);
	assert_int_equal(community_env_init(&c->env, &conf), 0);
}

static inline void community_make(struct community *c, uint64_t seed, const char *mechanism,
				  enum settle_rule rule)
{
	int r = community_series_init(&c->series, COMMUNITY_HOMES, COMMUNITY_STEPS,
				      community_start_s, 3600);
	assert_int_equal(r, 0);
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		community_generate(&c->series, i, (enum home_class)(i % CLASS_COUNT), seed,
				   &c->home[i]);
	}
	assert_int_equal(community_forecast(&c->series), 0);
	for (int step = 0; step < COMMUNITY_STEPS; step++) {
		c->buy[step] = step % 24 >= 16 && step % 24 < 21 ? 420000 : 250000;
		c->sell[step] = 80000;
	}
	community_market(c, mechanism, rule);
}

static inline void community_unmake(struct community *c)
{
	community_env_free(&c->env);
	community_series_free(&c->series);
}

/* Whatever homes may want, and more than they may. */
static inline void community_want(struct community *c, uint64_t *seed)
{
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		c->act[i] = (struct community_act){
			.serve_self = random_between(seed, 0, 1) < 0.2,
			.refrain = random_between(seed, 0, 1) < 0.1,
			.side = (int)random_between(seed, -2, 3),
			.battery_w = random_between(seed, -30e3, 30e3),
			.price_share = random_between(seed, -0.5, 1.5),
		};
	}
}

#endif
