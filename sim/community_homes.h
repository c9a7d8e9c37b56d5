/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The homes of a community: their classes, what each has, and what they use and generate over time.
 *
 * A home's load and generation are means over steps of equal length in W. Generation is what its
 * inverter could give, whether sun or wind drives it. Beside them stand the forecasts that the home
 * itself would have made at the step's beginning, by policy/forecast.h. */
#ifndef LECD_SIM_COMMUNITY_HOMES_H
#define LECD_SIM_COMMUNITY_HOMES_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/problem.h"

enum home_class {
	CLASS_CONSUMER,      /* load only */
	CLASS_PV,            /* and PV */
	CLASS_PV_BATTERY,    /* and a battery */
	CLASS_PV_BATTERY_EV, /* and a car, which charges when it comes home: a load */
	CLASS_WIND_BATTERY,  /* a small turbine and a battery */
	CLASS_COUNT
};
enum { COMMUNITY_HOMES_MAX = 1000, COMMUNITY_STEPS_MAX = 2 * 366 * 96 };

/* What a class has, and what a home of it is like; the generator varies sizes between 0.7 and 1.3
 * of these. */
struct class_model {
	const char *name; /* "consumer", "pv", "pv-battery", "pv-battery-ev", "wind-battery" */
	double annual_load_wh;
	double pv_peak_w, wind_rating_w; /* 0: none */
	struct battery_model battery;    /* capacity 0: none */
	double car_day_wh, charger_w;    /* at the charger, of a day away; 0: no car */
};
extern const struct class_model class_models[CLASS_COUNT];

struct community_home {
	int class;                             /* enum home_class */
	struct battery_model battery;          /* capacity 0: none */
	double import_limit_w, export_limit_w; /* of the connection; INFINITY: none */
};

/* All arrays by step, then home. Owned. */
struct community_series {
	int homes, steps;
	int64_t start_s; /* UTC; a multiple of step_s */
	int step_s;      /* 300 to 3600, a divisor of a day */
	float *load_w, *pv_w;
	/* As forecast at the step's beginning: for the step, and means of so long from then on. */
	float *load_next_w, *pv_next_w, *spread_next_w;
	float *load_6h_w, *load_24h_w, *pv_6h_w, *pv_24h_w;
};

/* Room for so many. Returns 0; -EINVAL: a size or time is not sound; -ENOMEM. */
int community_series_init(struct community_series *s, int homes, int steps, int64_t start_s,
			  int step_s);
void community_series_free(struct community_series *s);

/* Make home i of that class, and its load and generation under the sky of that seed; the same home
 * for the same seed and i. */
void community_generate(struct community_series *s, int i, enum home_class class, uint64_t seed,
			struct community_home *out);

/* Fill in the forecasts from load and generation. Returns 0 or -ENOMEM. */
int community_forecast(struct community_series *s);

/* What the battery of a home does for an interval of which it wants want_w, with that much stored
 * and that net load (load - PV): want_w within all limits. */
double community_battery_w(const struct community_home *home, double hours, double stored_wh,
			   double net_w, double want_w);

static inline int64_t community_time_s(const struct community_series *s, int step)
{
	return s->start_s + (int64_t)step * s->step_s;
}

#endif
