/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The planning problem of one house: what the optimiser gets. Plain data, no pointers, so that it
 * can cross to the planner's process as it is.
 *
 * Powers are means over a step in W, energies in Wh, prices per kWh. Signs as everywhere: import,
 * generation and discharge > 0. */
#ifndef LECD_POLICY_PROBLEM_H
#define LECD_POLICY_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/assets.h"

enum { BATTERIES_MAX = 4, SCENARIOS_MAX = 10 };

enum objective {
	OBJECTIVE_COST,            /* least money */
	OBJECTIVE_SELF_CONSUMPTION /* least imported energy */
};

struct step {
	int64_t start_s; /* UTC */
	double hours;    /* length, > 0; steps may differ */
	double load_w;   /* forecast, >= 0 */
	double pv_w;     /* forecast of what PV could generate, >= 0 */
	double buy;      /* price per kWh imported */
	double sell;     /* price per kWh exported */
	double traded_w; /* already bought (> 0) or sold (< 0) on the local market: only the
			    difference to it is settled with the utility at buy and sell */
	double spread_w; /* standard deviation of load - PV about what is forecast; 0: known */
	double import_limit_w; /* of the connection: soft, priced; INFINITY: none */
	double export_limit_w;
};

/* Another way the load and PV of the steps may go. */
struct scenario {
	double weight; /* > 0 */
	float load_w[STEPS_MAX];
	float pv_w[STEPS_MAX];
};

struct battery_model {
	double capacity_wh;
	double charge_limit_w;    /* at the AC side, >= 0 */
	double discharge_limit_w; /* at the AC side, >= 0 */
	double charge_efficiency; /* stored per charged, 0 < e <= 1 */
	double discharge_efficiency;
	double soc_min; /* fractions of the capacity; min <= max */
	double soc_max;
	double soc_start; /* may lie out of the band: it then recovers, never gets worse */
	double soc_end;   /* at least this at the end (soft, priced); < 0: no target */
	double end_value; /* worth of a stored kWh at the end, per kWh */
	double wear;      /* cost per kWh discharged */
	/* How much greater the share lost is with each kW of power. Weighed by the dynamic
	 * programme and by follow.h, at what energy is worth: slowly is better than fast. */
	double loss_per_kw;
	/* What is lost while it moves at all, however little. Weighed likewise. */
	double awake_w;
	bool grid_charging;
	bool grid_discharging; /* whether it may export */
};

struct problem {
	uint64_t id; /* echoed in the plan */
	enum objective objective;
	int steps;
	/* Steps after those, which are not planned: what is stored at the last that is planned is
	 * worth what they make of it. The dynamic programme looks at them, and through pool.h the
	 * first step of several batteries; elsewhere a battery's end_value says what that is.
	 * steps + tail <= STEPS_MAX */
	int tail;
	int batteries;
	bool pv_curtailable;
	/* Demand charge: per kW of the highest mean import of any demand period. 0: none. */
	double demand_charge;
	double demand_period_s;    /* periods are aligned to UTC multiples of this */
	double demand_incumbent_w; /* the billing month's highest mean so far */
	double demand_open_wh; /* imported so far in the period that is open at the first step */
	/* Subscribed power: each kWh imported beyond it costs that much more. INFINITY: none. */
	double subscribed_w;
	double overuse_price;
	double time_limit_s;
	double good_gap; /* a plan proven to cost at most this share more than the best is good
			    enough; 0: the best */
	/* How much less sure a price is per hour ahead, as a share: among plans of equal cost the
	 * near is preferred, buying to store late, storing and serving early. Costs are told
	 * without it. */
	double preference_per_h;
	struct battery_model battery[BATTERIES_MAX];
	int evs, loads, thermals, shifts;
	struct ev_model ev[EVS_MAX];
	struct load_model load[LOADS_MAX];
	struct thermal_model thermal[THERMALS_MAX];
	struct shift_model shift[SHIFTS_MAX];
	int scenarios; /* what the first step is hedged against; 0: plan as if the steps were
			  certain */
	struct scenario scenario[SCENARIOS_MAX];
	struct step step[STEPS_MAX];
};

/* 0, or -EINVAL with a sentence in why (of size bytes): what is not finite, negative, out of order.
 * A solver must never see a problem that fails this. */
int problem_check(const struct problem *p, char *why, int size);

/* What it costs when a soft limit gives: far above any price of the problem, so that nothing is
 * gained by it, and the more important limit gives last. */
struct soft_prices {
	double limit_kwh; /* per kWh beyond the import or export limit */
	double limit_kw;  /* per kW of the worst step beyond it */
	double end_kwh;   /* per kWh missing to a soc_end */
};
struct soft_prices problem_soft_prices(const struct problem *p);

/* The highest price per kWh that the problem knows, in size: what "small" is measured by. > 0. */
double problem_price_scale(const struct problem *p);

/* What a battery may do by its limits and by grid_charging and grid_discharging when the house's
 * net load (load - PV, W) is net_w: AC power, + discharge; *low_w <= 0 <= *high_w. */
void battery_power_range(const struct battery_model *b, double net_w, double *low_w,
			 double *high_w);

/* The bounds of what a battery that may start out of its band has stored after a step, from those
 * before it (at first both what it starts with), kWh: until it is back it moves one way only, and
 * nearly as fast as it can. The other way's power, kW, becomes 0. */
void battery_recover(const struct battery_model *b, double hours, double *low_kwh, double *high_kwh,
		     double *charge_max_kw, double *discharge_max_kw);

#endif
