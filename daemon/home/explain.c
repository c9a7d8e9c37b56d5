/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lecctl explain`: why the house does what it does now, one sentence for each ground. */
#include "daemon/home/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/home/community.h"
#include "daemon/home/home.h"

__attribute__((format(printf, 2, 3))) static void say(struct json_out *o, const char *format, ...)
{
	char text[320];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_put_text(o, NULL, text);
}

static void say_decider(const struct home *h, struct json_out *o)
{
	static const char *const words[] = {
		[DECIDER_OPTIMISER] =
			"the optimiser's plan decides, corrected for the measured load",
		[DECIDER_LAST_PLAN] = "the last valid plan decides: there is no newer one",
		[DECIDER_RULES] = "self-consumption rules decide: store surplus, serve the load",
		[DECIDER_HOLD] =
			("nothing decides: the meter or a battery is not known, so the guard "
			 "holds and then releases the devices"),
		[DECIDER_PERSON] = "a person decided",
		[DECIDER_POLICY] = "the learned policy decides, beside the optimiser",
	};
	say(o, "%s (mode %s)", words[h->decision.by], mode_names[h->mode]);
	bool planned = h->decision.by == DECIDER_OPTIMISER || h->decision.by == DECIDER_POLICY;
	if (!planned && h->mode == MODE_AUTO && *h->plan_trouble) {
		say(o, "why there is no plan: %s", h->plan_trouble);
	}
}

static const char *direction(double w)
{
	return w > 0.5 ? "discharge" : w < -0.5 ? "charge" : "idle";
}

/* What the policy wants, the optimiser would do and the guard left of it, of all batteries. */
static void say_wishes(const struct home *h, struct json_out *o)
{
	const struct decision *d = &h->decision;
	double policy_w = 0, optimiser_w = 0, told_w = 0;
	for (int b = 0; b < h->site->batteries; b++) {
		policy_w += d->ordered_w[b];
		optimiser_w += d->follow[b].battery_w;
		told_w += h->action.battery_w[b];
	}
	if (d->ordered && d->planned) {
		say(o, "the policy %s %s %.0f W, the optimiser would %s %.0f W",
		    d->by == DECIDER_POLICY ? "wants to" : "would", direction(policy_w),
		    fabs(policy_w), direction(optimiser_w), fabs(optimiser_w));
	}
	if (d->by == DECIDER_POLICY && fabs(policy_w - told_w) > 1) {
		say(o, "the guard made of it: %s %.0f W", direction(told_w), fabs(told_w));
	}
}

static void say_policy(const struct home *h, struct json_out *o)
{
	const struct learned *l = &h->learned;
	const struct regret *r = &l->regret;
	if (h->site->decide != DECIDE_POLICY && h->site->decide != DECIDE_SHADOW) {
		return;
	}
	if (*l->why) {
		say(o, "the policy is not fit to decide: %s (%s)", l->why,
		    fitness_name(l->fitness));
	} else if (h->decision.ordered && !h->decision.planned) {
		say(o, "the policy waits for a plan that it can be held against");
	}
	say_wishes(h, o);
	if (r->counted > 0) {
		say(o,
		    "what the policy ordered over the last %.0f days would have cost %.2f %s more "
		    "than the optimiser (limit %.2f), by what was measured in %lld intervals",
		    h->site->policy.regret_window_s / 86400, r->sum, h->site->tariff.currency,
		    r->limit, (long long)r->counted);
	}
	if (r->counted > 0 && h->site->decide == DECIDE_POLICY) {
		say(o, "what it decided since it was taken up cost %.2f %s more", l->regret_acted,
		    h->site->tariff.currency);
	}
}

static void say_battery(const struct home *h, int b, struct json_out *o)
{
	const char *name = h->site->battery[b].link.name;
	const struct battery_state *now = &h->state.battery[b];
	if (!reading_good(&now->w) || !reading_good(&now->soc)) {
		say(o, "battery %s: not known (%s); %s", name, quality_name(now->soc.quality),
		    h->seen.battery[b].error);
	} else {
		char told[40] = "released to its own default";
		if (!h->action.release[b]) {
			snprintf(told, sizeof(told), "told to %s %.0f W",
				 direction(h->action.battery_w[b]), fabs(h->action.battery_w[b]));
		}
		say(o, "battery %s: %s %.0f W at %.1f %%, %s", name, direction(now->w.value),
		    fabs(now->w.value), now->soc.value * 100, told);
	}
	if (h->decision.slot) {
		char text[160];
		say(o, "battery %s: %s", name,
		    follow_explain(&h->decision.follow[b], text, sizeof(text)));
	}
}

static void say_reasons(const struct home *h, struct json_out *o)
{
	for (int bit = 0; bit < REASON_BITS; bit++) {
		if (h->action.reasons & (1u << bit)) {
			say(o, "guard: %s (%s)", reason_text(bit), reason_name(bit));
		}
	}
}

static void say_plan(const struct home *h, struct json_out *o)
{
	const struct plan *p = &h->plan;
	if (!p->slots) {
		return;
	}
	const struct plan_slot *last = &p->slot[p->slots - 1];
	char end[ISOTIME_SIZE];
	say(o, "plan: made %.0f min ago by %s in %.1f ms (%s), reaches to %s, costs %.2f %s",
	    (double)(h->state.now_us - h->plan_us) / 60e6, plan_method_name(p->method), p->solve_ms,
	    plan_status_name(p->status),
	    isotime_format(last->step.start_s + (int64_t)(last->step.hours * 3600), end),
	    p->energy_cost, h->site->tariff.currency);
}

static void say_prices(const struct home *h, struct json_out *o)
{
	const struct tariff *t = &h->site->tariff;
	say(o, "prices now: buy %.4f, sell %.4f %s/kWh", tariff_buy(t, h->state.wall_s),
	    tariff_price(&t->sell, h->state.wall_s), t->currency);
	if (*h->utility.difference) {
		say(o, "market: its tariff is not ours: %s", h->utility.difference);
	}
	const struct award *a = market_award_at(&h->market, h->site, h->state.wall_s);
	if (a && a->traded_wh != 0) {
		say(o, "market: %s %.3f kWh at %.4f %s/kWh in this interval",
		    a->traded_wh > 0 ? "bought" : "sold", fabs(a->traded_wh) / 1e3, a->price,
		    t->currency);
	}
}

static void say_bid(const struct home *h, struct json_out *o)
{
	const struct bid *b = &h->market.bid;
	const struct plan_slot *slot = plan_at(&h->plan, h->market.bid_start_s);
	char start[ISOTIME_SIZE];
	if (!b->orders || !slot || h->market.bid_start_s <= h->state.wall_s) {
		return;
	}
	const struct step *s = &slot->step;
	double net_w = s->load_w - s->pv_w;
	say(o,
	    "bid for %s: %d orders; expected are %.0f W %s, and forecasts at this time of day were "
	    "off by %.0f W",
	    isotime_format(h->market.bid_start_s, start), b->orders, fabs(net_w),
	    net_w < 0 ? "too many" : "to be needed", s->spread_w);
}

static void say_community(const struct home *h, struct json_out *o)
{
	char text[320];
	if (community_explain(h, text, sizeof(text)) > 0) {
		say(o, "%s", text);
	}
}

static void say_device(const struct site_link *link, const struct snapshot *s, struct json_out *o)
{
	if (!s->up && *s->error) {
		say(o, "device %s: %s", link->name, s->error);
	}
}

static void say_trouble(struct home *h, struct json_out *o)
{
	for (int device = 0; device < ALARM_DEVICES; device++) {
		for (int a = 0; a < ALARM_COUNT; a++) {
			if (alarm_is_on(&h->alarms, device, (enum alarm)a)) {
				say(o, "alarm: %s %s: %s", alarm_kind(device),
				    alarm_device(h->site, device), alarm_text((enum alarm)a));
			}
		}
	}
	say_device(&h->site->meter.link, &h->seen.meter, o);
	for (int i = 0; i < h->site->pvs; i++) {
		say_device(&h->site->pv[i].link, &h->seen.pv[i], o);
	}
	for (int b = 0; b < h->site->batteries; b++) {
		say_device(&h->site->battery[b].link, &h->seen.battery[b], o);
	}
	struct mqtt_status broker = { .connected = true };
	if (h->mqtt) {
		mqtt_status(h->mqtt, &broker);
	}
	if (!broker.connected) {
		say(o, "broker: away (%s); control goes on, no bids are sent", broker.error);
	}
	struct store_status store = { 0 };
	if (h->store) {
		store_status(h->store, &store);
	}
	if (store.alarm) {
		say(o, "store: %s", store.alarm_text);
	}
}

void report_explain(struct home *h, struct json_out *o)
{
	json_open_object(o, NULL);
	json_open_array(o, "lines");
	say_decider(h, o);
	say_policy(h, o);
	for (int b = 0; b < h->site->batteries; b++) {
		say_battery(h, b, o);
	}
	say_reasons(h, o);
	say_community(h, o);
	say_prices(h, o);
	say_plan(h, o);
	say_bid(h, o);
	say_trouble(h, o);
	json_close(o);
	json_close(o);
}
