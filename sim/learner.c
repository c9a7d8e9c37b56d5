/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "daemon/base/hash.h"
#include "sim/learner_ahead.h"
#include "sim/learner_live.h"

enum {
	STREAM_EPISODE = 3201,
	STREAM_WORLD = 3204,
	CHECKS = 20, /* in a training */
	CHECK_DAYS = 14
};

/* What every home has comes first, then what those with generation have, then with a battery.
 * Before all that is the day of the year: who learned from weeks is asked in others, and would be
 * told of days that it knows nothing of. */
static const enum source sources[LEARNER_OBSERVATIONS] = {
	SOURCE_YEAR_SIN,    SOURCE_YEAR_COS, /* OF_THE_YEAR */
	SOURCE_HOUR_SIN,    SOURCE_HOUR_COS,       SOURCE_LOAD,  SOURCE_LOAD_NEXT,
	SOURCE_LOAD_6H,     SOURCE_LOAD_24H,       SOURCE_BUY,   SOURCE_SELL,
	SOURCE_LOCAL_PRICE, SOURCE_LOCAL_QUANTITY,                              /* OF_ALL */
	SOURCE_PV,          SOURCE_PV_NEXT,        SOURCE_PV_6H, SOURCE_PV_24H, /* OF_GENERATION */
	SOURCE_SOC,
};
enum { OF_THE_YEAR = 2, OF_ALL = 12, OF_GENERATION = 16, SEASONS_DAYS = 300 };

static int observations_of(const struct learner *l, int class)
{
	int until = class == CLASS_CONSUMER                       ? OF_ALL
		    : class_models[class].battery.capacity_wh > 0 ? LEARNER_OBSERVATIONS
								  : OF_GENERATION;
	return until - (LEARNER_OBSERVATIONS - l->observations);
}

/* The day of the year is observed where there are all seasons to learn from. */
static void choose_sources(struct learner *l, int64_t days)
{
	int skipped = days >= SEASONS_DAYS ? 0 : OF_THE_YEAR;
	l->source = sources + skipped;
	l->observations = LEARNER_OBSERVATIONS - skipped;
}

/* --- setting up ---------------------------------------------------------------------------------
 */

static void find_agents(struct learner *l)
{
	struct learner_range none[CLASS_COUNT];
	learner_range_begin(none);
	for (int c = 0; c < CLASS_COUNT; c++) {
		l->agent[c] = -1;
	}
	for (int i = 0; i < l->world->env.homes; i++) {
		int class = l->world->home[i].class, k = l->agent[class];
		if (k < 0) {
			k = l->agent[class] = l->agents++;
			l->class[k] = class;
			l->first[k] = i;
			l->view[k].observations = observations_of(l, class);
			l->view[k].range = none[k];
		}
		l->count[k]++;
	}
}

/* All communities it learns in: the given one is number 0. */
static struct community_world *world_of(const struct learner *l, int k)
{
	return k == 0 ? l->world : &l->other[k - 1];
}

static int make_others(struct learner *l, const struct community_conf *c)
{
	int count = (int)c->training.communities - 1, r = 0;
	l->other = calloc((size_t)count + 1, sizeof(*l->other));
	for (int k = 0; l->other && k < count && r == 0; k++) {
		struct community_conf other = *c;
		other.seed = (int64_t)(chance_bits((uint64_t)c->seed, STREAM_WORLD, k) >> 16);
		l->others++;
		r = community_world_make(&l->other[k], &other);
	}
	return l->other ? r : -ENOMEM;
}

/* Mean and deviation of all that is observed while rules decide, through the days to learn from. */
static int measure_world(struct learner *l, struct community_world *w,
			 struct moments seen[CLASS_COUNT][LEARNER_OBSERVATIONS])
{
	struct community_env *e = &w->env;
	double value[SOURCE_COUNT];
	int r = 0;
	community_env_begin(e, w->first);
	while (r == 0 && e->step < w->test) {
		for (int i = 0; i < e->homes; i++) {
			int k = l->agent[e->conf.home[i].class];
			community_env_observe(e, i, value);
			for (int o = 0; o < l->view[k].observations; o++) {
				double x = value[l->source[o]];
				moments_add(&seen[k][o], x);
				learner_note(&l->view[k].range, o, x);
			}
		}
		judge_rules.decide(NULL, e, l->stage[0].act);
		r = community_env_step(e, l->stage[0].act);
	}
	return r;
}

static int measure(struct learner *l)
{
	struct moments seen[CLASS_COUNT][LEARNER_OBSERVATIONS] = { { { .count = 0 } } };
	int r = 0;
	for (int k = 0; k <= l->others && r == 0; k++) {
		r = measure_world(l, world_of(l, k), seen);
	}
	for (int k = 0; k < l->agents; k++) {
		for (int o = 0; o < l->view[k].observations; o++) {
			l->view[k].mean[o] = moments_mean(&seen[k][o]);
			l->view[k].scale[o] = fmax(moments_deviation(&seen[k][o]), 0.01);
		}
	}
	return r;
}

static struct maddpg_conf learning(const struct learner *l)
{
	struct maddpg_conf c = maddpg_defaults(l->agents, l->observations, LEARNER_ACTIONS);
	c.hidden = (int)l->conf.hidden;
	c.batch = (int)l->conf.batch;
	c.discount = (float)l->conf.discount;
	c.follow = (float)l->conf.follow;
	c.actor_rate = (float)l->conf.actor_rate;
	c.critic_rate = (float)l->conf.critic_rate;
	c.independent = l->conf.algorithm == ALGORITHM_DDPG;
	c.twin = l->conf.algorithm == ALGORITHM_MATD3;
	c.seed = l->seed;
	return c;
}

static int make_room(struct learner *l)
{
	size_t homes = (size_t)l->world->env.homes, agents = (size_t)l->agents;
	size_t observations = (size_t)l->observations;
	l->observed = calloc(homes * observations, sizeof(*l->observed));
	l->would = calloc(homes * LEARNER_ACTIONS, sizeof(*l->would));
	l->reward = calloc(agents * (1 + observations), sizeof(*l->reward));
	if (!l->observed || !l->would || !l->reward) {
		return -ENOMEM;
	}
	l->panel_observed = l->reward + agents;
	return learner_ahead_init(l);
}

/* All begin with the middle of what they may do: a worth between the utility's prices, by which
 * batteries serve their homes and what is left over is traded, and what is expected is bid as if it
 * were known. */
static void begin_in_the_middle(struct learner *l)
{
	int last = mlp_weights_at(&l->m.actor, l->m.actor.layers - 1);
	size_t size = (size_t)(mlp_parameters(&l->m.actor) - last) * sizeof(float);
	for (int k = 0; k < l->agents; k++) {
		memset(l->m.agent[k].actor + last, 0, size);
		memset(l->m.agent[k].actor_target + last, 0, size);
	}
}

int learner_init(struct learner *l, struct community_world *w, const struct community_conf *c,
		 uint64_t seed)
{
	*l = (struct learner){ .conf = c->training, .seed = seed, .world = w, .only = -1 };
	memcpy(l->currency, c->tariff.currency, sizeof(l->currency));
	l->best_cost = INFINITY;
	l->begun_cost = NAN;
	l->worth = judge_stored_worth(&w->env, w->first, w->test);
	choose_sources(l, c->train_days);
	find_agents(l);
	struct maddpg_conf conf = learning(l);
	int r = make_room(l);
	r = r < 0 ? r : make_others(l, c);
	r = r < 0 ? r : maddpg_init(&l->m, &conf);
	r = r < 0 ? r : learner_threads(l, 1);
	r = r < 0 ? r : measure(l);
	r = r < 0 ? r
		  : experience_init(&l->seen, l->agents, l->observations, LEARNER_ACTIONS,
				    (int)l->conf.replay);
	r = r < 0 ? r : batch_init(&l->batch, &l->seen, conf.batch);
	if (r == 0) {
		l->best = malloc(l->m.numbers * sizeof(float));
		r = l->best ? 0 : -ENOMEM;
	}
	if (r == 0) {
		begin_in_the_middle(l);
		memcpy(l->best, l->m.memory, l->m.numbers * sizeof(float));
	}
	return r;
}

void learner_free(struct learner *l)
{
	maddpg_free(&l->m);
	experience_free(&l->seen);
	batch_free(&l->batch);
	free(l->best);
	free(l->left);
	free(l->observed);
	free(l->would);
	free(l->reward);
	learner_ahead_free(l);
	for (int k = 0; k < l->others; k++) {
		community_world_free(&l->other[k]);
	}
	free(l->other);
	*l = (struct learner){ .agents = 0 };
}

void learner_join(struct learner *l, struct ranks *ranks)
{
	const struct maddpg_peers peers = { ranks->rank, ranks->count, ranks_average, ranks };
	l->ranks = ranks;
	if (ranks->count > 1) {
		maddpg_join(&l->m, &peers);
	}
}

/* Whether critics promise no more than can be: twice what the largest reward that was seen would be
 * worth if every step brought it, and 1 for what networks begin with. Where it diverges, steps of
 * bounded size keep a loss finite for long. */
static int check_sound(struct learner *l)
{
	double least = -experience_reward_most(&l->seen), discount = (double)l->m.conf.discount;
	if (l->ranks) {
		ranks_least(l->ranks, &least, 1);
	}
	double most = discount < 1 ? 2 * -least / (1 - discount) + 1 : INFINITY;
	for (int k = 0; k < l->agents; k++) {
		if (!(fabs(l->m.agent[k].value) <= most)) {
			return -EDOM;
		}
	}
	return 0;
}

/* Whether all ranks have come to the same parameters. */
static int check_alike(struct learner *l)
{
	size_t size = l->m.numbers * sizeof(float);
	const uint64_t hash[] = { hash_bytes((const char *)l->m.memory, size),
				  hash_bytes((const char *)l->best, size) };
	double own[8];
	for (int i = 0; i < 4; i++) { /* halves, which a double holds; and minus them */
		own[i] = (double)(uint32_t)(hash[i / 2] >> 32 * (i % 2));
		own[4 + i] = -own[i];
	}
	ranks_least(l->ranks, own, 8);
	for (int i = 0; i < 4; i++) {
		if (own[i] != -own[4 + i]) {
			return -EPROTO;
		}
	}
	return 0;
}

/* What all ranks have seen. */
static void agree_on_ranges(struct learner *l)
{
	for (int k = 0; l->ranks && k < l->agents; k++) {
		struct learner_range *v = &l->view[k].range;
		double least[2 * LEARNER_OBSERVATIONS];
		for (int o = 0; o < LEARNER_OBSERVATIONS; o++) {
			least[2 * o] = v->low[o];
			least[2 * o + 1] = -v->high[o];
		}
		ranks_least(l->ranks, least, 2 * LEARNER_OBSERVATIONS);
		for (int o = 0; o < LEARNER_OBSERVATIONS; o++) {
			v->low[o] = least[2 * o];
			v->high[o] = -least[2 * o + 1];
		}
	}
}

/* What the homes cost that it is learned for. */
static double cost_of(const struct learner *l, const struct judgement *j, const double *home_cost)
{
	double sum = 0;
	if (l->only < 0) {
		return j->cost;
	}
	for (int i = l->first[l->only]; i < l->first[l->only] + l->count[l->only]; i++) {
		sum += home_cost[i];
	}
	return sum;
}

/* How it does without noise through all the days to learn from; kept where it is the best. */
static int check(struct learner *l, double *cost)
{
	struct decider who = learner_decider(l);
	double mean = 0, *home_cost = calloc((size_t)l->world->env.homes, sizeof(*home_cost));
	int r = home_cost ? 0 : -ENOMEM;
	for (int k = 0; k <= l->others && r == 0; k++) {
		struct community_world *w = world_of(l, k);
		struct judgement j;
		r = judge(&w->env, w->first, w->test, &who, &j, home_cost);
		mean += r == 0 ? cost_of(l, &j, home_cost) / (l->others + 1) : 0;
	}
	free(home_cost);
	if (r == 0) {
		*cost = mean;
		if (mean < l->best_cost) {
			l->best_cost = mean;
			memcpy(l->best, l->m.memory, l->m.numbers * sizeof(float));
		}
	}
	return r;
}

void learner_take_best(struct learner *l)
{
	memcpy(l->m.memory, l->best, l->m.numbers * sizeof(float));
}

int learner_leave_to(struct learner *l, int agent, int64_t episodes)
{
	double cost;
	l->left = l->left ? l->left : malloc(l->m.numbers * sizeof(float));
	if (!l->left) {
		return -ENOMEM;
	}
	memcpy(l->left, l->m.memory, l->m.numbers * sizeof(float));
	l->only = agent;
	l->episode = 0;
	l->conf.episodes = episodes;
	l->conf.noise_start = l->conf.noise_end;
	l->conf.cooperation = 0;
	l->best_cost = INFINITY;
	return check(l, &cost); /* what it begins with is the best so far */
}

static double mean_loss(const struct learner *l)
{
	double sum = 0;
	for (int k = 0; k < l->agents; k++) {
		sum += l->m.agent[k].critic_loss / l->agents;
	}
	return l->m.updates > 0 ? sum : NAN;
}

int learner_run_episode(struct learner *l, struct learner_episode *out)
{
	int64_t day = 86400 / l->world->series.step_s, length = l->conf.episode_days * day;
	/* An episode looks one step ahead of its last. */
	int64_t starts = (l->world->test - l->world->first - length) / day + 1;
	uint64_t bits = chance_bits(l->seed, STREAM_EPISODE, l->episode + learner_rank(l));
	int from = l->world->first + (int)(day * (int64_t)(bits % (uint64_t)starts));
	int which = (int)(chance_bits(l->seed, STREAM_WORLD, l->episode + learner_rank(l)) %
			  (uint64_t)(l->others + 1));
	struct community_env *e = &world_of(l, which)->env;
	double part = (double)l->episode / (double)l->conf.episodes, saving = 0;
	struct learner_episode ep = { .checked_cost = NAN };
	ep.noise = l->conf.noise_start + (l->conf.noise_end - l->conf.noise_start) * part;
	/* What it begins with is the best until something costs less. */
	int r = isnan(l->begun_cost) ? check(l, &l->begun_cost) : 0;
	l->price = l->volume_kwh = (struct moments){ .count = 0 };
	community_env_begin(e, from);
	learner_see(l, e);
	for (int64_t k = 0; k < length && r == 0; k++) {
		r = learner_live(l, e, ep.noise, &saving);
	}
	int64_t between = l->conf.episodes / CHECKS > 0 ? l->conf.episodes / CHECKS : 1;
	int64_t end = l->episode + learner_ranks(l);
	bool due = end / between > l->episode / between || end == l->conf.episodes;
	r = r == 0 && due ? check_sound(l) : r;
	l->episode = r == 0 ? end : l->episode;
	if (r == 0 && due) {
		agree_on_ranges(l);
		r = check(l, &ep.checked_cost);
		r = r == 0 && l->ranks ? check_alike(l) : r;
	}
	if (r == -EDOM) {
		learner_take_best(l);
	}
	if (r < 0) {
		return r;
	}
	if (l->ranks) {
		ranks_sum(l->ranks, &saving, 1);
	}
	ep.saving = saving / (e->homes * (double)l->conf.episode_days * learner_ranks(l));
	ep.critic_loss = mean_loss(l);
	ep.price_deviation = moments_deviation(&l->price);
	ep.volume_deviation_kwh = moments_deviation(&l->volume_kwh);
	*out = ep;
	return 0;
}
