/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner_live.h"

#include <math.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "sim/learner_ahead.h"

enum { STREAM_NOISE = 3203 };

/* --- seeing and acting --------------------------------------------------------------------------
 */

void learner_range_begin(struct learner_range seen[CLASS_COUNT])
{
	for (int i = 0; i < CLASS_COUNT * LEARNER_OBSERVATIONS; i++) {
		struct learner_range *r = &seen[i / LEARNER_OBSERVATIONS];
		r->low[i % LEARNER_OBSERVATIONS] = INFINITY;
		r->high[i % LEARNER_OBSERVATIONS] = -INFINITY;
	}
}

void learner_note(struct learner_range *r, int o, double x)
{
	r->low[o] = fmin(r->low[o], x);
	r->high[o] = fmax(r->high[o], x);
}

void learner_widen(struct learner *l, const struct learner_range seen[CLASS_COUNT])
{
	for (int k = 0; k < l->agents; k++) {
		struct learner_range *r = &l->view[k].range;
		for (int o = 0; o < l->view[k].observations; o++) {
			r->low[o] = fmin(r->low[o], seen[k].low[o]);
			r->high[o] = fmax(r->high[o], seen[k].high[o]);
		}
	}
}

void learner_observe(const struct learner *l, const struct community_env *e, float *out,
		     struct learner_range seen[CLASS_COUNT])
{
	double value[SOURCE_COUNT];
	for (int i = 0; i < e->homes; i++, out += l->observations) {
		int k = l->agent[e->conf.home[i].class];
		const struct learner_view *v = &l->view[k];
		community_env_observe(e, i, value);
		for (int o = 0; o < l->observations; o++) {
			bool has = o < v->observations;
			double x = has ? value[l->source[o]] : 0;
			out[o] = has ? (float)((x - v->mean[o]) / v->scale[o]) : 0;
			if (has && seen) {
				learner_note(&seen[k], o, x);
			}
		}
	}
}

void learner_see(struct learner *l, const struct community_env *e)
{
	struct learner_range seen[CLASS_COUNT];
	learner_range_begin(seen);
	learner_observe(l, e, l->observed, seen);
	learner_widen(l, seen);
}

static double clipped(double x)
{
	return fmin(fmax(x, -1), 1);
}

/* What an action says: the one of a home without a battery has no worth to tell. */
static struct house_order meant(const struct community_env *e, int i, const float *a)
{
	double range = learner_value_high - learner_value_low;
	double steps = round(((double)a[0] + 1) / 2 * range / learner_value_step);
	bool values = e->conf.home[i].battery.capacity_wh > 0;
	return (struct house_order){
		.moves = values,
		.values = values,
		.bids = true,
		.value_share = learner_value_low + steps * learner_value_step,
		.allows = true,
		.error_share = ((double)a[1] + 1) / 2 * learner_error_most,
	};
}

void learner_wish(struct learner_stage *s, const struct community_env *e)
{
	for (int i = 0; i < e->homes; i++) {
		struct house_order o = meant(e, i, &s->acted[i * LEARNER_ACTIONS]);
		s->act[i] = community_obey(e, i, &o, &s->intent[i]);
	}
}

void learner_act(const struct learner *l, struct learner_stage *s, const struct community_env *e,
		 const float *observed)
{
	for (int i = 0; i < e->homes; i++) {
		maddpg_act(&l->m, &l->m.room[s->number], l->agent[e->conf.home[i].class],
			   &observed[i * l->observations], &s->acted[i * LEARNER_ACTIONS]);
	}
}

static void decide(void *context, const struct community_env *e, struct community_act *out)
{
	struct learner *l = context;
	struct learner_stage *s = &l->stage[0];
	learner_observe(l, e, l->observed, NULL);
	learner_act(l, s, e, l->observed);
	learner_wish(s, e);
	memcpy(out, s->act, (size_t)e->homes * sizeof(*out));
}

struct decider learner_decider(struct learner *l)
{
	return (struct decider){ "learned", decide, l };
}

/* --- learning -----------------------------------------------------------------------------------
 */

void learner_explore(const struct learner *l, struct learner_stage *s, int64_t panel, double noise)
{
	int64_t at = learner_step_number(l) * l->conf.panels + panel;
	int k = l->only >= 0 ? l->only : (int)(at % l->agents);
	for (int i = l->first[k]; i < l->first[k] + l->count[k]; i++) {
		int64_t index = at * CLASS_COUNT + k;
		for (int c = 0; c < LEARNER_ACTIONS; c++) {
			double n =
				chance_normal(l->seed, STREAM_NOISE, index * LEARNER_ACTIONS + c);
			float *a = &s->acted[i * LEARNER_ACTIONS + c];
			*a = (float)clipped((double)*a + noise * n);
		}
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
	if (l->seen.count < TRAINING_BATCHES_SEEN * l->batch.rows ||
	    l->steps % l->conf.update_every != 0) {
		return 0;
	}
	double left = 1 - (double)l->episode / (double)l->conf.episodes;
	bool calm = l->m.updates < l->conf.calm_updates;
	l->m.conf.actor_rate = calm ? 0 : (float)(left * l->conf.actor_rate);
	l->m.conf.critic_rate = (float)((0.1 + 0.9 * left) * l->conf.critic_rate);
	int r = 0;
	for (int k = 0; k < learner_ranks(l) && r == 0; k++) {
		int64_t index = l->m.updates * learner_ranks(l) + learner_rank(l);
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

int learner_live(struct learner *l, struct community_env *e, double noise, double *saving)
{
	struct learner_stage *own = &l->stage[0];
	size_t size = (size_t)e->homes * LEARNER_ACTIONS * sizeof(*l->would);
	learner_act(l, own, e, l->observed);
	memcpy(l->would, own->acted, size);
	int r = learner_look_ahead(l, e, noise);
	if (r < 0) {
		return r;
	}
	memcpy(own->acted, l->would, size);
	learner_explore(l, own, l->conf.panels - 1, noise);
	learner_wish(own, e);
	r = community_env_step(e, own->act);
	for (int i = 0; i < e->homes && r == 0; i++) {
		*saving += learner_idle_cost(e, i) - e->outcome[i].cost;
	}
	if (r == 0) {
		note_trade(l, e);
	}
	learner_see(l, e);
	l->steps++;
	return r < 0 ? r : learn(l);
}
