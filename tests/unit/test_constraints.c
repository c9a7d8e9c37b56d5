/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What no plan may do, one property each, over thousands of random houses: planned by the optimiser
 * and in stages. The rules are written down here once more, apart from those of plan_check. */
#include <math.h>
#include <string.h>

#include "test.h"

#include "policy/optimiser.h"
#include "policy/staged.h"
#include "tests/unit/houses.h"

enum { HOUSES = 4000, WATCHED_HOUSES = 200 };

static const double watt = 2e-3, share = 1e-5;

/* A rule: looked at so often, met at its limit so often, broken in the house of that seed (0: in
 * none). */
struct rule {
	long looked, met;
	uint64_t broken;
};

static struct rule power, band, from_grid, into_grid, sun, balance, connection, ev_away, ev_power,
	ev_band, ev_target, load_window, load_once, load_served, heat_power, heat_state, comfort;

static struct optimiser *optimiser;
static struct staged staged;
static struct plan plan;
static int staged_plans; /* of the optimiser's: it found none by itself */

static void look(struct rule *r, uint64_t seed, bool keeps, bool meets)
{
	r->looked++;
	r->met += meets;
	r->broken = keeps || r->broken ? r->broken : seed;
}

static bool near_to(double a, double b, double slack)
{
	return fabs(a - b) <= slack;
}

/* --- the rules ----------------------------------------------------------------------------------
 */

static void look_at_battery(const struct problem *p, int i, uint64_t seed)
{
	const struct battery_model *b = &p->battery[i];
	double soc = b->soc_start;
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].battery_w[i], before = soc;
		look(&power, seed,
		     w <= b->discharge_limit_w + watt && w >= -b->charge_limit_w - watt,
		     near_to(fabs(w), w > 0 ? b->discharge_limit_w : b->charge_limit_w, watt));
		double stored_w = w > 0 ? -w / b->discharge_efficiency : -w * b->charge_efficiency;
		soc += stored_w * p->step[t].hours / b->capacity_wh;
		/* Out of the band it comes back and never moves away. */
		bool low = soc < b->soc_min - share && soc < before - share;
		bool high = soc > b->soc_max + share && soc > before + share;
		bool told = near_to(soc, plan.slot[t].soc[i], share);
		look(&band, seed, !low && !high && told,
		     near_to(soc, b->soc_min, share) || near_to(soc, b->soc_max, share));
	}
}

/* What takes power in a slot beside the load, and what batteries may not exchange with the grid. */
static void look_at_slot(const struct problem *p, int t, uint64_t seed)
{
	const struct plan_slot *s = &plan.slot[t];
	const struct step *step = &p->step[t];
	double taken_w = step->load_w, given_w = s->pv_w, charge_w = 0, discharge_w = 0;
	for (int i = 0; i < p->evs; i++) {
		taken_w += fmax(-s->ev_w[i], 0);
		given_w += fmax(s->ev_w[i], 0);
	}
	for (int i = 0; i < p->loads; i++) {
		taken_w += s->run_w[i];
	}
	for (int i = 0; i < p->thermals; i++) {
		taken_w += s->heat_w[i];
	}
	double net_w = taken_w - s->pv_w;
	for (int i = 0; i < p->batteries; i++) {
		given_w += s->battery_w[i];
		charge_w += p->battery[i].grid_charging ? 0 : fmax(-s->battery_w[i], 0);
		discharge_w += p->battery[i].grid_discharging ? 0 : fmax(s->battery_w[i], 0);
	}
	look(&from_grid, seed, charge_w <= fmax(-net_w, 0) + watt, charge_w > watt);
	look(&into_grid, seed, discharge_w <= fmax(net_w, 0) + watt, discharge_w > watt);
	look(&sun, seed,
	     s->pv_w <= step->pv_w + watt && s->pv_w >= -watt &&
		     (p->pv_curtailable || near_to(s->pv_w, step->pv_w, watt)),
	     p->pv_curtailable && s->pv_w < step->pv_w - 1);
	look(&balance, seed, near_to(s->grid_w, taken_w - given_w, 1e-6 * (1 + taken_w)), true);
	double over_w = fmax(s->grid_w - step->import_limit_w, -s->grid_w - step->export_limit_w);
	look(&connection, seed, plan.status != PLAN_OPTIMAL || over_w <= 1, near_to(over_w, 0, 1));
}

static void look_at_ev(const struct problem *p, int i, uint64_t seed)
{
	const struct ev_model *e = &p->ev[i];
	double soc = e->soc_start;
	bool came = false;
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].ev_w[i], before_w = 0;
		bool here = e->connected[t], arrives = here && t > 0 && !e->connected[t - 1];
		soc = came && arrives ? fmax(soc - e->trip_wh / e->capacity_wh, 0) : soc;
		came |= here;
		look(&ev_away, seed, here || w == 0, !here);
		look(&ev_power, seed,
		     w <= e->discharge_limit_w + watt && w >= -e->charge_limit_w - watt &&
			     (w >= 0 || -w >= e->charge_min_w - watt),
		     w != 0 && (near_to(-w, e->charge_min_w, watt) ||
				near_to(-w, e->charge_limit_w, watt)));
		before_w = w > 0 ? w / e->discharge_efficiency : w * e->charge_efficiency;
		soc -= before_w * p->step[t].hours / e->capacity_wh;
		look(&ev_band, seed,
		     (w >= 0 || soc <= e->soc_max + share) &&
			     (w <= 0 || soc >= e->soc_min - share) &&
			     near_to(soc, plan.slot[t].ev_soc[i], share),
		     w != 0 &&
			     (near_to(soc, e->soc_max, share) || near_to(soc, e->soc_min, share)));
		bool leaves = here && t + 1 < p->steps && !e->connected[t + 1];
		if (leaves && e->soc_target > 0) {
			bool missing =
				(e->soc_target - soc) * e->capacity_wh > 2 + 2e-6 * e->capacity_wh;
			look(&ev_target, seed, !missing || plan.status != PLAN_OPTIMAL,
			     near_to(soc, e->soc_target, share));
		}
	}
}

static const struct load_run *run_of(const struct load_model *l, int t)
{
	for (int k = 0; k < l->runs; k++) {
		if (t >= l->run[k].first && t < l->run[k].end) {
			return &l->run[k];
		}
	}
	return NULL;
}

static void look_at_run(const struct problem *p, int i, int k, uint64_t seed)
{
	const struct load_model *l = &p->load[i];
	const struct load_run *r = &l->run[k];
	double served_h = 0, first_h = -1, last_h = 0, at_h = 0;
	int parts = 0;
	for (int t = r->first; t < r->end; t++) {
		double hours = p->step[t].hours, on = plan.slot[t].run_w[i] / l->power_w;
		served_h += on * hours;
		parts += on > share && on < 1 - share;
		first_h = on > share && first_h < 0 ? at_h : first_h;
		last_h = on > share ? at_h + on * hours : last_h;
		at_h += hours;
	}
	/* A block has no pause; another load that is on or off has one part of a step at most. */
	bool once = l->kind == LOAD_BLOCK ? first_h < 0 || last_h - first_h < served_h + 1e-3
					  : l->kind == LOAD_CONTINUOUS || parts <= 1;
	look(&load_once, seed, once, served_h > share);
	bool whole = l->kind != LOAD_BLOCK || served_h < 1e-3 || (k == 0 && l->running) ||
		     near_to(served_h, r->duration_h, 1e-3);
	bool missing = (r->duration_h - served_h) * l->power_w > 2;
	look(&load_served, seed,
	     served_h <= r->duration_h + 1e-3 && whole && (!missing || plan.status != PLAN_OPTIMAL),
	     near_to(served_h, r->duration_h, 1e-3));
}

static void look_at_load(const struct problem *p, int i, uint64_t seed)
{
	const struct load_model *l = &p->load[i];
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].run_w[i];
		look(&load_window, seed,
		     w >= -watt && w <= l->power_w + watt && (run_of(l, t) || w <= watt), w > watt);
	}
	for (int k = 0; k < l->runs; k++) {
		look_at_run(p, i, k, seed);
	}
}

static void look_at_heat(const struct problem *p, int i, uint64_t seed)
{
	const struct thermal_model *h = &p->thermal[i];
	double c = h->start_c;
	for (int t = 0; t < p->steps; t++) {
		double w = plan.slot[t].heat_w[i], left_h = p->step[t].hours;
		bool whole = near_to(w, 0, watt) || near_to(w, h->power_limit_w, watt);
		look(&heat_power, seed,
		     w >= -watt && w <= h->power_limit_w + watt && (!h->on_off || whole), w > watt);
		/* By small steps of the midpoint rule, not by the solution. */
		enum { PARTS = 64 };
		for (int k = 0; k < PARTS; k++) {
			double dt_h = left_h / PARTS, middle_c = c;
			for (int j = 0; j < 2; j++) {
				double heat_w = h->cop[t] * w - h->draw_w[t] -
						h->loss_w_per_k * (middle_c - h->ambient_c[t]);
				double rise_k = heat_w / h->capacity_wh_per_k * dt_h;
				middle_c = c + (j == 0 ? rise_k / 2 : rise_k);
			}
			c = middle_c;
		}
		look(&heat_state, seed, near_to(c, plan.slot[t].heat_c[i], 2e-3 * (1 + fabs(c))),
		     true);
		c = plan.slot[t].heat_c[i];
		double out_k = fmax(h->low_c[t] - c, c - h->high_c[t]);
		look(&comfort, seed,
		     out_k < 0.11 || h->discomfort == 0 || plan.status != PLAN_OPTIMAL,
		     near_to(out_k, 0, 1e-3));
	}
}

static void look_at_plan(const struct problem *p, uint64_t seed)
{
	for (int t = 0; t < p->steps; t++) {
		look_at_slot(p, t, seed);
	}
	for (int i = 0; i < p->batteries; i++) {
		look_at_battery(p, i, seed);
	}
	for (int i = 0; i < p->evs; i++) {
		look_at_ev(p, i, seed);
	}
	for (int i = 0; i < p->loads; i++) {
		look_at_load(p, i, seed);
	}
	for (int i = 0; i < p->thermals; i++) {
		look_at_heat(p, i, seed);
	}
}

/* --- all houses, and a test for each rule -------------------------------------------------------
 */

static int plan_all(void **state)
{
	(void)state;
	uint64_t houses = is_watched() ? WATCHED_HOUSES : HOUSES;
	int r = optimiser_new(&optimiser);
	for (uint64_t seed = 1; r == 0 && seed <= houses; seed++) {
		struct dice d = { .state = seed * 65537 };
		struct problem p = house_whole(&d, 2 + (int)(seed % 9), seed % 3 == 0);
		house_roughen(&d, &p, true);
		for (int t = 0; seed % 2 && t < p.steps; t++) { /* they begin at midnight */
			p.step[t].pv_w = dice_between(&d, 0, 9e3);
		}
		p.good_gap = 0.05;
		r = optimiser_solve(optimiser, &p, &plan);
		staged_plans += plan.method == PLAN_STAGED;
		look_at_plan(&p, seed);
		staged_solve(&staged, &p, &plan);
		plan.status = PLAN_FEASIBLE;
		look_at_plan(&p, seed);
	}
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	optimiser_free(optimiser);
	return 0;
}

/* Never broken, and met often enough to say so. */
static void check(const struct rule *r)
{
	print_message("looked at %ld times, met %ld times\n", r->looked, r->met);
	if (r->broken) {
		fail_msg("broken in the house of seed %llu", (unsigned long long)r->broken);
	}
	assert_true(r->met >= 10);
}

/* Each proves: no plan does otherwise. */
#define PROPERTY(name, rule)                                                                       \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		check(&(rule));                                                                    \
	}

PROPERTY(test_battery_within_its_limits, power)
PROPERTY(test_charge_within_its_band_or_on_its_way_back, band)
PROPERTY(test_no_charging_from_the_grid, from_grid)
PROPERTY(test_no_discharging_into_the_grid, into_grid)
PROPERTY(test_no_more_sun_than_there_is, sun)
PROPERTY(test_power_adds_up, balance)
PROPERTY(test_connection_within_its_limits_or_said, connection)
PROPERTY(test_a_car_that_is_away_rests, ev_away)
PROPERTY(test_car_within_its_limits_or_off, ev_power)
PROPERTY(test_car_within_its_band, ev_band)
PROPERTY(test_car_leaves_with_its_target_or_said, ev_target)
PROPERTY(test_load_within_its_windows, load_window)
PROPERTY(test_block_without_pause_and_one_part_at_most, load_once)
PROPERTY(test_load_as_long_as_asked_or_said, load_served)
PROPERTY(test_heat_within_its_power_on_or_off, heat_power)
PROPERTY(test_temperature_follows_the_power, heat_state)
PROPERTY(test_comfort_or_said, comfort)

static void test_the_solver_finds_plans(void **state)
{
	(void)state; /* With all the time it needs, the solver itself finds a plan for each house.
		      */
	assert_int_equal(staged_plans, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_solver_finds_plans),
		cmocka_unit_test(test_battery_within_its_limits),
		cmocka_unit_test(test_charge_within_its_band_or_on_its_way_back),
		cmocka_unit_test(test_no_charging_from_the_grid),
		cmocka_unit_test(test_no_discharging_into_the_grid),
		cmocka_unit_test(test_no_more_sun_than_there_is),
		cmocka_unit_test(test_power_adds_up),
		cmocka_unit_test(test_connection_within_its_limits_or_said),
		cmocka_unit_test(test_a_car_that_is_away_rests),
		cmocka_unit_test(test_car_within_its_limits_or_off),
		cmocka_unit_test(test_car_within_its_band),
		cmocka_unit_test(test_car_leaves_with_its_target_or_said),
		cmocka_unit_test(test_load_within_its_windows),
		cmocka_unit_test(test_block_without_pause_and_one_part_at_most),
		cmocka_unit_test(test_load_as_long_as_asked_or_said),
		cmocka_unit_test(test_heat_within_its_power_on_or_off),
		cmocka_unit_test(test_temperature_follows_the_power),
		cmocka_unit_test(test_comfort_or_said),
	};
	return cmocka_run_group_tests(tests, plan_all, tear_down);
}
