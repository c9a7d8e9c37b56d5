/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/decide.h"

#include <assert.h>
#include <string.h>

#include "policy/rules.h"

/* A plan is the current one this long; then it is the last valid one, and then it is none. */
static const int64_t current_us = INT64_C(15) * 60 * 1000000; /* and an interval */
static const int64_t valid_us = INT64_C(6) * 3600 * 1000000;

const char *const mode_names[] = { "auto", "self", "hold", "off", NULL };
static_assert(sizeof(mode_names) / sizeof(*mode_names) == MODE_COUNT + 1, "name each mode");

/* What each battery can do now. One that is not known can do nothing: the guard sees to it. */
static void battery_models(const struct site *site, const struct state *s,
			   struct battery_model model[BATTERIES_MAX], double soc[BATTERIES_MAX])
{
	for (int b = 0; b < site->batteries; b++) {
		const struct battery_state *now = &s->battery[b];
		bool known = reading_good(&now->soc) && reading_good(&now->w) && !now->refused;
		model[b] = site->battery[b].model;
		model[b].charge_limit_w = known ? now->charge_max_w : 0;
		model[b].discharge_limit_w = known ? now->discharge_max_w : 0;
		soc[b] = known ? now->soc.value : model[b].soc_min;
	}
}

/* What the slot says, whether it is followed or not. */
static void consult_plan(const struct site *site, const struct state *s, const struct plan *plan,
			 struct decision *d)
{
	struct battery_model model[BATTERIES_MAX];
	double soc[BATTERIES_MAX];
	battery_models(site, s, model, soc);
	follow_decide(d->planned, plan->objective, model, site->batteries, soc, s->net_w.value,
		      d->follow);
}

static void consult_policy(const struct site *site, const struct state *s,
			   const struct house_order *order, struct decision *d)
{
	struct battery_model model[BATTERIES_MAX];
	double soc[BATTERIES_MAX];
	battery_models(site, s, model, soc);
	d->ordered = true;
	order_power(order, d->planned, model, site->batteries, soc, s->net_w.value, d->ordered_w);
}

static void by_policy(const struct site *site, struct decision *d)
{
	d->by = DECIDER_POLICY;
	memcpy(d->wish.battery_w, d->ordered_w, (size_t)site->batteries * sizeof(double));
}

static void by_plan(const struct site *site, bool current, struct decision *d)
{
	d->by = current ? DECIDER_OPTIMISER : DECIDER_LAST_PLAN;
	d->slot = d->planned;
	for (int b = 0; b < site->batteries; b++) {
		d->wish.battery_w[b] = d->follow[b].battery_w;
	}
}

static void by_rules(const struct site *site, const struct state *s, struct decision *d)
{
	struct battery_model model[BATTERIES_MAX];
	double soc[BATTERIES_MAX];
	battery_models(site, s, model, soc);
	d->by = DECIDER_RULES;
	rules_self_consumption(model, site->batteries, soc, s->net_w.value, d->wish.battery_w);
}

/* The plan's slot for now, if the plan is young enough to be followed. */
static const struct plan_slot *usable_slot(const struct site *site, const struct state *s,
					   const struct grounds *g)
{
	if (!g->plan || g->plan->batteries != site->batteries || g->plan_age_us > valid_us) {
		return NULL;
	}
	return plan_at(g->plan, s->wall_s);
}

/* Of a house that is known, by whoever may. */
static void by_best(const struct site *site, const struct state *s, const struct grounds *g,
		    struct decision *d)
{
	bool asked = g->mode == MODE_AUTO && site->decide != DECIDE_RULES;
	int64_t interval_us = (int64_t)(site->interval_s * 1e6);
	d->planned = asked ? usable_slot(site, s, g) : NULL;
	if (d->planned) {
		consult_plan(site, s, g->plan, d);
	}
	if (asked && g->order && g->order->moves) {
		consult_policy(site, s, g->order, d);
	}
	if (!d->planned) {
		by_rules(site, s, d);
	} else if (d->ordered && g->fit && site->decide == DECIDE_POLICY) {
		by_policy(site, d);
	} else {
		by_plan(site, g->plan_age_us <= current_us + interval_us, d);
	}
}

void decide(const struct site *site, const struct state *s, const struct grounds *g,
	    struct decision *out)
{
	struct decision d = { .by = DECIDER_HOLD };
	d.wish.no_export = tariff_price(&site->tariff.sell, s->wall_s) < 0;
	if (g->mode == MODE_OFF || g->mode == MODE_HOLD) {
		d.by = DECIDER_PERSON;
		d.wish.release = g->mode == MODE_OFF;
		d.wish.idle = g->mode == MODE_HOLD;
	} else if (!reading_good(&s->net_w)) {
		/* The house is not known: the guard freezes, then releases. */
		d.wish.no_export = false;
	} else {
		by_best(site, s, g, &d);
	}
	*out = d;
}
