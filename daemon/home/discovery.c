/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Home Assistant's MQTT device discovery (2024.11 and later): one retained message that names the
 * device, its origin and all of its components. */
#include "daemon/home/report.h"

#include <stdio.h>

#include "daemon/home/home.h"
#include "daemon/home/topic.h"

struct entity {
	const char *id;
	const char *name;
	const char *class; /* device_class; NULL: none */
	const char *state_class;
	const char *unit;
	const char *template;
	enum { OF_HOUSE, OF_PV, OF_BATTERY } of;
};

/* Energies are totals that only grow: the energy dashboard needs them apart by direction. */
static const struct entity entities[] = {
	{ "grid_w", "Grid power", "power", "measurement", "W", "{{ value_json.grid_w }}",
	  OF_HOUSE },
	{ "load_w", "House power", "power", "measurement", "W", "{{ value_json.load_w }}",
	  OF_HOUSE },
	{ "grid_import", "Grid import", "energy", "total_increasing", "Wh",
	  "{{ value_json.grid_import_wh }}", OF_HOUSE },
	{ "grid_export", "Grid export", "energy", "total_increasing", "Wh",
	  "{{ value_json.grid_export_wh }}", OF_HOUSE },
	{ "decider", "Decided by", NULL, NULL, NULL, "{{ value_json.decider }}", OF_HOUSE },
	{ "pv_w", "PV power", "power", "measurement", "W", "{{ value_json.pv_w }}", OF_PV },
	{ "pv_energy", "PV energy", "energy", "total_increasing", "Wh", "{{ value_json.pv_wh }}",
	  OF_PV },
	{ "battery_w", "Battery power", "power", "measurement", "W",
	  "{{ value_json.batteries[0].battery_w }}", OF_BATTERY },
	{ "battery_soc", "Battery", "battery", "measurement", "%",
	  "{{ (value_json.batteries[0].battery_soc * 100) | round(1) }}", OF_BATTERY },
	{ "battery_charged", "Battery charged", "energy", "total_increasing", "Wh",
	  "{{ value_json.batteries[0].battery_charge_wh }}", OF_BATTERY },
	{ "battery_discharged", "Battery discharged", "energy", "total_increasing", "Wh",
	  "{{ value_json.batteries[0].battery_discharge_wh }}", OF_BATTERY },
};

enum { EXPIRE_AFTER_S = 60 };

static void put_topic(const struct home *h, struct json_out *o, const char *key, const char *leaf)
{
	char topic[MQTT_TOPIC_MAX];
	topic_own(h->site, leaf, topic);
	json_put_text(o, key, topic);
}

static void put_unique(const struct home *h, struct json_out *o, const char *id)
{
	char unique[96];
	snprintf(unique, sizeof(unique), "lecd_%s_%s", h->site->id, id);
	json_put_text(o, "unique_id", unique);
}

static void put_sensor(const struct home *h, const struct entity *e, struct json_out *o)
{
	json_open_object(o, e->id);
	json_put_text(o, "platform", "sensor");
	put_unique(h, o, e->id);
	json_put_text(o, "name", e->name);
	if (e->class) {
		json_put_text(o, "device_class", e->class);
		json_put_text(o, "state_class", e->state_class);
		json_put_text(o, "unit_of_measurement", e->unit);
	}
	json_put_text(o, "value_template", e->template);
	json_put_integer(o, "expire_after", EXPIRE_AFTER_S);
	json_close(o);
}

static void put_mode(const struct home *h, struct json_out *o)
{
	json_open_object(o, "mode");
	json_put_text(o, "platform", "select");
	put_unique(h, o, "mode");
	json_put_text(o, "name", "Mode");
	json_put_text(o, "value_template", "{{ value_json.mode }}");
	put_topic(h, o, "command_topic", "command");
	json_put_text(o, "command_template", "{\"v\":1,\"mode\":\"{{ value }}\"}");
	json_open_array(o, "options");
	for (int m = 0; m < MODE_COUNT; m++) {
		json_put_text(o, NULL, mode_names[m]);
	}
	json_close(o);
	json_close(o);
}

static void put_device(const struct home *h, struct json_out *o)
{
	char name[64];
	json_open_object(o, "device");
	json_open_array(o, "identifiers");
	snprintf(name, sizeof(name), "lecd_%s", h->site->id);
	json_put_text(o, NULL, name);
	json_close(o);
	snprintf(name, sizeof(name), "Energy controller %s", h->site->id);
	json_put_text(o, "name", name);
	json_put_text(o, "model", "lecd");
	json_put_text(o, "sw_version", LECD_VERSION);
	json_close(o);
	json_open_object(o, "origin");
	json_put_text(o, "name", "lecd");
	json_put_text(o, "sw_version", LECD_VERSION);
	json_close(o);
}

void report_discovery(const struct home *h, struct json_out *o)
{
	json_open_object(o, NULL);
	put_device(h, o);
	put_topic(h, o, "availability_topic", "status");
	put_topic(h, o, "state_topic", "state");
	json_put_integer(o, "qos", 1);
	json_open_object(o, "components");
	for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
		bool there = entities[i].of == OF_HOUSE ||
			     (entities[i].of == OF_PV && h->site->pvs) ||
			     (entities[i].of == OF_BATTERY && h->site->batteries);
		if (there) {
			put_sensor(h, &entities[i], o);
		}
	}
	put_mode(h, o);
	json_close(o);
	json_close(o);
}
