/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner_live.h"

#include <math.h>
#include <string.h>

#include "daemon/base/chance.h"

enum { STREAM_PANEL = 3202, STREAM_NOISE = 3203 };

/* --- seeing and acting --------------------------------------------------------------------------
 */

void learner_note(struct learner_view *v, int o, double x)
{
	v->low[o] = fmin(v->low[o], x);
	v->high[o] = fmax(v->high[o], x);
}

void learner_observe(struct learner *l, const struct community_env *e, float *out, bool training)
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
				learner_note(v, o, x);
			}
		}
	}
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
		.reserve_wh = (double)a[1] * learner_reserve_w * e->hours,
	};
}

static void wish(struct learner *l, const struct community_env *e, int i)
{
	struct house_order o = meant(e, i, &l->acted[i * LEARNER_ACTIONS]);
	l->act[i] = community_obey(e, i, &o, &l->intent[i]);
}

/* What the homes do on what they observed, without noise. */
static void act(struct learner *l, const struct community_env *e, const float *observed)
{
	for (int i = 0; i < e->homes; i++) {
		maddpg_act(&l->m, l->agent[e->conf.home[i].class],
			   &observed[i * LEARNER_OBSERVATIONS], &l->acted[i * LEARNER_ACTIONS]);
		wish(l, e, i);
	}
}

static void decide(void *context, const struct community_env *e, struct community_act *out)
{
	struct learner *l = context;
	learner_observe(l, e, l->observed, false);
	act(l, e, l->observed);
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

/* What so much in the battery of home i is worth. */
static double worth_of(const struct learner *l, const struct community_env *e, int i, double wh)
{
	return l->worth * e->conf.home[i].battery.discharge_efficiency * wh / 1000;
}

/* The number of a step, of all that the ranks live. */
static int64_t step_number(const struct learner *l)
{
	return l->steps * learner_ranks(l) + learner_rank(l);
}

/* The homes of a panel: one of each class. */
static void draw_panel(const struct learner *l, int64_t panel, int home[CLASS_COUNT])
{
	for (int k = 0; k < l->agents; k++) {
		int64_t index = (step_number(l) * l->conf.panels + panel) * CLASS_COUNT + k;
		uint64_t bits = chance_bits(l->seed, STREAM_PANEL, index);
		home[k] = l->first[k] + (int)(bits % (uint64_t)l->count[k]);
	}
}

/* Let the homes of one class, another for each panel, do other than their actor would: all alike,
 * as they will when it changes. Where one alone learns, it is that one. */
static void explore(struct learner *l, const struct community_env *e, int64_t panel, double noise)
{
	int k = l->only >= 0 ? l->only
			     : (int)((step_number(l) * l->conf.panels + panel) % l->agents);
	for (int i = l->first[k]; i < l->first[k] + l->count[k]; i++) {
		int64_t index = (step_number(l) * l->conf.panels + panel) * CLASS_COUNT + k;
		for (int c = 0; c < LEARNER_ACTIONS; c++) {
			double n =
				chance_normal(l->seed, STREAM_NOISE, index * LEARNER_ACTIONS + c);
			float *a = &l->acted[i * LEARNER_ACTIONS + c];
			*a = (float)clipped((double)*a + noise * n);
		}
	}
	for (int i = 0; i < e->homes; i++) {
		wish(l, e, i);
	}
}

/* What a panel observes and does, put aside before time goes on. */
static void put_aside(struct learner *l, const int home[CLASS_COUNT])
{
	size_t o = LEARNER_OBSERVATIONS, a = LEARNER_ACTIONS;
	for (int k = 0; k < l->agents; k++) {
		size_t at = (size_t)home[k];
		memcpy(l->panel_observed + (size_t)k * o, l->observed + at * o, o * sizeof(float));
		memcpy(l->panel_acted + (size_t)k * a, l->acted + at * a, a * sizeof(float));
	}
}

/* Keep it with what came of it: what each home got beyond what it would have got. */
static void keep(struct learner *l, const struct community_env *e, const int home[CLASS_COUNT])
{
	double own = l->conf.reward_scale * (1 - l->conf.cooperation);
	double shared = l->conf.reward_scale * l->conf.cooperation / e->homes, all = 0;
	size_t o = LEARNER_OBSERVATIONS;
	for (int i = 0; i < e->homes; i++) {
		all += l->got[i] - l->base[i];
	}
	for (int k = 0; k < l->agents; k++) {
		size_t at = (size_t)home[k];
		memcpy(l->panel_next + (size_t)k * o, l->next + at * o, o * sizeof(float));
		l->reward[k] = (float)(own * (l->got[at] - l->base[at]) + shared * all);
	}
	/* A day that is cut off goes on as far as a critic is concerned. */
	experience_add(&l->seen, l->panel_observed, l->panel_acted, l->reward, l->panel_next,
		       l->conf.ahead > 0);
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

/* Live through steps, the first as the homes wish now and the others as their actors would, and
 * count into got what each home saves, and stores more than it had. Never into days held out. */
static int roll(struct learner *l, struct community_env *e, int64_t steps, double *got)
{
	for (int i = 0; i < e->homes; i++) {
		got[i] = -worth_of(l, e, i, e->stored_wh[i]);
	}
	for (int64_t k = 0; k < steps && (k == 0 || e->step < l->world->test); k++) {
		if (k > 0) {
			act(l, e, l->next);
		}
		int r = community_env_step(e, l->act);
		if (r < 0) {
			return r;
		}
		for (int i = 0; i < e->homes; i++) {
			got[i] += idle_cost(e, i) - e->outcome[i].cost;
		}
		learner_observe(l, e, l->next, true);
	}
	for (int i = 0; i < e->homes; i++) {
		got[i] += worth_of(l, e, i, e->stored_wh[i]);
	}
	return 0;
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

/* Come back to the step's beginning, with all as they would. */
static void begin_again(struct learner *l, struct community_env *e)
{
	community_env_return(e, &l->moment);
	memcpy(l->acted, l->would, (size_t)e->homes * LEARNER_ACTIONS * sizeof(*l->acted));
}

int learner_live(struct learner *l, struct community_env *e, double noise, double *saving)
{
	int home[CLASS_COUNT] = { 0 }, r = 0;
	int64_t steps = llround((double)l->conf.ahead / e->hours);
	act(l, e, l->observed);
	memcpy(l->would, l->acted, (size_t)e->homes * LEARNER_ACTIONS * sizeof(*l->acted));
	community_env_keep(e, &l->moment);
	memset(l->base, 0, (size_t)e->homes * sizeof(*l->base));
	if (steps > 0) {
		r = roll(l, e, steps, l->base);
	}
	for (int64_t p = 0; p < l->conf.panels && r == 0; p++) {
		begin_again(l, e);
		draw_panel(l, p, home);
		explore(l, e, p, noise);
		put_aside(l, home);
		r = roll(l, e, steps > 0 ? steps : 1, l->got);
		keep(l, e, home);
	}
	if (r < 0) {
		return r;
	}
	begin_again(l, e);
	explore(l, e, l->conf.panels - 1, noise);
	r = community_env_step(e, l->act);
	for (int i = 0; i < e->homes && r == 0; i++) {
		*saving += idle_cost(e, i) - e->outcome[i].cost;
	}
	if (r == 0) {
		note_trade(l, e);
	}
	learner_observe(l, e, l->observed, true);
	l->steps++;
	return r < 0 ? r : learn(l);
}
