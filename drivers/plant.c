/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/plant.h"

#include <assert.h>
#include <math.h>

#include "daemon/base/chance.h"

enum { SECOND_US = 1000000 };

/* The loss of a battery inverter over its load x = |w| / limit, as a share of the limit: asleep it
 * draws SLEEP, awake STANDBY (from a fiftieth of the limit on), plus part-load and ohmic parts.
 * Around half power this makes 5.5 % each way, at 5 % some 11 %. */
static const double LOSS_SLEEP = 0.001, LOSS_STANDBY = 0.004, LOSS_LINEAR = 0.022,
		    LOSS_OHMIC = 0.050, AWAKE_FROM = 0.02;
static const double LOSS_HALF = (0.004 + 0.022 * 0.5 + 0.050 * 0.25) / 0.5;

/* The BMS tapers charging over the last of the capacity, discharging over the first above a floor
 * that it keeps. A trickle goes on until full. */
static const double FULL_TAPER = 0.08, EMPTY_FLOOR = 0.02, EMPTY_TAPER = 0.05, TRICKLE = 0.03;

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

void plant_init(struct plant *p, const struct plant_conf *conf)
{
	assert(conf->pvs >= 0 && conf->pvs <= PLANT_PVS_MAX);
	assert(conf->batteries >= 0 && conf->batteries <= PLANT_BATTERIES_MAX);
	*p = (struct plant){ .conf = *conf };
	household_init(&p->household, &(struct household_conf){
					      .seed = conf->seed,
					      .latitude_deg = conf->latitude_deg,
					      .longitude_deg = conf->longitude_deg,
					      .annual_load_wh = conf->annual_load_wh,
					      .utc_offset_s = conf->utc_offset_s,
				      });
	for (int i = 0; i < conf->pvs; i++) {
		weather_init(&p->sky[i], &(struct weather_conf){
						 .seed = conf->seed,
						 .latitude_deg = conf->latitude_deg,
						 .longitude_deg = conf->longitude_deg,
						 .tilt_deg = conf->pv[i].tilt_deg,
						 .azimuth_deg = conf->pv[i].azimuth_deg,
					 });
	}
	for (int i = 0; i < conf->batteries; i++) {
		const struct plant_battery_conf *c = &conf->battery[i];
		double r = c->round_trip_efficiency;
		p->battery[i].stored_wh = c->capacity_wh * clamp(c->soc_start, 0, 1);
		/* A loss of u per power makes (1 - u) / (1 + u) of a round trip. */
		p->battery[i].loss_scale = (1 - r) / (1 + r) / LOSS_HALF;
		p->battery[i].second_gain = c->lag_s > 0 ? 1 - exp(-1 / c->lag_s) : 1;
	}
}

void plant_start(struct plant *p, int64_t now_us, int64_t wall_s)
{
	p->now_us = now_us;
	p->wall_offset_us = wall_s * SECOND_US - now_us;
}

void plant_tell_load(struct plant *p, double w)
{
	p->load_told = true;
	p->told_load_w = w;
}

int64_t plant_wall_s(const struct plant *p)
{
	return chance_floor_div(p->now_us + p->wall_offset_us, SECOND_US);
}

/* The series' row at wall_s, or -1. Time mostly moves on by less than a row. */
static int series_row(struct plant *p, int64_t wall_s)
{
	const struct plant_series *s = &p->conf.series;
	if (s->rows == 0 || wall_s < s->start_s[0] || wall_s >= s->start_s[s->rows]) {
		return -1;
	}
	int low = p->series_row, high = p->series_row + 1;
	if (wall_s < s->start_s[low] || wall_s >= s->start_s[high]) {
		low = 0;
		high = s->rows;
	}
	while (high - low > 1) {
		int middle = low + (high - low) / 2;
		*(wall_s < s->start_s[middle] ? &high : &low) = middle;
	}
	p->series_row = low;
	return low;
}

double plant_load_at(struct plant *p, int64_t wall_s)
{
	int row = p->conf.series.load_w ? series_row(p, wall_s) : -1;
	return row >= 0 ? p->conf.series.load_w[row] : household_load_w(&p->household, wall_s);
}

double plant_pv_at(struct plant *p, int pv, int64_t wall_s)
{
	const struct plant_pv_conf *c = &p->conf.pv[pv];
	int row = p->conf.series.pv_w ? series_row(p, wall_s) : -1;
	if (row < 0) {
		return clamp(c->peak_w * weather_yield(&p->sky[pv], wall_s), 0, c->rating_w);
	}
	double peak_w = 0;
	for (int i = 0; i < p->conf.pvs; i++) {
		peak_w += p->conf.pv[i].peak_w;
	}
	return clamp(p->conf.series.pv_w[row] * c->peak_w / peak_w, 0, c->rating_w);
}

double plant_soc(const struct plant *p, int battery)
{
	return p->battery[battery].stored_wh / p->conf.battery[battery].capacity_wh;
}

double plant_charge_max_w(const struct plant *p, int battery)
{
	double room = 1 - plant_soc(p, battery);
	double share = room > 0 ? clamp(room / FULL_TAPER, TRICKLE, 1) : 0;
	return p->conf.battery[battery].charge_limit_w * share;
}

double plant_discharge_max_w(const struct plant *p, int battery)
{
	double share = clamp((plant_soc(p, battery) - EMPTY_FLOOR) / EMPTY_TAPER, 0, 1);
	return p->conf.battery[battery].discharge_limit_w * share;
}

static double loss_w(const struct plant_battery_conf *c, double scale, double w)
{
	double limit_w = larger(c->charge_limit_w, c->discharge_limit_w);
	double x = fabs(w) / limit_w;
	double awake = x < AWAKE_FROM ? x / AWAKE_FROM : 1;
	double share = LOSS_SLEEP + (LOSS_STANDBY - LOSS_SLEEP) * awake +
		       x * (LOSS_LINEAR + x * LOSS_OHMIC);
	return scale * limit_w * share;
}

double plant_loss_w(const struct plant *p, int battery, double w)
{
	return loss_w(&p->conf.battery[battery], p->battery[battery].loss_scale, w);
}

/* Take w out of the store for that long; what does not fit is cut from the power, and what the
 * store cannot even give to the loss is not lost. */
static void battery_convert(const struct plant_battery_conf *c, struct plant_battery *b, double w,
			    double hours)
{
	double lost_w = loss_w(c, b->loss_scale, w) + b->stored_wh * c->self_discharge / 24;
	double room_wh = c->capacity_wh - b->stored_wh;
	if ((w + lost_w) * hours > b->stored_wh) {
		w = larger(w > 0 ? 0 : w, b->stored_wh / hours - lost_w);
		lost_w = w + lost_w > b->stored_wh / hours ? b->stored_wh / hours - w : lost_w;
	} else if (-(w + lost_w) * hours > room_wh) {
		w = -(room_wh / hours + lost_w);
	}
	b->w = w;
	b->stored_wh = clamp(b->stored_wh - (w + lost_w) * hours, 0, c->capacity_wh);
	b->loss_wh += lost_w * hours;
	*(w > 0 ? &b->discharge_wh : &b->charge_wh) += fabs(w) * hours;
}

/* needed_w: what the house lacks without this battery. */
static void battery_step(struct plant *p, int i, double needed_w, double dt_s)
{
	const struct plant_battery_conf *c = &p->conf.battery[i];
	struct plant_battery *b = &p->battery[i];
	double own_w = c->own_default == PLANT_SELF_CONSUMPTION ? needed_w : 0;
	double low = -plant_charge_max_w(p, i), high = plant_discharge_max_w(p, i);
	double target_w = clamp(b->command.active ? b->command.w : own_w, low, high);
	double gain = b->second_gain;
	if (dt_s < 1 && gain < 1) {
		gain = 1 - exp(-dt_s / c->lag_s);
	}
	/* The lag is the inverter's; the BMS cuts at once. */
	double w = clamp(b->w + (target_w - b->w) * gain, low, high);
	battery_convert(c, b, w, dt_s / 3600);
}

static void pv_step(struct plant *p, int i, int64_t wall_s, double hours)
{
	struct plant_pv *v = &p->pv[i];
	v->available_w = plant_pv_at(p, i, wall_s);
	v->w = v->command.active ? clamp(v->available_w, 0, v->command.w) : v->available_w;
	v->wh += v->w * hours;
}

/* One step during which nothing but the batteries changes. */
static void step(struct plant *p, double dt_s)
{
	int64_t wall_s = plant_wall_s(p);
	double hours = dt_s / 3600;
	p->load_w = p->load_told ? p->told_load_w : plant_load_at(p, wall_s);
	double needed_w = p->load_w;
	for (int i = 0; i < p->conf.pvs; i++) {
		pv_step(p, i, wall_s, hours);
		needed_w -= p->pv[i].w;
	}
	for (int i = 0; i < p->conf.batteries; i++) {
		battery_step(p, i, needed_w, dt_s);
		needed_w -= p->battery[i].w;
	}
	p->grid_w = needed_w;
	p->load_wh += p->load_w * hours;
	*(needed_w > 0 ? &p->import_wh : &p->export_wh) += fabs(needed_w) * hours;
}

/* End the command if its lease is over; else bring *until_us down to its end. */
static void expire(struct plant_command *c, int64_t now_us, int64_t *until_us)
{
	if (!c->active) {
		return;
	}
	if (c->expires_us <= now_us) {
		c->active = false;
	} else if (c->expires_us < *until_us) {
		*until_us = c->expires_us;
	}
}

static void expire_all(struct plant *p, int64_t *until_us)
{
	for (int i = 0; i < p->conf.pvs; i++) {
		expire(&p->pv[i].command, p->now_us, until_us);
	}
	for (int i = 0; i < p->conf.batteries; i++) {
		expire(&p->battery[i].command, p->now_us, until_us);
	}
}

void plant_advance(struct plant *p, int64_t now_us)
{
	int64_t none_us = INT64_MAX;
	while (p->now_us < now_us) {
		/* Up to the next whole second of wall time, where load and sun change. */
		int64_t until_us = (plant_wall_s(p) + 1) * SECOND_US - p->wall_offset_us;
		until_us = until_us < now_us ? until_us : now_us;
		expire_all(p, &until_us);
		step(p, (double)(until_us - p->now_us) / SECOND_US);
		p->now_us = until_us;
	}
	expire_all(p, &none_us);
}

void plant_battery_hold(struct plant *p, int battery, double w, int64_t expires_us)
{
	p->battery[battery].command = (struct plant_command){ true, w, expires_us };
}

void plant_battery_release(struct plant *p, int battery)
{
	p->battery[battery].command.active = false;
}

void plant_pv_limit(struct plant *p, int pv, double w, int64_t expires_us)
{
	p->pv[pv].command = (struct plant_command){ true, larger(w, 0), expires_us };
}

void plant_pv_release(struct plant *p, int pv)
{
	p->pv[pv].command.active = false;
}
