/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A community as its file describes it, for lec-train: homes by class, the market, the utility's
 * tariff, the days to learn from and those held out behind them, and how to learn. docs/lec-train.1
 * has every key. */
#ifndef LECD_SIM_COMMUNITY_CONF_H
#define LECD_SIM_COMMUNITY_CONF_H

#include "daemon/base/diag.h"
#include "daemon/base/tariff.h"
#include "sim/community_env.h"

enum { ALGORITHM_MADDPG, ALGORITHM_DDPG, ALGORITHM_MATD3 };

struct training_conf {
	int algorithm;
	int64_t episodes, episode_days, hidden, batch, replay, update_every, panels;
	double discount, follow, actor_rate, critic_rate, noise_start, noise_end, reward_scale,
		cooperation;               /* the community's share of a reward */
	int64_t ahead;                     /* hours */
	int64_t communities, calm_updates; /* updates before actors learn, too */
};

struct community_conf {
	char path[256];
	char timezone[TIMEZONE_SIZE];
	int64_t seed; /* of homes and sky */
	int64_t start_s;
	int64_t train_days, test_days, warm_up_days;
	double interval_s;
	const struct mechanism *mechanism;
	double dead_band_wh;
	struct tariff tariff;
	int64_t count[CLASS_COUNT];
	struct training_conf training;
};

/* Read path; everything that is wrong goes to d, and *out stays as it is then. Sets the process's
 * time zone. Returns 0 or -errno. */
int community_conf_read(const char *path, struct community_conf *out, struct diag *d);

/* The homes of a community through all its days, with prices. The steps to learn from are
 * first..test-1, those held out test..series.steps-1. */
struct community_world {
	struct community_series series;
	struct community_home *home;
	int32_t *buy, *sell;
	int first, test; /* steps; before the first, forecasts warm up */
	struct community_env env;
};

/* Returns 0 or -errno; community_world_free after it, always. Not to be moved. */
int community_world_make(struct community_world *w, const struct community_conf *c);
void community_world_free(struct community_world *w);

#endif
