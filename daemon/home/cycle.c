/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control cycle, as one reads it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/home/community.h"
#include "daemon/home/home.h"
#include "daemon/home/observe.h"
#include "daemon/home/outlook.h"
#include "daemon/home/publish.h"

enum { AHEAD_LOOKS = 16, AHEAD_BIDS = 4 };                    /* in a cycle */
static const int64_t replan_after_us = INT64_C(60) * 1000000; /* when a plan failed */

/* --- the interval: forecast, plan, bid ----------------------------------------------------------
 */

static void learn(struct home *h)
{
	struct interval done;
	if (!interval_add(&h->quarter, &h->state, 4 * h->cycle_us, &done)) {
		return;
	}
	bool known = done.load_s > done.length_s / 2;
	forecast_add(&h->forecast, done.start_s, known,
		     known ? done.load_wh / done.load_s * 3600 : 0, known,
		     known ? done.pv_wh / done.load_s * 3600 : 0,
		     (int32_t)timezone_offset_s(done.start_s));
	demand_add(&h->demand, done.start_s, done.import_wh);
}

static bool asks_policy(const struct home *h)
{
	return h->site->decide == DECIDE_POLICY || h->site->decide == DECIDE_SHADOW;
}

/* The policy's order, as long as it decides. */
static const struct house_order *followed_order(const struct home *h)
{
	const struct house_order *order =
		learned_order(&h->learned, h->state.wall_s, 4 * h->site->cycle_s);
	return h->site->decide == DECIDE_POLICY && learned_fit(&h->learned) ? order : NULL;
}

/* What that slot and, while it decides, the policy have in mind. A policy that moves the batteries
 * and says nothing of bids is no word on what they will do then: the house bids without them. It
 * speaks of the next interval only: further ahead it says nothing. */
static int make_orders(const struct home *h, const struct plan_slot *slot, bool next,
		       struct bid_order out[BID_ORDERS_MAX])
{
	const struct site *site = h->site;
	const struct house_order *order = followed_order(h);
	struct battery_model model[BATTERIES_MAX];
	for (int i = 0; i < site->batteries; i++) {
		model[i] = site->battery[i].model;
	}
	if (order && order->bids && next) {
		return order_bid(order, slot, model, site->batteries, slot[-1].soc, out);
	}
	/* What an order will have the batteries do then is not known. */
	int batteries = order && (order->moves || order->bids) ? 0 : h->plan.batteries;
	return bid_for_slot(&h->plan, (int)(slot - h->plan.slot), model, batteries, slot[-1].soc,
			    out);
}

/* Bid for the next interval. */
static void bid(struct home *h)
{
	const struct site *site = h->site;
	int64_t next_s =
		interval_start(site->interval_s, h->state.wall_s) + (int64_t)site->interval_s;
	const struct plan_slot *slot = plan_at(&h->plan, next_s);
	if (!slot || !site->bid || slot == h->plan.slot) {
		return;
	}
	struct bid b = { 0 };
	/* In another mode there is nothing to promise, and what was is withdrawn. */
	b.orders = h->mode != MODE_AUTO ? 0 : make_orders(h, slot, true, b.order);
	int said = ahead_revision(&h->ahead, site, next_s);
	if (market_bid(&h->market, site, h->state.wall_s, next_s, &b, said) > 0) {
		const struct house_order *order = followed_order(h);
		learned_bid(&h->learned, next_s, order && order->bids);
		publish_bid(h);
	}
}

/* Bid for an interval of days ahead, where the plan reaches it. Returns whether that was new. */
static bool bid_for(struct home *h, const struct ahead_book *book, int64_t start_s)
{
	const struct plan_slot *slot = plan_at(&h->plan, start_s);
	bool reached = slot && slot != h->plan.slot && slot->step.start_s == start_s &&
		       lround(slot->step.hours * 3600) == lround(h->site->interval_s);
	struct bid b = { 0 };
	if (h->mode == MODE_AUTO && !reached) {
		return false;
	}
	b.orders = h->mode != MODE_AUTO ? 0 : make_orders(h, slot, false, b.order);
	struct ahead_bid *made = ahead_bid(&h->ahead, h->site, h->state.wall_s, book, start_s, &b);
	if (made) {
		publish_ahead(h, made);
	}
	return made;
}

/* A few intervals a cycle: a day of them is many messages, and the cycle is short. */
static void bid_ahead(struct home *h)
{
	int64_t start_s;
	const struct ahead_book *book;
	for (int looks = 0, bids = 0;
	     looks < AHEAD_LOOKS && bids < AHEAD_BIDS && h->site->bid &&
	     (book = ahead_look(&h->ahead, h->site, h->state.wall_s, &start_s));
	     looks++) {
		bids += bid_for(h, book, start_s);
	}
}

static void take_plan(struct home *h, const struct plan *plan)
{
	if (plan->status == PLAN_SOFT && h->plan.status != PLAN_SOFT) {
		log_warning("planner: the plan cannot keep every limit: lecctl explain --plan "
			    "tells which");
	}
	h->plan = *plan;
	h->problem = h->planner.problem;
	h->plan_us = h->state.now_us;
	if (h->plan_warned) {
		log_info("planner: planning again");
	}
	h->plan_warned = false;
	h->plan_trouble[0] = '\0';
	community_planned(h);
	publish_plan(h);
	bid(h);
}

/* Keep the reason there is no newer plan; log it when it is a new one. */
static void plan_failed(struct home *h, const char *why)
{
	if (strcmp(h->plan_trouble, why) != 0) {
		log_warning("planner: %s", why);
		h->plan_warned = true;
		snprintf(h->plan_trouble, sizeof(h->plan_trouble), "%s", why);
	}
	h->replan_us = h->state.now_us + replan_after_us;
}

static void ask_for_plan(struct home *h)
{
	int r = outlook_make(h->site, &h->forecast, &h->demand, &h->market, &h->state,
			     &h->planner.problem);
	if (r == 0 && h->foresee) {
		h->foresee(h->foresee_context, &h->planner.problem);
	}
	if (r == 0) {
		community_steer(h, &h->planner.problem);
	}
	r = r < 0 ? r : planner_submit(&h->planner);
	if (r == 0) {
		h->plan_pending = true;
		h->replan_us = INT64_MAX; /* until the next interval */
	} else if (r == -EAGAIN && !forecast_ready(&h->forecast)) {
		plan_failed(h, "still learning the house: a day of history is needed");
	} else if (r == -ENODATA) {
		/* As at each start, before the first answer: try again in the next cycle. */
		snprintf(h->plan_trouble, sizeof(h->plan_trouble), "%s",
			 "a battery's state of charge is not known");
	} else {
		plan_failed(h,
			    *h->planner.error ? h->planner.error : "the planner does not answer");
	}
}

static void plan(struct home *h)
{
	const struct plan *answer;
	int r = planner_receive(&h->planner, &answer);
	bool lost = r == 0 && h->plan_pending && !h->planner.busy;
	h->plan_pending = h->plan_pending && r == 0 && !lost;
	if (r > 0 && community_answer(h, answer)) {
		take_plan(h, answer);
	} else if (r > 0) {
		h->replan_us = 0; /* it was the home's own plan: now with what is asked */
	} else if (r < 0 || lost) {
		plan_failed(h, h->planner.error);
	}
	bool wanted = h->site->decide != DECIDE_RULES && h->state.now_us >= h->replan_us;
	if (wanted && !h->plan_pending) {
		ask_for_plan(h);
	}
}

/* Hold what the policy ordered for the interval that ended against its plan. */
static void judge_policy(struct home *h)
{
	const struct award *award = market_award_at(&h->market, h->site, h->last.start_s);
	if (learned_judge(&h->learned, &h->last, &h->plan, award)) {
		publish_verdict(h);
	}
	learned_turn(&h->learned);
}

/* When an interval ended: its reading is sent, and the next ones are planned and bid for. */
static void turn_interval(struct home *h)
{
	if (interval_add(&h->meter, &h->state, 4 * h->cycle_us, &h->last)) {
		if (market_meter_once(&h->market, h->last.start_s)) {
			publish_meter(h, &h->last);
		}
		judge_policy(h);
		h->replan_us = community_turn(h, &h->last);
	}
}

/* Say once that the policy is not fit, with the reason, and once that it is again. */
static void tell_policy(struct home *h)
{
	const struct learned *l = &h->learned;
	if (l->fitness != h->told_fitness && *l->why) {
		log_warning("policy: %s", l->why);
	}
	h->told_fitness = l->fitness;
	if (l->fitness != FITNESS_NEW) {
		alarm_set(&h->alarms, h->site, ALARM_POLICY, ALARM_UNFIT, !learned_fit(l));
	}
}

/* Ask the policy, when the cycle's commands are out: how long it thinks holds nothing up. */
static void ask_policy(struct home *h)
{
	double value[SOURCE_COUNT];
	if (!asks_policy(h)) {
		return;
	}
	if (learned_due(&h->learned, h->state.now_us)) {
		observe(h->site, &h->state, &h->last, &h->forecast, &h->market, value);
		learned_ask(&h->learned, &h->state, value);
		bid(h);
	}
	tell_policy(h);
}

/* --- the cycle ----------------------------------------------------------------------------------
 */

/* An award's grid limits hold for its interval, and not before it where the clock steps back; the
 * operator's standing limit and what the community's manager asks hold beside it: all of them only
 * narrow. Looked up anew in each cycle. */
static void obey_grid_operator(struct home *h)
{
	int64_t wall_s = h->state.wall_s;
	const struct award *a = market_award_at(&h->market, h->site, wall_s);
	struct standing_limit limit = standing_at(&h->market.limit, wall_s);
	struct standing_limit asked = membership_limit(&h->membership, h->site, wall_s);
	limit.import_w = fmin(limit.import_w, asked.import_w);
	limit.export_w = fmin(limit.export_w, asked.export_w);
	if (a) {
		limit.import_w = fmin(limit.import_w, a->import_limit_w);
		limit.export_w = fmin(limit.export_w, a->export_limit_w);
	}
	guard_order(&h->guard, limit.import_w, limit.export_w, wall_s + 1);
}

static void tell_decider(struct home *h)
{
	if (h->decision.by != h->told) {
		log_info("decided by: %s", decider_name(h->decision.by));
		h->told = h->decision.by;
	}
}

/* Say once that a device is silent, and once that it is back. */
static void tell_link(const struct home *h, const struct site_link *link, const char *kind,
		      const struct snapshot *s, bool *lost)
{
	int64_t since_us = s->answered_us > h->started_us ? s->answered_us : h->started_us;
	bool silent = h->state.now_us - since_us >= h->guard.conf.release_us;
	if (silent && !*lost) {
		log_warning("%s %s: no answer for %.0f s%s%s", kind, link->name,
			    (double)(h->state.now_us - since_us) / 1e6, *s->error ? ": " : "",
			    s->error);
	} else if (!silent && *lost) {
		log_info("%s %s: answers again", kind, link->name);
	}
	*lost = silent;
}

static void tell_links(struct home *h)
{
	const struct site *site = h->site;
	bool *lost = h->lost;
	tell_link(h, &site->meter.link, "meter", &h->seen.meter, lost++);
	for (int i = 0; i < site->pvs; i++) {
		tell_link(h, &site->pv[i].link, "pv", &h->seen.pv[i], lost++);
	}
	for (int b = 0; b < site->batteries; b++) {
		tell_link(h, &site->battery[b].link, "battery", &h->seen.battery[b], lost++);
	}
}

/* What is read is not believed blindly. */
static void look(struct home *h, int64_t now_us, int64_t wall_s)
{
	devices_read(h->devices, now_us, &h->seen);
	doubt_readings(&h->doubt, h->site, &h->guard.last, &h->seen, now_us, h->stale_us,
		       &h->believed);
	estimate(h->site, &h->believed, now_us, wall_s, h->stale_us, &h->state);
	doubt_state(&h->doubt, &h->guard, h->decision.by, &h->state);
	for (int b = 0; b < h->site->batteries; b++) {
		bool refused = h->state.battery[b].refused;
		h->replan_us = refused == h->refused[b] ? h->replan_us : 0;
		h->refused[b] = refused;
	}
}

static void choose(struct home *h)
{
	const struct grounds g = {
		.mode = h->mode,
		.plan = &h->plan,
		.plan_age_us = h->state.now_us - h->plan_us,
		.order = learned_order(&h->learned, h->state.wall_s, 4 * h->site->cycle_s),
		.fit = learned_fit(&h->learned),
	};
	decide(h->site, &h->state, &g, &h->decision);
	if (h->decision.by == DECIDER_POLICY) {
		learned_acted(&h->learned, h->site->cycle_s);
	}
}

static void actuate(struct home *h)
{
	devices_command(h->devices, &h->action, h->state.now_us + h->lease_us);
	devices_poll(h->devices, h->state.now_us);
}

void home_cycle(struct home *h, int64_t now_us, int64_t wall_s)
{
	look(h, now_us, wall_s);
	learn(h);
	turn_interval(h);
	plan(h);
	bid_ahead(h);
	choose(h);
	doubt_wish(&h->doubt, &h->state, &h->guard.last, &h->decision);
	obey_grid_operator(h);
	guard_apply(&h->guard, &h->state, &h->decision.wish, &h->action);
	actuate(h);
	tell_links(h);
	tell_decider(h);
	doubt_alarms(&h->doubt, &h->guard, h->site, &h->seen, &h->alarms);
	publish_cycle(h);
	community_cycle(h);
	ask_policy(h);
	h->cycles++;
}
