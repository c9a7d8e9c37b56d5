/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/reading.h"

#include <assert.h>
#include <string.h>

static const char *const quality_names[] = {
	[QUALITY_NEVER_SEEN] = "never-seen",
	[QUALITY_GOOD] = "good",
	[QUALITY_STALE] = "stale",
	[QUALITY_NOT_IMPLEMENTED] = "not-implemented",
	[QUALITY_OUT_OF_RANGE] = "out-of-range",
};
static_assert(sizeof(quality_names) / sizeof(*quality_names) == QUALITY_COUNT, "name each quality");

static const struct {
	const char *name;
	const char *unit;
} quantities[] = {
	[GRID_W] = { "grid_w", "W" },
	[GRID_IMPORT_WH] = { "grid_import_wh", "Wh" },
	[GRID_EXPORT_WH] = { "grid_export_wh", "Wh" },
	[GRID_V] = { "grid_v", "V" },
	[GRID_HZ] = { "grid_hz", "Hz" },
	[PV_W] = { "pv_w", "W" },
	[PV_WH] = { "pv_wh", "Wh" },
	[BATTERY_W] = { "battery_w", "W" },
	[BATTERY_SOC] = { "battery_soc", "" },
	[BATTERY_CHARGE_MAX_W] = { "battery_charge_max_w", "W" },
	[BATTERY_DISCHARGE_MAX_W] = { "battery_discharge_max_w", "W" },
	[BATTERY_CHARGE_WH] = { "battery_charge_wh", "Wh" },
	[BATTERY_DISCHARGE_WH] = { "battery_discharge_wh", "Wh" },
};
static_assert(sizeof(quantities) / sizeof(*quantities) == QUANTITY_COUNT, "name each quantity");

struct reading reading_aged(struct reading r, int64_t now_us, int64_t stale_us)
{
	if (r.quality == QUALITY_GOOD && now_us - r.at_us > stale_us) {
		r.quality = QUALITY_STALE;
	}
	return r;
}

const char *quality_name(enum quality quality)
{
	return (unsigned)quality < QUALITY_COUNT ? quality_names[quality] : "?";
}

const char *quantity_name(enum quantity quantity)
{
	return (unsigned)quantity < QUANTITY_COUNT ? quantities[quantity].name : "?";
}

const char *quantity_unit(enum quantity quantity)
{
	return (unsigned)quantity < QUANTITY_COUNT ? quantities[quantity].unit : "?";
}

int quantity_by_name(const char *name)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		if (strcmp(name, quantities[q].name) == 0) {
			return q;
		}
	}
	return -1;
}
