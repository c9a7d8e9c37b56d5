/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/prosumer.h"

#include <math.h>

/* What more import must not be paid at rest, per kWh, for a step to be convex: discharging a kWh
 * that was charged in the same step loses less in wear than it burns. */
static double least_marginal(const struct storage *s, int t)
{
	double burnt = 1 / s->charge_efficiency - s->discharge_efficiency;
	double wear = s->step[t].wear * s->discharge_efficiency;
	return burnt > 0 ? -wear / burnt : -INFINITY;
}

/* What one more kWh of import costs at rest, but for what rho says. */
static double price_at_rest(const struct storage_step *step)
{
	int k = step->pieces - 1;
	while (k > 0 && step->net_kw < step->piece[k].from_kw) {
		k--;
	}
	return step->piece[k].price;
}

static int solve(struct storage *s, struct storage_plan *plan, double *net_kw)
{
	double most[STEPS_MAX] = { 0 };
	for (int t = 0; t < s->steps; t++) {
		struct storage_step *step = &s->step[t];
		double rest = price_at_rest(step) +
			      step->rho * (step->net_kw - step->centre_kw) / step->hours;
		most[t] = step->discharge_max_kw;
		if (rest < least_marginal(s, t)) {
			step->discharge_max_kw = 0;
		}
	}
	int r = storage_solve(s, plan);
	for (int t = 0; t < s->steps; t++) {
		s->step[t].discharge_max_kw = most[t];
		if (r == 0) {
			net_kw[t] = s->step[t].net_kw - plan->power_kw[t];
		}
	}
	return r;
}

int prosumer_answer(struct storage *s, struct storage_plan *plan, const double *price,
		    const double *target_kw, double penalty, double *net_kw)
{
	for (int t = 0; t < s->steps; t++) {
		struct storage_step *step = &s->step[t];
		step->pieces = 1;
		step->piece[0] = (struct storage_piece){ -INFINITY, price[t], 0 };
		step->rho = penalty * step->hours;
		step->centre_kw = target_kw[t];
	}
	return solve(s, plan, net_kw);
}

/* Two parabolas are one. */
static void add_parabola(struct storage_step *s, double rho, double centre_kw)
{
	double sum = s->rho + rho;
	s->centre_kw = sum > 0 ? (s->rho * s->centre_kw + rho * centre_kw) / sum : centre_kw;
	s->rho = sum;
}

int prosumer_answer_within(struct storage *s, struct storage_plan *plan,
			   const struct prosumer_offer *o, double *net_kw)
{
	for (int i = 0; i < o->steps; i++) {
		struct storage_step *step = &s->step[o->first + i];
		double price = o->price[i];
		step->pieces = 0;
		step->piece[step->pieces++] = (struct storage_piece){ -INFINITY, price, 0 };
		if (isfinite(o->export_kw)) {
			step->piece[0].price -= o->over_price;
			step->piece[step->pieces++] =
				(struct storage_piece){ -o->export_kw, price, 0 };
		}
		if (isfinite(o->import_kw)) {
			step->piece[step->pieces++] =
				(struct storage_piece){ o->import_kw, price + o->over_price, 0 };
		}
		add_parabola(step, o->penalty * step->hours, o->target_kw[i]);
	}
	return solve(s, plan, net_kw);
}

int prosumer_alone(struct storage *s, struct storage_plan *plan, const double *buy,
		   const double *sell, double *net_kw)
{
	for (int t = 0; t < s->steps; t++) {
		struct storage_step *step = &s->step[t];
		step->pieces = 2;
		step->piece[0] = (struct storage_piece){ -INFINITY, sell[t], 0 };
		step->piece[1] = (struct storage_piece){ 0, buy[t], 0 };
		step->rho = 0;
		step->centre_kw = 0;
	}
	return solve(s, plan, net_kw);
}

double prosumer_wear(const struct storage *s, const struct storage_plan *plan)
{
	double cost = 0;
	for (int t = 0; t < s->steps; t++) {
		cost += s->step[t].wear * fmax(plan->power_kw[t], 0) * s->step[t].hours;
	}
	return cost;
}
