/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/evaluation.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/json.h"
#include "daemon/base/progress.h"
#include "daemon/base/text.h"
#include "sim/judge_plan.h"
#include "sim/judge_worth.h"
#include "sim/learner.h"

enum { PATH_SIZE = 512, REPORT_MAX = 65536, HORIZON_H = 36 };
static const int64_t solve_us = INT64_C(600) * 1000000;

static const char *const names[ROW_LEARNED] = {
	[ROW_NO_CONTROL] = "no control", [ROW_UTILITY_ONLY] = "utility only",
	[ROW_RULES] = "rules",           [ROW_ZERO_INTELLIGENCE] = "zero intelligence",
	[ROW_OPTIMISER] = "optimiser",   [ROW_UNTRAINED] = "untrained"
};

/* --- policies -----------------------------------------------------------------------------------
 */

/* The algorithm, as report.json beside the actors says: one of ours, or its row would be taken for
 * another one's. */
static void name_policy(struct evaluated_policy *p)
{
	char path[PATH_SIZE], name[sizeof(p->algorithm)] = "", *text = NULL;
	strcpy(p->algorithm, "learned");
	if (snprintf(path, sizeof(path), "%s/report.json", p->folder) >= PATH_SIZE ||
	    text_read(path, REPORT_MAX, &text) < 0) {
		return;
	}
	struct json_in in;
	if (json_parse(&in, text, strlen(text)) == 0) {
		(void)json_get_text(&in, in.root, "algorithm", name, sizeof(name));
	}
	for (int k = 0; k < ALGORITHM_COUNT; k++) {
		if (strcmp(name, training_algorithms[k]) == 0) {
			strcpy(p->algorithm, name);
		}
	}
	json_free(&in);
	free(text);
}

/* Those of an algorithm behind each other, in the order in which they were first named. */
static void sort_policies(struct evaluation *v)
{
	for (int i = 0; i < v->policies; i++) {
		int to = i;
		for (int k = i - 1; k >= 0; k--) {
			if (strcmp(v->policy[k].algorithm, v->policy[i].algorithm) == 0) {
				to = k + 1;
				break;
			}
		}
		struct evaluated_policy moved = v->policy[i];
		memmove(&v->policy[to + 1], &v->policy[to], (size_t)(i - to) * sizeof(moved));
		v->policy[to] = moved;
	}
}

static void make_groups(struct evaluation *v)
{
	v->groups = 0;
	for (int i = 0; i < ROW_LEARNED; i++) {
		v->group[v->groups++] = (struct group){ names[i], i, 1 };
	}
	for (int i = 0; i < v->policies; i++) {
		const char *name = v->policy[i].algorithm;
		struct group *last = &v->group[v->groups - 1];
		if (strcmp(last->name, name) == 0) {
			last->rows++;
		} else {
			v->group[v->groups++] = (struct group){ name, ROW_LEARNED + i, 1 };
		}
	}
}

int evaluation_load(struct evaluation *v, const char *const *folder, int folders, struct diag *d)
{
	int r = 0;
	for (v->policies = 0; v->policies < folders; v->policies++) {
		struct evaluated_policy *p = &v->policy[v->policies];
		*p = (struct evaluated_policy){ .folder = folder[v->policies] };
		int s = community_actors_load(&p->actors, p->folder, v->conf.count,
					      v->conf.interval_s, v->conf.tariff.currency, d);
		r = r < 0 ? r : s;
		name_policy(p);
	}
	sort_policies(v);
	make_groups(v);
	if (r < 0) {
		evaluation_free(v);
	}
	return r;
}

void evaluation_free(struct evaluation *v)
{
	for (int i = 0; i < v->policies; i++) {
		community_actors_free(&v->policy[i].actors);
	}
	v->policies = 0;
}

static void decide(void *context, const struct community_env *e, struct community_act *act)
{
	struct evaluated_policy *p = context;
	p->asked += e->homes;
	p->refused += community_actors_decide(&p->actors, e, act);
}

/* --- a community --------------------------------------------------------------------------------
 */

/* By home: what is set beside all rows, and room. */
struct homes {
	double *idle_cost, *turnover, *cost;
};

static void find_bounds(struct community_world *w, struct trial *t, const struct homes *h)
{
	int from = w->test, to = w->series.steps;
	double optimum;
	int r = judge_optimum(&w->env, from, to, clock_real_us() + solve_us, &optimum);
	if (r == 0) {
		t->optimum = optimum;
		r = judge_optimum_alone(&w->env, from, to, clock_real_us() + solve_us, h->cost);
	}
	if (r < 0) {
		fprintf(stderr, "lec-train evaluate: an optimum was not found: %s\n", strerror(-r));
		return;
	}
	t->alone = 0;
	for (int i = 0; i < w->env.homes; i++) {
		t->alone += h->cost[i];
	}
	judge_fairness(h->cost, h->idle_cost, h->turnover, w->env.homes, &t->fair);
}

static void note_prices(const struct community_world *w, struct trial *t)
{
	int count[JUDGE_HOURS] = { 0 };
	for (int step = w->test; step < w->series.steps; step++) {
		int hour = timezone_day_second(community_time_s(&w->series, step)) / 3600;
		count[hour]++;
		t->hour_buy[hour] += w->buy[step] / 1e6;
		t->hour_sell[hour] += w->sell[step] / 1e6;
	}
	for (int h = 0; h < JUDGE_HOURS; h++) {
		t->hour_buy[h] /= fmax(1, count[h]);
		t->hour_sell[h] /= fmax(1, count[h]);
	}
}

static struct decider decider_of(struct evaluation *v, int row, uint64_t *seed,
				 struct judge_plan *plan, struct judge_worth *worth)
{
	switch (row) {
	case ROW_NO_CONTROL:
		return judge_no_control;
	case ROW_UTILITY_ONLY:
		return judge_utility_only;
	case ROW_RULES:
		return judge_rules;
	case ROW_ZERO_INTELLIGENCE:
		return judge_zero_intelligence(seed);
	case ROW_OPTIMISER:
		return judge_optimiser(plan);
	case ROW_UNTRAINED:
		return judge_untrained(worth);
	default: {
		struct evaluated_policy *p = &v->policy[row - ROW_LEARNED];
		return (struct decider){ p->algorithm, decide, p };
	}
	}
}

static int judge_row(struct evaluation *v, struct community_world *w, struct trial *t, int row,
		     const struct homes *h)
{
	uint64_t seed = (uint64_t)t->seed;
	struct judge_plan *plan = NULL;
	struct judge_worth worth;
	const double middle = (learner_value_low + learner_value_high) / 2;
	struct evaluated *out = &t->row[row];
	int r = row == ROW_OPTIMISER ? judge_plan_new(&w->env, HORIZON_H, &plan) : 0;
	int made = judge_worth_init(&worth, w->env.homes, middle);
	r = r < 0 ? r : made;
	struct decider who = decider_of(v, row, &seed, plan, &worth);
	r = r < 0 ? r : judge(&w->env, w->test, w->series.steps, &who, &out->j, h->cost);
	judge_plan_free(plan);
	judge_worth_free(&worth);
	if (r < 0) {
		return r;
	}
	judge_fairness(h->cost, h->idle_cost, h->turnover, w->env.homes, &out->j);
	out->gap = (t->row[ROW_NO_CONTROL].j.cost - out->j.cost) /
		   (t->row[ROW_NO_CONTROL].j.cost - t->optimum);
	if (row >= ROW_LEARNED) {
		struct evaluated_policy *p = &v->policy[row - ROW_LEARNED];
		out->in_place = p->asked > 0 ? (double)p->refused / (double)p->asked : 0;
		p->asked = p->refused = 0;
	}
	return 0;
}

static int try_all(struct evaluation *v, struct community_world *w, struct trial *t,
		   struct progress *p)
{
	size_t homes = (size_t)w->env.homes;
	int rows = ROW_LEARNED + v->policies, done = (int)(t - v->trial) * rows;
	int from = w->test, to = w->series.steps;
	double *room = calloc(3 * homes, sizeof(double));
	if (!room) {
		return -ENOMEM;
	}
	const struct homes h = { room, room + homes, room + 2 * homes };
	struct judgement idle;
	t->homes = w->env.homes;
	note_prices(w, t);
	judge_turnover(&w->env, from, to, h.turnover);
	int r = judge(&w->env, from, to, &judge_no_control, &idle, h.idle_cost);
	if (r == 0 && v->bounds) {
		find_bounds(w, t, &h);
	}
	for (int i = 0; i < rows && r == 0; i++) {
		r = judge_row(v, w, t, i, &h);
		progress_show(done + i + 1, v->trials * rows, p);
	}
	free(room);
	return r;
}

static int run_trial(struct evaluation *v, int k, struct progress *p)
{
	struct community_world w;
	struct community_conf c = v->conf;
	struct trial *t = &v->trial[k];
	c.seed += k;
	*t = (struct trial){ .seed = c.seed,
			     .unseen = k > 0,
			     .optimum = NAN,
			     .alone = NAN,
			     .fair = { .jain = NAN, .least_saving = NAN, .most_saving = NAN } };
	int r = k == 0 ? community_world_make(&w, &c) : community_world_make_unseen(&w, &c);
	r = r < 0 ? r : try_all(v, &w, t, p);
	community_world_free(&w);
	return r;
}

/* Homes that are measured are not made up anew by another seed. */
static int communities(const struct community_conf *c, int seeds)
{
	int made_up = 0;
	for (int i = 0; i < c->residents.count; i++) {
		made_up += !c->residents.resident[i].power;
	}
	int most = made_up > 0 ? seeds : c->held_out > 0 ? 2 : 1;
	return seeds < most ? seeds : most;
}

int evaluation_run(struct evaluation *v, int seeds)
{
	struct progress p;
	int r = 0;
	v->trials = communities(&v->conf, seeds);
	progress_begin(&p, "judging");
	for (int k = 0; k < v->trials && r == 0; k++) {
		r = run_trial(v, k, &p);
	}
	progress_end(&p);
	return r;
}
