/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A community as its file describes it, for lec-train: homes by class, made up or measured, the
 * market, the utility's tariff, the days to learn from and those held out behind them, and how to
 * learn. docs/lec-train.1 has every key. */
#ifndef LECD_SIM_COMMUNITY_CONF_H
#define LECD_SIM_COMMUNITY_CONF_H

#include "daemon/base/diag.h"
#include "daemon/base/tariff.h"
#include "daemon/market/mechanism.h"
#include "sim/community_residents.h"

enum { ALGORITHM_MADDPG, ALGORITHM_DDPG, ALGORITHM_MATD3, ALGORITHM_COUNT };
extern const char *const training_algorithms[ALGORITHM_COUNT + 1]; /* ends in NULL */

/* What a replay must hold before there are updates. */
enum { TRAINING_BATCHES_SEEN = 4 };

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
	struct residents residents;     /* owned */
	struct community_record record; /* prices of the homes' series; owned */
	int64_t count[CLASS_COUNT];     /* of the residents that are learned from */
	int64_t held_out;               /* of the others */
	struct training_conf training;
};

/* Read path; everything that is wrong goes to d, and *out stays as it is then. Sets the process's
 * time zone. Returns 0 or -errno. A copy of *out shares what it owns. */
int community_conf_read(const char *path, struct community_conf *out, struct diag *d);
void community_conf_free(struct community_conf *c);

/* All its days: at most COMMUNITY_STEPS_MAX intervals. */
int64_t community_conf_days(const struct community_conf *c);

/* The utility's prices in an interval, 1e-6 per kWh: what homes' series say it asks and pays, or
 * else its tariff; with what the network takes. */
void community_conf_prices(const struct community_conf *c, int64_t interval, int32_t *buy,
			   int32_t *sell);

/* Give it that many homes, as much of each class as there is now, at least one. Returns 0;
 * -ENOTSUP: some are measured; -ERANGE: fewer than there are classes, or more than
 * COMMUNITY_HOMES_MAX; -ENOMEM. Not of a copy: what it shared is gone. */
int community_conf_resize(struct community_conf *c, int homes);

#endif
