/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/weather.h"

#include <math.h>

#include "daemon/base/chance.h"

enum { DAY_S = 86400, GEOMETRY_STEP_S = 60 };

/* Uses of the seed. */
enum { STREAM_DAYS = 1, STREAM_HOURS, STREAM_CLOUDS, STREAM_WISPS, STREAM_WARMTH };

/* One day's sky resembles the day before by this correlation. */
static const double PERSISTENCE = 0.55;
enum { DAYS_REMEMBERED = 8 };

/* The share of the nameplate that reaches the AC side: inverter, cables, mismatch, soiling. */
static const double SYSTEM_EFFICIENCY = 0.88;

static const double RAD = 0.017453292519943295;

/* East, north and up. */
struct direction {
	double east, north, up;
};

/* What falls on the array, in W/m2, without clouds and through a closed deck. */
struct light {
	double beam;    /* direct, on the array's plane */
	double diffuse; /* from a clear sky and the ground, on the plane */
	double deck;    /* through full overcast, on the plane */
};

/* Days since 2000-01-01 12:00 UTC, with fraction. */
static double days_2000(int64_t wall_s)
{
	return ((double)wall_s - 946728000.0) / DAY_S;
}

/* The sun from declination, equation of time and hour angle: good to a quarter of a degree. */
static struct direction sun_direction(const struct weather_conf *c, int64_t wall_s)
{
	double days = days_2000(wall_s);
	double anomaly = (357.529 + 0.98560028 * days) * RAD;
	double mean = 280.459 + 0.98564736 * days;
	double ecliptic = (mean + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly)) * RAD;
	double ascension = atan2(0.91748 * sin(ecliptic), cos(ecliptic));
	double declination = asin(0.39778 * sin(ecliptic));
	/* Greenwich mean sidereal time less the right ascension, seen from the longitude. */
	double sidereal = (280.46062 + 360.98564737 * days + c->longitude_deg) * RAD;
	double hour = sidereal - ascension;
	double latitude = c->latitude_deg * RAD;
	return (struct direction){
		.east = -cos(declination) * sin(hour),
		.north = sin(declination) * cos(latitude) -
			 cos(declination) * cos(hour) * sin(latitude),
		.up = sin(declination) * sin(latitude) +
		      cos(declination) * cos(hour) * cos(latitude),
	};
}

double weather_sun(const struct weather_conf *conf, int64_t wall_s)
{
	return sun_direction(conf, wall_s).up;
}

/* A first order autoregression over days, written as the sum it is, so that any day can be had
 * without the days before. Deviation 1. */
static double day_tendency(uint64_t seed, uint32_t stream, int64_t day)
{
	double sum = 0, weight = sqrt(1 - PERSISTENCE * PERSISTENCE);
	for (int back = 0; back < DAYS_REMEMBERED; back++) {
		sum += weight * chance_normal(seed, stream, day - back);
		weight *= PERSISTENCE;
	}
	return sum;
}

/* The tendency between the middles of two days. */
static double tendency(uint64_t seed, uint32_t stream, int64_t wall_s)
{
	int64_t day = chance_floor_div(wall_s, DAY_S);
	double x = (double)(wall_s - day * DAY_S) / DAY_S;
	double w = x * x * (3 - 2 * x);
	return day_tendency(seed, stream, day) * (1 - w) + day_tendency(seed, stream, day + 1) * w;
}

double weather_cloud_cover(const struct weather_conf *conf, int64_t wall_s)
{
	double z = 0.15 + 1.9 * tendency(conf->seed, STREAM_DAYS, wall_s) +
		   0.9 * chance_noise(conf->seed, STREAM_HOURS, wall_s, 9000);
	return 1 / (1 + exp(-1.4 * z));
}

double weather_temperature(const struct weather_conf *conf, int64_t wall_s)
{
	double latitude = fabs(conf->latitude_deg);
	double north = conf->latitude_deg < 0 ? -1 : 1;
	double mean = 27 - 0.38 * latitude;
	double season = -north * 0.2 * latitude * cos(2 * M_PI * (days_2000(wall_s) - 20) / 365.25);
	double noon_h = (double)(wall_s % DAY_S) / 3600 + conf->longitude_deg / 15;
	double daily = -3.5 * cos(2 * M_PI * (noon_h - 3) / 24);
	return mean + season + daily + 3.0 * tendency(conf->seed, STREAM_WARMTH, wall_s);
}

/* Light on the array: clear-sky beam after Meinel over the air mass of Kasten and Young, isotropic
 * sky, a ground that reflects a fifth. */
static struct light light_at(const struct weather_conf *c, int64_t wall_s)
{
	struct direction sun = sun_direction(c, wall_s);
	if (sun.up <= 0) {
		return (struct light){ 0 };
	}
	double elevation_deg = asin(sun.up) / RAD;
	double mass = 1 / (sun.up + 0.50572 * pow(elevation_deg + 6.07995, -1.6364));
	double normal = 1353 * pow(0.7, pow(mass, 0.678));
	double tilt = c->tilt_deg * RAD, azimuth = c->azimuth_deg * RAD;
	double facing = sun.east * sin(tilt) * sin(azimuth) + sun.north * sin(tilt) * cos(azimuth) +
			sun.up * cos(tilt);
	double sky_part = (1 + cos(tilt)) / 2, ground_part = 0.2 * (1 - cos(tilt)) / 2;
	double sky = 0.11 * normal * sqrt(sun.up);
	double horizontal = normal * sun.up + sky;
	return (struct light){
		.beam = facing > 0 ? normal * facing : 0,
		.diffuse = sky * sky_part + horizontal * ground_part,
		.deck = 0.22 * horizontal * (sky_part + ground_part),
	};
}

/* How much of the sun a cloud hides now, 0..1: a patchy sky whose patches fill the share `cover`
 * of the time, a few minutes each, with soft edges. */
static double shade(const struct weather_conf *c, int64_t wall_s, double cover)
{
	double patch = 0.8 * chance_noise(c->seed, STREAM_CLOUDS, wall_s, 600) +
		       0.45 * chance_noise(c->seed, STREAM_WISPS, wall_s, 75);
	/* Roughly uniform: the logistic of a normal number. */
	double level = 1 / (1 + exp(-2.1 * patch));
	double edge = (cover - level) / 0.2 + 0.5;
	return edge <= 0 ? 0 : edge >= 1 ? 1 : edge;
}

static double yield_of(struct light l, double shaded, double cover, double air_c)
{
	double on_plane = l.beam * (1 - shaded) + l.diffuse + (l.deck - l.diffuse) * cover * cover;
	/* Some 30 K over the air at full sun; crystalline silicon loses 0.35 % per K over 25 C. */
	double cell_c = air_c + 0.030 * on_plane;
	double y = on_plane / 1000 * (1 - 0.0035 * (cell_c - 25)) * SYSTEM_EFFICIENCY;
	return y > 0 ? y : 0;
}

static struct light between(struct light a, struct light b, double x)
{
	return (struct light){ .beam = a.beam + (b.beam - a.beam) * x,
			       .diffuse = a.diffuse + (b.diffuse - a.diffuse) * x,
			       .deck = a.deck + (b.deck - a.deck) * x };
}

/* One minute of yields from the light at its ends. */
static void fill_minute(const struct weather_conf *c, int64_t start_s, struct light a,
			struct light b, float yield[GEOMETRY_STEP_S])
{
	double cover = weather_cloud_cover(c, start_s);
	double air_c = weather_temperature(c, start_s);
	for (int i = 0; i < GEOMETRY_STEP_S; i++) {
		struct light l = between(a, b, (double)i / GEOMETRY_STEP_S);
		double lit = l.beam + l.diffuse;
		yield[i] = lit > 0 ? (float)yield_of(l, shade(c, start_s + i, cover), cover, air_c)
				   : 0;
	}
}

static void fill(struct weather *w, int64_t block)
{
	int64_t start_s = block * WEATHER_BLOCK_S;
	struct light a = light_at(&w->conf, start_s);
	for (int i = 0; i < WEATHER_BLOCK_S; i += GEOMETRY_STEP_S) {
		struct light b = light_at(&w->conf, start_s + i + GEOMETRY_STEP_S);
		fill_minute(&w->conf, start_s + i, a, b, w->yield + i);
		a = b;
	}
	w->block = block;
}

void weather_init(struct weather *w, const struct weather_conf *conf)
{
	*w = (struct weather){ .conf = *conf };
	fill(w, 0);
}

double weather_yield(struct weather *w, int64_t wall_s)
{
	int64_t block = chance_floor_div(wall_s, WEATHER_BLOCK_S);
	if (block != w->block) {
		fill(w, block);
	}
	return (double)w->yield[wall_s - block * WEATHER_BLOCK_S];
}
