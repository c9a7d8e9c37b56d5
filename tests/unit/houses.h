/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random houses for the tests of what plans: reproducible by their seed. */
#ifndef LECD_TESTS_HOUSES_H
#define LECD_TESTS_HOUSES_H

#include <math.h>
#include <stdint.h>

#include "policy/problem.h"

struct dice {
	uint64_t state;
};

/* Uniform in low to high (splitmix64). */
static inline double dice_between(struct dice *d, double low, double high)
{
	uint64_t z = (d->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return low + (high - low) * ((double)(z >> 11) * 0x1p-53);
}

static inline bool dice_chance(struct dice *d, double share)
{
	return dice_between(d, 0, 1) < share;
}

static inline struct battery_model house_battery(struct dice *d)
{
	struct battery_model b = {
		.capacity_wh = dice_between(d, 2e3, 20e3),
		.charge_limit_w = dice_between(d, 500, 8e3),
		.discharge_limit_w = dice_between(d, 500, 8e3),
		.charge_efficiency = dice_between(d, 0.8, 1),
		.discharge_efficiency = dice_between(d, 0.8, 1),
		.soc_min = dice_between(d, 0, 0.3),
		.soc_max = dice_between(d, 0.7, 1),
		.soc_start = dice_between(d, 0, 1),
		.soc_end = dice_chance(d, 0.5) ? dice_between(d, 0, 1) : -1,
		.end_value = dice_chance(d, 0.5) ? dice_between(d, 0, 0.3) : 0,
		.wear = dice_chance(d, 0.5) ? dice_between(d, 0, 0.05) : 0,
		.grid_charging = dice_chance(d, 0.7),
		.grid_discharging = dice_chance(d, 0.7),
	};
	return b;
}

/* steps of equal or odd lengths; wild: prices below zero and sell above buy among them. */
static inline void house_steps(struct dice *d, struct problem *p, int steps, bool wild)
{
	int64_t at_s = 1780272000;
	p->steps = steps;
	for (int t = 0; t < steps; t++) {
		double minutes = dice_chance(d, 0.8) ? 15 : 5 * floor(dice_between(d, 1, 24));
		double hour = fmod((double)at_s / 3600, 24);
		double buy = dice_between(d, wild && dice_chance(d, 0.2) ? -0.2 : 0.05, 0.5);
		double sell = buy * dice_between(d, 0, 1);
		if (wild && dice_chance(d, 0.2)) {
			sell = dice_between(d, -0.1, 0.6);
		}
		p->step[t] = (struct step){
			.start_s = at_s,
			.hours = minutes / 60,
			.load_w = dice_between(d, 0, 4e3),
			.pv_w = fmax(0, 6e3 * sin(M_PI * (hour - 6) / 12)) * dice_between(d, 0, 1),
			.buy = buy,
			.sell = wild ? sell : fmin(fabs(sell), buy),
			.import_limit_w = INFINITY,
			.export_limit_w = INFINITY,
			.traded_w = dice_chance(d, 0.15) ? dice_between(d, -3e3, 3e3) : 0,
		};
		at_s += (int64_t)(minutes * 60);
	}
}

/* The same limits of the connection in every step. */
static inline void house_limit(struct problem *p, double import_w, double export_w)
{
	for (int t = 0; t < p->steps; t++) {
		p->step[t].import_limit_w = import_w;
		p->step[t].export_limit_w = export_w;
	}
}

static inline struct problem house_random(struct dice *d, int steps, bool wild)
{
	struct problem p = { .id = 42, .time_limit_s = 20, .subscribed_w = INFINITY };
	p.batteries = (int)dice_between(d, 0, BATTERIES_MAX);
	p.objective = dice_chance(d, 0.2) ? OBJECTIVE_SELF_CONSUMPTION : OBJECTIVE_COST;
	double import_w = dice_chance(d, 0.5) ? dice_between(d, 1e3, 12e3) : INFINITY;
	double export_w = dice_chance(d, 0.5) ? dice_between(d, 0, 8e3) : INFINITY;
	p.pv_curtailable = dice_chance(d, 0.5);
	if (dice_chance(d, 0.3)) {
		p.demand_charge = dice_between(d, 0.1, 10);
		p.demand_period_s = 900 * floor(dice_between(d, 1, 5));
		p.demand_incumbent_w = dice_chance(d, 0.5) ? dice_between(d, 0, 4e3) : 0;
		p.demand_open_wh = dice_chance(d, 0.3) ? dice_between(d, 0, 500) : 0;
	}
	for (int i = 0; i < p.batteries; i++) {
		p.battery[i] = house_battery(d);
	}
	house_steps(d, &p, steps, wild);
	house_limit(&p, import_w, export_w);
	return p;
}

/* A car that comes and goes, with any of its quirks. */
static inline struct ev_model house_ev(struct dice *d, int steps)
{
	struct ev_model e = {
		.capacity_wh = dice_between(d, 20e3, 80e3),
		.charge_limit_w = dice_between(d, 2e3, 11e3),
		.charge_efficiency = dice_between(d, 0.8, 1),
		.discharge_efficiency = dice_between(d, 0.8, 1),
		.soc_min = dice_between(d, 0, 0.3),
		.soc_max = dice_between(d, 0.7, 1),
		.soc_start = dice_between(d, 0, 1),
		.unmet_price = dice_between(d, 0.3, 3),
		.end_value = dice_chance(d, 0.5) ? dice_between(d, 0, 0.3) : 0,
		.wear = dice_chance(d, 0.5) ? dice_between(d, 0, 0.05) : 0,
		.trip_wh = dice_chance(d, 0.7) ? dice_between(d, 0, 30e3) : 0,
	};
	e.charge_min_w = dice_chance(d, 0.6) ? dice_between(d, 0.2, 0.9) * e.charge_limit_w : 0;
	e.discharge_limit_w = dice_chance(d, 0.4) ? dice_between(d, 1e3, 8e3) : 0;
	e.soc_target = dice_chance(d, 0.8) ? dice_between(d, 0.3, e.soc_max) : -1;
	bool here = dice_chance(d, 0.5);
	for (int t = 0; t < steps; t++) {
		here = dice_chance(d, 0.1) ? !here : here;
		e.connected[t] = here;
	}
	return e;
}

static inline struct load_model house_load(struct dice *d, int steps)
{
	struct load_model l = {
		.kind = (enum load_kind)dice_between(d, 0, LOAD_CONTINUOUS + 1),
		.power_w = dice_between(d, 300, 4e3),
		.start_cost = dice_chance(d, 0.4) ? dice_between(d, 0, 0.1) : 0,
		.unmet_price = dice_between(d, 0.2, 3),
		.running = dice_chance(d, 0.2),
	};
	int first = l.running ? 0 : (int)dice_between(d, 0, steps);
	while (l.runs < RUNS_MAX && first < steps && (l.runs == 0 || dice_chance(d, 0.5))) {
		struct load_run *r = &l.run[l.runs++];
		r->first = first;
		r->end = first + 1 + (int)dice_between(d, 0, steps - first);
		r->duration_h = dice_chance(d, 0.5) ? 0.25 * ceil(dice_between(d, 0, 12))
						    : dice_between(d, 0.1, 4);
		first = r->end + (int)dice_between(d, 0, 3);
	}
	return l;
}

static inline struct thermal_model house_thermal(struct dice *d, int steps)
{
	bool tank = dice_chance(d, 0.5);
	struct thermal_model h = {
		.capacity_wh_per_k = tank ? dice_between(d, 100, 400) : dice_between(d, 2e3, 2e4),
		.loss_w_per_k = dice_chance(d, 0.1) ? 0 : dice_between(d, 1, tank ? 5 : 300),
		.power_limit_w = dice_between(d, 800, 4e3),
		.on_off = dice_chance(d, 0.5),
		.discomfort = dice_between(d, 0.01, 0.5),
		.end_value = dice_chance(d, 0.5) ? dice_between(d, 0, 0.2) : 0,
	};
	double low_c = tank ? 45 : 20, width = tank ? 20 : 2;
	h.start_c = low_c + dice_between(d, -0.3, 1.3) * width;
	for (int t = 0; t < steps; t++) {
		h.low_c[t] = low_c - (t % 32 < 12 ? width / 4 : 0);
		h.high_c[t] = low_c + width;
		h.ambient_c[t] = tank ? 18 : 5 + 5 * sin(t / 15.0);
		h.cop[t] = tank ? 1 : 3 + 0.1 * h.ambient_c[t];
		h.draw_w[t] = dice_chance(d, 0.15) ? dice_between(d, -300, 4e3) : 0;
	}
	return h;
}

/* A house with some of everything. */
static inline struct problem house_whole(struct dice *d, int steps, bool wild)
{
	struct problem p = house_random(d, steps, wild);
	p.batteries = (int)dice_between(d, 0, 3);
	p.evs = (int)dice_between(d, 0, 3);
	p.loads = (int)dice_between(d, 0, 4);
	p.thermals = (int)dice_between(d, 0, 3);
	if (dice_chance(d, 0.3)) {
		p.subscribed_w = dice_between(d, 1e3, 9e3);
		p.overuse_price = dice_between(d, 0.01, 1);
	}
	for (int i = 0; i < p.batteries; i++) {
		p.battery[i] = house_battery(d);
	}
	for (int i = 0; i < p.evs; i++) {
		p.ev[i] = house_ev(d, steps);
	}
	for (int i = 0; i < p.loads; i++) {
		p.load[i] = house_load(d, steps);
	}
	for (int i = 0; i < p.thermals; i++) {
		p.thermal[i] = house_thermal(d, steps);
	}
	return p;
}

/* Give a house steps of any length from a minute to two hours, or leave them; and prices that are
 * all equal, or zero or (wild) below zero now and then, or leave them. */
static inline void house_roughen(struct dice *d, struct problem *p, bool wild)
{
	bool odd = dice_chance(d, 0.5);
	int kind = (int)dice_between(d, 0, 5);
	double flat = dice_between(d, wild ? -0.1 : 0.05, 0.4);
	int64_t at_s = p->step[0].start_s;
	for (int t = 0; t < p->steps; t++) {
		struct step *s = &p->step[t];
		double minutes = odd ? floor(dice_between(d, 1, 121)) : round(s->hours * 60);
		bool here = dice_chance(d, 0.4);
		s->start_s = at_s;
		s->hours = minutes / 60;
		at_s += (int64_t)minutes * 60;
		s->buy = kind == 1 ? flat : kind == 2 && here ? 0 : s->buy;
		s->sell = kind == 1 ? flat : kind == 2 && here ? 0 : s->sell;
		s->buy = wild && kind == 3 && here ? -s->buy : s->buy;
		s->sell = wild && kind == 3 && here ? fmin(s->sell, s->buy) : s->sell;
		s->sell = kind == 4 ? s->buy : s->sell;
	}
}

/* A house with as many assets of every kind as there can be. */
static inline struct problem house_large(struct dice *d, int steps, bool wild)
{
	struct problem p = house_whole(d, steps, wild);
	p.batteries = BATTERIES_MAX;
	p.evs = EVS_MAX;
	p.loads = LOADS_MAX;
	p.thermals = THERMALS_MAX;
	for (int i = 0; i < BATTERIES_MAX; i++) {
		p.battery[i] = house_battery(d);
	}
	for (int i = 0; i < EVS_MAX; i++) {
		p.ev[i] = house_ev(d, steps);
	}
	for (int i = 0; i < LOADS_MAX; i++) {
		p.load[i] = house_load(d, steps);
	}
	for (int i = 0; i < THERMALS_MAX; i++) {
		p.thermal[i] = house_thermal(d, steps);
	}
	return p;
}

#endif
