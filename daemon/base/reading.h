/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reading: one measured quantity with its time and its quality.
 *
 * An unknown number is never 0 and never NaN in arithmetic: whoever uses a reading asks
 * reading_good() first. A zeroed struct reading is a valid one: "never seen".
 *
 * Signs: every source counts positive. Import, generation and discharge are > 0, so
 * load_w = grid_w + pv_w + sum(battery_w). */
#ifndef LECD_BASE_READING_H
#define LECD_BASE_READING_H

#include <stdbool.h>
#include <stdint.h>

enum quality {
	QUALITY_NEVER_SEEN, /* no answer yet since start */
	QUALITY_GOOD,
	QUALITY_STALE,           /* was good, is too old to act on */
	QUALITY_NOT_IMPLEMENTED, /* the device says it has no such value (a sentinel) */
	QUALITY_OUT_OF_RANGE,    /* the device sent a number that cannot be true */
	QUALITY_COUNT
};

/* What a device can tell. The published vocabulary of profiles, the store, MQTT and lecctl. */
enum quantity {
	GRID_W,                  /* power at the connection point, + import */
	GRID_IMPORT_WH,          /* energy counter, imported since ever */
	GRID_EXPORT_WH,          /* energy counter, exported since ever */
	GRID_V,                  /* voltage, phase 1 to neutral */
	GRID_HZ,                 /* frequency */
	PV_W,                    /* AC power generated, >= 0 */
	PV_WH,                   /* energy counter */
	BATTERY_W,               /* AC power, + discharge */
	BATTERY_SOC,             /* state of charge, fraction 0..1 */
	BATTERY_CHARGE_MAX_W,    /* what the BMS allows now, >= 0 */
	BATTERY_DISCHARGE_MAX_W, /* what the BMS allows now, >= 0 */
	BATTERY_CHARGE_WH,       /* energy counter, AC side */
	BATTERY_DISCHARGE_WH,    /* energy counter, AC side */
	QUANTITY_COUNT
};

struct reading {
	double value;  /* in the quantity's unit; meaningful only when quality is good or stale */
	int64_t at_us; /* monotonic time at which the device answered */
	enum quality quality;
};

/* Whether the reading may be used in arithmetic. */
static inline bool reading_good(const struct reading *r)
{
	return r->quality == QUALITY_GOOD;
}

/* r as seen at now_us: a good reading older than stale_us turns stale. */
struct reading reading_aged(struct reading r, int64_t now_us, int64_t stale_us);

/* The names used in files and on the wire: "good", "never-seen"; "grid_w"; "W". Never NULL. */
const char *quality_name(enum quality quality);
const char *quantity_name(enum quantity quantity);
const char *quantity_unit(enum quantity quantity);

/* The quantity with that name, or -1. */
int quantity_by_name(const char *name);

#endif
