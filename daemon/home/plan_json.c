/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/plan_json.h"

#include <stddef.h>

#include "daemon/base/isotime.h"

static void put_asset(struct json_out *o, const char *kind, const char *name)
{
	json_open_object(o, NULL);
	json_put_text(o, "kind", kind);
	json_put_text(o, "name", name);
}

static void put_assets(const struct site *site, const struct problem *p, struct json_out *o)
{
	json_open_array(o, "assets");
	for (int i = 0; i < p->batteries; i++) {
		put_asset(o, "battery", site->battery[i].link.name);
		json_put_number(o, "soc_min", p->battery[i].soc_min, 4);
		json_put_number(o, "soc_max", p->battery[i].soc_max, 4);
		json_close(o);
	}
	for (int i = 0; i < p->evs; i++) {
		put_asset(o, "ev", site->ev[i].link.name);
		json_put_number(o, "soc_min", p->ev[i].soc_min, 4);
		json_put_number(o, "soc_max", p->ev[i].soc_max, 4);
		if (p->ev[i].soc_target >= 0) {
			json_put_number(o, "soc_target", p->ev[i].soc_target, 4);
		}
		json_close(o);
	}
	for (int i = 0; i < p->loads; i++) {
		put_asset(o, "load", site->load[i].link.name);
		json_close(o);
	}
	for (int i = 0; i < p->thermals; i++) {
		put_asset(o, site->thermal[i].building ? "heat-pump" : "tank",
			  site->thermal[i].link.name);
		json_close(o);
	}
	json_close(o);
}

/* An array with a member for each asset of a kind. */
static void put_each(struct json_out *o, const char *key, const double *value, int count,
		     int decimals)
{
	json_open_array(o, key);
	for (int i = 0; i < count; i++) {
		json_put_number(o, NULL, value[i], decimals);
	}
	json_close(o);
}

static void put_bands(const struct problem *p, int t, struct json_out *o)
{
	double low_c[THERMALS_MAX], high_c[THERMALS_MAX];
	for (int i = 0; i < p->thermals; i++) {
		low_c[i] = p->thermal[i].low_c[t];
		high_c[i] = p->thermal[i].high_c[t];
	}
	put_each(o, "heat_low_c", low_c, p->thermals, 2);
	put_each(o, "heat_high_c", high_c, p->thermals, 2);
}

/* What only some houses have. */
static void put_flexible(const struct problem *p, const struct plan_slot *slot, int t,
			 struct json_out *o)
{
	if (p->evs) {
		put_each(o, "ev_w", slot->ev_w, p->evs, 0);
		put_each(o, "ev_soc", slot->ev_soc, p->evs, 4);
		json_open_array(o, "ev_connected");
		for (int i = 0; i < p->evs; i++) {
			json_put_flag(o, NULL, p->ev[i].connected[t]);
		}
		json_close(o);
	}
	if (p->loads) {
		put_each(o, "run_w", slot->run_w, p->loads, 0);
	}
	if (p->thermals) {
		put_each(o, "heat_w", slot->heat_w, p->thermals, 0);
		put_each(o, "heat_c", slot->heat_c, p->thermals, 2);
		put_bands(p, t, o);
	}
	if (p->shifts) {
		put_each(o, "shift_w", slot->shift_w, p->shifts, 0);
	}
}

static void put_slot(const struct problem *p, const struct plan_slot *slot, int t,
		     struct json_out *o)
{
	char start[ISOTIME_SIZE];
	json_open_object(o, NULL);
	json_put_text(o, "start", isotime_format(slot->step.start_s, start));
	json_put_number(o, "hours", slot->step.hours, 4);
	json_put_number(o, "load_w", slot->step.load_w, 0);
	json_put_number(o, "pv_w", slot->pv_w, 0);
	json_put_number(o, "grid_w", slot->grid_w, 0);
	json_put_number(o, "buy", slot->step.buy, 5);
	json_put_number(o, "sell", slot->step.sell, 5);
	put_each(o, "battery_w", slot->battery_w, p->batteries, 0);
	put_each(o, "soc", slot->soc, p->batteries, 4);
	put_each(o, "value", slot->value, p->batteries, 5);
	put_flexible(p, slot, t, o);
	json_close(o);
}

void plan_json_put(const struct site *site, const struct problem *p, const struct plan *plan,
		   int slots_max, struct json_out *o)
{
	json_put_text(o, "timezone", site->timezone);
	put_assets(site, p, o);
	json_open_array(o, "slots");
	for (int t = 0; t < plan->slots && t < slots_max; t++) {
		put_slot(p, &plan->slot[t], t, o);
	}
	json_close(o);
}
