/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/publish.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/community.h"
#include "daemon/home/home.h"
#include "daemon/home/learned_json.h"
#include "daemon/home/report.h"
#include "daemon/home/topic.h"

/* Of a plan: two days. */
enum { PUBLISHED_SLOTS_MAX = 192, AHEAD_A_CYCLE = 4 };
static const double repeat_s = 30, repeat_real_s = 1; /* what has no answer */
static const int64_t discovery_every_us = INT64_C(60) * 1000000;

/* --- to the broker ------------------------------------------------------------------------------
 */

bool publish_send(struct home *h, const char *topic, int length, struct mqtt_flags flags)
{
	return h->mqtt && length > 0 &&
	       mqtt_publish(h->mqtt, topic, h->json, (size_t)length, flags) == 0;
}

/* The same below our own. */
static bool send(struct home *h, const char *leaf, int length, struct mqtt_flags flags)
{
	char topic[MQTT_TOPIC_MAX];
	topic_own(h->site, leaf, topic);
	return publish_send(h, topic, length, flags);
}

static void send_state(struct home *h)
{
	struct json_out o;
	json_begin(&o, h->json, sizeof(h->json));
	report_state(h, &o);
	(void)send(h, "state", json_finish(&o), (struct mqtt_flags){ .retain = true });
	h->published_us = h->state.now_us;
}

/* As many slots as fit a message. */
void publish_plan(struct home *h)
{
	int length = 0;
	for (int slots = PUBLISHED_SLOTS_MAX; h->mqtt && length <= 0 && slots > 0; slots /= 2) {
		struct json_out o;
		json_begin(&o, h->json, MQTT_PUBLISH_MAX);
		report_plan(h, slots, &o);
		length = json_finish(&o);
	}
	(void)send(h, "plan", length, (struct mqtt_flags){ .retain = true, .qos = 1 });
}

void publish_discovery(struct home *h)
{
	h->discovery_wanted = h->mqtt && h->site->discovery != 0;
}

/* At most once a minute, however often Home Assistant says that it is there. */
static void send_discovery(struct home *h)
{
	if (!h->discovery_wanted || h->state.now_us < h->discovery_us) {
		return;
	}
	h->discovery_wanted = false;
	h->discovery_us = h->state.now_us + discovery_every_us;
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "homeassistant/device/lecd_%s/config", h->site->id);
	struct json_out o;
	json_begin(&o, h->json, sizeof(h->json));
	report_discovery(h, &o);
	int length = json_finish(&o);
	if (length > 0) {
		(void)mqtt_publish(h->mqtt, topic, h->json, (size_t)length,
				   (struct mqtt_flags){ .retain = true, .qos = 1 });
	}
}

void publish_all(struct home *h)
{
	publish_discovery(h);
	send_state(h);
	if (h->plan.slots) {
		publish_plan(h);
	}
	/* The broker may have lost what was under way; the same revision twice is no other bid. */
	h->bid_waiting = h->bid_made;
	community_connected(h);
	owed_hurry(&h->owed);
}

/* Real seconds: never past the gate; scaled time is too fast for whole ones. */
static int expires_in(const struct home *h, double left_s)
{
	return (int)(h->speed > 1 ? ceil(left_s / h->speed) : left_s);
}

/* Send the bid that waits, once it is durable and the broker is there; it lives until its gate
 * closes, in real seconds. */
static void send_bid(struct home *h)
{
	double left_s = (double)(h->market.bid_start_s - h->state.wall_s) - h->site->gate_closure_s;
	if (h->store && store_durable(h->store) < h->bid_ticket && left_s > 0) {
		return;
	}
	int expiry_s = expires_in(h, left_s);
	h->bid_waiting =
		expiry_s > 0 &&
		!send(h, "bid", market_bid_json(&h->market, h->site, h->json, sizeof(h->json)),
		      (struct mqtt_flags){ .qos = 1, .expiry_s = expiry_s });
	h->bid_sent_us = h->state.now_us;
}

/* How long to wait for an answer. */
static int64_t repeat_us(const struct home *h)
{
	return (int64_t)(fmax(repeat_s, repeat_real_s * h->speed) * 1e6);
}

/* A bid that the market has not answered may be lost: it is said again, word for word. */
static void repeat_bid(struct home *h)
{
	bool owed = h->bid_made && !h->market.answered && h->market.presence == MARKET_ONLINE;
	h->bid_waiting |= owed && h->state.now_us - h->bid_sent_us >= repeat_us(h);
}

/* A few bids for days ahead, the earliest intervals first or last: any order does. */
static void send_ahead(struct home *h)
{
	struct ahead_bid *b;
	uint64_t durable = h->store ? store_durable(h->store) : UINT64_MAX;
	bool there = h->market.presence == MARKET_ONLINE;
	int at = 0;
	for (int i = 0;
	     i < AHEAD_A_CYCLE && (b = ahead_next(&h->ahead, h->state.wall_s, h->state.now_us,
						  durable, repeat_us(h), there, &at));
	     i++) {
		int expiry_s = expires_in(h, (double)(b->gate_s - h->state.wall_s));
		int length = ahead_json(b, h->site, h->json, sizeof(h->json));
		if (expiry_s > 0 && !send(h, "bid", length,
					  (struct mqtt_flags){ .qos = 1, .expiry_s = expiry_s })) {
			return;
		}
		b->said_us = h->state.now_us;
	}
}

/* --- to the store -------------------------------------------------------------------------------
 */

static void set_known(struct store_sample *s, enum store_value which, const struct reading *r)
{
	if (reading_good(r)) {
		store_set(s, which, r->value);
	}
}

/* Sums over the batteries, known only where each part is. */
static void set_batteries(const struct home *h, struct store_sample *s)
{
	double w = 0, stored_wh = 0, capacity_wh = 0, setpoint_w = 0;
	bool known = true, commanded = true;
	for (int b = 0; b < h->site->batteries; b++) {
		const struct battery_state *battery = &h->state.battery[b];
		double wh = h->site->battery[b].model.capacity_wh;
		known = known && reading_good(&battery->w) && reading_good(&battery->soc);
		commanded = commanded && !h->action.release[b];
		w += battery->w.value;
		stored_wh += battery->soc.value * wh;
		capacity_wh += wh;
		setpoint_w += h->action.battery_w[b];
	}
	if (known && capacity_wh > 0) {
		store_set(s, STORE_BATTERY_W, w);
		store_set(s, STORE_SOC, stored_wh / capacity_wh);
	}
	if (commanded && capacity_wh > 0) {
		store_set(s, STORE_SETPOINT_W, setpoint_w);
	}
}

/* Four bits each for grid, PV, load and the first battery. */
static uint32_t pack_quality(const struct state *s)
{
	uint32_t q = (uint32_t)s->grid_w.quality | (uint32_t)s->pv_w.quality << 4 |
		     (uint32_t)s->load_w.quality << 8;
	return s->batteries ? q | (uint32_t)s->battery[0].soc.quality << 12 : q;
}

static void record(struct home *h)
{
	if (!h->store) {
		return;
	}
	const struct state *s = &h->state;
	struct store_sample sample = { .time_s = s->wall_s,
				       .seconds = h->site->cycle_s,
				       .reasons = h->action.reasons,
				       .quality = pack_quality(s),
				       .decider = (int)h->decision.by };
	set_known(&sample, STORE_GRID_W, &s->grid_w);
	set_known(&sample, STORE_PV_W, &s->pv_w);
	set_known(&sample, STORE_LOAD_W, &s->load_w);
	set_batteries(h, &sample);
	store_set(&sample, STORE_BUY, tariff_buy(&h->site->tariff, s->wall_s));
	store_set(&sample, STORE_SELL, tariff_price(&h->site->tariff.sell, s->wall_s));
	if (store_put(h->store, &sample) < 0) {
		h->samples_lost++;
	}
}

bool publish_row(struct home *h, struct store_row *row, int length, uint64_t *ticket)
{
	row->made_s = h->state.wall_s;
	if (!h->store || length <= 0 || length >= STORE_TEXT_MAX) {
		return false;
	}
	memcpy(row->text, h->json, (size_t)length + 1);
	return store_ledger_put(h->store, row, ticket) == 0;
}

void publish_bid(struct home *h)
{
	struct store_row row = { .kind = STORE_BID,
				 .interval_s = h->market.bid_start_s,
				 .revision = h->market.revision };
	int length = market_bid_json(&h->market, h->site, h->json, sizeof(h->json));
	h->bid_made = !h->store || publish_row(h, &row, length, &h->bid_ticket);
	h->bid_waiting = h->bid_made;
}

void publish_ahead(struct home *h, struct ahead_bid *b)
{
	struct store_row row = { .kind = STORE_BID,
				 .interval_s = b->start_s,
				 .revision = b->revision };
	int length = ahead_json(b, h->site, h->json, sizeof(h->json));
	b->stored = !h->store || publish_row(h, &row, length, &b->ticket);
}

void publish_meter(struct home *h, const struct interval *i)
{
	struct store_row row = { .kind = STORE_METER,
				 .interval_s = i->start_s,
				 .import_wh = i->import_wh,
				 .export_wh = i->export_wh };
	uint64_t ticket;
	int length = market_meter_json(h->site, i, h->json, sizeof(h->json));
	(void)publish_row(h, &row, length, &ticket);
	if (h->site->role == ROLE_COMMUNITY) {
		return; /* the market has the members' */
	}
	row.kind = STORE_OWED;
	(void)publish_row(h, &row, length, &ticket);
	owed_add(&h->owed, i);
}

void publish_meter_done(struct home *h, int64_t start_s, bool accepted)
{
	struct store_row row = { .kind = STORE_OWED,
				 .interval_s = start_s,
				 .revision = accepted ? 1 : 2 };
	uint64_t ticket;
	if (owed_settle(&h->owed, start_s)) {
		(void)publish_row(h, &row, snprintf(h->json, sizeof(h->json), "{}"), &ticket);
	}
}

/* One reading a cycle, the earliest first, once the broker takes it. */
static void send_meter(struct home *h)
{
	bool there = h->market.presence == MARKET_ONLINE;
	const struct interval *i = owed_next(&h->owed, h->state.now_us, there);
	if (!i) {
		return;
	}
	int length = market_meter_json(h->site, i, h->json, sizeof(h->json));
	if (send(h, "meter", length, (struct mqtt_flags){ .qos = 1 })) {
		owed_said(&h->owed, i->start_s, h->state.now_us, repeat_us(h));
	}
}

void publish_verdict(struct home *h)
{
	struct store_row row = { .kind = STORE_VERDICT, .interval_s = h->learned.last.start_s };
	uint64_t ticket;
	(void)publish_row(h, &row, learned_verdict_json(&h->learned, h->json, sizeof(h->json)),
			  &ticket);
}

void publish_mode_row(struct home *h)
{
	struct store_row row = { .kind = STORE_COMMAND };
	uint64_t ticket;
	int length = snprintf(h->json, sizeof(h->json), "%s", mode_names[h->mode]);
	(void)publish_row(h, &row, length, &ticket);
}

void publish_award_row(struct home *h, const struct mqtt_message *m,
		       const struct award_taken *taken)
{
	struct store_row row = { .kind = STORE_AWARD,
				 .interval_s = taken->start_s,
				 .revision = taken->round };
	uint64_t ticket;
	if (m->length < STORE_TEXT_MAX) {
		memcpy(h->json, m->payload, m->length + 1);
		(void)publish_row(h, &row, (int)m->length, &ticket);
	}
}

void publish_cycle(struct home *h)
{
	record(h);
	repeat_bid(h);
	if (h->bid_waiting && h->mqtt) {
		send_bid(h);
	}
	if (h->mqtt) {
		send_ahead(h);
		send_meter(h);
	}
	send_discovery(h);
	if (h->mqtt && h->state.now_us - h->published_us >= h->publish_us) {
		send_state(h);
	}
}
