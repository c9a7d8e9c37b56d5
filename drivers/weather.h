/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The weather over one solar array: what it could generate at any moment, from the sun's position
 * and a seeded sky. A pure function of the configuration and the time; the struct only caches.
 *
 * Arrays with the same seed and place share one sky, however they are oriented. */
#ifndef LECD_DRIVERS_WEATHER_H
#define LECD_DRIVERS_WEATHER_H

#include <stdint.h>

enum { WEATHER_BLOCK_S = 900 };

struct weather_conf {
	uint64_t seed;
	double latitude_deg;  /* + north */
	double longitude_deg; /* + east */
	double tilt_deg;      /* of the array, 0 flat */
	double azimuth_deg;   /* it faces: 90 east, 180 south */
};

struct weather {
	struct weather_conf conf;
	int64_t block;                /* cached quarter of an hour: wall time / WEATHER_BLOCK_S */
	float yield[WEATHER_BLOCK_S]; /* per second of it: AC power over peak power */
};

void weather_init(struct weather *w, const struct weather_conf *conf);

/* AC power the array could give at wall_s over its peak power: 0 at night, about 0.9 at best. */
double weather_yield(struct weather *w, int64_t wall_s);

/* Outdoor temperature, C. */
double weather_temperature(const struct weather_conf *conf, int64_t wall_s);

/* Sine of the sun's elevation, < 0 at night. */
double weather_sun(const struct weather_conf *conf, int64_t wall_s);

/* Share of the sky under cloud, 0..1: persists over days, varies over hours. */
double weather_cloud_cover(const struct weather_conf *conf, int64_t wall_s);

#endif
