/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status page: a line for each part of the house and of lecd. */
#include <math.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/home/lecctl_show.h"

enum { LABEL = 12 };

struct figure figure_of(const struct json_value *object, const char *key,
			const struct json_value *qualities, const char *quality_key)
{
	struct figure f = { .quality = "not told" };
	const char *quality = json_text(json_member(qualities, quality_key));
	f.known = json_number(json_member(object, key), &f.value);
	if (quality) {
		f.quality = quality;
	}
	return f;
}

const char *show_text(const struct json_value *object, const char *key)
{
	const char *text = json_text(json_member(object, key));
	return text ? text : "";
}

double show_number(const struct json_value *object, const char *key, double fallback)
{
	double value = fallback;
	(void)json_number(json_member(object, key), &value);
	return value;
}

void show_unknown(struct page *p, const struct figure *f)
{
	page_ink(p, INK_RED);
	page_put(p, "unknown (%s)", f->quality);
	page_ink(p, INK_PLAIN);
}

void show_flow(struct page *p, const struct figure *f, const char *above, const char *below,
	       const char *none)
{
	if (!f->known) {
		show_unknown(p, f);
	} else if (fabs(f->value) <= 0.5) {
		page_put(p, "%s", none);
	} else {
		page_put(p, "%s ", f->value > 0 ? above : below);
		page_power(p, fabs(f->value));
	}
}

/* "3 connects, 0 lost": the counters of a table, in words. */
struct counter {
	const char *key;
	const char *words;
};

static void put_counters(struct page *p, const struct json_value *object, const struct counter *c,
			 int counters)
{
	for (int i = 0; i < counters; i++) {
		double count;
		page_put(p, "%s", i ? ", " : "");
		if (json_number(json_member(object, c[i].key), &count)) {
			page_number(p, true, count, 0, 0);
		} else {
			page_put(p, "unknown");
		}
		page_put(p, " %s", c[i].words);
	}
}
#define COUNTERS(table) table, (int)(sizeof(table) / sizeof(*(table)))

static void put_time(struct page *p, const struct json_value *root)
{
	int64_t at_s;
	if (isotime_parse(show_text(root, "time"), &at_s) == 0) {
		page_time(p, at_s);
	} else {
		page_put(p, "unknown");
	}
	page_put(p, ", lecd %s up for ", show_text(root, "version"));
	page_duration(p, show_number(root, "uptime_s", 0));
}

static void put_mode(struct page *p, const struct json_value *root)
{
	page_put(p, "%s, decided by %s", show_text(root, "mode"), show_text(root, "decider"));
}

static void put_house(struct page *p, const struct json_value *root)
{
	struct figure f = figure_of(root, "load_w", json_member(root, "quality"), "load_w");
	show_flow(p, &f, "uses", "gives", "uses nothing");
}

static void put_sun(struct page *p, const struct json_value *root)
{
	struct figure f = figure_of(root, "pv_w", json_member(root, "quality"), "pv_w");
	double limit_w;
	show_flow(p, &f, "generates", "takes", "generates nothing");
	if (json_number(json_member(root, "pv_limit_w"), &limit_w)) {
		page_put(p, ", limited to ");
		page_power(p, limit_w);
	}
}

static void put_grid(struct page *p, const struct json_value *root)
{
	struct figure f = figure_of(root, "grid_w", json_member(root, "quality"), "grid_w");
	double import_wh, export_wh;
	show_flow(p, &f, "imports", "exports", "carries nothing");
	if (json_number(json_member(root, "grid_import_wh"), &import_wh) &&
	    json_number(json_member(root, "grid_export_wh"), &export_wh)) {
		page_put(p, "; the meter counts ");
		page_number(p, true, import_wh / 1e3, 1, 0);
		page_put(p, " kWh in, ");
		page_number(p, true, export_wh / 1e3, 1, 0);
		page_put(p, " kWh out");
	}
}

static void put_guard(struct page *p, const struct json_value *root)
{
	const struct json_value *reasons = json_member(root, "reasons");
	for (int i = 0; i < json_items(reasons); i++) {
		const char *reason = json_text(json_item(reasons, i));
		page_put(p, "%s%s", i ? ", " : "changed what was decided: ", reason ? reason : "?");
	}
	if (json_items(reasons) == 0) {
		page_put(p, "nothing to change");
	}
}

static void put_policy(struct page *p, const struct json_value *root)
{
	const struct json_value *policy = json_member(root, "policy");
	const struct json_value *regret = json_member(policy, "regret");
	bool shadow = false;
	if (!policy) {
		page_put(p, "none");
		return;
	}
	(void)json_flag(json_member(policy, "shadow"), &shadow);
	page_put(p, "%s%s", show_text(policy, "fitness"), shadow ? ", in the shadow" : "");
	if (*show_text(policy, "why")) {
		page_put(p, " (%s)", show_text(policy, "why"));
	}
	page_put(p, "; regret ");
	page_number(p, true, show_number(regret, "sum", 0), 2, 0);
	page_put(p, " of at most ");
	page_number(p, true, show_number(regret, "limit", 0), 2, 0);
	page_put(p, " %s in ", show_text(root, "currency"));
	page_duration(p, show_number(regret, "window_s", 0));
}

static void put_alarms(struct page *p, const struct json_value *root)
{
	const struct json_value *alarms = json_member(root, "alarms");
	for (int i = 0; i < json_items(alarms); i++) {
		const struct json_value *alarm = json_item(alarms, i);
		page_ink(p, INK_RED);
		page_put(p, "%s%s %s: %s", i ? "; " : "", show_text(alarm, "kind"),
			 show_text(alarm, "name"), show_text(alarm, "text"));
		page_ink(p, INK_PLAIN);
	}
	if (json_items(alarms) == 0) {
		page_put(p, "none");
	}
}

static void put_price(struct page *p, const struct json_value *root, const char *key)
{
	double price;
	if (json_number(json_member(root, key), &price)) {
		page_number(p, true, price, 4, 0);
	} else {
		page_put(p, "unknown");
	}
}

static void put_prices(struct page *p, const struct json_value *root)
{
	page_put(p, "buy ");
	put_price(p, root, "buy_price");
	page_put(p, ", sell ");
	put_price(p, root, "sell_price");
	page_put(p, " %s/kWh", show_text(root, "currency"));
}

static void put_plan(struct page *p, const struct json_value *root)
{
	const struct json_value *plan = json_member(root, "plan");
	if (!json_member(plan, "status")) {
		page_put(p, "none yet");
		return;
	}
	page_put(p, "%s (%s), made ", show_text(plan, "status"), show_text(plan, "method"));
	page_duration(p, show_number(plan, "age_s", 0));
	page_put(p, " ago in ");
	page_number(p, true, show_number(plan, "solve_ms", 0), 1, 0);
	page_put(p, " ms; energy for ");
	page_number(p, true, show_number(plan, "energy_cost", 0), 2, 0);
	page_put(p, " %s", show_text(plan, "currency"));
}

static void put_planner(struct page *p, const struct json_value *root)
{
	static const struct counter counters[] = { { "starts", "starts" } };
	const struct json_value *planner = json_member(root, "planner");
	bool busy = false;
	(void)json_flag(json_member(planner, "busy"), &busy);
	page_put(p, "%s, ", busy ? "busy" : "waits");
	put_counters(p, planner, COUNTERS(counters));
	if (*show_text(planner, "error")) {
		page_put(p, "; last trouble: %s", show_text(planner, "error"));
	}
}

/* What the market said to our bids, and whether it says anything. */
static void put_receipts(struct page *p, const struct json_value *market)
{
	double accepted = show_number(market, "bids_accepted", 0);
	double refused = show_number(market, "bids_refused", 0);
	bool silent = false;
	if (accepted + refused > 0) {
		page_put(p, "; %.0f bids accepted, %.0f refused", accepted, refused);
	}
	if (refused > 0) {
		page_put(p, " (%s)", show_text(market, "bid_refusal"));
	}
	double owed = show_number(market, "readings_owed", 0);
	if (owed > 1) { /* the last one's receipt may be under way */
		page_put(p, "; %.0f readings are not acknowledged yet", owed);
	}
	const char *presence = show_text(market, "presence");
	if (json_flag(json_member(market, "silent"), &silent) && silent) {
		page_put(p, "; the market is %s",
			 strcmp(presence, "online") == 0    ? "silent"
			 : strcmp(presence, "offline") == 0 ? "away"
							    : "not known");
	}
}

static void put_market(struct page *p, const struct json_value *root)
{
	static const struct counter counters[] = { { "orders", "orders" } };
	const struct json_value *market = json_member(root, "market");
	double traded_kwh, refused = show_number(market, "refused", 0);
	int64_t at_s;
	if (isotime_parse(show_text(market, "bid_interval"), &at_s) == 0) {
		page_put(p, "bid for ");
		page_time(p, at_s);
		page_put(p, ": ");
		put_counters(p, market, COUNTERS(counters));
	} else {
		page_put(p, "no bid yet");
	}
	if (json_number(json_member(market, "traded_kwh"), &traded_kwh)) {
		page_put(p, "; %s ", traded_kwh < 0 ? "sold" : "bought");
		page_number(p, true, fabs(traded_kwh), 3, 0);
		page_put(p, " kWh at ");
		put_price(p, market, "price");
	}
	double ahead = show_number(market, "ahead_bids", 0);
	if (ahead > 0) {
		page_put(p, "; %.0f intervals bid for ahead, %.0f acknowledged", ahead,
			 show_number(market, "ahead_acknowledged", 0));
	}
	if (*show_text(market, "tariff_difference")) {
		page_put(p, "; the market settles at another tariff: %s",
			 show_text(market, "tariff_difference"));
	}
	put_receipts(p, market);
	if (refused > 0) {
		page_put(p, "; %.0f messages refused, last: %s", refused,
			 show_text(market, "refusal"));
	}
}

static void put_manager(struct page *p, const struct json_value *community)
{
	double asked_w = show_number(community, "asked_w", 0);
	page_put(p, "%.0f of %.0f members can be asked, ", show_number(community, "asked", 0),
		 show_number(community, "members", 0));
	page_put(p, "now to take ");
	page_power(p, fabs(asked_w));
	page_put(p, " %s; they saved ", asked_w < 0 ? "less" : "more");
	page_number(p, true, show_number(community, "saved", 0), 2, 0);
	page_put(p, " %s", show_text(community, "currency"));
	double jain;
	if (json_number(json_member(community, "saved_jain"), &jain)) {
		page_put(p, ", spread by %.2f (Jain)", jain);
	}
}

static void put_membership(struct page *p, const struct json_value *community)
{
	bool online = false;
	double asked_w, saved;
	(void)json_flag(json_member(community, "online"), &online);
	page_put(p, "its manager is %s; ", online ? "there" : "away");
	if (json_number(json_member(community, "asked_w"), &asked_w)) {
		page_put(p, "asked for ");
		page_power(p, asked_w);
		page_put(p, ", by itself it would take ");
		page_power(p, show_number(community, "planned_w", 0));
	} else {
		page_put(p, "its own plan holds");
	}
	if (json_number(json_member(community, "saved"), &saved)) {
		page_put(p, "; saved ");
		page_number(p, true, saved, 2, 0);
		page_put(p, " %s", show_text(community, "currency"));
	}
}

static void put_community(struct page *p, const struct json_value *root)
{
	const struct json_value *manager = json_member(root, "manager");
	const struct json_value *membership = json_member(root, "membership");
	if (manager) {
		put_manager(p, manager);
	} else if (membership) {
		put_membership(p, membership);
	} else {
		page_put(p, "none");
	}
}

static void put_broker(struct page *p, const struct json_value *root)
{
	static const struct counter counters[] = {
		{ "connects", "connects" }, { "sent", "sent" },     { "received", "received" },
		{ "unsent", "unsent" },     { "denied", "denied" },
	};
	const struct json_value *broker = json_member(root, "broker");
	bool connected = false;
	if (!broker) {
		page_put(p, "none");
		return;
	}
	(void)json_flag(json_member(broker, "connected"), &connected);
	if (connected) {
		page_put(p, "connected; ");
	} else {
		page_ink(p, INK_RED);
		page_put(p, "away (%s)", show_text(broker, "error"));
		page_ink(p, INK_PLAIN);
		page_put(p, "; ");
	}
	put_counters(p, broker, COUNTERS(counters));
}

static void put_store(struct page *p, const struct json_value *root)
{
	static const struct counter counters[] = {
		{ "samples", "samples" },
		{ "samples_lost", "lost" },
		{ "rows", "ledger rows" },
		{ "rows_waiting", "waiting" },
	};
	const struct json_value *store = json_member(root, "store");
	if (!store) {
		page_put(p, "none");
		return;
	}
	put_counters(p, store, COUNTERS(counters));
	if (*show_text(store, "alarm")) {
		page_ink(p, INK_RED);
		page_put(p, "; alarm: %s", show_text(store, "alarm"));
		page_ink(p, INK_PLAIN);
	}
}

static void put_loop(struct page *p, const struct json_value *root)
{
	static const struct counter counters[] = { { "cycles", "cycles" },
						   { "overruns", "overruns" } };
	static const struct counter times[] = {
		{ "jitter_p99_us", "us jitter p99" },
		{ "jitter_max_us", "max" },
		{ "work_p99_us", "us work p99" },
		{ "work_max_us", "max" },
	};
	const struct json_value *loop = json_member(root, "loop");
	if (!loop) {
		page_put(p, "unknown");
		return;
	}
	put_counters(p, loop, COUNTERS(counters));
	page_put(p, "; ");
	put_counters(p, loop, COUNTERS(times));
}

static const struct line {
	const char *label;
	void (*put)(struct page *p, const struct json_value *root);
} above[] = {
	{ "time", put_time },
	{ "mode", put_mode },
	{ "guard", put_guard },
	{ "alarms", put_alarms },
	{ "house", put_house },
	{ "sun", put_sun },
	{ "grid", put_grid },
}, below[] = {
	{ "prices", put_prices },
	{ "plan", put_plan },
	{ "policy", put_policy },
	{ "planner", put_planner },
	{ "market", put_market },
	{ "community", put_community },
	{ "broker", put_broker },
	{ "store", put_store },
	{ "loop", put_loop },
};

static void put_lines(struct page *p, const struct line *line, int lines,
		      const struct json_value *root)
{
	for (int i = 0; i < lines; i++) {
		page_put(p, "%s", line[i].label);
		page_to(p, LABEL);
		line[i].put(p, root);
		page_end(p);
	}
}

static void put_battery(struct page *p, const struct json_value *battery)
{
	struct figure soc = figure_of(battery, "battery_soc", battery, "battery_soc_quality");
	struct figure w = figure_of(battery, "battery_w", battery, "battery_w_quality");
	struct figure told = figure_of(battery, "setpoint_w", NULL, NULL);
	page_put(p, "battery");
	page_to(p, LABEL);
	page_put(p, "%s: ", show_text(battery, "name"));
	if (soc.known) {
		page_number(p, true, soc.value * 100, 1, 0);
		page_put(p, " %% full, ");
	} else {
		page_put(p, "charge ");
		show_unknown(p, &soc);
		page_put(p, ", ");
	}
	show_flow(p, &w, "discharges", "charges", "idle");
	if (told.known) {
		page_put(p, "; told to ");
		show_flow(p, &told, "discharge", "charge", "be idle");
	} else {
		page_put(p, "; released to its own default");
	}
	page_end(p);
}

void show_status(struct page *p, const struct json_value *status)
{
	const struct json_value *batteries = json_member(status, "batteries");
	page_ink(p, INK_STRONG);
	page_put(p, "%s in %s", show_text(status, "id"), show_text(status, "community"));
	page_ink(p, INK_PLAIN);
	page_end(p);
	put_lines(p, above, sizeof(above) / sizeof(*above), status);
	for (int i = 0; i < json_items(batteries); i++) {
		put_battery(p, json_item(batteries, i));
	}
	put_lines(p, below, sizeof(below) / sizeof(*below), status);
}
