/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/member.h"

#include <math.h>

/* All but the pieces. */
static void make_step(const struct member_model *m, int t, struct storage_step *s)
{
	*s = (struct storage_step){ .hours = m->hours,
				    .net_kw = m->net_kw[t],
				    .wear = m->wear,
				    .charge_max_kw = m->charge_max_kw,
				    .discharge_max_kw = m->discharge_max_kw,
				    .high_kwh = m->capacity_kwh };
	if (t == m->steps - 1) {
		s->low_kwh = m->start_kwh;
	}
	if (m->capacity_kwh <= 0) {
		s->charge_max_kw = s->discharge_max_kw = 0;
	}
}

/* From a moment on. */
static void make_storage(const struct member_model *m, const struct member_moment *at,
			 struct storage *s)
{
	s->steps = m->steps - at->step;
	s->charge_efficiency = m->charge_efficiency;
	s->discharge_efficiency = m->discharge_efficiency;
	s->start_kwh = at->stored_kwh;
	s->end_value = s->end_kwh = s->end_price = 0;
	for (int t = 0; t < s->steps; t++) {
		make_step(m, at->step + t, &s->step[t]);
	}
}

static void make_all(const struct member_model *m, struct storage *s)
{
	const struct member_moment begin = { 0, m->start_kwh };
	make_storage(m, &begin, s);
}

/* What the utility asks and pays for a net load beyond taken_kw. */
static void put_utility(const struct member_model *m, int step, double taken_kw,
			struct storage_step *s)
{
	s->pieces = 2;
	s->piece[0] = (struct storage_piece){ -INFINITY, m->sell[step], 0 };
	s->piece[1] = (struct storage_piece){ taken_kw, m->buy[step], 0 };
}

/* What it costs to have that from the utility, and of the battery. */
static double cost_of(const struct member_model *m, int step, double grid_kw, double battery_kw)
{
	double price = grid_kw > 0 ? m->buy[step] : m->sell[step];
	return m->hours * (price * grid_kw + m->wear * fmax(battery_kw, 0));
}

/* Of a net load n, neighbours deliver p at stiffness * (p - centre) an hour, as far as that is
 * between the utility's prices: it has the rest. */
int member_respond(void *self, const double *centre_kw, double stiffness, double *taken_kw)
{
	const struct member_agent *a = self;
	const struct member_model *m = a->model;
	struct storage *s = &a->room->storage;
	make_all(m, s);
	for (int t = 0; t < m->steps; t++) {
		struct storage_step *step = &s->step[t];
		double kw_per_price = m->hours / stiffness;
		step->pieces = 3;
		step->piece[0] = (struct storage_piece){ -INFINITY, m->sell[t], 0 };
		step->piece[1] = (struct storage_piece){ centre_kw[t] + m->sell[t] * kw_per_price,
							 m->sell[t], 1 / kw_per_price };
		step->piece[2] = (struct storage_piece){ centre_kw[t] + m->buy[t] * kw_per_price,
							 m->buy[t], 0 };
	}
	int r = storage_solve(s, &a->room->plan);
	for (int t = 0; r == 0 && t < m->steps; t++) {
		double net_kw = m->net_kw[t] - a->room->plan.power_kw[t];
		const struct storage_piece *p = s->step[t].piece;
		taken_kw[t] = fmin(fmax(net_kw, p[1].from_kw), p[2].from_kw);
	}
	return r;
}

int member_cost(const struct member_agent *a, const double *taken_kw, double *cost, double *grid_kw)
{
	const struct member_model *m = a->model;
	struct storage *s = &a->room->storage;
	make_all(m, s);
	for (int t = 0; t < m->steps; t++) {
		put_utility(m, t, taken_kw[t], &s->step[t]);
	}
	int r = storage_solve(s, &a->room->plan);
	if (r < 0) {
		return r;
	}
	double sum = 0;
	for (int t = 0; t < m->steps; t++) {
		double battery_kw = a->room->plan.power_kw[t];
		double grid = m->net_kw[t] - battery_kw - taken_kw[t];
		sum += cost_of(m, t, grid, battery_kw);
		if (grid_kw) {
			grid_kw[t] = grid;
		}
	}
	*cost = sum;
	return 0;
}

int member_wants(const struct member_agent *a, const struct member_moment *at, double price,
		 double *net_kw)
{
	const struct member_model *m = a->model;
	struct storage *s = &a->room->storage;
	make_storage(m, at, s);
	s->step[0].pieces = 1;
	s->step[0].piece[0] = (struct storage_piece){ -INFINITY, price, 0 };
	for (int t = 1; t < s->steps; t++) {
		put_utility(m, at->step + t, 0, &s->step[t]);
	}
	int r = storage_solve(s, &a->room->plan);
	if (r == 0) {
		*net_kw = m->net_kw[at->step] - a->room->plan.power_kw[0];
	}
	return r;
}

int member_step(const struct member_agent *a, double taken_kw, struct member_moment *at,
		double *grid_kw, double *cost)
{
	const struct member_model *m = a->model;
	struct storage *s = &a->room->storage;
	make_storage(m, at, s);
	for (int t = 0; t < s->steps; t++) {
		put_utility(m, at->step + t, t == 0 ? taken_kw : 0, &s->step[t]);
	}
	int r = storage_solve(s, &a->room->plan);
	if (r < 0) {
		return r;
	}
	double battery_kw = a->room->plan.power_kw[0];
	*grid_kw = m->net_kw[at->step] - battery_kw - taken_kw;
	*cost = cost_of(m, at->step, *grid_kw, battery_kw);
	*at = (struct member_moment){ at->step + 1, a->room->plan.stored_kwh[0] };
	return 0;
}
