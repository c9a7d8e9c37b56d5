/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/storage.h"
#include "tests/unit/houses.h"

static struct storage house;
static struct storage_plan plan;

/* --- optimality, from the definition alone ------------------------------------------------------
 *
 * A plan of a convex problem is optimal if no exchange helps: a little more into the store in one
 * step and out of it again in another, or left in it at the end. */

static double price_of(const struct storage_step *s, double net_kw, bool upward)
{
	int k = 0;
	double slack = 1e-9 * (1 + fabs(net_kw));
	while (k + 1 < s->pieces && s->piece[k + 1].from_kw <= net_kw + (upward ? slack : -slack)) {
		k++;
	}
	double rise = k > 0 ? s->piece[k].slope * (net_kw - s->piece[k].from_kw) : 0;
	return s->piece[k].price + rise + s->rho * (net_kw - s->centre_kw) / s->hours;
}

/* What a kWh more (sign 1) or less (-1) into the store costs in step t; INFINITY: it cannot be. */
static double uptake_cost(int t, int sign)
{
	const struct storage_step *s = &house.step[t];
	double power_kw = plan.power_kw[t], slack = 1e-9 * (1 + fabs(power_kw));
	double price = price_of(s, s->net_kw - power_kw, sign > 0);
	if (sign > 0 && power_kw <= -s->charge_max_kw + slack) {
		return INFINITY;
	}
	if (sign < 0 && power_kw >= s->discharge_max_kw - slack) {
		return INFINITY;
	}
	bool charging = sign > 0 ? power_kw < slack : power_kw < -slack;
	return sign * (charging ? price / house.charge_efficiency
				: (price - s->wear) * house.discharge_efficiency);
}

static double end_cost(int sign)
{
	double kwh = plan.stored_kwh[house.steps - 1], slack = 1e-9 * (1 + fabs(kwh));
	bool missing = sign > 0 ? kwh < house.end_kwh - slack : kwh <= house.end_kwh + slack;
	return -sign * (house.end_value + (missing ? house.end_price : 0));
}

static bool has_room(int t, int sign)
{
	const struct storage_step *s = &house.step[t];
	double slack = 1e-9 * (1 + fabs(plan.stored_kwh[t]));
	return sign > 0 ? plan.stored_kwh[t] < s->high_kwh - slack
			: plan.stored_kwh[t] > s->low_kwh + slack;
}

static void assert_optimal(uint64_t seed)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int from = 0; from < house.steps; from++) {
			double cost = uptake_cost(from, sign);
			int to = from + 1;
			for (; to < house.steps && has_room(to - 1, sign); to++) {
				double gain = -cost - uptake_cost(to, -sign);
				if (gain > 1e-7) {
					fail_msg("seed %llu: %d from step %d to %d gains %g",
						 (unsigned long long)seed, sign, from, to, gain);
				}
			}
			if (to == house.steps && has_room(to - 1, sign) &&
			    -cost - end_cost(sign) > 1e-7) {
				fail_msg("seed %llu: %d from step %d to the end gains %g",
					 (unsigned long long)seed, sign, from,
					 -cost - end_cost(sign));
			}
		}
	}
}

static void assert_possible(uint64_t seed)
{
	double kwh = house.start_kwh;
	for (int t = 0; t < house.steps; t++) {
		const struct storage_step *s = &house.step[t];
		double kw = plan.power_kw[t];
		kwh -= kw > 0 ? kw / house.discharge_efficiency * s->hours
			      : kw * house.charge_efficiency * s->hours;
		if (fabs(kwh - plan.stored_kwh[t]) > 1e-9 * (1 + kwh) || kwh < s->low_kwh - 1e-9 ||
		    kwh > s->high_kwh + 1e-9 || kw > s->discharge_max_kw + 1e-9 ||
		    kw < -s->charge_max_kw - 1e-9) {
			fail_msg("seed %llu: step %d: %g kW, %g kWh stored, %g told",
				 (unsigned long long)seed, t, kw, kwh, plan.stored_kwh[t]);
		}
	}
}

/* --- random houses ------------------------------------------------------------------------------
 */

static void make_step(struct dice *c, struct storage_step *s, double scale, bool quadratic)
{
	*s = (struct storage_step){ .hours = 1.0 / (1 + (int)(dice_between(c, 0, 1) * 60)),
				    .net_kw = scale * (dice_between(c, 0, 1) * 2 - 1),
				    .pieces = 1 + (int)(dice_between(c, 0, 1) * STORAGE_PIECES_MAX),
				    .charge_max_kw = scale * dice_between(c, 0, 1),
				    .discharge_max_kw = scale * dice_between(c, 0, 1) };
	double from_kw = -scale * 1.5, price = floor(dice_between(c, 0, 1) * 8) / 20;
	for (int k = 0; k < s->pieces; k++) {
		s->piece[k].from_kw = k == 0 ? -INFINITY : from_kw;
		s->piece[k].price = price;
		from_kw += dice_chance(c, 0.2) ? 0.01 : scale * dice_between(c, 0, 1);
		price += floor(dice_between(c, 0, 1) * 4) / 20; /* equal prices are frequent */
	}
	if (quadratic) {
		s->rho = dice_between(c, 0, 1) * 0.3;
		s->centre_kw = -3 * scale; /* the marginal cost stays above zero */
	}
}

static void make_house(uint64_t seed, int steps_max)
{
	struct dice c = { .state = seed };
	house = (struct storage){ .steps = 1 + (int)(dice_between(&c, 0, 1) * steps_max),
				  .charge_efficiency = dice_chance(&c, 0.3) ? 1 : 0.9,
				  .discharge_efficiency = dice_chance(&c, 0.3) ? 1 : 0.95,
				  .end_value = dice_chance(&c, 0.5) ? 0 : 0.15,
				  .end_price = dice_chance(&c, 0.5) ? 0 : 2 };
	double full_kwh = 0.5 + 12 * dice_between(&c, 0, 1);
	bool quadratic = dice_chance(&c, 0.5), wears = dice_chance(&c, 0.5);
	house.start_kwh = full_kwh * dice_between(&c, 0, 1);
	house.end_kwh = full_kwh * dice_between(&c, 0, 1);
	double low = 0;
	for (int t = 0; t < house.steps; t++) {
		struct storage_step *s = &house.step[t];
		make_step(&c, s, 5, quadratic && dice_chance(&c, 0.8));
		s->wear = wears ? dice_between(&c, 0, 0.1) : 0;
		/* A floor that rises no faster than it can be reached. */
		low = dice_chance(&c, 0.1) ? house.start_kwh * dice_between(&c, 0, 1) : low;
		s->low_kwh = fmin(low, house.start_kwh);
		s->high_kwh = full_kwh;
	}
}

/* Prices that rise within their pieces, up to the next one's. */
static void slope_pieces(uint64_t seed)
{
	struct dice c = { .state = seed };
	for (int t = 0; t < house.steps; t++) {
		struct storage_piece *p = house.step[t].piece;
		for (int k = 1; k < house.step[t].pieces; k++) {
			bool last = k + 1 == house.step[t].pieces;
			double most = last ? 0.1
					   : (p[k + 1].price - p[k].price) /
						      (p[k + 1].from_kw - p[k].from_kw);
			p[k].slope = most * fmin(dice_between(&c, 0, 1.5), 1);
		}
	}
}

static void test_random_houses(void **state)
{
	(void)state; /* No exchange between two steps betters the plan of any random house. */
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		make_house(seed, seed % 10 ? 12 : 96);
		if (seed % 3 == 0) {
			slope_pieces(seed);
		}
		int r = storage_solve(&house, &plan);
		if (r != 0) {
			fail_msg("seed %llu: %d", (unsigned long long)seed, r);
		}
		assert_possible(seed);
		assert_optimal(seed);
	}
}

/* --- several ways ahead -------------------------------------------------------------------------
 */

enum { WAYS = 3 };

static double step_cost(const struct storage_step *s, double net_kw)
{
	double cost = 0, from_kw = 0;
	for (int k = 0; k < s->pieces; k++) { /* from 0 to net_kw, either way */
		double low = fmax(s->piece[k].from_kw, fmin(net_kw, 0));
		double high = fmin(k + 1 < s->pieces ? s->piece[k + 1].from_kw : INFINITY,
				   fmax(net_kw, 0));
		from_kw += fmax(high - low, 0) * s->piece[k].price;
	}
	cost = (net_kw > 0 ? from_kw : -from_kw) * s->hours;
	return cost + s->rho / 2 * (net_kw - s->centre_kw) * (net_kw - s->centre_kw);
}

/* What the plan costs, from the definition. */
static double plan_cost(const struct storage *s, const struct storage_plan *p)
{
	double cost = 0;
	for (int t = 0; t < s->steps; t++) {
		cost += step_cost(&s->step[t], s->step[t].net_kw - p->power_kw[t]);
		cost += fmax(p->power_kw[t], 0) * s->step[t].hours * s->step[t].wear;
	}
	double kwh = p->stored_kwh[s->steps - 1];
	return cost - kwh * s->end_value + fmax(s->end_kwh - kwh, 0) * s->end_price;
}

/* The mean cost of all ways when the first step ends with kwh stored; INFINITY: it cannot. */
static double mean_cost(struct storage *way, const double *weight, double kwh)
{
	double cost = 0, sum = 0;
	for (int i = 0; i < WAYS; i++) {
		struct storage_step first = way[i].step[0];
		if (kwh < first.low_kwh || kwh > first.high_kwh) {
			return INFINITY;
		}
		way[i].step[0].low_kwh = way[i].step[0].high_kwh = kwh;
		int r = storage_solve(&way[i], &plan);
		way[i].step[0] = first;
		if (r < 0) {
			return INFINITY;
		}
		cost += weight[i] * plan_cost(&way[i], &plan);
		sum += weight[i];
	}
	return cost / sum;
}

static void test_hedge(void **state)
{
	(void)state; /* No other first step has a lower mean cost over the ways it may go on. */
	static struct storage way[WAYS];
	static struct storage_curve after[WAYS];
	static const double weight[WAYS] = { 1, 0.5, 0.25 };
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		for (int i = 0; i < WAYS; i++) {
			make_house(seed, 12);
			way[i] = house;
			struct dice d = { .state = seed * 10 + (uint64_t)i };
			for (int t = 1; t < house.steps; t++) {
				way[i].step[t].net_kw += dice_between(&d, -3, 3);
			}
			assert_int_equal(storage_solve(&way[i], &plan), 0);
			after[i] = plan.after[0];
		}
		double kwh, value;
		assert_int_equal(storage_hedge(&house, after, weight, WAYS, &kwh, &value), 0);
		double best = mean_cost(way, weight, kwh);
		assert_true(isfinite(best) && isfinite(value));
		for (int k = 0; k < 12; k++) {
			double other = kwh + (k % 2 ? -1 : 1) * 1e-3 * pow(3, k / 2);
			double cost = mean_cost(way, weight, other);
			if (cost < best - 1e-7) {
				fail_msg("seed %llu: %g kWh costs %.9g, %g only %.9g",
					 (unsigned long long)seed, kwh, best, other, cost);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hedge),
		cmocka_unit_test(test_random_houses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
