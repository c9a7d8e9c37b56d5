/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/household.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "daemon/base/chance.h"

enum { DAY_S = 86400, HOUR_S = 3600, STEP_S = 60 };

/* Uses of the seed. */
enum {
	STREAM_BUSY = 100,
	STREAM_MOOD,
	STREAM_HUM,
	STREAM_COLD,
	STREAM_BASE,
	STREAM_EVENTS = 200,
};

/* What the tables below use in an average year at 55 degrees. */
static const double NOMINAL_WH = 4.45e6;

/* How an appliance draws its power over one run. */
enum shape {
	STEADY,
	THERMOSTAT, /* two minutes on, one off */
	WASH        /* heats first, turns, and at the end heats again or spins */
};

struct habit {
	double hour;   /* local, the middle of the usual times */
	double spread; /* hours, deviation */
};

static const struct appliance {
	const char *name;
	double power_w;
	double minutes_min, minutes_max;
	double per_workday, per_weekend_day;
	double first_share; /* how often the first habit is followed, the rest the second */
	struct habit first, second;
	enum shape shape;
} appliances[] = {
	/* name        W     minutes    per day     share   usual times                  shape */
	{ "kettle", 2000, 2, 4, 2.4, 3.2, 0.40, { 7.0, 0.6 }, { 17.0, 3.5 }, STEADY },
	{ "toaster", 900, 2, 4, 0.7, 0.9, 0.85, { 7.2, 0.5 }, { 20.0, 1.5 }, STEADY },
	{ "microwave", 1200, 2, 6, 0.9, 1.2, 0.30, { 12.0, 1.0 }, { 18.5, 1.5 }, STEADY },
	{ "hob", 1800, 15, 40, 0.9, 1.3, 0.80, { 17.2, 0.7 }, { 12.5, 0.8 }, THERMOSTAT },
	{ "oven", 2400, 30, 70, 0.35, 0.6, 0.90, { 17.0, 0.8 }, { 13.0, 1.5 }, THERMOSTAT },
	{ "dishwasher", 2000, 80, 120, 0.7, 0.9, 0.85, { 19.6, 1.0 }, { 14.0, 1.5 }, WASH },
	{ "washing machine", 2000, 70, 110, 0.4, 0.9, 0.50, { 18.5, 1.2 }, { 10.5, 1.5 }, WASH },
	{ "dryer", 800, 70, 120, 0.25, 0.6, 0.50, { 20.2, 1.0 }, { 13.0, 1.8 }, STEADY },
	{ "vacuum cleaner", 750, 10, 30, 0.15, 0.6, 0.60, { 11.0, 1.5 }, { 18.0, 1.0 }, STEADY },
	{ "television", 140, 80, 200, 1.1, 1.5, 0.90, { 19.8, 0.9 }, { 15.0, 1.5 }, STEADY },
	{ "computer", 90, 60, 240, 0.9, 1.3, 0.60, { 19.0, 1.5 }, { 11.0, 2.5 }, STEADY },
	{ "hair dryer", 1400, 3, 8, 0.6, 0.5, 0.80, { 6.9, 0.4 }, { 21.0, 1.0 }, STEADY },
};
enum { APPLIANCES = sizeof(appliances) / sizeof(*appliances), RUNS_MAX = 8 };
static_assert(APPLIANCES * RUNS_MAX <= HOUSEHOLD_EVENTS_MAX, "a day's events have room");

/* People at home and awake, by the local hour: 0..1. */
static const double awake[2][24] = {
	/* workday */
	{ .03, .02, .02, .02, .03, .15, .60, .75, .35, .20, .18, .20,
	  .22, .20, .22, .35, .65, .85, .90, .95, .95, .80, .45, .12 },
	/* weekend */
	{ .08, .04, .02, .02, .02, .04, .12, .35, .65, .75, .70, .65,
	  .70, .65, .60, .60, .65, .80, .90, .95, .95, .90, .60, .25 },
};

/* What runs whenever people are awake, and what they light. */
static const double ACTIVE_W = 190, LAMPS_W = 150;
/* What always runs; pumps and ventilation when it is cold. */
static const double BASE_W = 95, COLD_W = 190;

static const struct {
	double power_w;
	int period_s;
	double duty;
} coolers[] = {
	{ 85, 2700, 0.32 }, /* refrigerator */
	{ 110, 3900, 0.28 } /* freezer */
};

static int64_t offset_s(const struct household_conf *c, int64_t wall_s)
{
	return c->utc_offset_s ? c->utc_offset_s(wall_s)
			       : (int64_t)lround(c->longitude_deg / 15) * HOUR_S;
}

/* 1970-01-01 was a Thursday. */
static int is_weekend(int64_t day)
{
	int64_t weekday = day - 7 * chance_floor_div(day, 7);
	return weekday == 2 || weekday == 3;
}

/* How often an appliance runs on a day: a Poisson number from one uniform. */
static int runs(double mean, double uniform)
{
	double term = exp(-mean), sum = term;
	int n = 0;
	while (uniform > sum && n < RUNS_MAX) {
		n++;
		term *= mean / n;
		sum += term;
	}
	return n;
}

static struct household_event draw_event(uint64_t seed, int64_t day, int appliance, int run)
{
	const struct appliance *a = &appliances[appliance];
	uint32_t stream = STREAM_EVENTS + 1 + (uint32_t)appliance;
	int64_t index = (day * RUNS_MAX + run) * 4;
	bool first = chance_uniform(seed, stream, index) < a->first_share;
	const struct habit *habit = first ? &a->first : &a->second;
	double hour = habit->hour + habit->spread * chance_normal(seed, stream, index + 1);
	double minutes = a->minutes_min + (a->minutes_max - a->minutes_min) *
						  chance_uniform(seed, stream, index + 2);
	int64_t start_s = day * DAY_S + (int64_t)(hour * HOUR_S);
	/* Nothing starts before its day, so that two days' lists hold all that can run. */
	start_s = start_s < day * DAY_S ? day * DAY_S : start_s;
	return (struct household_event){ start_s, start_s + (int64_t)(minutes * 60), appliance };
}

static void draw_day(const struct household_conf *c, int64_t day, struct household_day *out)
{
	*out = (struct household_day){ .day = day };
	out->activity = 1 + 0.15 * chance_normal(c->seed, STREAM_BUSY, day);
	for (int a = 0; a < APPLIANCES; a++) {
		double mean =
			is_weekend(day) ? appliances[a].per_weekend_day : appliances[a].per_workday;
		double uniform = chance_uniform(c->seed, STREAM_EVENTS, day * APPLIANCES + a);
		int n = runs(mean * out->activity, uniform);
		for (int run = 0; run < n; run++) {
			out->event[out->events++] = draw_event(c->seed, day, a, run);
		}
	}
}

static struct household_day *day_of(struct household *h, int64_t day)
{
	struct household_day *d = &h->day[day & 1];
	if (d->day != day) {
		draw_day(&h->conf, day, d);
	}
	return d;
}

static double event_w(const struct household_event *e, int64_t local_s)
{
	const struct appliance *a = &appliances[e->appliance];
	int64_t run_s = local_s - e->start_s, length_s = e->end_s - e->start_s;
	switch (a->shape) {
	case STEADY:
		return a->power_w;
	case THERMOSTAT:
		return run_s % 180 < 120 ? a->power_w : 0;
	case WASH:
		if (run_s > length_s / 20 && run_s < length_s / 4) {
			return a->power_w;
		}
		return run_s > length_s * 9 / 10 ? a->power_w * 0.3 : a->power_w * 0.06;
	}
	return 0;
}

/* Awake people between full hours. */
static double presence(int64_t local_s)
{
	int64_t day = chance_floor_div(local_s, DAY_S),
		next = chance_floor_div(local_s + HOUR_S, DAY_S);
	int64_t second = local_s - day * DAY_S;
	int hour = (int)(second / HOUR_S);
	double x = (double)(second % HOUR_S) / HOUR_S;
	double here = awake[is_weekend(day)][hour];
	double there = awake[is_weekend(next)][(hour + 1) % 24];
	return here + (there - here) * x;
}

static double clamp01(double x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* All that changes slowly, over one minute. */
static double slow_w(const struct household *h, double activity, int64_t wall_s, int64_t local_s)
{
	uint64_t seed = h->conf.seed;
	double mood = 1 + 0.25 * chance_noise(seed, STREAM_MOOD, wall_s, 1500);
	double dark = clamp01(0.5 - weather_sun(&h->place, wall_s) * 6);
	double cold = clamp01((16 - weather_temperature(&h->place, wall_s)) / 20);
	double awake_w = (ACTIVE_W + LAMPS_W * dark) * activity * (mood > 0.3 ? mood : 0.3);
	double pumps = 1 + 0.2 * chance_noise(seed, STREAM_COLD, wall_s, 3 * HOUR_S);
	return BASE_W * (0.8 + 0.4 * chance_uniform(seed, STREAM_BASE, 0)) +
	       presence(local_s) * awake_w + COLD_W * cold * pumps;
}

/* Compressors: each cycle is on for about its duty. */
static double coolers_w(uint64_t seed, int64_t wall_s)
{
	double sum = 0;
	for (uint32_t i = 0; i < sizeof(coolers) / sizeof(*coolers); i++) {
		int period_s = coolers[i].period_s;
		int64_t at_s =
			wall_s + (int64_t)(chance_bits(seed, STREAM_HUM + 50 + i, -1) % 3600);
		int64_t cycle = chance_floor_div(at_s, period_s);
		double on_s = period_s * coolers[i].duty *
			      (0.8 + 0.4 * chance_uniform(seed, STREAM_HUM + 50 + i, cycle));
		sum += (double)(at_s - cycle * period_s) < on_s ? coolers[i].power_w : 0;
	}
	return sum;
}

static void add_events(struct household *h, int64_t local_s, int64_t day)
{
	const struct household_day *d = day_of(h, day);
	for (int i = 0; i < d->events; i++) {
		const struct household_event *e = &d->event[i];
		int64_t from = e->start_s > local_s ? e->start_s : local_s;
		int64_t to = e->end_s < local_s + HOUSEHOLD_BLOCK_S ? e->end_s
								    : local_s + HOUSEHOLD_BLOCK_S;
		for (int64_t s = from; s < to; s++) {
			h->load_w[s - local_s] += (float)event_w(e, s);
		}
	}
}

static void fill(struct household *h, int64_t block)
{
	int64_t wall_s = block * HOUSEHOLD_BLOCK_S;
	int64_t local_s = wall_s + offset_s(&h->conf, wall_s);
	int64_t day = chance_floor_div(local_s, DAY_S);
	double activity = day_of(h, day)->activity;
	for (int i = 0; i < HOUSEHOLD_BLOCK_S; i += STEP_S) {
		double w = slow_w(h, activity, wall_s + i, local_s + i) +
			   coolers_w(h->conf.seed, wall_s + i);
		for (int k = 0; k < STEP_S; k++) {
			double hum = chance_normal(h->conf.seed, STREAM_HUM, wall_s + i + k);
			h->load_w[i + k] = (float)(w * (1 + 0.01 * hum));
		}
	}
	add_events(h, local_s, day - 1);
	add_events(h, local_s, day);
	double scale = h->conf.annual_load_wh > 0 ? h->conf.annual_load_wh / NOMINAL_WH : 1;
	for (int i = 0; i < HOUSEHOLD_BLOCK_S; i++) {
		h->load_w[i] *= (float)scale;
	}
	h->block = block;
}

void household_init(struct household *h, const struct household_conf *conf)
{
	*h = (struct household){ .conf = *conf,
				 .place = { .seed = conf->seed,
					    .latitude_deg = conf->latitude_deg,
					    .longitude_deg = conf->longitude_deg } };
	draw_day(conf, 0, &h->day[0]);
	draw_day(conf, 1, &h->day[1]);
	fill(h, 0);
}

double household_load_w(struct household *h, int64_t wall_s)
{
	int64_t block = chance_floor_div(wall_s, HOUSEHOLD_BLOCK_S);
	if (block != h->block) {
		fill(h, block);
	}
	return (double)h->load_w[wall_s - block * HOUSEHOLD_BLOCK_S];
}
