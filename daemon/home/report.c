/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/report.h"

#include <math.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/home/community.h"
#include "daemon/home/home.h"
#include "daemon/home/learned_json.h"
#include "daemon/base/loop.h"
#include "daemon/home/plan_explain.h"
#include "daemon/home/plan_json.h"

static void put_time(struct json_out *o, const char *key, int64_t wall_s)
{
	char text[ISOTIME_SIZE];
	json_put_text(o, key, isotime_format(wall_s, text));
}

/* "key": value or null, and its quality under qualities. */
static void put_reading(struct json_out *o, const char *key, const struct reading *r, int decimals)
{
	if (reading_good(r)) {
		json_put_number(o, key, r->value, decimals);
	} else {
		json_put_null(o, key);
	}
}

static void put_values(const struct home *h, struct json_out *o)
{
	const struct state *s = &h->state;
	put_reading(o, "grid_w", &s->grid_w, 1);
	put_reading(o, "pv_w", &s->pv_w, 1);
	put_reading(o, "load_w", &s->load_w, 1);
	put_reading(o, "grid_import_wh", &s->import_wh, 1);
	put_reading(o, "grid_export_wh", &s->export_wh, 1);
	if (h->site->pvs) {
		put_reading(o, "pv_wh", &h->believed.pv[0].reading[PV_WH], 1);
	}
}

static void put_battery(const struct home *h, int b, struct json_out *o)
{
	const struct battery_state *battery = &h->state.battery[b];
	const struct reading *seen = h->believed.battery[b].reading;
	json_open_object(o, NULL);
	json_put_text(o, "name", h->site->battery[b].link.name);
	put_reading(o, "battery_w", &battery->w, 1);
	put_reading(o, "battery_soc", &battery->soc, 4);
	put_reading(o, "battery_charge_wh", &seen[BATTERY_CHARGE_WH], 1);
	put_reading(o, "battery_discharge_wh", &seen[BATTERY_DISCHARGE_WH], 1);
	json_put_text(o, "battery_w_quality", quality_name(battery->w.quality));
	json_put_text(o, "battery_soc_quality", quality_name(battery->soc.quality));
	if (h->action.release[b]) {
		json_put_null(o, "setpoint_w");
	} else {
		json_put_number(o, "setpoint_w", h->action.battery_w[b], 1);
	}
	json_close(o);
}

/* Whether the device takes our word alone, and how much of today's writes to its flash are gone. */
static void put_writing(const struct snapshot *s, struct json_out *o)
{
	json_put_flag(o, "conflict", s->conflict);
	if (s->flash_budget) {
		json_put_integer(o, "flash_writes", s->flash_writes);
		json_put_integer(o, "flash_budget", s->flash_budget);
	}
}

static void put_written(const char *kind, const struct site_link *link, const struct snapshot *s,
			struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_text(o, "kind", kind);
	json_put_text(o, "name", link->name);
	put_writing(s, o);
	json_close(o);
}

/* What is commanded. */
static void put_commanded(const struct home *h, struct json_out *o)
{
	json_open_array(o, "devices");
	for (int i = 0; i < h->site->pvs; i++) {
		put_written("pv", &h->site->pv[i].link, &h->seen.pv[i], o);
	}
	for (int b = 0; b < h->site->batteries; b++) {
		put_written("battery", &h->site->battery[b].link, &h->seen.battery[b], o);
	}
	json_close(o);
}

static void put_qualities(const struct home *h, struct json_out *o)
{
	json_open_object(o, "quality");
	json_put_text(o, "grid_w", quality_name(h->state.grid_w.quality));
	json_put_text(o, "pv_w", quality_name(h->state.pv_w.quality));
	json_put_text(o, "load_w", quality_name(h->state.load_w.quality));
	json_close(o);
}

static void put_reasons(const struct home *h, struct json_out *o)
{
	json_open_array(o, "reasons");
	for (int bit = 0; bit < REASON_BITS; bit++) {
		if (h->action.reasons & (1u << bit)) {
			json_put_text(o, NULL, reason_name(bit));
		}
	}
	json_close(o);
}

static void put_alarms(const struct home *h, struct json_out *o)
{
	json_open_array(o, "alarms");
	for (int device = 0; device < ALARM_DEVICES; device++) {
		for (int a = 0; a < ALARM_COUNT; a++) {
			if (alarm_is_on(&h->alarms, device, (enum alarm)a)) {
				json_open_object(o, NULL);
				json_put_text(o, "kind", alarm_kind(device));
				json_put_text(o, "name", alarm_device(h->site, device));
				json_put_text(o, "alarm", alarm_name((enum alarm)a));
				json_put_text(o, "text", alarm_text((enum alarm)a));
				json_close(o);
			}
		}
	}
	json_close(o);
}

static void put_state(const struct home *h, struct json_out *o)
{
	put_time(o, "time", h->state.wall_s);
	put_values(h, o);
	put_qualities(h, o);
	json_open_array(o, "batteries");
	for (int b = 0; b < h->site->batteries; b++) {
		put_battery(h, b, o);
	}
	json_close(o);
	put_commanded(h, o);
	if (h->action.pv_limited) {
		json_put_number(o, "pv_limit_w", h->action.pv_limit_w, 1);
	}
	json_put_text(o, "mode", mode_names[h->mode]);
	json_put_text(o, "decider", decider_name(h->decision.by));
	put_reasons(h, o);
	put_alarms(h, o);
	if (h->site->decide == DECIDE_POLICY || h->site->decide == DECIDE_SHADOW) {
		learned_put(h, o);
	}
	json_put_number(o, "buy_price", tariff_buy(&h->site->tariff, h->state.wall_s), 6);
	json_put_number(o, "sell_price", tariff_price(&h->site->tariff.sell, h->state.wall_s), 6);
	json_put_text(o, "currency", h->site->tariff.currency);
}

void report_state(const struct home *h, struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	put_state(h, o);
	json_close(o);
}

static void put_plan_line(const struct home *h, struct json_out *o)
{
	const struct plan *p = &h->plan;
	json_put_text(o, "status", plan_status_name(p->status));
	json_put_text(o, "method", plan_method_name(p->method));
	json_put_number(o, "energy_cost", p->energy_cost, 4);
	json_put_number(o, "total_cost", p->total_cost, 4);
	json_put_text(o, "currency", h->site->tariff.currency);
	json_put_number(o, "solve_ms", p->solve_ms, 3);
	json_put_number(o, "age_s", (double)(h->state.now_us - h->plan_us) / 1e6, 0);
}

void report_plan(const struct home *h, int slots_max, struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	if (h->plan.slots) {
		put_plan_line(h, o);
	}
	plan_json_put(h->site, &h->problem, &h->plan, slots_max, o);
	json_close(o);
}

void report_explain_plan(const struct home *h, struct json_out *o)
{
	json_open_object(o, NULL);
	if (h->plan.slots) {
		plan_explain_put(h->site, &h->problem, &h->plan, o);
	}
	json_close(o);
}

static void put_loop(const struct loop_stats *l, struct json_out *o)
{
	json_open_object(o, "loop");
	json_put_integer(o, "cycles", (int64_t)l->cycles);
	json_put_integer(o, "overruns", (int64_t)l->overruns);
	json_put_integer(o, "jitter_p99_us", histogram_quantile(&l->jitter_us, 0.99));
	json_put_integer(o, "jitter_max_us", l->jitter_us.max);
	json_put_integer(o, "work_p50_us", histogram_quantile(&l->work_us, 0.5));
	json_put_integer(o, "work_p99_us", histogram_quantile(&l->work_us, 0.99));
	json_put_integer(o, "work_max_us", l->work_us.max);
	json_close(o);
}

static void put_market(const struct home *h, struct json_out *o)
{
	json_open_object(o, "market");
	if (h->market.bid_start_s) {
		put_time(o, "bid_interval", h->market.bid_start_s);
		json_put_integer(o, "revision", h->market.revision);
		json_put_integer(o, "orders", h->market.bid.orders);
	}
	int ahead, acknowledged;
	ahead_count(&h->ahead, h->state.wall_s, &ahead, &acknowledged);
	json_put_integer(o, "ahead_bids", ahead);
	json_put_integer(o, "ahead_acknowledged", acknowledged);
	const struct award *a = market_award_at(&h->market, h->site, h->state.wall_s);
	if (a) {
		json_put_number(o, "traded_kwh", a->traded_wh / 1e3, 6);
		json_put_number(o, "price", a->price, 6);
	}
	json_put_text(o, "tariff_difference", h->utility.told ? h->utility.difference : NULL);
	json_put_text(o, "presence", market_presence_name(h->market.presence));
	json_put_flag(o, "silent", market_is_silent(&h->market, h->site, h->state.wall_s));
	json_put_flag(o, "acknowledged", h->market.acknowledged);
	json_put_integer(o, "bids_accepted", (int64_t)h->market.receipts.accepted);
	json_put_integer(o, "bids_refused", (int64_t)h->market.receipts.refused);
	json_put_text(o, "bid_refusal", h->market.receipts.reason);
	json_put_integer(o, "readings_accepted", (int64_t)h->market.receipts.readings);
	json_put_integer(o, "readings_refused", (int64_t)h->market.receipts.readings_refused);
	json_put_integer(o, "readings_owed", h->owed.readings);
	json_put_integer(o, "refused", (int64_t)h->refusals.count);
	json_put_text(o, "refusal", h->refusals.last);
	json_close(o);
}

/* What the grid operator allows now, by its standing limit and this interval's award; null: all. */
static void put_operator(const struct home *h, struct json_out *o)
{
	const struct guard *g = &h->guard;
	const struct standing *s = &h->market.limit;
	if (!s->heard && isinf(g->order_import_w) && isinf(g->order_export_w)) {
		return;
	}
	json_open_object(o, "grid_operator");
	json_put_number(o, "import_limit_w", g->order_import_w, 0);
	json_put_number(o, "export_limit_w", g->order_export_w, 0);
	if (s->heard) {
		put_time(o, "until", s->until_s);
		json_put_flag(o, "cautious", h->state.wall_s >= s->until_s);
	}
	json_close(o);
}

static void put_broker(struct home *h, struct json_out *o)
{
	struct mqtt_status status;
	mqtt_status(h->mqtt, &status);
	json_open_object(o, "broker");
	json_put_flag(o, "connected", status.connected);
	json_put_integer(o, "connects", (int64_t)status.connects);
	json_put_integer(o, "sent", (int64_t)status.sent);
	json_put_integer(o, "received", (int64_t)status.received);
	json_put_integer(o, "unsent", (int64_t)status.unsent);
	json_put_integer(o, "oversize", (int64_t)status.oversize);
	json_put_integer(o, "overrun", (int64_t)status.overrun);
	json_put_integer(o, "denied", (int64_t)status.denied);
	json_put_text(o, "error", status.error);
	json_close(o);
}

static void put_planner(const struct home *h, struct json_out *o)
{
	json_open_object(o, "planner");
	json_put_integer(o, "pid", h->planner.pid);
	json_put_integer(o, "starts", (int64_t)h->planner.starts);
	json_put_flag(o, "busy", h->planner.busy);
	json_put_text(o, "error", h->planner.error);
	json_close(o);
}

static void put_store(struct home *h, struct json_out *o)
{
	struct store_status status;
	store_status(h->store, &status);
	json_open_object(o, "store");
	json_put_integer(o, "samples", (int64_t)status.samples);
	json_put_integer(o, "samples_lost", (int64_t)(status.samples_lost + h->samples_lost));
	json_put_integer(o, "rows", (int64_t)status.rows);
	json_put_integer(o, "rows_waiting", status.rows_waiting);
	json_put_text(o, "alarm", status.alarm_text);
	json_close(o);
}

void report_status(struct home *h, const struct loop_stats *loop, struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_text(o, "id", h->site->id);
	json_put_text(o, "community", h->site->community);
	json_put_text(o, "version", LECD_VERSION);
	json_put_number(o, "uptime_s", (double)(h->state.now_us - h->started_us) / 1e6, 0);
	put_state(h, o);
	json_open_object(o, "plan");
	if (h->plan.slots) {
		put_plan_line(h, o);
	}
	json_close(o);
	put_planner(h, o);
	put_market(h, o);
	put_operator(h, o);
	community_report(h, o);
	if (h->mqtt) {
		put_broker(h, o);
	}
	if (h->store) {
		put_store(h, o);
	}
	if (loop) {
		put_loop(loop, o);
	}
	json_close(o);
}

static void put_device(const struct site_link *link, const char *kind, const struct snapshot *s,
		       int64_t now_us, int64_t stale_us, struct json_out *o)
{
	json_open_object(o, NULL);
	json_put_text(o, "kind", kind);
	json_put_text(o, "name", link->name);
	json_put_text(o, "address", link->address);
	json_put_text(o, "profile", link->profile);
	json_put_flag(o, "up", s->up);
	json_put_text(o, "error", s->error);
	put_writing(s, o);
	if (s->answered_us) {
		json_put_number(o, "age_s", (double)(now_us - s->answered_us) / 1e6, 1);
	}
	json_open_object(o, "readings");
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		struct reading r = reading_aged(s->reading[q], now_us, stale_us);
		if (r.quality != QUALITY_NEVER_SEEN) {
			json_open_object(o, quantity_name((enum quantity)q));
			put_reading(o, "value", &r, 4);
			json_put_text(o, "unit", quantity_unit((enum quantity)q));
			json_put_text(o, "quality", quality_name(r.quality));
			json_close(o);
		}
	}
	json_close(o);
	json_open_object(o, "link");
	json_put_integer(o, "requests", (int64_t)s->stats.requests);
	json_put_integer(o, "answers", (int64_t)s->stats.answers);
	json_put_integer(o, "timeouts", (int64_t)s->stats.timeouts);
	json_put_integer(o, "exceptions", (int64_t)s->stats.exceptions);
	json_put_integer(o, "rejected", (int64_t)s->stats.rejected);
	json_put_integer(o, "connects", (int64_t)s->stats.connects);
	json_put_integer(o, "writes", (int64_t)s->stats.writes);
	json_put_integer(o, "latency_us", s->stats.latency_us);
	json_close(o);
	json_close(o);
}

void report_devices(const struct home *h, struct json_out *o)
{
	const struct site *site = h->site;
	int64_t now_us = h->state.now_us;
	json_open_object(o, NULL);
	json_open_array(o, "devices");
	put_device(&site->meter.link, "meter", &h->seen.meter, now_us, h->stale_us, o);
	for (int i = 0; i < site->pvs; i++) {
		put_device(&site->pv[i].link, "pv", &h->seen.pv[i], now_us, h->stale_us, o);
	}
	for (int b = 0; b < site->batteries; b++) {
		put_device(&site->battery[b].link, "battery", &h->seen.battery[b], now_us,
			   h->stale_us, o);
	}
	json_close(o);
	json_close(o);
}
