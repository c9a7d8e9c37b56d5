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
		{ "batteries", p->batteries, 0, BATTERIES_MAX },
		{ "scenarios", p->scenarios, 0, SCENARIOS_MAX },
		{ "demand charge", p->demand_charge, 0, price_max },
		{ "demand period", p->demand_period_s, p->demand_charge > 0 ? period_min_s : 0,
		  1e7 },
		{ "demand incumbent", p->demand_incumbent_w, 0, power_max_w },
		{ "demand open energy", p->demand_open_wh, 0, energy_max_wh },
		{ "time limit", p->time_limit_s, 1e-3, 1e6 },
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
	};
	return CHECK(fields, "battery", i);
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
	for (int t = 0; r == 0 && t < p->steps; t++) {
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
	for (int t = 0; r == 0 && t < p->steps; t++) {
		r = check_step(p, t, why, size);
	}
	for (int i = 0; r == 0 && i < p->scenarios; i++) {
		r = check_scenario(p, i, why, size);
	}
	return r;
}

double problem_price_scale(const struct problem *p)
{
	double scale = 1e-3;
	for (int t = 0; t < p->steps; t++) {
		scale = fmax(scale, fmax(fabs(p->step[t].buy), fabs(p->step[t].sell)));
	}
	for (int i = 0; i < p->batteries; i++) {
		scale = fmax(scale, fmax(fabs(p->battery[i].end_value), p->battery[i].wear));
	}
	return scale;
}

struct soft_prices problem_soft_prices(const struct problem *p)
{
	double scale = problem_price_scale(p);
	return (struct soft_prices){ .limit_kwh = 100 * scale,
				     .limit_kw = 100 * scale + 10 * p->demand_charge,
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
