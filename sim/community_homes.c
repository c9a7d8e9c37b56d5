/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_homes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "daemon/base/tariff.h"
#include "drivers/household.h"
#include "drivers/weather.h"
#include "policy/forecast.h"

enum {
	STREAM_SIZE = 3001,
	STREAM_WIND = 3010, /* the region's */
	STREAM_GUST = 3011,
	STREAM_CAR = 3020,
	SAMPLE_S = 60,
	DAY_S = 86400,
	HOUR_S = 3600
};
static const double latitude_deg = 52, longitude_deg = 5;

/* Charges and discharges through its inverter with the square root of the round trip each way. */
#define BATTERY(wh, w)                                                                             \
	{                                                                                          \
		.capacity_wh = wh, .charge_limit_w = w, .discharge_limit_w = w,                    \
		.charge_efficiency = 0.948683, .discharge_efficiency = 0.948683, .soc_min = 0.1,   \
		.soc_max = 0.95, .soc_start = 0.5, .soc_end = -1, .wear = 0.01,                    \
		.grid_charging = true, .grid_discharging = true                                    \
	}

const struct class_model class_models[CLASS_COUNT] = {
	/*                        name            load  pv    wind  battery            car   charger
	 */
	[CLASS_CONSUMER] = { "consumer", 3.5e6, 0, 0, { 0 }, 0, 0 },
	[CLASS_PV] = { "pv", 4e6, 5e3, 0, { 0 }, 0, 0 },
	[CLASS_PV_BATTERY] = { "pv-battery", 4.5e6, 6e3, 0, BATTERY(10e3, 5e3), 0, 0 },
	[CLASS_PV_BATTERY_EV] = { "pv-battery-ev", 4.5e6, 8e3, 0, BATTERY(13.5e3, 5e3), 8e3,
				  3.7e3 },
	[CLASS_WIND_BATTERY] = { "wind-battery", 5e6, 0, 5e3, BATTERY(10e3, 5e3), 0, 0 },
};

int community_series_init(struct community_series *s, int homes, int steps, int64_t start_s,
			  int step_s)
{
	*s = (struct community_series){
		.homes = homes, .steps = steps, .start_s = start_s, .step_s = step_s
	};
	if (homes < 1 || homes > COMMUNITY_HOMES_MAX || steps < 1 || steps > COMMUNITY_STEPS_MAX ||
	    step_s < 300 || step_s > HOUR_S || DAY_S % step_s || start_s % step_s) {
		return -EINVAL;
	}
	size_t count = (size_t)homes * (size_t)steps;
	s->load_w = calloc(9 * count, sizeof(float));
	if (!s->load_w) {
		return -ENOMEM;
	}
	s->pv_w = s->load_w + count;
	s->load_next_w = s->pv_w + count;
	s->pv_next_w = s->load_next_w + count;
	s->load_6h_w = s->pv_next_w + count;
	s->load_24h_w = s->load_6h_w + count;
	s->pv_6h_w = s->load_24h_w + count;
	s->pv_24h_w = s->pv_6h_w + count;
	s->spread_next_w = s->pv_24h_w + count;
	return 0;
}

void community_series_free(struct community_series *s)
{
	free(s->load_w);
	*s = (struct community_series){ 0 };
}

/* --- the generator ------------------------------------------------------------------------------
 */

/* What a turbine gives over its rating: a cubic between 3 and 11 m/s, nothing in a storm. The wind
 * blows over the region for hours, stronger in winter, and gusts at the home. */
static double wind_yield(uint64_t seed, uint64_t own, int64_t at_s)
{
	const double cut_in = 3, rated = 11, storm = 25;
	double year = 2 * M_PI * (double)(at_s % (365 * DAY_S + DAY_S / 4)) / (365.25 * DAY_S);
	double calm = chance_noise(seed, STREAM_WIND, at_s, 9 * HOUR_S);
	double gust = chance_noise(own, STREAM_GUST, at_s, HOUR_S);
	double speed = (6 + 1.2 * cos(year)) * exp(0.45 * calm + 0.12 * gust);
	if (speed < cut_in || speed > storm) {
		return 0;
	}
	double share = fmin(1, (speed - cut_in) / (rated - cut_in));
	return share * share * share;
}

/* The charger's mean power over a step: the car comes between 16:30 and 19:30 by local time and
 * charges what its day took; one day in five it stays at home. */
static double car_w(const struct class_model *class, uint64_t own, int64_t from_s, int step_s)
{
	int64_t local_s = from_s + timezone_offset_s(from_s);
	double w = 0;
	for (int back = 0; back < 2; back++) {
		int64_t day = chance_floor_div(local_s, DAY_S) - back;
		if (chance_uniform(own, STREAM_CAR, 3 * day) < 0.2) {
			continue;
		}
		double wh =
			class->car_day_wh * (0.5 + chance_uniform(own, STREAM_CAR, 3 * day + 1));
		double begin_s = (double)(day * DAY_S) + 16.5 * HOUR_S +
				 3.0 * HOUR_S * chance_uniform(own, STREAM_CAR, 3 * day + 2);
		double end_s = begin_s + wh / class->charger_w * HOUR_S;
		double overlap_s =
			fmin(end_s, (double)(local_s + step_s)) - fmax(begin_s, (double)local_s);
		w += class->charger_w * fmax(0, overlap_s) / step_s;
	}
	return w;
}

static double varied(uint64_t own, int index, double value)
{
	return value * (0.7 + 0.6 * chance_uniform(own, STREAM_SIZE, index));
}

static void generate_step(struct community_series *s, int i, int step,
			  const struct class_model *class, uint64_t seed, uint64_t own,
			  struct household *people, struct weather *sky)
{
	int64_t from_s = community_time_s(s, step);
	double load_w = 0, pv_w = 0;
	for (int at = SAMPLE_S / 2; at < s->step_s; at += SAMPLE_S) {
		load_w += household_load_w(people, from_s + at);
		pv_w += class->pv_peak_w > 0 ? weather_yield(sky, from_s + at) : 0;
	}
	load_w *= (double)SAMPLE_S / s->step_s;
	pv_w *= (double)SAMPLE_S / s->step_s * varied(own, 1, class->pv_peak_w);
	if (class->wind_rating_w > 0) {
		pv_w += varied(own, 2, class->wind_rating_w) *
			wind_yield(seed, own, from_s + s->step_s / 2);
	}
	if (class->charger_w > 0) {
		load_w += car_w(class, own, from_s, s->step_s);
	}
	s->load_w[(size_t)step * (size_t)s->homes + (size_t)i] = (float)load_w;
	s->pv_w[(size_t)step * (size_t)s->homes + (size_t)i] = (float)pv_w;
}

void community_generate(struct community_series *s, int i, enum home_class class, uint64_t seed,
			struct community_home *out)
{
	const struct class_model *model = &class_models[class];
	uint64_t own = chance_bits(seed, STREAM_SIZE, i);
	struct household_conf people = { .seed = own,
					 .latitude_deg = latitude_deg,
					 .longitude_deg = longitude_deg,
					 .annual_load_wh = varied(own, 0, model->annual_load_wh),
					 .utc_offset_s = timezone_offset_s };
	struct weather_conf sky = { .seed = seed,
				    .latitude_deg = latitude_deg,
				    .longitude_deg = longitude_deg,
				    .tilt_deg = 20 + 25 * chance_uniform(own, STREAM_SIZE, 4),
				    .azimuth_deg =
					    130 + 100 * chance_uniform(own, STREAM_SIZE, 5) };
	struct household household;
	struct weather weather;
	household_init(&household, &people);
	weather_init(&weather, &sky);
	for (int step = 0; step < s->steps; step++) {
		generate_step(s, i, step, model, seed, own, &household, &weather);
	}
	*out = (struct community_home){ .class = (int)class,
					.battery = model->battery,
					.import_limit_w = 17e3,
					.export_limit_w = 10e3 };
	out->battery.capacity_wh = varied(own, 3, model->battery.capacity_wh);
}

/* --- forecasts ----------------------------------------------------------------------------------
 */

/* What home i forecasts at a step's beginning: the step, and hours from then on. */
static void look_ahead(struct community_series *s, size_t at, int64_t now_s,
		       const struct forecast *f)
{
	enum { NEAR_H = 6, FAR_H = 24 };
	struct step next[1 + FAR_H];
	int32_t east_s[1 + FAR_H];
	double load_w = 0, pv_w = 0;
	for (int k = 0; k <= FAR_H; k++) {
		int64_t at_s = now_s + (k > 0 ? (k - 1) * HOUR_S : 0);
		next[k] = (struct step){ .start_s = at_s, .hours = k > 0 ? 1 : s->step_s / 3600.0 };
		east_s[k] = (int32_t)timezone_offset_s(at_s);
	}
	forecast_fill(f, next, 1 + FAR_H, east_s);
	s->load_next_w[at] = (float)next[0].load_w;
	s->pv_next_w[at] = (float)next[0].pv_w;
	s->spread_next_w[at] = (float)forecast_spread(f, &next[0]);
	for (int k = 1; k <= FAR_H; k++) {
		load_w += next[k].load_w;
		pv_w += next[k].pv_w;
		if (k == NEAR_H) {
			s->load_6h_w[at] = (float)(load_w / NEAR_H);
			s->pv_6h_w[at] = (float)(pv_w / NEAR_H);
		}
	}
	s->load_24h_w[at] = (float)(load_w / FAR_H);
	s->pv_24h_w[at] = (float)(pv_w / FAR_H);
}

/* A home that has seen less than a day goes by what it saw last. */
static void look_back(struct community_series *s, size_t at, size_t last)
{
	s->load_next_w[at] = s->load_6h_w[at] = s->load_24h_w[at] = s->load_w[last];
	s->pv_next_w[at] = s->pv_6h_w[at] = s->pv_24h_w[at] = s->pv_w[last];
}

static void forecast_home(struct community_series *s, int i, struct forecast *f)
{
	for (int step = 0; step < s->steps; step++) {
		int64_t now_s = community_time_s(s, step);
		size_t at = (size_t)step * (size_t)s->homes + (size_t)i;
		if (forecast_ready(f)) {
			look_ahead(s, at, now_s, f);
		} else {
			look_back(s, at, step > 0 ? at - (size_t)s->homes : at);
		}
		forecast_add(f, now_s, true, (double)s->load_w[at], true, (double)s->pv_w[at],
			     (int32_t)timezone_offset_s(now_s));
	}
}

int community_forecast(struct community_series *s)
{
	struct forecast *f = malloc(sizeof(*f));
	if (!f) {
		return -ENOMEM;
	}
	for (int i = 0; i < s->homes; i++) {
		int r = forecast_init(f, s->step_s);
		if (r < 0) {
			free(f);
			return r;
		}
		forecast_home(s, i, f);
	}
	free(f);
	return 0;
}

/* --- a battery's interval -----------------------------------------------------------------------
 */

double community_battery_w(const struct community_home *home, double hours, double stored_wh,
			   double net_w, double want_w)
{
	const struct battery_model *b = &home->battery;
	if (b->capacity_wh == 0) {
		return 0;
	}
	double room_wh = fmax(0, b->soc_max * b->capacity_wh - stored_wh);
	double have_wh = fmax(0, stored_wh - b->soc_min * b->capacity_wh);
	double low_w = -fmin(b->charge_limit_w, room_wh / b->charge_efficiency / hours);
	double high_w = fmin(b->discharge_limit_w, have_wh * b->discharge_efficiency / hours);
	if (!b->grid_charging) {
		low_w = fmax(low_w, fmin(0, net_w));
	}
	if (!b->grid_discharging) {
		high_w = fmin(high_w, fmax(0, net_w));
	}
	double w = fmin(fmax(want_w, low_w), high_w);
	w = fmin(fmax(w, net_w - home->import_limit_w), net_w + home->export_limit_w);
	return fmin(fmax(w, low_w), high_w);
}
