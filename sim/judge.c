/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/judge.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "daemon/base/fairness.h"
#include "daemon/base/fairness.h"
#include "daemon/base/moments.h"
#include "daemon/base/tariff.h"

enum { STREAM_PRICE = 3101 };

/* --- figures ------------------------------------------------------------------------------------
 */

struct tally {
	int count[CLASS_COUNT][3]; /* buy, sell, refrain */
	/* The community's net: of the day so far, the sums of all days', the last. */
	double peak_kw, peaks_kw, export_kw, exports_kw, last_kw, ramps_kw;
	int days, steps;
	struct moments price, volume, price_at[JUDGE_HOURS], local_at[JUDGE_HOURS];
};

static int local_second(const struct community_env *e, int step)
{
	return timezone_day_second(community_time_s(e->conf.series, step));
}

/* What the guard holds. That load alone is beyond the connection nobody can help. */
static bool violates(const struct community_env *e, int i)
{
	const struct community_home *h = &e->conf.home[i];
	const struct battery_model *b = &h->battery;
	double w = e->outcome[i].battery_w, stored_wh = e->stored_wh[i];
	double grid_w = e->outcome[i].grid_w;
	return stored_wh < b->soc_min * b->capacity_wh || stored_wh > b->soc_max * b->capacity_wh ||
	       w < -b->charge_limit_w || w > b->discharge_limit_w ||
	       grid_w < -h->export_limit_w - 1e-6 || (w < 0 && grid_w > h->import_limit_w + 1e-6);
}

static void count_net(const struct community_env *e, struct tally *t, struct judgement *j,
		      double net_kw)
{
	int step = e->step - 1;
	double kwh = net_kw * e->hours;
	double price = kwh > 0 ? e->conf.buy[step] : e->conf.sell[step];
	j->netted_import_kwh += fmax(0, kwh);
	j->netted_export_kwh += fmax(0, -kwh);
	j->netted_cost += kwh * price / 1e6;
	if (t->steps == 0 || community_time_s(e->conf.series, step) % 86400 == 0) {
		t->peaks_kw += t->peak_kw;
		t->exports_kw += t->export_kw;
		t->peak_kw = t->export_kw = 0;
		t->days++;
	}
	t->peak_kw = fmax(t->peak_kw, net_kw);
	t->export_kw = fmax(t->export_kw, -net_kw);
	t->ramps_kw += t->steps > 0 ? fabs(net_kw - t->last_kw) : 0;
	t->last_kw = net_kw;
	t->steps++;
}

/* Take in the step that was just lived through. */
static void count_step(const struct community_env *e, struct tally *t, struct judgement *j,
		       double *home_cost)
{
	double net_kw = 0, local_kwh = 0;
	for (int i = 0; i < e->homes; i++) {
		const struct community_outcome *o = &e->outcome[i];
		const struct settle_line *l = &e->line[i];
		t->count[e->conf.home[i].class][o->bid > 0 ? 0 : o->bid < 0 ? 1 : 2]++;
		j->import_kwh += (double)l->import / 1e6;
		j->export_kwh += (double)l->export / 1e6;
		local_kwh += (double)l->bought / 1e6;
		j->violations += violates(e, i);
		home_cost[i] += o->cost;
		net_kw += o->grid_w / 1000;
	}
	count_net(e, t, j, net_kw);
	int hour = local_second(e, e->step - 1) / 3600;
	j->local_kwh += local_kwh;
	moments_add(&t->volume, local_kwh / e->homes);
	moments_add(&t->local_at[hour], local_kwh / e->hours);
	if (e->traded) {
		moments_add(&t->price, e->local_price);
		moments_add(&t->price_at[hour], e->local_price);
	}
}

static void sum_up(const struct community_env *e, const struct tally *t, struct judgement *j,
		   const double *home_cost)
{
	for (int i = 0; i < e->homes; i++) {
		j->cost += home_cost[i];
	}
	j->peak_kw = (t->peaks_kw + t->peak_kw) / fmax(1, t->days);
	j->peak_export_kw = (t->exports_kw + t->export_kw) / fmax(1, t->days);
	j->ramp_kw = t->ramps_kw / fmax(1, t->steps - 1);
	j->local_share = j->import_kwh > 0 ? j->local_kwh / j->import_kwh : 0;
	j->price_mean = moments_mean(&t->price);
	j->price_deviation = moments_deviation(&t->price);
	j->volume_deviation_kwh = moments_deviation(&t->volume);
	for (int h = 0; h < JUDGE_HOURS; h++) {
		j->hour_price[h] = moments_mean(&t->price_at[h]);
		j->hour_local_kwh[h] = moments_mean(&t->local_at[h]);
	}
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
	struct judgement j = { .jain = NAN, .least_saving = NAN, .most_saving = NAN };
	struct tally t = { .steps = 0 };
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

void judge_fairness(const double *home_cost, const double *than, const double *turnover, int homes,
		    struct judgement *out)
{
	double gained[COMMUNITY_HOMES_MAX], least = INFINITY, most = -INFINITY;
	assert(homes <= COMMUNITY_HOMES_MAX);
	for (int i = 0; i < homes; i++) {
		double saving = (than[i] - home_cost[i]) / fmax(turnover[i], 1e-9);
		least = fmin(least, saving);
		most = fmax(most, saving);
		gained[i] = fmax(0, saving);
	}
	out->jain = fairness_jain(gained, homes);
	out->least_saving = least;
	out->most_saving = most;
}

void judge_turnover(const struct community_env *e, int from, int to, double *home_turnover)
{
	const struct community_series *s = e->conf.series;
	for (int i = 0; i < e->homes; i++) {
		home_turnover[i] = 0;
		for (int step = from; step < to; step++) {
			size_t at = (size_t)step * (size_t)e->homes + (size_t)i;
			double w = (double)s->load_w[at] - (double)s->pv_w[at];
			double price = w > 0 ? e->conf.buy[step] : e->conf.sell[step];
			home_turnover[i] += fabs(w * e->hours / 1000 * price / 1e6);
		}
	}
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
