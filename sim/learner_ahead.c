/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner_ahead.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "daemon/base/workers.h"
#include "sim/learner_live.h"

enum { STREAM_PANEL = 3202 };

/* --- room ---------------------------------------------------------------------------------------
 */

static int stage_init(struct learner_stage *s, const struct learner *l)
{
	size_t homes = (size_t)l->world->env.homes, row = LEARNER_ACTIONS + (size_t)l->observations;
	s->acted = calloc(homes * row, sizeof(*s->acted));
	s->act = calloc(homes, sizeof(*s->act));
	s->intent = calloc(homes, sizeof(*s->intent));
	if (!s->acted || !s->act || !s->intent) {
		return -ENOMEM;
	}
	s->next = s->acted + homes * LEARNER_ACTIONS;
	return community_env_init(&s->env, &l->world->env.conf);
}

static void stages_free(struct learner_stage *stage, int count)
{
	for (int i = 0; stage && i < count; i++) {
		community_env_free(&stage[i].env);
		free(stage[i].acted);
		free(stage[i].act);
		free(stage[i].intent);
	}
	free(stage);
}

int learner_threads(struct learner *l, int threads)
{
	if (threads < 1 || threads > WORKERS_MAX) {
		return -EINVAL;
	}
	struct learner_stage *stage = calloc((size_t)threads, sizeof(*stage));
	int r = stage ? 0 : -ENOMEM;
	for (int i = 0; i < threads && r == 0; i++) {
		stage[i].number = i;
		r = stage_init(&stage[i], l);
	}
	r = r < 0 ? r : maddpg_threads(&l->m, threads);
	if (r < 0) {
		stages_free(stage, threads);
		return r;
	}
	stages_free(l->stage, l->stages);
	l->stage = stage;
	l->stages = threads;
	return 0;
}

int learner_ahead_init(struct learner *l)
{
	size_t homes = (size_t)l->world->env.homes, agents = (size_t)l->agents;
	int count = (int)l->conf.panels + 1;
	l->trial = calloc((size_t)count, sizeof(*l->trial));
	for (int i = 0; l->trial && i < count; i++) {
		struct learner_trial *t = &l->trial[i];
		size_t row = LEARNER_ACTIONS + (size_t)l->observations;
		l->trials++;
		t->got = calloc(homes, sizeof(*t->got));
		t->acted = calloc(agents * row, sizeof(*t->acted));
		if (!t->got || !t->acted) {
			return -ENOMEM;
		}
		t->next = t->acted + agents * LEARNER_ACTIONS;
	}
	return l->trial ? 0 : -ENOMEM;
}

void learner_ahead_free(struct learner *l)
{
	stages_free(l->stage, l->stages);
	for (int i = 0; i < l->trials; i++) {
		free(l->trial[i].got);
		free(l->trial[i].acted);
	}
	free(l->trial);
}

/* --- a trial, which changes what is its own and its stage's alone -------------------------------
 */

double learner_idle_cost(const struct community_env *e, int i)
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

/* The homes of a panel: one of each class. */
static void draw_panel(const struct learner *l, int64_t panel, int home[CLASS_COUNT])
{
	for (int k = 0; k < l->agents; k++) {
		int64_t index = (learner_step_number(l) * l->conf.panels + panel) * CLASS_COUNT + k;
		uint64_t bits = chance_bits(l->seed, STREAM_PANEL, index);
		home[k] = l->first[k] + (int)(bits % (uint64_t)l->count[k]);
	}
}

/* Of rows by home, those of a panel. */
static void pick(const struct learner *l, const int home[CLASS_COUNT], const float *by_home,
		 size_t row, float *out)
{
	for (int k = 0; k < l->agents; k++) {
		memcpy(out + (size_t)k * row, by_home + (size_t)home[k] * row, row * sizeof(*out));
	}
}

/* Live through steps, the first as the stage's homes are to act and the others as their actors
 * would, and count into got what each home saves, and stores more than it had. Never into days held
 * out. */
static int roll(const struct learner *l, struct learner_stage *s, int64_t steps,
		struct learner_trial *t)
{
	struct community_env *e = &s->env;
	learner_range_begin(t->seen);
	for (int i = 0; i < e->homes; i++) {
		t->got[i] = -worth_of(l, e, i, e->stored_wh[i]);
	}
	for (int64_t k = 0; k < steps && (k == 0 || e->step < l->world->test); k++) {
		if (k > 0) {
			learner_act(l, s, e, s->next);
		}
		learner_wish(s, e);
		int r = community_env_step(e, s->act);
		if (r < 0) {
			return r;
		}
		for (int i = 0; i < e->homes; i++) {
			t->got[i] += learner_idle_cost(e, i) - e->outcome[i].cost;
		}
		learner_observe(l, e, s->next, t->seen);
	}
	for (int i = 0; i < e->homes; i++) {
		t->got[i] += worth_of(l, e, i, e->stored_wh[i]);
	}
	return 0;
}

/* Looking ahead from a step. */
struct ahead {
	struct learner *l;
	const struct community_env *from;
	int64_t steps;
	double noise;
	int first; /* trial */
};

static void live_trial(void *argument, int task, int worker)
{
	const struct ahead *a = argument;
	const struct learner *l = a->l;
	struct learner_stage *s = &l->stage[worker];
	int number = a->first + task;
	struct learner_trial *t = &l->trial[number];
	community_env_come_to(&s->env, a->from);
	memcpy(s->acted, l->would, (size_t)s->env.homes * LEARNER_ACTIONS * sizeof(*s->acted));
	if (number > 0) {
		draw_panel(l, number - 1, t->home);
		learner_explore(l, s, number - 1, a->noise);
		pick(l, t->home, s->acted, LEARNER_ACTIONS, t->acted);
	}
	t->result = roll(l, s, a->steps, t);
	if (number > 0) {
		pick(l, t->home, s->next, (size_t)l->observations, t->next);
	}
}

/* --- and what comes of all ----------------------------------------------------------------------
 */

/* Keep what came of a panel: what each home got beyond what it would have got. */
static void keep(struct learner *l, int homes, const struct learner_trial *t)
{
	const double *base = l->trial[0].got;
	double own = l->conf.reward_scale * (1 - l->conf.cooperation);
	double shared = l->conf.reward_scale * l->conf.cooperation / homes, all = 0;
	for (int i = 0; i < homes; i++) {
		all += t->got[i] - base[i];
	}
	for (int k = 0; k < l->agents; k++) {
		int at = t->home[k];
		l->reward[k] = (float)(own * (t->got[at] - base[at]) + shared * all);
	}
	pick(l, t->home, l->observed, (size_t)l->observations, l->panel_observed);
	/* A day that is cut off goes on as far as a critic is concerned. */
	experience_add(&l->seen, l->panel_observed, t->acted, l->reward, t->next,
		       l->conf.ahead > 0);
}

int learner_look_ahead(struct learner *l, const struct community_env *e, double noise)
{
	int64_t steps = llround((double)l->conf.ahead / e->hours);
	struct ahead a = { .l = l, .from = e, .steps = steps, .noise = noise };
	assert(workers_count(l->m.workers) == l->stages);
	if (steps == 0) { /* there is nothing to compare a panel's step with */
		memset(l->trial[0].got, 0, (size_t)e->homes * sizeof(*l->trial[0].got));
		a.steps = a.first = 1;
	}
	workers_run(l->m.workers, l->trials - a.first, live_trial, &a);
	for (int i = a.first; i < l->trials; i++) {
		if (l->trial[i].result < 0) {
			return l->trial[i].result;
		}
	}
	for (int i = a.first; i < l->trials; i++) {
		learner_widen(l, l->trial[i].seen);
		if (i > 0) {
			keep(l, e->homes, &l->trial[i]);
		}
	}
	return 0;
}
