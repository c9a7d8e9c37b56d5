/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/home.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/home/community.h"
#include "daemon/home/learned_json.h"
#include "daemon/home/publish.h"
#include "daemon/home/topic.h"

/* Two polls missed make a reading stale; on the network's side never less than this. */
static const double stale_cycles = 2.5;
static const double stale_real_s = 0.25;
static const double release_s = 10;
static const double lease_s = 60;
static const double publish_s = 5;
static const int64_t history_s = 35 * 86400;
static const int64_t bids_s = 2 * 86400;
static const int64_t owed_s = 34 * 86400; /* the market takes readings a day longer */

static int64_t us(double seconds)
{
	return (int64_t)(seconds * 1e6);
}

static void init_guard(struct home *h, int64_t now_us)
{
	const struct site *site = h->site;
	struct guard_conf c = { .batteries = site->batteries,
				.import_limit_w = site->import_limit_w,
				.export_limit_w = site->export_limit_w,
				.ramp_w_per_s = site->ramp_w_per_s,
				.release_us = us(fmax(release_s, 4 * site->cycle_s)) };
	for (int b = 0; b < site->batteries; b++) {
		const struct battery_model *m = &site->battery[b].model;
		c.battery[b] = (struct guard_limits){ .soc_min = m->soc_min,
						      .soc_max = m->soc_max,
						      .charge_w = m->charge_limit_w,
						      .discharge_w = m->discharge_limit_w };
	}
	for (int i = 0; i < site->pvs; i++) {
		c.curtailable |= site->pv[i].curtailable;
		c.pv_peak_w += site->pv[i].curtailable ? site->pv[i].peak_w : 0;
	}
	/* Scaled time makes the house faster, not the network: what it allows the network grows. */
	c.release_us = (int64_t)fmax((double)c.release_us, 4 * stale_real_s * 1e6 * h->speed);
	guard_init(&h->guard, &c, now_us);
}

/* Remember a quarter of an hour of an earlier life. */
static void recall(const struct store_interval *q, void *argument)
{
	struct home *h = argument;
	bool load_known = q->load_s > STORE_QUARTER_S / 2.0;
	bool pv_known = q->pv_s > STORE_QUARTER_S / 2.0;
	forecast_add(&h->forecast, q->start_s, load_known, q->load_wh / q->load_s * 3600, pv_known,
		     q->pv_wh / q->pv_s * 3600, (int32_t)timezone_offset_s(q->start_s));
	demand_add(&h->demand, q->start_s, q->import_wh);
}

struct resumption {
	struct home *home;
	int64_t wall_s;
};

/* An award that still holds was checked when it came, and is again. */
static void resume_award(const struct store_row *row, void *argument)
{
	struct resumption *r = argument;
	struct award_taken taken;
	char why[128];
	(void)market_take_award(&r->home->market, r->home->site, r->wall_s, row->text,
				strlen(row->text), &taken, why, sizeof(why));
}

/* What a person said holds until a person says otherwise. */
static void resume_mode(struct home *h)
{
	struct store_row row;
	if (store_last_command(h->store, &row) < 0) {
		return;
	}
	for (int m = 0; m < MODE_COUNT; m++) {
		if (strcmp(row.text, mode_names[m]) == 0) {
			h->mode = (enum mode)m;
			log_info("mode: %s, as a person said before", mode_names[m]);
		}
	}
}

/* The regret of an actor goes on where an earlier life of the same one left it. */
static void resume_verdict(const struct store_row *row, void *argument)
{
	struct learned *l = argument;
	struct learned_verdict v = { .start_s = row->interval_s };
	if (l->actor && verdict_read(row->text, l->actor->digest, &v) == 0) {
		learned_recall(l, &v);
	}
}

/* A reading that the market had not acknowledged. */
static void resume_owed(const struct store_row *row, void *argument)
{
	struct home *h = argument;
	struct interval i;
	if (market_meter_read(h->site, row->text, &i) == 0) {
		owed_add(&h->owed, &i);
	}
}

/* Those of days ahead name their round; of the others the latest counts. */
static void resume_bid(const struct store_row *row, void *argument)
{
	struct home *h = argument;
	if (!ahead_resume(&h->ahead, h->site, row->interval_s, (int)row->revision, row->text)) {
		market_resume(&h->market, row->interval_s, (int)row->revision);
	}
}

static void resume(struct home *h, int64_t wall_s)
{
	if (!h->store) {
		return;
	}
	long quarters = store_load_quarters(h->store, wall_s - history_s, recall, h);
	log_info("store: %ld quarter hours of history", quarters > 0 ? quarters : 0);
	store_load_bids(h->store, wall_s - bids_s, resume_bid, h);
	struct resumption r = { h, wall_s };
	store_load_awards(h->store, interval_start(h->site->interval_s, wall_s), resume_award, &r);
	store_load_owed(h->store, wall_s - owed_s, resume_owed, h);
	resume_mode(h);
	store_load_verdicts(h->store, wall_s - (int64_t)h->site->policy.regret_window_s,
			    resume_verdict, &h->learned);
}

int home_open(struct home *h, const struct home_conf *conf, int64_t now_us, int64_t wall_s)
{
	memset(h, 0, sizeof(*h));
	h->site = conf->site;
	learned_init(&h->learned, h->site, conf->actor, conf->actor_clock_us);
	h->told_fitness = FITNESS_NEW;
	h->devices = conf->devices;
	h->store = conf->store;
	h->mqtt = conf->mqtt;
	h->speed = conf->speed;
	h->foresee = conf->foresee;
	h->foresee_context = conf->foresee_context;
	h->started_us = now_us;
	h->cycle_us = us(h->site->cycle_s);
	h->stale_us = us(fmax(stale_cycles * h->site->cycle_s, stale_real_s * conf->speed));
	h->lease_us = us(fmax(lease_s, 4 * h->site->cycle_s));
	h->publish_us = us(fmax(publish_s, conf->speed / 2));
	h->told = DECIDER_COUNT;
	init_guard(h, now_us);
	interval_init(&h->meter, h->site->interval_s);
	interval_init(&h->quarter, STORE_QUARTER_S);
	demand_init(&h->demand, h->site->tariff.demand_period_s);
	int r = forecast_init(&h->forecast, STORE_QUARTER_S);
	if (r < 0) {
		return r;
	}
	resume(h, wall_s);
	r = community_open(h);
	return r < 0 ? r : planner_start(&h->planner, conf->plan_in_process);
}

void home_close(struct home *h)
{
	planner_stop(&h->planner);
	community_close(h);
	learned_close(&h->learned);
}

void home_take_actor(struct home *h, struct learned_actor *actor)
{
	learned_take(&h->learned, actor);
	log_info("policy: %s is taken up, asked from now on", h->site->policy.actor);
}

void home_set_mode(struct home *h, enum mode mode)
{
	h->devices->insist++; /* also the same mode again */
	doubt_pardon(&h->doubt, &h->guard);
	if (mode != h->mode) {
		log_info("mode: %s, by a person", mode_names[mode]);
		h->mode = mode;
		h->replan_us = 0;
		publish_mode_row(h);
	}
}

static int take_command(struct home *h, const struct mqtt_message *m, char *why, size_t size)
{
	struct json_in in = { 0 };
	int mode = 0;
	int64_t version;
	int r = m->retained ? -EPERM : json_parse(&in, m->payload, m->length);
	r = r < 0 ? r : json_get_integer(&in, in.root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_choice(&in, in.root, "mode", mode_names, &mode);
	if (r < 0) {
		snprintf(why, size, "%s",
			 m->retained ? "retained, expected a command sent now" : in.why);
	} else {
		home_set_mode(h, (enum mode)mode);
	}
	json_free(&in);
	return r;
}

static int take_award(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
		      size_t size)
{
	struct award_taken taken;
	int r = market_take_award(&h->market, h->site, wall_s, m->payload, m->length, &taken, why,
				  size);
	if (r == 0 && taken.changed) { /* the market says it again to who comes back */
		h->replan_us = 0;
		publish_award_row(h, m, &taken);
	}
	return r;
}

/* Each reason a bid or reading is refused for goes to the log once a day. */
static int take_receipt(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
			size_t size)
{
	struct receipt_taken t;
	int r = market_take_receipt(&h->market, h->site, m->payload, m->length, &t, why, size);
	if (r < 0) {
		return r;
	}
	ahead_take_receipt(&h->ahead, h->site, &t);
	if (t.reading && !t.again) {
		publish_meter_done(h, t.start_s, t.accepted);
	}
	const char *reason = h->market.receipts.reason;
	if (!t.accepted && refusals_add(&h->bids_refused, reason, wall_s)) {
		log_warning("market: %s refused: %s", t.reading ? "reading" : "bid", reason);
	}
	return 0;
}

static void take_market_status(struct home *h, const struct mqtt_message *m)
{
	enum market_presence before = h->market.presence;
	market_take_status(&h->market, m->payload, m->length);
	if (h->market.presence == MARKET_OFFLINE && before != MARKET_OFFLINE) {
		log_warning("market: away, the plan is on the utility's tariff");
	} else if (h->market.presence == MARKET_ONLINE && before != MARKET_ONLINE) {
		log_info("market: there");
	}
}

/* A market that settles at another tariff than ours is told of once, and once when it is ours. */
static int take_tariff(struct home *h, const struct mqtt_message *m, char *why, size_t size)
{
	char before[sizeof(h->utility.difference)];
	memcpy(before, h->utility.difference, sizeof(before));
	int r = utility_take(&h->utility, h->site, m->payload, m->length, why, size);
	const char *now = h->utility.difference;
	if (r < 0 || strcmp(now, before) == 0) {
		return r;
	}
	if (*now) {
		log_warning("market: its tariff is not ours: %s: bids go on by ours", now);
	} else {
		log_info("market: its tariff is ours again");
	}
	return 0;
}

/* What the grid operator says is planned with at once, and obeyed in the next cycle. */
static int take_limit(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
		      size_t size)
{
	struct standing_limit before = standing_at(&h->market.limit, wall_s);
	int r = standing_take(&h->market.limit, h->site->id, wall_s, m->payload, m->length, why,
			      size);
	struct standing_limit now = standing_at(&h->market.limit, wall_s);
	if (now.import_w != before.import_w || now.export_w != before.export_w) {
		h->replan_us = 0;
		log_info("grid operator: at most %.0f W in, %.0f W out", now.import_w,
			 now.export_w);
	}
	return r;
}

/* The same topic below the community's own. */
static bool is_of_market(const struct home *h, const char *topic, const char *leaf)
{
	char whole[MQTT_TOPIC_MAX];
	snprintf(whole, sizeof(whole), "lec/%s/market/%s", h->site->community, leaf);
	return strcmp(topic, whole) == 0;
}

/* An offer is answered where bids would be made. */
static int take_offer(struct home *h, const struct mqtt_message *m, char *why, size_t size)
{
	char reason[ADMM_WHY_SIZE] = "retained, expected one sent now";
	if (!h->site->bid || h->mode != MODE_AUTO) {
		return 0;
	}
	int n = m->retained
			? -EINVAL
			: bargain_answer(&h->bargain, h->site, &h->problem, &h->plan, m->payload,
					 m->length, h->json, sizeof(h->json), reason);
	if (n < 0) {
		snprintf(why, size, "%s", reason);
		return n;
	}
	char topic[MQTT_TOPIC_MAX];
	topic_power(h->site, topic);
	(void)publish_send(h, topic, n, (struct mqtt_flags){ .qos = 1, .expiry_s = 60 });
	return 0;
}

/* Whether it is the offer of a negotiation, to us. */
static bool is_offer(const struct home *h, const char *topic)
{
	char whole[MQTT_TOPIC_MAX];
	topic_offer(h->site, whole);
	return strcmp(topic, whole) == 0;
}

void home_message(struct home *h, const struct mqtt_message *m, int64_t wall_s)
{
	char why[128] = "";
	const char *leaf = topic_own_leaf(h->site, m->topic);
	int r = 0;
	if (m->event == MQTT_OVERSIZE) {
		r = -EMSGSIZE;
		snprintf(why, sizeof(why), "too large, expected at most %d bytes",
			 MQTT_PAYLOAD_MAX);
	} else if ((r = community_message(h, m, wall_s, why, sizeof(why))) != -ENOMSG) {
		/* taken, or refused with its reason */
	} else if (leaf && strcmp(leaf, "award") == 0) {
		r = take_award(h, m, wall_s, why, sizeof(why));
	} else if (leaf && strcmp(leaf, "receipt") == 0) {
		r = take_receipt(h, m, wall_s, why, sizeof(why));
	} else if (is_of_market(h, m->topic, "status")) {
		r = 0;
		take_market_status(h, m);
	} else if (leaf && strcmp(leaf, "limit") == 0) {
		r = take_limit(h, m, wall_s, why, sizeof(why));
	} else if (leaf && strcmp(leaf, "command") == 0) {
		r = take_command(h, m, why, sizeof(why));
	} else if (is_of_market(h, m->topic, "round")) {
		r = ahead_take_rounds(&h->ahead, h->site, wall_s, m->payload, m->length, why,
				      sizeof(why));
	} else if (is_of_market(h, m->topic, "tariff")) {
		r = take_tariff(h, m, why, sizeof(why));
	} else if (is_offer(h, m->topic)) {
		r = take_offer(h, m, why, sizeof(why));
	} else if (is_of_market(h, m->topic, "clearing")) {
		r = market_take_clearing(&h->market, h->site, wall_s, m->payload, m->length, why,
					 sizeof(why));
	} else if (strcmp(m->topic, "homeassistant/status") == 0) {
		r = 0;
		if (m->length == 6 && memcmp(m->payload, "online", 6) == 0) {
			publish_discovery(h);
		}
	} else {
		r = -EPERM;
		snprintf(why, sizeof(why), "not a topic of ours");
	}
	if (r < 0) {
		char text[REFUSAL_MAX];
		snprintf(text, sizeof(text), "%.48s: %.100s", leaf ? leaf : m->topic, why);
		if (refusals_add(&h->refusals, text, wall_s)) {
			log_warning("broker: message refused: %s", text);
		}
	}
}
