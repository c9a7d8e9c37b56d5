/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of many lines: explain, devices, plan. */
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/reading.h"
#include "daemon/home/lecctl_show.h"

void show_explain(struct page *p, const struct json_value *explain)
{
	const struct json_value *lines = json_member(explain, "lines");
	for (int i = 0; i < json_items(lines); i++) {
		const char *line = json_text(json_item(lines, i));
		page_put(p, "%s", line ? line : "?");
		page_end(p);
	}
	if (json_items(lines) == 0) {
		page_put(p, "no plan yet: lecctl explain tells why");
		page_end(p);
	}
}

/* --- devices ------------------------------------------------------------------------------------
 */

static void put_readings(struct page *p, const struct json_value *readings)
{
	enum { VALUE = 28, WIDTH = 14, NAME_AT = 2 };
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const char *name = quantity_name((enum quantity)q);
		const struct json_value *reading = json_member(readings, name);
		const char *quality = show_text(reading, "quality");
		double value = 0;
		if (!reading) {
			continue;
		}
		page_put(p, "%*s%s", NAME_AT, "", name);
		page_to(p, VALUE);
		bool known = json_number(json_member(reading, "value"), &value);
		page_number(p, known, value, 3, WIDTH);
		page_put(p, " %s", show_text(reading, "unit"));
		page_to(p, VALUE + WIDTH + 6);
		page_ink(p, strcmp(quality, "good") == 0 ? INK_PLAIN : INK_RED);
		page_put(p, "%s", quality);
		page_ink(p, INK_PLAIN);
		page_end(p);
	}
}

static void put_link(struct page *p, const struct json_value *link)
{
	static const char *const counters[] = { "requests", "answers",  "timeouts", "exceptions",
						"rejected", "connects", "writes" };
	page_put(p, "  link:");
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		double count = 0;
		bool known = json_number(json_member(link, counters[i]), &count);
		page_put(p, "%s ", i ? "," : "");
		page_number(p, known, count, 0, 0);
		page_put(p, " %s", counters[i]);
	}
	page_end(p);
	page_put(p, "        latency ");
	double latency_us = 0;
	bool known = json_number(json_member(link, "latency_us"), &latency_us);
	page_number(p, known, latency_us / 1e3, 3, 0);
	page_put(p, " ms");
	page_end(p);
}

static void put_flash(struct page *p, const struct json_value *device)
{
	double writes, budget;
	if (json_number(json_member(device, "flash_budget"), &budget) &&
	    json_number(json_member(device, "flash_writes"), &writes)) {
		page_put(p, "  flash: ");
		page_number(p, true, writes, 0, 0);
		page_put(p, " writes today, at most ");
		page_number(p, true, budget, 0, 0);
		page_end(p);
	}
}

static void put_device(struct page *p, const struct json_value *device)
{
	bool up = false;
	double age_s;
	(void)json_flag(json_member(device, "up"), &up);
	page_ink(p, INK_STRONG);
	page_put(p, "%s %s", show_text(device, "kind"), show_text(device, "name"));
	page_ink(p, INK_PLAIN);
	page_put(p, "  %s  %s  ", show_text(device, "address"), show_text(device, "profile"));
	page_ink(p, up ? INK_GREEN : INK_RED);
	page_put(p, "%s", up ? "up" : "down");
	page_ink(p, INK_PLAIN);
	if (json_number(json_member(device, "age_s"), &age_s)) {
		page_put(p, ", answered %.1f s ago", age_s);
	} else {
		page_put(p, ", never answered");
	}
	page_end(p);
	if (*show_text(device, "error")) {
		page_put(p, "  %s: %s", up ? "last trouble" : "why", show_text(device, "error"));
		page_end(p);
	}
	put_flash(p, device);
	put_readings(p, json_member(device, "readings"));
	put_link(p, json_member(device, "link"));
}

void show_devices(struct page *p, const struct json_value *devices)
{
	const struct json_value *list = json_member(devices, "devices");
	for (int i = 0; i < json_items(list); i++) {
		if (i) {
			page_end(p);
		}
		put_device(p, json_item(list, i));
	}
	if (json_items(list) == 0) {
		page_put(p, "no devices");
		page_end(p);
	}
}

/* --- plan ---------------------------------------------------------------------------------------
 */

/* A slot's columns; those of a battery repeat for each. */
static const struct column {
	const char *key;
	const char *title;
	int width;
	int decimals;
	double scale;
} slot_columns[] = {
	{ "load_w", "load W", 8, 0, 1 },
	{ "pv_w", "sun W", 8, 0, 1 },
	{ "grid_w", "grid W", 8, 0, 1 },
	{ "buy", "buy", 9, 4, 1 },
	{ "sell", "sell", 9, 4, 1 },
}, battery_columns[] = {
	{ "battery_w", "battery W", 11, 0, 1 },
	{ "soc", "full %", 8, 1, 100 },
	{ "value", "worth", 9, 4, 1 },
};
/* What each kind of asset has in a slot; the first column is titled with its name. */
static const struct {
	const char *kind;
	const char *key;
	struct column second;
} asset_columns[] = {
	{ "ev", "ev_w", { "ev_soc", "full %", 8, 1, 100 } },
	{ "load", "run_w", { NULL, NULL, 0, 0, 0 } },
	{ "tank", "heat_w", { "heat_c", "degC", 7, 1, 1 } },
	{ "heat-pump", "heat_w", { "heat_c", "degC", 7, 1, 1 } },
};
enum {
	ASSET_WIDTH = 12,
	ASSET_COLUMNS = sizeof(asset_columns) / sizeof(*asset_columns),
	TIME_WIDTH = 17,
	SLOT_COLUMNS = sizeof(slot_columns) / sizeof(*slot_columns),
	BATTERY_COLUMNS = sizeof(battery_columns) / sizeof(*battery_columns),
};

static void put_cell(struct page *p, const struct json_value *value, const struct column *c)
{
	double number = 0;
	bool known = json_number(value, &number);
	page_number(p, known, number * c->scale, c->decimals, c->width);
}

/* The columns of cars, loads and heat: their titles, or their values in a slot. */
static void put_assets(struct page *p, const struct json_value *assets,
		       const struct json_value *slot)
{
	const char *before = "";
	for (int i = 0, at = 0; i < json_items(assets); i++) {
		const char *kind = show_text(json_item(assets, i), "kind");
		for (int k = 0; k < ASSET_COLUMNS; k++) {
			if (strcmp(asset_columns[k].kind, kind) != 0) {
				continue;
			}
			const char *key = asset_columns[k].key;
			const struct column *second = &asset_columns[k].second;
			const struct column first = { key, "", ASSET_WIDTH, 0, 1 };
			at = strcmp(key, before) == 0 ? at + 1 : 0; /* in its arrays */
			before = key;
			if (!slot) {
				page_put(p, " %9.9s W", show_text(json_item(assets, i), "name"));
				page_put(p, "%*s", second->width, second->key ? second->title : "");
				continue;
			}
			put_cell(p, json_item(json_member(slot, key), at), &first);
			if (second->key) {
				put_cell(p, json_item(json_member(slot, second->key), at), second);
			}
		}
	}
}

static void put_heading(struct page *p, int batteries, const struct json_value *assets)
{
	page_ink(p, INK_STRONG);
	page_put(p, "start (UTC)");
	page_to(p, TIME_WIDTH);
	for (int c = 0; c < SLOT_COLUMNS; c++) {
		page_put(p, "%*s", slot_columns[c].width, slot_columns[c].title);
	}
	for (int i = 0; i < batteries * BATTERY_COLUMNS; i++) {
		const struct column *c = &battery_columns[i % BATTERY_COLUMNS];
		page_put(p, "%*s", c->width, c->title);
	}
	put_assets(p, assets, NULL);
	page_ink(p, INK_PLAIN);
	page_end(p);
}

static void put_slot(struct page *p, const struct json_value *slot, int batteries,
		     const struct json_value *assets)
{
	char start[ISOTIME_SIZE];
	int64_t at_s;
	if (isotime_parse(show_text(slot, "start"), &at_s) == 0) {
		isotime_format(at_s, start);
		page_put(p, "%.10s %.5s", start, start + 11);
	} else {
		page_put(p, "?");
	}
	page_to(p, TIME_WIDTH);
	for (int c = 0; c < SLOT_COLUMNS; c++) {
		put_cell(p, json_member(slot, slot_columns[c].key), &slot_columns[c]);
	}
	for (int i = 0; i < batteries * BATTERY_COLUMNS; i++) {
		const struct column *c = &battery_columns[i % BATTERY_COLUMNS];
		put_cell(p, json_item(json_member(slot, c->key), i / BATTERY_COLUMNS), c);
	}
	put_assets(p, assets, slot);
	page_end(p);
}

struct totals {
	double hours, load_kwh, pv_kwh, import_kwh, export_kwh;
};

static void add_slot(struct totals *t, const struct json_value *slot)
{
	double hours = show_number(slot, "hours", 0);
	double grid_kwh = show_number(slot, "grid_w", 0) * hours / 1e3;
	t->hours += hours;
	t->load_kwh += show_number(slot, "load_w", 0) * hours / 1e3;
	t->pv_kwh += show_number(slot, "pv_w", 0) * hours / 1e3;
	t->import_kwh += grid_kwh > 0 ? grid_kwh : 0;
	t->export_kwh -= grid_kwh < 0 ? grid_kwh : 0;
}

static void put_total(struct page *p, const struct json_value *plan, const struct totals *t)
{
	page_put(p, "in all: %.4g h; load %.1f, sun %.1f, import %.1f, export %.1f kWh; energy ",
		 t->hours, t->load_kwh, t->pv_kwh, t->import_kwh, t->export_kwh);
	page_number(p, true, show_number(plan, "energy_cost", 0), 2, 0);
	page_put(p, ", with wear, peak and what is left ");
	page_number(p, true, show_number(plan, "total_cost", 0), 2, 0);
	page_put(p, " %s (%s)", show_text(plan, "currency"), show_text(plan, "status"));
	page_end(p);
}

void show_plan(struct page *p, const struct json_value *plan)
{
	const struct json_value *slots = json_member(plan, "slots");
	int batteries = json_items(json_member(json_item(slots, 0), "battery_w"));
	struct totals totals = { 0 };
	if (json_items(slots) == 0) {
		page_put(p, "no plan yet: lecctl explain tells why");
		page_end(p);
		return;
	}
	const struct json_value *assets = json_member(plan, "assets");
	put_heading(p, batteries, assets);
	for (int i = 0; i < json_items(slots); i++) {
		put_slot(p, json_item(slots, i), batteries, assets);
		add_slot(&totals, json_item(slots, i));
	}
	put_total(p, plan, &totals);
}
