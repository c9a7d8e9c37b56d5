/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plant: the physics of one house behind its connection point. A load, PV inverters and
 * batteries, moved through time by plant_advance().
 *
 * The batteries are richer than what a planner assumes: their loss bends with the power, the BMS
 * tapers near full and empty, they follow a set-point with a lag, lose charge by themselves, and
 * fall back to their own default when a command's lease ends. Energy is conserved: what is not in a
 * counter or in store is in loss_wh.
 *
 * Powers in W by the signs of reading.h. Time is monotonic; the house's wall time runs with it from
 * where plant_start() put it, whatever a controller's clock is set to meanwhile. */
#ifndef LECD_DRIVERS_PLANT_H
#define LECD_DRIVERS_PLANT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/household.h"
#include "drivers/weather.h"

enum { PLANT_PVS_MAX = 27, PLANT_BATTERIES_MAX = 16 };

/* What a battery does while nobody commands it. Most hybrid inverters cover the house by
 * themselves; a plain storage inverter waits. */
enum plant_default { PLANT_IDLE, PLANT_SELF_CONSUMPTION };

struct plant_battery_conf {
	double capacity_wh;
	double charge_limit_w;        /* AC, > 0 */
	double discharge_limit_w;     /* AC, > 0 */
	double round_trip_efficiency; /* AC to AC at half power, 0.5..0.999 */
	double self_discharge;        /* share of the stored energy lost per day */
	double lag_s;                 /* time constant of the power; 0: at once */
	double soc_start;
	enum plant_default own_default;
};

struct plant_pv_conf {
	double peak_w;   /* of the modules */
	double rating_w; /* of the inverter, AC */
	double tilt_deg;
	double azimuth_deg;
};

/* Measured load and generation, as in a series file: row i holds from start_s[i] to start_s[i + 1].
 * Either column may be NULL. Where a series has nothing to say, the generator speaks. */
struct plant_series {
	int rows;
	const int64_t *start_s; /* rows + 1 */
	const double *load_w;
	const double *pv_w; /* of all inverters; they share it by peak power */
};

struct plant_conf {
	uint64_t seed;
	double latitude_deg;
	double longitude_deg;
	double annual_load_wh;                   /* 0: as generated */
	int64_t (*utc_offset_s)(int64_t wall_s); /* of people's habits; see household.h */
	double meter_noise_w;       /* deviation of the meter's power; its counters are exact */
	struct plant_series series; /* outlives the plant; rows 0: none */
	int pvs;
	int batteries;
	struct plant_pv_conf pv[PLANT_PVS_MAX];
	struct plant_battery_conf battery[PLANT_BATTERIES_MAX];
};

struct plant_command {
	bool active;
	double w;
	int64_t expires_us; /* INT64_MAX: never */
};

struct plant_pv {
	struct plant_command command; /* w: the limit */
	double available_w;           /* what sun and inverter allow */
	double w;
	double wh;
};

struct plant_battery {
	struct plant_command command; /* w: the set-point */
	double w;
	double stored_wh;
	double charge_wh; /* counters at the AC side */
	double discharge_wh;
	double loss_wh;
	double loss_scale;  /* of the loss curve, for the configured efficiency */
	double second_gain; /* share of the way to the target in one second */
};

struct plant {
	struct plant_conf conf;
	int64_t now_us;
	int64_t wall_offset_us; /* wall time less now_us */
	double load_w;
	bool load_told; /* it is what plant_tell_load() said, and not what people do */
	double told_load_w;
	double grid_w; /* without the meter's noise */
	double load_wh;
	double import_wh;
	double export_wh;
	int series_row; /* where the last look-up ended */
	struct plant_pv pv[PLANT_PVS_MAX];
	struct plant_battery battery[PLANT_BATTERIES_MAX];
	struct household household;
	struct weather sky[PLANT_PVS_MAX];
};

/* A house at rest, its batteries at soc_start; conf is copied. Call plant_start() next. */
void plant_init(struct plant *p, const struct plant_conf *conf);

/* Set the time, without moving anything: at now_us the house's wall time is wall_s. */
void plant_start(struct plant *p, int64_t now_us, int64_t wall_s);

/* Move the house to now_us, in steps of at most a second, and end leases exactly when they end.
 * Nothing happens if it is there already or if now_us lies before. Some 0.1 us per second. */
void plant_advance(struct plant *p, int64_t now_us);

/* From now on the load is that, until another is told; below 0: what is behind the house feeds in.
 */
void plant_tell_load(struct plant *p, double w);

int64_t plant_wall_s(const struct plant *p);

/* Hold an AC power (+ discharge) until expires_us. Limits of inverter and BMS win. */
void plant_battery_hold(struct plant *p, int battery, double w, int64_t expires_us);
void plant_battery_release(struct plant *p, int battery);

/* Generate at most w until expires_us. */
void plant_pv_limit(struct plant *p, int pv, double w, int64_t expires_us);
void plant_pv_release(struct plant *p, int pv);

double plant_soc(const struct plant *p, int battery);
/* What the BMS allows now, both >= 0. */
double plant_charge_max_w(const struct plant *p, int battery);
double plant_discharge_max_w(const struct plant *p, int battery);
/* What is lost at an AC power of w, besides self-discharge. */
double plant_loss_w(const struct plant *p, int battery, double w);

/* Load and available generation at any time, as the house will have them if nothing limits PV:
 * for looking ahead or back. Both move only caches. */
double plant_load_at(struct plant *p, int64_t wall_s);
double plant_pv_at(struct plant *p, int pv, int64_t wall_s);

#endif
