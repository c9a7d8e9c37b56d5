/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "daemon/base/hash.h"

enum {
	STREAM_EPISODE = 3201,
	STREAM_PANEL = 3202,
	STREAM_NOISE = 3203,
	CHECKS = 20, /* in a training */
	CHECK_DAYS = 14
};

/* What every home has comes first, then what those with generation have, then with a battery. */
const enum source learner_sources[LEARNER_OBSERVATIONS] = {
	SOURCE_HOUR_SIN, SOURCE_HOUR_COS, SOURCE_LOAD,        SOURCE_LOAD_NEXT,
	SOURCE_BUY,      SOURCE_SELL,     SOURCE_LOCAL_PRICE, SOURCE_LOCAL_QUANTITY,
	SOURCE_PV,       SOURCE_PV_NEXT,  SOURCE_SOC,
};
enum { OF_ALL = 8, OF_GENERATION = 10 };

static int observations_of(int class)
{
	return class == CLASS_CONSUMER                       ? OF_ALL
	       : class_models[class].battery.capacity_wh > 0 ? LEARNER_OBSERVATIONS
							     : OF_GENERATION;
}

/* --- setting up ---------------------------------------------------------------------------------
 */

static void find_agents(struct learner *l)
{
	for (int c = 0; c < CLASS_COUNT; c++) {
		l->agent[c] = -1;
	}
	for (int i = 0; i < l->world->env.homes; i++) {
		int class = l->world->home[i].class, k = l->agent[class];
		if (k < 0) {
			k = l->agent[class] = l->agents++;
			l->class[k] = class;
			l->first[k] = i;
			l->view[k].observations = observations_of(class);
			for (int o = 0; o < LEARNER_OBSERVATIONS; o++) {
				l->view[k].low[o] = INFINITY;
				l->view[k].high[o] = -INFINITY;
			}
		}
		l->count[k]++;
	}
}

static void note(struct learner_view *v, int o, double x)
{
	v->low[o] = fmin(v->low[o], x);
	v->high[o] = fmax(v->high[o], x);
}

/* Mean and deviation of all that is observed while rules decide, through the days to learn from. */
static int measure(struct learner *l)
{
	struct community_env *e = &l->world->env;
	double count[CLASS_COUNT] = { 0 }, sum[CLASS_COUNT][LEARNER_OBSERVATIONS] = { { 0 } },
	       square[CLASS_COUNT][LEARNER_OBSERVATIONS] = { { 0 } }, value[SOURCE_COUNT];
	int r = 0;
	community_env_begin(e, l->world->first);
	while (r == 0 && e->step < l->world->test) {
		for (int i = 0; i < e->homes; i++) {
			int k = l->agent[e->conf.home[i].class];
			community_env_observe(e, i, value);
			count[k]++;
			for (int o = 0; o < l->view[k].observations; o++) {
				double x = value[learner_sources[o]];
				sum[k][o] += x;
				square[k][o] += x * x;
				note(&l->view[k], o, x);
			}
		}
		judge_rules.decide(NULL, e, l->act);
		r = community_env_step(e, l->act);
	}
	for (int k = 0; k < l->agents; k++) {
		for (int o = 0; o < l->view[k].observations; o++) {
			double mean = sum[k][o] / count[k];
			double variance = square[k][o] / count[k] - mean * mean;
			l->view[k].mean[o] = mean;
			l->view[k].scale[o] = fmax(sqrt(fmax(0, variance)), 0.01);
		}
	}
	return r;
}

static struct maddpg_conf learning(const struct learner *l)
{
	struct maddpg_conf c = maddpg_defaults(l->agents, LEARNER_OBSERVATIONS, LEARNER_ACTIONS);
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
	size_t row = 2 * LEARNER_OBSERVATIONS + LEARNER_ACTIONS;
	l->observed = calloc(homes * (row + 1) + agents * (row + 1), sizeof(float));
	l->act = calloc(homes, sizeof(*l->act));
	if (!l->observed || !l->act) {
		return -ENOMEM;
	}
	l->next = l->observed + homes * LEARNER_OBSERVATIONS;
	l->acted = l->next + homes * LEARNER_OBSERVATIONS;
	l->reward = l->acted + homes * LEARNER_ACTIONS;
	l->panel_observed = l->reward + homes + agents; /* the agents' rewards lie between */
	l->panel_next = l->panel_observed + agents * LEARNER_OBSERVATIONS;
	l->panel_acted = l->panel_next + agents * LEARNER_OBSERVATIONS;
	return 0;
}

int learner_init(struct learner *l, struct community_world *w, const struct community_conf *c,
		 uint64_t seed)
{
	*l = (struct learner){ .conf = c->training, .seed = seed, .world = w, .only = -1 };
	memcpy(l->currency, c->tariff.currency, sizeof(l->currency));
	l->best_cost = INFINITY;
	find_agents(l);
	struct maddpg_conf conf = learning(l);
	int r = make_room(l);
	r = r < 0 ? r : measure(l);
	r = r < 0 ? r : maddpg_init(&l->m, &conf);
	r = r < 0 ? r
		  : experience_init(&l->seen, l->agents, LEARNER_OBSERVATIONS, LEARNER_ACTIONS,
				    (int)l->conf.replay);
	r = r < 0 ? r : batch_init(&l->batch, &l->seen, conf.batch);
	if (r == 0) {
		l->best = malloc(l->m.numbers * sizeof(float));
		r = l->best ? 0 : -ENOMEM;
	}
	if (r == 0) {
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
	free(l->act);
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

static int rank_count(const struct learner *l)
{
	return l->ranks ? l->ranks->count : 1;
}

static int rank_of(const struct learner *l)
{
	return l->ranks ? l->ranks->rank : 0;
}

/* The number of a step, of all that the ranks live. */
static int64_t step_number(const struct learner *l)
{
	return l->steps * rank_count(l) + rank_of(l);
}

/* --- seeing and acting --------------------------------------------------------------------------
 */

/* All homes' observations; what a class has not is 0, and its agent's weights on it do nothing. */
static void observe(struct learner *l, const struct community_env *e, float *out, bool training)
{
	double value[SOURCE_COUNT];
	for (int i = 0; i < e->homes; i++, out += LEARNER_OBSERVATIONS) {
		struct learner_view *v = &l->view[l->agent[e->conf.home[i].class]];
		community_env_observe(e, i, value);
		for (int o = 0; o < LEARNER_OBSERVATIONS; o++) {
			bool has = o < v->observations;
			double x = has ? value[learner_sources[o]] : 0;
			out[o] = has ? (float)((x - v->mean[o]) / v->scale[o]) : 0;
			if (has && training) {
				note(v, o, x);
			}
		}
	}
}

static double clipped(double x)
{
	return fmin(fmax(x, -1), 1);
}

/* What the homes do on what they observed, with noise of that deviation. */
static void act(struct learner *l, const struct community_env *e, double noise)
{
	for (int i = 0; i < e->homes; i++) {
		const struct battery_model *b = &e->conf.home[i].battery;
		float *a = &l->acted[i * LEARNER_ACTIONS];
		maddpg_act(&l->m, l->agent[e->conf.home[i].class],
			   &l->observed[i * LEARNER_OBSERVATIONS], a);
		for (int k = 0; k < LEARNER_ACTIONS && noise > 0; k++) {
			int64_t index = (step_number(l) * e->homes + i) * LEARNER_ACTIONS + k;
			double n = noise * chance_normal(l->seed, STREAM_NOISE, index);
			a[k] = (float)clipped((double)a[k] + n);
		}
		double share = (double)a[0], side = (double)a[2];
		l->act[i] = (struct community_act){
			.battery_w = share * (share > 0 ? b->discharge_limit_w : b->charge_limit_w),
			.price_share = ((double)a[1] + 1) / 2,
			.side = side > 0 ? 1 : -1,
			.refrain = fabs(side) <= learner_dead_band,
		};
	}
}

static void decide(void *context, const struct community_env *e, struct community_act *out)
{
	struct learner *l = context;
	observe(l, e, l->observed, false);
	act(l, e, 0);
	memcpy(out, l->act, (size_t)e->homes * sizeof(*out));
}

struct decider learner_decider(struct learner *l)
{
	return (struct decider){ "learned", decide, l };
}

/* --- learning -----------------------------------------------------------------------------------
 */

/* What home i would have paid for the step just lived through, its battery at rest. */
static double idle_cost(const struct community_env *e, int i)
{
	const struct community_series *s = e->conf.series;
	size_t at = (size_t)(e->step - 1) * (size_t)e->homes + (size_t)i;
	double kwh = ((double)s->load_w[at] - (double)s->pv_w[at]) * e->hours / 1000;
	double price = kwh > 0 ? e->conf.buy[e->step - 1] : e->conf.sell[e->step - 1];
	return kwh * price / 1e6;
}

/* Keep some panels of the step. */
static void keep(struct learner *l, const struct community_env *e)
{
	float *reward = l->reward + e->homes;
	for (int64_t p = 0; p < l->conf.panels; p++) {
		for (int k = 0; k < l->agents; k++) {
			int64_t index = (step_number(l) * l->conf.panels + p) * CLASS_COUNT + k;
			uint64_t bits = chance_bits(l->seed, STREAM_PANEL, index);
			int i = l->first[k] + (int)(bits % (uint64_t)l->count[k]);
			size_t o = LEARNER_OBSERVATIONS, a = LEARNER_ACTIONS, at = (size_t)i;
			memcpy(l->panel_observed + (size_t)k * o, l->observed + at * o,
			       o * sizeof(float));
			memcpy(l->panel_next + (size_t)k * o, l->next + at * o, o * sizeof(float));
			memcpy(l->panel_acted + (size_t)k * a, l->acted + at * a,
			       a * sizeof(float));
			reward[k] = l->reward[i];
		}
		/* A day that is cut off goes on as far as a critic is concerned. */
		experience_add(&l->seen, l->panel_observed, l->panel_acted, reward, l->panel_next,
			       0);
	}
}

/* Undo what an update did to all agents but one. */
static void hold_others(struct learner *l)
{
	size_t each = l->m.numbers / (size_t)l->agents, from = each * (size_t)l->only;
	memcpy(l->m.memory, l->left, from * sizeof(float));
	memcpy(l->m.memory + from + each, l->left + from + each,
	       (l->m.numbers - from - each) * sizeof(float));
}

static int learn(struct learner *l)
{
	if (l->seen.count < 4 * l->batch.rows || l->steps % l->conf.update_every != 0) {
		return 0;
	}
	int r = 0;
	for (int k = 0; k < rank_count(l) && r == 0; k++) {
		int64_t index = l->m.updates * rank_count(l) + rank_of(l);
		experience_draw(&l->seen, l->seed, index, &l->batch);
		r = maddpg_update(&l->m, &l->batch);
		if (r == 0 && l->only >= 0) {
			hold_others(l);
		}
	}
	return r;
}

static void note_trade(struct learner *l, const struct community_env *e)
{
	double local_kwh = 0;
	for (int i = 0; i < e->homes; i++) {
		local_kwh += (double)e->line[i].bought / 1e6;
	}
	moments_add(&l->volume_kwh, local_kwh / e->homes);
	if (e->traded) {
		moments_add(&l->price, e->local_price);
	}
}

/* One step of all homes, and what is learned of it. Returns the homes' savings in *saving. */
static int live(struct learner *l, struct community_env *e, double noise, double *saving)
{
	act(l, e, noise);
	int r = community_env_step(e, l->act);
	if (r < 0) {
		return r;
	}
	note_trade(l, e);
	for (int i = 0; i < e->homes; i++) {
		double less = idle_cost(e, i) - e->outcome[i].cost;
		l->reward[i] = (float)(l->conf.reward_scale * less);
		*saving += less;
	}
	observe(l, e, l->next, true);
	keep(l, e);
	memcpy(l->observed, l->next,
	       (size_t)e->homes * LEARNER_OBSERVATIONS * sizeof(*l->observed));
	l->steps++;
	return learn(l);
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
		struct learner_view *v = &l->view[k];
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

/* How it does without noise on the last of the days to learn from; kept where it is the best. */
static int check(struct learner *l, double *cost)
{
	struct community_world *w = l->world;
	int day = 86400 / w->series.step_s;
	int from = w->test - CHECK_DAYS * day;
	struct judgement j;
	struct decider who = learner_decider(l);
	double *home_cost = calloc((size_t)w->env.homes, sizeof(*home_cost));
	int r = home_cost ? judge(&w->env, from > w->first ? from : w->first, w->test, &who, &j,
				  home_cost)
			  : -ENOMEM;
	double found = r == 0 ? cost_of(l, &j, home_cost) : NAN;
	free(home_cost);
	if (r == 0) {
		*cost = found;
		if (found < l->best_cost) {
			l->best_cost = found;
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
	struct community_env *e = &l->world->env;
	int64_t day = 86400 / l->world->series.step_s, length = l->conf.episode_days * day;
	/* An episode looks one step ahead of its last. */
	int64_t starts = (l->world->test - l->world->first - length) / day + 1;
	uint64_t bits = chance_bits(l->seed, STREAM_EPISODE, l->episode + rank_of(l));
	int from = l->world->first + (int)(day * (int64_t)(bits % (uint64_t)starts));
	double part = (double)l->episode / (double)l->conf.episodes, saving = 0;
	struct learner_episode ep = { .checked_cost = NAN };
	ep.noise = l->conf.noise_start + (l->conf.noise_end - l->conf.noise_start) * part;
	int r = 0;
	l->price = l->volume_kwh = (struct moments){ .count = 0 };
	community_env_begin(e, from);
	observe(l, e, l->observed, true);
	for (int64_t k = 0; k < length && r == 0; k++) {
		r = live(l, e, ep.noise, &saving);
	}
	int64_t between = l->conf.episodes / CHECKS > 0 ? l->conf.episodes / CHECKS : 1;
	int64_t checks = l->episode / between;
	l->episode += r == 0 ? rank_count(l) : 0;
	if (r == 0 && (l->episode / between > checks || l->episode == l->conf.episodes)) {
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
	ep.saving = saving / (e->homes * (double)l->conf.episode_days * rank_count(l));
	ep.critic_loss = mean_loss(l);
	ep.price_deviation = moments_deviation(&l->price);
	ep.volume_deviation_kwh = moments_deviation(&l->volume_kwh);
	*out = ep;
	return 0;
}
