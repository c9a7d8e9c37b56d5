/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/learned.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "policy/follow.h"

/* What is not known now may be soon. */
static const int64_t ask_again_us = INT64_C(60) * 1000000;

static const char *const names[] = {
	[FITNESS_FIT] = "fit",
	[FITNESS_NEW] = "new",
	[FITNESS_MISSING] = "missing",
	[FITNESS_UNKNOWN] = "unknown",
	[FITNESS_OUTSIDE] = "out-of-range",
	[FITNESS_NOT_FINITE] = "not-finite",
	[FITNESS_SLOW] = "slow",
	[FITNESS_COSTLY] = "costly",
};
static_assert(sizeof(names) / sizeof(*names) == FITNESS_COUNT, "name each fitness");

const char *fitness_name(enum fitness fitness)
{
	return (unsigned)fitness < FITNESS_COUNT ? names[fitness] : "?";
}

static void begin(struct learned *l)
{
	const struct site_policy *p = &l->site->policy;
	int intervals = (int)fmax(1, round(p->regret_window_s / l->site->interval_s));
	regret_init(&l->regret, intervals, p->regret_limit);
	l->regret_acted = 0;
	l->last = (struct learned_verdict){ 0 };
}

static void drop_order(struct learned *l, enum fitness fitness)
{
	l->fitness = fitness;
	l->ordered = false;
	l->ask_us = 0;
	l->run_us = -1;
	l->why[0] = '\0';
}

void learned_init(struct learned *l, const struct site *site, struct learned_actor *actor,
		  int64_t (*clock_us)(void))
{
	*l = (struct learned){ .site = site, .actor = actor, .clock_us = clock_us };
	begin(l);
	drop_order(l, actor ? FITNESS_NEW : FITNESS_MISSING);
	if (!actor) {
		(void)snprintf(l->why, sizeof(l->why), "%.100s or its meaning cannot be read",
			       site->policy.actor);
	}
}

void learned_close(struct learned *l)
{
	learned_actor_free(l->actor);
	l->actor = NULL;
}

void learned_take(struct learned *l, struct learned_actor *actor)
{
	bool same = l->actor && l->actor->digest == actor->digest;
	learned_actor_free(l->actor);
	l->actor = actor;
	if (!same) {
		begin(l);
	}
	drop_order(l, FITNESS_NEW);
}

void learned_turn(struct learned *l)
{
	l->ask_us = 0;
	l->acted_s = 0;
}

bool learned_due(const struct learned *l, int64_t now_us)
{
	return l->actor && now_us >= l->ask_us;
}

/* --- asking -------------------------------------------------------------------------------------
 */

/* One that is interrupted by other work of the machine is run once more: the faster run counts. */
static bool run(struct learned *l)
{
	const struct actor *a = l->actor->actor;
	if (!l->clock_us) {
		actor_run(a);
		return true;
	}
	double limit_us = l->site->policy.time_limit_s * 1e6;
	l->run_us = INT64_MAX;
	for (int i = 0; i < 2 && (double)l->run_us > limit_us; i++) {
		int64_t start_us = l->clock_us();
		actor_run(a);
		int64_t took_us = l->clock_us() - start_us;
		l->run_us = took_us < l->run_us ? took_us : l->run_us;
	}
	return (double)l->run_us <= limit_us;
}

static void tell_answer(struct learned *l, enum fitness fitness)
{
	const struct regret *r = &l->regret;
	if (fitness == FITNESS_SLOW) {
		(void)snprintf(l->why, sizeof(l->why), "a run took %.3f ms, time-limit is %.3f ms",
			       (double)l->run_us / 1e3, l->site->policy.time_limit_s * 1e3);
	} else if (fitness == FITNESS_NOT_FINITE) {
		(void)snprintf(l->why, sizeof(l->why), "%s",
			       "it answered what is no finite number, or no choice of its own");
	} else if (fitness == FITNESS_COSTLY) {
		(void)snprintf(
			l->why, sizeof(l->why),
			"its regret over %.0f days was beyond the limit of %.2f %s, now it is %.2f",
			l->site->policy.regret_window_s / 86400, r->limit, l->site->tariff.currency,
			r->sum);
	}
}

/* What all batteries can do by the site. */
static void abilities(const struct site *site, double *charge_w, double *discharge_w)
{
	*charge_w = *discharge_w = 0;
	for (int b = 0; b < site->batteries; b++) {
		*charge_w += site->battery[b].model.charge_limit_w;
		*discharge_w += site->battery[b].model.discharge_limit_w;
	}
}

static enum fitness answer(struct learned *l, const double value[SOURCE_COUNT])
{
	const struct learned_actor *a = l->actor;
	double action[ACTIONS_MAX], charge_w, discharge_w;
	int which = 0;
	int r = actor_conf_observe(&a->conf, a->actor, value, &which);
	if (r < 0) {
		(void)actor_conf_tell(&a->conf, which, value[a->conf.observation[which].source],
				      l->why, sizeof(l->why));
		return r == -ERANGE ? FITNESS_OUTSIDE : FITNESS_UNKNOWN;
	}
	if (!run(l)) {
		return FITNESS_SLOW;
	}
	if (actor_conf_act(&a->conf, a->actor, action) < 0) {
		return FITNESS_NOT_FINITE;
	}
	abilities(l->site, &charge_w, &discharge_w);
	order_make(&a->conf, action, charge_w, discharge_w, &l->order);
	l->ordered = true;
	return l->regret.costly ? FITNESS_COSTLY : FITNESS_FIT;
}

static void note_charges(struct learned *l, const struct state *s)
{
	l->charge_known = true;
	for (int b = 0; b < s->batteries; b++) {
		l->charge_known = l->charge_known && reading_good(&s->battery[b].soc);
		l->charge[b] = s->battery[b].soc.value;
	}
}

void learned_ask(struct learned *l, const struct state *s, const double value[SOURCE_COUNT])
{
	drop_order(l, FITNESS_NEW);
	l->order_s = interval_start(l->site->interval_s, s->wall_s);
	note_charges(l, s);
	l->fitness = answer(l, value);
	tell_answer(l, l->fitness);
	l->ask_us = l->fitness == FITNESS_UNKNOWN ? s->now_us + ask_again_us : INT64_MAX;
}

const struct house_order *learned_order(const struct learned *l, int64_t wall_s, double grace_s)
{
	double age_s = (double)(wall_s - l->order_s);
	bool holds = l->ordered && age_s >= 0 && age_s < l->site->interval_s + grace_s;
	return holds ? &l->order : NULL;
}

/* --- judging ------------------------------------------------------------------------------------
 */

void learned_acted(struct learned *l, double seconds)
{
	l->acted_s += seconds;
}

static double total(const double *w, int count)
{
	double sum = 0;
	for (int i = 0; i < count; i++) {
		sum += w[i];
	}
	return sum;
}

/* Hold the order against what the optimiser would have done at the interval's measured means. */
static void compare(struct learned *l, const struct interval *done, const struct plan *plan,
		    const struct plan_slot *slot)
{
	const struct site *site = l->site;
	struct battery_model model[BATTERIES_MAX] = { 0 };
	struct follow_decision followed[BATTERIES_MAX];
	double policy_w[BATTERIES_MAX], optimiser_w[BATTERIES_MAX];
	double net_w = (done->load_wh - done->pv_wh) / done->load_s * 3600;
	double hours = done->length_s / 3600;
	int n = site->batteries;
	for (int b = 0; b < n; b++) {
		model[b] = site->battery[b].model;
	}
	order_power(&l->order, slot, model, n, l->charge, net_w, policy_w);
	follow_decide(slot, plan->objective, model, n, l->charge, net_w, followed);
	for (int b = 0; b < n; b++) {
		optimiser_w[b] = followed[b].battery_w;
	}
	l->last.policy_w = total(policy_w, n);
	l->last.optimiser_w = total(optimiser_w, n);
	l->last.regret = regret_cost(slot, model, n, l->charge, net_w, hours, policy_w) -
			 regret_cost(slot, model, n, l->charge, net_w, hours, optimiser_w);
}

/* What the policy's bid brought, against no trade at all. */
static void judge_trade(struct learned *l, const struct interval *done,
			const struct plan_slot *slot, const struct award *award)
{
	double net_kwh = (done->import_wh - done->export_wh) / 1e3 * done->length_s / done->known_s;
	l->last.trade = regret_trade(slot->step.buy, slot->step.sell, net_kwh,
				     award->traded_wh / 1e3, award->price);
	l->last.regret += l->last.trade;
}

static void count(struct learned *l)
{
	regret_add(&l->regret, l->last.start_s / (int64_t)l->site->interval_s, l->last.regret);
	l->regret_acted += l->last.acted ? l->last.regret : 0;
}

/* Of two intervals that follow each other each has its place. */
static int place_of(const struct learned *l, int64_t start_s)
{
	return (int)(start_s / (int64_t)l->site->interval_s % 2);
}

void learned_bid(struct learned *l, int64_t start_s, bool own)
{
	l->bid_s[place_of(l, start_s)] = own ? start_s : 0;
}

bool learned_judge(struct learned *l, const struct interval *done, const struct plan *plan,
		   const struct award *award)
{
	/* The plan of the interval may have been made within it: its end is in it. */
	int64_t last_s = done->start_s + (int64_t)done->length_s - 1;
	const struct plan_slot *slot = plan_at(plan, last_s);
	bool moved = l->ordered && l->order.moves && l->charge_known &&
		     l->order_s == done->start_s && done->load_s > done->length_s / 2;
	bool traded = award && l->bid_s[place_of(l, done->start_s)] == done->start_s &&
		      done->known_s > done->length_s / 2;
	if (!(moved || traded) || !slot || plan->batteries != l->site->batteries) {
		return false;
	}
	l->last = (struct learned_verdict){ .start_s = done->start_s,
					    .acted = l->acted_s > done->length_s / 2 || traded };
	if (moved) {
		compare(l, done, plan, slot);
	}
	if (traded) {
		judge_trade(l, done, slot, award);
	}
	count(l);
	return true;
}

void learned_recall(struct learned *l, const struct learned_verdict *v)
{
	l->last = *v;
	count(l);
}
