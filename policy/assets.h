/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a house can plan with besides batteries: cars, loads that can wait, and heat. Plain data.
 *
 * Powers are electric and means over a step in W, energies in Wh, prices per kWh, temperatures in
 * degrees Celsius. Series are by step of the problem. What reality can break - a target, a window,
 * a comfort band - is soft and has a price, so that there always is a plan. */
#ifndef LECD_POLICY_ASSETS_H
#define LECD_POLICY_ASSETS_H

#include <stdbool.h>

enum { STEPS_MAX = 576 };
enum { EVS_MAX = 4, LOADS_MAX = 8, RUNS_MAX = 8, THERMALS_MAX = 4, SHIFTS_MAX = 1 };

/* An electric car at its charger. While it is away it neither charges nor discharges; it comes back
 * with trip_wh less than it left with. A departure is the end of a connected step before one that
 * is not. */
struct ev_model {
	double capacity_wh;
	double charge_limit_w;    /* AC, >= 0 */
	double charge_min_w;      /* it charges with at least this or not at all; 0: any power */
	double discharge_limit_w; /* AC; 0: it gives nothing back */
	double charge_efficiency, discharge_efficiency;
	double soc_min, soc_max; /* fractions; what it does not discharge below and charge above */
	double soc_start;        /* now, or when it first comes */
	double soc_target;       /* at each departure; < 0: none */
	double unmet_price;      /* per kWh missing to the target at a departure */
	double end_value;        /* of a stored kWh at the horizon's end */
	double wear;             /* per kWh discharged */
	double trip_wh; /* used between a departure and the next arrival, never below empty */
	bool connected[STEPS_MAX]; /* for the whole step */
};

enum load_kind {
	LOAD_BLOCK,         /* on/off, once begun it runs through */
	LOAD_INTERRUPTIBLE, /* on/off, may pause: each start costs */
	LOAD_CONTINUOUS     /* any power up to its own */
};

/* One run of a load: it takes power_w * duration_h within the steps from first on, before end. */
struct load_run {
	int first, end;
	double duration_h; /* > 0; what is left of it where it is running already */
};

/* A load that can wait.
 *
 * A block that starts in a step starts at that step's begin and runs for duration_h through the
 * steps that follow, within its window, or not at all. One that is under way runs on from the first
 * step until it is done or its window ends; what is beyond that counts as not served.
 * An interruptible load is on or off for whole steps, but for one step of each run that may be on
 * in part, since durations are no multiples of steps. A start is a step with power after one that
 * was not on for its whole. */
struct load_model {
	enum load_kind kind;
	double power_w;
	double start_cost;  /* per start of an on/off load */
	double unmet_price; /* per kWh that is not served */
	bool running;       /* the first run is under way: a block goes on at once, another's next
			       on-time costs no start while it is not interrupted */
	int runs;
	struct load_run run[RUNS_MAX]; /* windows may not overlap */
};

/* Heat with a state: hot water, or a building with its heat pump.
 *
 *   capacity * dT/dt = cop * power - loss * (T - ambient) - draw
 *
 * solved exactly over each step, in which power and draw are constant. */
struct thermal_model {
	double capacity_wh_per_k; /* > 0 */
	double loss_w_per_k;      /* >= 0 */
	double start_c;
	double power_limit_w; /* electric */
	bool on_off;          /* full power or none over a step */
	double discomfort;    /* price per K outside the band at a step's end and hour of it */
	double end_value;     /* worth of a kWh of heat at the end, counted from the last low_c */
	double low_c[STEPS_MAX], high_c[STEPS_MAX]; /* the band at each step's end */
	double ambient_c[STEPS_MAX];
	double cop[STEPS_MAX];    /* heat per electric energy; 1: a heater */
	double draw_w[STEPS_MAX]; /* heat drawn (hot water), >= 0, or gained (sun, people), < 0 */
};

/* What others can shift for us: how far they may be asked to leave the net power that the steps'
 * load counts with. A store without losses around their own plan: what they take more in one step
 * they may take less in another. Doing nothing is always possible. */
struct shift_model {
	double more_w[STEPS_MAX]; /* what they can take more, >= 0 */
	double less_w[STEPS_MAX]; /* and less, >= 0 */
	double up_wh[STEPS_MAX];  /* taken more in all, at each step's end: at most, >= 0 */
	double down_wh[STEPS_MAX];
	double price; /* per kWh moved, either way */
	double worth; /* per kWh that they have taken more in the end */
};

#endif
