/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/judge_plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/tariff.h"
#include "daemon/home/outlook.h"
#include "policy/exact.h"
#include "policy/forecast.h"

enum { HORIZON_MAX_H = 48 };
/* As in lecd: what an hour further ahead takes off the certainty of a price. */
static const double preference_per_h = 0.0001;

struct planning_home {
	struct forecast forecast;
	struct plan_slot slot; /* for the step that is decided */
	struct bid_order bid[BID_ORDERS_MAX];
	int bids;
};

struct judge_plan {
	int homes, steps; /* steps: of a plan */
	int known;        /* the first step that forecasts have not seen */
	struct planning_home *home;
	struct problem problem;
	struct plan plan;
	struct exact room;
};

int judge_plan_new(const struct community_env *e, int horizon_h, struct judge_plan **out)
{
	int steps = (int)lround(horizon_h / e->hours);
	if (horizon_h < 1 || horizon_h > HORIZON_MAX_H || steps > STEPS_MAX) {
		return -EINVAL;
	}
	struct judge_plan *p = calloc(1, sizeof(*p));
	struct planning_home *home = calloc((size_t)e->homes, sizeof(*home));
	if (!p || !home) {
		free(p);
		free(home);
		return -ENOMEM;
	}
	p->homes = e->homes;
	p->steps = steps;
	p->known = INT32_MAX; /* nothing yet: begin anew */
	p->home = home;
	*out = p;
	return 0;
}

void judge_plan_free(struct judge_plan *p)
{
	if (p) {
		free(p->home);
		free(p);
	}
}

/* Let all forecasts see what lies before the step. */
static void see(struct judge_plan *p, const struct community_env *e)
{
	const struct community_series *s = e->conf.series;
	bool anew = e->step < p->known;
	int from = anew ? 0 : p->known;
	for (int i = 0; i < p->homes; i++) {
		struct forecast *f = &p->home[i].forecast;
		if (anew) {
			(void)forecast_init(f, s->step_s); /* the series' steps are of a length */
		}
		for (int step = from; step < e->step; step++) {
			int64_t at_s = community_time_s(s, step);
			size_t at = (size_t)step * (size_t)e->homes + (size_t)i;
			forecast_add(f, at_s, true, (double)s->load_w[at], true,
				     (double)s->pv_w[at], (int32_t)timezone_offset_s(at_s));
		}
	}
	p->known = e->step;
}

/* The steps that are planned, at the utility's prices: those after the last that is known are a
 * day's before. */
static void set_steps(struct judge_plan *p, const struct community_env *e, int i,
		      int32_t east_s[STEPS_MAX])
{
	const struct community_series *s = e->conf.series;
	int day = 86400 / s->step_s;
	for (int t = 0; t < p->steps; t++) {
		int step = e->step + t, priced = step;
		int64_t at_s = community_time_s(s, step);
		while (priced >= s->steps) {
			priced -= day;
		}
		p->problem.step[t] =
			(struct step){ .start_s = at_s,
				       .hours = e->hours,
				       .buy = e->conf.buy[priced] / 1e6,
				       .sell = e->conf.sell[priced] / 1e6,
				       .import_limit_w = e->conf.home[i].import_limit_w,
				       .export_limit_w = e->conf.home[i].export_limit_w };
		east_s[t] = (int32_t)timezone_offset_s(at_s);
	}
}

static void pose(struct judge_plan *p, const struct community_env *e, int i)
{
	const struct battery_model *b = &e->conf.home[i].battery;
	const struct forecast *f = &p->home[i].forecast;
	struct problem *q = &p->problem;
	int32_t east_s[STEPS_MAX];
	q->objective = OBJECTIVE_COST;
	q->steps = p->steps;
	q->pv_curtailable = true;
	q->subscribed_w = INFINITY;
	q->preference_per_h = preference_per_h;
	q->batteries = b->capacity_wh > 0;
	set_steps(p, e, i, east_s);
	forecast_fill(f, q->step, q->steps, east_s);
	q->step[0].spread_w = forecast_spread(f, &q->step[0]);
	q->scenarios = forecast_scenarios(f, q->step, q->steps, east_s, q->scenario);
	if (q->batteries > 0) {
		q->battery[0] = *b;
		q->battery[0].soc_start = e->stored_wh[i] / b->capacity_wh;
		q->battery[0].end_value = outlook_end_value(q, b->discharge_efficiency, b->wear);
	}
}

/* Returns whether there is a plan. */
static bool plan_home(struct judge_plan *p, const struct community_env *e, int i)
{
	struct planning_home *h = &p->home[i];
	const struct battery_model *b = &p->problem.battery[0];
	if (!forecast_ready(&h->forecast)) {
		return false;
	}
	pose(p, e, i);
	p->plan.worth[0].points = 0;
	if (exact_solve(&p->room, &p->problem, &p->plan) < 0) {
		return false;
	}
	p->plan.objective = p->problem.objective;
	p->plan.batteries = p->problem.batteries;
	h->slot = p->plan.slot[0];
	h->bids = bid_for_slot(&p->plan, 0, b, p->plan.batteries, &b->soc_start, h->bid);
	return true;
}

static void decide(void *context, const struct community_env *e, struct community_act *act)
{
	struct judge_plan *p = context;
	see(p, e);
	for (int i = 0; i < e->homes; i++) {
		struct planning_home *h = &p->home[i];
		act[i] = plan_home(p, e, i)
				 ? (struct community_act){ .follow = &h->slot,
							   .bid = h->bid,
							   .bids = h->bids }
				 : (struct community_act){ .serve_self = true, .price_share = 0.5 };
	}
}

struct decider judge_optimiser(struct judge_plan *p)
{
	return (struct decider){ "optimiser", decide, p };
}
