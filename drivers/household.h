/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a family uses: a seeded household's electric load at any moment, as a pure function of its
 * configuration and the time; the struct only caches.
 *
 * A base, a refrigerator and a freezer that cycle, people who get up, leave, return and go to bed
 * by local time, lamps while it is dark, pumps while it is cold, and appliances that start by
 * chance at the hours people start them. Days of one kind resemble each other as those of a real
 * house do: the habits can be forecast, the kettle cannot. */
#ifndef LECD_DRIVERS_HOUSEHOLD_H
#define LECD_DRIVERS_HOUSEHOLD_H

#include <stdint.h>

#include "drivers/weather.h"

enum { HOUSEHOLD_BLOCK_S = 900, HOUSEHOLD_EVENTS_MAX = 96 };

struct household_conf {
	uint64_t seed;
	double latitude_deg;
	double longitude_deg;
	/* Wanted use of an average year; every power is scaled to it. 0: some 4.5 MWh, unscaled. */
	double annual_load_wh;
	/* Local time minus UTC at a UTC time; NULL: by the longitude, without summer time. */
	int64_t (*utc_offset_s)(int64_t wall_s);
};

/* An appliance that runs once. */
struct household_event {
	int64_t start_s; /* local */
	int64_t end_s;
	int appliance;
};

struct household_day {
	int64_t day; /* local days since 1970 */
	int events;
	double activity; /* how busy the day is, around 1 */
	struct household_event event[HOUSEHOLD_EVENTS_MAX];
};

struct household {
	struct household_conf conf;
	struct weather_conf place;   /* its sky: for the dark and the cold */
	struct household_day day[2]; /* by the day's parity: what runs past midnight stays known */
	int64_t block;               /* cached quarter of an hour: UTC / HOUSEHOLD_BLOCK_S */
	float load_w[HOUSEHOLD_BLOCK_S];
};

void household_init(struct household *h, const struct household_conf *conf);

/* The load in W at wall_s, > 0. */
double household_load_w(struct household *h, int64_t wall_s);

#endif
