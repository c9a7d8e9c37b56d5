/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/judge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "daemon/base/fairness.h"

enum { STREAM_PRICE = 3101 };

/* --- figures ------------------------------------------------------------------------------------
 */

struct tally {
	int count[CLASS_COUNT][3]; /* buy, sell, refrain */
	double peak_kw, peaks_kw;  /* of the day so far; the sum of all days' */
	int days, trades;
	double price, square; /* sums */
};

static double seconds_of_day(const struct community_env *e, int step)
{
	return (double)(community_time_s(e->conf.series, step) % 86400);
}

static bool violates(const struct community_env *e, int i)
{
	const struct community_home *h = &e->conf.home[i];
	const struct battery_model *b = &h->battery;
	double w = e->outcome[i].battery_w, stored_wh = e->stored_wh[i];
	return stored_wh < b->soc_min * b->capacity_wh || stored_wh > b->soc_max * b->capacity_wh ||
	       w < -b->charge_limit_w || w > b->discharge_limit_w ||
	       e->outcome[i].grid_w < -h->export_limit_w - 1e-6;
}

/* Take in the step that was just lived through. */
static void count_step(const struct community_env *e, struct tally *t, struct judgement *j,
		       double *home_cost)
{
	double net_kw = 0;
	for (int i = 0; i < e->homes; i++) {
		const struct community_outcome *o = &e->outcome[i];
		const struct settle_line *l = &e->line[i];
		t->count[e->conf.home[i].class][o->bid > 0 ? 0 : o->bid < 0 ? 1 : 2]++;
		j->import_kwh += (double)l->import / 1e6;
		j->export_kwh += (double)l->export / 1e6;
		j->local_kwh += (double)l->bought / 1e6;
		j->violations += violates(e, i);
		home_cost[i] += o->cost;
		net_kw += o->grid_w / 1000;
	}
	if (seconds_of_day(e, e->step - 1) == 0) {
		t->peaks_kw += t->peak_kw;
		t->peak_kw = 0;
		t->days++;
	}
	t->peak_kw = fmax(t->peak_kw, net_kw);
	if (e->traded) {
		t->trades++;
		t->price += e->local_price;
		t->square += e->local_price * e->local_price;
	}
}

static void sum_up(const struct community_env *e, const struct tally *t, struct judgement *j,
		   const double *home_cost)
{
	for (int i = 0; i < e->homes; i++) {
		j->cost += home_cost[i];
	}
	j->peak_kw = (t->peaks_kw + t->peak_kw) / fmax(1, t->days);
	j->local_share = j->import_kwh > 0 ? j->local_kwh / j->import_kwh : 0;
	double mean = t->price / fmax(1, t->trades);
	double variance = t->square / fmax(1, t->trades) - mean * mean;
	j->price_deviation = t->trades > 0 ? sqrt(fmax(0, variance)) : NAN;
	for (int c = 0; c < CLASS_COUNT; c++) {
		const int *n = t->count[c];
		double all = fmax(1, n[0] + n[1] + n[2]);
		j->shares[c] = (struct class_shares){ n[0] / all, n[1] / all, n[2] / all };
	}
}

double judge_stored_worth(const struct community_env *e, int from, int to)
{
	double sum = 0;
	for (int step = from; step < to; step++) {
		sum += ((double)e->conf.buy[step] + e->conf.sell[step]) / 2e6;
	}
	return sum / fmax(1, to - from);
}

int judge(struct community_env *e, int from, int to, const struct decider *who,
	  struct judgement *out, double *home_cost)
{
	struct judgement j = { .cost = 0, .jain = NAN };
	struct tally t = { .days = 0 };
	struct community_act *act = calloc((size_t)e->homes, sizeof(*act));
	int r = act ? 0 : -ENOMEM;
	community_env_begin(e, from);
	for (int i = 0; i < e->homes; i++) {
		home_cost[i] = 0;
	}
	while (r == 0 && e->step < to) {
		who->decide(who->context, e, act);
		r = community_env_step(e, act);
		if (r == 0) {
			count_step(e, &t, &j, home_cost);
		}
	}
	free(act);
	if (r < 0) {
		return r;
	}
	double worth = judge_stored_worth(e, from, to);
	for (int i = 0; i < e->homes; i++) {
		const struct battery_model *b = &e->conf.home[i].battery;
		double more_wh = e->stored_wh[i] - b->soc_start * b->capacity_wh;
		home_cost[i] -= worth * b->discharge_efficiency * more_wh / 1000;
	}
	sum_up(e, &t, &j, home_cost);
	*out = j;
	return 0;
}

double judge_fairness(const double *home_cost, const double *than, int homes)
{
	double saving[COMMUNITY_HOMES_MAX];
	for (int i = 0; i < homes; i++) {
		saving[i] = fmax(0, (than[i] - home_cost[i]) / fmax(fabs(than[i]), 1e-9));
	}
	return fairness_jain(saving, homes);
}

/* --- who decides --------------------------------------------------------------------------------
 */

static void decide_all(const struct community_env *e, struct community_act *act,
		       const struct community_act *one)
{
	for (int i = 0; i < e->homes; i++) {
		act[i] = *one;
	}
}

static void decide_nothing(void *context, const struct community_env *e, struct community_act *act)
{
	(void)context;
	decide_all(e, act, &(struct community_act){ .refrain = true });
}

static void decide_alone(void *context, const struct community_env *e, struct community_act *act)
{
	(void)context;
	decide_all(e, act, &(struct community_act){ .serve_self = true, .refrain = true });
}

static void decide_rules(void *context, const struct community_env *e, struct community_act *act)
{
	(void)context;
	decide_all(e, act, &(struct community_act){ .serve_self = true, .price_share = 0.5 });
}

static void decide_by_chance(void *context, const struct community_env *e,
			     struct community_act *act)
{
	const uint64_t *seed = context;
	for (int i = 0; i < e->homes; i++) {
		int64_t index = (int64_t)e->step * e->homes + i;
		act[i] = (struct community_act){
			.serve_self = true,
			.price_share = chance_uniform(*seed, STREAM_PRICE, index),
		};
	}
}

const struct decider judge_no_control = { "no control", decide_nothing, NULL };
const struct decider judge_utility_only = { "utility only", decide_alone, NULL };
const struct decider judge_rules = { "rules", decide_rules, NULL };

struct decider judge_zero_intelligence(uint64_t *seed)
{
	return (struct decider){ "zero intelligence", decide_by_chance, seed };
}
