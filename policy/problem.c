/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/problem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* What nobody's house, community or market exceeds; keeps the solver's numbers in range. */
static const double power_max_w = 1e9;
static const double energy_max_wh = 1e10;
static const double price_max = 1e5;
static const double hours_max = 24;
static const double period_min_s = 60;
static const double celsius_min = -100, celsius_max = 1000;
static const double recovery_share = 0.98; /* of full power, where the charge starts out of band */

struct field {
	const char *name;
	double value, min, max; /* inclusive; NaN fails */
};

static int check_fields(const struct field *f, int fields, const char *where, int index, char *why,
			int size)
{
	for (int i = 0; i < fields; i++) {
		if (!(f[i].value >= f[i].min && f[i].value <= f[i].max)) {
			(void)snprintf(why, (size_t)size, "%s %d: %s is %g, expected %g to %g",
				       where, index, f[i].name, f[i].value, f[i].min, f[i].max);
			return -EINVAL;
		}
	}
	return 0;
}
#define CHECK(table, where, index)                                                                 \
	check_fields(table, (int)(sizeof(table) / sizeof(*(table))), where, index, why, size)

static int check_house(const struct problem *p, char *why, int size)
{
	const struct field fields[] = {
		/* field		value			   min		 max */
		{ "objective", p->objective, 0, OBJECTIVE_SELF_CONSUMPTION },
		{ "steps", p->steps, 1, STEPS_MAX },
		{ "steps after those", p->tail, 0, STEPS_MAX - p->steps },
		{ "batteries", p->batteries, 0, BATTERIES_MAX },
		{ "scenarios", p->scenarios, 0, SCENARIOS_MAX },
		{ "demand charge", p->demand_charge, 0, price_max },
		{ "demand period", p->demand_period_s, p->demand_charge > 0 ? period_min_s : 0,
		  1e7 },
		{ "demand incumbent", p->demand_incumbent_w, 0, power_max_w },
		{ "demand open energy", p->demand_open_wh, 0, energy_max_wh },
		{ "cars", p->evs, 0, EVS_MAX },
		{ "loads", p->loads, 0, LOADS_MAX },
		{ "thermal stores", p->thermals, 0, THERMALS_MAX },
		{ "shifts", p->shifts, 0, SHIFTS_MAX },
		{ "subscribed power", p->subscribed_w, 0, INFINITY },
		{ "over-use price", p->overuse_price, 0, price_max },
		{ "time limit", p->time_limit_s, 1e-3, 1e6 },
		{ "good gap", p->good_gap, 0, 1 },
		{ "preference", p->preference_per_h, 0, 0.1 },
	};
	return CHECK(fields, "problem", 0);
}

static int check_battery(const struct problem *p, int i, char *why, int size)
{
	const struct battery_model *b = &p->battery[i];
	const struct field fields[] = {
		/* field		   value		    min		max */
		{ "capacity", b->capacity_wh, 1, energy_max_wh },
		{ "charge limit", b->charge_limit_w, 0, power_max_w },
		{ "discharge limit", b->discharge_limit_w, 0, power_max_w },
		{ "charge efficiency", b->charge_efficiency, 0.01, 1 },
		{ "discharge efficiency", b->discharge_efficiency, 0.01, 1 },
		{ "soc-max", b->soc_max, 0, 1 },
		{ "soc-min", b->soc_min, 0, b->soc_max },
		{ "soc-start", b->soc_start, 0, 1 },
		{ "soc-end", b->soc_end, -INFINITY, 1 },
		{ "end value", b->end_value, -price_max, price_max },
		{ "wear", b->wear, 0, price_max },
		{ "loss per kW", b->loss_per_kw, 0, 1e3 },
		{ "loss while awake", b->awake_w, 0, power_max_w },
	};
	return CHECK(fields, "battery", i);
}

static int check_ev(const struct problem *p, int i, char *why, int size)
{
	const struct ev_model *e = &p->ev[i];
	const struct field fields[] = {
		/* field		   value		    min		max */
		{ "capacity", e->capacity_wh, 1, energy_max_wh },
		{ "charge limit", e->charge_limit_w, 0, power_max_w },
		{ "least charging power", e->charge_min_w, 0, e->charge_limit_w },
		{ "discharge limit", e->discharge_limit_w, 0, power_max_w },
		{ "charge efficiency", e->charge_efficiency, 0.01, 1 },
		{ "discharge efficiency", e->discharge_efficiency, 0.01, 1 },
		{ "soc-max", e->soc_max, 0, 1 },
		{ "soc-min", e->soc_min, 0, e->soc_max },
		{ "soc-start", e->soc_start, 0, 1 },
		{ "soc-target", e->soc_target, -INFINITY, e->soc_max },
		{ "unmet price", e->unmet_price, 0, price_max },
		{ "end value", e->end_value, -price_max, price_max },
		{ "wear", e->wear, 0, price_max },
		{ "trip", e->trip_wh, 0, energy_max_wh },
	};
	return CHECK(fields, "car", i);
}

static int check_run(const struct problem *p, int i, int k, char *why, int size)
{
	const struct load_model *l = &p->load[i];
	const struct load_run *r = &l->run[k];
	int first_min = k == 0 ? 0 : r[-1].end;
	int first_max = k == 0 && l->running ? 0 : p->steps - 1;
	const struct field fields[] = {
		/* A run begins no earlier than the one before ends, one under way at once. */
		{ "first step of a run", r->first, first_min, first_max },
		{ "end of a run", r->end, r->first + 1, p->steps },
		{ "duration of a run", r->duration_h, 1e-6, STEPS_MAX * hours_max },
	};
	return CHECK(fields, "load", i);
}

static int check_load(const struct problem *p, int i, char *why, int size)
{
	const struct load_model *l = &p->load[i];
	const struct field fields[] = {
		{ "kind", l->kind, LOAD_BLOCK, LOAD_CONTINUOUS },
		{ "power", l->power_w, 0, power_max_w },
		{ "start cost", l->start_cost, 0, price_max },
		{ "unmet price", l->unmet_price, 0, price_max },
		{ "runs", l->runs, l->running ? 1 : 0, RUNS_MAX },
	};
	int r = CHECK(fields, "load", i);
	for (int k = 0; r == 0 && k < l->runs; k++) {
		r = check_run(p, i, k, why, size);
	}
	return r;
}

static int check_thermal(const struct problem *p, int i, char *why, int size)
{
	const struct thermal_model *h = &p->thermal[i];
	const struct field fields[] = {
		{ "heat capacity", h->capacity_wh_per_k, 1e-3, energy_max_wh },
		{ "loss", h->loss_w_per_k, 0, power_max_w },
		{ "start", h->start_c, celsius_min, celsius_max },
		{ "power limit", h->power_limit_w, 0, power_max_w },
		{ "discomfort", h->discomfort, 0, price_max },
		{ "end value", h->end_value, -price_max, price_max },
	};
	int r = CHECK(fields, "thermal store", i);
	for (int t = 0; r == 0 && t < p->steps; t++) {
		const struct field series[] = {
			{ "upper end of the band", h->high_c[t], celsius_min, celsius_max },
			{ "lower end of the band", h->low_c[t], celsius_min, h->high_c[t] },
			{ "ambient", h->ambient_c[t], celsius_min, celsius_max },
			{ "COP", h->cop[t], 0, 100 },
			{ "draw", h->draw_w[t], -power_max_w, power_max_w },
		};
		r = CHECK(series, "thermal store", i);
	}
	return r;
}

static int check_shift(const struct problem *p, int i, char *why, int size)
{
	const struct shift_model *s = &p->shift[i];
	const struct field fields[] = {
		{ "price", s->price, 0, price_max },
		{ "worth", s->worth, -price_max, price_max },
	};
	int r = CHECK(fields, "shift", i);
	for (int t = 0; r == 0 && t < p->steps; t++) {
		const struct field series[] = {
			{ "power more", s->more_w[t], 0, power_max_w },
			{ "power less", s->less_w[t], 0, power_max_w },
			{ "energy more", s->up_wh[t], 0, energy_max_wh },
			{ "energy less", s->down_wh[t], 0, energy_max_wh },
		};
		r = CHECK(series, "shift", i);
	}
	return r;
}

static int check_step(const struct problem *p, int t, char *why, int size)
{
	const struct step *s = &p->step[t];
	const struct field fields[] = {
		/* field     value	 min		max */
		{ "hours", s->hours, 1e-3, hours_max },
		{ "load", s->load_w, 0, power_max_w },
		{ "PV", s->pv_w, 0, power_max_w },
		{ "buy", s->buy, -price_max, price_max },
		{ "sell", s->sell, -price_max, price_max },
		{ "import limit", s->import_limit_w, 0, INFINITY },
		{ "export limit", s->export_limit_w, 0, INFINITY },
		{ "traded", s->traded_w, -power_max_w, power_max_w },
		{ "start", (double)s->start_s, -1e11, 1e11 },
	};
	if (CHECK(fields, "step", t) < 0) {
		return -EINVAL;
	}
	if (t > 0) {
		const struct step *before = s - 1;
		double gap_s = (double)(s->start_s - before->start_s) - before->hours * 3600;
		if (fabs(gap_s) > 1) {
			(void)snprintf(
				why, (size_t)size,
				"step %d: starts %g s after the step before ends, expected 0", t,
				gap_s);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_scenario(const struct problem *p, int i, char *why, int size)
{
	const struct scenario *s = &p->scenario[i];
	const struct field weight[] = { { "weight", s->weight, 1e-9, 1e9 } };
	int r = CHECK(weight, "scenario", i);
	for (int t = 0; r == 0 && t < p->steps + p->tail; t++) {
		const struct field fields[] = {
			{ "load", (double)s->load_w[t], 0, power_max_w },
			{ "PV", (double)s->pv_w[t], 0, power_max_w },
		};
		r = CHECK(fields, "scenario", i);
	}
	return r;
}

int problem_check(const struct problem *p, char *why, int size)
{
	int r = check_house(p, why, size);
	for (int i = 0; r == 0 && i < p->batteries; i++) {
		r = check_battery(p, i, why, size);
	}
	for (int t = 0; r == 0 && t < p->steps + p->tail; t++) {
		r = check_step(p, t, why, size);
	}
	for (int i = 0; r == 0 && i < p->evs; i++) {
		r = check_ev(p, i, why, size);
	}
	for (int i = 0; r == 0 && i < p->loads; i++) {
		r = check_load(p, i, why, size);
	}
	for (int i = 0; r == 0 && i < p->thermals; i++) {
		r = check_thermal(p, i, why, size);
	}
	for (int i = 0; r == 0 && i < p->shifts; i++) {
		r = check_shift(p, i, why, size);
	}
	for (int i = 0; r == 0 && i < p->scenarios; i++) {
		r = check_scenario(p, i, why, size);
	}
	return r;
}

double problem_price_scale(const struct problem *p)
{
	double scale = fmax(1e-3, p->overuse_price);
	for (int t = 0; t < p->steps; t++) {
		scale = fmax(scale, fmax(fabs(p->step[t].buy), fabs(p->step[t].sell)));
	}
	for (int i = 0; i < p->batteries; i++) {
		scale = fmax(scale, fmax(fabs(p->battery[i].end_value), p->battery[i].wear));
	}
	for (int i = 0; i < p->evs; i++) {
		scale = fmax(scale, fmax(fabs(p->ev[i].end_value), p->ev[i].wear));
	}
	for (int i = 0; i < p->shifts; i++) {
		scale = fmax(scale, fmax(fabs(p->shift[i].worth), p->shift[i].price));
	}
	return scale;
}

/* The highest price of a kWh that a car or a load does without. */
static double unmet_price(const struct problem *p)
{
	double price = 0;
	for (int i = 0; i < p->evs; i++) {
		price = fmax(price, p->ev[i].unmet_price);
	}
	for (int i = 0; i < p->loads; i++) {
		price = fmax(price, p->load[i].unmet_price);
	}
	return price;
}

struct soft_prices problem_soft_prices(const struct problem *p)
{
	double scale = problem_price_scale(p);
	double limit = fmax(100 * scale, 2 * unmet_price(p));
	return (struct soft_prices){ .limit_kwh = limit,
				     .limit_kw = limit + 10 * p->demand_charge,
				     .end_kwh = 10 * scale + p->demand_charge };
}

void battery_power_range(const struct battery_model *b, double net_w, double *low_w, double *high_w)
{
	*low_w = -b->charge_limit_w;
	*high_w = b->discharge_limit_w;
	if (!b->grid_charging) {
		*low_w = fmax(*low_w, fmin(net_w, 0));
	}
	if (!b->grid_discharging) {
		*high_w = fmin(*high_w, fmax(net_w, 0));
	}
}

void battery_recover(const struct battery_model *b, double hours, double *low_kwh, double *high_kwh,
		     double *charge_max_kw, double *discharge_max_kw)
{
	double min_kwh = b->soc_min * b->capacity_wh / 1e3;
	double max_kwh = b->soc_max * b->capacity_wh / 1e3;
	double up_kwh = *charge_max_kw * hours * recovery_share * b->charge_efficiency;
	double down_kwh = *discharge_max_kw * hours * recovery_share / b->discharge_efficiency;
	*low_kwh = fmin(min_kwh, *low_kwh + up_kwh);
	*high_kwh = fmax(max_kwh, *high_kwh - down_kwh);
	if (*low_kwh < min_kwh) {
		*discharge_max_kw = 0;
	}
	if (*high_kwh > max_kwh) {
		*charge_max_kw = 0;
	}
}
